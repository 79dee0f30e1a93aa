import csv
import hashlib
import json
import math

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from fpn_core import PoseNetwork  # noqa: E402
from fpn_core.precision import write_8_bit  # noqa: E402
from training.config import DataConfig, LoopConfig, NetworkConfig, TrainingConfig  # noqa: E402
from training.crops import LABELS  # noqa: E402
from training.export import (  # noqa: E402
    HELD_OUT,
    Calibration,
    ExportError,
    calibrate,
    export,
    export_run,
    held_out_errors,
)
from training.loop import run  # noqa: E402
from training.network import PoseNet, Prediction  # noqa: E402

NETWORK = NetworkConfig(size_px=32, widths=(8, 16), blocks=(1, 1), hidden=16, squeezed=4)
CONFIG = TrainingConfig(name="small", data=[], network=NETWORK)


class Told(torch.nn.Module):
    """Stands for a network: frontal poses, and logarithms of errors that are written in the crops."""

    def forward(self, image):
        count = len(image)
        return Prediction(
            torch.eye(3).expand(count, 3, 3),
            torch.zeros(count, 3),
            image[:, 0, 0, 0].float() / 50,
            torch.zeros(count, 68, 2),
        )


def test_the_expected_error_is_fitted_to_the_errors():
    """Errors drawn with mean exp(0.5 + 0.8 x) give back 0.5 and 0.8."""
    rng = np.random.default_rng(0)
    shade = rng.integers(0, 150, 20_000).astype(np.uint8)
    errors = np.deg2rad(rng.exponential(np.exp(0.5 + 0.8 * shade / 50)))
    cosine, sine = np.cos(errors), np.sin(errors)
    zero, one = np.zeros_like(errors), np.ones_like(errors)
    turned = np.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], axis=1).reshape(-1, 3, 3)
    image = np.broadcast_to(shade[:, None, None, None], (len(shade), 1, 1, 3)).copy()
    batch = {"image": torch.from_numpy(image), "rotation": torch.from_numpy(turned.astype(np.float32))}
    held_out = held_out_errors(Told(), [batch])
    np.testing.assert_allclose(held_out.yaw_deg, 0, atol=1e-4)
    found = calibrate(held_out.log_expected, held_out.error_deg)
    assert found.offset == pytest.approx(0.5, abs=0.06)
    assert found.slope == pytest.approx(0.8, abs=0.04)


def test_too_few_faces_calibrate_nothing():
    batch = {"image": torch.zeros(5, 1, 1, 3), "rotation": torch.eye(3).expand(5, 3, 3)}
    with pytest.raises(ExportError, match="5 held-out faces; expected 100"):
        calibrate(*held_out_errors(Told(), [batch])[:2])


def test_the_file_says_which_window_it_wants(tmp_path):
    config = CONFIG.model_copy(update={"network": NETWORK.model_copy(update={"crop_expand": 0.175})})
    export(PoseNet(config.network), Calibration(0.0, 1.0), config, tmp_path / "small.onnx")
    assert PoseNetwork(tmp_path / "small.onnx", "cpu").spec.crop_expand == 0.175


@pytest.mark.parametrize("block", ["residual", "reparameterised", "depthwise"])
def test_the_file_gives_what_the_network_gives(tmp_path, block):
    torch.manual_seed(1)
    config = CONFIG.model_copy(update={"network": NETWORK.model_copy(update={"block": block})})
    network = PoseNet(config.network)
    network.train()(torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8))
    target = tmp_path / "small.onnx"
    assert export(network, Calibration(0.1, 0.9), config, target) < 1e-4
    crops = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 3), np.uint8)
    poses = PoseNetwork(target, "cpu")(crops)
    with torch.no_grad():
        wanted = network(torch.from_numpy(crops))
    np.testing.assert_allclose(poses.rotation, wanted.rotation, atol=1e-4)
    np.testing.assert_allclose(poses.tvec_mm, wanted.translation_mm, rtol=1e-4, atol=1e-2)
    expected_deg = torch.exp(0.1 + 0.9 * wanted.log_error).numpy()
    np.testing.assert_allclose(-10 * np.log2(poses.confidence), expected_deg, rtol=1e-3)


def test_a_file_can_be_made_smaller(tmp_path):
    source, target = tmp_path / "small.onnx", tmp_path / "int8.onnx"
    export(PoseNet(NETWORK), Calibration(0.0, 1.0), CONFIG, source)
    crops = np.random.default_rng(2).integers(0, 256, (16, 32, 32, 3), np.uint8)
    assert write_8_bit(source, target, crops).confidence_output == "confidence"
    assert PoseNetwork(target, "cpu")(crops).finite.all()


def test_a_run_is_exported_with_its_own_calibration(crops_folder, tmp_path):
    loop = LoopConfig(steps=2, batch=8, check_every=2, held_out=0.9, workers=0, bfloat16=False)
    data = [DataConfig(folder=crops_folder, rotation="label")] * 4
    config = TrainingConfig(name="small", data=data, network=NETWORK, loop=loop)
    run(config, tmp_path)
    exported = export_run(config, tmp_path, tmp_path / "small.onnx")
    assert exported.difference < 1e-4
    assert math.isfinite(exported.calibration.offset)
    assert PoseNetwork(tmp_path / "small.onnx", "cpu").spec.name == "small"
    keys = {entry.key: entry.value for entry in onnx.load(str(tmp_path / "small.onnx")).metadata_props}
    assert (keys["training.seed"], keys["training.steps"]) == ("1", "2")
    (first, *_) = json.loads(keys["training.sets"])
    table = (crops_folder / LABELS).read_bytes()
    assert first["files"][LABELS] == hashlib.sha256(table).hexdigest()
    with (tmp_path / HELD_OUT).open() as file:
        rows = list(csv.DictReader(file))
    errors = [float(row["error_deg"]) for row in rows]
    assert exported.doubt is not None
    assert exported.doubt.mean_error_of_surest["100"] == pytest.approx(np.mean(errors))
    wide = [float(row["error_deg"]) for row in rows if abs(float(row["yaw_deg"])) > 30]
    assert exported.doubt_wide is not None and 0 < len(wide) < len(errors)
    assert exported.doubt_wide.mean_error_of_surest["100"] == pytest.approx(np.mean(wide))


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(ExportError, match="python -m training train"):
        export_run(CONFIG, tmp_path, tmp_path / "small.onnx")
