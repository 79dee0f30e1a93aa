"""The stages as a supervised process runs them: bytes in, bytes out."""

import json
import pickle
import resource
from collections.abc import Callable, Iterable
from dataclasses import asdict

from pipeline.config.settings import Device
from pipeline.engine.quarantine import Care, Report
from pipeline.errors import PipelineError
from pipeline.job.ledger import LedgerEntry
from pipeline.manifest.build.stage import make_finder
from pipeline.stages.batches import DecodedFaces, PosedFaces
from pipeline.stages.part import DecodeWorker, Job, Part, PartWorker, PoseWorker, RenderWorker

StageFunction = Callable[[bytes, Care], bytes]


def make_setup(job: Job, device: Device) -> bytes:
    """What `make_stage` needs, for the way to another process."""
    return pickle.dumps((job, device))


def make_item(part: Part) -> bytes:
    """A part, as the first stage takes it."""
    return pickle.dumps(part)


def make_stage(kind: str, setup: bytes, report: Report) -> StageFunction:
    """A stage by its name: `whole` does all of a part; `decode`, `pose` and `render` a third each.

    The last stage gives the part's ledger entry as JSON, the others give what the next one takes. `find`
    finds the faces of a chunk of photos for a manifest, and gives its counts.
    """
    if kind == "find":
        return make_finder(setup, report)
    job, device = pickle.loads(setup)
    _limit_memory(job)
    if kind == "whole":
        whole = PartWorker(job, device, report)
        return lambda item, care: _entry(whole(pickle.loads(item), care))
    if kind == "decode":
        decode = DecodeWorker(job, report)

        def decode_part(item: bytes, care: Care) -> bytes:
            part = pickle.loads(item)
            return _handover(part, decode(part, care))

        return decode_part
    if kind == "pose":
        pose = PoseWorker(job, device, report)

        def pose_part(item: bytes, care: Care) -> bytes:
            part, batches = _received(item)
            return _handover(part, (pose(faces, care) for faces in batches))

        return pose_part
    if kind == "render":
        render = RenderWorker(job, report)

        def render_part(item: bytes, care: Care) -> bytes:
            part, batches = _received(item)
            return _entry(render.write(part, (render.finish(faces, care) for faces in batches)))

        return render_part
    raise PipelineError(f"there is no stage {kind!r}")


def _handover(part: Part, batches: Iterable[DecodedFaces | PosedFaces]) -> bytes:
    return pickle.dumps((part, list(batches)), protocol=5)


def _received(item: bytes) -> tuple[Part, list]:  # type: ignore[type-arg]  # of whichever stage came before
    part, batches = pickle.loads(item)
    return part, batches


def _entry(entry: LedgerEntry) -> bytes:
    return json.dumps(asdict(entry)).encode()


def _limit_memory(job: Job) -> None:
    """Make an allocation beyond the limit fail in this process, before the machine kills another."""
    limit_mb = job.config.engine.worker_memory_mb
    if limit_mb is not None:
        limit = limit_mb * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
