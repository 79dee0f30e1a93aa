from typing import Any

import numpy as np
import pytest

from render_core import kernel
from render_core.kernel.look import CellTable, Glance, PhotoLimits, look_constants

SIDE, VIEWS = 9, 2
compiled = pytest.mark.skipif(
    kernel.best_path() == "numpy", reason="the package was built without a compiler"
)


def table(generator: np.random.Generator) -> CellTable:
    n = VIEWS * SIDE * SIDE
    points = np.ones((4, n), np.float32)
    points[:3] = generator.uniform(-120, 120, (3, n))
    normals = generator.normal(size=(3, n))
    return CellTable(
        points=points,
        normals=(normals / np.linalg.norm(normals, axis=0)).astype(np.float32),
        seen=generator.integers(0, 256, (3, 3, 2, n)).astype(np.uint8),
        margins=generator.integers(0, 256, (3, 3, 2, n)).astype(np.uint8),
        outline=generator.integers(0, 256, (2, n)).astype(np.uint8),
        facing=generator.uniform(-1, 1, n).astype(np.float32),
        is_face=generator.random(n) < 0.5,
        side=SIDE,
    )


def glance(generator: np.random.Generator, scale: float) -> Glance:
    direction = generator.normal(size=3)
    shares = generator.random(4)
    P = np.array([[scale, 0.1, 0.2, 100.0], [0.0, scale, 0.1, 90.0], [1e-4, 0.0, 2e-4, 1.0]])
    return Glance(
        projection=P.astype(np.float32),
        direction=(direction / np.linalg.norm(direction)).astype(np.float32),
        source_px_by_mm=(scale * generator.normal(size=(2, 3))).astype(np.float32),
        shares=(shares / shares.sum()).astype(np.float32),
        fan_place=(int(generator.integers(2)), int(generator.integers(2))),
    )


def limits(generator: np.random.Generator) -> PhotoLimits:
    return PhotoLimits(
        size_hw=(int(generator.integers(1, 300)), int(generator.integers(1, 300))),
        mm_per_px=float(generator.uniform(0.1, 3)),
        margin_mm=1.0,
        error_rad=float(generator.uniform(0, 0.4)),
        backdrop_margin_mm=float(generator.uniform(3, 20)),
        fills_beyond=bool(generator.integers(2)),
        symmetry=bool(generator.integers(2)),
    )


@compiled
@pytest.mark.parametrize("scale", [1e-6, 0.5, 1.0, 1e6])
def test_compiled_and_numpy_give_the_same_bytes(scale: float) -> None:
    generator = np.random.default_rng(3)
    for _ in range(30):
        given = (table(generator), (glance(generator, scale), glance(generator, scale)), limits(generator))
        one, other = (kernel.look_at_cells(*given, path=path) for path in ("best", "numpy"))
        for name, array in vars(one).items():
            np.testing.assert_array_equal(array, getattr(other, name), err_msg=name)


def test_constants_stand_in_the_order_of_the_c_structure() -> None:
    numbers = look_constants(limits(np.random.default_rng(0))).as_array()
    # 7 numbers, 10 ramps of two, 2 numbers
    assert numbers.shape == (29,) and numbers.dtype == np.float32
    assert numbers[7:9].tolist() == pytest.approx([0.45, -10.0])
    assert numbers[-2:].tolist() == pytest.approx([0.3, 0.1])


@compiled
@pytest.mark.parametrize(
    "change", [{"side": 8}, {"views": 3}, {"yaws": 2}, {"fan": (2, 0)}, {"fan": (0, -1)}]
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    generator = np.random.default_rng(5)
    cells, looked = table(generator), kernel.look.empty_look(VIEWS, SIDE)
    sizes = {"views": VIEWS, "side": SIDE, "yaws": 3, "fan": (0, 0)} | change
    with pytest.raises(ValueError, match="expected"):
        kernel._compiled.look_at_cells(
            *(
                cells.points,
                cells.normals,
                cells.seen,
                cells.margins,
                cells.outline,
                cells.facing,
                cells.is_face,
            ),
            *(np.zeros(50, np.float32), np.array([sizes["fan"]] * 2, np.int32), np.zeros(29, np.float32)),
            *(looked.twins, looked.fill, looked.trust, looked.offsets, looked.counts, looked.extent),
            *(sizes["views"], sizes["side"], sizes["yaws"], 3),
        )
