"""Everything that `render_core` raises.

RenderError
├── RasterInputError   a mesh, projection or size that cannot be rasterised
├── HeadError          a head that cannot be built, found or read
├── MissingExtraError  an optional dependency that is not installed
└── RenderReject       a face that cannot be rendered; its `reason` is a stable code
"""

from typing import Literal

RejectReason = Literal["pose_not_finite", "pose_behind_camera", "render_no_face_pixels"]


class RenderError(Exception):
    """Base of all errors of this package."""


class RasterInputError(RenderError, ValueError):
    """A mesh, projection or image size that cannot be rasterised."""


class HeadError(RenderError, ValueError):
    """A head that cannot be built, found or read."""


class MissingExtraError(RenderError, ImportError):
    """An optional dependency that is not installed; the message names the extra to install."""


class RenderReject(RenderError):  # noqa: N818 - not an error of the program
    """A face that cannot be rendered. `reason` is a stable code.

    Renderers raise it; a job catches it and writes a row instead of stopping.
    """

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
