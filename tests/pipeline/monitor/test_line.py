import io

from pipeline.job.ledger import LedgerEntry
from pipeline.monitor.line import ProgressLine
from pipeline.monitor.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def shown(stream: io.StringIO, total: int) -> tuple[ProgressLine, Clock]:
    clock = Clock()
    return ProgressLine(Progress(total, clock_s=clock), stream, clock), clock


def add(line: ProgressLine, rows: int) -> None:
    line.progress.add(LedgerEntry(0, "f", rows, rows, 0, 0, {}))


def test_a_log_gets_a_line_at_the_first_part_one_a_minute_and_one_at_the_end() -> None:
    line, clock = shown(io.StringIO(), 100)
    line.show()
    assert line.stream.getvalue() == ""
    for _ in range(20):
        clock.now_s += 10
        add(line, 5)
        line.show()
    line.show()
    line.close()
    said = [text.split(" of ")[0] for text in line.stream.getvalue().splitlines()]
    assert said == ["5", "35", "65", "95", "100"]


def test_a_terminal_gets_one_live_line_that_makes_room() -> None:
    line, _ = shown(Terminal(), 2)
    line.clear()
    add(line, 1)
    line.show()
    line.clear()
    add(line, 1)
    line.show()
    line.close()
    said = line.stream.getvalue()
    assert said.count("\r\033[K") == 3
    assert said.endswith("done in 0 s\n") and said.count("\n") == 1


def test_a_terminal_that_is_gone_is_no_error() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    line, _ = shown(Gone(), 2)
    add(line, 1)
    line.show()
    line.close()
