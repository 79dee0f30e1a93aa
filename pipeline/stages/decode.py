"""First stage: rows of the manifest to decoded, cropped faces.

An image is read and decoded once for all of its faces that follow one another in a part. Boxes are in pixels
of the upright photo, as viewers show it: an EXIF orientation is applied before anything else.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.crop import CutFace, cut_from_photo, source_from_photo
from faceposenet.photo.decode import DecodedPhoto
from faceposenet.photo.reduction import Needs
from faceposenet.photo.source_window import SourceWindow
from fpn_core import NetworkSpec, valid_boxes
from pipeline.config.settings import ImageSettings, RenderSettings
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.io.image_access import ImagePlaces
from pipeline.manifest import Rows
from pipeline.reasons import Reason, Reject, Stage, reject_row
from pipeline.stages.batches import DecodedFaces
from pipeline.stages.compat import original_crop
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
        source = self.render.source_size if self.render.enabled else None
        needs = Needs(self.spec, source) if reduced else None
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

    def add(
        self, i: int, photo: DecodedPhoto | FaceRejectedError, spec: NetworkSpec, render: RenderSettings
    ) -> None:
        """Cut the face at a position of the part out of its photo, or reject it."""
        try:
            if isinstance(photo, FaceRejectedError):
                raise photo
            cut = cut_from_photo(photo, self.rows.box_xywh_px[i], spec)
            if render.mode == "compat":
                crop, source = original_crop(photo.pixels, cut.window_xyxy_px, cut.crop, spec)
                cut = CutFace(cut.window_xyxy_px, crop)
            else:
                source = source_from_photo(photo, self.rows.box_xywh_px[i], render.source_size)
        except FaceRejectedError as fault:
            self.rejects.append(reject_row(self.rows, i, Stage.DECODE, fault.reason, fault.detail))
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
