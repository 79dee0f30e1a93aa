import cv2
import numpy as np
import pyarrow as pa
import pytest

import faceposenet
from faceposenet import Face, FacePoser, FaceRejectedError, InputError, Rejected, defaults
from fpn_core import ModelFileError, PoseNetwork, geodesic_deg, ypr_deg_to_matrix
from pipeline.config.settings import JobConfig, load_config
from pipeline.io.image_access import ImagePlaces
from pipeline.manifest import Rows
from pipeline.stages.batches import FinishedFace
from pipeline.stages.decode import Decoder
from pipeline.stages.part import head_landmarks_mm, make_cameras, make_renderer
from pipeline.stages.pose import pose_faces
from pipeline.stages.render import ViewRenderer
from render_core.errors import HeadError
from render_core.heads import DEFAULT_HEAD
from tests.bad_input import write_cases
from tests.photos import FACE_XYWH_PX, portrait

X, Y, WIDTH, HEIGHT = FACE_XYWH_PX
# The face, and boxes beside it whose crops the network poses otherwise.
BOXES = [FACE_XYWH_PX, (X - 9, Y, WIDTH, HEIGHT), (X, Y + 12, 1.2 * WIDTH, HEIGHT)]


def job_config(cache_dir, **values) -> JobConfig:
    return load_config(values={"engine.cache_dir": str(cache_dir), "render.format": "png", **values})


def job_faces(photo, boxes, config: JobConfig) -> list[FinishedFace]:
    """The faces as the stages of a job finish them."""
    n = len(boxes)
    ids = [str(i) for i in range(n)]
    carried = pa.table({"n": range(n)})
    rows = Rows(list(range(n)), ids, [photo.name] * n, None, np.array(boxes, float), {}, carried)
    network = PoseNetwork(device="cpu")
    decoder = Decoder(network.spec, config.images, config.render, ImagePlaces(str(photo.parent), None))
    landmarks_mm, cameras = head_landmarks_mm(config), make_cameras(config)
    render = ViewRenderer(config.render, landmarks_mm, make_renderer(config), cameras)
    return render(pose_faces(network, decoder(rows))).faces


def decoded(picture: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)


def test_poses_are_those_of_a_job_to_the_last_bit(poser: FacePoser, photo, cache_dir) -> None:
    wanted = job_faces(photo, BOXES, job_config(cache_dir, **{"render.views_deg": [0]}))
    found = poser.pose_batch(photo, BOXES)
    assert len(found) == len(wanted) == len(BOXES)
    for face, of_job in zip(found, wanted, strict=True):
        assert isinstance(face, Face)
        assert (face.yaw_deg, face.pitch_deg, face.roll_deg) == tuple(of_job.ypr_deg)
        for name in ("rvec_rad", "tvec_mm", "projection", "landmarks_xy_px", "crop_xyxy_px", "box_xywh_px"):
            np.testing.assert_array_equal(getattr(face, name), getattr(of_job, name), err_msg=name)
        assert face.image_wh_px == of_job.image_wh_px
        assert face.confidence is not None
        assert face.confidence == of_job.confidence
        assert face.mirrored == of_job.mirrored


@pytest.mark.parametrize(
    "style",
    [
        {},
        {"size_px": 96, "closeup": True},
        {"background": "transparent", "size_px": 64},
    ],
)
def test_views_are_those_of_a_job_to_the_last_byte(poser: FacePoser, photo, cache_dir, style) -> None:
    render = {"size_px": style.get("size_px", 224), "background": style.get("background", "edge")}
    render["crop"] = "face" if style.get("closeup") else "none"
    config = job_config(cache_dir, **{f"render.{name}": value for name, value in render.items()})
    (of_job,) = job_faces(photo, BOXES[:1], config)
    face = poser.pose(photo, BOXES[0])
    views = poser.views(photo, face, **style)
    assert [view.yaw_deg for view in views] == [view.yaw_deg for view in of_job.views] == [0, 22, 40, 55, 75]
    for view, theirs in zip(views, of_job.views, strict=True):
        np.testing.assert_array_equal(view.image, decoded(theirs.encoded))
        assert (view.seen_fraction, view.filled_fraction) == (theirs.seen_fraction, theirs.filled_fraction)
        assert view.mirrored == of_job.mirrored


def test_large_photos_are_reduced_where_a_job_reduces_them(poser: FacePoser, tmp_path, cache_dir) -> None:
    """Portraits of 4096 px, one of them with a small face beside the large one."""
    large = cv2.resize(portrait(), None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    for name in ("a.jpg", "b.jpg"):
        cv2.imwrite(str(tmp_path / name), large)
    names = ["a.jpg", "b.jpg", "b.jpg"]
    boxes = [tuple(8 * v for v in FACE_XYWH_PX), tuple(8 * v for v in FACE_XYWH_PX), (1500, 700, 90, 90)]
    n, config = len(names), job_config(cache_dir, **{"render.views_deg": [0, 40]})
    rows = Rows(list(range(n)), names, names, None, np.array(boxes, float), {}, pa.table({"n": range(n)}))
    network = PoseNetwork(device="cpu")
    decoder = Decoder(network.spec, config.images, config.render, ImagePlaces(str(tmp_path), None))
    posed = pose_faces(network, decoder(rows))
    found = poser.pose_batch([tmp_path / name for name in names], boxes)
    for face, wanted in zip(found, posed.projection, strict=True):
        np.testing.assert_array_equal(face.projection, wanted)
        assert face.image_wh_px == (4096, 4096)
    # Alone in its photo the large face is decoded at a fraction, together with the small one it is not.
    assert (found[0].projection != found[1].projection).any()
    # 1.2 px of a face of 740 px with the network of the package.
    np.testing.assert_allclose(found[0].landmarks_xy_px, found[1].landmarks_xy_px, atol=4)
    views = poser.views(tmp_path / "a.jpg", found[0], [0, 40])
    landmarks_mm, cameras = head_landmarks_mm(config), make_cameras(config)
    of_job = ViewRenderer(config.render, landmarks_mm, make_renderer(config), cameras)(posed).faces[0]
    for view, theirs in zip(views, of_job.views, strict=True):
        np.testing.assert_array_equal(view.image, decoded(theirs.encoded))


def test_a_view_hardly_depends_on_its_company(poser: FacePoser, photo) -> None:
    face = poser.pose(photo, FACE_XYWH_PX)
    together = {view.yaw_deg: view.image.astype(int) for view in poser.views(photo, face, [0, 40, 75])}
    for yaw_deg in (40, 0):
        (alone,) = poser.views(photo, face, [yaw_deg])
        # All views are projected in one product, whose float32 sums are added in another order than those of
        # one view: 13 of 150,528 levels differ by 1.
        assert np.abs(alone.image - together[yaw_deg]).max() <= 1


def test_the_upright_crop_is_that_of_a_job(poser: FacePoser, photo, cache_dir) -> None:
    config = job_config(cache_dir, **{"render.aligned_px": 112, "render.views_deg": [0]})
    (of_job,) = job_faces(photo, BOXES[:1], config)
    upright = poser.aligned(photo, poser.pose(photo, BOXES[0]))
    assert of_job.aligned is not None
    np.testing.assert_array_equal(upright.image, decoded(of_job.aligned))


def test_arrays_paths_and_both_orders_of_channels_are_the_same_photo(poser: FacePoser, photo) -> None:
    bgr = cv2.imread(str(photo))
    rgb = bgr[:, :, ::-1]
    wanted = poser.pose(photo, FACE_XYWH_PX)
    assert poser.pose(str(photo), FACE_XYWH_PX).as_dict() == wanted.as_dict()
    assert poser.pose(bgr, FACE_XYWH_PX).as_dict() == wanted.as_dict()
    assert poser.pose(rgb, FACE_XYWH_PX, channels="RGB").as_dict() == wanted.as_dict()
    assert poser.pose(rgb, FACE_XYWH_PX).as_dict() != wanted.as_dict()
    (view,), (of_rgb,) = poser.views(bgr, wanted, [40]), poser.views(rgb, wanted, [40], channels="RGB")
    np.testing.assert_array_equal(view.image, of_rgb.image)


def test_a_face_that_looks_to_the_right_is_mirrored(poser: FacePoser) -> None:
    """Views of a face with negative yaw are those of its mirror image, which has a positive one."""
    image = portrait()
    straight = poser.pose(image, FACE_XYWH_PX).as_dict() | {"yaw_deg": -1.0}
    flip = np.array([[-1, 0, image.shape[1] - 1], [0, 1, 0], [0, 0, 1]])
    projection = flip @ np.array(straight["projection"]) @ np.diag([-1, 1, 1, 1])
    box = (image.shape[1] - X - WIDTH, *FACE_XYWH_PX[1:])
    mirrored = straight | {"yaw_deg": 1.0, "projection": projection, "box_xywh_px": box}
    (one,) = poser.views(image, Face.from_row(straight), [40])
    (other,) = poser.views(np.ascontiguousarray(image[:, ::-1]), Face.from_row(mirrored), [40])
    assert (one.mirrored, other.mirrored) == (True, False)
    # Positions are rounded to single precision on other sides of a pixel in the mirrored photo.
    assert np.abs(one.image.astype(int) - other.image).mean() < 0.5


def test_a_batch_has_a_reject_where_a_job_has_one(poser: FacePoser, tmp_path) -> None:
    cases = write_cases(tmp_path)
    photos = [
        case.image if not case.image or "://" in case.image else str(tmp_path / case.image) for case in cases
    ]
    found = poser.pose_batch(photos, [case.box for case in cases])
    reasons = [face.reason if isinstance(face, Rejected) else None for face in found]
    assert dict(zip([case.name for case in cases], reasons, strict=True)) == {
        case.name: case.reason for case in cases
    }


def test_batches_of_the_network_change_nothing_but_last_bits(poser: FacePoser, photo, cache_dir) -> None:
    small = FacePoser(device="cpu", batch_size=2, cache_dir=cache_dir)
    boxes = [*BOXES, (-900.0, 0.0, 10.0, 10.0), *BOXES]
    ones, twos = poser.pose_batch(photo, boxes), small.pose_batch(photo, boxes)
    for one, two in zip(ones, twos, strict=True):
        if isinstance(one, Rejected):
            assert one == two
            assert one.reason == "box_outside_image"
        else:
            np.testing.assert_allclose(one.tvec_mm, two.tvec_mm, rtol=1e-4)


def test_a_generator_of_photos_is_read_one_by_one(poser: FacePoser, photo) -> None:
    taken = []

    def photos():
        for i in range(3):
            taken.append(i)
            yield portrait()

    assert len(poser.pose_batch(photos(), BOXES)) == 3
    assert taken == [0, 1, 2]
    assert poser.pose_batch([], []) == []
    assert poser.pose_batch(photo, np.zeros((0, 4))) == []


def test_mirror_averaging_moves_a_pose_a_little(poser: FacePoser, photo, cache_dir) -> None:
    averaged = FacePoser(device="cpu", average_mirrored=True, cache_dir=cache_dir)
    plain, steadier = (
        ypr_deg_to_matrix(np.array([[face.yaw_deg, face.pitch_deg, face.roll_deg]]))
        for face in (poser.pose(photo, FACE_XYWH_PX), averaged.pose(photo, FACE_XYWH_PX))
    )
    assert 0.01 < geodesic_deg(plain, steadier)[0] < 10


def test_another_head_gives_other_landmarks_and_views_for_the_same_pose(
    poser: FacePoser, photo, cache_dir
) -> None:
    other = FacePoser(device="cpu", head="open-03", cache_dir=cache_dir)
    ours, theirs = poser.pose(photo, FACE_XYWH_PX), other.pose(photo, FACE_XYWH_PX)
    np.testing.assert_array_equal(ours.projection, theirs.projection)
    assert np.abs(ours.landmarks_xy_px - theirs.landmarks_xy_px).max() > 1
    (one,), (two,) = poser.views(photo, ours, [40]), other.views(photo, theirs, [40])
    assert (one.image != two.image).any()


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda p, photo: p.pose(photo, [1, 2, 3]), "expected four numbers"),
        (lambda p, photo: p.pose(photo, "a box"), "expected four numbers"),
        (lambda p, photo: p.pose_batch(photo, [1, 2, 3, 4]), "expected rows of"),
        (lambda p, photo: p.pose(photo, BOXES), "expected four numbers"),
        (lambda p, photo: p.pose(portrait()[..., 0], FACE_XYWH_PX), r"uint8 \(512, 512\): expected"),
        (lambda p, photo: p.pose(portrait() / 255, FACE_XYWH_PX), "float64"),
        (lambda p, photo: p.pose(None, FACE_XYWH_PX), "NoneType"),
        (lambda p, photo: p.pose(photo, FACE_XYWH_PX, channels="GRB"), "'BGR'"),
        (lambda p, photo: p.pose_batch([photo], BOXES), "1 photos for 3 boxes"),
        (lambda p, photo: p.pose_batch([photo] * 4, BOXES), "more than 3 photos for 3 boxes"),
        (lambda p, photo: p.views(photo, p.pose(photo, FACE_XYWH_PX), []), "one or more"),
        (lambda p, photo: p.views(photo, p.pose(photo, FACE_XYWH_PX), [float("nan")]), "finite"),
        (lambda p, photo: p.views(photo, p.pose(photo, FACE_XYWH_PX), [0], size_px=0), "positive"),
        (lambda p, photo: p.pose_batch(7, BOXES), "photos is a int"),
        (lambda p, photo: p.views(portrait()[:99], p.pose(photo, FACE_XYWH_PX)), "512 x 99 px"),
        (lambda p, photo: FacePoser(batch_size=0), "1 or more"),
        (lambda p, photo: p.views(photo, p.pose(photo, FACE_XYWH_PX), 40), r"40: expected .*\[0, 40\]"),
        (lambda p, photo: p.views(photo, p.pose(photo, FACE_XYWH_PX), "40"), "'40': expected yaws"),
        (lambda p, photo: p.views(photo, p.pose(photo, FACE_XYWH_PX), [[0, 40]]), "expected yaws"),
        (lambda p, photo: p.views(photo, Rejected("timeout", "it hung")), "face is a Rejected"),
        (lambda p, photo: p.aligned(photo, None), "face is a NoneType"),
    ],
)
def test_arguments_that_are_none_say_what_was_expected(poser: FacePoser, photo, give, message) -> None:
    with pytest.raises(InputError, match=message):
        give(poser, photo)


def test_one_face_without_a_pose_raises_with_the_code_of_its_reject(poser: FacePoser, photo) -> None:
    with pytest.raises(FaceRejectedError, match="no pixel") as of_box:
        poser.pose(photo, (600, 600, 50, 50))
    assert of_box.value.reason == "box_outside_image"
    with pytest.raises(FaceRejectedError, match="no image") as of_photo:
        poser.pose(photo.with_name("absent.jpg"), FACE_XYWH_PX)
    assert of_photo.value.reason == "image_missing"
    with pytest.raises(FaceRejectedError, match="not a regular file") as of_folder:
        poser.pose(photo.parent, FACE_XYWH_PX)
    assert of_folder.value.reason == "image_unreadable"
    face = poser.pose(photo, FACE_XYWH_PX)
    with pytest.raises(FaceRejectedError) as of_views:
        poser.views(photo.with_name("absent.jpg"), face)
    assert of_views.value.reason == "image_missing"


def test_a_face_beside_its_photo_has_no_views(poser: FacePoser, photo) -> None:
    values = poser.pose(photo, FACE_XYWH_PX).as_dict()
    values["projection"][0] = [1e4 * number for number in values["projection"][0]]
    with pytest.raises(FaceRejectedError) as rejected:
        poser.views(photo, Face.from_row(values), [0])
    assert rejected.value.reason == "render_no_face_pixels"


def test_a_head_behind_the_camera_has_no_upright_crop(poser: FacePoser, photo) -> None:
    values = poser.pose(photo, FACE_XYWH_PX).as_dict()
    values["projection"][2][3] = 10.0
    with pytest.raises(FaceRejectedError) as rejected:
        poser.aligned(photo, Face.from_row(values))
    assert rejected.value.reason == "pose_behind_camera"


def test_models_and_heads_that_are_not_there(tmp_path) -> None:
    with pytest.raises(ModelFileError):
        FacePoser(model=tmp_path / "absent.onnx")
    with pytest.raises(HeadError):
        FacePoser(head="absent")


def test_the_functions_share_one_poser(photo, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # where prepared views are kept
    faceposenet.default_poser.cache_clear()  # another test's
    face = faceposenet.pose(photo, FACE_XYWH_PX)
    assert faceposenet.default_poser() is faceposenet.default_poser()
    (again,) = faceposenet.pose_batch([photo], [FACE_XYWH_PX])
    assert again.as_dict() == face.as_dict()
    (view,) = faceposenet.views(photo, face, [22], size_px=64)
    assert view.image.shape == (64, 64, 3)
    assert faceposenet.aligned(photo, face).image.shape == (112, 112, 3)
    assert list((tmp_path / ".cache" / "faceposenet").iterdir())


def test_the_default_head_is_the_mean_head_of_the_package() -> None:
    assert defaults.HEAD == DEFAULT_HEAD
