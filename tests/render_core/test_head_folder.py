from pathlib import Path

import numpy as np
import pytest

from render_core.errors import HeadError
from render_core.head import ViewedHead
from render_core.head_file import write_head_file
from render_core.head_folder import find_head
from render_core.heads import HeadMesh, load_head, save_head
from tests.render_core.test_head_file import random_view


def test_heads_of_every_kind_are_found_by_name(tmp_path: Path) -> None:
    save_head(load_head("open-mean"), tmp_path / "mine.npz")
    write_head_file(tmp_path / "03.npz", ViewedHead("03", {0.0: random_view(0.0)}))
    assert isinstance(find_head("mine", tmp_path), HeadMesh)
    assert isinstance(find_head("03", tmp_path), ViewedHead)
    np.testing.assert_array_equal(find_head("open-mean").vertices_mm, load_head("open-mean").vertices_mm)


def test_a_missing_head_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match="found no head at all"):
        find_head("07", tmp_path)
    write_head_file(tmp_path / "03.npz", ViewedHead("03", {0.0: random_view(0.0)}))
    with pytest.raises(HeadError, match=r"no head '07' in .*found 03"):
        find_head("07", tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "03.npz").write_bytes(content)
    with pytest.raises(HeadError, match=r"03\.npz"):
        find_head("03", tmp_path)
