"""Looking at model files and describing them, for users who bring their own network."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpn_core.errors import ModelMetadataError
from fpn_core.metadata import PREFIX, SCHEMA, NetworkSpec, metadata_to_spec, write_metadata
from fpn_core.network import check_graph, read_model_file
from fpn_core.session import open_session


@dataclass(frozen=True)
class GraphValue:
    """An input or output of a graph.

    Attributes:
        name: its name in the graph.
        dtype: its type, as ONNX Runtime names it.
        shape: its dimensions; a name or None where one is not fixed.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True)
class ModelReport:
    """What a model file contains; `inspect_model` returns it.

    Attributes:
        size_bytes: size of the file.
        sha256: hex digest of the file.
        inputs: inputs of the graph.
        outputs: outputs of the graph.
        metadata: all metadata of the file.
        spec: the specification in the metadata, or None where there is none that is valid.
        problem: why `PoseNetwork` would refuse the file, or None where it runs.

    Example:
        >>> from fpn_core import default_model_path
        >>> [value.dtype for value in inspect_model(default_model_path()).inputs]
        ['tensor(uint8)']
    """

    size_bytes: int
    sha256: str
    inputs: tuple[GraphValue, ...]
    outputs: tuple[GraphValue, ...]
    metadata: Mapping[str, str]
    spec: NetworkSpec | None
    problem: str | None


def inspect_model(path: Path) -> ModelReport:
    """Opens a model file on the CPU and reports what is in it, whether or not it describes itself.

    Args:
        path: the file.

    Returns:
        What it contains.

    Raises:
        ModelFileError: a file that does not exist or is not a network.

    Example:
        >>> from fpn_core import default_model_path
        >>> report = inspect_model(default_model_path())
        >>> report.problem is None, report.spec.size_px
        (True, 112)
    """
    model = read_model_file(path)
    session, _ = open_session(model, str(path), "cpu", threads=1)
    metadata = dict(session.get_modelmeta().custom_metadata_map)
    spec, problem = None, None
    try:
        spec = metadata_to_spec(metadata)
        check_graph(session, spec)
    except ModelMetadataError as error:
        problem = str(error)
    return ModelReport(
        size_bytes=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
        inputs=_values(session.get_inputs()),
        outputs=_values(session.get_outputs()),
        metadata=metadata,
        spec=spec,
        problem=problem,
    )


def describe_model(source: Path, destination: Path, changes: Mapping[str, str]) -> NetworkSpec:
    """Copies a model file with some of its metadata changed, once they fit the graph.

    What the file said before stays. Nothing is written when the result would not run.

    Args:
        source: the file to copy.
        destination: the file to write.
        changes: keys of `fpn_core.metadata`, with or without their prefix, and their new values; an empty
            value removes a key.

    Returns:
        The specification of the new file.

    Raises:
        ModelFileError: a source that does not exist or is not a network.
        ModelMetadataError: metadata that are not valid or do not fit the graph.
        MissingPackageError: the package `onnx` is not installed.

    Example:
        >>> import tempfile
        >>> from fpn_core import default_model_path
        >>> copy = Path(tempfile.mkdtemp()) / "renamed.onnx"
        >>> describe_model(default_model_path(), copy, {"name": "renamed"}).name
        'renamed'
    """
    session, _ = open_session(read_model_file(source), str(source), "cpu", threads=1)
    keys = {PREFIX + "schema": SCHEMA} | dict(session.get_modelmeta().custom_metadata_map)
    for key, value in changes.items():
        keys[PREFIX + key.removeprefix(PREFIX)] = value
    spec = metadata_to_spec({key: value for key, value in keys.items() if value.strip()})
    check_graph(session, spec)
    write_metadata(source, destination, spec)
    return spec


def _values(nodes: list[Any]) -> tuple[GraphValue, ...]:
    return tuple(GraphValue(node.name, node.type, tuple(node.shape)) for node in nodes)
