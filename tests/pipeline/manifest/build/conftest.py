import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.config.settings import EngineSettings
from pipeline.engine.quarantine import NO_CARE, report_nothing
from pipeline.manifest.build import make
from pipeline.manifest.build.stage import make_finder
from tests.conftest import ReferenceData
from tests.photos import portrait


@pytest.fixture(scope="session")
def yunet(reference: ReferenceData) -> str:
    return str(reference.path("detector/face_detection_yunet_2023mar.onnx"))


@pytest.fixture(scope="session")
def face_jpeg() -> bytes:
    """The portrait with one face."""
    return bytes(cv2.imencode(".jpg", portrait())[1])


@pytest.fixture(scope="session")
def two_faces_jpeg() -> bytes:
    """A small face on the left, in the middle of the photo; a large one on the right."""
    photo = np.full((1000, 1800, 3), 90, np.uint8)
    photo[250:762, 680:1192] = portrait()
    photo[0:800, 1000:1800] = cv2.resize(portrait(), (800, 800))
    return bytes(cv2.imencode(".jpg", photo)[1])


@pytest.fixture(scope="session")
def blank_jpeg() -> bytes:
    """No face."""
    return bytes(cv2.imencode(".jpg", np.full((60, 80, 3), 90, np.uint8))[1])


class InProcess:
    """Works in this process, which starts at once, and counts what was not done before."""

    asked = 0

    @classmethod
    def find_faces(
        cls, setup: bytes, items: Iterator[tuple[int, dict]], out: str, settings: EngineSettings
    ) -> Iterator[dict]:
        find = make_finder(setup, report_nothing)
        for _, item in items:
            fields = json.loads(bytes(find(item, NO_CARE)["entry"]))
            cls.asked += not fields["resumed"]
            yield fields


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> type[InProcess]:
    """Builds without child processes."""
    InProcess.asked = 0
    monkeypatch.setattr(make, "find_faces", InProcess.find_faces)
    return InProcess


WriteTar = Callable[[Path, dict[str, bytes | dict]], None]


@pytest.fixture(scope="session")
def write_tar() -> WriteTar:
    def write(path: Path, members: dict[str, bytes | dict]) -> None:
        with tarfile.open(path, "w") as tar:
            for name, data in members.items():
                content = json.dumps(data).encode() if isinstance(data, dict) else data
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    return write
