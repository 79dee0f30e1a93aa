"""First stage: rows of the manifest to decoded, cropped faces.

An image is read and decoded once for all of its faces that follow one another in the manifest. Boxes are in
pixels of the upright photo, as viewers show it: an EXIF orientation is applied before anything else.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np

from fpn_core import BoxError, NetworkSpec, crop_windows, extract_crop, valid_boxes
from pipeline.care import NO_CARE, Care, Report, report_nothing
from pipeline.config import ImageSettings, RenderSettings
from pipeline.errors import StorageError, UnknownSchemeError
from pipeline.faces import DecodedFaces, SourceWindow
from pipeline.image_location import ForbiddenPlaceError, ImagePlaces, NoImageNamedError
from pipeline.manifest import Rows
from pipeline.reasons import Reason, Stage, reject_row
from pipeline.storage import is_uri, read_file, without_credentials


class FaceError(Exception):
    """Why one face or image falls out: `reason` is its stable code. The stages turn it into a Reject."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass
class Decoder:
    """Reads, decodes and crops batches of rows."""

    spec: NetworkSpec
    images: ImageSettings
    render: RenderSettings
    places: ImagePlaces
    report: Report = report_nothing

    def __call__(self, rows: Rows, care: Care = NO_CARE) -> DecodedFaces:
        """Decode and crop the faces of `rows`; those that fail are in the result's `rejects`."""
        position, sizes, windows, crops, sources = [], [], [], [], []
        rejects = [
            reject_row(rows, i, Stage.MANIFEST, Reason.ROW_MALFORMED, detail)
            for i, detail in rows.malformed.items()
        ]
        for i in range(len(rows)):
            exclusion = care.exclusions.get(rows.row[i])
            if exclusion is not None:
                e = exclusion
                rejects.append(reject_row(rows, i, e.stage, e.reason, e.detail, e.attempts))
        out = {reject.row for reject in rejects}
        whole = np.array([i for i, row in enumerate(rows.row) if row not in out], dtype=np.int64)
        valid = valid_boxes(rows.box_xywh_px[whole])
        for i in whole[~valid]:
            box = rows.box_xywh_px[i].tolist()
            detail = f"box {box}: expected finite x, y and width, height above 0, in pixels"
            rejects.append(reject_row(rows, int(i), Stage.MANIFEST, Reason.BOX_INVALID, detail))
        for face_positions, image in self._images(rows, whole[valid].tolist()):
            for i in face_positions:
                try:
                    if isinstance(image, FaceError):
                        raise image
                    cut = cut_face(image, rows.box_xywh_px[i], self.spec)
                    source = render_source(image, rows.box_xywh_px[i], self.render)
                except FaceError as fault:
                    rejects.append(reject_row(rows, i, Stage.DECODE, fault.reason, str(fault)))
                except Exception as error:  # one face must not take its batch along
                    detail = f"{type(error).__name__}: {error}"
                    rejects.append(reject_row(rows, i, Stage.DECODE, Reason.INTERNAL_ERROR, detail))
                else:
                    position.append(i)
                    sizes.append((image.shape[1], image.shape[0]))
                    windows.append(cut.window_xyxy_px)
                    crops.append(cut.crop)
                    sources.append(source)
        self.report(Stage.DECODE, [])
        size = self.spec.size_px
        return DecodedFaces(
            rows,
            np.array(position, dtype=np.int64),
            np.array(sizes, dtype=np.int32).reshape(-1, 2),
            np.array(windows, dtype=np.int64).reshape(-1, 4),
            np.array(crops, dtype=np.uint8).reshape(-1, size, size, 3),
            sources,
            rejects,
        )

    def _images(self, rows: Rows, positions: list[int]) -> Iterator[tuple[list[int], np.ndarray | FaceError]]:
        """The faces of each image, and the image or why there is none."""
        if rows.image_bytes is None:
            groups = [list(same) for _, same in groupby(positions, key=rows.image.__getitem__)]
        else:
            groups = [[i] for i in positions]
        for group, data in zip(groups, self._encoded(rows, [group[0] for group in groups]), strict=True):
            self.report(Stage.DECODE, [rows.row[i] for i in group])
            yield group, self._image(data)

    def _encoded(self, rows: Rows, positions: list[int]) -> Iterator[bytes | FaceError]:
        """The encoded image of each row, remote ones read ahead by several threads."""
        if rows.image_bytes is not None or not is_uri(self.places.image_root):
            for i in positions:
                self.report(Stage.DECODE, [rows.row[i]])
                yield self._read(rows, i)
            return
        threads = self.images.read_threads
        with ThreadPoolExecutor(threads) as pool:
            ahead = deque(pool.submit(self._read, rows, i) for i in positions[: 2 * threads])
            for n, i in enumerate(positions):
                self.report(Stage.DECODE, [rows.row[i]])
                yield ahead.popleft().result()
                if n + 2 * threads < len(positions):
                    ahead.append(pool.submit(self._read, rows, positions[n + 2 * threads]))

    def _image(self, data: bytes | FaceError) -> np.ndarray | FaceError:
        if isinstance(data, FaceError):
            return data
        try:
            return decode_image(data, self.images.max_pixels)
        except FaceError as fault:
            return fault
        except Exception as error:  # one image must not take its batch along
            return FaceError(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")

    def _read(self, rows: Rows, i: int) -> bytes | FaceError:
        """The bytes of a row's image, or why there are none.

        Raises:
            StorageError: the store itself is not to be had, which is no face's fault.
        """
        limit = self.images.max_bytes
        try:
            data = (
                rows.image_bytes[i]
                if rows.image_bytes is not None
                else self._read_named(rows.image[i], limit)
            )
        except FaceError as fault:
            return fault
        except StorageError:
            raise
        except Exception as error:  # one image must not take its batch along
            return FaceError(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        if len(data) > limit:
            return FaceError(
                Reason.IMAGE_TOO_LARGE, f"the file has more than images.max_bytes = {limit} bytes"
            )
        if not data:
            return FaceError(Reason.IMAGE_UNREADABLE, "the image file is empty (0 bytes)")
        return data

    def _read_named(self, image: str, limit: int) -> bytes:
        try:
            return read_file(self.places.locate(image), limit)
        except NoImageNamedError as error:
            raise FaceError(Reason.IMAGE_MISSING, str(error)) from error
        except (ForbiddenPlaceError, UnknownSchemeError) as error:
            raise FaceError(Reason.IMAGE_NOT_ALLOWED, str(error)) from error
        except (FileNotFoundError, NotADirectoryError) as error:
            detail = f"there is no image {image!r} in {without_credentials(self.places.image_root)!r}"
            raise FaceError(Reason.IMAGE_MISSING, detail) from error
        except (OSError, ValueError) as error:
            raise FaceError(Reason.IMAGE_UNREADABLE, f"cannot read {image!r}: {error}") from error


@dataclass(frozen=True)
class CutFace:
    """What the network sees of one face."""

    window_xyxy_px: np.ndarray
    """int64 (4,): in pixels of the photo."""
    crop: np.ndarray
    """uint8 (s, s, 3), BGR."""


def decode_image(data: bytes, max_pixels: int) -> np.ndarray:
    """The upright picture in an encoded image, uint8 (h, w, 3), BGR.

    Raises:
        FaceError: no image, or one with more pixels than allowed.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        # OpenCV checks the size in the header against its limit before it allocates.
        if "PIXELS" in str(error) or "IMAGE_WIDTH" in str(error) or "IMAGE_HEIGHT" in str(error):
            raise FaceError(Reason.IMAGE_TOO_LARGE, "more pixels than OpenCV is allowed to read") from error
        raise FaceError(Reason.IMAGE_UNREADABLE, f"OpenCV cannot decode it: {error.err}") from error
    if image is None:
        begin = data[:8].hex(" ")
        raise FaceError(
            Reason.IMAGE_UNREADABLE,
            f"no image, or a truncated one: {len(data)} bytes that begin with {begin}",
        )
    height, width = image.shape[:2]
    if height * width > max_pixels:
        detail = f"{width} x {height} px is more than images.max_pixels = {max_pixels}"
        raise FaceError(Reason.IMAGE_TOO_LARGE, detail)
    return np.asarray(image, dtype=np.uint8)


def cut_face(image: np.ndarray, box_xywh_px: np.ndarray, spec: NetworkSpec) -> CutFace:
    """The network's crop of one face of a picture, uint8 (h, w, 3).

    Raises:
        FaceError: no pixel of the box, float64 (4,), lies in the picture, or no crop can be made of it.
    """
    height, width = image.shape[:2]
    x, y, box_width, box_height = box_xywh_px
    if x + box_width <= 0 or y + box_height <= 0 or x >= width or y >= height:
        detail = f"box {box_xywh_px.tolist()} has no pixel of the {width} x {height} px image"
        raise FaceError(Reason.BOX_OUTSIDE_IMAGE, detail)
    window = crop_windows(box_xywh_px[None], spec.crop_expand)[0]
    try:
        return CutFace(window, extract_crop(image, window, spec.size_px, spec.crop_interpolation))
    except BoxError as error:
        raise FaceError(Reason.BOX_INVALID, str(error)) from error


def render_source(image: np.ndarray, box_xywh_px: np.ndarray, render: RenderSettings) -> SourceWindow:
    """What the renderer sees of one face, by the settings of a job."""
    return source_window(image, box_xywh_px, render.source_window, render.source_limit_px)


def source_window(image: np.ndarray, box_xywh_px: np.ndarray, window: float, limit_px: int) -> SourceWindow:
    """Cut what the renderer needs from a photo: `window` sides of the square face box around its centre.

    image: uint8 (h, w, 3). What would be longer than `limit_px` is shrunk by averaging areas, which is the
    anti-aliasing of large faces; the part outside the photo is left away.
    """
    height, width = image.shape[:2]
    x, y, box_width, box_height = box_xywh_px
    half = window * max(box_width, box_height) / 2
    x_centre, y_centre = x + box_width / 2, y + box_height / 2
    x0, x1 = (int(np.clip(np.floor(edge), 0, width)) for edge in (x_centre - half, x_centre + half + 1))
    y0, y1 = (int(np.clip(np.floor(edge), 0, height)) for edge in (y_centre - half, y_centre + half + 1))
    part = image[y0:y1, x0:x1]
    shrink = min(1.0, limit_px / max(part.shape[:2]))
    size = (max(1, round(part.shape[1] * shrink)), max(1, round(part.shape[0] * shrink)))
    # Areas map onto each other: (x_source + 1/2) / size = (x_image + 1/2 - x0) / (x1 - x0).
    scale_x, scale_y = size[0] / (x1 - x0), size[1] / (y1 - y0)
    image_to_source = np.array(
        [
            [scale_x, 0, (0.5 - x0) * scale_x - 0.5],
            [0, scale_y, (0.5 - y0) * scale_y - 0.5],
            [0, 0, 1],
        ]
    )
    # A copy, since a view would keep the whole photo in memory.
    pixels = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if shrink < 1 else part.copy()
    return SourceWindow(np.asarray(pixels, dtype=np.uint8), image_to_source)
