from collections import Counter
from pathlib import Path

import pytest

from pipeline.errors import JobIncompleteError, StorageError
from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, commit
from pipeline.job.retry import plan_round, planned_retries, standing_rejects
from pipeline.manifest import Slice
from pipeline.reasons import Reason, Reject, Stage
from pipeline.stages.write import rejects_file

SLICES = [Slice(2 * n, 2) for n in range(6)]


def write_part(out: Folder, part: int, rejects: dict[int, Reason], rows: int = 2, number: int = 0) -> None:
    reasons = Counter(str(reason) for reason in rejects.values())
    made = [
        Reject(row, str(row), "x.jpg", Stage.DECODE, reason, "", number + 1)
        for row, reason in rejects.items()
    ]
    entry = LedgerEntry(part, "f", rows, rows - len(made), len(made), 0, dict(reasons), number)
    commit(out, entry, {f"rejects/part-{part:06d}.parquet": rejects_file(made)})


@pytest.fixture
def out(tmp_path: Path) -> Folder:
    """12 faces in 6 parts; rows 1, 2, 9 rejected; then a round over all three, in which row 1 was posed."""
    out = Folder(str(tmp_path))
    rejected = {0: {1: Reason.TIMEOUT}, 1: {2: Reason.IMAGE_MISSING}, 4: {9: Reason.TIMEOUT}}
    for part in range(6):
        write_part(out, part, rejected.get(part, {}))
    parts, continued = plan_round(out, SLICES, 2, [])
    assert not continued
    assert [(part.number, part.count) for part in parts] == [(6, 2), (7, 1)]
    write_part(out, 6, {2: Reason.IMAGE_UNREADABLE}, 2, 1)
    write_part(out, 7, {9: Reason.TIMEOUT}, 1, 1)
    return out


def test_the_last_word_on_a_face_counts(out: Folder) -> None:
    assert [(r.row, r.reason, r.attempts) for r in standing_rejects(out)] == [
        (2, "image_unreadable", 2),
        (9, "timeout", 2),
    ]
    assert planned_retries(out) == {6: 2, 7: 1}


def test_a_new_round_takes_what_still_stands_for_its_reasons(out: Folder) -> None:
    parts, continued = plan_round(out, SLICES, 2, ["timeout"])
    assert not continued
    assert [(part.number, part.again.attempts if part.again else None) for part in parts] == [(8, {9: 2})]
    assert plan_round(out, SLICES, 2, []) == (parts, True)


def test_every_file_is_read_once_and_only_where_there_are_rejects(
    out: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[str] = Counter()
    read = Folder.read

    def counted(self: Folder, name: str) -> bytes | None:
        reads[name] += 1
        return read(self, name)

    monkeypatch.setattr(Folder, "read", counted)
    standing_rejects(out)
    assert set(reads.values()) == {1}
    assert sorted(name for name in reads if name.startswith("rejects")) == [
        f"rejects/part-{part:06d}.parquet" for part in (0, 1, 4, 6, 7)
    ]


def test_rejects_that_are_gone_are_an_error(out: Folder) -> None:
    Path(out.location, "rejects/part-000004.parquet").unlink()
    with pytest.raises(StorageError, match=r"rejects of part 4 are missing.*fpn verify"):
        standing_rejects(out)


def test_a_torn_plan_is_an_error_with_a_way_out(out: Folder) -> None:
    Path(out.location, "_ledger/round-0001.json").write_text("{")
    with pytest.raises(StorageError, match=r"is not a plan of a retry.*delete it"):
        standing_rejects(out)


def test_a_retry_with_other_reasons_than_the_one_that_is_unfinished_is_refused(out: Folder) -> None:
    plan_round(out, SLICES, 2, ["timeout"])
    with pytest.raises(JobIncompleteError, match=r"retry of the faces rejected as timeout is unfinished"):
        plan_round(out, SLICES, 2, ["image_unreadable"])
    assert plan_round(out, SLICES, 2, ["timeout"])[1]
    assert plan_round(out, SLICES, 2, [])[1]
    assert planned_retries(out) == {6: 2, 7: 1, 8: 1}


def test_of_two_retries_that_begin_at_once_one_is_refused(
    out: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = standing_rejects(out)

    def meanwhile(folder: Folder) -> list:
        monkeypatch.undo()
        plan_round(folder, SLICES, 2, ["timeout"])
        return found

    monkeypatch.setattr("pipeline.job.retry.standing_rejects", meanwhile)
    with pytest.raises(JobIncompleteError, match=r"another fpn retry of .* has just begun"):
        plan_round(out, SLICES, 2, ["image_unreadable"])
    assert planned_retries(out) == {6: 2, 7: 1, 8: 1}
