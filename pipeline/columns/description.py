"""What `net.yaml` says of a network that takes the upright crop of a face."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import ConfigError
from render_core.template import Template, TemplateName, named_template


class NetworkDescription(BaseModel):
    """How a network wants its input. A pixel p of 0 to 255 becomes (p / scale - mean) / std per channel."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    file: str
    """The ONNX file; a relative path counts from the folder of the description."""
    template: TemplateName = "arcface"
    """Where eyes, nose and mouth are in its input."""
    size_px: int | None = Field(default=None, ge=16, le=2048)
    """Height of its input; null: the template's own."""
    channels: Literal["rgb", "bgr"] = "rgb"
    """Order of the channels."""
    scale: float = Field(default=255.0, gt=0)
    """What pixels are divided by first."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Subtracted then, per channel in that order."""
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Divided by last, per channel."""
    layout: Literal["nchw", "nhwc"] = "nchw"
    """Order of the axes of its input."""
    output: str | None = None
    """Name of the output to take; null: the first."""
    distance: Literal["cosine", "euclidean"] = "cosine"
    """How its embeddings are compared."""
    licence: str
    """Under which terms the network may be used, as reports repeat it."""

    @model_validator(mode="after")
    def _no_division_by_zero(self) -> "NetworkDescription":
        if min(abs(value) for value in self.std) == 0:
            raise ValueError("std holds a zero: expected three numbers to divide by")
        return self

    @property
    def input_template(self) -> Template:
        """The template at the size of the input."""
        template = named_template(self.template)
        return template if self.size_px is None else template.scaled(self.size_px)


def read_description(path: Path) -> NetworkDescription:
    """Reads the description of a network; `file` becomes a full path.

    Args:
        path: a YAML file.

    Raises:
        ConfigError: no such file, no YAML, a key that does not exist or has no valid value.
    """
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; expected a YAML file that describes a network"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(values, dict):
        keys = ", ".join(NetworkDescription.model_fields)
        raise ConfigError(f"{path} holds a {type(values).__name__}; expected the keys {keys}")
    try:
        description = NetworkDescription.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_described(error)}") from error
    return description.model_copy(update={"file": str((path.parent / description.file).absolute())})


def _described(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"there is no key {name!r}; there are {', '.join(NetworkDescription.model_fields)}")
        elif problem["type"] == "missing":
            lines.append(f"the key {name!r} is missing")
        else:
            lines.append(f"{name}: {problem['msg']}, but got {problem['input']!r}")
    return "; ".join(lines)
