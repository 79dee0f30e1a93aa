"""One folder of bad and odd images: the library, a manifest build, an evaluation and a job agree on each."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceposenet import FacePoser, Rejected
from fpn_core import PoseNetwork
from pipeline.config.settings import EngineSettings
from pipeline.evaluate import Dataset, Sample
from pipeline.evaluate.evaluation import evaluate
from pipeline.manifest.build.find import FinderSettings
from pipeline.manifest.build.make import build_manifest
from pipeline.manifest.build.table import TableSource
from tests.bad_input import Case, png_header, write_cases
from tests.e2e.running import run
from tests.photos import FACE_XYWH_PX, portrait

Verdicts = dict[str, str | None]
IMAGE_REASONS = {"image_missing", "image_unreadable", "image_too_large", "image_not_allowed"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def cases(folder: Path) -> list[Case]:
    """Those of every bad input whose name a path can have, and more formats and bombs."""
    cases = [case for case in write_cases(folder) if case.name not in ("unnamed", "nul", "long")]
    photo, more = portrait(), {}
    for ending in ("webp", "bmp", "tiff", "jp2", "avif", "gif", "ppm"):
        more[f"portrait.{ending}"] = (cv2.imencode(f".{ending}", photo)[1].tobytes(), None)
    jp2 = bytearray(more["portrait.jp2"][0])
    siz = jp2.index(b"\xff\x4f\xff\x51")
    jp2[siz + 8 : siz + 16] = (11_500).to_bytes(4, "big") * 2  # 132 megapixels: 2 GB in OpenJPEG
    more["bomb.jp2"] = (bytes(jp2), "image_too_large")
    more["large.png"] = (png_header(12_000, 12_000), "image_too_large")
    more["nothing.png"] = (png_header(0, 0), "image_unreadable")
    more["cut.webp"] = (more["portrait.webp"][0][:3000], "image_unreadable")
    for name, (data, reason) in more.items():
        (folder / name).write_bytes(data)
        cases.append(Case(name, name, FACE_XYWH_PX, reason))
    with (folder / "long.jpg").open("wb") as file:  # it takes no space on the disk
        file.write(b"\xff\xd8\xff")
        file.truncate(256 * 2**20 + 1)
    cases.append(Case("long-file", "long.jpg", FACE_XYWH_PX, "image_too_large"))
    return cases


@pytest.fixture(scope="module")
def wanted(cases: list[Case]) -> Verdicts:
    return {case.name: case.reason for case in cases}


def location(folder: Path, case: Case) -> str:
    return case.image if "://" in case.image else str(folder / case.image)


def test_the_library(folder: Path, cases: list[Case], wanted: Verdicts) -> None:
    poser = FacePoser(device="cpu", cache_dir=None)
    found = poser.pose_batch([location(folder, case) for case in cases], [case.box for case in cases])
    reasons = [face.reason if isinstance(face, Rejected) else None for face in found]
    assert dict(zip(wanted, reasons, strict=True)) == wanted


def test_a_job(folder: Path, cases: list[Case], wanted: Verdicts, tmp_path: Path) -> None:
    columns = {"face_id": [case.name for case in cases], "image": [case.image for case in cases]}
    for i, name in enumerate(("x", "y", "width", "height")):
        columns[name] = [float(case.box[i]) for case in cases]
    pq.write_table(pa.table(columns), tmp_path / "faces.parquet")
    overrides = ("engine.runner=local", "engine.workers=1", "render.enabled=false")
    run(tmp_path / "faces.parquet", tmp_path / "out", f"manifest.image_root={folder}", *overrides)
    rejects = pd.read_parquet(tmp_path / "out" / "rejects")
    reasons = dict(zip(rejects.face_id, rejects.reason, strict=True))
    posed = set(pd.read_parquet(tmp_path / "out" / "poses").face_id)
    assert posed == {name for name, reason in wanted.items() if reason is None}
    assert {name: reasons.get(name) for name in wanted} == wanted


def test_an_evaluation(folder: Path, cases: list[Case], wanted: Verdicts) -> None:
    network = PoseNetwork(device="cpu")
    found: Verdicts = {}
    for case in cases:
        if "://" in case.image:  # the photos of data sets are files
            found[case.name] = wanted[case.name]
            continue
        sample = Sample(case.name, folder / case.image, np.array(case.box, float), np.eye(3), None)
        good = Sample("good", folder / "good.jpg", np.array(FACE_XYWH_PX), np.eye(3), None)
        failed = evaluate(Dataset("odd", (sample, good)), "odd", network).failed
        assert sum(failed.values()) <= 1
        found[case.name] = next(iter(failed), None)
    assert found == wanted


def test_a_manifest(folder: Path, cases: list[Case], wanted: Verdicts, tmp_path: Path) -> None:
    """Its faces are whole images: what is wrong with a box it does not see."""
    images = {location(folder, case): case for case in cases if case.reason in IMAGE_REASONS | {None}}
    (tmp_path / "images.csv").write_text("image\n" + "\n".join(images) + "\n")
    source = TableSource(str(tmp_path / "images.csv"), str(tmp_path))
    out = str(tmp_path / "faces.parquet")
    engine = EngineSettings(runner="local", workers=1)
    built = build_manifest(source, FinderSettings(box="whole"), out, engine=engine)
    rejects = pd.read_parquet(built.rejects)
    reasons = dict(zip(rejects.image, rejects.reason, strict=True))
    assert {case.name: reasons.get(image) for image, case in images.items()} == {
        case.name: wanted[case.name] for case in images.values()
    }
    assert len(reasons) + len(pd.read_parquet(out)) == len(images)
