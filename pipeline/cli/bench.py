"""`fpn bench`: how fast this machine is, and what larger jobs would take."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import config_option, echo_json, json_option, overrides_option

if TYPE_CHECKING:
    from pipeline.bench.whole_job import Runner
    from pipeline.config.settings import Device

_DEVICES = ("cpu", "auto", "cuda", "tensorrt")
_RUNNERS: dict[str, tuple["Runner", ...]] = {
    "both": ("local", "ray"),
    "local": ("local",),
    "ray": ("ray",),
    "none": (),
}
_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--faces", default=5000, show_default=True, help="Faces of the job on most CPUs; fewer on fewer."
)
@click.option("--rounds", default=9, show_default=True, help="Repetitions of each kernel; medians count.")
@click.option("--cpus", help="CPUs to run the job on, for instance 1,8; by default one and all.")
@click.option(
    "--runner",
    type=click.Choice(tuple(_RUNNERS)),
    default="both",
    show_default=True,
    help="Which job: without Ray (local), with it, both; none: the kernels alone.",
)
@click.option(
    "--device",
    type=click.Choice(_DEVICES),
    default="cpu",
    show_default=True,
    help="Another than cpu: also the poses on that device, alone, in half precision and by several actors.",
)
@click.option("--actors", default="1,2,4", show_default=True, help="Actors that share the device.")
@click.option("--cost", is_flag=True, help="Also what a million and a hundred million faces would take.")
@click.option("--from", "earlier", type=_path, help="With --cost: JSON of an earlier run, and no new one.")
@click.option("--out", type=_path, help="File for the JSON, in addition to what is printed.")
@config_option
@overrides_option
@json_option
def bench(
    faces: int,
    rounds: int,
    cpus: str | None,
    runner: str,
    device: "Device",
    actors: str,
    cost: bool,
    earlier: Path | None,
    out: Path | None,
    config_path: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure this machine: every kernel alone, a plain loop over them, and the whole job.

    The faces are heads of our own in photos of 250 px, which are made first. All five views of each are
    rendered unless --set render.view_policy=near is given.

    \b
    Examples:
      fpn bench
      fpn bench --faces 1000 --runner local
      fpn bench --runner none --device cuda --actors 1,2,4
      fpn bench --cost --out bench.json
    """
    from pipeline.bench.cost_model import FaceCosts, cost_lines, cost_record
    from pipeline.bench.measure import Plan, measure, numbers
    from pipeline.bench.report import face_costs, to_json, to_lines
    from pipeline.config.settings import load_config
    from pipeline.engine.machine import usable_cpus

    if earlier is not None:
        if not cost:
            raise click.UsageError("--from goes with --cost: it works out larger jobs from an earlier run")
        face = FaceCosts(**json.loads(earlier.read_text())["face_costs"])
        _say(cost_record(face), cost_lines(face), out, as_json)
        return
    plan = Plan(
        faces,
        rounds,
        numbers(cpus or f"1,{usable_cpus()}", "--cpus"),
        _RUNNERS[runner],
        device,
        numbers(actors, "--actors"),
    )
    found = measure(load_config(config_path, ("render.view_policy=all", *overrides)), plan)
    face = face_costs(found)
    record = to_json(found) | ({"cost": cost_record(face)} if cost else {})
    _say(record, to_lines(found) + (cost_lines(face) if cost else []), out, as_json)


def _say(record: dict[str, Any], lines: list[str], out: Path | None, as_json: bool) -> None:
    if out is not None:
        out.write_text(json.dumps(record, indent=1))
    if as_json:
        echo_json(record)
        return
    for line in lines:
        click.echo(line)
