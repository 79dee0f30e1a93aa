"""Faces of photos found by real workers, with Ray and without."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.config.settings import EngineSettings
from pipeline.manifest.build.find import FinderSettings
from pipeline.manifest.build.make import Built, build_manifest
from pipeline.manifest.build.tree import TreeSource
from tests.conftest import ReferenceData
from tests.photos import portrait
from tests.pipeline.engine.test_supervisor import SABOTEUR


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(9):
        photo = cv2.resize(portrait(), None, fx=0.5 + n / 20, fy=0.5 + n / 20)
        cv2.imwrite(str(folder / f"{n}.jpg"), photo)
    cv2.imwrite(str(folder / "blank.png"), np.full((60, 80, 3), 90, np.uint8))
    (folder / "corrupt.jpg").write_bytes((folder / "0.jpg").read_bytes()[:200])
    return folder


def build(photos: Path, out: Path, runner: str, settings: FinderSettings) -> tuple[Built, bytes, bytes]:
    engine = EngineSettings(runner=runner, workers=2, stall_timeout_s=5.0)
    source = TreeSource(str(photos), str(out.parent))
    built = build_manifest(source, settings, str(out), engine=engine, chunk_images=2)
    return built, out.read_bytes(), Path(built.rejects).read_bytes()


@pytest.mark.usefixtures("shared_ray")
def test_ray_and_this_machine_give_the_same_bytes(
    tmp_path: Path, photos: Path, reference: ReferenceData
) -> None:
    settings = FinderSettings(str(reference.path("detector/face_detection_yunet_2023mar.onnx")))
    here, *files = build(photos, tmp_path / "here.parquet", "local", settings)
    ray, *others = build(photos, tmp_path / "ray.parquet", "ray", settings)
    assert others == files
    assert here.totals == ray.totals
    assert (ray.totals.images, ray.totals.faces) == (11, 9)
    assert ray.totals.rejected == {"no_face": 1, "image_unreadable": 1}


def test_workers_that_are_killed_on_ray_lose_nothing(tmp_path: Path, photos: Path) -> None:
    """One photo kills its worker once, another always, by the saboteur of test_supervisor."""
    for name, ending in (("3", b"ONCE"), ("5", b"CRASH")):
        (photos / f"{name}.jpg").write_bytes((photos / f"{name}.jpg").read_bytes() + ending)
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(textwrap.dedent(SABOTEUR))
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "path"),
        "CRASH_ONCE": str(tmp_path / "crashed"),
    }
    arguments = [str(photos), str(tmp_path / "m.parquet"), "--box", "whole", "--runner", "ray", "--json"]
    command = [sys.executable, "-m", "pipeline", "manifest", "from-images", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert (tmp_path / "crashed").exists()
    assert (counts["images"], counts["faces"]) == (11, 9)
    assert counts["images_rejected"] == {"image_unreadable": 1, "worker_crash": 1}
    kept = {f"{n}.jpg" for n in range(9) if n != 5} | {"blank.png"}
    assert set(pd.read_parquet(tmp_path / "m.parquet").face_id) == kept
    rejects = pd.read_parquet(tmp_path / "m.rejects.parquet").set_index("image")
    assert rejects.reason.to_dict() == {
        "photos/5.jpg": "worker_crash",
        "photos/corrupt.jpg": "image_unreadable",
    }
