import json
from typing import Any

import numpy as np
import pytest

from pipeline.show.posed_photo import InputFileError, fit_pose
from render_core.head_file import read_head_file
from render_core.heads import load_head
from render_core.reference_heads import import_reference_heads
from render_core.view import angles_to_rotation, crop_camera

LANDMARKS_MM = load_head().landmarks_mm


@pytest.mark.parametrize("size_px", [227, 230, 1001])
def test_a_projected_head_gives_its_pose_back(size_px: int) -> None:
    rotation, tvec_mm = angles_to_rotation(30, 5, -10), np.array([5.0, 5, 3000])
    seen = (LANDMARKS_MM @ rotation.T + tvec_mm) @ crop_camera(size_px).T
    pose = fit_pose(seen[:, :2] / seen[:, 2:], LANDMARKS_MM, crop_camera(size_px))
    np.testing.assert_allclose(pose.rotation[0], rotation, atol=1e-7)
    np.testing.assert_allclose(pose.tvec_mm[0], tvec_mm, atol=1e-3)


def test_landmarks_at_one_place_are_refused() -> None:
    with pytest.raises(InputFileError, match="no pose follows from 68 landmarks"):
        fit_pose(np.full((68, 2), 50.0), LANDMARKS_MM, crop_camera(230))


def test_the_original_landmark_demo(reference: Any, tmp_path: Any) -> None:
    """The original's own poses, one for each view of each of its heads, from its photo with 68 landmarks."""
    goldens = reference.npz("goldens/render_landmarks_cv410.npz")
    results = json.loads(str(goldens["meta"]))["pnp"]
    source = reference.path("reference/models3d_new").parent
    compared = 0
    for path in import_reference_heads(source, tmp_path):
        head = read_head_file(path)
        folder, kind = ("models3d", "") if head.name.startswith("old") else ("models3d_new", "_00")
        for yaw, view in head.views.items():
            expected = results[f"{folder}/model3D_aug_-{int(yaw):02}{kind}_{head.name[-2:]}.mat"]
            seen = goldens[f"{folder}/landmarks_used"][view.landmark_ids]
            pose = fit_pose(seen, view.landmarks_mm, view.photo_camera)
            # Measured: 1.6e-6 rad and 2.5e-4 mm at most.
            np.testing.assert_allclose(pose.rvec_rad[0], expected["rvec"], atol=1e-5)
            np.testing.assert_allclose(pose.tvec_mm[0], expected["tvec"], atol=1e-3)
            compared += 1
    assert compared == 56
