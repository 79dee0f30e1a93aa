import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from fpn_core import geodesic_deg, ypr_deg_to_matrix  # noqa: E402
from tests.training.faces import TVEC_MM, made_up_faces  # noqa: E402
from training.config import DataConfig, LoopConfig, NetworkConfig, TrainingConfig  # noqa: E402
from training.crops import LABELS, TrainingDataError, write_crops  # noqa: E402
from training.dataset import Batches, load_faces, split  # noqa: E402


@pytest.fixture(scope="module")
def config(crops_folder):
    return TrainingConfig(
        name="test",
        data=[DataConfig(folder=crops_folder, rotation="label")],
        network=NetworkConfig(size_px=32),
        loop=LoopConfig(steps=6, batch=4),
    )


@pytest.fixture(scope="module")
def faces(config):
    return load_faces(config.data)


def test_poses_from_landmarks_and_from_labels_agree_where_the_labels_are_exact(crops_folder, faces):
    for source in ("landmarks", "mean"):
        fitted = load_faces([DataConfig(folder=crops_folder, rotation=source)])
        assert geodesic_deg(fitted.rotation, faces.rotation).max() < 0.1
        np.testing.assert_allclose(fitted.tvec_mm, faces.tvec_mm, rtol=2e-3, atol=0.5)


def test_poses_are_fitted_with_points_measured_over_a_set(crops_folder, faces):
    # What is seen is our mean head itself, so that the points measured are its own.
    sets = [DataConfig(folder=crops_folder, rotation="landmarks", points_of=crops_folder)]
    assert geodesic_deg(load_faces(sets).rotation, faces.rotation).max() < 0.1


def test_points_along_the_jaw_need_not_count(faces, tmp_path):
    moved = list(made_up_faces(40))
    for face in moved:
        face.landmarks_px[:17] += [0.0, 6.0]
    write_crops(tmp_path, moved)
    errors = {
        contour: geodesic_deg(
            load_faces([DataConfig(folder=tmp_path, rotation="landmarks", contour=contour)]).rotation,
            faces.rotation,
        )
        for contour in (True, False)
    }
    assert np.median(errors[True]) > 3
    assert errors[False].max() < 0.1


def test_rotations_are_turned_into_the_frame_of_the_head(faces, tmp_path):
    """A table whose estimator has another idea of straight ahead, by 5 degrees of pitch."""
    turn = ypr_deg_to_matrix(np.array([[0.0, 5.0, 0.0]]))[0]
    moved = [face._replace(rotation=face.rotation @ turn) for face in made_up_faces(40)]
    # One of the forty that lies by 40 degrees counts as one, or as two where its pose is rare.
    off = ypr_deg_to_matrix(np.array([[40.0, 0, 0]]))[0]
    moved[7] = moved[7]._replace(rotation=moved[7].rotation @ off)
    write_crops(tmp_path, moved)
    for source, least_deg, most_deg in (("label", 4.9, 2.0), ("mean", 2.4, 1.0)):
        sets = [DataConfig(folder=tmp_path, rotation=source, head_frame=turned) for turned in (False, True)]
        as_told, in_frame = (np.delete(load_faces([one]).rotation, 7, axis=0) for one in sets)
        right = np.delete(faces.rotation, 7, axis=0)
        assert geodesic_deg(as_told, right).min() > least_deg
        assert geodesic_deg(in_frame, right).max() < most_deg


def test_sets_have_their_shares(crops_folder):
    both = load_faces([DataConfig(folder=crops_folder, share=1), DataConfig(folder=crops_folder, share=3)])
    assert both.weight[40:].sum() == pytest.approx(3 * both.weight[:40].sum())


def with_spread(folder, spread_deg):
    write_crops(folder, made_up_faces(len(spread_deg)))
    table = pq.read_table(folder / LABELS).append_column("rotation_spread_deg", pa.array(spread_deg))
    pq.write_table(table, folder / LABELS)
    return folder


def test_faces_on_which_estimators_disagree_are_left_out_or_drawn_less_often(tmp_path):
    folder = with_spread(tmp_path, [0.0, 3.0, 6.0, 12.0, None])
    kept = load_faces([DataConfig(folder=folder, rotation="label", largest_spread_deg=6)])
    # A face without a spread has one estimator, which nothing speaks against.
    assert kept.crops.ids.tolist() == ["face000", "face001", "face002", "face004"]
    plain = load_faces([DataConfig(folder=folder, rotation="label")])
    halved = load_faces([DataConfig(folder=folder, rotation="label", halved_by_spread_deg=6)])
    ratio = halved.weight / plain.weight
    np.testing.assert_allclose(ratio / ratio[0], [1, 0.8, 0.5, 0.2, 1])


def test_a_set_of_which_nothing_is_left_is_an_error(tmp_path):
    folder = with_spread(tmp_path, [5.0, 7.0])
    with pytest.raises(TrainingDataError, match="no face with a pose that can be used"):
        load_faces([DataConfig(folder=folder, rotation="label", largest_spread_deg=4)])


def test_half_a_face_is_placed_by_the_points_that_are_known(tmp_path):
    faces = list(made_up_faces(3))
    for face in faces:
        face.landmarks_px[10:40] = np.nan
    write_crops(tmp_path, faces)
    found = load_faces([DataConfig(folder=tmp_path, rotation="label")])
    np.testing.assert_allclose(found.tvec_mm, np.tile(TVEC_MM, (3, 1)), rtol=1e-3, atol=0.1)


def test_a_group_is_held_out_together(faces):
    named = faces[np.arange(len(faces))]
    named.crops.groups[:] = [f"person {number // 4}" for number in range(len(faces))]
    trained, watched = split(named, 0.3)
    assert not set(trained.crops.groups) & set(watched.crops.groups)
    assert 0 < len(watched) < len(faces)


def test_a_stream_that_goes_on_gives_what_it_would_have_given(faces, config):
    whole = list(Batches(faces, config, 0))
    assert len(whole) == 6
    for one, other in zip(whole[2:], Batches(faces, config, 2), strict=True):
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["rotation"], other["rotation"])


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on a single core
def test_workers_change_nothing(faces, config):
    loader = torch.utils.data.DataLoader(Batches(faces, config, 1), batch_size=None, num_workers=2)
    for one, other in zip(Batches(faces, config, 1), loader, strict=True):
        assert torch.equal(one["image"], other["image"])


def test_pairs_are_one_face_changed_in_two_ways(faces, config):
    paired = config.model_copy(update={"loop": config.loop.model_copy(update={"pairs": True})})
    for batch in Batches(faces, paired, 0):
        assert len(batch["image"]) == config.loop.batch
        for row in range(0, config.loop.batch, 2):
            assert not torch.equal(batch["image"][row], batch["image"][row + 1])
            # The angle of the head's axis to the line of sight survives a mirror and a roll, and a shift of
            # the box but for about two degrees.
            tilt = torch.rad2deg(torch.acos(batch["rotation"][row : row + 2, 2, 2]))
            assert abs(float(tilt[0] - tilt[1])) < 6
