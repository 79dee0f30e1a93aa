import numpy as np

from render_core.heads.neck import NeckSection, build_neck, level_gap_mm


def test_the_tube_passes_through_its_sections_and_faces_out() -> None:
    sections = (NeckSection(0.0, 50.0, 40.0, -60.0), NeckSection(92.0, 60.0, 50.0, -70.0))
    points, faces = build_neck(sections)
    for section in sections:
        level = points[points[:, 1] == section.down_mm]
        np.testing.assert_allclose(
            [level[:, 0].min(), level[:, 0].max()], [-section.half_width_mm, section.half_width_mm]
        )
        np.testing.assert_allclose(
            [level[:, 2].min(), level[:, 2].max()], [section.back_mm, section.front_mm], atol=1e-9
        )
    # In the head frame, whose third axis runs against the face frame's.
    a, b, c = (points[faces[:, k]] * [1, 1, -1] for k in range(3))
    outward = (a + b + c) / 3 - [0, 46, 10]
    outward[:, 1] = 0
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), outward) > 0).all()


def test_gaps_are_0_on_the_tube_and_true_along_the_axes_of_its_cuts() -> None:
    sections = (NeckSection(0.0, 50.0, 40.0, -60.0), NeckSection(92.0, 60.0, 50.0, -70.0))
    on_tube, _ = build_neck(sections)
    np.testing.assert_allclose(level_gap_mm(on_tube, sections)[0], 0, atol=1e-9)
    beside = np.array([[57.0, 0.0, -10.0], [0.0, 0.0, -63.0], [45.0, -30.0, -10.0]])
    gap, outward = level_gap_mm(beside, sections)
    np.testing.assert_allclose(gap, [7.0, 3.0, -5.0])
    np.testing.assert_allclose(outward, [[1, 0, 0], [0, 0, -1], [1, 0, 0]], atol=1e-12)
