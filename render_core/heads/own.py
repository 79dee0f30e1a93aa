"""Heads of users: a YAML file with measurements, parameters, or a mesh."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from render_core.errors import HeadError
from render_core.heads.build import build_head
from render_core.heads.imported import import_mesh
from render_core.heads.measure import likeliest_parameters
from render_core.heads.mesh import HeadMesh

_KINDS = ("measurements_mm", "parameters", "mesh")
_KEYS = ("name", "landmark_vertices", *_KINDS)


def build_head_from_yaml(path: Path) -> HeadMesh:
    """Builds the head that a YAML file describes.

    The file has `name` (by default the file's stem) and one of: `measurements_mm`, lengths by name, from
    which the likeliest head follows; `parameters`, standard deviations by name; or `mesh`, an OBJ or PLY file
    in the same folder, with `landmark_vertices`, the rows (0-based) of its vertices at the 68 landmarks of
    300-W.

    Args:
        path: the YAML file.

    Raises:
        HeadError: anything else; the message says what was found and what was expected.
        MissingExtraError: a mesh, without the extra that reads it.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "narrow.yaml"
        >>> _ = file.write_text("parameters: {width: -1.5}")
        >>> build_head_from_yaml(file).name
        'narrow'
    """
    description = _read(path)
    kinds = [kind for kind in _KINDS if kind in description]
    if len(kinds) != 1:
        raise HeadError(
            f"{path} has {' and '.join(kinds) or 'none of its parts'}: expected one of {_listed(_KINDS)}"
        )
    name = str(description.get("name", path.stem))
    if kinds == ["mesh"]:
        return import_mesh(
            path.parent / str(description["mesh"]), _landmark_vertices(path, description), name
        )
    values = _numbers(path, kinds[0], description[kinds[0]])
    return build_head(likeliest_parameters(values) if kinds == ["measurements_mm"] else values, name)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        description = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise HeadError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(description, Mapping):
        raise HeadError(f"{path} holds a {type(description).__name__}: expected keys among {_listed(_KEYS)}")
    if unknown := [str(key) for key in description if key not in _KEYS]:
        raise HeadError(f"{path} has unknown keys {_listed(unknown)}: expected keys among {_listed(_KEYS)}")
    return description


def _landmark_vertices(path: Path, description: Mapping[str, Any]) -> list[int]:
    rows = description.get("landmark_vertices")
    if not isinstance(rows, list) or not all(
        isinstance(row, int) and not isinstance(row, bool) for row in rows
    ):
        raise HeadError(f"{path}: landmark_vertices must be a list of 68 whole numbers next to mesh")
    return rows


def _numbers(path: Path, key: str, values: Any) -> dict[str, float]:
    if not isinstance(values, Mapping):
        raise HeadError(f"{path}: {key} holds a {type(values).__name__}: expected numbers by name")
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise HeadError(f"{path}: {key}.{name} is {value!r}: expected a number")
    return {str(name): float(value) for name, value in values.items()}


def _listed(names: Any) -> str:
    return ", ".join(names)
