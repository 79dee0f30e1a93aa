import inspect
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from render_core import Renderer, RenderReject
from render_core.compat import render_compat
from render_core.errors import RasterInputError, RejectReason
from render_core.grid import build_grid, held_or_drawn_view
from render_core.head import Head, ViewedHead
from render_core.view import view_camera

VIEWS = (0, 40)


@pytest.fixture(scope="module")
def renderer(egg: Head) -> Renderer:
    return Renderer(egg, VIEWS, size_px=64)


def test_views_come_as_asked_for(renderer: Renderer, noise: np.ndarray, pose: Any) -> None:
    assert [view.yaw_deg for view in renderer.render(noise, pose(5))] == [0, 40]
    (view,) = renderer.render(noise, pose(5), (40.0,))
    assert view.yaw_deg == 40 and view.image.shape == (64, 64, 3) and view.image.dtype == np.uint8
    assert 0 < view.seen_fraction <= 1 and 0 <= view.filled_fraction < 1


def test_a_mirrored_face_is_the_mirrored_photo_at_the_mirrored_pose(
    renderer: Renderer, noise: np.ndarray, pose: Any
) -> None:
    """Neither a second picture nor a second pose is needed: the same pixels, to a level."""
    P = pose(-25, 10, 15)
    mirrored_photo = np.ascontiguousarray(noise[:, ::-1])
    # x' = w - 1 - x, and the mirrored head in the mirrored photo
    F = np.array([[-1.0, 0, 199], [0, 1, 0], [0, 0, 1]])
    mirrored_pose = F @ P @ np.diag([-1.0, 1, 1, 1])
    by_flag = renderer.render(noise, P, mirrored=True)
    by_hand = renderer.render(mirrored_photo, mirrored_pose)
    for flagged, plain in zip(by_flag, by_hand, strict=True):
        assert np.abs(flagged.image.astype(int) - plain.image.astype(int)).max() <= 1
        assert flagged.filled_fraction == pytest.approx(plain.filled_fraction, abs=0.002)


def test_a_window_of_the_photo_gives_the_same_views(renderer: Renderer, noise: np.ndarray, pose: Any) -> None:
    P = pose(10)
    shift = np.array([[1.0, 0, -20], [0, 1, -10], [0, 0, 1]])
    wide = cv2.copyMakeBorder(noise, 10, 10, 20, 20, cv2.BORDER_REPLICATE)
    for whole, part in zip(
        renderer.render(wide, np.linalg.inv(shift) @ P), renderer.render(noise, P), strict=True
    ):
        assert np.abs(whole.image.astype(int) - part.image.astype(int)).max() <= 1


def test_the_symmetric_face_is_symmetric_about_its_own_axis(egg: Head, pose: Any) -> None:
    """A face with a mark on each cheek, one of them hidden: no ghost beside the mark that is filled in."""
    renderer = Renderer(egg, (0,), size_px=224)
    P = pose(45, size=400)
    photo = np.full((400, 400, 3), 120, np.uint8)
    mark = np.array([45.0, 20.0, 20 - 85 * np.sqrt(1 - (45 / 70) ** 2 - 0.04)])
    u, v, depth = P @ [*mark, 1.0]
    cv2.circle(photo, (round(u / depth), round(v / depth)), 8, (255, 255, 255), -1)
    view = renderer.render(photo, P)[0].image[..., 0] > 180
    camera = view_camera(0).projection
    for side in (1, -1):
        x, y = (camera @ [side * mark[0], mark[1], mark[2], 1.0])[:2] / (camera @ [*mark, 1.0])[2]
        spot = np.argwhere(view[:, :112] if side < 0 else view[:, 112:])
        centre = spot.mean(axis=0) + np.array([0, 0 if side < 0 else 112])
        np.testing.assert_allclose(centre, [y, x], atol=1.5)


@pytest.mark.parametrize("background", ["edge", "constant", "blur", "transparent"])
def test_backgrounds_beyond_the_photo(egg: Head, pose: Any, background: Any) -> None:
    """The photo ends within the head; its last columns are grey 90, the rest 200."""
    renderer = Renderer(egg, (0,), size_px=64, background=background)
    photo = np.full((200, 120, 3), 200, np.uint8)
    photo[:, -10:] = 90
    view = renderer.render(photo, pose(0))[0].image
    beyond = view[32, -6]
    if background == "transparent":
        assert view.shape == (64, 64, 4)
        assert beyond[3] == 0 and view[32, 20, 3] == 255
    else:
        assert view.shape == (64, 64, 3)
        # With "edge", from the other half: the backdrop's twin is in the photo.
        expected = {"edge": (200, 200), "constant": (0, 0), "blur": (90, 200)}[background]
        assert expected[0] <= beyond[0] <= expected[1]
    assert abs(int(view[32, 20, 0]) - 200) <= 1


def test_the_background_on_the_right_is_not_taken_from_the_left(
    renderer: Renderer, noise: np.ndarray, pose: Any
) -> None:
    photo = noise[:, :120].copy()
    changed = photo.copy()
    changed[:, :25] = 255 - changed[:, :25]
    before, after = (renderer.render(p, pose(0), (0,))[0].image for p in (photo, changed))
    np.testing.assert_array_equal(before[:, 40:], after[:, 40:])


def test_a_large_source_stays_sharp(egg: Head, pose: Any) -> None:
    """Stripes of 3.5 px on the face: exact from a photo of 1200 px, washed out by way of a crop of 227 px."""
    renderer = Renderer(egg, (0,), size_px=224)
    photo = np.dstack([np.tile(stripes(np.arange(1200)), (1200, 1))] * 3).astype(np.uint8)
    P = pose(0, size=1200)
    scale = 227 / 1200
    crop = cv2.resize(photo, (227, 227), interpolation=cv2.INTER_CUBIC)
    to_crop = np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]])

    points = build_grid(egg, view_camera(0)).points.astype(np.float64)
    u, _, depth = P @ points
    truth = stripes(u / depth).reshape(224, 224)[90:140, 70:150]
    sharp, soft = (
        np.corrcoef(renderer.render(*source)[0].image[90:140, 70:150, 0].ravel(), truth.ravel())[0, 1]
        for source in ((photo, P), (crop, to_crop @ P))
    )
    assert sharp > 0.98
    assert soft < 0.95


def stripes(column: np.ndarray) -> np.ndarray:
    return np.asarray(127.5 + 127.5 * np.sin(2 * np.pi * column / 12))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pose_that_is_not_finite_is_a_reject(
    egg: Head, renderer: Renderer, noise: np.ndarray, pose: Any, value: float
) -> None:
    compat = Renderer(egg, (0,), size_px=32, mode="compat")
    P = pose(0).copy()
    P[1, 2] = value
    assert reason(renderer, noise, P) == "pose_not_finite"
    assert reason(compat, noise, P) == "pose_not_finite"


def test_a_head_behind_the_camera_is_a_reject_in_any_scale(
    renderer: Renderer, noise: np.ndarray, pose: Any
) -> None:
    P = pose(0).copy()
    P[:, 3] -= 5200 * P[:, 2]
    assert reason(renderer, noise, P) == "pose_behind_camera"
    assert reason(renderer, noise, -P) == "pose_behind_camera"
    assert len(renderer.render(noise, 1e-3 * pose(0))) == 2


@pytest.mark.parametrize("mode", ["clean", "compat"])
def test_a_face_outside_the_photo_is_a_reject(egg: Head, noise: np.ndarray, pose: Any, mode: Any) -> None:
    P = pose(0).copy()
    P[0] += 5000 * P[2]
    assert reason(Renderer(egg, (0,), size_px=32, mode=mode), noise, P) == "render_no_face_pixels"


def reason(renderer: Renderer, image: np.ndarray, projection: np.ndarray) -> str:
    with pytest.raises(RenderReject) as reject:
        renderer.render(image, projection)
    return reject.value.reason


def test_a_tiny_photo_and_a_huge_face_give_pictures(renderer: Renderer, pose: Any) -> None:
    one_pixel = np.full((1, 1, 3), 77, np.uint8)
    P = pose(0, size=4).copy()
    P[:2] -= 1.5 * P[2]
    assert (renderer.render(one_pixel, P, (0,))[0].image == 77).all()
    assert (
        renderer.render(np.full((3000, 3000, 3), 50, np.uint8), pose(0, size=3000), (0,))[0].image.max() == 50
    )


def test_compat_mode_is_the_compat_renderer(egg: Head, noise: np.ndarray, pose: Any) -> None:
    renderer = Renderer(egg, VIEWS, size_px=48, mode="compat")
    for view in renderer.render(noise, pose(12)):
        held = held_or_drawn_view(egg, view_camera(view.yaw_deg, size_px=48))
        expected = render_compat(noise, pose(12), held)
        picture = expected.raw if expected.symmetric is None else expected.symmetric
        np.testing.assert_array_equal(view.image, picture)
    with pytest.raises(ValueError, match="mirrored crop"):
        renderer.render(noise, pose(12), mirrored=True)


def test_compat_views_have_the_size_of_the_head_or_the_one_asked_for(
    egg: Head, noise: np.ndarray, pose: Any
) -> None:
    """Heads of the older set have views of 160 and 230 px."""
    held = held_or_drawn_view(egg, view_camera(40, size_px=50))
    head = ViewedHead("held", {40.0: held})
    for size_px, expected in ((None, 50), (64, 64)):
        renderer = Renderer(head, (40,), size_px=size_px, mode="compat")
        assert renderer.render(noise, pose(0))[0].image.shape == (expected, expected, 3)
        face, whole = renderer.masks(40)
        assert face.shape == whole.shape == (expected, expected) and face.any() and (whole | ~face).all()


def test_views_at_any_pitch_and_roll(egg: Head, noise: np.ndarray, pose: Any) -> None:
    nodding = view_camera(0, pitch_deg=20, roll_deg=10, size_px=64)
    renderer = Renderer(egg, (0, nodding), size_px=64)
    level, turned = renderer.render(noise, pose(0))
    assert turned.camera == nodding
    assert np.abs(level.image.astype(int) - turned.image.astype(int)).mean() > 5


def test_masks(renderer: Renderer) -> None:
    face, head = renderer.masks(40)
    assert face.shape == (64, 64) and face.any() and (head | ~face).all() and head.sum() > face.sum()


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "fast"},
        {"background": "green"},
        {"interpolation": "nearest"},
        {"views": ()},
        {"views": (0, 0.0)},
        {"views": (view_camera(0, size_px=65),)},
    ],
)
def test_wrong_settings_are_refused(egg: Head, wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=r"expected|type"):
        Renderer(egg, **({"views": (0,), "size_px": 64} | wrong))


def test_a_view_that_was_not_prepared_is_refused(renderer: Renderer, noise: np.ndarray, pose: Any) -> None:
    with pytest.raises(ValueError, match="view 22 was not prepared"):
        renderer.render(noise, pose(0), (22,))


@pytest.mark.parametrize("error_deg", [-1.0, 91.0, np.nan])
def test_an_error_of_the_pose_that_is_no_angle_is_refused(
    renderer: Renderer, noise: np.ndarray, pose: Any, error_deg: float
) -> None:
    with pytest.raises(ValueError, match="expected 0 to 90"):
        renderer.render(noise, pose(0), pose_error_deg=error_deg)


numbers = st.floats(-1e4, 1e4) | st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.lists(numbers, min_size=12, max_size=12),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    background=st.sampled_from(["edge", "constant", "blur", "transparent"]),
    mirrored=st.booleans(),
)
@example(
    entries=[1.0, 2.5e-181, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    size=(1, 1),
    background="edge",
    mirrored=False,
)
@example(
    entries=[-1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.2250738585e-313],
    size=(1, 1),
    background="edge",
    mirrored=False,
)
@example(
    entries=[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    size=(1, 1),
    background="blur",
    mirrored=False,
)
def test_any_projection_gives_pictures_or_a_reject(
    renderers: dict[str, Renderer], entries: list[float], size: Any, background: str, mirrored: bool
) -> None:
    image = np.full((*size, 3), 128, np.uint8)
    projection = np.array(entries).reshape(3, 4)
    # A camera before the head more often than chance would have it.
    projection[2] = [0.1, 0.2, 1.0, 2000.0] if entries[0] > 0 else projection[2]
    try:
        views = renderers[background].render(image, projection, mirrored=mirrored)
    except RenderReject as reject:
        assert reject.reason in get_args(RejectReason)
        return
    assert all(view.image.shape[:2] == (32, 32) for view in views)
    assert all(0 <= view.seen_fraction <= 1 and 0 <= view.filled_fraction <= 1 for view in views)


@pytest.fixture(scope="module")
def renderers(egg: Head) -> dict[str, Renderer]:
    names = ("edge", "constant", "blur", "transparent")
    return {name: Renderer(egg, (0,), size_px=32, background=name) for name in names}


def test_projections_of_several_faces_are_refused_with_what_is_expected(
    renderer: Renderer, noise: np.ndarray, pose: Any
) -> None:
    unchecked = inspect.unwrap(Renderer.render)  # as users call it, without the shape checks of tests
    for projection in ([pose(5)] * 2, pose(5)[0], np.eye(3)):
        with pytest.raises(RasterInputError, match=r"expected \(3, 4\), that of one face"):
            unchecked(renderer, noise, projection)
