"""The benchmark of a device, on the CPU, which is a device like any other to it."""

from pathlib import Path

import numpy as np
import pytest

from fpn_core import PoseNetwork, ProviderError
from pipeline.bench.pose_stage import bound_kernel, make_crops, time_actors, time_poses


def test_the_kernel_alone_runs_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    crops = make_crops(PoseNetwork(device="cpu").spec.size_px, 4)
    bound_kernel(None, "cpu", crops)()
    assert crops.dtype == np.uint8
    assert crops.shape[0] == 4


def test_kernel_and_whole_calls_are_told_apart() -> None:
    kernel, whole = time_poses(None, "cpu", batch_size=2, rounds=2)
    assert kernel.what.startswith("kernel alone, ")
    assert whole.what.startswith("crops to poses, ")
    for times in (kernel, whole):
        assert times.what.endswith(" on CPU")
        assert times.faces_per_s == pytest.approx(2 / times.batch_s)


def test_several_actors_at_once() -> None:
    times = time_actors(None, "cpu", batch_size=2, actors=2, seconds=0.5)
    assert times.what.startswith("2 actors, ")
    assert times.faces_per_s > 0


def test_an_actor_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"an actor failed: ModelFileError: cannot read .*none\.onnx"):
        time_actors(tmp_path / "none.onnx", "cpu", batch_size=1, actors=1, seconds=0.1)


def test_a_device_that_is_not_there_is_told() -> None:
    with pytest.raises(ProviderError, match="device is 'cuda', but"):
        time_poses(None, "cuda", batch_size=1, rounds=1)
