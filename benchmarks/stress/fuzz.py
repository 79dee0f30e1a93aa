"""Fuzz tests of jobs with broken images and manifests:

    python benchmarks/stress/fuzz.py images --count 10000
    python benchmarks/stress/fuzz.py manifests --count 1000

`images` runs a whole job over damaged files of every format that OpenCV writes. `manifests` opens damaged
manifests, checks their ids and reads all their rows, and runs whole jobs on some. Whatever comes of them must
be poses, documented rejects, or an error of the program's own; both exit with 1 where it is anything else.
"""

import random
import re
import resource
import sys
import tarfile
import tempfile
import time
import traceback
from collections import Counter
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import click
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fuzz_images import FACE_XYWH_PX, damaged, whole_files
from fuzz_manifests import Broken, hostile, write_broken, write_image
from job_processes import Job
from soak_inputs import NETWORK_IN_WORDS, portrait, write_tiny_network

import pipeline
from fpn_core import FpnError
from pipeline.config.settings import EngineSettings, ManifestSettings, load_config
from pipeline.engine.ray.session import ray_session
from pipeline.errors import PipelineError
from pipeline.io.storage import Folder
from pipeline.job.run import run_job
from pipeline.job.verify import verify
from pipeline.manifest import check_ids, open_manifest

# The reasons that the README promises, in the first column of its table.
_README = (Path(pipeline.__file__).parent / "README.md").read_text(encoding="utf-8")
DOCUMENTED = frozenset(re.findall(r"^\| `(\w+)` \|", _README.partition("## Rejects")[2], re.MULTILINE))
_MEMBER = re.compile(r"\d{6}-\d{6}\.(\d+\.jpg|json)")
_CASE_TIMEOUT_S = 60
_CASE_MEMORY = 4 * 2**30
_SETTINGS = ("pose.device=cpu", "render.size_px=32", "render.views_deg=[40]", "render.view_policy=all")


@click.group(help=__doc__)
def main() -> None:
    pass


_folder = click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to work; by default a temporary folder."
)
_seed = click.option("--seed", default=0, show_default=True)


def _begin(folder: Path | None) -> Path:
    folder = (folder or Path(tempfile.mkdtemp(prefix="fuzz-"))).absolute()
    (folder / "ray").mkdir(parents=True, exist_ok=True)
    click.echo(f"working in {folder}; poses by {NETWORK_IN_WORDS}")
    return folder


@main.command()
@click.option("--count", default=10_000, show_default=True)
@_seed
@_folder
def images(count: int, seed: int, folder: Path | None) -> None:
    """Damage images, run a job over them, and see that every face is posed or rejected with a reason."""
    folder = _begin(folder)
    told = _write_images(folder / "images", count, random.Random(seed))
    settings = (f"pose.model={write_tiny_network(folder / 'tiny.onnx')}", *_SETTINGS, "engine.cpus=2")
    out = folder / "out"
    began_s, most_mb = time.monotonic(), 0.0
    with Job(folder / "images" / "faces.parquet", out, settings, folder / "out.log", folder / "ray") as job:
        while job.exit_code is None:
            children = [process.rss_mb for process in job.processes() if process.role == "child"]
            most_mb = max([most_mb, *children])
            time.sleep(0.5)
    took_s = time.monotonic() - began_s
    rejects = pa.concat_tables(pq.read_table(file) for file in sorted((out / "rejects").glob("*.parquet")))
    poses = [pq.read_table(file)["face_id"].to_pylist() for file in sorted((out / "poses").glob("*.parquet"))]
    posed = [face_id for ids in poses for face_id in ids]
    reasons = dict(zip(rejects["face_id"].to_pylist(), rejects["reason"].to_pylist(), strict=True))
    problems = verify(Folder(str(out))).problems
    if job.exit_code != 0:
        problems.append(f"the job ended with {job.exit_code}: {job.said()[-500:]}")
    if sorted([*posed, *rejects["face_id"].to_pylist()]) != sorted(told):
        problems.append("posed and rejected faces are not those of the manifest")
    problems += [f"reason {reason} is not documented" for reason in {*reasons.values()} - DOCUMENTED]
    problems += [
        f"{row['face_id']}: {row['detail']}"
        for row in rejects.to_pylist()
        if row["reason"] == "internal_error"
    ]
    problems += [f"{name} is whole and was rejected: {reasons[name]}" for name in reasons if "-none-" in name]
    click.echo(f"{count:,} files in {took_s:.0f} s; a worker's memory was at most {most_mb:.0f} MB")
    _print_table(told, reasons)
    _end(problems)


def _write_images(folder: Path, count: int, rng: random.Random) -> list[str]:
    """Write the files and their manifest; gives the ids, which name format and mutation."""
    folder.mkdir(parents=True, exist_ok=True)
    files = whole_files()
    decodable = {
        suffix: data
        for suffix, data in files.items()
        if cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    }
    click.echo(f"formats: {' '.join(sorted(decodable))}")
    if left := sorted(set(files) - set(decodable)):
        click.echo(f"written but not read by this OpenCV: {' '.join(left)}")
    ids, names = [], []
    for number in range(count):
        suffix, mutation, data = damaged(decodable, rng)
        name_suffix = suffix if rng.random() < 0.8 else rng.choice(sorted(decodable))  # or a wrong one
        ids.append(f"{number:06d}-{mutation}-{suffix}")
        names.append(f"{number:06d}{name_suffix if name_suffix[0] == '.' else '.png'}")
        (folder / names[-1]).write_bytes(data)
    box = {
        name: [value] * count for name, value in zip(("x", "y", "width", "height"), FACE_XYWH_PX, strict=True)
    }
    pq.write_table(pa.table({"face_id": ids, "image": names, **box}), folder / "faces.parquet")
    return ids


def _print_table(ids: list[str], reasons: dict[str, str]) -> None:
    outcome = Counter((face_id.split("-")[1], reasons.get(face_id, "posed")) for face_id in ids)
    columns = sorted({reason for _, reason in outcome})
    click.echo(f"{'':10}" + "".join(f"{column:>20}" for column in columns))
    for mutation in sorted({mutation for mutation, _ in outcome}):
        click.echo(f"{mutation:10}" + "".join(f"{outcome[mutation, column]:20}" for column in columns))


@main.command()
@click.option("--count", default=1_000, show_default=True)
@click.option("--jobs", default=40, show_default=True, help="Whole jobs among them.")
@_seed
@_folder
def manifests(count: int, jobs: int, seed: int, folder: Path | None) -> None:
    """Damage manifests, read them, and run some; only refusals in words are allowed."""
    folder = _begin(folder)
    (folder / "cases").mkdir(exist_ok=True)
    photo = cv2.resize(portrait()[40:240, 140:310], (83, 97), interpolation=cv2.INTER_AREA)
    write_image(folder / "cases", bytes(cv2.imencode(".jpg", photo)[1]))
    rng = random.Random(seed)
    cases = [write_broken(rng) for _ in range(count)]
    paths = []
    for number, case in enumerate(cases):
        paths.append(folder / "cases" / f"{number:05d}")
        paths[-1].write_bytes(case.data)
    problems, outcomes = _read_all(cases, paths)
    click.echo(f"{count:,} manifests: {dict(sorted(outcomes.items()))}")
    problems += _run_some(folder, jobs, rng, cases, paths)
    _end(problems)


def _read_all(cases: list[Broken], paths: list[Path]) -> tuple[list[str], Counter[str]]:
    """Read every manifest in another process, which a native crash may take along."""
    problems, outcomes = [], Counter[str]()
    pool = _new_pool()
    for case, path in zip(cases, paths, strict=True):
        try:
            outcome, ids = pool.submit(_read, str(path)).result(_CASE_TIMEOUT_S)
        except BrokenProcessPool:
            outcome, ids = "the process crashed", None
        except TimeoutError:
            outcome, ids = f"it hung for {_CASE_TIMEOUT_S} s", None
        if outcome not in {"refused", "read"}:
            problems.append(f"{path.name} ({case.name}): {outcome}")
            pool.shutdown(wait=False, cancel_futures=True)
            pool = _new_pool()
        elif case.ids is not None and ids != case.ids:
            changed = sorted({*(ids or ())} ^ {*case.ids})
            problems.append(f"{path.name} ({case.name}): ids changed: {changed}"[:300])
        outcomes[outcome if outcome in {"refused", "read"} else "wrong"] += 1
    pool.shutdown()
    return problems, outcomes


def _new_pool() -> futures.ProcessPoolExecutor:
    return futures.ProcessPoolExecutor(1, initializer=_limit_memory)


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (_CASE_MEMORY, _CASE_MEMORY))


def _read(location: str) -> tuple[str, tuple[str, ...] | None]:
    """How it went, and the ids where all of the manifest could be read."""
    try:
        manifest = open_manifest(location, ManifestSettings())
        check_ids(manifest)
        rows = [manifest.read(part) for part in manifest.slices(7)]
        ids = tuple(face_id for piece in rows for face_id in piece.face_id)
        if len(ids) != manifest.n_rows:
            return f"{manifest.n_rows} rows were counted, {len(ids)} read", None
        return "read", ids
    except PipelineError as error:
        if "\n" in str(error).strip() or len(str(error)) > 5000:
            return f"a refusal of {len(str(error))} characters or several lines: {str(error)[:300]!r}", None
        return "refused", None
    except Exception:
        return traceback.format_exc(limit=-3), None


def _run_some(
    folder: Path, jobs: int, rng: random.Random, cases: list[Broken], paths: list[Path]
) -> list[str]:
    """Whole jobs: half of them on sound manifests with hostile ids, half on damaged ones."""
    model = write_tiny_network(folder / "tiny.onnx")
    config = load_config(None, [f"pose.model={model}", *_SETTINGS, "output.faces_per_part=8"])
    chosen = [(cases[i], paths[i]) for i in rng.sample(range(len(cases)), jobs // 2)]
    for number in range(jobs - len(chosen)):
        path = folder / "cases" / f"hostile-{number:03d}"
        case = hostile(rng)
        path.write_bytes(case.data)
        chosen.append((case, path))
    problems, outcomes = [], Counter[str]()
    with ray_session(EngineSettings(cpus=2)):
        for case, path in chosen:
            out = folder / "jobs" / path.name
            try:
                run_job(str(path), str(out), config, say=lambda text: None)
            except (PipelineError, FpnError):
                outcomes["refused"] += 1
            except Exception:
                outcomes["wrong"] += 1
                problems.append(f"job {path.name} ({case.name}): {traceback.format_exc(limit=-3)}")
            else:
                outcomes["done"] += 1
                problems += [
                    f"job {path.name} ({case.name}): {problem}" for problem in _judge(case, path, out)
                ]
    click.echo(f"{jobs} whole jobs: {dict(sorted(outcomes.items()))}")
    return problems


def _judge(case: Broken, path: Path, out: Path) -> list[str]:
    """What is wrong with the results of a job."""
    problems = verify(Folder(str(out))).problems
    found: list[str] = []
    for file in [*(out / "poses").glob("*.parquet"), *(out / "rejects").glob("*.parquet")]:
        found += pq.read_table(file)["face_id"].to_pylist()
    expected = case.ids if case.ids is not None else _read(str(path))[1]
    if sorted(found) != sorted(expected or ()):
        problems.append(f"the ids are not the manifest's: {sorted(set(found) ^ set(expected or ()))[:5]}")
    reasons: set[str] = set()
    for file in (out / "rejects").glob("*.parquet"):
        reasons |= set(pq.read_table(file)["reason"].to_pylist())
    problems += [f"reason {reason}" for reason in reasons - DOCUMENTED | reasons & {"internal_error"}]
    for file in (out / "views").glob("*.tar"):
        with tarfile.open(file) as tar:
            problems += [f"member {name!r}" for name in tar.getnames() if not _MEMBER.fullmatch(name)]
    return problems


def _end(problems: list[str]) -> None:
    click.echo(f"violations  {len(problems)}")
    for problem in problems:
        click.echo(f"  {problem[:1500]}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
