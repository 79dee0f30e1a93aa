import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.config.settings import load_config
from pipeline.errors import StorageUnavailableError
from pipeline.io.storage import Folder
from pipeline.job.fingerprint import prepare_job
from pipeline.job.job_file import stored_job
from pipeline.report.photos import NoPhotoError, PhotoFinder, photos_of_job
from tests.photos import portrait, write_portrait
from tests.pipeline.job_output import JobOutput


def finder(output: JobOutput, **changes: Any) -> PhotoFinder:
    out = Folder(str(output.out))
    return photos_of_job(out, stored_job(out), **changes)


def face(image: str) -> dict[str, Any]:
    return {"image": image, "face_id": "x", "part": 0, "row": 0}


def test_photos_are_found_where_the_job_found_them_and_upright(job_output: JobOutput) -> None:
    photo = finder(job_output).posed(face("turned.jpg"))
    assert np.abs(photo.astype(int) - portrait()).mean() < 8  # a JPEG of it, turned and turned back


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("none.jpg", "there is no image 'none.jpg' in"),
        ("empty.jpg", "the image file is empty"),
        ("truncated.jpg", "no image, or a truncated one"),
        ("bomb.png", r"is more than images\.max_pixels"),
        ("folder.jpg", "cannot read 'folder.jpg': .* is not a regular file"),
        ("nosuch://host/a.jpg", "neither a local file nor where the image root is"),
        ("a\0b.jpg", "no usable name"),
    ],
)
def test_a_photo_that_is_not_to_be_had_says_why(job_output: JobOutput, image: str, why: str) -> None:
    for find in (finder(job_output).posed, finder(job_output).rejected):
        with pytest.raises(NoPhotoError, match=why):
            find(face(image))


def test_photos_that_lie_elsewhere_by_now(job_output: JobOutput, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "moved.png"), np.full((9, 7, 3), 5, np.uint8))
    assert finder(job_output, image_root=str(tmp_path)).posed(face("moved.png")).shape == (9, 7, 3)
    with pytest.raises(NoPhotoError, match=r"there is no image 'moved\.png' in"):
        finder(job_output).posed(face("moved.png"))


def test_the_roots_of_the_job_hold_here_too(own_output: JobOutput, tmp_path: Path) -> None:
    path = own_output.out / "_job.json"
    job = json.loads(path.read_text())
    job["config"]["images"]["roots"] = [str(tmp_path / "allowed")]
    path.write_text(json.dumps(job))
    with pytest.raises(NoPhotoError, match=r"none of images\.roots"):
        finder(own_output).posed(face("good.jpg"))
    named = finder(own_output, image_root=str(own_output.manifest.parent))
    assert named.posed(face("good.jpg")).shape == portrait().shape


def test_a_store_that_is_down_is_asked_once(job_output: JobOutput, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(location: str, limit: int) -> bytes:
        asked.append(location)
        raise StorageUnavailableError("storage failed 7 times at s3://key:secret@host/x?sig=secret")

    monkeypatch.setattr("pipeline.io.image_access.read_file", read)
    down = finder(job_output)
    for _ in range(3):
        with pytest.raises(NoPhotoError, match="storage failed 7 times") as error:
            down.posed(face("good.jpg"))
        assert "secret" not in str(error.value)
    assert len(asked) == 1


def test_photos_that_the_manifest_holds(own_output: JobOutput, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = finder(own_output)
    encoded = (own_output.manifest.parent / "good.jpg").read_bytes()
    read = photos.rows.row(0, 'good <script>document.title="hacked"</script>')
    monkeypatch.setattr(type(photos.rows), "_find", lambda *_: type(read)(read.box_xywh_px, encoded))
    assert photos.posed(face("")).shape == portrait().shape
    assert photos.rejected(face("")).shape == portrait().shape
    # Such a manifest calls its images by keys, which are no places.
    photos.in_manifest = True
    assert photos.posed(face("some key")).shape == portrait().shape


def test_a_photo_of_another_size_is_another_photo(job_output: JobOutput) -> None:
    height, width = portrait().shape[:2]
    sizes = {"image_width_px": width, "image_height_px": height}
    photos = finder(job_output)
    assert photos.posed(face("good.jpg") | sizes).shape == portrait().shape
    with pytest.raises(NoPhotoError, match=rf"another photo is there now: it has {width} x {height} px"):
        photos.posed(face("good.jpg") | sizes | {"image_width_px": 7})
    assert (photos.asked, photos.missing) == (2, 1)


def test_photos_of_another_manifest_are_not_shown(job_output: JobOutput, tmp_path: Path) -> None:
    """Beside it there may be other photos of the same names."""
    other = tmp_path / "faces.parquet"
    other.write_bytes(job_output.manifest.read_bytes())
    (tmp_path / "good.jpg").write_bytes((job_output.manifest.parent / "good.jpg").read_bytes())
    assert finder(job_output, manifest=str(other)).posed(face("good.jpg")).shape == portrait().shape
    pq.write_table(pq.read_table(other).slice(1), other)
    with pytest.raises(NoPhotoError, match="rows now, the job had"):
        finder(job_output, manifest=str(other)).posed(face("good.jpg"))


def test_photos_with_whole_paths_may_have_been_moved(job_output: JobOutput, tmp_path: Path) -> None:
    (tmp_path / "set/a").mkdir(parents=True)
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "set/a" / name).write_bytes((job_output.manifest.parent / "good.jpg").read_bytes())
    photos = finder(job_output, image_root=str(tmp_path / "set"))
    for name in ("1.jpg", "2.jpg"):
        assert photos.posed(face(f"/data/old/set/a/{name}")).shape == portrait().shape
    with pytest.raises(NoPhotoError, match="there is no image"):
        photos.posed(face("/data/old/set/a/3.jpg"))
    assert (photos.asked, photos.missing) == (3, 1)


def test_a_job_finds_its_photos_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in/photos").mkdir(parents=True)
    write_portrait(tmp_path / "in/photos/a.jpg")
    (tmp_path / "in/list.txt").write_text("a.jpg,0,0,9,9\n")
    monkeypatch.chdir(tmp_path / "in")
    config = load_config(None, ["manifest.image_root=photos"])
    prepare_job("list.txt", str(tmp_path / "out"), config)
    monkeypatch.chdir("/")
    out = Folder(str(tmp_path / "out"))
    assert photos_of_job(out, stored_job(out)).posed(face("a.jpg")).shape == portrait().shape
