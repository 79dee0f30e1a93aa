import numpy as np

from render_core.heads.grid import direction_grid, grid_faces


def test_directions_are_unit_vectors_and_mirror_each_other() -> None:
    directions, columns, _ = direction_grid()
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    grid = directions.reshape(-1, columns, 3)
    # The back of the head is its own mirror image; the others pair up around the middle.
    np.testing.assert_allclose(grid[:, 0, 0], 0, atol=1e-12)
    np.testing.assert_allclose(grid[:, 1:], grid[:, :0:-1] * [-1, 1, 1], atol=1e-12)


def test_the_face_is_sampled_every_one_and_a_half_millimetres() -> None:
    directions, columns, _ = direction_grid()
    grid = 95 * directions.reshape(-1, columns, 3)
    face = (np.abs(grid[:, columns // 2, 1]) < 40).nonzero()[0]
    beside = np.linalg.norm(np.diff(grid[face][:, columns // 2 : columns // 2 + 20], axis=1), axis=2)
    below = np.linalg.norm(np.diff(grid[face][:, columns // 2], axis=0), axis=1)
    assert max(beside.max(), below.max()) < 1.5


def test_triangles_fill_the_grid_once_and_face_out() -> None:
    directions, columns, faces = direction_grid()
    rows = len(directions) // columns
    assert len(faces) == 2 * columns * (rows - 1)
    # In the head frame, whose third axis runs against the face frame's.
    a, b, c = (directions[faces[:, k]] * [1, 1, -1] for k in range(3))
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) > 0).all()
    # Every edge but those of the two rims belongs to two triangles.
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 1).sum() == 2 * columns
    assert counts.max() == 2


def test_triangles_mirror_each_other() -> None:
    faces = grid_faces(3, 8)
    column, row = faces % 8, faces // 8
    mirrored = row * 8 + (-column) % 8
    as_sets = {tuple(sorted(face)) for face in faces.tolist()}
    assert {tuple(sorted(face)) for face in mirrored.tolist()} == as_sets
