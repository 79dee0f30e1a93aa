"""Whether a longer manifest still begins with the rows of a job.

Where bytes can say it, they do: a text that begins with the old one, a folder whose first files are the old
ones. A Parquet file that was written again, and a packed text, are compared with the results, which hold ids,
images, boxes and carried columns.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.errors import ManifestError, StorageError
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder, resolve
from pipeline.io.tables import python_rows, take_rows
from pipeline.job.ledger import part_files
from pipeline.manifest import Manifest, Rows
from pipeline.manifest.text import TextManifest, sha256_of_all

_PIECE_BYTES = 2**22


def check_old_rows(out: Folder, job: dict[str, Any], manifest: Manifest) -> None:
    """Compare the beginning of a manifest with what the job in a folder was made from.

    Args:
        out: The job's folder.
        job: The job, as `stored_job` gives it.
        manifest: The longer manifest.

    Raises:
        ManifestError: a row is another one, or nothing says that it is not.
    """
    before, files = job["inputs"]["manifest"], job["manifest_files"]
    rows = int(before["rows"])
    if isinstance(manifest, TextManifest):
        if _begins_with(manifest, rows, files[0][0] if files else None, before["sha256"]):
            return
        if not manifest.form.packed:
            raise ManifestError(
                f"{manifest.location} does not begin with the manifest of the job, byte for byte; add rows "
                "at its end and leave the others as they are"
            )
    elif 0 < len(files) < len(manifest.pins):
        first = [pin.location for pin in manifest.pins[: len(files)]]
        if sha256_of_all(first) == before["sha256"]:
            return
        raise ManifestError(
            f"the first {len(files)} files of {manifest.location} are not those of the job; further files "
            "must come after them by name"
        )
    elif manifest.kind != "parquet":
        raise ManifestError(f"the shards of {manifest.location} have changed; add further shards instead")
    _compare_with_results(out, job, manifest)


def _begins_with(manifest: TextManifest, rows: int, size: int | None, sha256: str) -> bool:
    """Whether a text that is not packed begins with one of so many bytes and rows, and goes on on a new
    line."""
    if size is None or manifest.form.packed:
        return False
    filesystem, path = resolve(manifest.location)
    digest = hashlib.sha256()
    with filesystem.open_input_file(path) as file:
        if file.size() <= size:
            return False
        for begin in range(0, size, _PIECE_BYTES):
            digest.update(file.read_at(min(_PIECE_BYTES, size - begin), begin))
        beside = file.read_at(2, max(0, size - 1))
    new_line = any(bytes([byte]) in (b"\n", b"\r") for byte in beside)
    return digest.hexdigest() == sha256 and new_line and manifest.cut([0, rows])[1].offset >= size


def _compare_with_results(out: Folder, job: dict[str, Any], manifest: Manifest) -> None:
    plan = job["plan"]
    slices = manifest.cut([*plan.starts(), plan.n_rows])[:-1]
    for (part, _, _), piece in zip(plan.parts(), slices, strict=True):
        rows = manifest.read(piece)
        if rows.image_bytes is not None:
            raise ManifestError(
                f"{manifest.location} holds the photos and was written again, so that nothing says whether "
                "they are the same; put the new rows into a further file of a folder"
            )
        for row in _differing(out, part, rows):
            raise ManifestError(
                f"row {row} of {manifest.location} (counted from 0) is not what it was in the job; add rows "
                "at the end and leave the others as they are"
            )


def _differing(out: Folder, part: int, rows: Rows) -> Iterator[int]:
    """Rows of a part that its results show with other values. A row that was erased is passed over."""
    at = {face_id: i for i, face_id in enumerate(rows.face_id)}
    names = part_files(part, views=False)
    rejects = _read(out, names["rejects"], ["face_id", "image", "row"])
    for reject in rejects.to_pylist():
        i = at.get(reject["face_id"])
        if i is None or (rows.row[i], rows.image[i]) != (reject["row"], reject["image"]):
            yield int(reject["row"])
    poses = _read(out, names["poses"], None)
    found = [at.get(face_id, -1) for face_id in poses["face_id"].to_pylist()]
    if -1 in found:
        yield rows.row[0]
        return
    if found != sorted(found):
        yield rows.row[0]
    box = rows.box_xywh_px[found].astype(np.float32)
    there = np.array(poses["box_xywh_px"].to_pylist(), np.float32).reshape(-1, 4)
    images = [rows.image[i] for i in found]
    carried = python_rows(take_rows(rows.carried, found))
    results = python_rows(poses.select(rows.carried.column_names))
    for n, i in enumerate(found):
        same = images[n] == poses["image"][n].as_py() and (box[n] == there[n]).all()
        if not same or repr(carried[n]) != repr(results[n]):
            yield rows.row[i]


def _read(out: Folder, name: str, columns: list[str] | None) -> pa.Table:
    data = out.read(name)
    if data is None:
        raise StorageError(f"{name} is missing in {out.location!r}; run fpn verify")
    return read_parquet(data, columns)
