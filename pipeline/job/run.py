"""The whole job, from a manifest to a summary."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2

from pipeline.config.settings import JobConfig, load_config
from pipeline.engine.runner import open_runner
from pipeline.errors import JobIncompleteError
from pipeline.io.stale_files import remove_leftovers
from pipeline.io.storage import Folder, without_credentials
from pipeline.job.fingerprint import PreparedJob, prepare_job, stored_job
from pipeline.job.ledger import LedgerEntry, committed_parts, read_entries
from pipeline.job.retry import plan_round
from pipeline.monitor.monitor import watched
from pipeline.monitor.progress import Progress
from pipeline.printable import printable
from pipeline.stages.part import Part, make_cameras, make_renderer
from pipeline.stages.render import mask_picture

SUMMARY_NAME = "summary.json"
Say = Callable[[str], None]


def say_on_stderr(text: str) -> None:
    """Prints a message for a person, on the error stream."""
    print(printable(text), file=sys.stderr)


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
        # Faces that are tried again were counted as rejects before.
        reasons -= Counter(entry.retried_by_reason)
        retried = entry.rows if entry.round else 0
        return Totals(
            self.parts + 1,
            self.faces + entry.rows - retried,
            self.posed + entry.posed,
            self.rejected + entry.rejected - retried,
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


def summary_record(summary: Summary) -> dict[str, Any]:
    """The summary as one JSON object."""
    totals = summary.totals
    record = asdict(summary) | asdict(totals) | {"rejects_by_reason": dict(totals.rejects_by_reason)}
    del record["totals"]
    return record


def run_job(manifest: str, out: str, config: JobConfig, say: Say = say_on_stderr) -> Summary:
    """Pose and render every face of a manifest, continuing where an earlier run of the same job stopped.

    Raises:
        PipelineError, FpnError, RenderError: nothing was started, or committed parts stay (each says which).
        JobIncompleteError: faces are missing, or there are more rejects than `output.max_reject_fraction`.
    """
    prepared = prepare_job(manifest, out, config)
    done = committed_parts(prepared.job.out)
    pending = [part for part in prepared.parts if part.number not in done]
    return _work(prepared, pending, config, say)


def retry_job(
    out: str,
    reasons: Sequence[str],
    manifest: str | None,
    overrides: Sequence[str] = (),
    say: Say = say_on_stderr,
) -> Summary:
    """Try the rejected faces of a job again, all or those with certain reasons, into new parts.

    A retry that was stopped continues with the faces that it began with. `manifest` is needed only where the
    job's own location held credentials; `overrides` may change where the job runs, not what comes out.

    Raises:
        PipelineError, FpnError, RenderError: as `run_job`; also where the job itself is unfinished.
    """
    record = stored_job(Folder(out))
    config = load_config(None, overrides, base=record["config"])
    prepared = prepare_job(manifest or record["manifest_location"], out, config, record["started_in"])
    done = committed_parts(prepared.job.out)
    if any(part.number not in done for part in prepared.parts):
        raise JobIncompleteError(f"the job in {out!r} is unfinished; run it to its end before a retry")
    slices = [part.slices[0] for part in prepared.parts]
    parts, continued = plan_round(prepared.job.out, slices, config.output.faces_per_part, reasons)
    faces = sum(part.count for part in parts)
    say(f"{'continuing the retry' if continued else 'trying again'}: {faces:,} faces in {len(parts):,} parts")
    return _work(prepared, [part for part in parts if part.number not in done], config, say)


def _work(prepared: PreparedJob, pending: list[Part], config: JobConfig, say: Say) -> Summary:
    job = prepared.job
    remove_leftovers(job.out)
    totals = _totals(job.out)
    say(
        f"{without_credentials(job.manifest.location)}: {prepared.n_faces:,} faces in "
        f"{len(prepared.parts):,} parts"
        + (f", {totals.faces:,} faces in {totals.parts:,} parts are done already" if totals.parts else "")
    )
    if job.manifest.passed_over:
        others = ", ".join(f"{count:,} x {ending}" for ending, count in job.manifest.passed_over)
        say(f"files that belong to no face: {others}")
    todo = sum(part.count for part in pending)
    progress = Progress(max(prepared.n_faces, todo), max(prepared.n_faces, todo) - todo)
    with watched(progress, job.out, config.engine.heartbeat_s, say) as watch:
        provider, reason = "none", "every part was committed before"
        if pending:
            with open_runner(job, todo) as runner:
                provider, reason = runner.provider, runner.reason
                watch.say(f"poses run on {provider}: {reason}")
                for entry in runner.run(pending, watch.say):
                    totals = totals.plus(entry)
                    watch.add(entry)
        if config.render.enabled and config.render.masks:
            _write_masks(prepared)
        summary = Summary(totals, progress.done, progress.elapsed_s, provider, reason, job.fingerprint)
        _finish(prepared, config, summary)
    return summary


def _totals(out: Folder) -> Totals:
    totals = Totals()
    for entry in read_entries(out, sorted(committed_parts(out))):
        totals = totals.plus(entry)
    return totals


def _write_masks(prepared: PreparedJob) -> None:
    """Write which pixels of each view are background (0), head (128) and face (255); the same for every
    face."""
    renderer = make_renderer(prepared.job.config)
    template = prepared.job.config.render.view_template
    columns = slice(None) if template is None else template.columns
    for yaw_deg, camera in make_cameras(prepared.job.config).items():
        _, png = cv2.imencode(".png", mask_picture(renderer, camera)[:, columns])
        prepared.job.out.write(f"masks/{yaw_deg:g}.png", bytes(png))


def _finish(prepared: PreparedJob, config: JobConfig, summary: Summary) -> None:
    """Write the summary, then hold it to the contract: every face posed or rejected."""
    totals = summary.totals
    record = summary_record(summary)
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
