"""Aligned faces in a RecordIO file of a recognition dataset, which stay there: a manifest points into it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from typing import BinaryIO, cast

import numpy as np

from faceposenet.photo.byte_ranges import with_spans
from faceposenet.photo.locations import is_uri
from pipeline.errors import ManifestError
from pipeline.io.recordio import MAGIC, ImageRecord, RecordError, read_image_record
from pipeline.io.storage import base_name, join, parent, read_file, resolve
from pipeline.manifest.build.naming import file_name
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage

# Only the head of each record is of use. A disk gives it in small reads; a store is as fast with large ones.
_LOCAL_BUFFER, _REMOTE_BUFFER = 2**12, 2**23


@dataclass
class RecordSource:
    """The images of a `.rec` file in the order in which they lie there; labels become `subject_id`.

    The `.idx` beside it gives their keys and is what counts; without one, records are counted from 0. Records
    that describe the set (InsightFace's record 0, and one an identity behind the images) are no images.
    """

    location: str
    manifest_folder: str
    _keys: np.ndarray | None = field(init=False)
    """int64 (n, 2): key and byte of each record, in the order of the bytes; None without an index."""
    _described: int = field(default=0, init=False)
    _not_in_index: int = field(default=0, init=False)
    """Bytes of records that the index does not name."""
    _damaged: int = field(default=0, init=False)
    """Bytes from damaged records to what the index names next, in which other records may lie."""

    def __post_init__(self) -> None:
        self._name = base_name(self.location).removesuffix(".rec")
        try:
            index = read_file(join(parent(self.location), f"{self._name}.idx"))
        except FileNotFoundError:
            self._keys = None
        else:
            self._keys = _parsed(index, f"{self._name}.idx")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("subject_id",)

    def photos(self) -> Iterator[SourceImage | Refused]:
        filesystem, path = resolve(self.location)
        image = file_name(self.location, self.manifest_folder)
        self._described = 0
        buffer = _REMOTE_BUFFER if is_uri(self.location) else _LOCAL_BUFFER
        with filesystem.open_input_file(path) as source, BufferedReader(source, buffer) as reader:
            file = cast(BinaryIO, reader)
            size = source.size()
            self._not_in_index = self._damaged = 0
            entries = self._scanned(file, size) if self._keys is None else self._indexed(file, size)
            for key, record in entries:
                name = f"{self._name}/{key:09d}"
                if isinstance(record, RecordError):
                    yield Refused(name, BuildReason.RECORD_DAMAGED, str(record))
                elif not record.is_plain and not record.image:
                    self._described += 1
                elif not record.image:
                    yield Refused(name, BuildReason.IMAGE_UNREADABLE, "the record has no image")
                else:
                    yield SourceImage(name, with_spans(image, record.image), (_subject(record.labels),))

    def note(self) -> str:
        notes = []
        if self._described:
            notes.append(f"{self._described:,} records describe the set and are no images")
        if self._not_in_index:
            notes.append(f"the .idx leaves out {self._not_in_index:,} bytes of the .rec: is it whole?")
        if self._damaged:
            notes.append(f"{self._damaged:,} bytes of the .rec, of damaged records, could not be read")
        return "; ".join(notes)

    def _scanned(self, file: BinaryIO, size: int) -> Iterator[tuple[int, ImageRecord]]:
        """The records one after the other.

        Raises:
            ManifestError: the file is damaged; without an index nothing says where it goes on.
        """
        at, key = 0, 0
        while at < size:
            try:
                record = _whole_record(file, at, size)
            except RecordError as error:
                raise ManifestError(
                    f"{self.location}: {error}. Without an .idx beside it nothing can be read behind that"
                ) from error
            yield key, record
            at, key = record.end, key + 1

    def _indexed(self, file: BinaryIO, size: int) -> Iterator[tuple[int, ImageRecord | RecordError]]:
        """The records that the index names; the bytes of others are counted."""
        assert self._keys is not None
        starts = [int(at) for at in np.unique(self._keys[:, 1])]
        following = dict(zip(starts, [*starts[1:], size], strict=False))
        self._not_in_index += min([size, *starts])
        for key, at in self._keys.tolist():
            try:
                record = _whole_record(file, at, size)
                self._check_next(file, record.end, following[at])
            except RecordError as error:
                self._damaged += following[at] - at
                yield key, error
            else:
                yield key, record

    def _check_next(self, file: BinaryIO, end: int, following: int) -> None:
        """See that a record ends where another one begins; one that the index does not name is counted.

        Raises:
            RecordError: the record says that it is longer or shorter than it is.
        """
        if end > following:
            raise RecordError(f"the record reaches to byte {end}, into the next one at {following}")
        if end < following:
            file.seek(end)
            if file.read(len(MAGIC)) != MAGIC:
                raise RecordError(f"the record ends at byte {end}, where no other one begins")
            self._not_in_index += following - end


def _whole_record(file: BinaryIO, at: int, size: int) -> ImageRecord:
    """A record with all of its image in the file.

    Raises:
        RecordError: no record begins there, or it is cut off.
    """
    if not 0 <= at < size:
        raise RecordError(f"there is no byte {at} in a file of {size}: it was cut off")
    record = read_image_record(file, at)
    if any(start + length > size for start, length in record.image):
        raise RecordError(f"the record at byte {at} is cut off: the file ends at byte {size}")
    return record


def _parsed(index: bytes, name: str) -> np.ndarray:
    try:
        numbers = np.array(index.split(), dtype=np.int64).reshape(-1, 2)
    except (ValueError, OverflowError) as error:
        raise ManifestError(f"{name} is no index: expected lines of a key and a byte; {error}") from error
    return numbers[np.argsort(numbers[:, 1], kind="stable")]


def _subject(labels: tuple[float, ...]) -> str | None:
    """The identity, which is the first label, as a whole number where it is one."""
    if not labels or not np.isfinite(labels[0]):
        return None
    return str(int(labels[0])) if labels[0] == int(labels[0]) else str(labels[0])
