"""A store of fsspec that fails in ways of its own."""

from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pipeline.errors import StorageUnavailableError
from pipeline.io import backoff
from pipeline.io.fsspec_files import FsspecFiles
from pipeline.io.storage import Folder, read_file, resolve


class OddError(Exception):
    """An error of a package, which is no OSError."""

    def __init__(self, status: int) -> None:
        super().__init__("a text\nof several lines\n" * 40)
        self.status_code = status


class OddStore(MemoryFileSystem):
    """Fails so often before it answers."""

    protocol = ("odd",)
    cachable = False
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    faults: ClassVar[list[Exception]] = []

    def info(self, path: str, **options: Any) -> dict:
        if self.faults:
            raise self.faults.pop()
        return super().info(path, **options)


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> type[OddStore]:
    monkeypatch.setattr(OddStore, "store", {})
    monkeypatch.setattr(OddStore, "pseudo_dirs", [""])
    monkeypatch.setattr(OddStore, "faults", [])
    fsspec.register_implementation("odd", OddStore, clobber=True)
    again = backoff.patiently
    for module in ("storage", "fsspec_files"):
        monkeypatch.setattr(
            f"pipeline.io.{module}.patiently", lambda action: again(action, lambda pause_s: None)
        )
    Folder("odd://a").write("1.jpg", b"photo")
    return OddStore


def test_a_fault_that_passes_is_tried_again(store: type[OddStore]) -> None:
    store.faults[:] = [OddError(503), OddError(429), ConnectionResetError("reset")]
    assert read_file("odd://a/1.jpg") == b"photo"


def test_a_store_that_stays_busy_has_not_lost_the_file(store: type[OddStore]) -> None:
    store.faults[:] = [OddError(503)] * 20
    with pytest.raises(StorageUnavailableError, match="storage failed 7 times, lastly: OddError: a text of"):
        read_file("odd://a/1.jpg")


@pytest.mark.parametrize("fault", [OddError(403), OddError(500), ValueError("odd"), KeyError("odd")])
def test_another_fault_is_an_error_in_a_line_and_not_a_missing_file(
    store: type[OddStore], fault: Exception
) -> None:
    store.faults[:] = [fault]
    with pytest.raises(OSError, match=type(fault).__name__) as raised:
        read_file("odd://a/1.jpg")
    assert not isinstance(raised.value, FileNotFoundError)
    assert len(str(raised.value)) < 600
    assert "\n" not in str(raised.value)


def test_a_connection_that_fails_is_tried_again_whatever_its_client_calls_it(store: type[OddStore]) -> None:
    class ConnectError(Exception):
        pass

    store.faults[:] = [ConnectError("no route")] * 3
    assert read_file("odd://a/1.jpg") == b"photo"
    store.faults[:] = [ConnectError("no route")] * 20
    with pytest.raises(StorageUnavailableError, match="ConnectError: no route"):
        read_file("odd://a/1.jpg")


def test_stores_that_arrow_opens_by_fsspec_are_no_exception() -> None:
    pytest.importorskip("huggingface_hub")
    filesystem, _ = resolve("hf://datasets/nobody/nothing/a.jpg")
    assert isinstance(filesystem.handler, FsspecFiles)


def test_what_is_not_there_is_not_there(store: type[OddStore]) -> None:
    with pytest.raises(FileNotFoundError):
        read_file("odd://a/2.jpg")
    assert Folder("odd://a").read("2.jpg") is None
    assert Folder("odd://nowhere").names() == []
