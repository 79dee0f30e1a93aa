import pytest

from faceposenet.photo.byte_ranges import split_spans, with_spans


@pytest.mark.parametrize(
    ("location", "file", "spans"),
    [
        ("a/b.jpg", "a/b.jpg", ()),
        ("train.rec#bytes=12+34", "train.rec", ((12, 34),)),
        ("train.rec#bytes=0+1,5+4,10+0", "train.rec", ((0, 1), (5, 4), (10, 0))),
        ("s3://b/t.rec#bytes=1+2?region=x", "s3://b/t.rec?region=x", ((1, 2),)),
        ("odd?name#bytes=1+2", "odd?name", ((1, 2),)),
        ("a#bytes=1+2#bytes=3+4", "a#bytes=1+2", ((3, 4),)),
        *[
            (name, name, ())
            for name in ("a#bytes=", "a#bytes=1", "a#bytes=1+2.jpg", "a#bytes=-1+2", "a#b=1+2")
        ],
        ("a#bytes=1+2\n", "a#bytes=1+2\n", ()),
        ("a#bytes=\u0661+2", "a#bytes=\u0661+2", ()),
    ],
)
def test_spans_of_a_location(location: str, file: str, spans: tuple) -> None:
    assert split_spans(location) == (file, spans)


def test_there_and_back() -> None:
    assert split_spans(with_spans("a#b.tar", [(1, 2), (3, 4)])) == ("a#b.tar", ((1, 2), (3, 4)))
