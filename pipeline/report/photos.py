"""The photos of single faces, from where the job read them; a photo that is not to be had says why."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.decode import decode_image
from faceposenet.photo.locations import plain_path
from faceposenet.photo.read import checked_bytes
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
    _store_is_down: str | None = field(default=None, init=False)

    def posed(self, record: dict[str, Any]) -> np.ndarray:
        """The photo of a face, by its row of the poses: BGR, uint8 (h, w, 3), upright.

        Raises:
            NoPhotoError: see there.
        """
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
        images = self.config.images
        try:
            return decode_image(checked_bytes(row.image_bytes, images.limits), images.max_pixels)
        except FaceRejectedError as fault:
            raise NoPhotoError(fault.detail) from fault

    def _named(self, image: str) -> np.ndarray:
        if self._store_is_down:
            raise NoPhotoError(self._store_is_down)
        try:
            data = self._places.read(image, self.config.images.limits)
            return decode_image(data, self.config.images.max_pixels)
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
            return image_places(self.rows.location, self.config)
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
    rows = ManifestRows(out, config, manifest or job["manifest_location"], int(found["rows"]))
    return PhotoFinder(config, rows, found["kind"] == "webdataset", image_root)
