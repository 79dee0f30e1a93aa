"""First stage: rows of the manifest to decoded, cropped faces.

An image is read and decoded once for all of its faces that follow one another in a part. Boxes are in pixels
of the upright photo, as viewers show it: an EXIF orientation is applied before anything else.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice

import cv2
import numpy as np

from fpn_core import BoxError, NetworkSpec, crop_windows, extract_crop, valid_boxes
from pipeline.config.settings import ImageSettings, RenderSettings
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.io.image_access import ImagePlaces
from pipeline.manifest import Rows
from pipeline.reasons import Reason, Reject, Stage, reject_row
from pipeline.stages.batches import DecodedFaces, SourceWindow
from pipeline.stages.compat import original_crop
from pipeline.stages.photo import FaceError, Needs, Photo, source_bounds
from pipeline.stages.photo_reader import PhotoReader, image_runs


@dataclass
class Decoder:
    """Reads, decodes and crops rows in batches."""

    spec: NetworkSpec
    images: ImageSettings
    render: RenderSettings
    places: ImagePlaces
    report: Report = report_nothing

    def __call__(self, rows: Rows, care: Care = NO_CARE) -> DecodedFaces:
        """Decode and crop the faces of `rows`; those that fail are in the result's `rejects`."""
        return next(self.batches(rows, max(1, len(rows)), care))

    def batches(self, rows: Rows, size: int, care: Care = NO_CARE) -> Iterator[DecodedFaces]:
        """The faces of a part in batches of `size` rows; an image in two of them is still decoded once."""
        good, rejects = _sort_out(rows, care)
        runs = image_runs(rows)
        # The faces of one image in one batch.
        pieces = [list(piece) for _, piece in groupby(good, key=lambda i: (i // size, runs[i]))]
        pieces_of_batch = Counter(piece[0] // size for piece in pieces)
        reduced = self.images.scaled_decode and self.render.mode == "clean"
        needs = Needs(self.spec, self.render) if reduced else None
        photos = PhotoReader(self.images, self.places, needs, self.report)(rows, pieces)
        for number in range(max(1, -(-len(rows) // size))):
            start, stop = number * size, (number + 1) * size
            batch = _Batch(rows, start, [reject for i, reject in rejects if start <= i < stop])
            for piece, photo in islice(photos, pieces_of_batch[number]):
                for i in piece:
                    batch.add(i, photo, self.spec, self.render)
            self.report(Stage.DECODE, [])
            yield batch.faces(size, self.spec.size_px)


@dataclass
class _Batch:
    """The faces of a batch as they come, in lists by column."""

    rows: Rows
    """Of the whole part."""
    start: int
    rejects: list[Reject]
    position: list[int] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    windows: list[np.ndarray] = field(default_factory=list)
    crops: list[np.ndarray] = field(default_factory=list)
    sources: list[SourceWindow] = field(default_factory=list)

    def add(self, i: int, photo: Photo | FaceError, spec: NetworkSpec, render: RenderSettings) -> None:
        """Cut the face at a position of the part out of its photo, or reject it."""
        try:
            if isinstance(photo, FaceError):
                raise photo
            cut = cut_from_photo(photo, self.rows.box_xywh_px[i], spec)
            if render.mode == "compat":
                crop, source = original_crop(photo.pixels, cut.window_xyxy_px, cut.crop, spec)
                cut = CutFace(cut.window_xyxy_px, crop)
            else:
                source = source_from_photo(photo, self.rows.box_xywh_px[i], render)
        except FaceError as fault:
            self.rejects.append(reject_row(self.rows, i, Stage.DECODE, fault.reason, str(fault)))
        except Exception as error:  # one face must not take its batch along
            detail = f"{type(error).__name__}: {error}"
            self.rejects.append(reject_row(self.rows, i, Stage.DECODE, Reason.INTERNAL_ERROR, detail))
        else:
            self.position.append(i - self.start)
            self.sizes.append(photo.wh_px)
            self.windows.append(cut.window_xyxy_px)
            self.crops.append(cut.crop)
            self.sources.append(source)

    def faces(self, count: int, size_px: int) -> DecodedFaces:
        """All of it as arrays; crops are of `size_px` squared."""
        return DecodedFaces(
            self.rows.slice(self.start, count),
            np.array(self.position, dtype=np.int64),
            np.array(self.sizes, dtype=np.int32).reshape(-1, 2),
            np.array(self.windows, dtype=np.int64).reshape(-1, 4),
            np.array(self.crops, dtype=np.uint8).reshape(-1, size_px, size_px, 3),
            self.sources,
            self.rejects,
        )


def _sort_out(rows: Rows, care: Care) -> tuple[list[int], list[tuple[int, Reject]]]:
    """Positions of the rows whose image is to be read, and the rejects among the others by position."""
    rejects = [
        (i, reject_row(rows, i, Stage.MANIFEST, Reason.ROW_MALFORMED, detail))
        for i, detail in rows.malformed.items()
    ]
    if care.exclusions:
        for i, row in enumerate(rows.row):
            e = care.exclusions.get(row)
            if e is not None:
                rejects.append((i, reject_row(rows, i, e.stage, e.reason, e.detail, e.attempts)))
    out = {i for i, _ in rejects}
    valid = valid_boxes(rows.box_xywh_px)
    for i in np.flatnonzero(~valid).tolist():
        if i not in out:
            box = rows.box_xywh_px[i].tolist()
            detail = f"box {box}: expected finite x, y and width, height above 0, in pixels"
            rejects.append((i, reject_row(rows, i, Stage.MANIFEST, Reason.BOX_INVALID, detail)))
    return [i for i in np.flatnonzero(valid).tolist() if i not in out], rejects


@dataclass(frozen=True)
class CutFace:
    """What the network sees of one face."""

    window_xyxy_px: np.ndarray
    """int64 (4,): in pixels of the photo."""
    crop: np.ndarray
    """uint8 (s, s, 3), BGR."""


def cut_from_photo(photo: Photo, box_xywh_px: np.ndarray, spec: NetworkSpec) -> CutFace:
    """The network's crop of one face of a photo; box, float64 (4,), and window in pixels of its full size.

    Raises:
        FaceError: no pixel of the box lies in the photo, or no crop can be made of it.
    """
    _check_inside(box_xywh_px, photo.wh_px)
    cut = cut_face(photo.pixels, photo.box_to_pixels(box_xywh_px), spec)
    return CutFace(photo.window_to_full(cut.window_xyxy_px), cut.crop)


def source_from_photo(photo: Photo, box_xywh_px: np.ndarray, render: RenderSettings) -> SourceWindow:
    """What the renderer sees of one face of a photo; the box is in pixels of its full size."""
    source = render_source(photo.pixels, photo.box_to_pixels(box_xywh_px), render)
    return SourceWindow(source.pixels, source.image_to_source @ photo.full_to_pixels)


def cut_face(image: np.ndarray, box_xywh_px: np.ndarray, spec: NetworkSpec) -> CutFace:
    """The network's crop of one face of a picture, uint8 (h, w, 3).

    Raises:
        FaceError: no pixel of the box, float64 (4,), lies in the picture, or no crop can be made of it.
    """
    _check_inside(box_xywh_px, (image.shape[1], image.shape[0]))
    window = crop_windows(box_xywh_px[None], spec.crop_expand)[0]
    try:
        return CutFace(window, extract_crop(image, window, spec.size_px, spec.crop_interpolation))
    except BoxError as error:
        raise FaceError(Reason.BOX_INVALID, str(error)) from error


def _check_inside(box_xywh_px: np.ndarray, wh_px: tuple[int, int]) -> None:
    width, height = wh_px
    x, y, box_width, box_height = box_xywh_px
    if x + box_width <= 0 or y + box_height <= 0 or x >= width or y >= height:
        detail = f"box {box_xywh_px.tolist()} has no pixel of the {width} x {height} px image"
        raise FaceError(Reason.BOX_OUTSIDE_IMAGE, detail)


def render_source(image: np.ndarray, box_xywh_px: np.ndarray, render: RenderSettings) -> SourceWindow:
    """What the renderer sees of one face, by the settings of a job."""
    return source_window(image, box_xywh_px, render.source_window, render.source_limit_px)


def source_window(image: np.ndarray, box_xywh_px: np.ndarray, window: float, limit_px: int) -> SourceWindow:
    """Cut what the renderer needs from a photo: `window` sides of the square face box around its centre.

    image: uint8 (h, w, 3). What would be longer than `limit_px` is shrunk by averaging areas, which is the
    anti-aliasing of large faces; the part outside the photo is left away.
    """
    x0, y0, x1, y1 = source_bounds((image.shape[1], image.shape[0]), box_xywh_px, window)
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
