"""Photos to rows of a manifest: the face boxes of each, by a detector or by a rule.

Runs in a supervised process, since decoders and detectors are native code (see `supervisor`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeGuard

import cv2
import numpy as np

from faceposenet.detector import LONGEST_PX, MIN_SCORE, Detections, FaceDetector
from faceposenet.errors import FaceRejectedError
from faceposenet.photo.crop import check_box
from faceposenet.photo.decode import decode_image
from faceposenet.photo.locations import is_uri
from faceposenet.photo.read import read_encoded
from pipeline.config.settings import ImageSettings
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.io.image_access import read_image
from pipeline.io.read_ahead import read_ahead
from pipeline.io.storage import join
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.reasons import Reason, Stage

Faces = Literal["all", "largest", "central"]
BoxRule = Literal["whole", "aligned"]

# Where the face is in the aligned crops of 112 px that recognition networks take, as x, y, width and height:
# the median box of YuNet in 1,295 photos warped to that template by YuNet's own five points.
ALIGNED_XYWH = np.array([17.5, 12.5, 77.0, 101.5]) / 112


@dataclass(frozen=True)
class FinderSettings:
    """How the faces of a photo are found."""

    detector: str | None = None
    """Model file of `FaceDetector`."""
    box: BoxRule | None = None
    """Without a detector: `whole`, the box is the image; `aligned`, the image is an aligned crop."""
    faces: Faces = "all"
    min_score: float = MIN_SCORE
    longest_px: int = LONGEST_PX
    images: ImageSettings = field(default_factory=ImageSettings)


Box = tuple[float, float, float, float]


class FoundFace(NamedTuple):
    """A row of the manifest."""

    face_id: str
    image: str
    box_xywh_px: Box
    score: float | None
    """The detector's."""
    values: tuple[str | None, ...]
    points_xy_px: tuple[float, ...] | None = None
    """The detector's five points: x and y in turn of right eye, left eye, tip of the nose, right and left
    corner of the mouth, where right is the person's own."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive items of a source, and the number of the first one."""

    start: int
    items: Sequence[SourceImage | Refused]


@dataclass
class Found:
    """The faces of a chunk, and the photos that have none: every item is in `faces` or in `refused`."""

    faces: list[FoundFace] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left_out: int = 0
    """Faces that were found, but not asked for."""


class Finder:
    """Finds the faces of chunks; images are named relative to `folder`.

    Raises:
        DetectorError: a detector that cannot be used.
    """

    def __init__(self, settings: FinderSettings, folder: str, report: Report = report_nothing) -> None:
        cv2.setNumThreads(1)  # there is a process for every core already
        self._settings = settings
        self._folder = folder
        self._report = report
        self._detector: FaceDetector | None = None
        if settings.detector is not None:
            self._detector = FaceDetector(
                Path(settings.detector), min_score=settings.min_score, longest_px=settings.longest_px
            )

    def __call__(self, chunk: Chunk, care: Care = NO_CARE) -> Found:
        found = Found()
        images = self._images(
            [
                (number, item)
                for number, item in enumerate(chunk.items, chunk.start)
                if self._is_looked_at(item) and number not in care.exclusions
            ]
        )
        for number, item in enumerate(chunk.items, chunk.start):
            try:
                if isinstance(item, Refused):
                    found.refused.append(item)
                elif number in care.exclusions:
                    exclusion = care.exclusions[number]
                    raise FaceRejectedError(exclusion.reason, exclusion.detail)
                elif item.box_xywh_px is not None:
                    box = np.array(item.box_xywh_px, dtype=np.float64)
                    check_box(box, item.box_text)
                    _add(found, item, [(box, None, None)])
                elif self._is_looked_at(item):
                    self._add_seen(found, item, next(images))
                else:
                    detail = "the source gives no box for it; name a detector with --detector"
                    found.refused.append(Refused(item.image, BuildReason.BOX_MISSING, detail))
            except FaceRejectedError as fault:
                found.refused.append(Refused(item.image, BuildReason(fault.reason), fault.detail))
        self._report(Stage.DECODE, [])
        return found

    def _is_looked_at(self, item: SourceImage | Refused) -> TypeGuard[SourceImage]:
        """Whether the image itself says where its faces are."""
        has_rule = self._detector is not None or self._settings.box is not None
        return isinstance(item, SourceImage) and item.box_xywh_px is None and has_rule

    def _add_seen(self, found: Found, photo: SourceImage, image: np.ndarray | FaceRejectedError) -> None:
        if isinstance(image, FaceRejectedError):
            raise image
        height, width = image.shape[:2]
        if self._detector is None:
            part = ALIGNED_XYWH if self._settings.box == "aligned" else np.array([0.0, 0.0, 1.0, 1.0])
            _add(found, photo, [(part * [width, height, width, height], None, None)])
            return
        seen = self._detector.detect(image)
        if not len(seen):
            detail = f"the detector found no face in {width} x {height} px"
            found.refused.append(Refused(photo.image, BuildReason.NO_FACE, detail))
            return
        chosen = _chosen(seen, self._settings.faces, width, height)
        found.left_out += len(seen) - len(chosen)
        several = self._settings.faces == "all"
        faces = zip(
            chosen.boxes_xywh_px, chosen.scores.tolist(), chosen.landmarks_xy_px.reshape(-1, 10), strict=True
        )
        _add(found, photo, list(faces), several=several)

    def _images(self, photos: Sequence[tuple[int, SourceImage]]) -> Iterator[np.ndarray | FaceRejectedError]:
        """The picture of each photo, or why there is none; remote ones are read ahead by several threads."""
        if not any(is_uri(join(self._folder, photo.image)) for _, photo in photos):
            for number, photo in photos:
                self._report(Stage.DECODE, [number])
                yield self._decoded(self._read(photo))
            return
        encoded = read_ahead(self._read, [photo for _, photo in photos], self._settings.images.read_threads)
        for number, _ in photos:
            self._report(Stage.DECODE, [number])
            yield self._decoded(next(encoded))

    def _read(self, photo: SourceImage) -> bytes | FaceRejectedError:
        """The encoded image, or why there is none.

        Raises:
            StorageError: the store itself cannot be read.
        """
        try:
            return read_encoded(
                photo.image,
                self._settings.images.limits,
                lambda name, most: read_image(join(self._folder, name), most),
            )
        except FaceRejectedError as fault:
            return fault

    def _decoded(self, data: bytes | FaceRejectedError) -> np.ndarray | FaceRejectedError:
        if isinstance(data, FaceRejectedError):
            return data
        try:
            return decode_image(data, self._settings.images.limits)
        except FaceRejectedError as error:
            return error
        except Exception as error:  # one image must not take its chunk along
            return FaceRejectedError(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")


def _add(
    found: Found,
    photo: SourceImage,
    faces: Sequence[tuple[np.ndarray, float | None, np.ndarray | None]],
    *,
    several: bool = False,
) -> None:
    """Adds faces of a photo: box, score, and the ten numbers of the detector's points."""
    for n, (box, score, numbers) in enumerate(faces):
        x, y, width, height = (round(float(value), 2) for value in box)
        points = None if numbers is None else tuple(round(float(value), 2) for value in numbers)
        face_id = f"{photo.name}#{n}" if several else photo.name
        face = FoundFace(face_id, photo.image, (x, y, width, height), score, photo.values, points)
        found.faces.append(face)


def _chosen(seen: Detections, faces: Faces, width: int, height: int) -> Detections:
    """The faces that were asked for; all of them from the left to the right."""
    boxes = seen.boxes_xywh_px
    if faces == "all":
        return seen.pick(np.lexsort((boxes[:, 1], boxes[:, 0])))
    if faces == "largest":
        return seen.pick(np.array([np.argmax(boxes[:, 2] * boxes[:, 3])]))
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    return seen.pick(np.array([np.argmin(np.linalg.norm(centres - [width / 2, height / 2], axis=1))]))
