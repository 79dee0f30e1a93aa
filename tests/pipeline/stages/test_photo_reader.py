from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceposenet.photo import decode as decode_module
from fpn_core import NetworkSpec, PoseNetwork, project
from pipeline.engine.quarantine import Care, Exclusion
from pipeline.io import image_access
from pipeline.reasons import Reason, Stage
from pipeline.stages.photo_reader import image_runs
from pipeline.stages.pose import pose_faces
from render_core.heads import load_head
from tests.photos import FACE_XYWH_PX, portrait, write_portrait
from tests.pipeline.stages.test_decode import decoder_of, rows_of

LARGE_XYWH_PX = tuple(8 * side for side in FACE_XYWH_PX)


@pytest.fixture(scope="module")
def spec() -> NetworkSpec:
    return PoseNetwork(device="cpu").spec


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A folder with a photo of 4,096 px."""
    cv2.imwrite(str(tmp_path / "large.jpg"), cv2.resize(portrait(), None, fx=8, fy=8))
    return tmp_path


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read and decoded, in order: names, and sizes of decoded pictures."""
    done: list[str] = []
    decode, read = decode_module.cv2.imdecode, image_access.read_file

    def imdecode(data: np.ndarray, flags: int) -> np.ndarray:
        picture = decode(data, flags)
        done.append(f"decode {picture.shape[1]}")
        return picture

    monkeypatch.setattr(decode_module.cv2, "imdecode", imdecode)
    monkeypatch.setattr(
        image_access, "read_file", lambda name, limit: done.append(Path(name).name) or read(name, limit)
    )
    return done


def test_runs_are_neighbours_with_one_image() -> None:
    rows = rows_of(["a", "a", "b", "a", "a"], [FACE_XYWH_PX] * 5)
    assert image_runs(rows).tolist() == [0, 0, 1, 2, 2]
    assert image_runs(replace(rows, image_bytes=[b"1", b"1", b"1", b"2", b"2"])).tolist() == [0, 0, 0, 1, 1]


def test_an_image_in_several_batches_is_read_and_decoded_once(
    spec: NetworkSpec, tmp_path: Path, work: list[str]
) -> None:
    write_portrait(tmp_path / "a.jpg")
    rows = rows_of(["a.jpg"] * 7, [FACE_XYWH_PX] * 7)
    batches = list(decoder_of(spec, tmp_path).batches(rows, 3))
    assert [batch.position.tolist() for batch in batches] == [[0, 1, 2], [0, 1, 2], [0]]
    assert [batch.rows.row for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert work == ["a.jpg", "decode 512"]


def test_neighbours_that_hold_the_same_bytes_share_a_decoding(
    spec: NetworkSpec, tmp_path: Path, work: list[str]
) -> None:
    data = write_portrait(tmp_path / "a.jpg").read_bytes()
    rows = rows_of([""] * 3, [FACE_XYWH_PX] * 3, image_bytes=[data, bytes(bytearray(data)), b"none"])
    faces = decoder_of(spec, tmp_path)(rows)
    assert faces.position.tolist() == [0, 1]
    assert work.count("decode 512") == 1


def test_a_part_without_rows_that_can_be_read_still_gives_its_batches(
    spec: NetworkSpec, tmp_path: Path
) -> None:
    rows = rows_of(["a.jpg"] * 3, [(0, 0, 0, 0)] * 3)
    batches = list(decoder_of(spec, tmp_path).batches(rows, 2))
    assert [len(batch.rejects) for batch in batches] == [2, 1]


def test_a_large_photo_is_reduced_and_its_faces_stay_in_full_size_pixels(
    spec: NetworkSpec, large: Path, work: list[str]
) -> None:
    rows = rows_of(["large.jpg"], [LARGE_XYWH_PX])
    reduced = decoder_of(spec, large)(rows)
    whole_decoder = decoder_of(spec, large)
    whole = replace(whole_decoder, images=whole_decoder.images.model_copy(update={"scaled_decode": False}))(
        rows
    )
    assert work == ["large.jpg", "decode 1024", "large.jpg", "decode 4096"]
    assert reduced.image_wh_px.tolist() == whole.image_wh_px.tolist() == [[4096, 4096]]
    # The window begins and ends with pixels of the reduced photo.
    assert np.abs(reduced.window_xyxy_px - whole.window_xyxy_px).max() < 4
    # Measured: 2.1 levels of mean difference, from the fraction of a pixel that the windows differ by.
    assert np.abs(reduced.crops.astype(int) - whole.crops).mean() < 4
    network, head = PoseNetwork(device="cpu"), load_head("open-mean")
    one, other = (
        project(head.landmarks_mm, pose_faces(network, faces).projection) for faces in (reduced, whole)
    )
    # Measured: 1.9 px, of a face that is 904 px high.
    assert np.linalg.norm(one - other, axis=-1).max() < 4
    # The renderer's windows show the same points of the photo at the places that their maps name.
    source, other_source = reduced.sources[0], whole.sources[0]
    assert source.pixels.shape == other_source.pixels.shape == (392, 392, 3)
    other_to_source = source.image_to_source @ np.linalg.inv(other_source.image_to_source)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(source.pixels, other_to_source[:2], (392, 392), flags=flags)
    inner = slice(4, -4)
    # Measured: 0.5 levels; 1.7 with a map that is off by half a pixel of the full size.
    assert np.abs(seen.astype(int) - other_source.pixels)[inner, inner].mean() < 1.0


def test_what_is_left_out_changes_no_pixel_of_the_others(
    spec: NetworkSpec, large: Path, work: list[str]
) -> None:
    # The small face keeps its photo at full size, also where it is itself not touched any more.
    rows = rows_of(["large.jpg"] * 2, [LARGE_XYWH_PX, (200, 200, 60, 60)])
    alone = Care({1: Exclusion(Stage.POSE, Reason.WORKER_CRASH, "it fell", 2)})
    decoder = decoder_of(spec, large)
    with_it, without = decoder(rows), decoder(rows, alone)
    assert [len(faces) for faces in (with_it, without)] == [2, 1]
    assert [line for line in work if line.startswith("decode")] == ["decode 4096"] * 2
    np.testing.assert_array_equal(with_it.crops[0], without.crops[0])
