"""What a job will take, from a sample of its own faces on this machine."""

import time
from dataclasses import dataclass

import numpy as np

from fpn_core import PoseNetwork
from pipeline.config.settings import JobConfig
from pipeline.engine.quarantine import NO_CARE
from pipeline.io.image_access import image_places
from pipeline.job.plan import part_size
from pipeline.manifest import check_ids, concatenate, open_manifest
from pipeline.stages.decode import Decoder
from pipeline.stages.part import PoseWorker, RenderWorker


@dataclass(frozen=True)
class Estimate:
    """The size of a job, and what one core of this machine takes for it."""

    faces: int
    parts: int
    sampled: int
    rejected: int
    """Of the sample."""
    decode_s: float
    """Seconds per face, like the next two."""
    pose_s: float
    render_s: float
    view_bytes: float
    """Bytes of views per face."""

    @property
    def face_s(self) -> float:
        """Seconds of one core per face."""
        return self.decode_s + self.pose_s + self.render_s

    def hours(self, cpus: float) -> float:
        """Hours of the whole job on `cpus` cores like this machine's, if each adds its full speed."""
        return self.faces * self.face_s / cpus / 3600


def estimate_job(location: str, config: JobConfig, sample: int) -> Estimate:
    """Check a manifest as `fpn run` would, and time the stages on faces spread over it. Writes nothing.

    Raises:
        ManifestError: what `fpn run` would refuse to start with.
    """
    manifest = open_manifest(location, config.manifest)
    check_ids(manifest)
    spec = PoseNetwork(config.pose.model_path, device="cpu").spec
    places = image_places(location, config)
    parts = manifest.slices(part_size(manifest.n_rows, config.output.faces_per_part))
    chosen = np.unique(np.linspace(0, len(parts) - 1, min(4, len(parts))).astype(int))
    rows = concatenate([manifest.read(parts[i]).slice(0, -(-sample // len(chosen))) for i in chosen])
    decode = Decoder(spec, config.images, config.render, places)
    pose, render = PoseWorker(config, "cpu"), RenderWorker(config)
    render.finish(pose(decode(rows.slice(0, 4)), NO_CARE), NO_CARE)  # the first calls allocate and load
    clock = [time.perf_counter()]
    decoded = decode(rows)
    clock.append(time.perf_counter())
    posed = pose(decoded, NO_CARE)
    clock.append(time.perf_counter())
    finished = render.finish(posed, NO_CARE)
    clock.append(time.perf_counter())
    decode_s, pose_s, render_s = np.diff(clock) / len(rows)
    views = [view for face in finished.faces for view in face.views]
    return Estimate(
        faces=manifest.n_rows,
        parts=len(parts),
        sampled=len(rows),
        rejected=len(finished.rejects),
        decode_s=float(decode_s),
        pose_s=float(pose_s),
        render_s=float(render_s),
        view_bytes=sum(len(view.encoded) for view in views) / len(rows),
    )
