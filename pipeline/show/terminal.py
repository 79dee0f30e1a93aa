"""Pictures in terminals that can show them.

The protocols of kitty and iTerm2 are escape sequences around base64, known from the environment that such
terminals set. Sixel has to be asked of the terminal, and encoded: that is left to textual-image, where it is
installed (`pip install 'faceposenet[terminal]'`).
"""

import base64
import io
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Literal, TextIO

Protocol = Literal["kitty", "iterm2"]
_CHUNK = 4096
"""Of base64, at most, in one sequence of kitty's protocol."""
_ITERM2_PROGRAMS = ("iTerm.app", "WezTerm", "mintty", "rio")
_KITTY_TERMS = ("xterm-kitty", "xterm-ghostty")


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """The protocol of the terminal that set this environment, where it says which.

    tmux and screen pass no pictures through, whatever terminal they run in.
    """
    term = environment.get("TERM", "")
    if "TMUX" in environment or term.startswith(("tmux", "screen")):
        return None
    if "KITTY_WINDOW_ID" in environment or term in _KITTY_TERMS or "KONSOLE_VERSION" in environment:
        return "kitty"
    if environment.get("TERM_PROGRAM") in _ITERM2_PROGRAMS or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return None


def escaped(png: bytes, protocol: Protocol) -> str:
    """The characters that make a terminal show a PNG."""
    data = base64.b64encode(png).decode("ascii")
    if protocol == "iterm2":
        return f"\x1b]1337;File=inline=1;size={len(png)};preserveAspectRatio=1:{data}\a\n"
    return "".join(_kitty_sequences(data)) + "\n"


def _kitty_sequences(data: str) -> Iterator[str]:
    # a=T: transmit and show; f=100: PNG; m=1: more follows.
    control = "a=T,f=100,"
    for start in range(0, len(data), _CHUNK):
        more = int(start + _CHUNK < len(data))
        yield f"\x1b_G{control}m={more};{data[start : start + _CHUNK]}\x1b\\"
        control = ""


def show_picture(png: bytes, stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Show a picture in the terminal behind a stream.

    False where there is none, or none that shows pictures, or one without a size, which is no real one.
    """
    if not stream.isatty() or shutil.get_terminal_size((0, 0)).columns == 0:
        return False
    protocol = protocol_of(environment)
    if protocol is None:
        return _show_by_library(png, stream)
    stream.write(escaped(png, protocol))
    stream.flush()
    return True


def _show_by_library(png: bytes, stream: TextIO) -> bool:
    """Sixel, where textual-image is installed and finds that the terminal has it."""
    try:
        from rich.console import Console  # noqa: PLC0415  # an optional extra, needed here alone
        from textual_image.renderable import Image  # noqa: PLC0415
        from textual_image.renderable.sixel import Image as SixelImage  # noqa: PLC0415
    except ImportError:
        return False
    if Image is not SixelImage:
        return False
    Console(file=stream).print(SixelImage(io.BytesIO(png)))
    return True
