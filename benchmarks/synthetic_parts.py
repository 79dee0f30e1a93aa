"""Outputs with very many parts, made in seconds, to measure the tools around a job.

    python benchmarks/synthetic_parts.py /tmp/big --parts 10000

Every part has the same files, hard-linked, and a ledger entry of its own. So ids repeat, which `fpn verify`
reports.
"""

import argparse
import io
import json
import os
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from pipeline.config.settings import load_config
from pipeline.job.fingerprint import fingerprint_of
from pipeline.job.ledger import LedgerEntry, entry_bytes, part_files, written_file
from pipeline.stages.write import REJECT_SCHEMA, parquet_file, pose_schema

VIEWS = ("0", "22", "40", "55", "75")
_CARRIED = pa.schema([("subject_id", pa.string())])


def write_output(out: Path, parts: int, faces: int = 512, picture_bytes: int = 64) -> None:
    """Write the output of a job that never was.

    Args:
        out: A folder that is not there yet.
        parts: Number of parts.
        faces: Faces of each, of which one in a hundred is rejected.
        picture_bytes: Least size of a view.
    """
    config = load_config(overrides=[f"output.faces_per_part={faces}"])
    inputs = {
        "format": 1,
        "manifest": {"kind": "csv", "rows": parts * faces, "sha256": "", "carried": {"subject_id": "string"}},
        "model": {"name": "none", "sha256": "0" * 64},
        "head": {"name": "open-mean", "sha256": "0" * 64},
        "settings": config.result_settings(),
    }
    fingerprint = fingerprint_of(inputs)
    job = {"inputs": inputs, "fingerprint": fingerprint, "config": config.shown()}
    job |= {"manifest_location": str(out.with_suffix(".csv")), "manifest_files": []}
    template = _template(faces, picture_bytes)
    for folder in ("poses", "rejects", "views", "_ledger"):
        (out / folder).mkdir(parents=True)
    (out / "_job.json").write_text(json.dumps(job))
    sources = {}
    for kind, data in template.items():
        sources[kind] = out / f".{kind}"
        sources[kind].write_bytes(data)
    rejected = faces // 100
    posed = faces - rejected
    by_reason = {"image_missing": rejected} if rejected else {}
    entry = LedgerEntry(
        0,
        fingerprint,
        rows=faces,
        posed=posed,
        rejected=rejected,
        views=3 * posed,
        rejects_by_reason=by_reason,
    )
    written = {kind: written_file(data) for kind, data in template.items()}
    for part in range(parts):
        names = part_files(part, views=True)
        for kind, name in names.items():
            os.link(sources[kind], out / name)
        files = {name: written[kind] for kind, name in names.items()}
        data = entry_bytes(LedgerEntry(**{**vars(entry), "part": part, "files": files}))
        (out / f"_ledger/part-{part:06d}.json").write_bytes(data)


def _template(faces: int, picture_bytes: int) -> dict[str, bytes]:
    """The files of a part, by kind."""
    rng = np.random.default_rng(0)
    rejected = faces // 100
    ids = [f"face-{n:09d}" for n in range(faces)]
    posed = ids[rejected:]
    rejects = [
        dict(zip(REJECT_SCHEMA.names, (face_id, "decode", "image_missing", "no such file", 1, "gone.jpg", n),
                 strict=True))
        for n, face_id in enumerate(ids[:rejected])
    ]  # fmt: skip
    return {
        "poses": parquet_file(_poses(posed, rng)),
        "rejects": parquet_file(pa.Table.from_pylist(rejects, REJECT_SCHEMA)),
        "views": _shard(posed, rejected, picture_bytes, rng),
    }


def _poses(ids: list[str], rng: np.random.Generator) -> pa.Table:
    n = len(ids)
    schema = pose_schema(_CARRIED)
    columns = {
        "face_id": ids,
        "subject_id": [f"s{n // 10}" for n in range(n)],
        "image": [f"{face_id}.jpg" for face_id in ids],
        "mirrored": rng.random(n) < 0.5,
        "views": [list(VIEWS[2:])] * n,
        "views_seen_fraction": rng.random((n, 3)).tolist(),
        "views_filled_fraction": rng.random((n, 3)).tolist(),
        "part": np.zeros(n, np.int32),
    }
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        elif pa.types.is_fixed_size_list(field.type):
            width = field.type.list_size
            flat = pa.array(rng.uniform(1, 200, n * width).astype(np.float32))
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, width))
        else:
            arrays.append(pa.array(rng.normal(0, 30, n)).cast(field.type, safe=False))
    return pa.table(arrays, schema)


def _shard(ids: list[str], first: int, picture_bytes: int, rng: np.random.Generator) -> bytes:
    _, jpeg = cv2.imencode(".jpg", np.full((32, 32, 3), 128, np.uint8))
    picture = bytes(jpeg) + rng.bytes(max(0, picture_bytes - len(jpeg)))  # viewers ignore what follows a JPEG
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for n, face_id in enumerate(ids, first):
            members = dict.fromkeys((f"{view}.jpg" for view in VIEWS[2:]), picture)
            members["json"] = json.dumps({"face_id": face_id, "views": {}, "carried": {}}).encode()
            for name, data in members.items():
                info = tarfile.TarInfo(f"000000-{n:06d}.{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def main() -> None:
    """Write an output and say how long that took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--parts", type=int, default=10_000)
    parser.add_argument("--faces", type=int, default=512, help="of a part")
    parser.add_argument("--picture-bytes", type=int, default=64)
    given = parser.parse_args()
    begin_s = time.perf_counter()
    write_output(given.out, given.parts, given.faces, given.picture_bytes)
    print(f"{given.parts:,} parts of {given.faces} faces in {time.perf_counter() - begin_s:.1f} s")


if __name__ == "__main__":
    main()
