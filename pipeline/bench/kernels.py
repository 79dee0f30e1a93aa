"""Each step of a face alone: one process, one thread, called as the stages call it."""

import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faceposenet.photo.decode import decode_image
from faceposenet.photo.source_window import source_window
from fpn_core import PoseNetwork, extract_crop
from pipeline.bench.timing import Timing, time_in_turns
from pipeline.engine.quarantine import NO_CARE
from pipeline.io.storage import Folder
from pipeline.job.fingerprint import PreparedJob
from pipeline.job.ledger import LedgerEntry, commit, part_files
from pipeline.stages.batches import DecodedFaces, FinishedFaces, PosedFaces
from pipeline.stages.decode import Decoder
from pipeline.stages.part import PoseWorker, RenderWorker, make_cameras, make_renderer
from pipeline.stages.render import encode_picture
from pipeline.stages.write import poses_file, rejects_file, views_file
from render_core import RenderedView, Renderer
from render_core.view import ViewCamera

SAMPLE_FACES = 128


@dataclass(frozen=True)
class KernelTimes:
    """What each step of a face costs."""

    kernels: dict[str, Timing]
    """By name in the order of the job; per face, all of its views together."""
    views: dict[str, Timing]
    """Each view rendered alone, by its name. Views that are rendered together share the look at the photo, so
    that their sum is more than the kernel `views`."""
    handover: Timing
    """A face from decode to pose to render, packed and unpacked once each, as only the staged layout does."""
    handed_bytes: float
    """Bytes per face on these two ways."""
    photo_bytes: float
    written_bytes: float
    sample: int

    @property
    def sum_s(self) -> float:
        """Seconds per face, all kernels together."""
        return sum(timing.median_s for timing in self.kernels.values())

    @property
    def sum_cpu_s(self) -> float:
        """Seconds of processor time per face, all kernels together."""
        return sum(timing.cpu_s for timing in self.kernels.values())


def time_kernels(prepared: PreparedJob, rounds: int) -> KernelTimes:
    """Time every kernel over the first faces of a job."""
    sample = _Sample(prepared)
    with tempfile.TemporaryDirectory() as folder:
        kernels = time_in_turns(sample.kernels(Folder(folder)), rounds)
    views = time_in_turns(sample.single_views(), rounds)
    handover = time_in_turns({"handover": sample.hand_over}, rounds)
    count = len(sample.decoded.rows)
    return KernelTimes(
        kernels=_per_face(kernels, count),
        views=_per_face(views, count),
        handover=_per_face(handover, count)["handover"],
        handed_bytes=sample.hand_over() / count,
        photo_bytes=sum(map(len, sample.encoded)) / count,
        written_bytes=sum(map(len, sample.files().values())) / count,
        sample=count,
    )


def _per_face(timings: dict[str, Timing], count: int) -> dict[str, Timing]:
    return {name: Timing(t.median_s / count, t.spread, t.cpu_s / count) for name, t in timings.items()}


class _Sample:
    """Some faces of a job at every step, for kernels to begin from."""

    def __init__(self, prepared: PreparedJob) -> None:
        self.job = prepared.job
        self.config = prepared.job.config
        self.rows = prepared.parts[0].read(self.job.manifest).slice(0, SAMPLE_FACES)
        self.paths = [Path(self.job.places.locate(image)) for image in self.rows.image]
        self.encoded = [path.read_bytes() for path in self.paths]
        self.photos = [decode_image(data, self.config.images.limits) for data in self.encoded]
        decoder = Decoder(self.job.spec, self.config.images, self.config.render, self.job.places)
        self.decoded: DecodedFaces = decoder(self.rows)
        self.posed: PosedFaces = PoseWorker(self.config, "cpu")(self.decoded, NO_CARE)
        self.finished: FinishedFaces = RenderWorker(self.config).finish(self.posed, NO_CARE)
        self.network = PoseNetwork(self.config.pose.model_path, device="cpu", threads=1)
        self.renderer: Renderer = make_renderer(self.config)
        self.cameras = make_cameras(self.config)

    def kernels(self, folder: Folder) -> dict[str, Callable[[], object]]:
        """The kernels of the fused job, by name."""
        spec, images, render = self.job.spec, self.config.images, self.config.render
        pictures = [view.image for i in range(len(self.posed)) for view in self.views(i, self.wanted(i))]
        boxes = self.rows.box_xywh_px
        files = self.files()
        return {
            "read": lambda: [path.read_bytes() for path in self.paths],
            "decode": lambda: [decode_image(data, images.limits) for data in self.encoded],
            "crop": lambda: [
                extract_crop(photo, window, spec.size_px, spec.crop_interpolation)
                for photo, window in zip(self.photos, self.decoded.window_xyxy_px, strict=True)
            ],
            "source window": lambda: [
                source_window(photo, box, render.source_size)
                for photo, box in zip(self.photos, boxes, strict=True)
            ],
            "network": lambda: self.network(self.decoded.crops, batch_size=self.config.pose.batch_size),
            "views": lambda: [self.views(i, self.wanted(i)) for i in range(len(self.posed))],
            "encode": lambda: [encode_picture(picture, render) for picture in pictures],
            "part files": self.files,
            "write": lambda: commit(folder, LedgerEntry(0, "", 0, 0, 0, 0, {}), files),
        }

    def single_views(self) -> dict[str, Callable[[], object]]:
        """Each view of the settings alone, over all faces."""
        return {f"{yaw_deg:g}": partial(self.all_views, [camera]) for yaw_deg, camera in self.cameras.items()}

    def hand_over(self) -> int:
        """Pack and unpack the faces as they leave the first two stages; returns the bytes."""
        packed = [pickle.dumps(faces, protocol=5) for faces in (self.decoded, self.posed)]
        for data in packed:
            pickle.loads(data)
        return sum(map(len, packed))

    def all_views(self, cameras: list[ViewCamera]) -> None:
        """Render the same views of every face."""
        for i in range(len(self.posed)):
            self.views(i, cameras)

    def wanted(self, i: int) -> list[ViewCamera]:
        """The cameras of the views that the job renders of a face."""
        return [self.cameras[view.yaw_deg] for view in self.finished.faces[i].views]

    def views(self, i: int, cameras: list[ViewCamera]) -> list[RenderedView]:
        """Render a face."""
        source = self.posed.sources[i]
        projection = source.image_to_source @ self.posed.projection[i]
        mirrored = self.finished.faces[i].mirrored
        return list(self.renderer.render(source.pixels, projection, cameras, mirrored=mirrored))

    def files(self) -> dict[str, bytes]:
        """The files of a part of these faces."""
        faces, rejects = self.finished.faces, self.finished.rejects
        place = {face.row: i for i, face in enumerate(faces)}
        names = part_files(0, views=True)
        render = self.config.render
        return {
            names["poses"]: poses_file(faces, 0, self.job.manifest.carried_schema, landmarks=True),
            names["rejects"]: rejects_file(rejects),
            names["views"]: views_file(faces, 0, place, render.head, render.format),
        }
