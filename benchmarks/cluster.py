"""Jobs on clusters of several raylets on this machine: python benchmarks/cluster.py COMMAND

    starts      whether a job starts: 64 shapes by arithmetic, 3 for real
    joins       when nodes that join during a job take work
    handover    bytes, processor time and memory by stage, fused and staged
    parts       memory of the driver and first result of a job of many parts
    losses      results after nodes and workers were killed

CPUs and GPUs of a raylet are only numbers, so a few cores can stand for many; beside a GPU that is none, the
poses run on ONNX Runtime's CPU provider. Exits with 1 where a promise is broken.
"""

import hashlib
import json
import logging
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pipeline  # noqa: F401  # before cv2, as in a job

import click  # isort: skip
import ray  # isort: skip
from ray.cluster_utils import Cluster  # isort: skip

from cluster_processes import StageProcesses
from cluster_shapes import SHAPES

from pipeline.bench.photos import write_photos
from pipeline.config.presets import find_config
from pipeline.config.settings import load_config
from pipeline.engine.ray import runner as ray_runner_module
from pipeline.engine.ray.nodes import Node
from pipeline.engine.ray.observer import Observer, PoolCallback
from pipeline.engine.ray.pools import ACTOR_MB, make_pools, missing
from pipeline.io.storage import Folder
from pipeline.job.ledger import committed_parts
from pipeline.job.run import run_job

_STORE_BYTES = 300 * 2**20
# Seconds for processes to start where a few cores stand for many.
_PATIENT = "engine.start_timeout_s=240"
SMALL = ("render.size_px=64", "render.views_deg=[40]", "output.faces_per_part=16")


@dataclass
class Shown:
    """What a job showed of itself while it ran."""

    said: list[tuple[float, str]] = field(default_factory=list)
    actors: dict[str, int] = field(default_factory=dict)
    """Stage -> most actors at a time."""
    bytes_out: dict[str, float] = field(default_factory=dict)
    """Operator of Ray Data -> bytes that it put into the object store."""


@contextmanager
def cluster(*nodes: tuple[int, int]) -> Iterator[Cluster]:
    """A head without CPUs and nodes of so many CPUs and GPUs, joined by this process."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for cpus, gpus in nodes:
            made.add_node(num_cpus=cpus, num_gpus=gpus, object_store_memory=_STORE_BYTES)
        ray.init(address=made.address, log_to_driver=False, logging_level=logging.ERROR)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@contextmanager
def shown() -> Iterator[Shown]:
    """Watch Ray's own counts of the executions inside."""
    seen = Shown()
    look = PoolCallback.on_execution_step

    def looked(self: PoolCallback, executor: Any) -> None:
        look(self, executor)
        observer = PoolCallback.observer
        for load in observer.loads if isinstance(observer, Observer) else ():
            seen.actors[load.stage] = max(seen.actors.get(load.stage, 0), load.actors)
        for operator in executor._topology:
            seen.bytes_out[operator.name] = operator.metrics.bytes_task_outputs_generated

    PoolCallback.on_execution_step = looked  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        PoolCallback.on_execution_step = look  # type: ignore[method-assign]


def job(
    manifest: Path, out: Path, settings: Sequence[str], seen: Shown, preset: str | None = None
) -> dict[str, Any]:
    """Run a job; how long it took to its first part and in all."""
    config = load_config(find_config(preset) if preset else None, ["pose.device=cpu", _PATIENT, *settings])
    began_s = time.monotonic()
    first: list[float] = []
    ended = threading.Event()

    def wait_for_the_first() -> None:
        while not ended.wait(0.1):
            if committed_parts(Folder(str(out))):
                first.append(time.monotonic() - began_s)
                return

    thread = threading.Thread(target=wait_for_the_first, daemon=True)
    thread.start()
    try:
        summary = run_job(
            str(manifest), str(out), config, lambda text: seen.said.append((time.monotonic(), text))
        )
    finally:
        ended.set()
        thread.join()
    return {
        "first_part_s": round(first[0], 1) if first else None,
        "whole_s": round(time.monotonic() - began_s, 1),
        "posed": summary.totals.posed,
        "parts": summary.totals.parts,
        "actors": dict(seen.actors),
    }


def sha256_of(out: Path) -> str:
    """One digest over all results."""
    digest = hashlib.sha256()
    for kind in ("poses", "views", "rejects", "_ledger"):
        for path in sorted((out / kind).glob("*")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def fake_gpu() -> Iterator[None]:
    """Pools as beside a GPU, while the network runs on the CPU: a raylet's GPU is a number."""
    as_on_gpu = partial(make_pools, on_gpu=True)
    with mock.patch.object(ray_runner_module, "make_pools", lambda settings, **_: as_on_gpu(settings)):
        yield


def report(name: str, record: dict[str, Any]) -> None:
    click.echo(f"{name}: {json.dumps(record)}")


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@click.option("--faces", default=160, show_default=True)
def starts(faces: int) -> None:
    """Whether a job starts."""
    pools = make_pools(load_config(find_config("cluster")).engine, on_gpu=True)
    fit = [
        missing(pools, [Node(str(i), "", cpus, gpus) for i, (cpus, gpus) in enumerate(shape.nodes)]) is None
        for shape in SHAPES
    ]
    click.echo(f"{sum(fit)} of {len(fit)} shapes have room for every stage of the preset `cluster`")
    plans: list[tuple[str, list[tuple[int, int]], tuple[str, ...], str | None]] = [
        ("3 x 2 CPUs, staged", [(2, 0)] * 3, ("engine.layout=staged",), None),
        ("1 + 2 + 3 CPUs, staged", [(1, 0), (2, 0), (3, 0)], ("engine.layout=staged",), None),
        ("4 x 4 CPUs + 1 GPU, preset cluster", [(4, 1), (4, 0), (4, 0), (4, 0)], (), "cluster"),
    ]
    with tempfile.TemporaryDirectory() as name:
        manifest = write_photos(Path(name), faces)
        for title, nodes, settings, preset in plans:
            out = Path(name) / title.replace(" ", "-")
            with cluster(*nodes), shown() as seen:
                if preset:
                    with fake_gpu():
                        record = job(manifest, out, (*SMALL, "engine.address=null"), seen, preset)
                else:
                    record = job(manifest, out, (*SMALL, *settings), seen)
            report(title, record)
            fit.append(record["posed"] == faces)
    sys.exit(0 if all(fit) else 1)


@main.command()
@click.option("--faces", default=3000, show_default=True)
def joins(faces: int) -> None:
    """When nodes that join take work: one node of 1 CPU, then two more of 1 CPU each."""
    with tempfile.TemporaryDirectory() as name, cluster((1, 0)) as made, shown() as seen:
        manifest, out = write_photos(Path(name), faces), Path(name) / "out"
        times: dict[str, float] = {}

        def join() -> None:
            while len(committed_parts(Folder(str(out)))) < 4:
                time.sleep(0.2)
            times["join"] = time.monotonic()
            for _ in range(2):
                made.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)
            times["joined"] = time.monotonic()
            while seen.actors.get("whole", 0) < 3:
                time.sleep(0.2)
            times["all at work"] = time.monotonic()

        threading.Thread(target=join, daemon=True).start()
        record = job(manifest, out, SMALL, seen)
        took_s = times.get("all at work", float("inf")) - times["joined"]
    report("two nodes join", {**record, "both_have_an_actor_after_s": round(took_s, 1)})
    sys.exit(0 if took_s <= 30 else 1)


@main.command()
@click.option("--faces", default=4096, show_default=True)
@click.option("--faces-per-part", default=1024, show_default=True)
@click.option(
    "--photos", type=click.Path(exists=True, path_type=Path), help="A list of faces to use instead."
)
def handover(faces: int, faces_per_part: int, photos: Path | None) -> None:
    """What each stage costs, in the parts of the preset."""
    digests = set()
    largest_mb = 0.0
    with tempfile.TemporaryDirectory() as name:
        manifest = write_photos(Path(name), faces) if photos is None else photos
        for layout in ("fused", "staged"):
            out = Path(name) / layout
            settings = (f"output.faces_per_part={faces_per_part}", f"engine.layout={layout}")
            with cluster((3, 0)), shown() as seen, StageProcesses() as processes:
                record = job(manifest, out, settings, seen)
            n = record["posed"]
            cpu = {stage: round(1000 * s / n, 2) for stage, s in processes.seconds().items()}
            report(
                layout,
                {
                    **record,
                    "cpu_ms_per_face": cpu,
                    "cpu_ms_per_face_in_all": round(sum(cpu.values()), 2),
                    "kb_per_face_out": {
                        operator: round(size / n / 1000, 1) for operator, size in seen.bytes_out.items()
                    },
                    "actor_and_child_peak_mb": {s: round(mb) for s, mb in processes.peak_mb.items()},
                },
            )
            digests.add(sha256_of(out))
            largest_mb = max(largest_mb, *processes.peak_mb.values())
    click.echo("the same bytes in both layouts" if len(digests) == 1 else "OTHER BYTES")
    sys.exit(0 if len(digests) == 1 and largest_mb <= ACTOR_MB else 1)


@main.command()
@click.option("--parts", default=100_000, show_default=True)
def parts(parts: int) -> None:
    """Driver memory and first result of a job of parts of one face, without views."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line = write_photos(folder, 1).read_text().strip().split(",")
        ids = pa.array([f"f{n}" for n in range(parts)])
        table = pa.table(
            {
                "face_id": ids,
                "image": pa.array(["absent.jpg"] * parts),
                **{
                    c: pa.array([float(v)] * parts)
                    for c, v in zip(("x", "y", "width", "height"), line[1:], strict=True)
                },
            }
        )
        pq.write_table(table, folder / "faces.parquet", row_group_size=10_000)
        settings = ("output.faces_per_part=1", "render.enabled=false", "engine.heartbeat_s=null")
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with cluster((2, 0)), shown() as seen:
            record = job(folder / "faces.parquet", folder / "out", settings, seen)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    per_part_kb = 1024 * (peak_mb - before_mb) / parts
    report(
        "many parts",
        {**record, "driver_peak_mb": round(peak_mb), "driver_kb_per_part": round(per_part_kb, 1)},
    )


@dataclass
class Killer:
    """Kills nodes and workers of a running job at random, and brings nodes back."""

    cluster: Cluster
    kills: int
    done: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _nodes: list[Any] = field(default_factory=list)

    def start(self, out: Path) -> Callable[[], None]:
        self._nodes = list(self.cluster.worker_nodes)
        thread = threading.Thread(target=self._run, args=(out,), daemon=True)
        thread.start()

        def stop() -> None:
            self._ended.set()
            thread.join()

        return stop

    def _run(self, out: Path) -> None:
        rng = random.Random(0)
        before = 0
        while len(self.done) < self.kills and not self._ended.wait(rng.uniform(1, 4)):
            committed = len(committed_parts(Folder(str(out))))
            if committed <= before:
                continue  # as long as parts are committed in between
            before = committed
            role = rng.choice(["actor", "actor", "child", "child", "node"])
            if role == "node":
                node = self._nodes.pop(0)
                self.cluster.remove_node(node, allow_graceful=False)
                self._nodes.append(self.cluster.add_node(num_cpus=2, object_store_memory=_STORE_BYTES))
            elif not _kill_one(role, rng):
                continue
            self.done.append(role)


def _kill_one(role: str, rng: random.Random) -> bool:
    sign = b"ray::MapWorker" if role == "actor" else b"pipeline.engine.worker_process"
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if sign in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    if not found:
        return False
    try:
        os.kill(rng.choice(found), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@main.command()
@click.option("--faces", default=4000, show_default=True)
@click.option("--kills", default=20, show_default=True)
@click.option("--layout", type=click.Choice(["fused", "staged"]), default="staged", show_default=True)
def losses(faces: int, kills: int, layout: str) -> None:
    """Results after kills, against those of an undisturbed job."""
    settings = (*SMALL, f"engine.layout={layout}")
    with tempfile.TemporaryDirectory() as name:
        manifest = write_photos(Path(name), faces)
        with cluster((2, 0), (2, 0)), shown() as seen:
            job(manifest, Path(name) / "whole", settings, seen)
        with cluster((2, 0), (2, 0), (2, 0)) as made, shown() as seen:
            killer = Killer(made, kills)
            out = Path(name) / "killed"
            stop = killer.start(out)
            try:
                record = job(manifest, out, settings, seen)
            finally:
                stop()
        same = sha256_of(Path(name) / "whole") == sha256_of(out)
    counts = {role: killer.done.count(role) for role in sorted(set(killer.done))}
    said = [text for _, text in seen.said if "lost" in text]
    report(f"kills, {layout}", {**record, "kills": counts, "begun_anew": len(said), "same_bytes": same})
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
