"""The command line: `fpn`, the same as `python -m pipeline`. A new command is a line of the table below."""

import sys

import click

from pipeline.cli.group import LazyGroup

# Section of the help -> command -> where it is, and its line of help.
COMMANDS = {
    "Data in and out": {
        "manifest": (
            "pipeline.cli.manifest:manifest",
            "Make a manifest: of photos, CSV, shards, .rec files.",
        ),
        "export": ("pipeline.cli.export:export", "Write views as folders, shards, Parquet, .rec files."),
        "duplicates": (
            "pipeline.cli.duplicates:duplicates",
            "Find photos that are there twice, and outliers.",
        ),
    },
    "A job": {
        "check": ("pipeline.cli.job:check", "Check a manifest without running."),
        "plan": ("pipeline.cli.job:plan", "Say what a job would take: parts, time, cost."),
        "run": ("pipeline.cli.job:run", "Pose and render every face of a manifest."),
        "retry": ("pipeline.cli.job:retry", "Try rejected faces again."),
        "verify": ("pipeline.cli.verify:verify", "Prove that the results are whole."),
        "erase": ("pipeline.cli.erase:erase", "Take people out of the results."),
    },
    "Looking at results": {
        "report": ("pipeline.cli.report:report", "Write a page of charts, rejects and faces of a job."),
        "show": ("pipeline.cli.report:show", "Show one photo with pose and views, in the terminal too."),
        "sheet": ("pipeline.cli.pictures:sheet", "Draw faces, landmarks and views into one picture."),
        "demo": ("pipeline.cli.pictures:demo", "Run the whole job on a dozen faces, and draw them."),
    },
    "Networks and heads": {
        "models": ("pipeline.cli.models:models", "Inspect, describe, convert, reduce pose networks."),
        "evaluate": ("pipeline.cli.evaluate:evaluate_command", "Measure poses, or recognition by alignment."),
        "heads": ("pipeline.cli.render:heads", "Import, build, draw the heads of the renderer."),
        "render": ("pipeline.cli.render:render", "Render one photo from a given pose."),
    },
    "This program": {
        "bench": ("pipeline.cli.bench:bench", "Measure this machine: kernels, whole job, larger jobs."),
        "config": ("pipeline.cli.config:config", "Show the settings of a job, and the presets."),
        "completion": ("pipeline.cli.completion:completion", "Complete commands in your shell."),
    },
}


@click.group(cls=LazyGroup, sections=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="faceposenet")
@click.option("--debug", is_flag=True, help="Show the whole trace of an error.")
def main(debug: bool) -> None:
    """Head pose and rendered views for every face of a dataset."""
    if sys.platform == "win32":
        raise click.ClickException(
            "fpn does not run on Windows: it supervises its workers with signals and POSIX process groups; "
            "use the Windows Subsystem for Linux (WSL 2) or the container image"
        )
