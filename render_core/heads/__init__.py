"""Heads free for any use: built from published measurements, without a scan of any person."""

from render_core.head import FACE_RADIUS_MM, NOSE_TIP
from render_core.heads.build import DEFAULT_HEAD, build_head, head_names, load_head, variant_parameters
from render_core.heads.files import read_head, save_head
from render_core.heads.gallery import draw_heads, gallery
from render_core.heads.imported import import_mesh
from render_core.heads.measure import (
    likeliest_parameters,
    measure_head,
    measurement_names,
    population_deviations_mm,
)
from render_core.heads.mesh import HeadMesh, vertex_normals
from render_core.heads.own import build_head_from_yaml

__all__ = [
    "DEFAULT_HEAD",
    "FACE_RADIUS_MM",
    "NOSE_TIP",
    "HeadMesh",
    "build_head",
    "build_head_from_yaml",
    "draw_heads",
    "gallery",
    "head_names",
    "import_mesh",
    "likeliest_parameters",
    "load_head",
    "measure_head",
    "measurement_names",
    "population_deviations_mm",
    "read_head",
    "save_head",
    "variant_parameters",
    "vertex_normals",
]
