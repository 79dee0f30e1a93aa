"""The `.bin` files in which InsightFace publishes pairs: a pickle of (encoded images, same or not).

A pickle is a program. It is run here only if it does nothing but build lists, tuples, bytes and bools.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.recognition.pairs import FaceImage, Pairs, people_of_pairs

FOLDS = 10
_ALLOWED = frozenset(
    [
        *("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK"),
        *("EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        *("NEWTRUE", "NEWFALSE", "INT"),
        *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
    ]
)


class _BuildsNothing(pickle.Unpickler):
    """Refuses every class and function, whatever the check of the opcodes has let through."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, identity: Any) -> NoReturn:
        raise pickle.UnpicklingError("it asks for an object from elsewhere")


def read_bin(path: Path) -> Pairs:
    """Reads the pairs of a .bin file: in ten folds, one after the other, as they are scored everywhere.

    Args:
        path: the file.

    Raises:
        DatasetError: a file that is missing or damaged, does more than build lists, tuples, bytes and bools,
            or holds something else than pairs.
    """
    try:
        data = path.read_bytes()
        refused = sorted({op.name for op, _, _ in pickletools.genops(data)} - _ALLOWED)
        if refused:
            raise DatasetError(
                f"{path} is a pickle that does more than build lists, tuples, bytes and bools "
                f"({', '.join(refused)}); it is not run. Expected a .bin of InsightFace"
            )
        found = _BuildsNothing(io.BytesIO(data), encoding="bytes").load()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except (pickle.UnpicklingError, ValueError, EOFError, IndexError, AttributeError) as error:
        raise DatasetError(f"{path} is no .bin of InsightFace, or a damaged one: {error}") from error
    return _pairs(path, found)


def _pairs(path: Path, found: Any) -> Pairs:
    good = (
        isinstance(found, tuple | list) and len(found) == 2 and all(isinstance(part, list) for part in found)
    )
    images, same = found if good else ([], [])
    good = good and all(isinstance(image, bytes) for image in images)
    good = good and all(isinstance(value, bool) for value in same)
    if not good or len(images) != 2 * len(same) or not same:
        raise DatasetError(
            f"{path} holds something else than pairs: expected two lists, of images (bytes) and of bools, "
            f"two images per bool; found {len(images):,} and {len(same):,}"
        )
    n = len(same)
    faces = tuple(FaceImage(f"{i // 2}{'ab'[i % 2]}", image) for i, image in enumerate(images))
    first, second = np.arange(0, 2 * n, 2), np.arange(1, 2 * n, 2)
    truth = np.array(same, dtype=bool)
    fold = np.arange(n) * FOLDS // n
    person = people_of_pairs(2 * n, first, second, truth)
    return Pairs(path.name, faces, first, second, truth, fold, person)
