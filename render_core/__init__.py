"""Rendered views of a face: a photo, a pose and a head in, the face as seen from other sides out."""

import os

# OpenCV reads this limit once, when it is first imported; see faceposenet/__init__.py.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

from render_core.errors import RenderError, RenderReject
from render_core.policy import is_mirrored, select_views
from render_core.renderer import RenderedView, Renderer

__all__ = ["RenderError", "RenderReject", "RenderedView", "Renderer", "is_mirrored", "select_views"]
