"""The unfinished manifest: what was found in each chunk of a source, kept so that a stopped build can go on.

A chunk exists once its rejects do, which are written last and carry the digest of what it was made from. A
chunk whose photos or settings have changed since is made anew.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder
from pipeline.manifest import BOX_COLUMNS
from pipeline.manifest.build.find import Chunk, Found

POINTS = "face_points_xy_px"
REJECT_SCHEMA = pa.schema([("image", pa.string()), ("reason", pa.string()), ("detail", pa.string())])


def face_schema(columns: tuple[str, ...], *, with_score: bool) -> pa.Schema:
    """Columns of a manifest: those of the contract, the detector's score and points, and those of the
    source."""
    score = [("face_score", pa.float32()), (POINTS, pa.list_(pa.float32()))] if with_score else []
    return pa.schema(
        [
            ("face_id", pa.string()),
            ("image", pa.string()),
            *((name, pa.float64()) for name in BOX_COLUMNS),
            *score,
            *((name, pa.string()) for name in columns),
        ]
    )


@dataclass
class Totals:
    """What is in a manifest, and what is not."""

    images: int = 0
    faces: int = 0
    left_out: int = 0
    """Faces that were found, but not asked for."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Images without a row, by reason."""

    def add(self, other: "Totals") -> None:
        """Count a chunk."""
        self.images += other.images
        self.faces += other.faces
        self.left_out += other.left_out
        self.rejected += other.rejected

    @property
    def with_faces(self) -> int:
        """Images that have rows."""
        return self.images - self.rejected.total()


@dataclass(frozen=True)
class ChunkStore:
    """The folder of an unfinished manifest."""

    folder: Folder
    schema: pa.Schema
    settings: str
    """All that decides what is found in a photo, as text."""

    def digest(self, chunk: Chunk) -> str:
        """Of what a chunk is made from."""
        return hashlib.sha256(
            f"{self.settings}\n{chunk.items!r}".encode("utf-8", "surrogatepass")
        ).hexdigest()

    def write(self, number: int, chunk: Chunk, found: Found) -> Totals:
        """Keep what was found in a chunk."""
        rows = found.faces
        columns = {
            "face_id": [face.face_id for face in rows],
            "image": [face.image for face in rows],
            **{name: [f.box_xywh_px[i] for f in rows] for i, name in enumerate(BOX_COLUMNS)},
        }
        if "face_score" in self.schema.names:
            columns["face_score"] = [face.score for face in rows]
            columns[POINTS] = [face.points_xy_px for face in rows]
        values = [name for name in self.schema.names if name not in columns]
        columns |= {name: [face.values[i] for face in rows] for i, name in enumerate(values)}
        refused = pa.table(
            {
                "image": [item.image for item in found.refused],
                "reason": [str(item.reason) for item in found.refused],
                "detail": [item.detail for item in found.refused],
            },
            REJECT_SCHEMA,
        )
        reasons = Counter(str(item.reason) for item in found.refused)
        totals = Totals(len(chunk.items), len(rows), found.left_out, reasons)
        record = {"digest": self.digest(chunk), "totals": vars(totals)}
        self.folder.write(_faces_name(number), _parquet(pa.table(columns, self.schema)))
        metadata = {"faceposenet": json.dumps(record)}
        self.folder.write(_rejects_name(number), _parquet(refused.replace_schema_metadata(metadata)))
        return totals

    def totals(self, number: int, chunk: Chunk) -> Totals | None:
        """What an earlier run counted in the same chunk, or None where it has to be made."""
        data = self.folder.read(_rejects_name(number))
        if data is None:
            return None
        metadata = pq.read_schema(io.BytesIO(data)).metadata or {}
        record = json.loads(metadata.get(b"faceposenet", b"{}"))
        if record.get("digest") != self.digest(chunk):
            return None
        counts = record["totals"]
        return Totals(**{**counts, "rejected": Counter(counts["rejected"])})

    def faces(self, count: int) -> Iterator[pa.Table]:
        """The rows of so many chunks, in order."""
        return (self._table(_faces_name(number)) for number in range(count))

    def rejects(self, count: int) -> Iterator[pa.Table]:
        """The rejects of so many chunks, in order."""
        return (self._table(_rejects_name(number)).replace_schema_metadata() for number in range(count))

    def _table(self, name: str) -> pa.Table:
        data = self.folder.read(name)
        if data is None:
            raise StorageError(
                f"{name!r} is gone from {self.folder.location!r}; the same command makes it anew"
            )
        return read_parquet(data)


def _faces_name(number: int) -> str:
    return f"faces/chunk-{number:06d}.parquet"


def _rejects_name(number: int) -> str:
    return f"rejects/chunk-{number:06d}.parquet"


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())
