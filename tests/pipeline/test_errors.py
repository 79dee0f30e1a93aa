import pickle

from pipeline.errors import ManifestError, PipelineError


def test_errors_survive_the_way_between_processes() -> None:
    again = pickle.loads(pickle.dumps(ManifestError("found s3://k:s@b/c")))
    assert type(again) is ManifestError
    assert str(again) == "found s3://b/c"
    assert isinstance(again, PipelineError)


def test_errors_lose_the_secrets_of_their_uris() -> None:
    assert str(ManifestError("cannot read s3://key:secret@bucket/a?b=c")) == "cannot read s3://bucket/a"
