import numpy as np

from render_core.heads.ears import build_ear
from render_core.heads.table import head_table


def test_an_ear_has_human_size() -> None:
    ear = head_table().ear
    points, faces = build_ear(ear)
    outer = points.reshape(-1, 44, 3)[len(ear.relief) - 1]
    # Length 62 +- 4 mm and breadth 35 +- 3 mm in adults (Farkas), three deviations each way.
    assert 50 < np.ptp(outer[:, 1]) < 74
    assert 26 < np.ptp(outer[:, 2]) < 44
    assert faces.max() == len(points) - 1


def test_the_back_of_an_ear_ends_inside_the_head() -> None:
    points, _ = build_ear(head_table().ear)
    rim = points.reshape(-1, 44, 3)[-1]
    # The head is 70 mm to the side there.
    assert rim[:, 0].max() < 70
