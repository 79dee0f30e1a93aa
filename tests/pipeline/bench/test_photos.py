from pathlib import Path

import cv2
import numpy as np

from fpn_core import PoseNetwork
from pipeline.bench.photos import PHOTO_PX, write_photos
from pipeline.config.settings import ImageSettings, ManifestSettings, RenderSettings
from pipeline.io.image_access import ImagePlaces
from pipeline.manifest import open_manifest
from pipeline.stages.decode import Decoder
from pipeline.stages.pose import pose_faces


def test_the_network_finds_every_face(tmp_path: Path) -> None:
    location = write_photos(tmp_path, 20)
    manifest = open_manifest(str(location), ManifestSettings())
    network = PoseNetwork(device="cpu")
    decoder = Decoder(network.spec, ImageSettings(), RenderSettings(), ImagePlaces(str(tmp_path), None))
    posed = pose_faces(network, decoder(manifest.read(manifest.slices(20)[0])))
    assert (len(posed), posed.rejects) == (20, [])
    # Heads turn by -45, -15, 10 and 30 degrees, one after the other.
    turned = np.tile([-45.0, -15.0, 10.0, 30.0], 5)
    assert np.abs(posed.poses.ypr_deg[:, 0] - turned).mean() < 20
    assert np.corrcoef(posed.poses.ypr_deg[:, 0], turned)[0, 1] > 0.9


def test_photos_are_alike_on_every_run_and_serve_several_faces(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    lists = [write_photos(tmp_path / name, faces, 64) for name, faces in (("a", 3), ("b", 130))]
    assert (tmp_path / "a/2.jpg").read_bytes() == (tmp_path / "b/2.jpg").read_bytes()
    assert cv2.imread(str(tmp_path / "a/0.jpg")).shape == (64, 64, 3)
    assert PHOTO_PX == 250
    lines = lists[1].read_text().splitlines()
    assert (len(lines), len(set(lines))) == (130, 128)
    assert lines[:2] == lines[128:]
