import cv2
import numpy as np
import pyarrow as pa
import pytest

from faceposenet.photo.sizes import SourceSize
from faceposenet.photo.source_window import source_window
from fpn_core import PoseBatch, projection_to_image, ypr_deg_to_matrix
from pipeline.config.settings import JobConfig, RenderSettings
from pipeline.manifest import Rows
from pipeline.stages.batches import PosedFaces
from pipeline.stages.part import make_cameras, make_renderer
from pipeline.stages.render import ViewRenderer, encode_picture
from render_core import Renderer
from render_core.heads import load_head
from render_core.view import view_camera
from tests.photos import FACE_XYWH_PX, portrait

HEAD = load_head("open-mean")
SIZE_PX = 64
CAMERAS = {yaw_deg: view_camera(yaw_deg, size_px=SIZE_PX) for yaw_deg in (0.0, 40.0, 75.0)}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(HEAD, tuple(CAMERAS.values()), size_px=SIZE_PX)


def posed(ypr_deg: list[tuple[float, float, float]], tvec_mm: list[tuple[float, float, float]]) -> PosedFaces:
    n = len(ypr_deg)
    photo = portrait()
    box = np.array(FACE_XYWH_PX)
    window = np.tile([138, 44, 307, 213], (n, 1))
    pose = PoseBatch(ypr_deg_to_matrix(np.array(ypr_deg)), np.array(tvec_mm), None)
    rows = Rows(
        list(range(10, 10 + n)),
        [f"f{i}" for i in range(n)],
        ["a.jpg"] * n,
        None,
        np.tile(box, (n, 1)),
        {},
        pa.table({"id": range(n)}),
    )
    return PosedFaces(
        rows,
        np.arange(n),
        np.tile([512, 512], (n, 1)),
        window,
        [source_window(photo, box, SourceSize(2.0, 500)) for _ in range(n)],
        pose,
        projection_to_image(pose.rotation, pose.tvec_mm, window),
        [],
    )


def finish(renderer: Renderer | None, faces: PosedFaces, **settings):
    settings = RenderSettings(views_deg=[0, 40, 75], size_px=SIZE_PX, **settings)
    return ViewRenderer(settings, HEAD.landmarks_mm, renderer, CAMERAS)(faces)


def test_views_follow_the_policy_and_the_side_of_the_face(renderer: Renderer) -> None:
    turns = [(5.0, 0, 0), (-30.0, 0, 0), (60.0, 0, 0)]
    done = finish(renderer, posed(turns, [(0.0, 0.0, 3000.0)] * 3))
    assert [[view.name for view in face.views] for face in done.faces] == [
        ["0", "40", "75"],
        ["40", "75"],
        ["75"],
    ]
    assert [face.mirrored for face in done.faces] == [False, True, False]
    assert [face.carried.to_pylist() for face in done.faces] == [[{"id": 0}], [{"id": 1}], [{"id": 2}]]
    for face in done.faces:
        for view in face.views:
            assert view.encoded.startswith(b"\xff\xd8")
            assert 0 <= view.seen_fraction <= 1


def test_all_views_on_demand(renderer: Renderer) -> None:
    done = finish(renderer, posed([(60.0, 0, 0)], [(0.0, 0.0, 3000.0)]), view_policy="all")
    assert [view.name for view in done.faces[0].views] == ["0", "40", "75"]


def test_a_face_outside_its_photo_is_a_reject_of_its_own_row(renderer: Renderer) -> None:
    done = finish(renderer, posed([(0.0, 0, 0)] * 2, [(5000.0, 0.0, 3000.0), (0.0, 0.0, 3000.0)]))
    assert [face.row for face in done.faces] == [11]
    assert [(r.row, str(r.reason), str(r.stage)) for r in done.rejects] == [
        (10, "render_no_face_pixels", "render")
    ]


def test_a_fault_of_ours_is_a_reject_of_one_face(renderer: Renderer) -> None:
    class Faulty:
        def render(self, *arguments, **named):
            raise ZeroDivisionError("a bug")

    done = finish(Faulty(), posed([(0.0, 0, 0)], [(0.0, 0.0, 3000.0)]))
    assert [(str(r.reason), r.detail) for r in done.rejects] == [
        ("internal_error", "ZeroDivisionError: a bug")
    ]


def test_without_a_renderer_poses_and_landmarks_go_through() -> None:
    done = finish(None, posed([(0.0, 0, 0)], [(0.0, 0.0, 3000.0)]))
    assert done.faces[0].views == ()
    # Every landmark lies where the pinhole camera of the crop puts it, moved into the photo:
    # x = 2880 X / Z + 112 on the crop of 227 px, whose window begins at (138, 44) and is 169 px wide.
    points = HEAD.landmarks_mm + np.array([0.0, 0.0, 3000.0])
    on_crop = 2880 * points[:, :2] / points[:, 2:] + 112
    expected = (on_crop + 0.5) * 169 / 227 - 0.5 + [138, 44]
    np.testing.assert_allclose(done.faces[0].landmarks_xy_px, expected, atol=1e-6)


@pytest.mark.parametrize(("subsampling", "factors"), [(420, 0x22), (422, 0x21), (444, 0x11)])
def test_colour_of_a_jpeg_is_as_fine_as_asked(subsampling: int, factors: int) -> None:
    data = encode_picture(portrait(), RenderSettings(subsampling=subsampling))
    # The frame header: length, precision, height, width, number of components, then the first one's number
    # and its sampling factors, across and down, beside which the colours have 1 and 1.
    frame = data.index(b"\xff\xc0")
    assert data[frame + 11] == factors


def test_the_default_is_what_jpegs_commonly_have() -> None:
    _, common = cv2.imencode(".jpg", portrait(), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert encode_picture(portrait(), RenderSettings()) == bytes(common)


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)).astype(int)


def test_upright_crops_are_never_mirrored_unless_asked_for() -> None:
    faces = posed([(yaw, 0.0, 0.0) for yaw in (-30, 30)], [(0.0, 0.0, 3000.0)] * 2)
    plain = finish(None, faces, aligned_px=112, format="png").faces
    mirrored = finish(None, faces, aligned_px=112, format="png", aligned_mirrored=True).faces
    left, right = (decoded(face.aligned or b"") for face in plain)
    np.testing.assert_array_equal(decoded(mirrored[1].aligned or b""), right)
    # The other crop of the face with a negative yaw is its mirror image, but for the uneven template.
    flipped = decoded(mirrored[0].aligned or b"")[:, ::-1]
    assert np.abs(flipped - left).mean() < 0.3 * np.abs(flipped[:, ::-1] - left).mean()


def test_symmetry_by_yaw(renderer: Renderer) -> None:
    def view_0(yaw_deg: float, symmetry: str) -> bytes:
        faces = posed([(yaw_deg, 0.0, 0.0)], [(0.0, 0.0, 3000.0)])
        done = finish(renderer, faces, view_policy="all", symmetry=symmetry, format="png")
        return done.faces[0].views[0].encoded

    assert view_0(45.0, "wide") == view_0(45.0, "always") != view_0(45.0, "never")
    assert view_0(15.0, "wide") == view_0(15.0, "never") != view_0(15.0, "always")


@pytest.mark.parametrize(("template", "width_px"), [("arcface", 112), ("arcface-96x112", 96)])
def test_views_in_the_template(template: str, width_px: int) -> None:
    """A frontal face at view 0 is its own upright crop."""
    render = {"size_px": 112, "aligned_px": 112, "aligned_template": template, "crop": "template"}
    config = JobConfig.model_validate({"render": {"views_deg": [0], "format": "png", **render}})
    worker = ViewRenderer(config.render, HEAD.landmarks_mm, make_renderer(config), make_cameras(config))
    (face,) = worker(posed([(0.0, 0.0, 0.0)], [(0.0, 0.0, 3000.0)])).faces
    view, aligned = decoded(face.views[0].encoded), decoded(face.aligned or b"")
    assert view.shape == aligned.shape == (112, width_px, 3)
    middle = (slice(30, 100), slice(width_px // 2 - 30, width_px // 2 + 30))
    shifted = np.roll(view, 6, axis=1)
    assert np.abs(view - aligned)[middle].mean() < 0.6 * np.abs(shifted - aligned)[middle].mean()
