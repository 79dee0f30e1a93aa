"""Opening a manifest: which kind it is, and where its columns are."""

from pathlib import Path

from pipeline.config import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.manifest.parquet import index_parquet, read_schema
from pipeline.manifest.rows import BOX_COLUMNS, ColumnMap, Manifest, map_columns
from pipeline.manifest.text import index_text, read_header
from pipeline.storage import is_uri, read_file


def open_manifest(location: str, settings: ManifestSettings) -> Manifest:
    """Open a manifest and find its columns.

    Raises:
        ManifestError: it is not there, not readable, empty, or lacks a column.
    """
    kind = settings.format
    try:
        if kind == "parquet" or (kind == "auto" and _looks_like_parquet(location)):
            files, schema = read_schema(location)
            columns = map_columns(
                schema.names, settings.columns, settings.carry, location, settings.landmarks
            )
            manifest: Manifest = index_parquet(location, files, schema, columns)
        else:
            header = read_header(location, kind)
            if header.is_list:
                columns = ColumnMap({name: name for name in ("image", *BOX_COLUMNS)}, ())
            else:
                columns = map_columns(
                    header.names, settings.columns, settings.carry, location, settings.landmarks
                )
            manifest = index_text(location, header, columns)
    except FileNotFoundError as error:
        raise ManifestError(f"there is no manifest {location}") from error
    except OSError as error:
        raise ManifestError(f"cannot read the manifest {location}: {error}") from error
    if manifest.n_rows == 0:
        raise ManifestError(f"the manifest {location} has no rows")
    return manifest


def _looks_like_parquet(location: str) -> bool:
    is_folder = location.endswith("/") if is_uri(location) else Path(location).is_dir()
    return is_folder or read_file(location, max_bytes=3) == b"PAR1"
