"""The batch of poses as a value."""

from types import SimpleNamespace

import numpy as np
import pytest

from fpn_core import GeometryError, PoseBatch, ypr_deg_to_matrix

YPR_DEG = np.array([[10.0, 5, -3], [-40, 0, 20], [0, 0, 0], [80, -10, 0]])


@pytest.fixture
def poses():
    tvec_mm = np.array([[0.0, 0, 2000], [0, 0, -1], [np.nan, 0, 2000], [1, 2, 3000]])
    return PoseBatch(ypr_deg_to_matrix(YPR_DEG), tvec_mm, np.array([0.1, 0.2, 0.3, 0.4]))


def test_angles_and_vectors(poses):
    np.testing.assert_allclose(poses.ypr_deg, YPR_DEG, atol=1e-9)
    assert poses.rvec_rad.shape == (4, 3)
    np.testing.assert_allclose(np.rad2deg(np.linalg.norm(poses.rvec_rad[2])), 0, atol=1e-9)


def test_masks(poses):
    assert poses.finite.tolist() == [True, True, False, True]
    assert poses.in_front.tolist() == [True, False, True, True]
    lost = PoseBatch(np.full((1, 3, 3), np.nan), np.full((1, 3), np.nan))
    assert not lost.finite[0] and not lost.in_front[0]
    assert np.isnan(lost.ypr_deg).all() and np.isnan(lost.rvec_rad).all()


@pytest.mark.parametrize(
    "rows", [slice(1, 3), np.array([False, True, True, False]), np.array([1, 2]), [1, 2]]
)
def test_rows_are_taken_by_slice_mask_or_index(poses, rows):
    some = poses[rows]
    assert len(some) == 2
    np.testing.assert_allclose(some.ypr_deg, YPR_DEG[1:3], atol=1e-9)
    np.testing.assert_array_equal(some.confidence, [0.2, 0.3])
    assert PoseBatch(poses.rotation, poses.tvec_mm)[rows].confidence is None


def test_arrays_of_different_lengths_are_refused(poses):
    # Called by itself, because under the tests the annotations would refuse first.
    mixed = SimpleNamespace(rotation=poses.rotation, tvec_mm=poses.tvec_mm[:3], confidence=None)
    with pytest.raises(GeometryError, match=r"rotations \(4, 3, 3\), translations \(3, 3\)"):
        PoseBatch.__post_init__(mixed)
