"""Fuzz tests of how inputs are read: no face may be lost in silence.

    python benchmarks/stress/fuzz_inputs.py containers --count 2000
    python benchmarks/stress/fuzz_inputs.py web --count 2000
    python benchmarks/stress/fuzz_inputs.py parquet --count 500

`containers` damages tar and RecordIO files: all faces must be there or counted, or the file refused. `web`
reads photos from a server on loopback that answers by random scripts. `parquet` carries columns of every type
through a manifest and into results. Each exits with 1 where anything is lost, or an error is none of the
program's own.
"""

import datetime
import decimal
import io
import json
import random
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError, StorageUnavailableError
from pipeline.io import web
from pipeline.io.backoff import ATTEMPTS, ATTEMPTS_AT_ONE_FILE, patiently
from pipeline.io.recordio import RecordWriter
from pipeline.io.storage import read_file
from pipeline.manifest import check_ids, open_manifest
from pipeline.manifest.build.records import RecordSource
from pipeline.stages.batches import FinishedFace, View
from pipeline.stages.write import poses_file, views_file

FACES = 6
_BLOCK = 512


@dataclass
class Found:
    """What came of many cases."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, case: str, run: Callable[[], str]) -> None:
        """Run a case, which gives its outcome in a word; errors that are none of the program's are faults."""
        try:
            self.outcomes[run()] += 1
        except ManifestError as error:
            self.outcomes["refused"] += 1
            if "\n" in str(error):
                self.faults.append(f"{case}: an error of several lines: {error}")
        except Exception as error:
            self.faults.append(f"{case}: {type(error).__name__}: {error}")


def fuzz_tars(count: int, seed: int, folder: Path) -> Found:
    """Damage tar files of six faces in every format that Python writes."""
    found, rng = Found(), random.Random(seed)
    for number in range(count):
        kind = rng.choice(sorted(_DAMAGE))
        whole = _tar(rng)
        path = folder / f"{number}.tar"
        path.write_bytes(_DAMAGE[kind](bytearray(whole), rng))

        def read(path: Path = path, kind: str = kind) -> str:
            manifest = open_manifest(str(path), ManifestSettings())
            rows = [manifest.read(part) for part in manifest.slices(4)]
            if sum(map(len, rows)) != manifest.n_rows:
                raise AssertionError("slices have other rows than the manifest")
            if manifest.n_rows + sum(n for _, n in manifest.passed_over) < FACES:
                raise AssertionError(f"{manifest.n_rows} of {FACES} faces")
            return f"read, {kind}"

        found.add(f"tar {number} ({kind}, seed {seed})", read)
        path.unlink()
    return found


def fuzz_records(count: int, seed: int, folder: Path) -> Found:
    """Damage RecordIO files of six faces, and their indices."""
    found, rng = Found(), random.Random(seed)
    for number in range(count):
        kind = rng.choice(sorted(_DAMAGE))
        records, index = io.BytesIO(), io.BytesIO()
        writer = RecordWriter(records, index)
        for key in range(FACES):
            writer.write(key, float(key), rng.randbytes(rng.randint(1, 900)))
        path = folder / "a.rec"
        of_the_index = rng.random() < 0.2
        path.write_bytes(
            records.getvalue() if of_the_index else _DAMAGE[kind](bytearray(records.getvalue()), rng)
        )
        damaged = _DAMAGE[kind](bytearray(index.getvalue()), rng) if of_the_index else index.getvalue()
        path.with_suffix(".idx").unlink(missing_ok=True)
        if rng.random() < 0.7 or of_the_index:
            path.with_suffix(".idx").write_bytes(damaged)

        def read(path: Path = path, kind: str = kind) -> str:
            source = RecordSource(str(path), str(path.parent))
            items = list(source.photos())
            if len(items) < FACES and not source.note():
                raise AssertionError(f"{len(items)} of {FACES} records, and no note")
            return f"read, {kind}"

        found.add(f"rec {number} ({kind}, index {of_the_index}, seed {seed})", read)
    return found


def _tar(rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    form = rng.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    long = "long/" * 30 if form != tarfile.USTAR_FORMAT and rng.random() < 0.3 else ""
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for n in range(FACES):
            members = {"jpg": rng.randbytes(rng.choice([0, 100, 512, 1500]))}
            members["json"] = json.dumps({"box": [n, 1, 2, 3], "subject": rng.choice([n, str(n)])}).encode()
            for ending, data in members.items():
                info = tarfile.TarInfo(f"{long}face{n}{rng.choice(['', '.v1'])}.{ending}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _flip(data: bytearray, rng: random.Random) -> bytes:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _zero_block(data: bytearray, rng: random.Random) -> bytes:
    """A block of zeros, as a disk leaves it, before the last faces: zeros at the end are the end."""
    at = rng.randrange(max(1, len(data) // (2 * _BLOCK))) * _BLOCK
    data[at : at + _BLOCK] = bytes(min(_BLOCK, len(data) - at))
    return bytes(data)


def _overwrite(data: bytearray, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data) + 1), rng.randint(1, 700)
    data[at : at + size] = rng.randbytes(min(size, len(data) - at))
    return bytes(data)


def _cut(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: rng.randrange(len(data) + 1)])


def _leave_out(data: bytearray, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice([1, 7, _BLOCK])]
    return bytes(data)


def _insert(data: bytearray, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return bytes(data[:at]) + rng.randbytes(rng.choice([1, 7, _BLOCK])) + bytes(data[at:])


def _join(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data) * 2


_DAMAGE: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "none": lambda data, rng: bytes(data),
    "flip": _flip,
    "zero": _zero_block,
    "overwrite": _overwrite,
    "cut": _cut,
    "leave out": _leave_out,
    "insert": _insert,
    "join": _join,
}

# How a server can answer, and what that means.
_PASSING = ("503", "429", "502", "504", "408", "reset")
_ONE_FILES = ("500", "cut")
_LAST = {"whole": "read", "404": "missing", "410": "missing", "403": "not given", "400": "not given"}
_BODY = bytes(range(256)) * 8


def fuzz_web(count: int, seed: int) -> Found:
    """Read photos from a server whose answers follow random scripts, and compare with what they mean."""
    found, rng = Found(), random.Random(seed)
    scripts: dict[str, list[str]] = {}
    with (
        mock.patch.object(web, "patiently", lambda action: patiently(action, lambda pause_s: None)),
        _server(scripts) as address,
    ):
        for number in range(count):
            faults = [rng.choice((*_PASSING, *_ONE_FILES)) for _ in range(rng.choice([0, 0, 1, 2, 3, 8]))]
            script = [*faults, rng.choice(["whole", *_LAST])]
            path = f"/{number} {rng.choice(['a.jpg', 'b#1.jpg', 'c.jpg?x=1&y=%20', 'é.jpg'])}"
            scripts[web.encoded_url(f"http://h{path}").removeprefix("http://h")] = list(script)

            def read(path: str = path, script: list[str] = script) -> str:
                outcome, expected = _outcome(address + path), _expected(script)
                if outcome != expected:
                    raise AssertionError(f"{script} was {outcome!r}, should be {expected!r}")
                return outcome

            found.add(f"web {number} (seed {seed})", read)
    return found


def _outcome(url: str) -> str:
    try:
        return "read" if read_file(url, 10**6) == _BODY else "other bytes"
    except StorageUnavailableError:
        return "unavailable"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return "not given" if "\n" not in str(error) else "a trace"


def _expected(script: list[str]) -> str:
    for attempt, answer in enumerate(script, 1):
        if answer in _LAST:
            return _LAST[answer]
        if answer in _ONE_FILES and attempt >= ATTEMPTS_AT_ONE_FILE:
            return "not given"
        if attempt == ATTEMPTS:
            return "unavailable"
    raise AssertionError("a script has an end")


@contextmanager
def _server(scripts: dict[str, list[str]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            script = scripts[self.path]
            answer = script.pop(0) if len(script) > 1 else script[0]
            if answer == "reset":
                self.close_connection = True
                return
            good = answer in ("whole", "cut")
            self.send_response(200 if good else int(answer))
            self.send_header("Content-Length", str(len(_BODY) if good else 0))
            self.end_headers()
            if good:
                self.wfile.write(_BODY if answer == "whole" else _BODY[:300])
            self.close_connection |= answer == "cut"

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _column(rng: random.Random, rows: int, depth: int = 0) -> pa.Array:
    """Values of a random type; a third of them are null."""
    make = {
        "int64": lambda: pa.array([rng.randrange(-(2**63), 2**63) for _ in range(rows)], pa.int64()),
        "uint64": lambda: pa.array([rng.randrange(2**64) for _ in range(rows)], pa.uint64()),
        "int8": lambda: pa.array([rng.randrange(-128, 128) for _ in range(rows)], pa.int8()),
        "half": lambda: pa.array([rng.random() for _ in range(rows)], pa.float16()),
        "float": lambda: pa.array([rng.choice([rng.random(), float("inf")]) for _ in range(rows)]),
        "truth": lambda: pa.array([rng.random() < 0.5 for _ in range(rows)], pa.bool_()),
        "bool8": lambda: pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1] * rows, pa.int8())),
        "uuid": lambda: pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([rng.randbytes(16) for _ in range(rows)], pa.binary(16))
        ),
        "text": lambda: pa.array([rng.choice(["", "é\n", "x" * 300]) for _ in range(rows)]),
        "large text": lambda: pa.array(["é"] * rows, pa.large_string()),
        "text view": lambda: pa.array(["x" * rng.randrange(40) for _ in range(rows)], pa.string_view()),
        "bytes view": lambda: pa.array([rng.randbytes(20) for _ in range(rows)], pa.binary_view()),
        "bytes": lambda: pa.array([rng.randbytes(rng.randrange(9)) for _ in range(rows)], pa.binary()),
        "labels": lambda: pa.array([rng.choice("abc") for _ in range(rows)]).dictionary_encode(),
        "date": lambda: pa.array([rng.randrange(-(2**31), 2**31) for _ in range(rows)], pa.int32()).cast(
            pa.date32()
        ),
        "time": lambda: pa.array([rng.randrange(10**9) for _ in range(rows)], pa.time64("ns")),
        "far": lambda: pa.array([rng.randrange(-(2**62), 2**62) for _ in range(rows)]).cast(
            pa.timestamp(rng.choice(["ms", "us", "ns"]), rng.choice([None, "UTC", "Mars/Phobos"]))
        ),
        "duration": lambda: pa.array([rng.randrange(-(2**62), 2**62) for _ in range(rows)]).cast(
            pa.duration(rng.choice(["ms", "us", "ns"]))
        ),
        "price": lambda: pa.array([decimal.Decimal(rng.randrange(10**9)) / 100 for _ in range(rows)]).cast(
            rng.choice([pa.decimal128(20, 2), pa.decimal256(60, 2)])
        ),
        "nothing": lambda: pa.nulls(rows),
        "born": lambda: pa.array([datetime.date(2000, 1, 2)] * rows),
    }
    if depth < 2:
        make["list"] = lambda: _nested(rng, rows, depth)
        make["struct"] = lambda: pa.StructArray.from_arrays(
            [_column(rng, rows, 2), _column(rng, rows, depth + 1)], ["a", "b"]
        )
    column = make[rng.choice(sorted(make))]()
    if rng.random() < 0.5 or isinstance(column, pa.ExtensionArray) or pa.types.is_null(column.type):
        return column
    return _with_nulls(column, rng)


def _nested(rng: random.Random, rows: int, depth: int) -> pa.Array:
    offsets = np.cumsum([0, *(rng.randrange(4) for _ in range(rows))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _column(rng, int(offsets[-1]), depth + 1))


def _with_nulls(column: pa.Array, rng: random.Random) -> pa.Array:
    pieces = [
        column.slice(i, 1) if rng.random() < 0.7 else pa.nulls(1, column.type) for i in range(len(column))
    ]
    return pa.concat_arrays(pieces) if pieces else column


def fuzz_parquet(count: int, seed: int, folder: Path) -> Found:
    """Carry columns of random types through a manifest and into the files of a part."""
    found, rng = Found(), random.Random(seed)
    for number in range(count):
        rows = rng.randint(1, 40)
        columns = {f"c{n}": _column(rng, rows) for n in range(rng.randint(1, 6))}
        ids = [f"face {n}" for n in range(rows)]
        kinds = [pa.string(), pa.large_string(), pa.string_view()]
        table = pa.table(
            {
                "face_id": pa.array(range(rows)) if rng.random() < 0.2 else pa.array(ids, rng.choice(kinds)),
                "image": pa.array(ids, rng.choice(kinds)),
                **{name: pa.array([1.0] * rows) for name in ("x", "y", "width", "height")},
                **columns,
            }
        )
        path = folder / f"{number}.parquet"
        try:
            pq.write_table(table, path, row_group_size=rng.randint(1, rows))
        except pa.ArrowNotImplementedError:  # views of text inside lists cannot be cut into groups
            pq.write_table(table, path)
        read = pq.read_table(path)  # Parquet itself has fewer types than Arrow

        def carry(path: Path = path, table: pa.Table = read, names: tuple[str, ...] = (*columns,)) -> str:
            manifest = open_manifest(str(path), ManifestSettings())
            check_ids(manifest)
            taken = [manifest.read(part) for part in manifest.slices(7)]
            faces = [
                _finished(rows.carried.slice(i, 1), n)
                for n, (rows, i) in enumerate((rows, i) for rows in taken for i in range(len(rows)))
            ]
            out = pq.read_table(io.BytesIO(poses_file(faces, 0, manifest.carried_schema, landmarks=False)))
            for name in names:
                before, after = table[name], out[name]
                if pa.types.is_dictionary(before.type):
                    before = before.cast(before.type.value_type)
                if not after.equals(before.cast(after.type)):
                    raise AssertionError(f"{name} ({before.type}) came out as other values")
            views_file(faces, 0, {n: n for n in range(len(faces))}, "head", "jpg")
            return "carried"

        found.add(f"parquet {number} (seed {seed}, {[str(c.type) for c in columns.values()]})", carry)
        path.unlink()
    return found


def _finished(carried: pa.Table, row: int) -> FinishedFace:
    vector = np.zeros(3)
    return FinishedFace(
        row=row,
        face_id=str(row),
        image="a.jpg",
        image_wh_px=(1, 1),
        box_xywh_px=np.zeros(4),
        crop_xyxy_px=np.zeros(4),
        rvec_rad=vector,
        tvec_mm=vector,
        ypr_deg=vector,
        projection=np.zeros((3, 4)),
        landmarks_xy_px=np.zeros((68, 2)),
        confidence=None,
        mirrored=False,
        views=(View("0", 0.0, b"jpg", 1.0, 0.0),),
        aligned=None,
        carried=carried,
    )


@click.group(help=__doc__)
def main() -> None:
    pass


_seed = click.option("--seed", default=0, show_default=True)


@main.command()
@click.option("--count", default=2000, show_default=True, help="Of each kind.")
@_seed
def containers(count: int, seed: int) -> None:
    """Damaged tar and RecordIO files."""
    with tempfile.TemporaryDirectory() as folder:
        _show("tar files", lambda: fuzz_tars(count, seed, Path(folder)))
        _show("RecordIO files", lambda: fuzz_records(count, seed, Path(folder)))


@main.command("web")
@click.option("--count", default=2000, show_default=True)
@_seed
def web_command(count: int, seed: int) -> None:
    """Answers of a server on loopback."""
    _show("sequences of answers", lambda: fuzz_web(count, seed))


@main.command()
@click.option("--count", default=500, show_default=True)
@_seed
def parquet(count: int, seed: int) -> None:
    """Parquet files of all types."""
    with tempfile.TemporaryDirectory() as folder:
        _show("Parquet files", lambda: fuzz_parquet(count, seed, Path(folder)))


def _show(what: str, run: Callable[[], Found]) -> None:
    began_s = time.process_time()
    found = run()
    cases = found.outcomes.total() + len(found.faults)
    click.echo(f"{cases:,} {what} in {time.process_time() - began_s:.1f} s of processor time")
    for outcome, count in sorted(found.outcomes.items()):
        click.echo(f"  {count:6,} {outcome}")
    for fault in found.faults[:10]:
        click.echo(f"  FAULT {fault[:300]}")
    if found.faults:
        click.echo(f"error: {len(found.faults)} faults", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
