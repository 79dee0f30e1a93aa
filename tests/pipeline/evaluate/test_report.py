"""The table and the picture of an evaluation."""

import numpy as np
import pytest

from fpn_core import ypr_deg_to_matrix
from pipeline.evaluate import Dataset, Sample, evaluate, plot, table

from .faces import BOX, Oracle, landmarks, write_photo

ROTATIONS = {
    20: ypr_deg_to_matrix(np.array([[5.0, 0, 0]]))[0],
    90: ypr_deg_to_matrix(np.array([[50.0, 0, 0]]))[0],
}


@pytest.fixture(params=[True, False], ids=["posed", "landmarks only"])
def evaluation(request, tmp_path):
    samples = []
    for shade, rotation in ROTATIONS.items():
        write_photo(tmp_path / f"{shade}.png", shade)
        truth = rotation if request.param else None
        samples.append(Sample(str(shade), tmp_path / f"{shade}.png", BOX, truth, landmarks(rotation)))
    turn = ypr_deg_to_matrix(np.array([[0.0, 0, 6]]))[0]
    oracle = Oracle({shade: turn @ rotation for shade, rotation in ROTATIONS.items()})
    return evaluate(Dataset("made up", tuple(samples), {"blurred": 3}), "faces", oracle)


def test_table_has_a_row_for_every_bin_with_aligned_columns(evaluation):
    lines = table(evaluation).splitlines()
    assert lines[0] == "oracle on faces (made up)"
    assert [line.split()[0] for line in lines[1:6]] == ["|yaw|", "0-30", "30-60", ">30", "all"]
    assert len({len(line) for line in lines[1:6]}) == 1
    # Every number stands by itself, 100.00 too.
    assert len({len(line.split()) for line in lines[1:6]}) == 1
    assert ("6.00" in lines[5].split()) == (evaluation.all.mae_deg is not None)
    assert any(line.startswith("95 % intervals, all, 2 people drawn again: ") for line in lines)
    assert lines[-1] == "not counted: 3 x blurred"


def test_picture_shows_bars_and_a_curve(evaluation):
    picture = plot(evaluation)
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    blue = (picture == [180, 119, 31]).all(axis=2)
    half = picture.shape[1] // 2
    assert blue[:, :half].sum() > 100, "no bar"
    assert blue[:, half:].sum() > 20, "no curve"
