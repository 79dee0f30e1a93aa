import hashlib
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, commit, committed_parts, read_entries, read_entry

ENTRY = LedgerEntry(
    part=3, fingerprint="abc", rows=2, posed=1, rejected=1, views=5, rejects_by_reason={"box_invalid": 1}
)


def test_a_part_is_there_once_its_entry_is(tmp_path: Path) -> None:
    out = Folder(str(tmp_path))
    assert committed_parts(out) == set()
    written = commit(out, ENTRY, {"poses/part-000003.parquet": b"poses"})
    assert committed_parts(out) == {3}
    assert read_entry(out, 3) == written
    assert written.files["poses/part-000003.parquet"].sha256 == hashlib.sha256(b"poses").hexdigest()
    assert read_entry(out, 4) is None


def test_the_entry_is_written_after_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    monkeypatch.setattr(Folder, "write", lambda self, name, data: order.append(name))
    commit(Folder(str(tmp_path)), ENTRY, {"poses/a": b"", "rejects/a": b"", "views/a": b""})
    assert order == ["poses/a", "rejects/a", "views/a", "_ledger/part-000003.json"]


def test_other_files_in_the_ledger_are_no_parts(tmp_path: Path) -> None:
    out = Folder(str(tmp_path))
    for name in ("part-000001.json.tmp", ".part-000002.json.x", "notes.txt"):
        out.write(f"_ledger/{name}", b"")
    assert committed_parts(out) == set()


def test_a_torn_entry_is_named(tmp_path: Path) -> None:
    out = Folder(str(tmp_path))
    out.write("_ledger/part-000000.json", b'{"part": 0')
    with pytest.raises(StorageError, match=r"part-000000.json in .* delete it to have part 0 redone"):
        read_entry(out, 0)


def test_many_entries_come_in_the_order_that_was_asked_for(tmp_path: Path) -> None:
    out = Folder(str(tmp_path))
    for part in range(100):
        commit(out, LedgerEntry(part, "f", 1, 1, 0, 0, {}), {})
    assert [entry.part for entry in read_entries(out, [*range(99, -1, -1), 100])] == list(range(99, -1, -1))
