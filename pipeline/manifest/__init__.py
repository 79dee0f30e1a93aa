"""Manifests: which face is where. One row is one face.

Text (the original's CSV and header-less list, or CSV with the contract's column names) and Parquet (a file or
a folder of files) are read by slices of rows, so that no process ever holds a whole manifest.
"""

from pipeline.manifest.rows import BOX_COLUMNS, Manifest, Rows, Slice, concatenate
from pipeline.manifest.select import open_manifest
from pipeline.manifest.validate import check_ids

__all__ = ["BOX_COLUMNS", "Manifest", "Rows", "Slice", "check_ids", "concatenate", "open_manifest"]
