import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from fpn_core import geodesic_deg, ypr_deg_to_matrix  # noqa: E402
from tests.training.faces import HEAD_MM, projected  # noqa: E402
from training.config import LossConfig  # noqa: E402
from training.geometry import REFERENCE_PX, scaled_camera  # noqa: E402
from training.loss import cosine_rate, geodesic, pose_loss  # noqa: E402
from training.network import Prediction  # noqa: E402

ANGLES_DEG = np.array([[0.0, 0, 0], [30, -20, 10], [80, 5, -170], [-60, 35, 90]])
ROTATION = ypr_deg_to_matrix(ANGLES_DEG)
TVEC_MM = np.tile([5.0, -8.0, 3000.0], (4, 1))
HEAD = torch.from_numpy(HEAD_MM.astype(np.float32))


def tensor(array):
    return torch.from_numpy(np.asarray(array, np.float32))


def points():
    camera = scaled_camera(REFERENCE_PX)
    return np.stack([projected(r, t, camera) for r, t in zip(ROTATION, TVEC_MM, strict=True)])


def perfect(**changes):
    seen = (tensor(points()) - REFERENCE_PX / 2) / REFERENCE_PX
    values = {
        "rotation": tensor(ROTATION),
        "translation_mm": tensor(TVEC_MM),
        "log_error": torch.zeros(4),
        "landmarks": seen,
    }
    return Prediction(**(values | changes))


UNMIRRORED = torch.zeros(4, dtype=torch.bool)


def loss(predicted, config=LossConfig(error=0.0)):  # noqa: B008  (frozen)
    return pose_loss(predicted, tensor(ROTATION), tensor(points()), UNMIRRORED, HEAD, config)


def test_the_truth_costs_nothing():
    parts = loss(perfect())
    assert parts.total < 1e-3
    assert parts.rotation < 1e-3


def test_every_part_sees_its_own_error():
    turned = tensor(ypr_deg_to_matrix(ANGLES_DEG + np.array([0, 0, 10])))
    assert loss(perfect(rotation=turned)).rotation == pytest.approx(np.deg2rad(10), rel=1e-2)
    nearer = tensor(TVEC_MM * [1, 1, 0.9])
    assert loss(perfect(translation_mm=nearer)).reprojection > 0.01
    moved = perfect().landmarks + 0.1
    # 0.1 of the crop's side in x and y
    assert loss(perfect(landmarks=moved)).landmarks == pytest.approx(0.1 * np.sqrt(2), rel=0.05)


def test_points_along_the_jaw_need_not_count_in_the_reprojection():
    moved = points()
    moved[:, :17] += 12.0
    for contour, expected_px in ((True, 12.0 * np.sqrt(2) * 17 / 68), (False, 0.0)):
        config = LossConfig(error=0.0, contour=contour)
        parts = pose_loss(perfect(), tensor(ROTATION), tensor(moved), UNMIRRORED, HEAD, config)
        assert REFERENCE_PX * parts.reprojection == pytest.approx(expected_px, abs=0.3)


def test_points_that_are_not_known_do_not_count():
    known = points()
    known[:2, 10:] = np.nan
    known[3] = np.nan
    turned = tensor(ypr_deg_to_matrix(ANGLES_DEG + np.array([0, 0, 10]))).requires_grad_()
    moved = (perfect().landmarks + 0.1).requires_grad_()
    predicted = perfect(rotation=turned, landmarks=moved)
    config = LossConfig(error=0.0)
    parts = pose_loss(predicted, tensor(ROTATION), tensor(known), UNMIRRORED, HEAD, config)
    parts.total.backward()
    # Three of four faces have points, each with its mean over those that are known.
    assert float(parts.landmarks.detach()) == pytest.approx(0.75 * 0.1 * np.sqrt(2), rel=0.05)
    assert turned.grad.isfinite().all() and moved.grad.isfinite().all()
    assert (moved.grad[:2, 10:] == 0).all() and (moved.grad[3] == 0).all()
    assert (moved.grad[:2, :10] != 0).any()


def consistency(labels, predicted, mirrored):
    config = LossConfig(consistency=1.0)
    truth = torch.tensor(mirrored)
    pose = perfect(rotation=tensor(predicted))
    return float(pose_loss(pose, tensor(labels), tensor(points()), truth, HEAD, config).consistency)


def test_two_crops_that_are_wrong_alike_are_consistent_though_wrong():
    wrong = ypr_deg_to_matrix(np.array([[5.0, -8, 3]]))
    assert consistency(ROTATION, ROTATION @ wrong, [False] * 4) == pytest.approx(0, abs=2e-3)


def test_a_mirrored_crop_is_wrong_in_the_mirrored_way():
    wrong, mirrored_wrong = ypr_deg_to_matrix(np.array([[5.0, -8, 3], [-5, -8, -3]]))
    errors = np.stack([wrong, mirrored_wrong, mirrored_wrong, wrong])
    assert consistency(ROTATION, ROTATION @ errors, [False, True, True, False]) == pytest.approx(0, abs=2e-3)
    assert consistency(ROTATION, ROTATION @ errors, [False] * 4) > np.deg2rad(8)


def test_inconsistency_is_the_angle_between_the_errors_of_a_pair():
    errors = ypr_deg_to_matrix(np.array([[6.0, 0, 0], [-4, 0, 0], [0, 0, 0], [0, 0, 0]]))
    mean = np.deg2rad(10) / 2
    assert consistency(ROTATION, ROTATION @ errors, [False] * 4) == pytest.approx(mean, rel=2e-2)


def test_angles_are_those_of_the_pose_core():
    other = ypr_deg_to_matrix(ANGLES_DEG[::-1])
    found = torch.rad2deg(geodesic(tensor(ROTATION), tensor(other)))
    np.testing.assert_allclose(found, geodesic_deg(ROTATION, other), atol=1.5)


def test_the_gradient_is_finite_at_the_truth_and_half_a_turn_away():
    half = tensor(ROTATION * [[-1], [-1], [1]])
    for rotation in (tensor(ROTATION), half):
        variable = rotation.clone().requires_grad_()
        geodesic(variable, tensor(ROTATION)).sum().backward()
        assert torch.isfinite(variable.grad).all()


def test_the_expected_error_is_best_where_it_is_the_error():
    turned = tensor(ypr_deg_to_matrix(ANGLES_DEG + np.array([0, 0, 6])))
    told = [2.0, 4.0, 6.0, 9.0, 20.0]
    costs = [loss(perfect(rotation=turned, log_error=torch.full((4,), np.log(e)))).error for e in told]
    assert told[int(np.argmin([float(cost) for cost in costs]))] == 6.0


def test_the_rate_goes_up_and_down():
    rates = [cosine_rate(step, 100, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.001
