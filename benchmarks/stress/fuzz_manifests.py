"""Broken and hostile manifests: text and Parquet, damaged in their bytes, columns, types and ids."""

import codecs
import csv
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

IMAGE = "face.jpg"
BOX = {"x": 20.0, "y": 10.0, "width": 40.0, "height": 48.0}
_ORIGINAL = {"ID": "face_id", "FILE": "image", "FACE_X": "x", "FACE_Y": "y"} | {
    "FACE_WIDTH": "width",
    "FACE_HEIGHT": "height",
}
HOSTILE_IDS = (
    *("../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "C:\\Windows\\x", "~root", "$(reboot)", "`id`"),
    *("two\nlines", "carriage\rreturn", "tab\tbed", "nul\0inside", " leading", "trailing ", "'quote'", '"'),
    *("pay\u0440al", "paypal", "e\u0301", "\u00e9", "\u202egpj.exe", "\ufeffmarked", "zero\u200bwidth", "😀"),
    *(
        "x" * 10_000,
        "=1+1",
        "-1",
        "NaN",
        "null",
        "None",
        "true",
        "0",
        "00",
        "1e3",
        "{}",
        "a,b",
        "part-000000",
    ),
    *("\u2028line", "\x85next", "\x0bvertical", "\x1cfile", "%2e%2e%2f", "face.40.jpg", "\U0010ffff", "\x7f"),
)


@dataclass(frozen=True)
class Broken:
    """A manifest and, where it is a sound one, the ids that must come out."""

    name: str
    data: bytes
    ids: tuple[str, ...] | None = None


def sound_ids(rng: random.Random) -> list[str]:
    return [f"id-{rng.randrange(10**9)}-{i}" for i in range(rng.randrange(1, 30))]


def write_broken(rng: random.Random) -> Broken:
    """One manifest, of any kind and damage."""
    make = rng.choice((_broken_text, _broken_text, _broken_bytes_of_parquet, _broken_columns, hostile))
    return make(rng)


def hostile(rng: random.Random) -> Broken:
    """A sound manifest with ids that try to be more than names."""
    ids = rng.sample(HOSTILE_IDS, rng.randrange(5, len(HOSTILE_IDS)))
    if rng.random() < 0.6:
        return Broken("hostile ids, parquet", _parquet(_table(ids)), tuple(ids))
    one_line = [face_id for face_id in ids if not {"\n", "\r", "\0"} & set(face_id)]
    return Broken("hostile ids, csv", _csv(one_line).encode(), tuple(one_line))


def _table(ids: Sequence[str]) -> pa.Table:
    box = {name: [value] * len(ids) for name, value in BOX.items()}
    extra = {"subject_id": [f"s{i}" for i in range(len(ids))]}
    return pa.table({"face_id": list(ids), "image": [IMAGE] * len(ids), **box, **extra})


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def _csv(ids: Sequence[str], header: Sequence[str] = ("face_id", "image", *BOX, "label")) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([face_id, IMAGE, *BOX.values(), "l"][: len(header)] for face_id in ids)
    return text.getvalue()


def _list(count: int) -> str:
    return f"{IMAGE},{','.join(str(value) for value in BOX.values())}\n" * count


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 3, 20))):
        # Parquet keeps its plan at the end.
        near_end = rng.random() < 0.4
        reach = min(len(changed), 600) if near_end else len(changed)
        changed[len(changed) - 1 - rng.randrange(reach)] = rng.randrange(256)
    return bytes(changed)


def _insert(data: bytes, what: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + what + data[at:]


def _broken_text(rng: random.Random) -> Broken:
    ids = sound_ids(rng)
    headers = (("face_id", "image", *BOX, "label"), tuple(_ORIGINAL), ("face_id", "image", *BOX))
    text = _list(len(ids)) if rng.random() < 0.25 else _csv(ids, rng.choice(headers))
    name = rng.choice(sorted(_TEXT))
    return Broken(f"text, {name}", _TEXT[name](text, rng))


_ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp500", "utf-7")
_TEXT: dict[str, Callable[[str, random.Random], bytes]] = {
    "bytes flipped": lambda text, rng: _flip(text.encode(), rng),
    "truncated": lambda text, rng: text.encode()[: rng.randrange(len(text) + 1)],
    "NULs": lambda text, rng: _insert(text.encode(), b"\0" * rng.randrange(1, 9), rng),
    "other encoding": lambda text, rng: text.replace("id-", "ïd-").encode(rng.choice(_ENCODINGS)),
    "latin-1": lambda text, rng: _insert(text.encode(), "Müller".encode("latin-1"), rng),
    "two byte order marks": lambda text, rng: codecs.BOM_UTF8 * 2 + text.encode(),
    "huge field": lambda text, rng: _insert(text.encode(), b"y" * rng.choice((10_000, 140_000, 2**21)), rng),
    "quotes": lambda text, rng: _insert(text.encode(), rng.choice((b'"', b'""', b'"\n', b"'")), rng),
    "commas": lambda text, rng: _insert(text.encode(), b"," * rng.choice((1, 5, 50_000)), rng),
    "line breaks": lambda text, rng: _insert(
        text.encode(), rng.choice((b"\r", b"\r\n\r\n", b"\n \n", b"\v")), rng
    ),
    "old Mac": lambda text, rng: text.replace("\n", "\r").encode(),
    "semicolons": lambda text, rng: text.replace(",", ";").encode(),
    "column dropped": lambda text, rng: "\n".join(
        line.partition(",")[2] for line in text.split("\n")
    ).encode(),
    "column twice": lambda text, rng: text.replace("image", "face_id", 1).encode(),
    "numbers in words": lambda text, rng: text.replace(
        "20.0", rng.choice(("", "ten", "1_0", "٣", "inf"))
    ).encode(),
    "ids repeated": lambda text, rng: (text + text.partition("\n")[2]).encode(),
    "noise": lambda text, rng: rng.randbytes(rng.randrange(3000)),
    "parquet's magic": lambda text, rng: b"PAR1" + text.encode() + b"PAR1",
    "header only": lambda text, rng: text.partition("\n")[0].encode(),
}


def _broken_bytes_of_parquet(rng: random.Random) -> Broken:
    options = {"compression": rng.choice(("none", "snappy", "zstd")), "row_group_size": rng.choice((3, 100))}
    data = _parquet(_table(sound_ids(rng)), **options)
    kind = rng.randrange(4)
    if kind == 0:
        return Broken("parquet, truncated", data[: rng.randrange(len(data))])
    if kind == 1:
        return Broken(
            "parquet, spliced", data[: rng.randrange(4, len(data))] + data[-rng.randrange(8, 500) :]
        )
    return Broken("parquet, bytes flipped", _flip(data, rng))


def _broken_columns(rng: random.Random) -> Broken:
    table = _table(sound_ids(rng))
    name = rng.choice(table.column_names)
    at = table.column_names.index(name)
    change = rng.randrange(4)
    if change == 0:
        return Broken(f"parquet, no {name}", _parquet(table.drop_columns([name])))
    if change == 1:
        new = rng.choice((name.upper(), name + " ", "", "face_id", "part", "yaw_deg", "image_bytes", "n\0l"))
        names = [new if i == at else old for i, old in enumerate(table.column_names)]
        return Broken(f"parquet, {name} called {new!r}", _parquet(table.rename_columns(names)))
    if change == 2:
        holes = [value if rng.random() < 0.7 else None for value in table[name].to_pylist()]
        return Broken(
            f"parquet, holes in {name}",
            _parquet(table.set_column(at, name, pa.array(holes, table[name].type))),
        )
    kind = rng.choice(sorted(_TYPES))
    column = _TYPES[kind](table.num_rows)
    return Broken(f"parquet, {name} as {kind}", _parquet(table.set_column(at, name, column)))


_TYPES: dict[str, Callable[[int], pa.Array]] = {
    "int64": lambda n: pa.array(range(n), pa.int64()),
    "uint64": lambda n: pa.array([2**64 - 1 - i for i in range(n)], pa.uint64()),
    "float16": lambda n: pa.array(np.arange(n, dtype=np.float16)),
    "double with NaN": lambda n: pa.array([float("nan")] * n),
    "decimal": lambda n: pa.array(range(n)).cast(pa.decimal128(30, 5)),
    "bool": lambda n: pa.array([i % 2 == 0 for i in range(n)]),
    "null": pa.nulls,
    "list": lambda n: pa.array([[i] for i in range(n)]),
    "struct": lambda n: pa.array([{"a": i} for i in range(n)]),
    "map": lambda n: pa.array([[("a", i)] for i in range(n)], pa.map_(pa.string(), pa.int64())),
    "timestamp": lambda n: pa.array(range(n), pa.timestamp("ns")),
    "duration": lambda n: pa.array(range(n), pa.duration("s")),
    "dictionary": lambda n: pa.array([f"d{i}" for i in range(n)]).dictionary_encode(),
    "large_string": lambda n: pa.array([f"l{i}" for i in range(n)], pa.large_string()),
    "string_view": lambda n: pa.array([f"v{i}" for i in range(n)], pa.string_view()),
    "binary": lambda n: pa.array([bytes([255, i]) for i in range(n)]),
    "fixed binary": lambda n: pa.array([bytes([255, i]) for i in range(n)], pa.binary(2)),
    "text that is no UTF-8": lambda n: pa.array([bytes([255, i]) for i in range(n)]).view(pa.string()),
    "numbers in text": lambda n: pa.array([str(i) for i in range(n)]),
}


def write_image(folder: Path, data: bytes) -> None:
    """The one image that all manifests name."""
    (folder / IMAGE).write_bytes(data)
