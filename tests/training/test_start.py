import pytest

torch = pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from fpn_core.errors import ModelFileError  # noqa: E402
from fpn_core.onnx_package import load_onnx  # noqa: E402
from fpn_core.precision import write_8_bit  # noqa: E402
from training.config import ConfigError, NetworkConfig, TrainingConfig  # noqa: E402
from training.export import Calibration, export  # noqa: E402
from training.network import PoseNet  # noqa: E402
from training.start import load_start  # noqa: E402

SHAPE = NetworkConfig(size_px=32, widths=(8, 16), blocks=(1, 2), hidden=16, squeezed=4)


def network_like_a_trained_one(shape, seed=0):
    """Norms that have seen something: with fresh ones, a lost norm would not be noticed."""
    torch.manual_seed(seed)
    network = PoseNet(shape).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            for values in (module.weight.data, module.running_var):
                values.uniform_(0.5, 2.0)
            for values in (module.bias.data, module.running_mean):
                values.uniform_(-0.5, 0.5)
    return network


def exported(network, shape, path):
    export(network, Calibration(0.3, 1.0), TrainingConfig(name="small", data=[], network=shape), path)
    return path


@pytest.mark.parametrize("block", ["residual", "depthwise"])
def test_a_network_that_starts_from_an_exported_file_says_what_the_file_says(block, tmp_path):
    shape = SHAPE.model_copy(update={"block": block})
    first = network_like_a_trained_one(shape)
    second = PoseNet(shape)
    load_start(second, exported(first, shape, tmp_path / "first.onnx"))
    crops = torch.randint(0, 256, (6, 32, 32, 3), dtype=torch.uint8)
    with torch.no_grad():
        wanted, given = first(crops), second.eval()(crops)
    for one, other in zip(wanted[:3], given[:3], strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    assert not torch.equal(wanted.rotation[0], wanted.rotation[1])


def test_weights_have_the_size_of_fresh_ones(tmp_path):
    first = network_like_a_trained_one(SHAPE)
    for block in first.trunk.modules():
        if isinstance(block, torch.nn.BatchNorm2d):
            block.running_var *= 30
    second = PoseNet(SHAPE)
    load_start(second, exported(first, SHAPE, tmp_path / "first.onnx"))
    for one, other in zip(PoseNet(SHAPE).modules(), second.modules(), strict=True):
        if isinstance(one, torch.nn.Conv2d):
            assert other.weight.std().item() == pytest.approx(one.weight.std().item(), rel=0.2)


def test_the_free_landmarks_start_from_nothing(tmp_path):
    second = PoseNet(SHAPE)
    load_start(second, exported(network_like_a_trained_one(SHAPE), SHAPE, tmp_path / "first.onnx"))
    assert not second.landmarks.weight.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"blocks": (1, 1)}, r"has 9 convolutions, and the network 7"), ({"hidden": 8}, "another shape")],
)
def test_a_file_of_another_shape_is_an_error(changes, message, tmp_path):
    path = exported(network_like_a_trained_one(SHAPE), SHAPE, tmp_path / "first.onnx")
    with pytest.raises(ConfigError, match=message):
        load_start(PoseNet(SHAPE.model_copy(update=changes)), path)


def test_a_file_that_lacks_a_layer_is_an_error(tmp_path):
    path = exported(network_like_a_trained_one(SHAPE), SHAPE, tmp_path / "first.onnx")
    model = load_onnx(path)
    (lost,) = [one for one in model.graph.initializer if one.name == "network.pose.weight"]
    model.graph.initializer.remove(lost)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match=r"pose\.weight"):
        load_start(PoseNet(SHAPE), path)


def test_a_file_of_8_bits_is_an_error(tmp_path):
    path = exported(network_like_a_trained_one(SHAPE), SHAPE, tmp_path / "first.onnx")
    crops = torch.randint(0, 256, (16, 32, 32, 3), dtype=torch.uint8).numpy()
    write_8_bit(path, tmp_path / "int8.onnx", crops)
    with pytest.raises(ConfigError, match="in 32-bit floats"):
        load_start(PoseNet(SHAPE), tmp_path / "int8.onnx")


def test_what_is_no_network_is_an_error(tmp_path):
    text = tmp_path / "text.onnx"
    text.write_text("weights")
    with pytest.raises(ModelFileError, match="is not an ONNX file"):
        load_start(PoseNet(SHAPE), text)
    with pytest.raises(ModelFileError, match="cannot read"):
        load_start(PoseNet(SHAPE), tmp_path / "none.onnx")
    with pytest.raises(ConfigError, match=r"there is no .*checkpoint\.pt; expected the folder of a run"):
        load_start(PoseNet(SHAPE), tmp_path / "none")
