"""Faces or photos from any CSV file."""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal, TextIO, cast

import numpy as np

from faceposenet.photo.locations import is_uri, plain_path
from pipeline.errors import ConfigError, ManifestError
from pipeline.io.storage import parent
from pipeline.manifest.build.naming import image_name
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.rows import BOX_COLUMNS, ORIGINAL_COLUMNS, RESULT_COLUMNS
from pipeline.manifest.text import number, written
from pipeline.manifest.text_file import opened_text

BoxForm = Literal["xywh", "xyxy", "cxcywh"]
# What the four numbers of a box are called, unless columns are mapped.
BOX_NAMES: dict[BoxForm, tuple[str, str, str, str]] = {
    "xywh": BOX_COLUMNS,
    "xyxy": ("x1", "y1", "x2", "y2"),
    "cxcywh": ("cx", "cy", "width", "height"),
}
_DELIMITERS = ",;\t|"
_TAKEN = RESULT_COLUMNS | {"face_score", "face_points_xy_px", *BOX_COLUMNS}
Box = tuple[float, float, float, float]


@dataclass
class TableSource:
    """The rows of a CSV file with a header. Quoted fields may hold delimiters and line breaks.

    Without a column for ids, the number of the row (from 0, in nine digits) is the id. Without boxes the rows
    are photos, for a detector.
    """

    location: str
    manifest_folder: str
    columns_map: Mapping[str, str] = field(default_factory=dict)
    """Name in the manifest -> the file's own: face_id, image, the four of the box form, or any other."""
    boxes: BoxForm = "xywh"
    """What the four numbers are: left, top, width, height; left, top, right, bottom; or centre and size."""
    carry: Sequence[str] | None = None
    """Further columns of the file; by default all."""
    image_root: str | None = None
    """Where relative images are; by default the file's folder."""
    delimiter: str | None = None
    """By default the one that the header has most of: comma, semicolon, tab or bar."""
    encoding: str = "utf-8"
    _header: list[str] = field(init=False)
    _source: dict[str, str] = field(init=False)
    """Name in the manifest -> the file's own, of all that is taken."""
    _of_the_picture: tuple[str, ...] = field(default=(), init=False)
    """Columns with the size of the picture."""

    def __post_init__(self) -> None:
        root = plain_path(self.image_root or parent(self.location))
        self.image_root = root if is_uri(root) else str(Path(root).resolve())
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise ConfigError(f"{error}; expected a name such as utf-8 or latin-1") from error
        with self._opened() as file:
            line = file.readline()
        if not line.strip():
            raise ManifestError(
                f"{self.location}: the first line is empty, expected the names of the columns"
            )
        if self.delimiter is None:
            self.delimiter = max(_DELIMITERS, key=line.count)
        with self._opened() as file:
            self._header = [name.strip() for name in next(csv.reader(file, delimiter=self.delimiter))]
        self._source = self._mapped()

    @property
    def columns(self) -> tuple[str, ...]:
        ours = {"face_id", "image", *BOX_NAMES[self.boxes]}
        return tuple(name for name in self._source if name not in ours)

    def photos(self) -> Iterator[SourceImage | Refused]:
        place = {ours: self._header.index(theirs) for ours, theirs in self._source.items()}
        box_at = [place[name] for name in BOX_NAMES[self.boxes] if name in place]
        values_at = [place[name] for name in self.columns]
        for at_row, row in enumerate(self._rows()):
            if len(row) != len(self._header):
                detail = f"the row has {len(row)} fields, the header {len(self._header)}"
                yield Refused(f"row {at_row}", BuildReason.ROW_MALFORMED, detail)
                continue
            named = row[place["image"]].strip()
            face_id = row[place["face_id"]] if "face_id" in place else f"{at_row:09d}"
            if not named or not face_id.strip():
                missing = "image" if not named else "face id"
                yield Refused(f"row {at_row}", BuildReason.ROW_MALFORMED, f"the row names no {missing}")
                continue
            texts = [row[at] for at in box_at]
            box = _xywh([number(text) for text in texts], self.boxes) if texts else None
            box_text = "" if box is None or np.isfinite(box).all() else written(texts)
            yield SourceImage(face_id, self._image(named), tuple(row[at] for at in values_at), box, box_text)

    def note(self) -> str:
        if not self._of_the_picture:
            return ""
        return f"{' and '.join(self._of_the_picture)} are the picture's, with no place of a face: left out"

    def _rows(self) -> Iterator[list[str]]:
        with self._opened() as file:
            reader = csv.reader(file, delimiter=self.delimiter or ",")
            next(reader)
            try:
                for row in reader:
                    if row:  # else an empty line
                        yield row
            except csv.Error as error:
                raise ManifestError(f"{self.location}: line {reader.line_num} is no CSV: {error}") from error

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        encoding = "utf-8-sig" if self.encoding.lower().replace("-", "") == "utf8" else self.encoding
        try:
            with opened_text(self.location) as file:
                yield TextIOWrapper(cast(Any, file), encoding, newline="")
        except FileNotFoundError as error:
            raise ManifestError(f"there is no file {self.location}") from error
        except UnicodeDecodeError as error:
            found = error.object[error.start : error.end]
            raise ManifestError(
                f"{self.location} holds text that is no {self.encoding} ({found!r}); name its encoding, for "
                "instance --encoding latin-1"
            ) from error

    def _image(self, named: str) -> str:
        if is_uri(named) or Path(named).is_absolute():
            return named
        assert self.image_root is not None
        return image_name(self.image_root, named, self.manifest_folder)

    def _mapped(self) -> dict[str, str]:
        """Which column becomes what.

        Raises:
            ManifestError, ConfigError: columns that are missing, named twice, or called like a result.
        """
        header = self._header
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise ManifestError(f"{self.location}: the columns {', '.join(repeated)} are there twice")
        ours = ("face_id", "image", *BOX_NAMES[self.boxes])
        source = {
            name: theirs for theirs, name in ORIGINAL_COLUMNS.items() if theirs in header and name in ours
        }
        source |= {name: name for name in ours if name in header}
        source |= self.columns_map
        absent = [
            theirs for theirs in [*self.columns_map.values(), *(self.carry or ())] if theirs not in header
        ]
        if absent:
            raise ConfigError(
                f"{self.location} has no column {', '.join(absent)}; there are: {', '.join(header)}"
            )
        if "image" not in source:
            raise ManifestError(
                f"{self.location} has no column 'image'; there are: {', '.join(header)}. Say which one names "
                "the image, with --column image=NAME"
            )
        missing = [name for name in BOX_NAMES[self.boxes] if name not in source]
        if [name for name in missing if name not in self.columns_map] == list(BOX_NAMES[self.boxes][:2]):
            # Width and height without a place: img2dataset and others write the size of the picture so.
            self._of_the_picture = tuple(source.pop(name) for name in BOX_NAMES[self.boxes][2:])
            missing = list(BOX_NAMES[self.boxes])
        if 0 < len(missing) < len(BOX_COLUMNS):
            raise ManifestError(
                f"{self.location} has some columns of a box, but not {', '.join(missing)}; there are: "
                f"{', '.join(header)}. Name them with --column {missing[0]}=NAME, or another form with "
                "--boxes"
            )
        used = {*source.values(), *self._of_the_picture}
        rest = [name for name in header if name not in used]
        source |= {name: name for name in (rest if self.carry is None else self.carry)}
        taken = sorted((set(source) - set(ours)) & _TAKEN)
        if taken:
            raise ManifestError(
                f"{self.location}: the column {', '.join(taken)} has a name that manifests or results use "
                f"themselves; give it another with --column NEW_NAME={taken[0]}, or choose with --carry"
            )
        return source


def _xywh(numbers: Sequence[float], form: BoxForm) -> Box:
    a, b, c, d = numbers
    if form == "xyxy":
        return a, b, c - a, d - b
    if form == "cxcywh":
        return a - c / 2, b - d / 2, c, d
    return a, b, c, d
