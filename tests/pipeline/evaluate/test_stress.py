import cv2
import numpy as np
import pytest

from fpn_core import PoseBatch, crop_windows, extract_crop, geodesic_deg, ypr_deg_to_matrix
from pipeline.evaluate import Dataset, DatasetError, Sample, stress, stress_table
from pipeline.evaluate.stress import HIDDEN_SIDE, SMALL_FACE_PX

from .faces import SIZE_PX, SPEC, TVEC_MM

BOX = np.array([60.0, 80, 120, 100])
TILTED = ypr_deg_to_matrix(np.array([[0.0, 0, 12]]))[0]


@pytest.fixture
def dataset(tmp_path):
    """A photo in which a white bar, 12 degrees from upright, stands for the head."""
    photo = np.full((SIZE_PX, SIZE_PX, 3), 40, np.uint8)
    centre = (int(BOX[0] + BOX[2] / 2), int(BOX[1] + BOX[3] / 2))
    bar = cv2.boxPoints((centre, (30.0, 110.0), 12.0)).astype(np.int32)
    cv2.fillConvexPoly(photo, bar, (255, 255, 255))
    # One end has a mark, so that up and down differ.
    top = (bar[np.argsort(bar[:, 1])[:2]].mean(axis=0)).astype(int)
    cv2.circle(photo, tuple(top.tolist()), 14, (255, 0, 0), -1)
    cv2.imwrite(str(tmp_path / "bar.png"), photo)
    return Dataset("made up", (Sample("bar", tmp_path / "bar.png", BOX, TILTED, None),))


class BarReader:
    """Stands for a network: reads the roll of the bar from its pixels."""

    spec, sha256 = SPEC, "0" * 64

    def __init__(self):
        self.crops = []

    def __call__(self, crops, batch_size):
        self.crops += list(crops)
        rotation = np.concatenate([self._read(crop.astype(float)) for crop in crops])
        return PoseBatch(rotation, np.repeat(TVEC_MM[None], len(crops), axis=0))

    @staticmethod
    def _read(crop):
        blue = np.clip(crop[:, :, 0] - crop[:, :, 2], 0, None)
        bright = crop.max(axis=2) - 40
        y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
        mark = [(axis * blue).sum() / max(blue.sum(), 1e-9) for axis in (x, y)]
        body = [(axis * bright).sum() / max(bright.sum(), 1e-9) for axis in (x, y)]
        roll = np.rad2deg(np.arctan2(mark[0] - body[0], body[1] - mark[1]))
        return ypr_deg_to_matrix(np.array([[0.0, 0, roll]]))


@pytest.fixture
def found(dataset, monkeypatch):
    monkeypatch.setattr(BarReader, "spec", SPEC.__class__(**{**SPEC.__dict__, "size_px": 96}))
    return stress(dataset, BarReader())


def test_the_bar_is_read_as_it_lies(found):
    assert found.plain_deg < 3
    assert found.faces == 1


@pytest.mark.parametrize("condition", ["turned 90", "turned 180", "turned 270"])
def test_the_label_turns_with_the_photo(found, condition):
    assert found.conditions[condition].error_deg < 4


def test_a_small_face_is_the_same_face(found):
    assert found.conditions[f"{SMALL_FACE_PX} px"].error_deg < 8


def test_growth_is_against_the_face_as_it_is(found):
    for condition in found.conditions.values():
        assert condition.growth_deg == pytest.approx(condition.error_deg - found.plain_deg)


def test_a_covered_quarter_changes_what_is_read(found):
    assert found.conditions["quarter hidden"].error_deg > found.plain_deg + 5


def test_other_boxes_move_this_reading_little_and_a_fixed_answer_not_at_all(dataset, found):
    assert 0 < found.jitter_deg < 5

    class Fixed:
        spec, sha256 = SPEC, "0" * 64

        def __call__(self, crops, batch_size):
            tvec = np.repeat(TVEC_MM[None], len(crops), axis=0)
            return PoseBatch(np.repeat(TILTED[None], len(crops), axis=0), tvec)

    assert stress(dataset, Fixed()).jitter_deg < 1e-3


def test_a_quarter_of_the_box_is_grey(dataset, monkeypatch):
    monkeypatch.setattr(BarReader, "spec", SPEC.__class__(**{**SPEC.__dict__, "size_px": 180}))
    reader = BarReader()
    stress(dataset, reader)
    window = crop_windows(BOX[None], SPEC.crop_expand)[0]
    plain = extract_crop(cv2.imread(str(dataset.samples[0].image)), window, 180, "area")
    shares = [(np.abs(crop.astype(int) - 128).max(axis=2) == 0).mean() for crop in reader.crops]
    assert (np.abs(plain.astype(int) - 128).max(axis=2) == 0).mean() < 0.01
    # The box is 1 / 1.5 of the window's side.
    wanted = (HIDDEN_SIDE / 1.5) ** 2
    assert sum(abs(share - wanted) < 0.01 for share in shares) == 4


def test_the_table_names_every_condition(found):
    text = stress_table(found)
    assert all(name in text for name in (*found.conditions, "as they are", "40 random boxes"))


def test_faces_without_rotation_cannot_be_stressed(dataset):
    sample = dataset.samples[0]
    unlabelled = Dataset("made up", (Sample("bar", sample.image, BOX, None, np.zeros((68, 2))),))
    with pytest.raises(DatasetError, match="labelled rotation"):
        stress(unlabelled, BarReader())


def test_the_reader_of_this_test_can_be_wrong():
    assert geodesic_deg(BarReader._read(np.full((20, 20, 3), 40.0)), TILTED[None])[0] > 5


def test_faces_that_a_job_rejects_are_left_out(dataset, found, tmp_path, monkeypatch):
    good = dataset.samples[0]
    bad = [
        Sample("outside", good.image, np.array([900.0, 9, 90, 90]), TILTED, None),
        Sample("huge", good.image, np.array([0.0, 0, 9000, 9000]), TILTED, None),
        Sample("gone", tmp_path / "gone.png", BOX, TILTED, None),
    ]
    again = stress(Dataset("made up", (*bad, good)), BarReader())
    assert (again.faces, again.plain_deg) == (1, found.plain_deg)


def test_a_box_that_only_jitter_makes_too_large_ends_nothing(dataset):
    side = SIZE_PX * 1.98  # expanded by half, just below three sides of the photo
    corner = (SIZE_PX - side) / 2
    face = Sample("large", dataset.samples[0].image, np.array([corner, corner, side, side]), TILTED, None)
    assert np.isfinite(stress(Dataset("made up", (face,)), BarReader()).jitter_deg)
