import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.settings import ImageSettings, ManifestSettings
from pipeline.errors import ManifestError, StorageError, StorageUnavailableError
from pipeline.io import backoff
from pipeline.io.storage import join, read_file, resolve
from pipeline.io.web import encoded_url, web_info
from pipeline.manifest import open_manifest
from tests.web_server import Answer, WebServer, web_server

WHOLE = Answer(body=bytes(range(256)) * 40)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server({"/a.jpg": [WHOLE]}) as state:
        yield state


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which are not waited for."""
    pauses: list[float] = []
    again = backoff.patiently

    def at_once(action, sleep=pauses.append):
        return again(action, sleep)

    for module in ("web", "storage", "fsspec_files"):
        monkeypatch.setattr(f"pipeline.io.{module}.patiently", at_once)
    return pauses


def test_a_photo_is_one_request(server: WebServer) -> None:
    assert read_file(f"{server.address}/a.jpg", 10**6) == WHOLE.body
    assert server.asked == {"/a.jpg": 1}
    assert read_file(f"{server.address}/a.jpg", 100) == WHOLE.body[:101]
    assert read_file(f"{server.address}/a.jpg#bytes=3+4,10+2") == bytes([3, 4, 5, 6, 10, 11])


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a.jpg?X-Amz-Signature=b%2Fc&x=1", "/a.jpg?X-Amz-Signature=b%2Fc&x=1"),
        ("a b#1.jpg", "/a%20b%231.jpg"),
        ("100%.jpg", "/100%25.jpg"),
        ("é.jpg", "/%C3%A9.jpg"),
        ("a(2)~!.jpg", "/a(2)~!.jpg"),
    ],
)
def test_every_character_of_a_name_reaches_the_server(server: WebServer, name: str, sent: str) -> None:
    server.scripts[sent] = [Answer(body=b"found")]
    assert read_file(join(server.address, name)) == b"found"
    assert encoded_url(f"http://h/{name}") == f"http://h{sent}"


def test_the_query_of_a_folder_goes_with_every_file_in_it(server: WebServer) -> None:
    server.scripts["/photos/a.jpg?sig=x"] = [Answer(body=b"found")]
    assert read_file(join(f"{server.address}/photos?sig=x", "a.jpg")) == b"found"


@pytest.mark.parametrize(
    "fault",
    [
        Answer(503),
        Answer(429),
        Answer(502),
        Answer(500),
        Answer(reset=True),
        Answer(body=b"x" * 99, cut_at=9),
    ],
    ids=["503", "429", "502", "500", "reset", "cut"],
)
def test_a_fault_that_passes_is_tried_again(server: WebServer, fault: Answer) -> None:
    server.scripts["/b.jpg"] = [fault, fault, WHOLE]
    assert read_file(f"{server.address}/b.jpg") == WHOLE.body
    assert server.asked["/b.jpg"] == 3


def test_the_server_says_how_long_to_wait(server: WebServer, pauses: list[float]) -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    waits = [Answer(429, headers={"Retry-After": wait}) for wait in ("7", date, "99999", "soon")]
    server.scripts["/b.jpg"] = [*waits, WHOLE]
    assert read_file(f"{server.address}/b.jpg") == WHOLE.body
    assert pauses[0] == 7
    assert 50 < pauses[1] <= 60
    assert pauses[2] == 120
    assert pauses[3] < 2


def test_a_server_that_stays_busy_is_nobodys_fault(server: WebServer) -> None:
    server.scripts["/b.jpg"] = [Answer(503)]
    with pytest.raises(StorageUnavailableError, match=r"storage failed 7 times.*503 Service Unavailable"):
        read_file(f"{server.address}/b.jpg")
    with pytest.raises(StorageUnavailableError, match="no connection to"):
        read_file("http://127.0.0.1:9/a.jpg")


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer(404), FileNotFoundError, "b.jpg"),
        (Answer(410), FileNotFoundError, "b.jpg"),
        (Answer(403), PermissionError, "the server answers 403 Forbidden"),
        (Answer(401), PermissionError, "the server answers 401"),
        (Answer(500), OSError, "the server answers 500"),
        (Answer(400), OSError, "the server answers 400"),
        (Answer(body=b"x" * 99, cut_at=9), OSError, "broke off after"),
        (Answer(302, headers={"Location": "/b.jpg"}), OSError, "too many redirects"),
    ],
    ids=["404", "410", "403", "401", "500", "400", "cut", "circle"],
)
def test_a_file_that_is_not_given_says_why(
    server: WebServer, answer: Answer, kind: type[OSError], said: str
) -> None:
    server.scripts["/b.jpg"] = [answer]
    with pytest.raises(kind, match=said) as raised:
        read_file(f"{server.address}/b.jpg")
    assert (kind is FileNotFoundError) == isinstance(raised.value, FileNotFoundError)
    assert "\n" not in str(raised.value)


def test_secrets_of_urls_are_not_in_errors(server: WebServer) -> None:
    server.scripts["/b.jpg?sig=secret"] = [Answer(403)]
    with pytest.raises(PermissionError) as raised:
        read_file(f"{server.address}/b.jpg?sig=secret".replace("http://", "http://me:password@"))
    assert "secret" not in str(raised.value)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize("gives_parts", [True, False])
@pytest.mark.parametrize("head", [None, 405])
def test_manifests_are_read_from_any_server(
    server: WebServer, tmp_path: Path, gives_parts: bool, head: int | None
) -> None:
    sides = {name: pa.array([1.0, 2.0]) for name in ("x", "y", "width", "height")}
    pq.write_table(pa.table({"face_id": ["a", "b"], "image": ["1", "2"], **sides}), tmp_path / "f")
    files = {"/f.parquet": (tmp_path / "f").read_bytes(), "/f.csv": b"1.jpg,0,0,1,1\n2.jpg,0,0,1,1\n"}
    for path, body in files.items():
        server.scripts[path] = [Answer(body=body, gives_parts=gives_parts, head_status=head)]
        manifest = open_manifest(server.address + path, ManifestSettings())
        rows = [manifest.read(part) for part in manifest.slices(1)]
        assert len({face for piece in rows for face in piece.face_id}) == 2


def test_a_manifest_that_changes_is_noticed_by_its_tag(server: WebServer) -> None:
    body = b"1.jpg,0,0,1,1\n2.jpg,0,0,1,1\n"
    server.scripts["/f.csv"] = [Answer(body=body, headers={"ETag": '"1"'})]
    manifest = open_manifest(f"{server.address}/f.csv", ManifestSettings())
    server.scripts["/f.csv"] = [Answer(body=body, headers={"ETag": '"2"'})]
    with pytest.raises(ManifestError, match="has changed since the job opened it"):
        manifest.read(manifest.slices(2)[0])


def test_parts_of_files_need_a_server_that_gives_them(server: WebServer) -> None:
    server.scripts["/a.tar"] = [Answer(body=b"x" * 99, gives_parts=False)]
    with pytest.raises(StorageError, match="gives no parts of files"):
        read_file(f"{server.address}/a.tar#bytes=3+4", ImageSettings().max_bytes)


def test_what_is_written_or_listed_there_is_an_error_in_words(server: WebServer) -> None:
    filesystem, path = resolve(f"{server.address}/out")
    with pytest.raises(OSError, match="can only be read"):
        filesystem.open_output_stream(path)
    assert web_info(f"{server.address}/a.jpg").size == len(WHOLE.body)
