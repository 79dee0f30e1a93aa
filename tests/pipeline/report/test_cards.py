import re
from typing import Any

import numpy as np
import pytest

from pipeline.io.storage import Folder
from pipeline.job.job_file import stored_job
from pipeline.reasons import Reason
from pipeline.report.cards import PHOTO_PX, face_card, reject_card, shown
from pipeline.report.part_tables import read_rows
from pipeline.report.photos import PhotoFinder, photos_of_job
from pipeline.report.tally import Place
from tests.photos import FACE_XYWH_PX
from tests.pipeline.job_output import HOSTILE_COLUMN, HOSTILE_ID, HOSTILE_VALUE, JobOutput

VIEWS = {name: np.full((64, 64, 3), 90, np.uint8) for name in ("40", "0", "aligned", "-10")}


@pytest.fixture
def finder(job_output: JobOutput) -> PhotoFinder:
    out = Folder(str(job_output.out))
    return photos_of_job(out, stored_job(out))


@pytest.fixture
def record(job_output: JobOutput) -> dict[str, Any]:
    place = Place(0, 0)
    return read_rows(Folder(str(job_output.out)), "poses", [place])[place]


def reject(reason: Reason, row: int, name: str, image: str = "good.jpg") -> dict[str, Any]:
    return {
        "face_id": f"{name} {HOSTILE_ID}",
        "stage": "decode",
        "reason": reason,
        "detail": "why",
        "attempts": 2,
        "image": image,
        "row": row,
    }


def test_texts_are_bounded_printable_and_without_secrets() -> None:
    assert shown("x" * 500) == "x" * 159 + "…"
    assert shown("a\x00b\u202ec\nd") == "a\ufffdb\ufffdc\ufffdd"
    assert shown(b"1234") == "4 bytes"
    assert "secret" not in shown("s3://key:secret@bucket/a.jpg?sig=secret")
    assert shown(None) == "None"


def test_a_face_has_its_photo_its_marks_and_its_views_in_order(
    record: dict[str, Any], finder: PhotoFinder
) -> None:
    card = face_card(record, finder, VIEWS)
    assert card.face_id == f"good {HOSTILE_ID}"
    assert [view.name for view in card.views] == ["-10", "0", "40", "aligned"]
    assert card.views[0].seen_percent is None
    assert card.views[1].seen_percent == pytest.approx(100 * record["views_seen_fraction"][0])
    assert card.photo.source.startswith("data:image/webp;base64,")
    assert len(card.photo.overlay.axes) == 3
    assert card.photo.overlay.landmarks.count("M") == 68
    points = np.array(
        [[float(n) for n in pair] for pair in re.findall(r"[ML](\S+) ([^LMhZ]+)", card.photo.overlay.box)]
    )
    # The box stands as large in the picture as the picture is scaled.
    x0, _, x1, _ = record["crop_xyxy_px"]
    scale = PHOTO_PX / (1.3 * (x1 - x0))
    assert np.ptp(points, axis=0) == pytest.approx(np.array(FACE_XYWH_PX[2:]) * scale, abs=0.2)
    assert (HOSTILE_COLUMN, HOSTILE_VALUE) in card.facts


def test_a_face_without_its_photo_says_why(record: dict[str, Any], finder: PhotoFinder) -> None:
    card = face_card(record | {"image": "gone.jpg"}, finder, {})
    assert card.photo.why_not.startswith("there is no image 'gone.jpg' in '/")
    assert (card.photo.source, card.views) == ("", ())


@pytest.mark.parametrize(
    ("reason", "row", "name", "boxed"),
    [
        (Reason.BOX_INVALID, 18, "nan", False),
        (Reason.BOX_INVALID, 16, "no-area", False),
        (Reason.BOX_INVALID, 20, "huge", True),
        (Reason.BOX_OUTSIDE_IMAGE, 21, "outside", True),
        (Reason.POSE_NOT_FINITE, 0, "good", True),
    ],
)
def test_a_reject_shows_its_photo_around_its_box(
    finder: PhotoFinder, reason: Reason, row: int, name: str, boxed: bool
) -> None:
    photo = reject_card(reject(reason, row, name), finder).photo
    assert photo.source
    assert bool(photo.overlay.box) == boxed


def test_a_reject_that_brought_a_worker_down_is_not_opened(
    finder: PhotoFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PhotoFinder, "rejected", lambda *_: pytest.fail("opened"))
    for reason in (Reason.WORKER_CRASH, Reason.TIMEOUT):
        assert "not opened" in reject_card(reject(reason, 0, "good"), finder).photo.why_not
