"""The whole job, from a manifest to a summary."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

import ray

from fpn_core import PoseNetwork
from pipeline.config import Device, JobConfig
from pipeline.engine import cluster_size, probe_device, ray_session, run_parts
from pipeline.errors import JobIncompleteError, ResourceError
from pipeline.job import PreparedJob, prepare_job
from pipeline.layout import choose_layout
from pipeline.ledger import LedgerEntry, committed_parts, read_entry
from pipeline.progress import Progress
from pipeline.storage import Folder, without_credentials

SUMMARY_NAME = "summary.json"


@dataclass(frozen=True)
class Totals:
    """Counts over ledger entries."""

    parts: int = 0
    faces: int = 0
    posed: int = 0
    rejected: int = 0
    views: int = 0
    rejects_by_reason: tuple[tuple[str, int], ...] = ()

    def plus(self, entry: LedgerEntry) -> "Totals":
        """The counts with one more part."""
        reasons = Counter(dict(self.rejects_by_reason)) + Counter(entry.rejects_by_reason)
        return Totals(
            self.parts + 1,
            self.faces + entry.rows,
            self.posed + entry.posed,
            self.rejected + entry.rejected,
            self.views + entry.views,
            tuple(sorted(reasons.items())),
        )


@dataclass(frozen=True)
class Summary:
    """How a job ended."""

    totals: Totals
    faces_this_run: int
    elapsed_s: float
    provider: str
    provider_reason: str
    fingerprint: str


def run_job(
    manifest: str,
    out: str,
    config: JobConfig,
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
) -> Summary:
    """Pose and render every face of a manifest, continuing where an earlier run of the same job stopped.

    Raises:
        PipelineError, FpnError, RenderError: nothing was started, or committed parts stay (each says which).
        JobIncompleteError: faces are missing, or there are more rejects than `output.max_reject_fraction`.
    """
    prepared = prepare_job(manifest, out, config)
    job = prepared.job
    done = committed_parts(job.out)
    pending = [part for part in prepared.parts if part.number not in done]
    totals = _totals(job.out, done)
    say(
        f"{manifest}: {prepared.n_faces:,} faces in {len(prepared.parts):,} parts"
        + (f", {totals.faces:,} faces in {len(done):,} parts are done already" if done else "")
    )
    progress = Progress(prepared.n_faces, totals.faces)
    provider, reason = "none", "every part was committed before"
    if pending:
        with ray_session(config.engine):
            device, provider, reason = _device(prepared, config)
            cpus, gpus = cluster_size()
            layout = choose_layout(config.engine, cpus, gpus, len(pending), on_gpu=device == "cuda")
            say(f"poses run on {provider}: {reason}")
            say(f"layout: {layout.describe()} on {cpus:g} CPUs, {gpus:g} GPUs")
            for entry in run_parts(job, pending, layout, device):
                totals = totals.plus(entry)
                progress.add(entry)
            progress.close()
    summary = Summary(totals, progress.done, progress.elapsed_s, provider, reason, job.fingerprint)
    _finish(prepared, config, summary)
    return summary


def _device(prepared: PreparedJob, config: JobConfig) -> tuple[Device, str, str]:
    """The device that the pose actors will ask for, the provider that really runs there, and why."""
    _, gpus = cluster_size()
    wanted = config.pose.device
    if wanted == "cuda" and not gpus:
        raise ResourceError(
            f"pose.device=cuda, but no node of the Ray cluster has a GPU ({_cluster()}); start GPU nodes "
            "first, or set pose.device=cpu or auto"
        )
    if wanted == "cpu" or not gpus:
        network = PoseNetwork(prepared.job.config.pose.model_path, device="cpu")
        reason = network.provider_reason if wanted == "cpu" else f"no node has a GPU ({_cluster()})"
        return "cpu", network.provider, reason
    return probe_device(prepared.job, wanted, config.engine)


def _cluster() -> str:
    cpus, gpus = cluster_size()
    return f"{len(ray.nodes())} nodes, {cpus:g} CPUs, {gpus:g} GPUs"


def _totals(out: Folder, done: set[int]) -> Totals:
    totals = Totals()
    for part in sorted(done):
        entry = read_entry(out, part)
        if entry is not None:
            totals = totals.plus(entry)
    return totals


def _finish(prepared: PreparedJob, config: JobConfig, summary: Summary) -> None:
    """Write the summary, then hold it to the contract: every face posed or rejected."""
    totals = summary.totals
    record = asdict(summary) | asdict(totals) | {"rejects_by_reason": dict(totals.rejects_by_reason)}
    del record["totals"]
    record["manifest"] = without_credentials(prepared.job.manifest.location)
    prepared.job.out.write(SUMMARY_NAME, json.dumps(record, indent=1, sort_keys=True).encode())
    if totals.faces != prepared.n_faces or totals.posed + totals.rejected != totals.faces:
        raise JobIncompleteError(
            f"of {prepared.n_faces:,} faces {totals.posed:,} are posed and {totals.rejected:,} rejected; the "
            "rest is missing. Run the same command again, and fpn verify on the output"
        )
    limit = config.output.max_reject_fraction
    if totals.rejected > limit * totals.faces:
        raise JobIncompleteError(
            f"{totals.rejected:,} of {totals.faces:,} faces are rejected, more than "
            f"output.max_reject_fraction = {limit:g}: {describe_rejects(totals)}. The results are complete; "
            "see the rejects folder"
        )


def describe_rejects(totals: Totals) -> str:
    """The rejects by reason, the most frequent first."""
    ordered = sorted(totals.rejects_by_reason, key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered) or "none"
