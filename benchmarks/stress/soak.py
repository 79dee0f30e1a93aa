"""Soak tests of whole jobs, as processes of their own:

    python benchmarks/stress/soak.py kills --faces 20000 --kills 200
    python benchmarks/stress/soak.py kills --faces 20000 --kills 200 --runner local
    python benchmarks/stress/soak.py memory --rows 1000000

`kills` ends a process of a running job at random moments with SIGKILL, runs the same command again until all
is done, and holds the results against those of an undisturbed run, byte for byte. `memory` watches the
resident memory of every process of a long job. Both exit with 1 where a promise is broken.

A SIGKILL is no power failure: what the file system has taken is safe here, so the syncing is not tested.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
from job_processes import Job, Process
from soak_inputs import NETWORK_IN_WORDS, write_faces, write_tiny_network
from soak_memory import MemoryLog, describe
from soak_results import lost_and_twice, results, torn

_WEIGHTS = {
    "ray": {"driver": 1.0, "raylet": 1.0, "actor": 2.0, "child": 2.0},
    "local": {"driver": 1.0, "child": 4.0},
}
"""How often each role is killed, against the others: all that a job of each runner has."""
_EXIT_TIMEOUT_S = 150
_GRACE_S = 10
_FAILURES = 3


@dataclass
class Damage:
    """What the kills did, counted over all rounds."""

    kills: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    stops: Counter[str] = field(default_factory=Counter)
    """How runs ended that were not done, by their last words."""
    runs: int = 0
    rounds: int = 0
    left_behind: Counter[str] = field(default_factory=Counter)
    """Roles of processes that outlived their driver for long."""
    temporary: int = 0
    slowest_end_s: dict[str, float] = field(default_factory=dict)
    """Role of the last kill -> longest time until its driver had ended."""


@dataclass(frozen=True)
class Soak:
    """A job to be run again and again."""

    folder: Path
    manifest: Path
    settings: tuple[str, ...]

    def start(self, out: Path) -> Job:
        ray_folder = self.folder / "ray"
        ray_folder.mkdir(exist_ok=True)
        return Job(self.manifest, out, self.settings, out.with_suffix(".log"), ray_folder)

    def verified(self, out: Path) -> list[str]:
        """What `fpn verify` finds wrong."""
        command = [sys.executable, "-m", "pipeline", "verify", str(out)]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        return [] if told.returncode == 0 else [f"{out.name}: fpn verify: {told.stdout}{told.stderr}"]


def disturb(soak: Soak, out: Path, damage: Damage, plan: "KillPlan") -> None:
    """Run one job to its end, ending its processes as long as there are kills left."""
    failures = 0
    while failures < _FAILURES:
        damage.runs += 1
        with soak.start(out) as job:
            killed = _kill_until_it_stops(job, damage, plan)
            killed_s = time.monotonic()
            code = job.wait(_EXIT_TIMEOUT_S if killed else 3600)
            if code is None:
                damage.violations.append(f"{out.name}: ran on for {_EXIT_TIMEOUT_S} s after {killed}")
                continue
            damage.left_behind.update(process.role for process in job.left_behind(_GRACE_S))
        damage.violations += [f"{out.name}: after {killed}: {problem}" for problem in torn(out)]
        if code == 0:
            return
        words = _last_words(job, code)
        damage.stops[words] += 1
        # Ray itself ends a driver whose local raylet is gone, after it has said so.
        if code > 0 and "\nerror: " not in job.said() and "Raylet is terminated" not in job.said():
            damage.violations.append(f"{out.name}: after {killed} no error of its own: {job.said()[-300:]}")
        if killed:
            role, took_s = killed.split()[-1], time.monotonic() - killed_s
            damage.slowest_end_s[role] = max(took_s, damage.slowest_end_s.get(role, 0))
        failures = 0 if killed else failures + 1
        click.echo(f"  after {damage.kills.total()} kills, lastly {killed or 'none'}: {words}")
    damage.violations.append(f"{out.name}: {_FAILURES} runs failed one after the other without a kill")


@dataclass
class KillPlan:
    """When and whom to kill."""

    total: int
    mean_pause_s: float
    weights: dict[str, float]
    rng: random.Random

    def left(self, damage: Damage) -> int:
        return self.total - damage.kills.total()

    def victim(self, job: Job) -> Process | None:
        """Any process of a role that is drawn by weight; waited for where none of it lives yet."""
        role = self.rng.choices([*self.weights], [*self.weights.values()])[0]
        until = time.monotonic() + 30
        while job.exit_code is None and time.monotonic() < until:
            living = [process for process in job.processes() if process.role == role]
            if living:
                return self.rng.choice(living)
            time.sleep(0.1)
        return None


def _kill_until_it_stops(job: Job, damage: Damage, plan: KillPlan) -> str:
    """Kill at random moments until the driver ends or must end; gives the roles that were hit."""
    hit: list[str] = []
    while plan.left(damage) > 0:
        if job.wait(plan.rng.expovariate(1 / plan.mean_pause_s)) is not None:
            break
        victim = plan.victim(job)
        if victim is not None and job.kill(victim):
            damage.kills[victim.role] += 1
            hit.append(victim.role)
            if victim.role in {"driver", "raylet"}:
                break
    return ", ".join(hit[-3:])


def _last_words(job: Job, code: int) -> str:
    if code < 0:
        return f"signal {-code}"
    lines = [line for line in job.said().splitlines() if line.startswith("error: ")]
    if not lines and "Raylet is terminated" in job.said():
        return f"exit {code}: Ray ended the driver, since its raylet was gone"
    return f"exit {code}: {lines[-1][:110] if lines else job.said()[-110:]!r}"


@click.group(help=__doc__)
def main() -> None:
    # As an exception, so that jobs are ended on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


_folder = click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to work; by default a temporary folder."
)


_runner = click.option("--runner", type=click.Choice([*_WEIGHTS]), default="ray", show_default=True)


def _prepared(folder: Path | None, n_faces: int, runner: str, settings: tuple[str, ...]) -> Soak:
    folder = (folder or Path(tempfile.mkdtemp(prefix="soak-"))).absolute()
    manifest = write_faces(folder / "faces", n_faces)
    model = write_tiny_network(folder / "tiny.onnx")
    click.echo(f"working in {folder}; poses by {NETWORK_IN_WORDS}")
    return Soak(
        folder, manifest, (f"pose.model={model}", "pose.device=cpu", f"engine.runner={runner}", *settings)
    )


@main.command()
@click.option("--faces", default=20_000, show_default=True)
@click.option("--kills", default=200, show_default=True)
@click.option("--mean-pause-s", default=3.0, show_default=True, help="Between kills; exponential.")
@click.option("--seed", default=0, show_default=True)
@click.option("--limit-min", default=600.0, show_default=True, help="No more kills after that time.")
@_runner
@_folder
def kills(
    faces: int,
    kills: int,
    mean_pause_s: float,
    seed: int,
    limit_min: float,
    runner: str,
    folder: Path | None,
) -> None:
    """Kill processes of a job at random moments, resume, and compare with an undisturbed run."""
    settings = (
        *("output.faces_per_part=100", "render.size_px=32", "render.views_deg=[40]"),
        *("render.view_policy=all", "engine.cpus=2"),
    )
    soak = _prepared(folder, faces, runner, settings)
    calm = soak.folder / "calm"
    began_s = time.monotonic()
    with soak.start(calm) as job:
        code = job.wait(3600)
    if code != 0:
        raise click.ClickException(f"the undisturbed run failed; see {calm.with_suffix('.log')}")
    click.echo(f"undisturbed run: {faces:,} faces in {time.monotonic() - began_s:.0f} s")
    expected, damage = results(calm), Damage()
    plan = KillPlan(kills, mean_pause_s, _WEIGHTS[runner], random.Random(seed))
    while plan.left(damage) > 0 or not damage.rounds:
        out = soak.folder / f"round-{damage.rounds:02d}"
        disturb(soak, out, damage, plan)
        damage.rounds += 1
        _judge(soak, out, expected, damage)
        if time.monotonic() - began_s > 60 * limit_min:
            click.echo(f"stopped after {limit_min:g} min")
            break
    _print_kills(damage)
    sys.exit(bool(damage.violations))


def _judge(soak: Soak, out: Path, expected: dict[str, str], damage: Damage) -> None:
    found = results(out)
    lost, twice = lost_and_twice(soak.manifest, out)
    differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    damage.temporary += sum(1 for file in out.rglob(".*") if file.is_file())
    damage.violations += soak.verified(out)
    if lost or twice:
        damage.violations.append(f"{out.name}: {lost} faces lost, {twice} twice or strange")
    if differing:
        damage.violations.append(f"{out.name}: {len(differing)} files differ, such as {differing[:3]}")
    click.echo(
        f"{out.name}: {damage.kills.total()} kills so far, {lost} lost, {twice} twice, "
        f"{len(differing)} of {len(expected)} files differ, {len(damage.violations)} violations so far"
    )


def _print_kills(damage: Damage) -> None:
    click.echo(f"\nkills       {damage.kills.total()}: {dict(sorted(damage.kills.items()))}")
    click.echo(f"jobs        {damage.rounds}, in {damage.runs} runs")
    click.echo(f"left behind {_GRACE_S} s after their driver's end: {dict(damage.left_behind) or 'none'}")
    click.echo(f"temporary   {damage.temporary} files of killed writers among the results, none counted")
    for words, count in damage.stops.most_common():
        click.echo(f"  {count:4} runs ended with {words}")
    slowest = {role: f"{took_s:.0f} s" for role, took_s in sorted(damage.slowest_end_s.items())}
    click.echo(f"slowest end of a driver after its last kill, by role: {slowest}")
    click.echo(f"violations  {len(damage.violations)}")
    for violation in damage.violations:
        click.echo(f"  {violation}")


@main.command()
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--stop-at", default=0.9, show_default=True, help="Share of the job at which it is resumed.")
@click.option("--resume-limit-s", default=10.0, show_default=True)
@_runner
@_folder
def memory(rows: int, stop_at: float, resume_limit_s: float, runner: str, folder: Path | None) -> None:
    """Watch the memory of every process of a long job; then time how a resumed one starts."""
    soak = _prepared(
        folder, rows, runner, ("render.enabled=false", "output.faces_per_part=500", "engine.cpus=2")
    )
    out, began_s = soak.folder / "long", time.monotonic()
    log = MemoryLog(out)
    with soak.start(out) as job:
        while job.exit_code is None and log.faces < stop_at * rows:
            log.sample(job)
            time.sleep(1)
        if job.exit_code is not None:
            raise click.ClickException(f"the job ended early: {job.said()[-500:]}")
        click.echo(f"{log.faces:,} faces in {time.monotonic() - began_s:.0f} s, then stopped by SIGKILL")
        for process in job.processes():
            if process.role == "driver":
                job.kill(process)
        job.left_behind(_GRACE_S)
    flat = describe(log)

    started_s = time.monotonic()
    with soak.start(out) as job:
        while "are done already" not in job.said() and job.exit_code is None:
            time.sleep(0.02)
        resumed_s = time.monotonic() - started_s
        click.echo(f"resumed: {resumed_s:.1f} s until it said what is left (limit {resume_limit_s:g} s)")
        code = job.wait(3600)
    click.echo(f"the resumed job ended with {code}; {job.said().strip().splitlines()[-1]}")
    problems = soak.verified(out)
    lost, twice = lost_and_twice(soak.manifest, out)
    click.echo(f"fpn verify: {problems or 'clean'}; {lost} lost, {twice} twice")
    sys.exit(not (flat and code == 0 and resumed_s < resume_limit_s and not problems and not lost + twice))


if __name__ == "__main__":
    main()
