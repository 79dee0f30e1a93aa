import json
from collections import Counter
from pathlib import Path

from pipeline.io.storage import Folder
from pipeline.reasons import Reason, Reject, Stage
from pipeline.report.part_tables import read_rows
from pipeline.report.rejected import tally_rejected
from pipeline.stages.write import rejects_file


def write_rejects(folder: Path, part: int, rejects: list[tuple[int, Reason]]) -> None:
    data = rejects_file([Reject(row, f"f{row}", "", Stage.DECODE, reason, "") for row, reason in rejects])
    Folder(str(folder)).write(f"rejects/part-{part:06d}.parquet", data)


def test_a_face_that_was_tried_again_counts_by_its_last_try(tmp_path: Path) -> None:
    missing, hung = Reason.IMAGE_MISSING, Reason.TIMEOUT
    write_rejects(tmp_path, 0, [(1, missing), (3, missing), (4, Reason.BOX_INVALID)])
    write_rejects(tmp_path, 1, [(6, hung)])
    # 1 was posed then, 3 was rejected again and for another reason; 6 waits in a part that is not done.
    write_rejects(tmp_path, 2, [(3, hung)])
    plan = {"round": 1, "reasons": [], "first_part": 2, "parts": [[[1, 1, ""], [3, 1, ""]], [[6, 1, ""]]]}
    Folder(str(tmp_path)).write("_ledger/round-0001.json", json.dumps(plan).encode())
    out = Folder(str(tmp_path))
    tally = tally_rejected(out, [0, 1, 2], 5, 0)
    assert tally.by_reason == Counter({hung: 2, Reason.BOX_INVALID: 1})
    assert tally.faces == 3
    assert tally.by_stage[hung] == Counter({"decode": 2})
    hanging = read_rows(out, "rejects", tally.examples[hung].places)
    assert sorted(record["row"] for record in hanging.values()) == [3, 6]


def test_examples_are_random_few_and_the_same_for_a_seed(tmp_path: Path) -> None:
    for part in range(4):
        write_rejects(tmp_path, part, [(100 * part + i, Reason.TIMEOUT) for i in range(50)])
    out = Folder(str(tmp_path))

    def examples(seed: int) -> list[object]:
        return list(tally_rejected(out, [0, 1, 2, 3], 7, seed).examples[Reason.TIMEOUT].places)

    assert len(examples(0)) == 7
    assert examples(0) == examples(0) != examples(1)
