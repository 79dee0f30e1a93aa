from pathlib import Path

import numpy as np
import pytest

from render_core.errors import HeadError
from render_core.head import geometry_sha256
from render_core.heads.build import load_head
from render_core.heads.files import read_head, save_head


def test_a_head_comes_back_as_it_was(tmp_path: Path) -> None:
    head = load_head()
    back = read_head(save_head(head, tmp_path / "heads" / "head.npz"))
    assert back.name == head.name
    assert geometry_sha256(back) == geometry_sha256(head)


def test_anything_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "head.npz"
    with pytest.raises(HeadError, match="is not a head file"):
        read_head(path)
    path.write_bytes(b"not a zip")
    with pytest.raises(HeadError, match="is not a head file"):
        read_head(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(HeadError, match="is not a head file"):
        read_head(path)
    np.savez(path, format=np.array("faceposenet-mesh-9"))
    with pytest.raises(HeadError, match="expected 'faceposenet-mesh-1'"):
        read_head(path)


def test_damage_anywhere_is_one_of_our_errors_or_harmless(tmp_path: Path) -> None:
    path = save_head(load_head(), tmp_path / "head.npz")
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for at in rng.integers(0, len(data), 40):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        path.write_bytes(bytes(damaged))
        try:
            read_head(path)
        except HeadError:
            refused += 1
    assert refused > 30
