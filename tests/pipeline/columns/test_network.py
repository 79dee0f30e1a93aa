from pathlib import Path

import numpy as np
import pytest

from pipeline.columns.description import read_description
from pipeline.columns.network import FaceNetwork
from pipeline.errors import ConfigError
from tests.pipeline.columns.conftest import Write


def crops(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 112, 112, 3), dtype=np.uint8)


def test_numbers_do_not_depend_on_the_batch(write_network: Write) -> None:
    network = FaceNetwork(read_description(write_network()), "cpu")
    assert network.width == 16
    np.testing.assert_allclose(network(crops(5)), network(crops(5), batch_size=2), atol=1e-5)
    assert network(crops(0)).shape == (0, 16)


def test_channels_and_scaling_are_those_of_the_description(write_network: Write) -> None:
    plain = FaceNetwork(read_description(write_network()), "cpu")(crops(2))
    other = read_description(write_network(channels="bgr"))
    np.testing.assert_allclose(FaceNetwork(other, "cpu")(crops(2)[..., ::-1]), plain, atol=1e-5)
    # (p / 255 - 0.5) / 0.5 = (p - 127.5) / 127.5
    same = read_description(write_network(scale=1, mean=[127.5] * 3, std=[127.5] * 3))
    np.testing.assert_allclose(FaceNetwork(same, "cpu")(crops(2)), plain, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"constant": True}, "the same numbers whatever it sees"),
        ({"nan": True}, "NaN or infinity"),
        ({"size_px": 96}, "does not take 4 crops of 96 x 96 px"),
        ({"output": "features"}, "no output 'features'; there are embedding"),
    ],
)
def test_networks_that_measure_nothing_are_refused(
    write_network: Write, wrong: dict[str, object], message: str
) -> None:
    description = read_description(write_network(**wrong))
    with pytest.raises(ConfigError, match=message):
        FaceNetwork(description, "cpu")


def test_no_network(write_network: Write, tmp_path: Path) -> None:
    description = read_description(write_network())
    (tmp_path / "tiny.onnx").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="cannot be used"):
        FaceNetwork(description, "cpu")
    (tmp_path / "tiny.onnx").unlink()
    with pytest.raises(ConfigError, match="correct `file` in its description"):
        FaceNetwork(description, "cpu")
