"""Opening a manifest: which kind it is, and where its columns are."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from faceposenet.photo.locations import is_uri, plain_path
from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.io.storage import Folder, base_name, read_file
from pipeline.manifest.parquet import index_parquet, read_schema
from pipeline.manifest.rows import BOX_COLUMNS, ColumnMap, Manifest, map_columns
from pipeline.manifest.text import index_text, read_header
from pipeline.manifest.webdataset import index_tars

# How much two names have in common for one to be meant by the other: two letters of eight may differ.
_NEAR = 0.75
# Packed ones as well, which are then refused in words.
_SHARD = re.compile(r"\.(tar|tgz|tar\.\w+)\Z")


def open_manifest(location: str, settings: ManifestSettings, *, checksum: bool = True) -> Manifest:
    """Open a manifest and find its columns.

    Without `checksum` its `sha256` stays empty: for those who want a few rows, since a manifest that holds
    the photos takes long to sum up.

    Raises:
        ManifestError: it is not there, not readable, empty, or lacks a column.
    """
    location = plain_path(location)
    try:
        kind = _guess(location) if settings.format == "auto" else settings.format
        if kind == "webdataset":
            manifest: Manifest = index_tars(location, settings.carry, settings.landmarks, checksum=checksum)
        elif kind == "parquet":
            pins, schema, others = read_schema(location)
            columns = map_columns(
                schema.names, settings.columns, settings.carry, location, settings.landmarks
            )
            manifest = index_parquet(location, pins, schema, columns, others, checksum=checksum)
        else:
            header = read_header(location, kind)  # of "auto" here, a CSV or a list
            if header.is_list:
                columns = ColumnMap({name: name for name in ("image", *BOX_COLUMNS)}, ())
            else:
                columns = map_columns(
                    header.names, settings.columns, settings.carry, location, settings.landmarks
                )
            manifest = index_text(location, header, columns, checksum=checksum)
    except FileNotFoundError as error:
        raise ManifestError(f"there is no manifest {location!r}; {_way_to_a_manifest(location)}") from error
    except OSError as error:
        raise ManifestError(f"cannot read the manifest {location!r}: {error}") from error
    if manifest.n_rows == 0:
        raise ManifestError(f"the manifest {location!r} has no rows; expected one a face")
    return manifest


def _way_to_a_manifest(location: str) -> str:
    """What to do where there is none: the nearest name beside it, or what it could be."""
    if not is_uri(location):
        path = Path(location).absolute()
        if not path.parent.is_dir():
            return f"its folder {str(path.parent)!r} is not there either"
        near = _nearest(path.name, sorted(file.name for file in path.parent.iterdir()))
        if near:
            return f"did you mean {str(Path(location).with_name(near))!r}?"
    return (
        "expected a Parquet, CSV or list file, or a folder of .parquet or .tar files; fpn manifest makes one "
        "of a folder of photos"
    )


def _nearest(wanted: str, names: Iterable[str]) -> str | None:
    """The file whose name is most like the wanted one, or None where none is.

    Only what stands before the ending counts: "a.csv" is not near "b.csv" for being CSV. Of names equally
    near one with the wanted ending is given.
    """

    def nearness(name: str) -> tuple[float, bool]:
        stems = Path(wanted).stem.lower(), Path(name).stem.lower()
        return difflib.SequenceMatcher(None, *stems).ratio(), Path(name).suffix == Path(wanted).suffix

    best = max(names, key=nearness, default=None)
    return best if best is not None and nearness(best)[0] >= _NEAR else None


def _guess(location: str) -> str:
    """parquet or webdataset by what is there, else auto: some text."""
    if location.endswith("/") if is_uri(location) else Path(location).is_dir():
        names = (name.lower() for name in Folder(location).names())
        return "webdataset" if any(_SHARD.search(name) for name in names) else "parquet"
    if base_name(location).endswith(".tar"):
        return "webdataset"
    return "parquet" if read_file(location, max_bytes=3) == b"PAR1" else "auto"
