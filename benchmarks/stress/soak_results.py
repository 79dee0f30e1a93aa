"""What a job left in its output folder, read without code of the job."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

_FOLDERS = ("poses", "views", "rejects", "_ledger")


def results(out: Path) -> dict[str, str]:
    """Name -> SHA-256 of every result; temporary files begin with a dot and are none."""
    files = [file for kind in _FOLDERS for file in sorted((out / kind).glob("*"))]
    return {
        str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if not file.name.startswith(".")
    }


def torn(out: Path) -> list[str]:
    """Committed parts whose files are not as their ledger entry says."""
    problems = []
    for entry in sorted((out / "_ledger").glob("part-*.json")):
        try:
            files = json.loads(entry.read_bytes())["files"]
        except ValueError:
            problems.append(f"{entry.name} is torn")
            continue
        for name, written in files.items():
            data = (out / name).read_bytes() if (out / name).exists() else b""
            if hashlib.sha256(data).hexdigest() != written["sha256"]:
                problems.append(f"{name} is not as {entry.name} says")
    return problems


def lost_and_twice(manifest: Path, out: Path) -> tuple[int, int]:
    """Faces of the manifest that are in no result, and faces that are in two."""
    found = Counter[str]()
    for file in [*(out / "poses").glob("*.parquet"), *(out / "rejects").glob("*.parquet")]:
        found.update(pq.read_table(file, columns=["face_id"])["face_id"].to_pylist())
    expected = pq.read_table(manifest, columns=["face_id"])["face_id"].to_pylist()
    strangers = len(set(found) - set(expected))
    return sum(face_id not in found for face_id in expected), sum(n > 1 for n in found.values()) + strangers
