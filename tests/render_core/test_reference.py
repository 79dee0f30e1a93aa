"""The slow twin and the fast path show the same, for any photo, pose and view."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from render_core import reference
from render_core.cells import build_cells
from render_core.clean import CleanOptions, render_clean
from render_core.compat import CompatOptions, render_compat
from render_core.errors import RenderReject
from render_core.grid import build_grid, held_or_drawn_view
from render_core.head import Head
from render_core.sight import MIRROR, look
from render_core.view import angles_to_rotation, view_camera
from render_core.visibility import build_shadow_maps

SIZE = 20


def photo(seed: int, height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


@st.composite
def faces(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """A photo and the projection of a head that is at least partly in it, at about the view's scale."""
    height, width = draw(st.integers(12, 40)), draw(st.integers(12, 40))
    yaw, pitch, roll = (draw(st.floats(-limit, limit)) for limit in (60, 30, 180))
    focal = draw(st.floats(150, 220))
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    tvec = [draw(st.floats(-60, 60)), draw(st.floats(-60, 60)), draw(st.floats(2200, 3500))]
    projection = K @ np.column_stack([angles_to_rotation(yaw, pitch, roll), tvec])
    if draw(st.booleans()):
        projection = projection @ MIRROR
    return photo(draw(st.integers(0, 99)), height, width), projection


# Shrinking a failure would take minutes with the slow twin.
examples = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def prepared(egg: Head) -> Any:
    shadows = build_shadow_maps(egg)
    grids = {yaw: build_grid(egg, view_camera(yaw, size_px=SIZE)) for yaw in (0, 40)}
    return {yaw: (grid, build_cells(grid, shadows)) for yaw, grid in grids.items()}


@examples
@given(face=faces(), yaw=st.sampled_from([0, 40]), cubic=st.booleans(), edge=st.booleans())
def test_clean_mode(prepared: Any, face: Any, yaw: int, cubic: bool, edge: bool) -> None:
    image, projection = face
    grid, cells = prepared[yaw]
    options = CleanOptions("edge" if edge else "constant", "cubic" if cubic else "linear")
    try:
        (fast,) = render_clean(image, projection, [grid], cells, options)
    except RenderReject:
        return
    (of_view,) = look(cells, projection, image.shape[:2], fills_beyond=edge).cells
    slow = reference.render_clean(
        image, projection, grid, of_view, cubic=cubic, outside="edge" if edge else "black"
    )
    # Positions are rounded to 1/1024 px, and the fast path leaves out shares of twins and fills below 1 %.
    assert np.abs(fast.image.astype(int) - slow.astype(int)).max() <= 1 + 3


@examples
@given(face=faces(), yaw=st.sampled_from([0, 40]), background=st.booleans(), flip=st.booleans())
def test_compat_mode(egg: Head, face: Any, yaw: int, background: bool, flip: bool) -> None:
    image, projection = face
    view = held_or_drawn_view(egg, view_camera(yaw, size_px=SIZE))
    options = CompatOptions(background=background, flip_background=flip)
    try:
        fast = render_compat(image, projection, view, options)
    except RenderReject:
        return
    slow = reference.render_compat(image, projection, view, options)
    picture = fast.raw if fast.symmetric is None else fast.symmetric
    # Values next to a whole number are rounded down to either side of it, and symmetry mixes two of them.
    assert np.abs(picture.astype(int) - slow.astype(int)).max() <= 2


def test_kernels_sum_to_one_and_reproduce_pixels() -> None:
    for offset in (0.0, 0.25, 0.8):
        for kernel in (reference.cubic_kernel, reference.linear_kernel):
            assert np.isclose(sum(kernel(offset - k) for k in range(-2, 4)), 1.0)
    image = photo(3, 12, 12)
    np.testing.assert_allclose(reference.sample(image, 5.0, 7.0), image[7, 5])


def test_beyond_the_edge_is_the_edge_or_black() -> None:
    image = photo(3, 12, 12)
    np.testing.assert_allclose(reference.sample(image, -9.0, 4.0), image[4, 0])
    np.testing.assert_allclose(reference.sample(image, -9.0, 4.0, outside="black"), 0.0)
