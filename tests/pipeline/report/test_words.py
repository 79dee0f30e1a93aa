import pytest

from pipeline.reasons import Reason
from pipeline.report.words import REASONS, duration, moment, percent, rate, signed


def test_every_reason_is_explained() -> None:
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 1_000_000, "0.01 %"),
        (999_999, 1_000_000, "99.99 %"),
        (25, 200, "12.5 %"),
        (0, 0, "0 %"),
    ],
)
def test_a_share_is_none_or_all_only_where_it_is(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.21, "3.2 s"), (59.0, "59 s"), (61, "1 min 01 s"), (7260, "2 h 01 min"), (180_000, "2 d 2 h")],
)
def test_times_have_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_in_words() -> None:
    assert signed(-3.14159) == "\N{MINUS SIGN}3.1"
    assert (signed(0.04), signed(-0.04), signed(0.06)) == ("0.0", "0.0", "+0.1")
    assert moment(1_700_000_000) == "2023-11-14 22:13 UTC"
    assert (rate(1234.5), rate(3.14159)) == ("1,234", "3.14")
