"""A head that needs no data, photos whose every pixel is known, and poses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest

from render_core.head import ViewedHead
from render_core.head_file import read_head_file
from render_core.reference_heads import import_reference_heads
from render_core.view import angles_to_rotation


@dataclass(frozen=True)
class EggHead:
    """An ellipsoid with a nose: the smallest thing with a front, two sides and a shadow on the cheek."""

    vertices_mm: np.ndarray
    triangles: np.ndarray
    landmarks_mm: np.ndarray


def egg_head(rows: int = 60, columns: int = 80) -> EggHead:
    latitude, longitude = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, rows), np.linspace(-np.pi, np.pi, columns), indexing="ij"
    )
    x = 70 * np.cos(latitude) * np.sin(longitude)
    y = 100 * np.sin(latitude)
    z = 20 - 85 * np.cos(latitude) * np.cos(longitude)
    nose = 30 * np.exp(-((x / 10) ** 2) - ((y - 5) / 18) ** 2) * (z < 0)
    vertices = np.stack([x, y, z - nose], axis=-1).reshape(-1, 3)
    number = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    triangles = np.concatenate(
        [np.stack(corners, axis=-1).reshape(-1, 3) for corners in ((a, c, b), (b, c, d))]
    ).astype(np.int32)
    front = vertices[vertices[:, 2] < 0]
    landmarks = front[np.linspace(0, len(front) - 1, 68).astype(int)]
    landmarks[30] = vertices[np.argmin(vertices[:, 2])]
    return EggHead(vertices, triangles, landmarks)


@pytest.fixture(scope="session")
def egg() -> EggHead:
    return egg_head()


@pytest.fixture(scope="session")
def imported(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ViewedHead]:
    """The original's heads of both sets by name: 03 is shape 3 of the new set, old-03 of the older."""
    source = reference.path("reference/models3d_new").parent
    out = tmp_path_factory.mktemp("heads")
    return {path.stem: read_head_file(path) for path in import_reference_heads(source, out)}


PoseMaker = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def pose() -> PoseMaker:
    """Projection of a head into a square photo of `size` pixels, whose half it fills."""

    def make(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, *, size: int = 200) -> np.ndarray:
        focal = 2600.0 * size / 400
        K = np.array([[focal, 0, (size - 1) / 2], [0, focal, (size - 1) / 2], [0, 0, 1]])
        return K @ np.column_stack([angles_to_rotation(yaw, pitch, roll), [0.0, 0.0, 2600.0]])

    return make


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    """A smooth photo of 200 x 200 px without any symmetry."""
    generator = np.random.default_rng(1)
    coarse = generator.integers(0, 256, (25, 25, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (200, 200), interpolation=cv2.INTER_CUBIC))
