import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from training.config import NetworkConfig  # noqa: E402
from training.geometry import FOCAL_PX, PRINCIPAL_PX  # noqa: E402
from training.network import PoseNet, Reparameterised, merge  # noqa: E402

SMALL = {"widths": (8, 16), "blocks": (2, 2), "size_px": 32, "squeezed": 4, "hidden": 16}
CROPS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8))


def network(block):
    torch.manual_seed(0)
    made = PoseNet(NetworkConfig(block=block, **SMALL))
    # Norms whose averages are those of some data, not 0 and 1.
    made.train()(CROPS)
    return made.eval()


@pytest.mark.parametrize("block", ["residual", "depthwise", "reparameterised"])
def test_every_kind_of_block_gives_poses(block):
    with torch.no_grad():
        predicted = network(block)(CROPS)
    product = predicted.rotation @ predicted.rotation.transpose(1, 2)
    assert torch.allclose(product, torch.eye(3).expand(4, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(predicted.rotation), torch.ones(4), atol=1e-5)
    assert (predicted.translation_mm[:, 2] > 0).all()
    assert predicted.log_error.shape == (4,)
    assert predicted.landmarks.shape == (4, 68, 2)


def test_an_untrained_network_sees_a_frontal_head_in_the_middle():
    with torch.no_grad():
        predicted = PoseNet(NetworkConfig(**SMALL)).eval()(CROPS)
    place = FOCAL_PX * predicted.translation_mm[:, :2] / predicted.translation_mm[:, 2:] + PRINCIPAL_PX
    assert (place - 113.5).abs().max() < 20
    assert (predicted.rotation - torch.eye(3)).abs().max() < 0.2
    assert (predicted.translation_mm[:, 2] / 1000).sub(3.1).abs().max() < 0.5


def test_merged_blocks_give_the_same():
    made = network("reparameterised")
    with torch.no_grad():
        before = made(CROPS)
        after = merge(made)(CROPS)
    assert not any(isinstance(module, Reparameterised) for module in made.modules())
    for one, other in zip(before, after, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-3)


def test_the_expected_error_does_not_pull_at_the_trunk():
    made = network("residual").train()
    made(CROPS).log_error.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in made.trunk.parameters())
    assert made.error[0].weight.grad.any()
