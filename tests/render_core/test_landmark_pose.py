import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render_core.errors import PoseError
from render_core.head import ViewedHead
from render_core.heads import load_head
from render_core.landmark_pose import landmarks_to_pose
from render_core.view import angles_to_rotation, crop_camera

LANDMARKS_MM = load_head("open-mean").landmarks_mm
CAMERA = crop_camera(230)


def project(rotation: np.ndarray, tvec_mm: Any, points_mm: np.ndarray = LANDMARKS_MM) -> np.ndarray:
    points = points_mm @ rotation.T + tvec_mm
    projected = points @ CAMERA.T
    return np.asarray(projected[:, :2] / projected[:, 2:])


angle = st.floats(-1, 1)


@settings(max_examples=60, deadline=None)
@given(yaw=angle, pitch=angle, roll=angle, depth=st.floats(800, 9000), x=angle, y=angle)
def test_a_projected_head_gives_its_pose_back(
    yaw: float, pitch: float, roll: float, depth: float, x: float, y: float
) -> None:
    R = angles_to_rotation(80 * yaw, 50 * pitch, 180 * roll)
    tvec = np.array([100 * x, 100 * y, depth])
    pose = landmarks_to_pose(project(R, tvec), LANDMARKS_MM, CAMERA)
    np.testing.assert_allclose(pose.rotation, R, atol=1e-4)
    np.testing.assert_allclose(pose.tvec_mm, tvec, rtol=1e-3, atol=0.1)
    assert pose.rms_px < 1e-3


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(3, 5000))
def test_nonsense_never_lands_behind_the_camera(seed: int, size: float) -> None:
    scattered = np.random.default_rng(seed).uniform(0, size, (68, 2))
    try:
        pose = landmarks_to_pose(scattered, LANDMARKS_MM, CAMERA)
    except PoseError:
        return
    assert pose.tvec_mm[2] > 0 and np.isfinite(pose.projection).all()


def test_a_mirrored_face_is_still_before_the_camera() -> None:
    seen = project(np.eye(3), [0, 0, 3000])
    pose = landmarks_to_pose(seen * [-1, 1] + [230, 0], LANDMARKS_MM, CAMERA)
    assert pose.tvec_mm[2] > 0


def test_unknown_landmarks_are_left_out() -> None:
    R = angles_to_rotation(30, 5, -10)
    seen = project(R, [5, 5, 3000])
    seen[:20] = np.nan
    seen[40:50] += 500
    known = np.ones(68, bool)
    known[40:50] = False
    pose = landmarks_to_pose(seen, LANDMARKS_MM, CAMERA, known)
    np.testing.assert_allclose(pose.rotation, R, atol=1e-5)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.full((68, 2), np.nan), "0 usable landmarks"),
        (np.full((68, 2), 50.0), "all landmarks lie within"),
        (np.stack([np.arange(68.0), np.zeros(68)], axis=1), "on a line|before the camera"),
    ],
)
def test_landmarks_without_a_pose_are_refused(landmarks: np.ndarray, message: str) -> None:
    with pytest.raises(PoseError, match=message):
        landmarks_to_pose(landmarks, LANDMARKS_MM, CAMERA)


def test_the_original_landmark_demo(reference: Any, imported: dict[str, ViewedHead]) -> None:
    """The original's own poses, one for each view of each of its heads, from its photo with 68 landmarks."""
    goldens = reference.npz("goldens/render_landmarks_cv410.npz")
    results = json.loads(str(goldens["meta"]))["pnp"]
    compared = 0
    for head in imported.values():
        folder, kind = ("models3d", "") if head.name.startswith("old") else ("models3d_new", "_00")
        for yaw, view in head.views.items():
            name = f"{folder}/model3D_aug_-{int(yaw):02}{kind}_{head.name[-2:]}.mat"
            expected = results[name]
            seen = goldens[f"{folder}/landmarks_used"][view.landmark_ids]
            pose = landmarks_to_pose(seen, view.landmarks_mm, view.photo_camera)
            # The minimum is flat: searches stop up to 4e-5 rad apart, with residuals equal to 1e-8.
            np.testing.assert_allclose(pose.rvec_rad, expected["rvec"], atol=1e-4)
            np.testing.assert_allclose(pose.tvec_mm, expected["tvec"], rtol=1e-4, atol=0.01)
            assert pose.rms_px == pytest.approx(expected["rms"], rel=1e-6)
            compared += 1
    assert compared == 56
