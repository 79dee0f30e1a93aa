"""Heads free for any use: built from published measurements, without a scan of any person."""

from render_core.heads.build import build_head, head_names, load_head
from render_core.heads.mesh import FACE_RADIUS_MM, NOSE_TIP, HeadMesh, vertex_normals

__all__ = [
    "FACE_RADIUS_MM",
    "NOSE_TIP",
    "HeadMesh",
    "build_head",
    "head_names",
    "load_head",
    "vertex_normals",
]
