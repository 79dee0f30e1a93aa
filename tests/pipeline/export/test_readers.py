"""Exports read with what people read such files with, and with none of our code."""

import gc
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import datasets
import duckdb
import numpy as np
import pandas as pd
import pytest
import webdataset as wds

from pipeline.export.export import ExportSettings, Form, export_views
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import SUBJECTS, colour_of

# Both `webdataset` and `datasets` leave files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

LABELS = {None: -1, "../anna": 0, "Con": 1, "bob": 2, "line\nbreak": 3}
COLOURS = {"0": 0, "40": 4, "aligned": 9}


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No reader may ask anybody about a local file."""

    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        # Workers of a loader speak to each other over sockets of the file system.
        assert self.family == socket.AF_UNIX, f"a reader went to the network: {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    gc.collect()


@pytest.fixture(scope="module")
def exports(job: Folder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a form; the shards of 10 views."""
    folder = tmp_path_factory.mktemp("exports")
    forms: tuple[Form, ...] = ("imagefolder", "webdataset", "parquet", "recordio")
    for form in forms:
        export_views(job.location, str(folder / form), ExportSettings(form, shard_size=10))
    return folder


def check(
    image: np.ndarray, face_id: str, view: str, subject: str | None, label: int | None
) -> tuple[str, str]:
    """Whether a picture, RGB, is the view that it is said to be; gives that."""
    face = int(face_id.split()[1])
    assert colour_of(image) == (face, COLOURS[view])
    assert (subject, -1 if label is None else label) == (SUBJECTS[face], LABELS[SUBJECTS[face]])
    return face_id, view


def all_views() -> set[tuple[str, str]]:
    views = {(f"face {face}", view) for face in range(len(SUBJECTS)) for view in COLOURS}
    return views - {("face 3", "0")}


def test_webdataset_reads_shards(exports: Path) -> None:
    urls = str(exports / "webdataset/train-{000000..000002}.tar")
    samples = wds.WebDataset(urls, shardshuffle=False).decode("rgb8").to_tuple("jpg", "cls", "json")
    seen = [
        check(image, record["face_id"], record["view"], record["subject_id"], label)
        for image, label, record in samples
    ]
    assert len(seen) == 26
    assert set(seen) == all_views()
    assert seen != sorted(seen)


@pytest.mark.parametrize("form", ["parquet", "imagefolder", "webdataset"])
def test_hugging_face_datasets_loads_the_folder(exports: Path, tmp_path: Path, form: str) -> None:
    table = datasets.load_dataset(str(exports / form), split="train", cache_dir=str(tmp_path))
    picture = "jpg" if form == "webdataset" else "image"
    assert isinstance(table.features[picture], datasets.Image)
    seen = set()
    for row in table:
        record = row["json"] if form == "webdataset" else row
        image = np.asarray(row[picture])
        seen.add(check(image, record["face_id"], record["view"], record["subject_id"], record["label"]))
    nobody = {("face 6", view) for view in COLOURS}
    assert seen == (all_views() - nobody if form == "imagefolder" else all_views())


def test_pandas_and_duckdb_query_parquet(exports: Path) -> None:
    table = pd.read_parquet(exports / "parquet")
    for row in table.itertuples():
        image = cv2.imdecode(np.frombuffer(row.image["bytes"], np.uint8), cv2.IMREAD_COLOR_RGB)
        subject = None if pd.isna(row.subject_id) else row.subject_id
        check(image, row.face_id, row.view, subject, None if pd.isna(row.label) else int(row.label))
    assert table.view_yaw_deg.dropna().unique().tolist() == [0, 40]
    query = """
        SELECT view, count(*), count(DISTINCT subject_id), min(octet_length(image.bytes)) > 100
        FROM read_parquet(?) WHERE abs(yaw_deg) < 8 GROUP BY view ORDER BY view
    """
    rows = duckdb.execute(query, [str(exports / "parquet/*.parquet")]).fetchall()
    assert rows == [("0", 7, 4, True), ("40", 8, 4, True), ("aligned", 8, 4, True)]


class ImageFolder:
    """What torchvision's ImageFolder does: a class for each folder, in the order of their names."""

    def __init__(self, root: Path) -> None:
        classes = sorted(path.name for path in root.iterdir() if path.is_dir())
        self.samples = [
            (path, n) for n, name in enumerate(classes) for path in sorted((root / name).iterdir())
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, at: int) -> tuple[np.ndarray, int]:
        path, label = self.samples[at]
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        assert image is not None
        return cv2.resize(image, (8, 8)), label


def test_image_folders_have_a_class_for_each_subject(exports: Path) -> None:
    dataset = ImageFolder(exports / "imagefolder")
    faces_of = [set(), set(), set(), set()]
    for image, label in (dataset[at] for at in range(len(dataset))):
        faces_of[label].add(colour_of(image)[0])
    subjects = [{SUBJECTS[face] for face in faces} for faces in faces_of]
    assert sorted(map(sorted, subjects)) == [["../anna"], ["Con"], ["bob"], ["line\nbreak"]]


def test_torch_loads_image_folders_and_shards(exports: Path) -> None:
    torch_data = pytest.importorskip("torch.utils.data")
    loader = torch_data.DataLoader(ImageFolder(exports / "imagefolder"), batch_size=5, shuffle=True)
    batches = list(loader)
    assert sum(len(labels) for _, labels in batches) == 23
    assert batches[0][0].shape == (5, 8, 8, 3)
    urls = str(exports / "webdataset/train-{000000..000002}.tar")
    shards = wds.WebDataset(urls, shardshuffle=3, seed=1).decode("torchrgb").to_tuple("jpg", "cls")
    loader = torch_data.DataLoader(shards, batch_size=None, num_workers=2)
    assert sorted(label for _, label in loader) == [-1] * 3 + [0] * 6 + [1] * 5 + [2] * 6 + [3] * 6


def records_of(rec: bytes) -> Iterator[tuple[int, bytes]]:
    """Byte and data of each record, by the description of the format, for records in one piece."""
    at = 0
    while at < len(rec):
        magic, word = struct.unpack_from("<II", rec, at)
        assert magic == 0xCED7230A
        assert word >> 29 == 0
        yield at, rec[at + 8 : at + 8 + word]
        at += 8 + (word + 3) // 4 * 4
    assert at == len(rec)


def test_recordio_is_as_insightface_reads_it(exports: Path) -> None:
    folder = exports / "recordio"
    rec = (folder / "train.rec").read_bytes()
    lines = [line.split("\t") for line in (folder / "train.idx").read_text().splitlines()]
    data = {int(key): next(records_of(rec[int(at) :]))[1] for key, at in lines}
    assert [int(at) for _, at in lines] == [at for at, _ in records_of(rec)]

    def unpacked(key: int) -> tuple[tuple[float, ...], bytes]:
        flag, label, number, _ = struct.unpack_from("<IfQQ", data[key])
        assert number == key
        labels = struct.unpack_from(f"<{flag}f", data[key], 24) if flag else (label,)
        return labels, data[key][24 + 4 * flag :]

    (end, last), rest = unpacked(0)
    assert (end, last, rest) == (9, 13, b"")
    assert sorted(data) == list(range(13))
    names = [line.split("\t") for line in (folder / "train.lst").read_text().splitlines()]
    table = pd.read_parquet(folder / "train.parquet").set_index("key")
    labels = []
    for key in range(1, int(end)):
        (label,), jpeg = unpacked(key)
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert image.shape == (112, 112, 3)
        row = table.loc[key]
        check(image, row.face_id, "aligned", row.subject_id, int(label))
        assert names[key - 1][:2] == [str(key), str(int(label))]
        labels.append(int(label))
    assert labels == sorted(labels)
    for identity, key in enumerate(range(int(end), int(last))):
        (first, behind), _ = unpacked(key)
        assert set(labels[int(first) - 1 : int(behind) - 1]) == {identity}
        assert labels.count(identity) == behind - first
    assert (folder / "property").read_text() == "4,112,112"
