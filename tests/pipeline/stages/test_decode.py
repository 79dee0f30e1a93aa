from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from faceposenet.photo import crop
from fpn_core import NetworkSpec, PoseNetwork, crop_windows
from pipeline.config.settings import ImageSettings, RenderSettings
from pipeline.io import image_access
from pipeline.io.image_access import ImagePlaces
from pipeline.manifest import Rows
from pipeline.stages.decode import Decoder
from tests.bad_input import write_cases
from tests.photos import FACE_XYWH_PX, write_portrait


@pytest.fixture(scope="module")
def spec() -> NetworkSpec:
    return PoseNetwork(device="cpu").spec


def rows_of(images: list[str], boxes: list, **changes) -> Rows:
    ids = [f"f{i}" for i in range(len(images))]
    carried = pa.table({"n": range(len(images))})
    box = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return replace(Rows(list(range(len(ids))), ids, images, None, box, {}, carried), **changes)


def decoder_of(spec: NetworkSpec, root: Path, images: ImageSettings | None = None) -> Decoder:
    return Decoder(spec, images or ImageSettings(), RenderSettings(), ImagePlaces(str(root), None))


def test_every_bad_input_becomes_what_it_must(spec: NetworkSpec, tmp_path: Path) -> None:
    cases = write_cases(tmp_path)
    rows = rows_of([case.image for case in cases], [case.box for case in cases])
    faces = decoder_of(spec, tmp_path)(rows)
    found = {reject.row: str(reject.reason) for reject in faces.rejects}
    assert {case.name: found.get(i) for i, case in enumerate(cases)} == {
        case.name: case.reason for case in cases
    }
    assert len(faces) + len(faces.rejects) == len(cases)
    assert all(reject.detail for reject in faces.rejects)


def test_a_turned_photo_is_decoded_upright(spec: NetworkSpec, tmp_path: Path) -> None:
    write_cases(tmp_path)
    faces = decoder_of(spec, tmp_path)(rows_of(["good.jpg", "turned.jpg"], [FACE_XYWH_PX] * 2))
    difference = np.abs(faces.crops[0].astype(int) - faces.crops[1])
    assert difference.mean() < 3  # both are JPEGs, of pixels that were turned in between


def test_a_malformed_row_is_a_reject_and_takes_no_other_along(spec: NetworkSpec, tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.jpg")
    rows = rows_of(["a.jpg"] * 3, [FACE_XYWH_PX] * 3, malformed={1: "the row has 5 fields, the header 6"})
    faces = decoder_of(spec, tmp_path)(rows)
    assert faces.position.tolist() == [0, 2]
    assert [(r.row, r.reason, r.stage) for r in faces.rejects] == [(1, "row_malformed", "manifest")]


def test_one_decoding_serves_all_faces_of_neighbouring_rows(
    spec: NetworkSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_portrait(tmp_path / name)
    read = []
    monkeypatch.setattr(
        image_access, "read_file", lambda name, limit: read.append(name) or Path(name).read_bytes()
    )
    faces = decoder_of(spec, tmp_path)(rows_of(["a.jpg", "a.jpg", "b.jpg", "a.jpg"], [FACE_XYWH_PX] * 4))
    assert len(faces) == 4
    assert [Path(name).name for name in read] == ["a.jpg", "b.jpg", "a.jpg"]


def test_images_in_the_manifest_itself(spec: NetworkSpec, tmp_path: Path) -> None:
    data = write_portrait(tmp_path / "a.jpg").read_bytes()
    rows = rows_of(["", ""], [FACE_XYWH_PX] * 2, image_bytes=[data, b""])
    faces = decoder_of(spec, tmp_path)(rows)
    assert faces.position.tolist() == [0]
    assert [str(r.reason) for r in faces.rejects] == ["image_unreadable"]


@pytest.mark.parametrize("limit", [{"max_bytes": 1000}, {"max_pixels": 1000}])
def test_limits_of_the_configuration_hold(spec: NetworkSpec, tmp_path: Path, limit: dict) -> None:
    write_portrait(tmp_path / "a.jpg")
    faces = decoder_of(spec, tmp_path, ImageSettings(**limit))(rows_of(["a.jpg"], [FACE_XYWH_PX]))
    assert [str(r.reason) for r in faces.rejects] == ["image_too_large"]
    assert next(iter(limit)) in faces.rejects[0].detail


def test_a_fault_of_ours_is_a_reject_of_one_face(
    spec: NetworkSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_portrait(tmp_path / "a.jpg")

    def fail_once(boxes, expand, calls=[]):  # noqa: B006  # the list counts the calls
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError("a bug")
        return crop_windows(boxes, expand)

    monkeypatch.setattr(crop, "crop_windows", fail_once)
    faces = decoder_of(spec, tmp_path)(rows_of(["a.jpg"] * 3, [FACE_XYWH_PX] * 3))
    assert faces.position.tolist() == [0, 2]
    assert [(str(r.reason), r.detail) for r in faces.rejects] == [
        ("internal_error", "ZeroDivisionError: a bug")
    ]


def test_an_empty_batch_keeps_its_shapes(spec: NetworkSpec, tmp_path: Path) -> None:
    faces = decoder_of(spec, tmp_path)(rows_of(["none.jpg"], [FACE_XYWH_PX]))
    assert faces.crops.shape == (0, spec.size_px, spec.size_px, 3)
    assert faces.window_xyxy_px.shape == (0, 4)
