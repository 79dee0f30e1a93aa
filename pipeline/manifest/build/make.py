"""A manifest from a source: chunks of photos, in parallel and resumable, to one Parquet file and its rejects.

Chunks are to a manifest what parts are to a job: workers of the same engine, with Ray or without, each keep
what they found, and nothing but counts comes back.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from faceposenet.detector import FaceDetector
from faceposenet.known_detectors import detector_file
from faceposenet.photo.locations import is_uri
from pipeline.config.settings import EngineSettings, ManifestSettings
from pipeline.engine.runner import find_faces
from pipeline.errors import ConfigError, ManifestError, StorageError
from pipeline.io.backoff import patiently
from pipeline.io.storage import Folder, parent, resolve, split_query, without_credentials
from pipeline.manifest import check_ids, open_manifest
from pipeline.manifest.build.chunks import REJECT_SCHEMA, ChunkStore, Totals, face_schema
from pipeline.manifest.build.find import Chunk, FinderSettings
from pipeline.manifest.build.photos import Source
from pipeline.manifest.build.stage import Finding, make_item, make_setup, read_result
from pipeline.manifest.text import sha256_of

CHUNK_IMAGES = 500
# Small row groups make a large manifest slow to open; large ones cost memory where a few rows are read.
_ROWS_PER_GROUP = 2**16
_HERE_OR_ON_A_CLUSTER = EngineSettings()


@dataclass(frozen=True)
class Built:
    """A manifest that was made."""

    manifest: str
    rejects: str
    totals: Totals
    resumed: int
    """Chunks that an earlier run had done."""


def build_manifest(
    source: Source,
    settings: FinderSettings,
    out: str,
    *,
    engine: EngineSettings = _HERE_OR_ON_A_CLUSTER,
    say: Callable[[Totals], None] = lambda totals: None,
    chunk_images: int = CHUNK_IMAGES,
    image_folder: str | None = None,
) -> Built:
    """Write the faces of all photos of a source to the Parquet file `out`, and what has none beside it.

    `say` hears the counts after each chunk, `engine` says where it runs. The source names its images relative
    to `image_folder`, by default that of `out`. A build that was
    stopped goes on where it was.

    Raises:
        ConfigError: `out` is not a .parquet file.
        DetectorError: the detector cannot be used.
        ManifestError: `out` exists, ids that are not unique, or a source that is unreadable.
        StorageError: nothing can be written there.
        ResourceError, JobIncompleteError: a cluster or worker that fails for good; what was found is kept.
    """
    names = _Names(out)
    if _exists(out):
        raise ManifestError(f"{without_credentials(out)!r} exists; delete it, or name another file")
    if settings.detector is not None:
        FaceDetector(Path(settings.detector))  # tells here, and not in a child, that it is none
        # Workers need not have this process's working directory.
        settings = replace(settings, detector=_absolute(str(detector_file(settings.detector))))
    schema = face_schema(source.columns, with_score=settings.detector is not None)
    store = ChunkStore(Folder(_absolute(names.unfinished)), schema, _described(settings))
    totals, count, resumed = Totals(), 0, 0
    with tempfile.TemporaryDirectory(prefix="faceposenet-") as scratch:
        setup = make_setup(Finding(settings, image_folder or parent(out), store))
        chunks = enumerate(_chunks(source, chunk_images))
        items = ((number, make_item(number, chunk)) for number, chunk in chunks)
        for fields in find_faces(setup, items, store.folder.location, engine):
            chunk_totals, was_done = read_result(fields)
            totals.add(chunk_totals)
            count, resumed = count + 1, resumed + was_done
            say(totals)
        _publish(store.rejects(count), REJECT_SCHEMA, names.rejects, Path(scratch))
        _publish(store.faces(count), schema, out, Path(scratch), check=totals.faces > 0)
    _remove(names.unfinished)
    return Built(out, names.rejects, totals, resumed)


@dataclass(frozen=True)
class _Names:
    """The files and folders of a manifest that is being made."""

    out: str

    def __post_init__(self) -> None:
        if not self._path[0].endswith(".parquet"):
            name = self._path[0].rpartition("/")[2]
            raise ConfigError(f"a manifest is made as Parquet: give it a name with .parquet, not {name!r}")

    @property
    def _path(self) -> tuple[str, str]:
        """The path, and the query of a URI."""
        return split_query(self.out)

    @property
    def rejects(self) -> str:
        path, query = self._path
        return f"{path.removesuffix('.parquet')}.rejects.parquet{query}"

    @property
    def unfinished(self) -> str:
        path, query = self._path
        return f"{path}.unfinished{query}"


def _chunks(source: Source, size: int) -> Iterator[Chunk]:
    items, start = source.photos(), 0
    while chunk := list(islice(items, size)):
        yield Chunk(start, chunk)
        start += len(chunk)


def _described(settings: FinderSettings) -> str:
    """All that decides what is found in a photo; the detector by its bytes."""
    values = {**vars(settings), "images": settings.images.model_dump()}
    if settings.detector is not None:
        values["detector"] = sha256_of(settings.detector)
    return json.dumps(values, sort_keys=True)


def _publish(
    tables: Iterable[pa.Table], schema: pa.Schema, out: str, scratch: Path, *, check: bool = False
) -> None:
    """Write tables into one file, which is there whole or not at all."""
    filesystem, path = resolve(out)
    local = isinstance(filesystem, pafs.LocalFileSystem)
    temporary = Path(path).parent / f".{Path(path).name}" if local else scratch / "manifest.parquet"
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        _write(tables, schema, temporary)
        if check:
            check_ids(open_manifest(str(temporary), ManifestSettings(format="parquet")))
        if local:
            temporary.replace(path)
        else:
            patiently(lambda: _copy(temporary, filesystem, path))
    except OSError as error:
        raise StorageError(f"cannot write {without_credentials(out)!r}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write(tables: Iterable[pa.Table], schema: pa.Schema, path: Path) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for table in tables:
            waiting.append(table)
            if sum(map(len, waiting)) >= _ROWS_PER_GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def _copy(source: Path, filesystem: pafs.FileSystem, path: str) -> None:
    with source.open("rb") as file, filesystem.open_output_stream(path) as stream:
        while piece := file.read(2**22):
            stream.write(piece)


def _absolute(location: str) -> str:
    return location if is_uri(location) else str(Path(location).absolute())


def _exists(location: str) -> bool:
    filesystem, path = resolve(location)
    return bool(patiently(lambda: filesystem.get_file_info(path)).type != pafs.FileType.NotFound)


def _remove(folder: str) -> None:
    if _exists(folder):
        filesystem, path = resolve(folder)
        filesystem.delete_dir(path)
