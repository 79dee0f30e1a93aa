"""Which settings a wrong name may have meant."""

import pytest

from pipeline.config.suggestions import near_settings

SECTIONS = {
    "images": ["format", "root"],
    "output": ["format", "quality"],
    "render": ["size_px", "read_threads", "heads"],
}


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("render.size", ["render.size_px"]),
        ("rendr.size_px", ["render.size_px"]),
        ("rendr.sise_px", ["render.size_px"]),
        ("images.size_px", ["render.size_px"]),
        ("images.sise_px", ["render.size_px"]),
        ("xyz.size_px", ["render.size_px"]),
        ("size_px", ["render.size_px"]),
        ("sise_px", ["render.size_px"]),
        ("format", ["images.format", "output.format"]),
        ("outputs.format", ["output.format"]),
        ("size", ["render.size_px"]),
        ("threads", ["render.read_threads"]),
        ("outpt", ["output"]),
        ("render.root", ["images.root"]),
        ("render.colour", []),
        ("xyz.abc", []),
        ("q", []),
    ],
)
def test_what_is_meant_is_told_in_full(wrong: str, near: list[str]) -> None:
    assert near_settings(wrong.split("."), SECTIONS) == near
