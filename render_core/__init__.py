"""Rendered views of a face: a photo, a pose and a head in, the face as seen from other sides out."""

from render_core.errors import RenderError, RenderReject
from render_core.policy import is_mirrored, select_views
from render_core.renderer import RenderedView, Renderer

__all__ = ["RenderError", "RenderReject", "RenderedView", "Renderer", "is_mirrored", "select_views"]
