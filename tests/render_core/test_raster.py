import numpy as np
import pytest

from render_core.errors import RasterInputError
from render_core.raster import EMPTY, rasterize

# Image x = X/Z, y = Y/Z in pixels.
PINHOLE = np.hstack([np.eye(3), np.zeros((3, 1))])


def corners(*xyz: tuple[float, float, float]) -> np.ndarray:
    """Vertices given by their image position and depth."""
    return np.array([(x * z, y * z, z) for x, y, z in xyz], float)


def slow_raster(
    vertices: np.ndarray, triangles: np.ndarray, projection: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Depth and triangle by one ray per pixel and triangle, solved as a 3 x 3 system."""
    depth, triangle = np.full(size, np.inf), np.full(size, EMPTY)
    camera_points = vertices @ projection[:, :3].T + projection[:, 3]
    for row, face in enumerate(triangles):
        corner = camera_points[face]
        if (corner[:, 2] <= 0).any() or abs(np.linalg.det(corner)) < 1e-12:
            continue
        for y in range(size[0]):
            for x in range(size[1]):
                # sum_i b_i corner_i is on the ray (x, y, 1) z with sum b_i = 1.
                ray = np.linalg.solve(corner.T, [x, y, 1.0])
                if (ray >= -1e-12).all() and 1 / ray.sum() < depth[y, x] - 1e-12:
                    depth[y, x], triangle[y, x] = 1 / ray.sum(), row
    return depth, triangle


def test_pixel_centres_on_the_outline_are_covered() -> None:
    raster = rasterize(
        corners((1, 1, 2), (4, 1, 2), (1, 4, 2)), np.array([[0, 1, 2]]), PINHOLE, size_hw=(6, 6)
    )
    expected = np.zeros((6, 6), bool)
    for y in range(1, 5):
        expected[y, 1 : 6 - y] = True
    np.testing.assert_array_equal(raster.covered, expected)
    np.testing.assert_allclose(raster.depth[raster.covered], 2.0)
    assert np.isinf(raster.depth[~raster.covered]).all()


def test_a_random_soup_agrees_with_ray_casting() -> None:
    rng = np.random.default_rng(5)
    xyz = np.column_stack([rng.uniform(-4, 24, (90, 2)), rng.uniform(1, 3, 90)])
    vertices, triangles = corners(*xyz), np.arange(90).reshape(30, 3)
    raster = rasterize(vertices, triangles, PINHOLE, size_hw=(18, 20))
    depth, triangle = slow_raster(vertices, triangles, PINHOLE, (18, 20))
    np.testing.assert_array_equal(raster.triangle, triangle)
    np.testing.assert_allclose(raster.depth, depth)


def test_interpolating_the_vertices_gives_points_on_the_pixel_rays() -> None:
    vertices = corners((-3, -2, 1), (25, 4, 5), (6, 30, 2))
    raster = rasterize(vertices, np.array([[0, 1, 2]]), PINHOLE, size_hw=(20, 20))
    points = raster.interpolate(vertices)
    y, x = np.nonzero(raster.covered)
    assert len(y) > 50
    seen = points[y, x]
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], np.column_stack([x, y]), atol=1e-9)
    assert np.isnan(points[~raster.covered]).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_triangulated_sheet_has_no_holes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side = 25
    y, x = np.mgrid[0:side, 0:side] * 2.0
    # Inner vertices are moved, some onto exact pixel centres; the outline stays beyond the image.
    moved = rng.choice([0.0, 0.5, 1 / 3, 0.7], (2, side, side))
    xyz = np.column_stack(
        [(x + moved[0]).ravel() - 1, (y + moved[1]).ravel() - 1, rng.uniform(1, 2, side**2)]
    )
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    triangles = np.vstack(
        [
            np.column_stack([corner, corner + 1, corner + side]),
            np.column_stack([corner + 1, corner + side + 1, corner + side]),
        ]
    )
    raster = rasterize(corners(*xyz), rng.permutation(triangles), PINHOLE, size_hw=(46, 46))
    assert raster.covered[1:, 1:].all()


def test_the_nearer_triangle_wins_whatever_the_order() -> None:
    near_then_far = corners((0, 0, 1), (9, 0, 1), (0, 9, 1), (0, 0, 3), (9, 0, 3), (0, 9, 3))
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    assert (rasterize(near_then_far, triangles, PINHOLE, (5, 5)).triangle == 0).all()
    assert (rasterize(near_then_far, triangles[::-1].copy(), PINHOLE, (5, 5)).triangle == 1).all()


def test_equal_depth_goes_to_the_lower_row() -> None:
    vertices = corners((0, 0, 1), (9, 0, 1), (0, 9, 1))
    raster = rasterize(vertices, np.array([[0, 1, 2], [0, 1, 2]]), PINHOLE, (4, 4))
    assert (raster.triangle == 0).all()


def test_triangles_behind_or_around_the_camera_are_left_out() -> None:
    vertices = np.array([[0, 0, -1.0], [9, 0, -1], [0, 9, -1], [0, 0, 1], [9, 0, 1]])
    raster = rasterize(vertices, np.array([[0, 1, 2], [2, 3, 4]]), PINHOLE, (4, 4))
    assert not raster.covered.any()


def test_no_faces_give_an_empty_raster() -> None:
    raster = rasterize(np.zeros((3, 3)), np.zeros((0, 3), np.int32), PINHOLE, (4, 5))
    assert raster.depth.shape == (4, 5)
    assert not raster.covered.any()


def test_bad_input_is_refused_with_what_was_found() -> None:
    vertices, face = np.eye(3), np.array([[0, 1, 2]])
    with pytest.raises(RasterInputError, match=r"image size \(0, 5\)"):
        rasterize(vertices, face, PINHOLE, (0, 5))
    with pytest.raises(RasterInputError, match="NaN"):
        rasterize(vertices * np.nan, face, PINHOLE, (5, 5))
    with pytest.raises(RasterInputError, match="the mesh has 3"):
        rasterize(vertices, face + 1, PINHOLE, (5, 5))


def test_a_mesh_of_the_size_of_a_head_has_no_holes() -> None:
    side = 135
    y, x = np.mgrid[0:side, 0:side] * (200 / side)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    triangles = np.vstack(
        [
            np.column_stack([corner, corner + 1, corner + side]),
            np.column_stack([corner + 1, corner + side + 1, corner + side]),
        ]
    )
    sheet = corners(*np.column_stack([x.ravel(), y.ravel(), np.ones(side**2)]))
    covered = rasterize(sheet, triangles, PINHOLE, (224, 224)).covered
    assert covered[1:197, 1:197].all()
    assert not covered[202:].any()
