import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faceposenet.known_detectors import YUNET, KnownDetector
from pipeline.errors import StorageError
from pipeline.fetch import WrongFileError, fetch_detector
from tests.conftest import ReferenceData

CONTENT = b"as good as a detector"


@pytest.fixture
def detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownDetector:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    digest = hashlib.sha256(CONTENT).hexdigest()
    return replace(YUNET, url="http://127.0.0.1:9/none", sha256=digest, size_bytes=len(CONTENT))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "right.onnx").write_bytes(CONTENT)
    (folder / "long.onnx").write_bytes(CONTENT + b"!")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


def test_it_is_fetched_from_where_it_is_published_and_kept(detector: KnownDetector, server: str) -> None:
    published = replace(detector, url=f"{server}/right.onnx")
    assert fetch_detector(published) == published.path
    assert published.path.read_bytes() == CONTENT
    assert [path.name for path in published.path.parent.iterdir()] == [published.file]
    # Once it is there nothing is asked for: this address does not answer.
    assert fetch_detector(detector) == published.path


@pytest.mark.parametrize("content", [CONTENT + b"!", CONTENT[:-1], b""])
def test_another_file_is_refused_and_nothing_written(
    detector: KnownDetector, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(WrongFileError, match="expected 21 bytes with the SHA-256"):
        fetch_detector(detector, str(tmp_path / "other.onnx"))
    assert not detector.path.exists()


def test_a_longer_file_of_a_server_is_refused(detector: KnownDetector, server: str) -> None:
    with pytest.raises(WrongFileError):
        fetch_detector(detector, f"{server}/long.onnx")


def test_without_the_file_the_way_without_a_network_is_said(detector: KnownDetector, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"without a network, download .* --from face_detection"):
        fetch_detector(detector, str(tmp_path / "none.onnx"))


def test_the_known_file_is_the_one_of_the_tests(reference: ReferenceData) -> None:
    data = reference.path(f"detector/{YUNET.file}").read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (YUNET.sha256, YUNET.size_bytes)
