import base64
import fcntl
import importlib
import io
import os
import pty
import re
import struct
import sys
import termios
import threading
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from pipeline.show.terminal import escaped, protocol_of, show_picture

PNG = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230804"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "screen-256color", "TERM_PROGRAM": "iTerm.app"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({}, None),
    ],
)
def test_terminals_are_known_by_their_environment(environment: dict[str, str], protocol: str | None) -> None:
    assert protocol_of(environment) == protocol


def test_kitty_gets_the_picture_in_pieces() -> None:
    text = escaped(PNG, "kitty")
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert "".join(f"\x1b_G{control};{data}\x1b\\" for control, data in pieces) + "\n" == text
    assert len(pieces) > 2
    assert [control for control, _ in pieces] == ["a=T,f=100,m=1", *["m=1"] * (len(pieces) - 2), "m=0"]
    assert all(len(data) <= 4096 for _, data in pieces)
    assert base64.b64decode("".join(data for _, data in pieces)) == PNG


def test_iterm2_gets_the_picture_as_a_file() -> None:
    match = re.fullmatch(
        r"\x1b\]1337;File=inline=1;size=(\d+);preserveAspectRatio=1:(.*)\a\n", escaped(PNG, "iterm2")
    )
    assert match is not None
    assert int(match[1]) == len(PNG)
    assert base64.b64decode(match[2]) == PNG


def test_what_is_no_terminal_gets_nothing() -> None:
    stream = io.StringIO()
    assert not show_picture(PNG, stream, {"TERM": "xterm-kitty"})
    assert stream.getvalue() == ""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], tuple[bool, bytes]]:
    """Shows the picture in a pseudo-terminal, and gives whether it was shown and what the terminal got."""

    def show(environment: dict[str, str]) -> tuple[bool, bytes]:
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((80, 24)))
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 800, 480))
        got: list[bytes] = []

        def read() -> None:
            try:
                while piece := os.read(master, 65536):
                    got.append(piece)
            except OSError:
                pass  # the other end is closed

        reader = threading.Thread(target=read)
        reader.start()
        with os.fdopen(slave, "w") as stream:
            shown = show_picture(PNG, stream, environment)
        reader.join()
        os.close(master)
        return shown, b"".join(got)

    return show


def test_a_terminal_that_can_gets_it(terminal: Callable[[dict[str, str]], tuple[bool, bytes]]) -> None:
    shown, got = terminal({"TERM": "xterm-kitty"})
    assert shown
    assert got.replace(b"\r\n", b"\n").decode() == escaped(PNG, "kitty")


def test_sixel_is_left_to_the_library(
    terminal: Callable[[dict[str, str]], tuple[bool, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderable = pytest.importorskip("textual_image.renderable")
    assert terminal({"TERM": "xterm"}) == (False, b"")  # nothing says that this terminal has Sixel
    # What the library finds where the terminal answers that it has.
    monkeypatch.setattr(renderable, "Image", renderable.SixelImage)
    cells = importlib.import_module("textual_image._terminal").CellSize(10, 20)
    monkeypatch.setattr("textual_image.renderable.sixel.get_cell_size", lambda: cells)
    shown, got = terminal({"TERM": "xterm"})
    assert shown
    assert b"\x1bP" in got  # how Sixel begins


def test_without_the_library_it_is_a_file(
    terminal: Callable[[dict[str, str]], tuple[bool, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "textual_image.renderable", None)
    assert terminal({"TERM": "xterm"}) == (False, b"")
