"""The stages put together: what one actor does with a part of the manifest."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import cv2

from fpn_core import NetworkSpec, PoseNetwork
from pipeline.care import Care, Report, report_nothing
from pipeline.config import Device, JobConfig
from pipeline.decode import Decoder
from pipeline.faces import DecodedFaces, FinishedFaces, PosedFaces
from pipeline.image_location import ImagePlaces
from pipeline.ledger import LedgerEntry, commit, part_files, read_entry
from pipeline.manifest import Manifest, Slice
from pipeline.pose import pose_faces
from pipeline.render import ViewRenderer
from pipeline.shards import poses_file, rejects_file, views_file
from pipeline.storage import Folder
from render_core import Renderer
from render_core.heads import load_head


@dataclass(frozen=True)
class Job:
    """All that a worker needs to know; the same value in every process of a job."""

    config: JobConfig
    manifest: Manifest
    places: ImagePlaces
    spec: NetworkSpec
    out: Folder
    fingerprint: str


@dataclass(frozen=True)
class Part:
    """A numbered slice of the manifest: the unit of work, of commit and of resume."""

    number: int
    rows: Slice


class DecodeWorker:
    """First third of a part: rows to crops, in the batches that the network will see."""

    def __init__(self, job: Job, report: Report = report_nothing) -> None:
        use_one_thread()
        self._job = job
        self._decoder = Decoder(job.spec, job.config.images, job.config.render, job.places, report)

    def __call__(self, part: Part, care: Care) -> Iterator[DecodedFaces]:
        rows = self._job.manifest.read(part.rows)
        size = self._job.config.pose.batch_size
        for start in range(0, len(rows), size):
            yield self._decoder(rows.slice(start, size), care)


class PoseWorker:
    """Second third: crops to poses."""

    def __init__(self, job: Job, device: Device, report: Report = report_nothing) -> None:
        use_one_thread()
        self._network = PoseNetwork(job.config.pose.model_path, device=device, threads=1)
        self._report = report

    def __call__(self, faces: DecodedFaces, care: Care) -> PosedFaces:
        return pose_faces(self._network, faces.without(care), care, self._report)


class RenderWorker:
    """Last third: poses to views, and a part's files with their ledger entry."""

    def __init__(self, job: Job, report: Report = report_nothing) -> None:
        use_one_thread()
        self._job = job
        settings = job.config.render
        head = load_head(settings.head)
        renderer = (
            Renderer(
                head,
                settings.views,
                size_px=settings.size_px,
                background=settings.background,
            )
            if settings.enabled
            else None
        )
        self._finish = ViewRenderer(settings, head.landmarks_mm, renderer, report)

    def finish(self, faces: PosedFaces, care: Care) -> FinishedFaces:
        """Render one batch."""
        return self._finish(faces.without(care))

    def write(self, part: Part, batches: Iterator[FinishedFaces]) -> LedgerEntry:
        """Write and commit a part from its finished batches."""
        faces, rejects = [], []
        for batch in batches:
            faces.extend(batch.faces)
            rejects.extend(batch.rejects)
        faces.sort(key=lambda face: face.row)
        rejects.sort(key=lambda reject: reject.row)
        config = self._job.config
        names = part_files(part.number, views=config.render.enabled)
        carried = self._job.manifest.carried_schema
        files = {
            names["poses"]: poses_file(faces, part.number, carried, landmarks=config.output.landmarks),
            names["rejects"]: rejects_file(rejects),
        }
        if "views" in names:
            files[names["views"]] = views_file(faces, part.number, part.rows.start, config.render.head)
        entry = LedgerEntry(
            part=part.number,
            fingerprint=self._job.fingerprint,
            rows=part.rows.count,
            posed=len(faces),
            rejected=len(rejects),
            views=sum(len(face.views) for face in faces),
            rejects_by_reason=dict(sorted(Counter(str(reject.reason) for reject in rejects).items())),
        )
        return commit(self._job.out, entry, files)


class PartWorker:
    """All three in one process, batch by batch: nothing is handed from process to process."""

    def __init__(self, job: Job, device: Device, report: Report = report_nothing) -> None:
        self._job = job
        self._decode = DecodeWorker(job, report)
        self._pose = PoseWorker(job, device, report)
        self._render = RenderWorker(job, report)

    def __call__(self, part: Part, care: Care) -> LedgerEntry:
        done = read_entry(self._job.out, part.number)
        if done is not None:  # a task that was lost after its commit, and sent again
            return done
        batches = (self._render.finish(self._pose(faces, care), care) for faces in self._decode(part, care))
        return self._render.write(part, batches)


def use_one_thread() -> None:
    """Keep OpenCV to one thread: the job has a process for every core already."""
    os.environ["OMP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
