from dataclasses import replace

import pytest

from pipeline.job.ledger import LedgerEntry
from pipeline.monitor.progress import Progress, StageLoad, slowest_stage


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def entry(rows: int, **rejects: int) -> LedgerEntry:
    rejected = sum(rejects.values())
    return LedgerEntry(0, "f", rows, rows - rejected, rejected, 5 * (rows - rejected), rejects)


def test_a_line_says_faces_rate_rejects_and_time_left(clock: Clock) -> None:
    progress = Progress(total=1000, done_before=200, clock_s=clock)
    assert progress.line() == "200 of 1,000 faces (20%), 0.0 faces/s, 0 rejected, time left unknown"
    clock.now_s += 20
    progress.add(entry(100, timeout=1, image_missing=2))
    assert progress.line() == (
        "300 of 1,000 faces (30%), 5.0 faces/s, 3 rejected (2 image_missing, 1 timeout), 2 min 20 s left"
    )
    clock.now_s += 20
    progress.add(entry(700))
    assert progress.line().endswith("done in 40 s")


def test_the_rate_forgets_what_was_long_ago(clock: Clock) -> None:
    progress = Progress(total=100_000, clock_s=clock)
    clock.now_s += 1000
    progress.add(entry(10))
    for _ in range(40):
        clock.now_s += 10
        progress.add(entry(100))
    assert progress.faces_per_s == pytest.approx(10)
    assert progress.left_s == pytest.approx((100_000 - 4010) / 10)


def test_a_narrow_terminal_gets_less(clock: Clock) -> None:
    progress = Progress(total=1000, clock_s=clock)
    clock.now_s += 10
    progress.add(entry(500, timeout=1))
    wide, middle, narrow, tiny = (progress.line(columns) for columns in (160, 90, 70, 20))
    assert wide.startswith("[##########----------] 500 of 1,000") and "(1 timeout)" in wide
    assert middle == "500 of 1,000 faces (50%), 50.0 faces/s, 1 rejected (1 timeout), 10 s left"
    assert narrow == "500 of 1,000 faces (50%), 50.0 faces/s, 1 rejected, 10 s left"
    assert len(tiny) == 19


def test_the_record_counts_by_reason(clock: Clock) -> None:
    progress = Progress(total=10, done_before=2, clock_s=clock)
    assert progress.record()["left_s"] is None
    clock.now_s += 2
    progress.add(entry(4, timeout=1))
    assert progress.record() == {
        "faces": 10,
        "faces_done": 6,
        "faces_done_this_run": 4,
        "posed_this_run": 3,
        "rejects_this_run": {"timeout": 1},
        "views_this_run": 15,
        "faces_per_s": 2.0,
        "elapsed_s": 2.0,
        "left_s": 2.0,
        "stages": [],
    }


def test_durations_read_like_words(clock: Clock) -> None:
    progress = Progress(total=36_001, clock_s=clock)
    clock.now_s += 1
    progress.add(entry(1))
    assert progress.line().endswith("10 h 00 min left")
    assert Progress(total=0).line().endswith("done in 0 s")


def test_the_slowest_stage_is_the_last_whose_actors_are_all_busy() -> None:
    decode, pose, render = (
        StageLoad("decode", 9, 1, 1),
        StageLoad("pose", 2, 2, 2),
        StageLoad("render", 0, 20, 8),
    )
    assert slowest_stage([decode, pose, render]) == pose  # decode is held up by it
    assert slowest_stage([decode, pose, replace(render, busy=19)]) == replace(render, busy=19)
    assert slowest_stage([replace(decode, busy=0), replace(pose, busy=1), render]) == replace(pose, busy=1)
    assert (
        slowest_stage([replace(decode, actors=0), replace(pose, actors=0), replace(render, actors=0)]) is None
    )
    assert slowest_stage([StageLoad("whole", 3, 4, 4)]) is None


def test_a_log_names_the_slowest_stage_and_a_terminal_has_no_room_for_it() -> None:
    progress = Progress(100)
    progress.loads = lambda: [StageLoad("decode", 0, 1, 0), StageLoad("render", 1234, 12, 12)]
    said = "; slowest stage: render (12 of 12 actors busy, 1,234 parts waiting)"
    assert progress.line().endswith(said)
    assert "slowest" not in progress.line(200)
    assert progress.record()["stages"][1] == {"stage": "render", "waiting": 1234, "actors": 12, "busy": 12}
