"""The networks that come with the package."""

from fpn_core import PoseNetwork, default_model_path


def test_default_network_lies_in_the_package_beside_its_card():
    path = default_model_path()
    assert path.is_file() and path.parent.name == "models"
    assert path.stem in (path.parent / "CARD.md").read_text()


def test_default_network_describes_itself():
    spec = PoseNetwork(device="cpu").spec
    assert spec.licence and spec.camera.size_px == 227 and spec.size_px == 112
