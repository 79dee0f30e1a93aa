"""A job's output, written by the job's own functions, without a job: views of a flat colour each."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, commit, part_files
from pipeline.reasons import Reason, Reject, Stage
from pipeline.stages.batches import FinishedFace, View
from pipeline.stages.write import poses_file, rejects_file, views_file

# Read by Hugging Face's packages as they are imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

CARRIED = pa.schema([("subject_id", pa.string()), ("age", pa.int64()), ("seen", pa.timestamp("ms"))])
# As they come: every subject twice, text that no file may be called, and one face of nobody.
SUBJECTS = ["bob", "../anna", "bob", "Con", "line\nbreak", "../anna", None, "Con", "line\nbreak"]
MakeJob = Callable[..., Folder]


def picture(face: int, view: int, side_px: int = 8) -> bytes:
    """A JPEG whose colour tells the face, in blue, and the view, in green, ten times each."""
    image = np.full((side_px, side_px, 3), (10 * face, 10 * view, 0), np.uint8)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1])


def colour_of(image: np.ndarray) -> tuple[int, int]:
    """The face and the view of a picture, RGB."""
    return round(float(image[..., 2].mean()) / 10), round(float(image[..., 1].mean()) / 10)


def finished_face(row: int, views: tuple[str, ...] = ("0", "40"), **carried: object) -> FinishedFace:
    """A face that was posed and rendered; `make_job` makes columns of what it carries."""
    numbers = {"0": 0, "40": 4}
    return FinishedFace(
        row=row,
        face_id=f"face {row}",
        image=f"photos/{row}.jpg",
        image_wh_px=(640, 480),
        box_xywh_px=np.array([1.0, 2, 3, 4]),
        crop_xyxy_px=np.array([0, 0, 9, 9]),
        rvec_rad=np.array([0.1, 0.2, 0.3]),
        tvec_mm=np.array([1.0, 2, 3000]),
        ypr_deg=np.array([float(row), 5, 2]),
        projection=np.arange(12.0).reshape(3, 4),
        landmarks_xy_px=np.arange(136.0).reshape(68, 2),
        confidence=None,
        mirrored=row % 2 == 1,
        views=tuple(View(name, float(name), picture(row, numbers[name]), 0.75, 0.25) for name in views),
        aligned=picture(row, 9, 112),
        carried=carried,
    )


def faces_of_subjects() -> list[FinishedFace]:
    return [
        finished_face(row, ("40",) if row == 3 else ("0", "40"), subject_id=subject, age=row, seen=None)
        for row, subject in enumerate(SUBJECTS)
    ]


@pytest.fixture(scope="session")
def make_job() -> MakeJob:
    def make(
        location: str,
        faces: list[FinishedFace] | None = None,
        faces_per_part: int = 4,
        carried: pa.Schema = CARRIED,
        **render: object,
    ) -> Folder:
        faces = [
            replace(face, carried=pa.Table.from_pylist([face.carried], carried))
            for face in (faces_of_subjects() if faces is None else faces)
        ]
        out = Folder(location)
        parts = [faces[start : start + faces_per_part] for start in range(0, len(faces), faces_per_part)]
        settings = {"enabled": True, "views_deg": [0, 40], "aligned_px": 112, "format": "jpg", **render}
        inputs = {
            "manifest": {
                "carried": {field.name: str(field.type) for field in carried},
                "rows": sum(len(part) + 1 for part in parts),
            },
            "settings": {"render": settings, "output": {"faces_per_part": faces_per_part + 1}},
        }
        job = {"fingerprint": "of the job", "inputs": inputs, "config": {}, "manifest_location": "m.csv"}
        out.write("_job.json", json.dumps(job).encode())
        reject = Reject(99, "rejected", "none.jpg", Stage.DECODE, Reason.IMAGE_MISSING, "")
        for part, some in enumerate(parts):
            names = part_files(part, views=True)
            files = {
                names["poses"]: poses_file(some, part, carried, landmarks=True),
                names["rejects"]: rejects_file([reject]),
                names["views"]: views_file(some, part, {f.row: i for i, f in enumerate(some)}, "head", "jpg"),
            }
            views = sum(len(face.views) for face in some)
            commit(
                out,
                LedgerEntry(part, "of the job", len(some) + 1, len(some), 1, views, {"image_missing": 1}),
                files,
            )
        return out

    return make


@pytest.fixture(scope="module")
def job(make_job: MakeJob, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Nine faces of four subjects and nobody in three parts: 17 views and 9 aligned crops."""
    return make_job(str(tmp_path_factory.mktemp("job") / "out"))


def tree_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
