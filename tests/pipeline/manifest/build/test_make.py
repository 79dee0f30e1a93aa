from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from faceposenet import DetectorError
from pipeline.config.settings import EngineSettings, ManifestSettings
from pipeline.errors import ConfigError, ManifestError
from pipeline.io.storage import Folder, read_file
from pipeline.manifest import open_manifest
from pipeline.manifest.build import make
from pipeline.manifest.build.find import FinderSettings
from pipeline.manifest.build.make import Built, build_manifest
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.build.tree import TreeSource
from tests.pipeline.manifest.build.conftest import InProcess

WHOLE = FinderSettings(box="whole")


class Listed:
    """A source of given items."""

    columns = ("subject_id",)

    def __init__(self, *items: SourceImage | Refused) -> None:
        self.items = items

    def photos(self) -> Iterator[SourceImage | Refused]:
        yield from self.items

    def note(self) -> str:
        return ""


def boxed(name: str) -> SourceImage:
    return SourceImage(name, "a.jpg", (f"s{name}",), (1, 2, 3, 4))


def test_a_tree_becomes_a_manifest_by_real_workers(tmp_path: Path, face_jpeg: bytes, yunet: str) -> None:
    photos = tmp_path / "photos"
    for n in range(7):
        (photos / f"s{n % 2}").mkdir(parents=True, exist_ok=True)
        (photos / f"s{n % 2}/{n}.jpg").write_bytes(face_jpeg if n else b"none")
    out = str(tmp_path / "faces.parquet")
    source = TreeSource(str(photos), str(tmp_path), subjects=True)
    built = build_manifest(
        source, FinderSettings(yunet), out, engine=EngineSettings(workers=2), chunk_images=3
    )
    assert (built.totals.images, built.totals.faces, built.totals.with_faces) == (7, 6, 6)
    assert built.totals.rejected == {"image_unreadable": 1}
    faces = pd.read_parquet(out)
    assert faces.face_id.tolist() == [f"s{n % 2}/{n}.jpg#0" for n in (2, 4, 6, 1, 3, 5)]
    assert faces.subject_id.tolist() == ["s0"] * 3 + ["s1"] * 3
    assert faces.face_score.min() > 0.7
    for face in faces.itertuples():
        eyes_and_mouth = np.array(face.face_points_xy_px).reshape(5, 2)
        assert (eyes_and_mouth >= [face.x, face.y]).all()
        assert (eyes_and_mouth <= [face.x + face.width, face.y + face.height]).all()
        assert eyes_and_mouth[0, 0] < eyes_and_mouth[1, 0]  # right eye, on the left of the photo
        assert eyes_and_mouth[:2, 1].max() < eyes_and_mouth[2, 1] < eyes_and_mouth[3:, 1].min()
    rejects = pd.read_parquet(tmp_path / "faces.rejects.parquet")
    assert rejects[["image", "reason"]].to_numpy().tolist() == [["photos/s0/0.jpg", "image_unreadable"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "faces.parquet",
        "faces.rejects.parquet",
        "photos",
    ]
    assert open_manifest(out, ManifestSettings()).n_rows == 6


def test_a_stopped_build_goes_on_with_what_has_changed(tmp_path: Path, quick: type[InProcess]) -> None:
    out = str(tmp_path / "m.parquet")
    items = [boxed(str(n)) for n in range(10)]

    class Stopped(Listed):
        def photos(self) -> Iterator[SourceImage | Refused]:
            yield from items[:7]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_manifest(Stopped(), WHOLE, out, engine=EngineSettings(workers=1), chunk_images=2)
    assert quick.asked == 3
    assert not Path(out).exists()
    items[2] = boxed("new")
    built = build_manifest(Listed(*items), WHOLE, out, engine=EngineSettings(workers=1), chunk_images=2)
    assert quick.asked == 3 + 3  # the chunk with the new photo, and two that were never done
    assert built.resumed == 2
    assert pd.read_parquet(out).face_id.tolist() == ["0", "1", "new", *map(str, range(3, 10))]


def test_other_settings_make_it_anew(tmp_path: Path, quick: type[InProcess]) -> None:
    out = str(tmp_path / "m.parquet")

    class Stopped(Listed):
        def photos(self) -> Iterator[SourceImage | Refused]:
            yield from self.items
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_manifest(
            Stopped(boxed("a"), boxed("b")), WHOLE, out, engine=EngineSettings(workers=1), chunk_images=1
        )
    settings = FinderSettings(box="aligned")
    assert build_manifest(Listed(boxed("a"), boxed("b")), settings, out, chunk_images=1).resumed == 0


@pytest.mark.usefixtures("quick")
def test_the_bytes_do_not_depend_on_chunks_and_workers(tmp_path: Path) -> None:
    items = [boxed(str(n)) if n % 3 else Refused(f"{n}", BuildReason.NO_FACE, "") for n in range(50)]

    def made(name: str, workers: int, chunk_images: int) -> tuple[Built, bytes, bytes]:
        out = tmp_path / f"{name}.parquet"
        built = build_manifest(
            Listed(*items), WHOLE, str(out), engine=EngineSettings(workers=workers), chunk_images=chunk_images
        )
        return built, out.read_bytes(), Path(built.rejects).read_bytes()

    first, faces, rejects = made("a", 1, 100)
    second, *others = made("b", 3, 4)
    assert first.totals == second.totals
    assert others == [faces, rejects]
    assert first.totals.images == first.totals.with_faces + first.totals.rejected.total() == 50


@pytest.mark.usefixtures("quick")
def test_what_cannot_become_a_manifest(tmp_path: Path) -> None:
    out = str(tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match="'a' in rows 0, 1"):
        build_manifest(Listed(boxed("a"), boxed("a")), WHOLE, out)
    with pytest.raises(ConfigError, match=r"a name with \.parquet, not 'm\.csv'"):
        build_manifest(Listed(boxed("a")), WHOLE, str(tmp_path / "m.csv"))
    with pytest.raises(DetectorError, match="there is no face detector"):
        build_manifest(Listed(boxed("a")), FinderSettings(str(tmp_path / "none.onnx")), out)
    assert not Path(out).exists()
    build_manifest(Listed(boxed("a"), boxed("b")), WHOLE, out)
    with pytest.raises(ManifestError, match=r"m\.parquet' exists"):
        build_manifest(Listed(boxed("a")), WHOLE, out)


@pytest.mark.usefixtures("quick")
def test_a_manifest_in_a_store() -> None:
    built = build_manifest(Listed(boxed("a")), WHOLE, "memory://built/m.parquet", chunk_images=1)
    assert Folder("memory://built").names() == ["m.parquet", "m.rejects.parquet"]
    assert read_file(built.manifest).startswith(b"PAR1")


@pytest.mark.usefixtures("quick")
def test_small_chunks_become_large_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "_ROWS_PER_GROUP", 25)
    out = str(tmp_path / "m.parquet")
    build_manifest(Listed(*[boxed(str(n)) for n in range(70)]), WHOLE, out, chunk_images=10)
    metadata = pq.ParquetFile(out).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [30, 30, 10]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("items", [[], [Refused("a", BuildReason.NO_FACE, "none")]])
def test_a_set_without_a_face_is_a_manifest_without_rows(tmp_path: Path, items: list[Refused]) -> None:
    built = build_manifest(Listed(*items), WHOLE, str(tmp_path / "m.parquet"))
    assert (built.totals.images, built.totals.faces) == (len(items), 0)
    table = pq.read_table(tmp_path / "m.parquet")
    assert (len(table), table.column_names[:2]) == (0, ["face_id", "image"])
    assert pq.read_table(tmp_path / "m.rejects.parquet")["reason"].to_pylist() == ["no_face"] * len(items)
