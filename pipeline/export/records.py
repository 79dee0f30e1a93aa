"""RecordIO as InsightFace's recognition datasets have it: `train.rec`, `.idx`, `.lst` and `property`.

Record 0 says where the images end and the identities begin; behind the images there is a record for each
identity with the range of its images. Labels are floats, so that there can be no more than 2^24 of anything.
"""

from collections.abc import Callable

import cv2
import numpy as np
import pyarrow as pa

from pipeline.errors import ConfigError
from pipeline.export.files import TableWriter, writing
from pipeline.export.imagefolder import FileNames
from pipeline.export.samples import SampleReader, sample_schema
from pipeline.io.recordio import RecordWriter
from pipeline.io.storage import Folder

_MOST_RECORDS = 2**24


def write_records(reader: SampleReader, places: np.ndarray, dest: Folder, say: Callable[[int], None]) -> int:
    """Write the views at some places, which are in the order of their subjects; returns the number of files.

    `train.parquet` says which key is whose view, with all that is known of it.

    Raises:
        ConfigError: more views than float labels can count.
        StorageError: something cannot be written.
    """
    index = reader.index
    n_records = len(places) + len(index.subjects) + 1
    if n_records > _MOST_RECORDS:
        raise ConfigError(
            f"{n_records:,} records are more than the {_MOST_RECORDS:,} that RecordIO's labels, which are "
            "floats, can count; export fewer --views at a time, or WebDataset"
        )
    labels = index.face_subject[index.face[places]]
    end = len(places) + 1
    # Keys of the images of identity i are bounds[i] to bounds[i + 1], which is exclusive.
    bounds = 1 + np.searchsorted(labels, np.arange(len(index.subjects) + 1))
    name = FileNames(index.extension)
    size_px: set[tuple[int, int]] = set()
    schema = pa.schema([("key", pa.int64()), *sample_schema(index)])
    with (
        writing(dest, "train.rec") as rec,
        writing(dest, "train.idx") as idx,
        writing(dest, "train.lst") as lst,
        writing(dest, "train.parquet") as file,
        TableWriter(file, schema) as table,
    ):
        records = RecordWriter(rec, idx)
        records.write(0, [end, end + len(index.subjects)], b"")
        for key, sample in enumerate(reader.read(places), 1):
            records.write(key, sample.label, sample.picture)
            lst.write(f"{key}\t{sample.label}\t{name(sample)}\n".encode())
            table.add(sample, key=key)
            if len(size_px) < 2:
                size_px.add(_height_and_width(sample.picture))
            say(key)
        for identity in range(len(index.subjects)):
            records.write(end + identity, [int(bounds[identity]), int(bounds[identity + 1])], b"")
    if len(size_px) > 1:
        return 4
    height, width = next(iter(size_px))
    dest.write("property", f"{len(index.subjects)},{height},{width}".encode())
    return 5


def _height_and_width(picture: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return int(image.shape[0]), int(image.shape[1])
