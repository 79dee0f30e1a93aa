import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.printable import printable

HOSTILE = "\x1b]0;hacked\x07\x1b[2J\x9b31m\u202eabc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("Zoë, 名前, 👩", "Zoë, 名前, 👩"),
        (HOSTILE, r"\x1b]0;hacked\x07\x1b[2J\x9b31m\u202eabc"),
        ("a\rb\x7f\ud800", r"a\rb\x7f\ud800"),
    ],
)
def test_what_acts_on_a_terminal_is_shown_by_its_number(text: str, expected: str) -> None:
    assert printable(text) == expected


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("missing", ["nothing", "width"])
def test_no_command_sends_ids_and_columns_raw(tmp_path, command: str, missing: str) -> None:
    columns = {name: [1.0] for name in ("x", "y", "width", "height") if name != missing}
    table = pa.table({"face_id": [HOSTILE], "image": [f"{HOSTILE}.jpg"], HOSTILE: [1], **columns})
    pq.write_table(table, tmp_path / "faces.parquet")
    arguments = [str(tmp_path / "out"), "--set", "engine.runner=local", "--set", "engine.workers=1"]
    ended = CliRunner().invoke(
        main, [command, str(tmp_path / "faces.parquet"), *(arguments if command == "run" else [])]
    )
    said = ended.output + ended.stderr
    assert said
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said)
