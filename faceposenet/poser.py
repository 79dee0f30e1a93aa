"""Photos and boxes to poses, poses to views: the stages of the job, in the caller's own process."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from faceposenet import defaults
from faceposenet.batch import pose_boxes
from faceposenet.errors import FaceRejectedError, InputError
from faceposenet.face import Face, Rejected
from faceposenet.photo.crop import source_from_photo
from faceposenet.photo.reduction import Needs
from faceposenet.photo.sizes import SourceSize, source_size
from faceposenet.photo.source_window import SourceWindow
from faceposenet.photo_arguments import Box, Boxes, Channels, Photo, face_photo, photos_of
from faceposenet.picture import Picture, View
from faceposenet.reasons import Reason
from fpn_core import MirrorAveraged, PoseNetwork
from fpn_core.confidence import assumed_error_deg
from fpn_core.mirror import Network
from fpn_core.session import Device
from render_core import Renderer, RenderReject, select_views
from render_core.align import align_face
from render_core.clean import Background
from render_core.head_folder import find_head
from render_core.sight import POSE_ERROR_DEG
from render_core.template import Template, TemplateName, named_template
from render_core.view import PRESET_VIEWS_DEG, closeup_camera, view_camera


class FacePoser:
    """Poses faces and renders views of them, with one network and one head; make one and keep it.

    Its numbers are those of a job with the same settings and batches, to the last bit, and the pixels of its
    views those of a job with the same views. Not for several threads at once.

    Attributes:
        provider: the ONNX Runtime provider that really runs the network.
        provider_reason: one sentence on why it is that one.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        device: Device = "auto",
        head: str = defaults.HEAD,
        *,
        heads: Path | str | None = None,
        average_mirrored: bool = False,
        batch_size: int = defaults.BATCH_SIZE,
        threads: int = 1,
        cache_dir: Path | str | None = defaults.CACHE_DIR,
    ) -> None:
        """Loads the network and the head.

        Args:
            model: an ONNX file with the project's metadata; None takes the network of the package.
            device: `auto`, `cpu`, `cuda` or `tensorrt`.
            head: name of the head that gives landmarks and views.
            heads: folder of head files of your own; None takes the heads of the package.
            average_mirrored: pose the mirrored crop too and average; a little better, twice the time.
            batch_size: faces a call of the network. The last bits of a float depend on it.
            threads: CPU threads of the network. With another number than a job's 1, last bits may differ.
            cache_dir: where prepared views are kept, to start in milliseconds next time; None: nowhere.

        Raises:
            ModelError: a file that is no such network, or a device that does not work (of `fpn_core`).
            HeadError: there is no such head (of `render_core.errors`).
            InputError: a batch of no faces.
        """
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}: expected 1 or more")
        network = PoseNetwork(None if model is None else Path(model), device, threads)
        self.provider = network.provider
        self.provider_reason = network.provider_reason
        self._network: Network = MirrorAveraged(network) if average_mirrored else network
        self._head = find_head(head, None if heads is None else Path(heads))
        self._landmarks_mm = np.asarray(self._head.landmarks_mm, np.float64)
        self._batch_size = batch_size
        self._cache_dir = None if cache_dir is None else Path(cache_dir).expanduser()
        self._renderer = lru_cache(maxsize=8)(self._make_renderer)

    def pose(self, photo: Photo, box_xywh_px: Box, *, channels: Channels = "BGR") -> Face:
        """The pose of one face.

        Args:
            photo: uint8 (height, width, 3), or a path or URI of an image file.
            box_xywh_px: tight face box in pixels of the upright photo: x and y of its upper left corner,
                width, height.
            channels: order of the channels of an array: `BGR` (OpenCV) or `RGB` (Pillow, Matplotlib).

        Raises:
            FaceRejectedError: the face has no pose; `reason` says why.
            InputError: what is no photo or no box.
        """
        boxes = _boxes(box_xywh_px, ndim=1)[None]
        (face,) = self._pose([photo], boxes, channels)
        if isinstance(face, Rejected):
            raise FaceRejectedError(Reason(face.reason), face.detail)
        return face

    def pose_batch(
        self, photos: Photo | Iterable[Photo], boxes_xywh_px: Boxes, *, channels: Channels = "BGR"
    ) -> list[Face | Rejected]:
        """The poses of many faces, in batches of the network.

        Args:
            photos: one photo for all boxes, or a photo for each box. A generator will do, and files that
                follow themselves are read once.
            boxes_xywh_px: numbers (n, 4), see `pose`.
            channels: see `pose`.

        Returns:
            One item a box, in their order: a `Face`, or a `Rejected` where a job would have a reject.

        Raises:
            InputError: what is no photo or no box, or another number of photos than of boxes.
        """
        boxes = _boxes(boxes_xywh_px, ndim=2)
        return self._pose(photos, boxes, channels)

    def views(
        self,
        photo: Photo,
        face: Face,
        views_deg: Sequence[float] | None = None,
        *,
        size_px: int = defaults.VIEW_PX,
        background: Background = "edge",
        closeup: bool = False,
        channels: Channels = "BGR",
    ) -> list[View]:
        """The face seen from other sides.

        A face with a yaw below 0 is mirrored, so that all views turn the nose to the left of the image.

        Args:
            photo: the photo that the face was posed in.
            face: its pose.
            views_deg: yaws in degrees. None: those of 0, 22, 40, 55 and 75 that a job renders, which never
                turn a face back to the front.
            size_px: side of a view.
            background: what stands beyond the edge of the photo: `edge`, `constant`, `blur`, or `transparent`
                (views then have an alpha channel).
            closeup: crop every view to the face.
            channels: order of the channels of `photo`, where it is an array.

        Raises:
            FaceRejectedError: no point of the posed face lies in the photo, or the photo cannot be read.
            InputError: another photo than the face's, or views that are none.
        """
        _check_face(face)
        if views_deg is None:
            views_deg = select_views(face.yaw_deg, PRESET_VIEWS_DEG)
        try:
            renderer = self._renderer(_yaws(views_deg), size_px, background, closeup)
        except ValueError as error:
            raise InputError(str(error)) from error
        source = self._source(photo, face, channels, source_size(size_px))
        projection = source.image_to_source @ face.projection
        try:
            rendered = renderer.render(
                source.pixels,
                projection,
                mirrored=face.mirrored,
                pose_error_deg=assumed_error_deg(face.confidence, POSE_ERROR_DEG),
            )
        except RenderReject as reject:
            raise FaceRejectedError(Reason(reject.reason), str(reject)) from reject
        return [
            View(view.image, view.yaw_deg, face.mirrored, view.seen_fraction, view.filled_fraction)
            for view in rendered
        ]

    def aligned(
        self,
        photo: Photo,
        face: Face,
        *,
        size_px: int = 112,
        template: TemplateName | Template = "arcface",
        mirrored: bool = False,
        channels: Channels = "BGR",
    ) -> Picture:
        """The face upright, in the crop that recognition networks take. Left and right stay the photo's.

        Args:
            photo: the photo that the face was posed in.
            face: its pose.
            size_px: height of the crop.
            template: `arcface`, `arcface-96x112`, `ffhq`, or a `render_core.template.Template` of your own.
            mirrored: give the crop of the mirrored photo.
            channels: order of the channels of `photo`, where it is an array.

        Raises:
            FaceRejectedError: the photo cannot be read, or the pose puts the head behind the camera.
            InputError: another photo than the face's, or a template that does not exist.
        """
        _check_face(face)
        try:
            chosen = template if isinstance(template, Template) else named_template(template)
        except ValueError as error:
            raise InputError(str(error)) from error
        source = self._source(photo, face, channels, source_size(max(size_px, defaults.VIEW_PX)))
        projection = source.image_to_source @ face.projection
        try:
            upright = align_face(source.pixels, projection, chosen.scaled(size_px), mirrored=mirrored)
        except RenderReject as reject:
            raise FaceRejectedError(Reason(reject.reason), str(reject)) from reject
        return Picture(upright.image)

    def _pose(
        self, photos: Photo | Iterable[Photo], boxes: np.ndarray, channels: Channels
    ) -> list[Face | Rejected]:
        decoded = photos_of(photos, boxes, channels, Needs(self._network.spec, source_size(defaults.VIEW_PX)))
        return pose_boxes(self._network, self._landmarks_mm, decoded, boxes, self._batch_size)

    def _source(self, photo: Photo, face: Face, channels: Channels, size: SourceSize) -> SourceWindow:
        """What the renderer sees of a face."""
        decoded = face_photo(face, photo, channels, Needs(self._network.spec, size))
        return source_from_photo(decoded, face.box_xywh_px, size)

    def _make_renderer(
        self, views_deg: tuple[float, ...], size_px: int, background: Background, closeup: bool
    ) -> Renderer:
        cameras = [view_camera(yaw_deg, size_px=size_px) for yaw_deg in views_deg]
        if closeup:
            cameras = [closeup_camera(camera, self._landmarks_mm) for camera in cameras]
        return Renderer(
            self._head, cameras, size_px=size_px, background=background, cache_dir=self._cache_dir
        )


def _check_face(face: Face) -> None:
    if not isinstance(face, Face):
        raise InputError(f"face is a {type(face).__name__}: expected a Face, as pose() returns it")


def _yaws(views_deg: Sequence[float]) -> tuple[float, ...]:
    try:
        if isinstance(views_deg, str):
            raise TypeError("a text")
        return tuple(map(float, views_deg))
    except TypeError as error:
        raise InputError(f"views_deg is {views_deg!r}: expected yaws in degrees, such as [0, 40]") from error


def _boxes(boxes_xywh_px: Box | Boxes, ndim: int) -> np.ndarray:
    """Boxes as float64, checked to be of four numbers each."""
    expected = "four numbers, x, y, width, height" if ndim == 1 else "rows of x, y, width, height"
    try:
        boxes = np.array(boxes_xywh_px, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"boxes_xywh_px: expected {expected}; {error}") from error
    if ndim == 2 and boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != ndim or boxes.shape[-1] != 4:
        raise InputError(f"boxes_xywh_px has the shape {boxes.shape}: expected {expected}")
    return boxes
