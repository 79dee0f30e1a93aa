"""Compat mode of jobs, against the original's own crops and pictures."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fpn_core import PoseBatch, mirror_pose, rvec_to_matrix
from fpn_core.convert.fpn_2017 import SPEC
from pipeline.config.settings import ImageSettings, ManifestSettings, RenderSettings
from pipeline.io.image_access import ImagePlaces
from pipeline.manifest import concatenate, open_manifest
from pipeline.stages.compat import pose_faces_as_original
from pipeline.stages.decode import Decoder
from pipeline.stages.render import ViewRenderer
from render_core import Renderer
from render_core.head_folder import find_head
from render_core.reference_heads import import_reference_heads
from render_core.view import view_camera
from tests.pipeline.stages.test_pose import faces_of

# As in tests/render_core/test_compat.py: OpenCV 5 rounds some sums to the other side.
TOLERANCE = 0 if cv2.__version__.startswith("4.") else 2


class MarkedNetwork:
    """Poses crops by their first pixel, in another way where they are mirrored."""

    spec = SPEC

    def __init__(self, poses: list[tuple[np.ndarray, np.ndarray]], mirrored: list) -> None:
        self.poses, self.mirrored = poses, mirrored

    def __call__(self, crops: np.ndarray, batch_size: int = 128) -> PoseBatch:
        # `faces_of` marks the first pixel of a row, which a mirrored crop has at its end.
        chosen = [
            self.mirrored[int(crop[0, -1, 0])] if crop[0, -1, 0] else self.poses[int(crop[0, 0, 0])]
            for crop in crops
        ]
        rotation, tvec_mm = zip(*chosen, strict=True) if chosen else ((), ())
        return PoseBatch(np.array(rotation).reshape(-1, 3, 3), np.array(tvec_mm).reshape(-1, 3), None)


def turned(yaw_deg: float) -> np.ndarray:
    return rvec_to_matrix(np.array([[0.0, np.deg2rad(yaw_deg), 0.0]]))[0]


def test_faces_that_look_right_have_the_pose_of_their_mirrored_crops() -> None:
    ahead, away = np.array([0.0, 0.0, 3000.0]), np.array([0.0, 0.0, -1.0])
    right = next(rotation for sign in (1, -1) if (rotation := turned(20.0 * sign))[2, 0] > 0)
    poses = [(right.T, ahead), (right, ahead), (right, ahead), (right.T, ahead)]
    network = MarkedNetwork(poses, [None, (np.eye(3), ahead), (np.eye(3), away), None])
    posed = pose_faces_as_original(network, faces_of(227, 4))
    assert posed.position.tolist() == [1, 2, 4]
    assert [(r.row, r.reason) for r in posed.rejects] == [(103, "pose_behind_camera")]
    assert np.abs(posed.poses.rotation[1] - right).max() < 1e-12  # the pose stays that of the crop as it is
    K = SPEC.camera.matrix
    expected = [K @ np.column_stack([rotation, ahead]) for rotation in (right.T, np.eye(3), right.T)]
    assert posed.compat_projection is not None
    np.testing.assert_allclose(posed.compat_projection, expected, rtol=1e-6, atol=1e-2)
    assert posed.pick(np.array([1]), []).compat_projection.shape == (1, 3, 4)


def test_no_faces_are_no_error() -> None:
    posed = pose_faces_as_original(MarkedNetwork([], []), faces_of(227, 0))
    assert posed.compat_projection.shape == (0, 3, 4)


class RecoveredNetwork:
    """Gives the crops of the ten photos the poses that were recovered from the published pictures."""

    spec = SPEC

    def __init__(self, reference: Any) -> None:
        goldens = reference.npz("goldens/preprocess.npz")
        subjects = json.loads(reference.path("goldens/recovered_poses.json").read_text())["subjects"]
        self.answers = []
        for number, pose in subjects.items():
            crop = goldens[f"subject{number}_a/crop_after_jpeg"]
            rotation, tvec_mm = rvec_to_matrix(np.array([pose["rvec"]])), np.array([pose["tvec"]])
            if pose["flipped"]:
                self.answers.append((crop[:, ::-1], rotation[0], tvec_mm[0]))
                rotation, tvec_mm = mirror_pose(rotation, tvec_mm, SPEC.camera)
            self.answers.append((crop, rotation[0], tvec_mm[0]))

    def __call__(self, crops: np.ndarray, batch_size: int = 128) -> PoseBatch:
        found = [
            next((rotation, tvec) for known, rotation, tvec in self.answers if np.array_equal(known, crop))
            for crop in crops
        ]
        rotation, tvec_mm = zip(*found, strict=True)
        return PoseBatch(np.array(rotation), np.array(tvec_mm), None)


def test_the_published_pictures_come_out_of_the_stages_of_a_job(reference: Any, tmp_path: Path) -> None:
    goldens = reference.npz("goldens/render_recovered_cv410.npz")
    manifest = open_manifest(str(reference.path("reference/input.csv")), ManifestSettings())
    rows = concatenate([manifest.read(piece) for piece in manifest.slices(10)])
    (tmp_path / "mat").mkdir()
    for path in reference.path("reference/models3d_new").glob("*_10.mat"):
        (tmp_path / "mat" / path.name).symlink_to(path)
    import_reference_heads(tmp_path / "mat", tmp_path)
    settings = RenderSettings(mode="compat", head="10", heads=str(tmp_path), format="png")
    places = ImagePlaces(str(Path(manifest.location).parent), None)

    # Each crop is one of the goldens to the byte, or the network would know no answer.
    faces = Decoder(SPEC, ImageSettings(), settings, places)(rows)
    posed = pose_faces_as_original(RecoveredNetwork(reference), faces)
    head = find_head("10", tmp_path)
    cameras = {yaw_deg: view_camera(yaw_deg, size_px=224) for yaw_deg in settings.views}
    renderer = Renderer(head, tuple(cameras.values()), size_px=224, mode="compat")
    done = ViewRenderer(settings, np.asarray(head.landmarks_mm), renderer, cameras)(posed)

    assert done.rejects == []
    compared = {}
    for face in done.faces:
        for view in face.views:
            actual = cv2.imdecode(np.frombuffer(view.encoded, np.uint8), cv2.IMREAD_COLOR)
            (golden,) = [
                picture
                for key, picture in goldens.items()
                if key.startswith(face.face_id.removesuffix("_a") + "/")
                and int(key.split("/")[1][1:3]) == view.yaw_deg
            ]
            compared[face.face_id, view.name] = np.abs(actual.astype(int) - golden).max()
    assert len(compared) == len(goldens) == 36
    assert max(compared.values()) <= TOLERANCE
    assert sum(face.mirrored for face in done.faces) > 2


@pytest.mark.parametrize(
    "settings", [{"background": "blur"}, {"crop": "face"}], ids=lambda settings: next(iter(settings))
)
def test_compat_mode_has_the_originals_background_and_crop(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="mode=compat has the original's"):
        RenderSettings(mode="compat", **settings)
