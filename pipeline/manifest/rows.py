"""The values that every kind of manifest gives: slices of rows with the contract's columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from pipeline.errors import ManifestError
from pipeline.io.tables import take_rows
from render_core.head import LANDMARKS

if TYPE_CHECKING:
    from pipeline.manifest.pins import Pin
    from pipeline.manifest.validate import IdsSeen

BOX_COLUMNS = ("x", "y", "width", "height")

# The original's CSV header (fpn.py of Face-Pose-Net) -> the contract's names.
ORIGINAL_COLUMNS = {
    "ID": "face_id",
    "FILE": "image",
    "FACE_X": "x",
    "FACE_Y": "y",
    "FACE_WIDTH": "width",
    "FACE_HEIGHT": "height",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive rows of a manifest, with where they lie, which each kind of manifest says in its own way:
    text by bytes, shards by a place and the samples to skip from there, Parquet not at all."""

    start: int
    count: int
    offset: int = 0
    length: int = 0


@dataclass(frozen=True)
class Rows:
    """Faces of one slice, or picked from several. All columns are of one length."""

    row: list[int]
    """Row of the manifest, from 0."""
    face_id: list[str]
    image: list[str]
    """Location as the manifest gives it; empty where it gives none."""
    image_bytes: list[bytes] | None
    box_xywh_px: np.ndarray
    """float64 (n, 4); NaN where the manifest has no number."""
    malformed: dict[int, str]
    """Position in the slice -> what is wrong with the row itself."""
    carried: pa.Table
    """The other columns, untouched."""
    landmarks_xy_px: np.ndarray | None = None
    """float64 (n, 68, 2), NaN where a face has none; None where the manifest has no such column."""
    box_text: dict[int, str] = field(default_factory=dict)
    """Position in the slice -> what the manifest has for a box that is not four numbers."""

    def __len__(self) -> int:
        return len(self.face_id)

    def slice(self, start: int, count: int) -> "Rows":
        """`count` rows from position `start` on."""
        stop = start + count
        return Rows(
            self.row[start:stop],
            self.face_id[start:stop],
            self.image[start:stop],
            None if self.image_bytes is None else self.image_bytes[start:stop],
            self.box_xywh_px[start:stop],
            {i - start: detail for i, detail in self.malformed.items() if start <= i < stop},
            self.carried.slice(start, count),
            None if self.landmarks_xy_px is None else self.landmarks_xy_px[start:stop],
            {i - start: text for i, text in self.box_text.items() if start <= i < stop},
        )

    def pick(self, positions: Sequence[int]) -> "Rows":
        """The rows at some positions, in their order."""
        return Rows(
            [self.row[i] for i in positions],
            [self.face_id[i] for i in positions],
            [self.image[i] for i in positions],
            None if self.image_bytes is None else [self.image_bytes[i] for i in positions],
            self.box_xywh_px[list(positions)],
            {n: self.malformed[i] for n, i in enumerate(positions) if i in self.malformed},
            take_rows(self.carried, positions),
            None if self.landmarks_xy_px is None else self.landmarks_xy_px[list(positions)],
            {n: self.box_text[i] for n, i in enumerate(positions) if i in self.box_text},
        )

    def box_fault(self, at: int) -> str:
        """What is wrong with the box at a position that has none of any use, in words."""
        found = self.box_text.get(at, str(self.box_xywh_px[at].tolist()))
        return f"box {found}: expected finite x, y and width, height above 0, in pixels"


def concatenate(pieces: Sequence[Rows]) -> Rows:
    """The rows of several slices of one manifest, one after the other."""
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    encoded = [piece.image_bytes for piece in pieces if piece.image_bytes is not None]
    landmarks = [piece.landmarks_xy_px for piece in pieces if piece.landmarks_xy_px is not None]
    return Rows(
        [row for piece in pieces for row in piece.row],
        [face_id for piece in pieces for face_id in piece.face_id],
        [image for piece in pieces for image in piece.image],
        [data for part in encoded for data in part] if encoded else None,
        np.concatenate([piece.box_xywh_px for piece in pieces]),
        {
            int(start) + i: detail
            for start, piece in zip(starts, pieces, strict=False)
            for i, detail in piece.malformed.items()
        },
        pa.concat_tables([piece.carried for piece in pieces]),
        np.concatenate(landmarks) if landmarks else None,
        {
            int(start) + i: text
            for start, piece in zip(starts, pieces, strict=False)
            for i, text in piece.box_text.items()
        },
    )


class Manifest(Protocol):
    """A manifest that was opened: its columns are found, its rows are not yet checked."""

    @property
    def location(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def n_rows(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    @property
    def carried_schema(self) -> pa.Schema: ...

    @property
    def pins(self) -> "tuple[Pin, ...]":
        """The state of its files when it was opened."""
        ...

    @property
    def passed_over(self) -> tuple[tuple[str, int], ...]:
        """Endings of files in it that belong to no face, with their number."""
        ...

    @property
    def ids_seen(self) -> "IdsSeen | None":
        """What was found of the ids as it was opened; None where nobody has looked."""
        ...

    @property
    def holds_images(self) -> bool:
        """Whether its rows hold the images themselves."""
        ...

    def slices(self, count: int) -> list[Slice]:
        """All rows, cut into slices of `count`."""
        ...

    def cut(self, starts: Sequence[int]) -> list[Slice]:
        """All rows, cut into slices that begin at these rows: rising, the first is 0."""
        ...

    def read(self, part: Slice) -> Rows:
        """The rows of a slice."""
        ...

    def ids(self) -> Iterator[Sequence[str]]:
        """All face ids in order, in batches."""
        ...


@dataclass(frozen=True)
class ColumnMap:
    """Contract column -> the manifest's own name, and the columns that are carried through."""

    source: Mapping[str, str]
    carried: tuple[str, ...]


def map_columns(
    names: Sequence[str],
    columns: Mapping[str, str],
    carry: str | Sequence[str],
    location: str,
    landmarks: str | None = None,
) -> ColumnMap:
    """Find the contract's columns among a manifest's.

    Raises:
        ManifestError: a column that is missing, twice there, or carried under the name of an output column.
    """
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ManifestError(
            f"{location}: the columns {_listed(repeated)} are there twice; rename or drop them"
        )
    unknown = set(columns) - {"face_id", "image", "image_bytes", *BOX_COLUMNS}
    if unknown:
        raise ManifestError(
            f"manifest.columns maps {_listed(sorted(unknown))}, which no manifest has; it takes face_id, "
            "image, image_bytes, x, y, width, height"
        )
    source = {ours: original for original, ours in ORIGINAL_COLUMNS.items() if original in names}
    source |= {name: name for name in ("face_id", "image", "image_bytes", *BOX_COLUMNS) if name in names}
    source |= columns
    if landmarks is not None:
        source["landmarks"] = landmarks
    named = {**columns, **({"landmarks": landmarks} if landmarks else {})}
    absent = [f"{ours} (configured as {theirs!r})" for ours, theirs in named.items() if theirs not in names]
    absent += [name for name in ("face_id", *BOX_COLUMNS) if name not in source]
    if "image" not in source and "image_bytes" not in source:
        absent.append("image (or image_bytes)")
    if absent:
        raise ManifestError(
            f"{location}: missing column {', '.join(absent)}; found {_listed(names)}. Expected "
            "face_id, image, x, y, width, height or the original's ID, FILE, FACE_X, FACE_Y, FACE_WIDTH, "
            "FACE_HEIGHT; map other names with --set manifest.columns={face_id: my_id, ...}"
        )
    return ColumnMap(source, _carried(names, source, carry, location))


def _carried(
    names: Sequence[str], source: Mapping[str, str], carry: str | Sequence[str], location: str
) -> tuple[str, ...]:
    rest = [name for name in names if name not in source.values()]
    if carry != "all":
        unknown = [name for name in carry if name not in rest]
        if unknown:
            raise ManifestError(
                f"{location}: no column {_listed(unknown)} to carry; there are {_listed(rest)}"
            )
        rest = list(carry)
    taken = [name for name in rest if name in RESULT_COLUMNS]
    if taken:
        raise ManifestError(
            f"{location}: the column {', '.join(taken)} has the name of a column of the results; rename it, "
            "or choose the columns to carry with --set manifest.carry=[...]"
        )
    return tuple(rest)


def _listed(names: Sequence[str]) -> str:
    """Names for an error of readable length, whatever a manifest calls its columns."""
    shown = ", ".join(name if len(name) <= 40 else f"{name[:37]}..." for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "none"


def landmarks_of(rows: Sequence[Sequence[float] | None]) -> np.ndarray:
    """float64 (n, 68, 2) of rows of 136 numbers; NaN for rows without, or with another number of them."""
    landmarks = np.full((len(rows), 2 * LANDMARKS), np.nan)
    for i, row in enumerate(rows):
        if row is not None and len(row) == 2 * LANDMARKS:
            landmarks[i] = row
    return landmarks.reshape(-1, LANDMARKS, 2)


# Names that the poses use themselves, so that no carried column may have them.
RESULT_COLUMNS = frozenset(
    {
        "face_id",
        "image",
        "image_width_px",
        "image_height_px",
        "box_xywh_px",
        "crop_xyxy_px",
        "rvec_rad",
        "tvec_mm",
        "yaw_deg",
        "pitch_deg",
        "roll_deg",
        "projection",
        "landmarks_xy_px",
        "mirrored",
        "views",
        "views_seen_fraction",
        "views_filled_fraction",
        "part",
        "confidence",
    }
)
