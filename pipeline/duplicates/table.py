"""What is known of duplicates and outliers: a table of one row per face that `fpn export --where` can ask."""

from collections.abc import Callable

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from pipeline.duplicates.hashes import difference_hash, same_pictures
from pipeline.duplicates.similarity import centre_similarity, most_alike_before
from pipeline.errors import ConfigError
from pipeline.export.index import ViewIndex, Wanted, index_views
from pipeline.export.samples import SampleReader
from pipeline.export.where import ALIGNED
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder
from pipeline.job.ledger import committed_parts, part_files

Say = Callable[[str, int, int], None]


def find_duplicates(
    out: str, *, by: str | None, embedding: str | None, say: Say = lambda what, n, of: None
) -> pa.Table:
    """Compares all faces of a job with each other.

    Args:
        out: output of a job with upright crops.
        by: column of the subject; None: without subjects.
        embedding: column of an embedding; None compares pictures alone.
        say: is called with what is being done, how much of it is done, and of how much.

    Returns:
        Columns `face_id`, `subject` (with `by`), `same_photo_as` (the first face with this picture, null
        for the first itself); with an embedding `most_alike` (of the faces before) and
        `most_alike_cosine`; with both `most_alike_same_subject` and `centre_cosine` (to the mean of the
        subject's other faces).

    Raises:
        ConfigError: a job without upright crops, or without the column.
        StorageError: see `index_views`.
    """
    folder = Folder(out)
    index = index_views(folder, Wanted((ALIGNED,), by), lambda n, of: say("parts checked", n, of))
    ids, hashes = _read_pictures(index, say)
    first = same_pictures(hashes)
    columns = {"face_id": pa.array(ids, pa.string())}
    subject = np.asarray(index.face_subject).astype(np.int64)
    if by is not None:
        names = [index.subjects[label] if label >= 0 else None for label in subject]
        columns["subject"] = pa.array(names, pa.string())
    own = np.arange(len(ids))
    columns["same_photo_as"] = _ids(ids, np.where(first == own, -1, first))
    if embedding is not None:
        columns |= _by_embedding(_read_embeddings(folder, embedding, ids), subject, by is not None, ids, say)
    return pa.table(columns)


def _by_embedding(
    vectors: np.ndarray, subject: np.ndarray, with_subject: bool, ids: list[str], say: Say
) -> dict[str, pa.Array]:
    done = 0

    def advance(faces: int) -> None:
        nonlocal done
        done += faces
        say("faces compared", done, len(ids))

    place, cosine = most_alike_before(vectors, advance)
    columns = {"most_alike": _ids(ids, place), "most_alike_cosine": _floats(cosine)}
    if with_subject:
        same = (subject == subject[place]) & (subject >= 0)
        columns["most_alike_same_subject"] = pa.array(same, pa.bool_(), mask=place < 0)
        columns["centre_cosine"] = _floats(centre_similarity(vectors, subject))
    return columns


def _read_pictures(index: ViewIndex, say: Say) -> tuple[list[str], np.ndarray]:
    """Ids and hashes of the upright crops, in the order of the job."""
    ids, hashes = [], np.zeros(len(index), np.uint64)
    with SampleReader(index) as reader:
        for n, sample in enumerate(reader.read(np.arange(len(index)))):
            picture = cv2.imdecode(np.frombuffer(sample.picture, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None, "the checksum of the part was right"
            ids.append(sample.face_id)
            hashes[n] = difference_hash(np.asarray(picture, np.uint8))
            say("crops read", n + 1, len(index))
    return ids, hashes


def _read_embeddings(folder: Folder, column: str, ids: list[str]) -> np.ndarray:
    """Embeddings of norm 1, float32 (n, d), rows of NaN where there is none, in the order of `ids`."""
    rows: dict[str, np.ndarray] = {}
    for part in sorted(committed_parts(folder)):
        data = folder.read(part_files(part, views=True)["poses"])
        assert data is not None, "the part was checked"
        table = read_parquet(data)
        if column not in table.column_names or not pat.is_list(table.schema.field(column).type):
            lists = [field.name for field in table.schema if field.type == pa.list_(pa.float32())]
            known = ", ".join(name for name in lists if not name.startswith("views_")) or "none"
            raise ConfigError(
                f"the job has no embedding {column!r}; columns with lists of numbers are: {known}. Run it "
                "with --set columns.embedding.model=net.yaml"
            )
        pairs = zip(table["face_id"].to_pylist(), table[column].to_pylist(), strict=True)
        rows |= {face_id: np.array(row, np.float32) for face_id, row in pairs if row is not None}
    width = len(next(iter(rows.values()))) if rows else 1
    vectors = np.full((len(ids), width), np.nan, np.float32)
    for n, face_id in enumerate(ids):
        if face_id in rows:
            vectors[n] = rows[face_id] / max(float(np.linalg.norm(rows[face_id])), 1e-12)
    return vectors


def _ids(ids: list[str], places: np.ndarray) -> pa.Array:
    return pa.array([ids[place] if place >= 0 else None for place in places], pa.string())


def _floats(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float32(), mask=np.isnan(values))
