"""First stage: rows of the manifest to decoded, cropped faces.

An image is read and decoded once for all of its faces that follow one another in a part. Boxes are in pixels
of the upright photo, as viewers show it: an EXIF orientation is applied before anything else.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.crop import CutFace, cut_from_photo, source_from_photo, source_wh_px
from faceposenet.photo.decode import DecodedPhoto
from faceposenet.photo.reduction import Needs
from faceposenet.photo.source_window import SourceWindow
from fpn_core import NetworkSpec, valid_boxes
from pipeline.config.settings import ImageSettings, RenderSettings
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.io.image_access import ImagePlaces
from pipeline.manifest import Rows
from pipeline.reasons import Reason, Reject, Stage, reject_row
from pipeline.stages.batches import NO_SOURCE, DecodedFaces, EncodedPhoto
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
    hands_photos_on: bool = False
    """Whether faces come with the encoded photo where that is smaller than what the renderer sees of it."""
    cuts_sources: bool = True
    """Whether the renderer sees anything of the photos."""

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
        needs = photo_needs(self.spec, self.images, self.render)
        photos = PhotoReader(self.images, self.places, needs, self.report)(rows, pieces)
        for number in range(max(1, -(-len(rows) // size))):
            start, stop = number * size, (number + 1) * size
            batch = _Batch(rows, start, [reject for i, reject in rejects if start <= i < stop])
            for piece, photo, data in islice(photos, pieces_of_batch[number]):
                kept = None
                if self.hands_photos_on and len(data) <= self._source_bytes(rows, piece, photo):
                    kept = EncodedPhoto(data, int(runs[piece[0]]))
                for i in piece:
                    batch.add(i, photo, kept, self)
            self.report(Stage.DECODE, [])
            yield batch.faces(size, self.spec.size_px)

    def _source_bytes(self, rows: Rows, piece: Sequence[int], photo: DecodedPhoto | FaceRejectedError) -> int:
        """Bytes of what the renderer would see of the faces of a photo; -1 where it sees nothing of them."""
        if isinstance(photo, FaceRejectedError) or not self.cuts_sources:
            return -1
        if self.render.mode == "compat":
            return 3 * self.spec.camera.size_px**2 * len(piece)
        sizes = [source_wh_px(photo, rows.box_xywh_px[i], self.render.source_size) for i in piece]
        return sum(3 * width * height for width, height in sizes)


def photo_needs(spec: NetworkSpec, images: ImageSettings, render: RenderSettings) -> Needs | None:
    """What photos may be reduced to; None where they are decoded at their full size."""
    if not images.scaled_decode or render.mode != "clean":
        return None
    return Needs(spec, render.source_size if render.enabled else None)


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
    photos: list[EncodedPhoto | None] = field(default_factory=list)

    def add(
        self,
        i: int,
        photo: DecodedPhoto | FaceRejectedError,
        kept: EncodedPhoto | None,
        decoder: Decoder,
    ) -> None:
        """Cut the face at a position of the part out of its photo, or reject it.

        `kept`: the encoded photo, where that is handed on in place of what the renderer sees.
        """
        spec, render = decoder.spec, decoder.render
        try:
            if isinstance(photo, FaceRejectedError):
                raise photo
            cut = cut_from_photo(photo, self.rows.box_xywh_px[i], spec)
            source = NO_SOURCE
            if render.mode == "compat":
                crop, source = original_crop(photo.pixels, cut.window_xyxy_px, cut.crop, spec)
                cut = CutFace(cut.window_xyxy_px, crop)
            elif kept is None and decoder.cuts_sources:
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
            self.sources.append(source if kept is None else NO_SOURCE)
            self.photos.append(kept)

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
            self.photos,
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
