"""Build heads: the mean head from the table of points, and others from it by their parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int32

from render_core.errors import HeadError
from render_core.heads.ears import build_ear
from render_core.heads.grid import direction_grid
from render_core.heads.identity import displacement_basis_mm, parameter_vector
from render_core.heads.mesh import HeadMesh
from render_core.heads.nape import round_nape
from render_core.heads.neck import build_neck
from render_core.heads.surface import Skin, mirrored_points
from render_core.heads.table import HeadTable, head_table
from render_core.heads.thin_plate import fit_radial_surface

DEFAULT_HEAD = "open-mean"

# fmt: off
# Rows of the 68 landmarks of 300-W on the subject's left, and their mirror images on the right.
MIRRORED_LANDMARKS = {
    9: 7, 10: 6, 11: 5, 12: 4, 13: 3, 14: 2, 15: 1, 16: 0, 22: 21, 23: 20, 24: 19, 25: 18, 26: 17,
    34: 32, 35: 31, 42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40,
    52: 50, 53: 49, 54: 48, 55: 59, 56: 58, 63: 61, 64: 60, 65: 67,
}
# fmt: on


@dataclass(frozen=True)
class MeanHead:
    """The mean head in the face frame, and what one standard deviation of each parameter adds to it."""

    vertices_mm: Float[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    landmarks_mm: Float[np.ndarray, "68 3"]
    vertex_basis_mm: Float[np.ndarray, "k v 3"]
    landmark_basis_mm: Float[np.ndarray, "k 68 3"]


def head_names() -> tuple[str, ...]:
    """Lists the heads that come with the package; the first is the default.

    Example:
        >>> head_names()[:2]
        ('open-mean', 'open-00')
    """
    return (DEFAULT_HEAD, *head_table().variants)


@lru_cache(maxsize=32)
def load_head(name: str = DEFAULT_HEAD) -> HeadMesh:
    """Returns a head of the package.

    Args:
        name: one of `head_names()`.

    Raises:
        HeadError: a name that is not among them.

    Example:
        >>> load_head().landmarks_mm.shape
        (68, 3)
    """
    if name not in head_names():
        raise HeadError(f"no head is called {name!r}: expected one of {', '.join(head_names())}")
    if name == DEFAULT_HEAD:
        return build_head({}, name=name)
    return build_head(variant_parameters(name), name=name)


def variant_parameters(name: str) -> dict[str, float]:
    """Returns the parameters of one of the ten heads, with the population's correlations.

    Args:
        name: one of `head_names()`, except the default.

    Returns:
        Standard deviations by name of the parameter.

    Example:
        >>> sorted(variant_parameters("open-00"))[:2]
        ['brow', 'cheeks']
    """
    table = head_table()
    # x = L z has the correlation L L' when z is independent.
    scores = np.linalg.cholesky(table.correlation) @ np.array(table.variants[name])
    return {parameter.name: float(score) for parameter, score in zip(table.parameters, scores, strict=True)}


def build_head(parameters: Mapping[str, float], name: str = "custom") -> HeadMesh:
    """Builds the head that differs from the mean by given parameters.

    Args:
        parameters: standard deviations of the population, by name; those not named are 0.
        name: the new head's name.

    Raises:
        HeadError: a parameter that does not exist, is not finite, or is out of all proportion.

    Example:
        >>> wide = build_head({"width": 2.0}, name="wide")
        >>> bool(np.ptp(wide.vertices_mm[:, 0]) > np.ptp(load_head().vertices_mm[:, 0]))
        True
    """
    table, mean = head_table(), mean_head()
    weights = parameter_vector(table.parameters, parameters)
    vertices = mean.vertices_mm + np.tensordot(weights, mean.vertex_basis_mm, axes=1)
    landmarks = mean.landmarks_mm + np.tensordot(weights, mean.landmark_basis_mm, axes=1)
    return HeadMesh(
        name,
        _on_fixed_grid(table.frame.to_head(vertices)),
        mean.triangles.copy(),
        _on_fixed_grid(table.frame.to_head(landmarks)),
    )


def _on_fixed_grid(points_mm: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Points rounded to 2^-16 mm.

    The last bits of a solved linear system depend on the kind of processor and on the number of threads of
    the BLAS library, by 1e-12 mm here. Without rounding, the same head would have another hash on another
    machine, and a job another fingerprint.
    """
    return np.round(points_mm * 65536) / 65536


@lru_cache(maxsize=1)
def mean_head() -> MeanHead:
    """The mean head, modelled from the table; half a second, once per process."""
    table = head_table()
    skin = _skin(table)
    skin_points, skin_faces = _skin_mesh(skin)
    neck_points, neck_faces = build_neck(table.neck)
    skin_points, neck_points = round_nape(
        skin_points, neck_points, skin.base, table.neck, table.nape_blend_mm
    )
    parts = [(skin_points, skin_faces), *_ears(table), (neck_points, neck_faces)]
    offsets = np.cumsum([0, *(len(vertices) for vertices, _ in parts[:-1])])
    vertices = np.concatenate([vertices for vertices, _ in parts])
    triangles = np.concatenate(
        [triangles + offset for (_, triangles), offset in zip(parts, offsets, strict=True)]
    )
    landmarks = _landmarks(table, skin)
    return MeanHead(
        vertices,
        triangles.astype(np.int32),
        landmarks,
        displacement_basis_mm(table.parameters, vertices),
        displacement_basis_mm(table.parameters, landmarks),
    )


def _skin(table: HeadTable) -> Skin:
    points = mirrored_points(table.base_points_mm)
    base = fit_radial_surface(points, np.array(table.centre_mm), table.smoothing)
    return Skin(base, table.solids, table.eye)


def _skin_mesh(skin: Skin) -> tuple[np.ndarray, np.ndarray]:
    """Face, skull and jaw: the left half is traced, the right half is its mirror image."""
    directions, columns, triangles = direction_grid()
    grid = directions.reshape(-1, columns, 3)
    middle = columns // 2
    # Columns run from the back over the right side to the middle of the face, then over the left side.
    left = grid[:, middle:].reshape(-1, 3)
    back = grid[:, :1] * [-1, 1, 1]
    half = skin.point_mm(np.concatenate([left, back.reshape(-1, 3)]))
    traced = half[: len(left)].reshape(len(grid), -1, 3)
    seam = half[len(left) :].reshape(len(grid), 1, 3)
    right = traced[:, :0:-1] * [-1, 1, 1]
    return np.concatenate([seam, right, traced], axis=1).reshape(-1, 3), triangles


def _ears(table: HeadTable) -> list[tuple[np.ndarray, np.ndarray]]:
    points, triangles = build_ear(table.ear)
    return [(points, triangles), (points * [-1, 1, 1], triangles[:, ::-1])]


def _landmarks(table: HeadTable, skin: Skin) -> np.ndarray:
    rows = list(table.landmarks_mm)
    landmarks = np.zeros((68, 3))
    landmarks[rows] = skin.seen_from_front_mm(np.array(list(table.landmarks_mm.values())))
    for left, right in MIRRORED_LANDMARKS.items():
        landmarks[right] = landmarks[left] * [-1, 1, 1]
    return landmarks
