"""The stages put together: what one actor does with a part of the manifest."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np
import pyarrow as pa

from fpn_core import MirrorAveraged, NetworkSpec, PoseNetwork
from pipeline.columns.stage import FaceColumns
from pipeline.config.settings import Device, JobConfig
from pipeline.engine.quarantine import Care, Report, report_nothing
from pipeline.io.image_access import ImagePlaces
from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, commit, part_files, read_entry
from pipeline.manifest import Manifest, Rows, Slice, concatenate
from pipeline.stages.batches import DecodedFaces, FinishedFaces, PosedFaces
from pipeline.stages.compat import pose_faces_as_original
from pipeline.stages.decode import Decoder
from pipeline.stages.pose import pose_faces, pose_faces_from_landmarks
from pipeline.stages.render import ViewRenderer
from pipeline.stages.write import poses_file, rejects_file, views_file
from render_core import Renderer
from render_core.head_folder import find_head
from render_core.template import template_camera
from render_core.view import ViewCamera, closeup_camera, view_camera


@dataclass(frozen=True)
class Job:
    """All that a worker needs to know; the same value in every process of a job."""

    config: JobConfig
    manifest: Manifest
    places: ImagePlaces
    spec: NetworkSpec
    out: Folder
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Part:
    """A numbered slice of the manifest: the unit of work, of commit and of resume."""

    number: int
    slices: tuple[Slice, ...]
    again: "Again | None" = None
    """None: all rows of the one slice. Else the rows of the slices that are tried again."""

    @property
    def count(self) -> int:
        """Faces of the part."""
        return self.slices[0].count if self.again is None else len(self.again.attempts)

    def to_json(self) -> bytes:
        """The part for the way to another process."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_json(data: bytes) -> "Part":
        """The part that `to_json` wrote."""
        fields = json.loads(data)
        again = fields["again"]
        if again is not None:
            attempts = {int(row): count for row, count in again["attempts"].items()}
            again = Again(again["round"], attempts, again["reasons"])
        return Part(fields["number"], tuple(Slice(**piece) for piece in fields["slices"]), again)

    def read(self, manifest: Manifest) -> Rows:
        """The part's rows."""
        rows = concatenate([manifest.read(piece) for piece in self.slices])
        if self.again is None:
            return rows
        return rows.pick([i for i, row in enumerate(rows.row) if row in self.again.attempts])


@dataclass(frozen=True)
class Again:
    """Rejected faces of earlier parts that are tried again in a new one."""

    round: int
    """1 for the first retry of a job, and so on."""
    attempts: dict[int, int]
    """Row of the manifest -> how often it was tried before."""
    reasons: dict[str, int]
    """Why they were rejected before -> number of faces."""


class DecodeWorker:
    """First third of a part: rows to crops, in the batches that the network will see."""

    def __init__(self, job: Job, report: Report = report_nothing, *, hands_photos_on: bool = False) -> None:
        """`hands_photos_on`: whether another process renders (see `Decoder`)."""
        use_one_thread()
        self._batch_size = job.config.pose.batch_size
        self._decoder = Decoder(
            job.spec,
            job.config.images,
            job.config.render,
            job.places,
            report,
            hands_photos_on,
            job.config.needs_photo,
        )

    def __call__(self, rows: Rows, care: Care) -> Iterator[DecodedFaces]:
        yield from self._decoder.batches(rows, self._batch_size, care)


class PoseWorker:
    """Second third: crops to poses."""

    def __init__(self, config: JobConfig, device: Device, report: Report = report_nothing) -> None:
        use_one_thread()
        settings = config.pose
        network = PoseNetwork(
            settings.model_path,
            device=device,
            threads=1,
            expected_sha256=settings.model_sha256,
            cache_dir=config.engine.cache_path,
        )
        self._network = MirrorAveraged(network) if settings.average_mirrored else network
        # A head takes most of a second to model, and only landmark-driven poses need it here.
        self._landmarks_mm = None if config.manifest.landmarks is None else head_landmarks_mm(config)
        self._pose_faces = pose_faces_as_original if config.render.mode == "compat" else pose_faces
        self._report = report

    def __call__(self, faces: DecodedFaces, care: Care) -> PosedFaces:
        faces = faces.without(care)
        if self._landmarks_mm is not None:
            return pose_faces_from_landmarks(
                self._landmarks_mm, self._network.spec.camera, faces, self._report
            )
        return self._pose_faces(self._network, faces, care, self._report)


class RenderWorker:
    """Last third: poses to views, and a part's files with their ledger entry."""

    def __init__(self, config: JobConfig, report: Report = report_nothing) -> None:
        use_one_thread()
        settings = config.render
        renderer = make_renderer(config) if settings.enabled else None
        self._columns = FaceColumns(config.columns, report)
        self._finish = ViewRenderer(
            settings, head_landmarks_mm(config), renderer, make_cameras(config), report, self._columns
        )

    def finish(self, faces: PosedFaces, care: Care) -> FinishedFaces:
        """Render one batch."""
        return self._finish(faces.without(care), care)

    def write(self, job: Job, part: Part, batches: Iterator[FinishedFaces]) -> LedgerEntry:
        """Write and commit a part of a job from its finished batches."""
        faces, rejects = [], []
        for batch in batches:
            faces.extend(batch.faces)
            rejects.extend(batch.rejects)
        faces.sort(key=lambda face: face.row)
        rejects.sort(key=lambda reject: reject.row)
        again = part.again
        if again is not None:
            rejects = [replace(r, attempts=r.attempts + again.attempts[r.row]) for r in rejects]
        config = job.config
        names = part_files(part.number, views=config.render.enabled)
        carried = pa.schema([*job.manifest.carried_schema, *self._columns.fields])
        files = {
            names["poses"]: poses_file(faces, part.number, carried, landmarks=config.output.landmarks),
            names["rejects"]: rejects_file(rejects),
        }
        if "views" in names:
            rows = sorted([face.row for face in faces] + [reject.row for reject in rejects])
            place = {row: i for i, row in enumerate(rows)}
            files[names["views"]] = views_file(
                faces, part.number, place, config.render.head, config.render.format
            )
        entry = LedgerEntry(
            part=part.number,
            fingerprint=job.fingerprint,
            rows=part.count,
            posed=len(faces),
            rejected=len(rejects),
            views=sum(len(face.views) for face in faces),
            rejects_by_reason=dict(sorted(Counter(str(reject.reason) for reject in rejects).items())),
            round=0 if again is None else again.round,
            retried_by_reason={} if again is None else again.reasons,
        )
        return commit(job.out, entry, files)


def head_landmarks_mm(config: JobConfig) -> np.ndarray:
    """float64 (68, 3): the landmarks of a job's head."""
    head = find_head(config.render.head, config.render.heads_path)
    return np.asarray(head.landmarks_mm, dtype=np.float64)


def make_cameras(config: JobConfig) -> dict[float, ViewCamera]:
    """The camera of each of a job's views, by its yaw in degrees."""
    settings = config.render
    cameras = {yaw_deg: view_camera(yaw_deg, size_px=settings.size_px) for yaw_deg in settings.views}
    if settings.view_template is not None:
        return {yaw: template_camera(camera, settings.view_template) for yaw, camera in cameras.items()}
    if settings.crop == "none":
        return cameras
    landmarks_mm = head_landmarks_mm(config)
    return {yaw_deg: closeup_camera(camera, landmarks_mm) for yaw_deg, camera in cameras.items()}


def make_renderer(config: JobConfig) -> Renderer:
    """The renderer of a job's views; takes seconds, unless they are in the cache."""
    settings = config.render
    return Renderer(
        find_head(settings.head, settings.heads_path),
        tuple(make_cameras(config).values()),
        size_px=settings.size_px,
        mode=settings.mode,
        background=settings.background,
        symmetry=settings.symmetry != "never",
        cache_dir=config.engine.cache_path,
    )


class PartWorker:
    """All three in one process, batch by batch: nothing is handed from process to process."""

    def __init__(self, job: Job, device: Device, report: Report = report_nothing) -> None:
        self._job = job
        self._decode = DecodeWorker(job, report)
        self._pose = PoseWorker(job.config, device, report)
        self._render = RenderWorker(job.config, report)

    def __call__(self, part: Part, care: Care, rows: Rows | None = None) -> LedgerEntry:
        """`rows`: those of the part, where they were read already."""
        done = read_entry(self._job.out, part.number)
        if done is not None:  # a task that was lost after its commit, and sent again
            return done
        rows = part.read(self._job.manifest) if rows is None else rows
        batches = (self._render.finish(self._pose(faces, care), care) for faces in self._decode(rows, care))
        return self._render.write(self._job, part, batches)


def use_one_thread() -> None:
    """Keep OpenCV to one thread: the job has a process for every core already."""
    os.environ["OMP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
