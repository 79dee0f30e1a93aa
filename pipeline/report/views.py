"""The rendered views of single faces, out of the shards of their parts."""

import io
import json
import tarfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from pipeline.errors import StorageError
from pipeline.io.backoff import patiently
from pipeline.io.storage import Folder
from pipeline.job.ledger import part_files

_READERS = 4
_BLOCK_BYTES = 2**22
Views = dict[str, np.ndarray]
"""Name of a view -> BGR or BGRA, uint8 (s, s, 3 or 4)."""


def read_views(out: Folder, wanted: Mapping[int, set[str]]) -> dict[tuple[int, str], Views]:
    """The views of faces, by part and face id; `wanted` names the ids of each part.

    Shards are read as streams, up to the last face that is wanted. A part without a shard gives nothing.

    Raises:
        StorageError: a shard that is torn or cannot be read.
    """

    def read(part: int) -> dict[str, Views]:
        name = part_files(part, views=True)["views"]
        try:
            return patiently(lambda: _read_shard(out, name, wanted[part]))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, tarfile.TarError) as error:
            raise StorageError(f"cannot read {name} in {out.location!r}: {error}. Run fpn verify") from error

    with ThreadPoolExecutor(_READERS) as pool:
        parts = sorted(wanted)
        return {
            (part, face_id): views
            for part, found in zip(parts, pool.map(read, parts), strict=True)
            for face_id, views in found.items()
        }


def _read_shard(out: Folder, name: str, face_ids: set[str]) -> dict[str, Views]:
    found: dict[str, Views] = {}
    pictures: dict[str, bytes] = {}
    with (
        out.open(name) as source,
        io.BufferedReader(source, _BLOCK_BYTES) as file,
        tarfile.open(fileobj=file, mode="r|") as tar,
    ):
        for member in tar:
            content = tar.extractfile(member)
            data = content.read() if content else b""
            _, _, kind = member.name.partition(".")
            if kind != "json":
                pictures[kind.rpartition(".")[0]] = data
                continue
            # A face's JSON is the last of its members.
            face_id = json.loads(data)["face_id"]
            if face_id in face_ids:
                found[face_id] = {view: _decode(encoded) for view, encoded in pictures.items()}
                if len(found) == len(face_ids):
                    break
            pictures = {}
    return found


def _decode(encoded: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError("a view is no picture")
    return np.asarray(picture, np.uint8)
