"""The whole job, from a manifest to a summary."""

import json
import sys
from collections.abc import Callable, Sequence

import cv2

from pipeline.config.settings import JobConfig, load_config
from pipeline.engine.runner import open_runner
from pipeline.errors import JobIncompleteError
from pipeline.io.stale_files import remove_leftovers
from pipeline.io.storage import Folder, without_credentials
from pipeline.job.fingerprint import PreparedJob, prepare_job
from pipeline.job.job_file import stored_job
from pipeline.job.ledger import committed_parts
from pipeline.job.retry import plan_round
from pipeline.job.shard import Shard
from pipeline.job.summary import SUMMARY_NAME, Summary, Totals, describe_rejects, summary_record, totals_in
from pipeline.monitor.heartbeat import HEARTBEAT_NAME, heartbeat_of_shard
from pipeline.monitor.monitor import watched
from pipeline.monitor.progress import Progress
from pipeline.printable import printable
from pipeline.stages.part import Part, make_cameras, make_renderer
from pipeline.stages.render import mask_picture

Say = Callable[[str], None]


def say_on_stderr(text: str) -> None:
    """Prints a message for a person, on the error stream."""
    print(printable(text), file=sys.stderr)


def run_job(
    manifest: str,
    out: str,
    config: JobConfig,
    say: Say = say_on_stderr,
    *,
    shard: Shard | None = None,
    append: bool = False,
) -> Summary:
    """Pose and render every face of a manifest, continuing where an earlier run of the same job stopped.

    Args:
        manifest: Location of the manifest.
        out: Location of the output folder.
        config: All settings.
        say: Called with each message for people.
        shard: Only every n-th part, for one of several machines that share the folder; whichever of them ends
            last writes the summary.
        append: Add the rows that the manifest has by now to the finished job in `out`. Its old rows must be
            as they were, and what was written of them is not touched.

    Returns:
        The summary; of a shard that is not the last one, with `unfinished_parts` that others have to do.

    Raises:
        PipelineError, FpnError, RenderError: nothing was started, or committed parts stay (each says which).
        JobIncompleteError: faces are missing, or there are more rejects than `output.max_reject_fraction`.
    """
    prepared = prepare_job(manifest, out, config, append=append)
    done = committed_parts(prepared.job.out)
    ours = Shard(1, 1) if shard is None else shard
    pending = prepared.parts_where(lambda number: number not in done and ours.has(number))
    return _work(prepared, pending, config, say, shard)


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
    if any(number not in done for number, _, _ in prepared.plan.parts()):
        raise JobIncompleteError(f"the job in {out!r} is unfinished; run it to its end before a retry")
    size = prepared.plan.segments[0].faces_per_part
    parts, continued = plan_round(prepared.job.out, prepared.slices, size, reasons)
    faces = sum(part.count for part in parts)
    say(f"{'continuing the retry' if continued else 'trying again'}: {faces:,} faces in {len(parts):,} parts")
    return _work(prepared, [part for part in parts if part.number not in done], config, say)


def _work(
    prepared: PreparedJob, pending: list[Part], config: JobConfig, say: Say, shard: Shard | None = None
) -> Summary:
    job = prepared.job
    remove_leftovers(job.out)
    totals = totals_in(job.out)
    todo = sum(part.count for part in pending)
    say(_first_line(prepared, totals, todo, len(pending), shard))
    if job.manifest.passed_over:
        others = ", ".join(f"{count:,} x {ending}" for ending, count in job.manifest.passed_over)
        say(f"files that belong to no face: {others}")
    whole = max(prepared.n_faces, todo) if shard is None else todo
    beat = HEARTBEAT_NAME if shard is None else heartbeat_of_shard(shard.number, shard.count)
    progress = Progress(whole, whole - todo)
    with watched(progress, job.out, config.engine.heartbeat_s, say, beat) as watch:
        provider, reason = "none", "every part was committed before"
        if pending:
            with open_runner(job, todo, watch.say) as runner:
                progress.loads = lambda: runner.loads
                provider, reason = runner.provider, runner.reason
                watch.say(f"poses run on {provider}: {reason}")
                for entry in runner.run(pending, watch.say):
                    totals = totals.plus(entry)
                    watch.add(entry)
        unfinished = _unfinished(prepared) if shard else 0
        if shard and not unfinished:
            totals = totals_in(job.out)  # with what the others did meanwhile
        summary = Summary(
            totals, progress.done, progress.elapsed_s, provider, reason, job.fingerprint, unfinished
        )
        if not unfinished:
            if config.render.enabled and config.render.masks:
                _write_masks(prepared)
            _finish(prepared, config, summary)
    return summary


def _first_line(prepared: PreparedJob, totals: Totals, todo: int, parts: int, shard: Shard | None) -> str:
    """What is about to be done, in words."""
    settings = prepared.job.config.render
    work = f"posing, {len(settings.views_deg)} views each" if settings.enabled else "posing, no views"
    line = (
        f"{without_credentials(prepared.job.manifest.location)}: {prepared.n_faces:,} faces in "
        f"{prepared.plan.n_parts:,} parts; {work}"
    )
    if totals.parts:
        line += f"; {totals.faces:,} faces in {totals.parts:,} parts are done already"
    if shard is not None:
        line += f"; shard {shard} does {todo:,} faces in {parts:,} parts"
    return line


def _unfinished(prepared: PreparedJob) -> int:
    """Parts of the plan that nobody has committed yet."""
    done = committed_parts(prepared.job.out)
    return sum(number not in done for number, _, _ in prepared.plan.parts())


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
    if totals.faces != prepared.n_faces or totals.posed + totals.rejected + totals.erased != totals.faces:
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
