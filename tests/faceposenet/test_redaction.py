import pytest

from faceposenet.redaction import without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read 's3://key:secret@bucket/a b': denied", "cannot read 's3://bucket/a b': denied"),
        ("s3://bucket/a?secret_key=hidden&x=y is none", "s3://bucket/a is none"),
        ('"s3://k:s@b/c?d=e" and gs://u@v/w', '"s3://b/c" and gs://v/w'),
        ("mail a@b.c about /plain/path?x", "mail a@b.c about /plain/path?x"),
    ],
)
def test_texts_lose_the_secrets_of_their_uris(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
