"""Poses of mirrored crops in the same batch, and means of both."""

from dataclasses import replace

import numpy as np
import pytest

from fpn_core import (
    FPN_227,
    PoseBatch,
    PoseNetwork,
    geodesic_deg,
    mirror_pose,
    poses_averaged_with_mirrored,
    poses_with_mirrored,
    ypr_deg_to_matrix,
)

from .conftest import FLOAT_SPEC, SIZE_PX, UINT8_SPEC

CROPS = np.random.default_rng(0).integers(0, 9, (5, SIZE_PX, SIZE_PX, 3), np.uint8)


class Sides:
    """A network that sees the yaw of a crop in how much brighter its left half is, and where it errs."""

    spec = replace(UINT8_SPEC, name="sides")

    def __init__(self, bias_ypr_deg=(0, 0, 0), lost=()):
        self.batches, self._bias, self._lost = [], np.array(bias_ypr_deg, float), lost

    def __call__(self, crops, batch_size=128):
        self.batches.append(len(crops))
        assert len(crops) <= batch_size
        values = crops.astype(float)
        yaw = values[:, :, : SIZE_PX // 2].mean(axis=(1, 2, 3)) - values[:, :, SIZE_PX // 2 :].mean(
            axis=(1, 2, 3)
        )
        zero = np.zeros(len(crops))
        rotation = ypr_deg_to_matrix(np.column_stack([20 * yaw, zero, zero]) + self._bias)
        tvec = np.column_stack([100 * yaw + 1440 / 2880, zero, zero + 1440])
        poses = PoseBatch(rotation, tvec, 1 + yaw)
        for row in range(len(crops)):
            if np.sign(yaw[row]) in self._lost:
                poses.rotation[row] = np.nan
        return poses


def test_mirrored_crops_get_mirrored_poses_in_the_same_batch():
    network = Sides()
    straight, mirrored = poses_with_mirrored(network, CROPS, batch_size=4)
    assert network.batches == [4, 4, 2]
    rotation, _ = mirror_pose(straight.rotation, straight.tvec_mm, FPN_227)
    np.testing.assert_allclose(mirrored.rotation, rotation, atol=1e-12)
    assert np.ptp(straight.ypr_deg[:, 0]) > 1
    np.testing.assert_allclose(straight.confidence + mirrored.confidence, 2)


@pytest.mark.parametrize("spec", [UINT8_SPEC, FLOAT_SPEC])
def test_both_are_what_the_network_says_of_each(spec, tiny_network):
    network = PoseNetwork(tiny_network(spec), device="cpu")
    straight, mirrored = poses_with_mirrored(network, CROPS, batch_size=4)
    for poses, crops in ((straight, CROPS), (mirrored, np.ascontiguousarray(CROPS[:, :, ::-1]))):
        alone = network(crops)
        np.testing.assert_allclose(poses.rotation, alone.rotation, atol=1e-5)
        np.testing.assert_allclose(poses.tvec_mm, alone.tvec_mm, atol=1e-5)
        assert (poses.confidence is None) == (spec is UINT8_SPEC)
    none, _ = poses_with_mirrored(network, CROPS[:0])
    assert len(none) == 0 and len(poses_averaged_with_mirrored(network, CROPS[:0])) == 0


def test_mean_of_a_network_without_faults_is_its_pose():
    straight, _ = poses_with_mirrored(Sides(), CROPS)
    mean = poses_averaged_with_mirrored(Sides(), CROPS)
    assert geodesic_deg(mean.rotation, straight.rotation).max() < 1e-6
    np.testing.assert_allclose(mean.tvec_mm, straight.tvec_mm, atol=1e-9)
    np.testing.assert_allclose(mean.confidence, 1)


def test_mean_takes_out_faults_that_do_not_mirror():
    off = poses_averaged_with_mirrored(Sides(bias_ypr_deg=(4, 0, 0)), CROPS)
    right = poses_averaged_with_mirrored(Sides(), CROPS)
    assert geodesic_deg(off.rotation, right.rotation).max() < 1e-6
    # A pitch that is wrong the same way in both stays wrong.
    off = poses_averaged_with_mirrored(Sides(bias_ypr_deg=(0, 4, 0)), CROPS)
    assert geodesic_deg(off.rotation, right.rotation).min() > 3.9


def test_crop_with_one_pose_keeps_it_and_with_none_has_none():
    straight, _ = poses_with_mirrored(Sides(), CROPS)
    mean = poses_averaged_with_mirrored(Sides(lost=(1.0,)), CROPS)
    assert mean.finite.all()
    assert geodesic_deg(mean.rotation, straight.rotation).max() < 1e-6
    assert not poses_averaged_with_mirrored(Sides(lost=(1.0, -1.0)), CROPS).finite.any()
