"""The stages as a supervised process runs them: named buffers in, named buffers out."""

import json
import pickle
import resource
from collections.abc import Callable
from dataclasses import asdict

from pipeline.config.settings import Device
from pipeline.engine.messages import Buffers, Received
from pipeline.engine.quarantine import Care, Report
from pipeline.errors import PipelineError
from pipeline.job.ledger import LedgerEntry, read_entry
from pipeline.manifest.build.stage import make_finder
from pipeline.stages import handover
from pipeline.stages.part import DecodeWorker, Job, Part, PartWorker, PoseWorker, RenderWorker
from pipeline.stages.photo_reader import image_runs
from pipeline.stages.source import SourceReader

StageFunction = Callable[[Received, Care], Buffers]


def make_setup(job: Job, device: Device) -> bytes:
    """What `make_stage` needs, for the way to another process."""
    return pickle.dumps((job, device))


def make_item(part: Part) -> Buffers:
    """A part, as the first stage takes it; it reads the rows itself."""
    return {"plan": part.to_json()}


def make_stage(kind: str, setup: bytes, report: Report) -> StageFunction:
    """A stage by its name: `whole` does all of a part; `decode`, `pose` and `render` a third each.

    The last stage gives the part's ledger entry as JSON (`entry`), the others give what the next ones take
    (see `pipeline.stages.handover`). `find` finds the faces of a chunk of photos for a manifest, and gives
    its counts.
    """
    if kind == "find":
        return make_finder(setup, report)
    makers = {"whole": _whole, "decode": _decode, "pose": _pose, "render": _render}
    if kind not in makers:
        raise PipelineError(f"there is no stage {kind!r}")
    job, device = pickle.loads(setup)
    _limit_memory(job)
    return makers[kind](job, device, report)


def _whole(job: Job, device: Device, report: Report) -> StageFunction:
    work = PartWorker(job, device, report)

    def whole(item: Received, care: Care) -> Buffers:
        part = Part.from_json(bytes(item["plan"]))
        given = item.get("rows")
        return _entry(work(part, care, handover.rows_from_buffer(given) if given else None))

    return whole


def _decode(job: Job, device: Device, report: Report) -> StageFunction:
    work = DecodeWorker(job, report, hands_photos_on=True)

    def decode(item: Received, care: Care) -> Buffers:
        given = item.get("rows")
        if given:
            rows = handover.rows_from_buffer(given)
        else:
            rows = Part.from_json(bytes(item["plan"])).read(job.manifest)
        batches = list(work(rows, care))
        return handover.decoded_to_buffers(rows, image_runs(rows), batches, job.config.pose.batch_size)

    return decode


def _pose(job: Job, device: Device, report: Report) -> StageFunction:
    work = PoseWorker(job.config, device, report)
    size, crop_px = job.config.pose.batch_size, job.spec.size_px

    def pose(item: Received, care: Care) -> Buffers:
        batches = handover.decoded_from_buffers(item["faces"], item["crops"], item["rejects"], size, crop_px)
        return handover.posed_to_buffers([work(faces, care) for faces in batches], size)

    return pose


def _render(job: Job, device: Device, report: Report) -> StageFunction:
    work = RenderWorker(job.config, report)
    source = SourceReader(job.spec, job.config.images, job.config.render, report)

    def render(item: Received, care: Care) -> Buffers:
        part = Part.from_json(bytes(item["plan"]))
        done = read_entry(job.out, part.number)
        if done is not None:  # a task that was lost after its commit, and sent again
            return _entry(done)
        posed = handover.posed_from_buffers(
            item["faces"], item["poses"], item["rejects"], job.config.pose.batch_size
        )
        if job.config.needs_photo:
            posed = source(item["faces"], item["sources"], posed)
        return _entry(work.write(job, part, (work.finish(faces, care) for faces in posed)))

    return render


def _entry(entry: LedgerEntry) -> Buffers:
    return {"entry": json.dumps(asdict(entry)).encode()}


def _limit_memory(job: Job) -> None:
    """Make an allocation beyond the limit fail in this process, before the machine kills another."""
    limit_mb = job.config.engine.worker_memory_mb
    if limit_mb is not None:
        limit = limit_mb * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
