"""The photos of single faces, from where the job read them; a photo that is not to be had says why."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.decode import decode_image
from faceposenet.photo.load import load_photo
from faceposenet.photo.locations import is_uri, plain_path
from faceposenet.redaction import without_secrets
from pipeline.config.settings import JobConfig, load_config
from pipeline.errors import PipelineError, StorageUnavailableError
from pipeline.io.image_access import ImagePlaces, image_places
from pipeline.io.storage import Folder
from pipeline.report.manifest_rows import ManifestRow, ManifestRows, NoRowError


class NoPhotoError(Exception):
    """Why there is no photo of a face, in words for people."""

    def __init__(self, why: str) -> None:
        super().__init__(without_secrets(why))


@dataclass
class PhotoFinder:
    """Finds the photos of a job's faces."""

    config: JobConfig
    rows: ManifestRows
    in_manifest: bool
    """Whether the manifest holds all photos itself, and what it calls their image is no place."""
    image_root: str | None = None
    """Where relative image paths begin now, if not where the job found them."""
    started_in: str = ""
    """Folder that relative paths in the job's settings begin in."""
    asked: int = field(default=0, init=False)
    """Photos of posed faces that were asked for, each of which the job had read."""
    missing: int = field(default=0, init=False)
    """Those of them that could not be read now."""
    why_missing: str = field(default="", init=False)
    """Why the last of them could not."""
    _store_is_down: str | None = field(default=None, init=False)
    _left_out: int | None = field(default=None, init=False)
    """How many folders of a whole path are not below `image_root`, once one photo was found."""

    def posed(self, record: dict[str, Any]) -> np.ndarray:
        """The photo of a face, by its row of the poses: BGR, uint8 (h, w, 3), upright.

        Raises:
            NoPhotoError: see there.
        """
        self.asked += 1
        try:
            photo = self._posed(record)
            _check_size(photo, record)
        except NoPhotoError as error:
            self.missing += 1
            self.why_missing = str(error)
            raise
        return photo

    def _posed(self, record: dict[str, Any]) -> np.ndarray:
        if record["image"] and not self.in_manifest:
            return self._named(record["image"])
        try:
            return self._held(self.rows.face(record["part"], record["face_id"]))
        except NoRowError as error:
            raise NoPhotoError(str(error)) from error

    def rejected(self, record: dict[str, Any]) -> np.ndarray:
        """The photo of a face by its row of the rejects; see `posed`."""
        if record["image"] and not self.in_manifest:
            return self._named(record["image"])
        try:
            return self._held(self.rows.row(record["row"], record["face_id"]))
        except NoRowError as error:
            raise NoPhotoError(str(error)) from error

    def _held(self, row: ManifestRow) -> np.ndarray:
        if row.image_bytes is None:
            raise NoPhotoError("the row names no image")
        limits = self.config.images.limits
        try:
            return load_photo(row.image_bytes, limits)
        except FaceRejectedError as fault:
            raise NoPhotoError(fault.detail) from fault

    def _named(self, image: str) -> np.ndarray:
        if self.image_root is None:
            # Beside another manifest there may be other photos of the same names.
            change = self.rows.change()
            if change:
                raise NoPhotoError(change)
            return self._read_named(image)
        location = plain_path(image)
        if is_uri(location) or not Path(location).is_absolute():
            return self._read_named(image)
        return self._moved(location)

    def _moved(self, path: str) -> np.ndarray:
        """A photo that the manifest names by its whole path, below the folder that it was moved to.

        Raises:
            NoPhotoError: no end of the path is the path of a file there.
        """
        _, *names = Path(path).parts
        tries = range(len(names)) if self._left_out is None else [self._left_out]
        for left_out in tries:
            try:
                photo = self._read_named("/".join(names[left_out:]))
            except NoPhotoError:
                if self._store_is_down or left_out == tries[-1]:
                    raise
            else:
                self._left_out = left_out  # all photos were moved by the same way
                return photo
        raise NoPhotoError("there is no such file")

    def _read_named(self, image: str) -> np.ndarray:
        if self._store_is_down:
            raise NoPhotoError(self._store_is_down)
        try:
            limits = self.config.images.limits
            return decode_image(self._places.read(image, limits), limits)
        except FaceRejectedError as fault:
            raise NoPhotoError(fault.detail) from fault
        except StorageUnavailableError as error:
            # Trying it again for every face would take minutes each.
            self._store_is_down = str(error)
            raise NoPhotoError(str(error)) from error
        except PipelineError as error:
            raise NoPhotoError(f"it cannot be read: {error}") from error

    @cached_property
    def _places(self) -> ImagePlaces:
        if self.image_root is None:
            return image_places(self.rows.location, self.config, self.started_in)
        # Whoever names a root now may read there, whatever roots the job was held to.
        root, roots = plain_path(self.image_root), self.config.images.roots
        return ImagePlaces(root, None if roots is None else (*map(plain_path, roots), root))


def photos_of_job(
    out: Folder, job: dict[str, Any], manifest: str | None = None, image_root: str | None = None
) -> PhotoFinder:
    """The photos of a job, which is as `stored_job` gives it.

    `manifest` and `image_root` are for those that lie elsewhere by now, or need credentials.

    Raises:
        ConfigError: settings of another version.
    """
    config = load_config(base=job["config"])
    found = job["inputs"]["manifest"]
    rows = ManifestRows(out, config, manifest or job["manifest_location"], job)
    return PhotoFinder(config, rows, found["kind"] == "webdataset", image_root, job["started_in"])


def _check_size(photo: np.ndarray, record: dict[str, Any]) -> None:
    """See that a photo is as large as the one that the job saw.

    Raises:
        NoPhotoError: it is another one.
    """
    height, width = photo.shape[:2]
    seen = record.get("image_width_px", width), record.get("image_height_px", height)
    if (width, height) != seen:
        raise NoPhotoError(
            f"another photo is there now: it has {width} x {height} px, the job's had "
            f"{seen[0]} x {seen[1]} px"
        )
