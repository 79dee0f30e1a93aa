import io

from pipeline.ledger import LedgerEntry
from pipeline.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def entry(rows: int, rejected: int) -> LedgerEntry:
    return LedgerEntry(0, "f", rows, rows - rejected, rejected, 0, {})


def test_a_log_gets_a_line_at_the_start_and_one_at_the_end() -> None:
    stream = io.StringIO()
    progress = Progress(total=100, done_before=20, stream=stream)
    for _ in range(4):
        progress.add(entry(20, 1))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("40 of 100 faces (40%), ")
    assert "faces/s, 1 rejected, " in lines[0]
    assert lines[0].endswith(" left")
    assert lines[1].startswith("100 of 100 faces (100%), ")
    assert "4 rejected, done in" in lines[1]


def test_a_terminal_gets_one_live_line() -> None:
    stream = Terminal()
    progress = Progress(total=2, stream=stream)
    progress.add(entry(1, 0))
    progress.add(entry(1, 0))
    progress.close()
    assert stream.getvalue().count("\r") == 2
    assert stream.getvalue().count("\n") == 1


def test_durations_read_like_words() -> None:
    progress = Progress(total=36_000 + 1, stream=io.StringIO())
    progress._started_s -= 1.0
    progress.done = 1
    assert "h" in progress.line()
    assert "36,001 faces" in progress.line()
