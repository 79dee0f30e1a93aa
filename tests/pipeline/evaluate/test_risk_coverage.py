import numpy as np
import pytest

from pipeline.evaluate.risk_coverage import doubt_lines, doubt_of

ERRORS = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 11, 30])
UNKNOWN = np.full(10, np.nan)


def test_confidence_that_knows_the_errors_names_the_worst_first():
    doubt = doubt_of(-ERRORS, ERRORS, UNKNOWN)
    assert (doubt.unit, doubt.gross) == ("degrees", 2)
    assert doubt.gross_least_sure_percent == 50  # one of ten faces can hold one of two errors
    assert doubt.mean_error_of_surest["100"] == pytest.approx(ERRORS.mean())
    assert doubt.mean_error_of_surest["90"] == pytest.approx(ERRORS[:9].mean())
    assert doubt.mean_error_of_surest["50"] == pytest.approx(3)


def test_confidence_that_has_it_backwards_shows():
    doubt = doubt_of(ERRORS, ERRORS, UNKNOWN)
    assert doubt.gross_least_sure_percent == 0
    assert doubt.mean_error_of_surest["50"] > ERRORS.mean()


def test_without_rotations_landmarks_count():
    doubt = doubt_of(-ERRORS, UNKNOWN, ERRORS / 100)
    assert doubt.unit == "% of the eyes' distance"
    assert doubt.gross == 2


def test_without_gross_errors_there_is_no_share():
    doubt = doubt_of(-ERRORS[:5], ERRORS[:5], UNKNOWN[:5])
    assert doubt.gross_least_sure_percent is None
    assert len(doubt_lines(doubt)) == 1


def test_without_labels_or_confidence_there_is_nothing_to_say():
    assert doubt_of(-ERRORS, UNKNOWN, UNKNOWN) is None
    assert doubt_of(UNKNOWN, ERRORS, UNKNOWN) is None


def test_lines_say_where_the_gross_errors_are():
    text = "\n".join(doubt_lines(doubt_of(-ERRORS, ERRORS, UNKNOWN)))
    assert "errors above 10 degrees: 2, of which 50 %" in text
