import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.export.names import safe_name


@pytest.mark.parametrize("text", ["n000123", "Anna.B_2-x", "a" * 80, "x.y", "0"])
def test_names_that_are_safe_stay(text: str) -> None:
    assert safe_name(text) == text


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("../../etc/passwd", "_.._etc_passwd~"),
        ("a/b", "a_b~"),
        ("", "~"),
        (".", "~"),
        ("..", "~"),
        (".hidden", "hidden~"),
        ("-rf", "rf~"),
        ("émile\n", "_mile_~"),
        ("con", "con~"),
        ("NUL.txt", "NUL.txt~"),
        ("ends.", "ends~"),
        ("a" * 81, "a" * 80 + "~"),
        ("a_b~0123456789ab", "a_b_0123456789ab~"),
    ],
)
def test_others_are_named_after_what_is_left_of_them(text: str, begin: str) -> None:
    name = safe_name(text)
    assert name.startswith(begin)
    assert len(name) == len(begin) + 12


@given(st.text(), st.text())
def test_two_texts_have_two_names_without_a_way_out(a: str, b: str) -> None:
    assert (safe_name(a) == safe_name(b)) == (a == b)
    assert not set(safe_name(a)) & set('/\\:*?"<>|\n\0')
    assert safe_name(a) not in ("", ".", "..")
    folded = {safe_name(text, folds_case=True).lower() for text in (a, b)}
    assert len(folded) == len({a, b})


def test_case_counts_where_the_file_system_folds_it() -> None:
    assert safe_name("Anna", folds_case=True).startswith("Anna~")
    assert safe_name("anna", folds_case=True) == "anna"
