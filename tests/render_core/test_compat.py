"""The original's pictures, which were made with OpenCV 4.10."""

from typing import Any

import cv2
import numpy as np
import pytest

from render_core.compat import CompatOptions, render_compat
from render_core.errors import RenderReject
from render_core.head import HeadView, ViewedHead

# From version 5 on OpenCV adds up cubic samples and blurs in another order: values next to a whole number
# fall to the other side. Symmetry mixes two such values.
TOLERANCE, SYMMETRIC_TOLERANCE = (0, 0) if cv2.__version__.startswith("4.") else (1, 2)


def compare(actual: np.ndarray | None, expected: np.ndarray, tolerance: int) -> None:
    assert actual is not None
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= tolerance


def test_poses_with_all_switches(reference: Any, imported: dict[str, ViewedHead]) -> None:
    goldens = reference.npz("goldens/render_poses_cv410.npz")
    compared = 0
    for key, expected in goldens.items():
        case, _, rest = key.partition("/")
        if rest.count("/") != 2 or rest.rsplit("/", 1)[1] in {"P", "R", "t", "yaw"}:
            continue
        view_name, shape, what = rest.split("/")
        view = imported[shape].views[float(view_name[1:3])]
        options = CompatOptions(background="nobg" not in what, flip_background="flipbg" in what)
        actual = render_compat(
            goldens[f"{case}/image"], goldens[f"{case}/{view_name}/{shape}/P"], view, options
        )
        if what == "n_outside":
            assert np.count_nonzero(~actual.inside) == expected
        elif what == "weights":
            assert actual.weights is not None
            np.testing.assert_allclose(actual.weights, expected, rtol=0, atol=1e-6)
        elif what.startswith("sym"):
            compare(actual.symmetric, expected, SYMMETRIC_TOLERANCE)
        else:
            compare(actual.raw, expected, TOLERANCE)
        compared += 1
    assert compared > 150


def test_landmark_demo_of_both_sets(reference: Any, imported: dict[str, ViewedHead]) -> None:
    goldens = reference.npz("goldens/render_landmarks_cv410.npz")
    compared = 0
    for key, expected in goldens.items():
        folder, *rest = key.split("/")
        if len(rest) != 4 or rest[3] == "weights":
            continue
        view_name, shape, switches, what = rest
        head = imported[shape if folder == "models3d_new" else f"old-{shape}"]
        view = head.views[float(view_name[1:3])]
        options = CompatOptions(background="bgy" in switches, flip_background="fby" in switches)
        projection = goldens[f"{folder}/{view_name}/{shape}/P"]
        actual = render_compat(goldens[f"{folder}/image_used"], projection, view, options)
        if what == "sym":
            compare(actual.symmetric, expected, SYMMETRIC_TOLERANCE)
        else:
            compare(actual.raw, expected, TOLERANCE)
        compared += 1
    assert compared == 38


def test_the_published_renders(reference: Any, imported: dict[str, ViewedHead], recovered: Any) -> None:
    """From the crop after its JPEG, with the recovered poses, to the published JPEG: at least 43 dB."""
    goldens = reference.npz("goldens/render_recovered_cv410.npz")
    for key, expected in goldens.items():
        subject, view_name = key.split("/")
        crop, projection = recovered(subject.removeprefix("subject"))
        view = imported["10"].views[float(view_name[1:3])]
        rendering = render_compat(crop, projection, view)
        actual = rendering.raw if rendering.symmetric is None else rendering.symmetric
        compare(actual, expected, SYMMETRIC_TOLERANCE)
        name = f"reference/published_renders/{subject}/{subject}_a_rendered_aug_{view_name}_10.jpg"
        published = cv2.imread(str(reference.path(name)))
        _, jpeg = cv2.imencode(".jpg", actual, [cv2.IMWRITE_JPEG_QUALITY, 95])
        assert cv2.PSNR(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), published) >= 43.0
    assert len(goldens) == 36


@pytest.fixture
def recovered(reference: Any) -> Any:
    """Crop (mirrored where the original did) and projection of one of the ten subjects."""
    import json  # noqa: PLC0415

    crops = reference.npz("goldens/preprocess.npz")
    poses = json.loads(reference.path("goldens/recovered_poses.json").read_text())["subjects"]

    def load(subject: str) -> tuple[np.ndarray, np.ndarray]:
        pose = poses[subject]
        rotation = cv2.Rodrigues(np.array(pose["rvec"], np.float32))[0]
        K = np.array([[2880, 0, 112], [0, 2880, 112], [0, 0, 1]], np.float32)
        crop = crops[f"subject{subject}_a/crop_after_jpeg"]
        if pose["flipped"]:
            crop = np.ascontiguousarray(crop[:, ::-1])
        return crop, K @ np.column_stack([rotation, np.array(pose["tvec"], np.float32)])

    return load


def small_view(yaw_deg: float = 0.0) -> HeadView:
    rows, columns = np.mgrid[0:20, 0:20].astype(np.float32)
    points = np.stack([columns, rows, np.zeros_like(rows)], axis=-1)
    face = np.zeros((20, 20), bool)
    face[5:15, 5:15] = True
    return HeadView(yaw_deg, points, face, face.copy(), np.zeros((0, 3)), np.zeros(0, np.int64), np.eye(3))


def shifted(x: float) -> np.ndarray:
    """One millimetre is one pixel; one-based positions."""
    return np.array([[1.0, 0, 0, 1 + x], [0, 1.0, 0, 1], [0, 0, 0, 1]])


def test_a_face_outside_the_image_is_a_reject() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(RenderReject) as reject:
        render_compat(image, shifted(500), small_view())
    assert reject.value.reason == "render_no_face_pixels"


def test_only_a_frontal_view_that_asks_for_it_is_symmetric() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    assert render_compat(image, shifted(0), small_view()).symmetric is not None
    assert render_compat(image, shifted(0), small_view(), CompatOptions(symmetry=False)).symmetric is None
    assert render_compat(image, shifted(0), small_view(40.0)).symmetric is None
