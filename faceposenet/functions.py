"""The methods of one `FacePoser` that all callers share. Their documentation is that of the methods."""

from collections.abc import Iterable, Sequence
from functools import cache

from faceposenet.face import Face, Rejected
from faceposenet.photo_arguments import Box, Boxes, Channels, Photo
from faceposenet.picture import Picture, View
from faceposenet.poser import FacePoser
from render_core.clean import Background
from render_core.template import Template, TemplateName


@cache
def default_poser() -> FacePoser:
    """The poser behind the functions, with the network and the mean head of the package: made once."""
    return FacePoser()


def pose(photo: Photo, box_xywh_px: Box, *, channels: Channels = "BGR") -> Face:
    return default_poser().pose(photo, box_xywh_px, channels=channels)


def pose_batch(
    photos: Photo | Iterable[Photo], boxes_xywh_px: Boxes, *, channels: Channels = "BGR"
) -> list[Face | Rejected]:
    return default_poser().pose_batch(photos, boxes_xywh_px, channels=channels)


def views(
    photo: Photo,
    face: Face,
    views_deg: Sequence[float] | None = None,
    *,
    size_px: int = 224,
    background: Background = "edge",
    closeup: bool = False,
    channels: Channels = "BGR",
) -> list[View]:
    return default_poser().views(
        photo, face, views_deg, size_px=size_px, background=background, closeup=closeup, channels=channels
    )


def aligned(
    photo: Photo,
    face: Face,
    *,
    size_px: int = 112,
    template: TemplateName | Template = "arcface",
    mirrored: bool = False,
    channels: Channels = "BGR",
) -> Picture:
    return default_poser().aligned(
        photo, face, size_px=size_px, template=template, mirrored=mirrored, channels=channels
    )


for _function in (pose, pose_batch, views, aligned):
    _function.__doc__ = getattr(FacePoser, _function.__name__).__doc__
