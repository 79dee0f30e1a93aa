"""The variables a network needs out of a checkpoint: all of them, none besides, each of its shape."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpn_core.convert.checkpoint import Variable, read_checkpoint
from fpn_core.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]
Weights = dict[str, NDArray[np.float32]]

_NAMED_AT_MOST = 5


def find_file(folder: Path, pattern: str, chosen: str | None = None) -> Path:
    """The one file of a pattern in a folder or the folders in it, or the one called `chosen`.

    Checkpoints of version 2 are several files: `find_checkpoint` finds those. Raises CheckpointError.
    """
    return _only(folder, pattern, {p for p in _all_files(folder) if p.match(chosen or pattern)}, chosen)


def find_checkpoint(folder: Path, pattern: str, chosen: str | None = None) -> Path:
    """The one checkpoint of a pattern in a folder or the folders in it, as the path that TensorFlow takes.

    `pattern` is matched against the path without `.index`; a step number may follow it. Raises
    CheckpointError where there is none, or more than one and none is chosen.
    """
    found = set()
    for path in _all_files(folder):
        if ".data-" in path.name or path.suffix == ".meta":
            continue
        prefix = path.with_suffix("") if path.suffix == ".index" else path
        if prefix.match(chosen) if chosen else prefix.match(pattern) or prefix.match(pattern + "-*"):
            found.add(prefix)
    return _only(folder, pattern, found, chosen)


def read_weights(prefix: Path, shapes: Shapes, scope: str = "") -> Weights:
    """The variables named in `shapes`, as float32.

    Variables of the checkpoint outside `scope` are left alone, and so are those that a training adds to each
    weight (`<name>/Adam`). Raises CheckpointError for variables that are missing, too many, or of another
    shape or kind, or not finite.
    """
    variables = read_checkpoint(prefix)
    _check_names(prefix, variables, shapes, scope)
    weights = {}
    for name, shape in shapes.items():
        if variables[name].shape != shape:
            raise CheckpointError(
                f"variable {name} of {prefix} has shape {variables[name].shape}; this network needs {shape}."
                " It is a checkpoint of another network."
            )
        weights[name] = variables[name].read().astype(np.float32)
        if not np.isfinite(weights[name]).all():
            raise CheckpointError(
                f"variable {name} of {prefix} holds NaN or infinity; expected numbers. Take a checkpoint of"
                " a training that did not diverge."
            )
    return weights


def _check_names(prefix: Path, variables: Mapping[str, Variable], shapes: Shapes, scope: str) -> None:
    missing = sorted(shapes.keys() - variables.keys())
    if missing:
        raise CheckpointError(
            f"the checkpoint {prefix} lacks {len(missing)} of {len(shapes)} variables: {_list(missing)}; it"
            f" has {len(variables)}: {_list(sorted(variables))}. Take the checkpoint of this very network."
        )
    extra = sorted(
        name
        for name in variables.keys() - shapes.keys()
        if scope and name.startswith(scope) and not any(name.startswith(own + "/") for own in shapes)
    )
    if extra:
        raise CheckpointError(
            f"the checkpoint {prefix} has {len(extra)} variables that this network does not have:"
            f" {_list(extra)}. It is a checkpoint of another network."
        )


def _all_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise CheckpointError(f"there is no folder {folder}; expected the released files of the network.")
    return sorted(path for path in [*folder.glob("*"), *folder.glob("*/*")] if path.is_file())


def _only(folder: Path, pattern: str, found: set[Path], chosen: str | None) -> Path:
    if len(found) == 1:
        return found.pop()
    wanted = chosen or pattern
    if not found:
        names = _list([path.name for path in _all_files(folder)]) or "no files"
        raise CheckpointError(f"{folder} has no {wanted}; it has {names}. Give the folder of the release.")
    raise CheckpointError(
        f"{folder} has {len(found)} files of the kind {wanted}: {_list(sorted(p.name for p in found))}."
        " Choose one by its name (--checkpoint NAME), or leave only one there."
    )


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    return shown + (", ..." if len(names) > _NAMED_AT_MOST else "")
