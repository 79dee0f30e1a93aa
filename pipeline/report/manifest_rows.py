"""Single rows of a job's manifest, opened only when the first one is asked for."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from faceposenet.redaction import without_secrets
from pipeline.config.settings import JobConfig
from pipeline.errors import PipelineError
from pipeline.io.storage import Folder
from pipeline.job.bound_manifest import NoManifestError, open_bound_manifest
from pipeline.job.plan import Plan
from pipeline.job.retry import retried_rows
from pipeline.manifest import Manifest, Rows, Slice, concatenate


class NoRowError(Exception):
    """Why a row of the manifest is not to be had, in words for people."""

    def __init__(self, why: str) -> None:
        super().__init__(without_secrets(why))


@dataclass(frozen=True)
class ManifestRow:
    """What the manifest says of one face."""

    box_xywh_px: np.ndarray
    """float64 (4,)."""
    image_bytes: bytes | None
    """The encoded photo, where the manifest holds the photos."""


@dataclass
class ManifestRows:
    """The manifest of a job as it is now."""

    out: Folder
    config: JobConfig
    location: str
    job: dict[str, Any]
    """As `stored_job` gives it."""

    @property
    def plan(self) -> Plan:
        """Which rows are which part."""
        plan: Plan = self.job["plan"]
        return plan

    def change(self) -> str:
        """How the manifest that is there now differs from the job's; empty where it does not, or is gone."""
        return "" if not isinstance(self._opened, str) or "cannot be read" in self._opened else self._opened

    def row(self, row: int, face_id: str) -> ManifestRow:
        """The row with a number, from 0, which must still be that face's.

        Raises:
            NoRowError: the manifest is not to be had, or has changed.
        """
        return self._find(self._read([self._slice_of(row)]), face_id, row)

    def face(self, part: int, face_id: str) -> ManifestRow:
        """The row of a face of a part; see `row`."""
        retried = self._retried.get(part)
        if retried is not None:
            return self._find(self._read(sorted(set(map(self._slice_of, retried)))), face_id, None)
        at = self.plan.index_of_part(part)
        return self._find(self._read([] if at is None else [at]), face_id, None)

    def _find(self, rows: Rows, face_id: str, row: int | None) -> ManifestRow:
        at = [
            i
            for i, found in enumerate(rows.face_id)
            if found == face_id and (row is None or rows.row[i] == row)
        ]
        if not at:
            raise NoRowError(f"the manifest has changed since the job: {face_id!r} is not where it was")
        image_bytes = None if rows.image_bytes is None else rows.image_bytes[at[0]]
        return ManifestRow(rows.box_xywh_px[at[0]], image_bytes)

    def _slice_of(self, row: int) -> int:
        try:
            return self.plan.index_of_row(row)
        except ValueError as error:
            raise NoRowError("the manifest has no such part") from error

    @cached_property
    def _retried(self) -> dict[int, list[int]]:
        return retried_rows(self.out)

    @cached_property
    def _opened(self) -> tuple[Manifest, list[Slice]] | str:
        """The manifest and the slices of its parts, or why it cannot be read."""
        try:
            manifest = open_bound_manifest(self.job, self.config, self.location)
            return manifest, manifest.cut(self.plan.starts())
        except NoManifestError as error:
            return str(error)
        except (PipelineError, OSError) as error:
            return f"the manifest cannot be read: {error}"

    def _read(self, slices: list[int]) -> Rows:
        if isinstance(self._opened, str):
            raise NoRowError(self._opened)
        manifest, planned = self._opened
        if not slices or slices[-1] >= len(planned):
            raise NoRowError("the manifest has no such part")
        try:
            return concatenate([manifest.read(planned[i]) for i in slices])
        except (PipelineError, OSError) as error:
            raise NoRowError(f"the manifest cannot be read: {error}") from error
