"""What an ONNX file says about its own input and output, so that any network can be swapped in by path alone.

A model carries the keys below in its `metadata_props`. `NetworkSpec` is their typed form.

    faceposenet.schema                "1"
    faceposenet.name                  what the network is called in outputs
    faceposenet.licence               under which terms the weights may be used
    faceposenet.input.name            name of the graph's input
    faceposenet.input.layout          NHWC | NCHW
    faceposenet.input.dtype           uint8 | float32
    faceposenet.input.channels        BGR | RGB
    faceposenet.input.size_px         side of the square crop
    faceposenet.input.scale           float32 only: x = (pixel * scale - mean) / std, pixel in 0..255
    faceposenet.input.mean            float32 only: three numbers, in the order of the channels
    faceposenet.input.std             float32 only: three numbers
    faceposenet.crop.expand           share of the square's side added on each side; one number, or four for
                                      left, top, right, bottom
    faceposenet.crop.interpolation    cubic | area | linear
    faceposenet.rotation.name         name of the graph's output
    faceposenet.rotation.form         one of `fpn_core.forms`, such as matrix, rvec or quaternion_wxyz
    faceposenet.rotation.columns      optional: which numbers of the output's row make the form, counted from
                                      0, in the form's order; one output may so hold the whole pose
    faceposenet.rotation.direction    optional: head_to_camera (default) | camera_to_head
    faceposenet.translation.name      name of the graph's output
    faceposenet.translation.form      tvec_mm | weak_perspective
    faceposenet.translation.columns   optional, as for the rotation
    faceposenet.axes                  optional: of head and camera. y_down (default): x right, y down, z away;
                                      y_up: x right, y up, z towards the viewer
    faceposenet.confidence.name       optional: an output of n or n x 1 numbers, more is surer
    faceposenet.camera.name           what the camera is called
    faceposenet.camera.focal_px       two numbers, fx and fy
    faceposenet.camera.centre_px      two numbers, cx and cy
    faceposenet.camera.size_px        side of the crop on which these pixels are counted

Several numbers are separated by commas.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, cast

from fpn_core.camera import Camera
from fpn_core.crop import Expand, Interpolation
from fpn_core.errors import GeometryError, ModelMetadataError
from fpn_core.forms import ROTATION_FORMS, ROTATION_FORMS_IN_WORDS, TRANSLATION_FORMS, Axes, Direction
from fpn_core.onnx_package import import_onnx, load_onnx

SCHEMA = "1"
PREFIX = "faceposenet."

Three = tuple[float, float, float]
Layout = Literal["NHWC", "NCHW"]
Channels = Literal["BGR", "RGB"]


@dataclass(frozen=True)
class Normalisation:
    """How a float32 input is made from 8-bit pixels: x = (pixel * scale - mean) / std, per channel.

    Attributes:
        scale: factor of the pixels, often 1 / 255.
        mean: per channel, in the network's order of channels.
        std: per channel, likewise.

    Example:
        >>> Normalisation(scale=1 / 255, mean=(0.5, 0.5, 0.5)).std
        (1.0, 1.0, 1.0)
    """

    scale: float
    mean: Three
    std: Three = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class NetworkSpec:
    """Everything needed to feed a pose network and to read its output; the keys above explain each field.

    Attributes:
        normalisation: None for uint8 input.
        rotation_columns: None where the whole output is the form.
        translation_columns: None where the whole output is the form.

    Example:
        >>> from fpn_core import PoseNetwork
        >>> spec = PoseNetwork().spec
        >>> spec.size_px, spec.channels, spec.camera.name
        (112, 'BGR', 'fpn-227')
    """

    name: str
    licence: str
    input_name: str
    layout: Layout
    channels: Channels
    size_px: int
    normalisation: Normalisation | None
    crop_expand: Expand
    crop_interpolation: Interpolation
    rotation_output: str
    rotation_form: str
    translation_output: str
    translation_form: str
    camera: Camera
    confidence_output: str | None = None
    rotation_columns: tuple[int, ...] | None = None
    translation_columns: tuple[int, ...] | None = None
    axes: Axes = "y_down"
    rotation_direction: Direction = "head_to_camera"


def metadata_to_spec(metadata: Mapping[str, str]) -> NetworkSpec:
    """Reads the specification from a model's metadata.

    Args:
        metadata: the keys and values, as `session.get_modelmeta().custom_metadata_map` returns them.

    Returns:
        The specification.

    Raises:
        ModelMetadataError: a key that is missing, wrong or unknown; the message names it.

    Example:
        >>> from fpn_core import PoseNetwork
        >>> spec = PoseNetwork().spec
        >>> metadata_to_spec(spec_to_metadata(spec)) == spec
        True
    """
    reader = _Reader(metadata)
    reader.choice("schema", [SCHEMA])
    is_float = reader.choice("input.dtype", ["uint8", "float32"]) == "float32"
    spec = NetworkSpec(
        name=reader.text("name"),
        licence=reader.text("licence"),
        input_name=reader.text("input.name"),
        layout=cast(Layout, reader.choice("input.layout", ["NHWC", "NCHW"])),
        channels=cast(Channels, reader.choice("input.channels", ["BGR", "RGB"])),
        size_px=reader.size("input.size_px"),
        normalisation=reader.normalisation() if is_float else None,
        crop_expand=reader.expand(),
        crop_interpolation=cast(
            Interpolation, reader.choice("crop.interpolation", ["cubic", "area", "linear"])
        ),
        rotation_output=reader.text("rotation.name"),
        rotation_form=reader.choice("rotation.form", ROTATION_FORMS, ROTATION_FORMS_IN_WORDS),
        translation_output=reader.text("translation.name"),
        translation_form=reader.choice("translation.form", TRANSLATION_FORMS),
        camera=reader.camera(),
        confidence_output=reader.text("confidence.name") if reader.has("confidence.name") else None,
        rotation_columns=reader.columns("rotation"),
        translation_columns=reader.columns("translation"),
        axes=cast(Axes, reader.choice_or_first("axes", ["y_down", "y_up"])),
        rotation_direction=cast(
            Direction, reader.choice_or_first("rotation.direction", ["head_to_camera", "camera_to_head"])
        ),
    )
    reader.refuse_the_rest()
    _check_form(spec)
    return spec


def _check_form(spec: NetworkSpec) -> None:
    """Raises ModelMetadataError for columns that do not make the form, and axes where a form has its own."""
    shapes = {
        "rotation": (spec.rotation_columns, spec.rotation_form, ROTATION_FORMS[spec.rotation_form].shape),
        "translation": (
            spec.translation_columns,
            spec.translation_form,
            TRANSLATION_FORMS[spec.translation_form].shape,
        ),
    }
    for part, (columns, form, shape) in shapes.items():
        if columns is not None and len(columns) != math.prod(shape):
            raise ModelMetadataError(
                f"the model's metadata key {PREFIX}{part}.columns names {len(columns)} numbers; the form"
                f" {form} has {math.prod(shape)}. Name that many, or correct {PREFIX}{part}.form."
            )
    given = (spec.axes, spec.rotation_direction)
    if ROTATION_FORMS[spec.rotation_form].own_axes and given != ("y_down", "head_to_camera"):
        raise ModelMetadataError(
            f"the model's metadata say {PREFIX}axes {given[0]} and {PREFIX}rotation.direction {given[1]}, but"
            f" the form {spec.rotation_form} has its own axes. Leave both keys out, or use an euler_ form."
        )


def spec_to_metadata(spec: NetworkSpec) -> dict[str, str]:
    """Writes a specification as metadata: the inverse of `metadata_to_spec`.

    Args:
        spec: the specification.

    Returns:
        Keys with their prefix, and values.

    Example:
        >>> from fpn_core import PoseNetwork
        >>> spec_to_metadata(PoseNetwork().spec)["faceposenet.input.size_px"]
        '112'
    """
    expand = spec.crop_expand if isinstance(spec.crop_expand, tuple) else (spec.crop_expand,)
    keys = {
        "schema": SCHEMA,
        "name": spec.name,
        "licence": spec.licence,
        "input.name": spec.input_name,
        "input.layout": spec.layout,
        "input.dtype": "uint8" if spec.normalisation is None else "float32",
        "input.channels": spec.channels,
        "input.size_px": str(spec.size_px),
        "crop.expand": _numbers_to_text(expand),
        "crop.interpolation": spec.crop_interpolation,
        "rotation.name": spec.rotation_output,
        "rotation.form": spec.rotation_form,
        "translation.name": spec.translation_output,
        "translation.form": spec.translation_form,
        "camera.name": spec.camera.name,
        "camera.focal_px": _numbers_to_text(spec.camera.focal_px),
        "camera.centre_px": _numbers_to_text(spec.camera.centre_px),
        "camera.size_px": str(spec.camera.size_px),
    }
    if spec.normalisation is not None:
        keys["input.scale"] = repr(spec.normalisation.scale)
        keys["input.mean"] = _numbers_to_text(spec.normalisation.mean)
        keys["input.std"] = _numbers_to_text(spec.normalisation.std)
    if spec.confidence_output is not None:
        keys["confidence.name"] = spec.confidence_output
    if spec.rotation_columns is not None:
        keys["rotation.columns"] = ", ".join(map(str, spec.rotation_columns))
    if spec.translation_columns is not None:
        keys["translation.columns"] = ", ".join(map(str, spec.translation_columns))
    if spec.axes != "y_down":
        keys["axes"] = spec.axes
    if spec.rotation_direction != "head_to_camera":
        keys["rotation.direction"] = spec.rotation_direction
    return {PREFIX + key: value for key, value in keys.items()}


def write_metadata(source: Path, destination: Path, spec: NetworkSpec) -> None:
    """Copies an ONNX file with its metadata replaced by those of `spec`; graph and weights stay as they are.

    Args:
        source: the file to copy.
        destination: the file to write; may be `source`.
        spec: the specification.

    Raises:
        MissingPackageError: the package `onnx` is not installed.
        ModelFileError: a source that cannot be read.

    Example:
        >>> import tempfile
        >>> from fpn_core import PoseNetwork, default_model_path
        >>> copy = Path(tempfile.mkdtemp()) / "copy.onnx"
        >>> write_metadata(default_model_path(), copy, PoseNetwork().spec)
        >>> copy.is_file()
        True
    """
    onnx = import_onnx()
    model = load_onnx(source)
    onnx.helper.set_model_props(model, spec_to_metadata(spec))
    destination.write_bytes(model.SerializeToString())


def _numbers_to_text(numbers: Iterable[float]) -> str:
    return ", ".join(repr(float(number)) for number in numbers)


class _Reader:
    """Takes keys out of the metadata one by one, and refuses in words a person can act on."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._left = {key: value for key, value in metadata.items() if key.startswith(PREFIX)}

    def has(self, key: str) -> bool:
        return PREFIX + key in self._left

    def text(self, key: str, expected: str = "a text that is not empty") -> str:
        value = self._left.pop(PREFIX + key, None)
        if value is None or not value.strip():
            self._refuse(key, value, expected)
        return value.strip()

    def choice(self, key: str, allowed: Collection[str], expected: str | None = None) -> str:
        expected = " | ".join(allowed) if expected is None else expected
        value = self.text(key, expected)
        if value not in allowed:
            self._refuse(key, value, expected)
        return value

    def choice_or_first(self, key: str, allowed: Sequence[str]) -> str:
        return self.choice(key, allowed) if self.has(key) else allowed[0]

    def columns(self, part: str) -> tuple[int, ...] | None:
        key, expected = f"{part}.columns", "whole numbers of at least 0, none twice, separated by commas"
        if not self.has(key):
            return None
        value = self.text(key, expected)
        columns = [column.strip() for column in value.split(",")]
        if not all(c.isascii() and c.isdigit() for c in columns) or len(set(columns)) < len(columns):
            self._refuse(key, value, expected)
        return tuple(int(column) for column in columns)

    def size(self, key: str) -> int:
        expected = "a whole number of pixels above 0"
        value = self.text(key, expected)
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            self._refuse(key, value, expected)
        return int(value)

    def numbers(self, key: str, counts: tuple[int, ...]) -> tuple[float, ...]:
        expected = f"{' or '.join(str(count) for count in counts)} finite numbers separated by commas"
        value = self.text(key, expected)
        try:
            numbers = tuple(float(part) for part in value.split(","))
        except ValueError:
            self._refuse(key, value, expected)
        if len(numbers) not in counts or not all(abs(number) < float("inf") for number in numbers):
            self._refuse(key, value, expected)
        return numbers

    def normalisation(self) -> Normalisation:
        scale = self.numbers("input.scale", (1,))[0]
        mean = cast(Three, self.numbers("input.mean", (3,)))
        std = cast(Three, self.numbers("input.std", (3,)))
        if 0 in std:
            self._refuse("input.std", str(std), "three numbers that are not 0")
        return Normalisation(scale, mean, std)

    def expand(self) -> Expand:
        numbers = self.numbers("crop.expand", (1, 4))
        if min(numbers) < 0:
            self._refuse("crop.expand", str(numbers), "shares of the side of at least 0")
        return numbers[0] if len(numbers) == 1 else cast(tuple[float, float, float, float], numbers)

    def camera(self) -> Camera:
        pair = tuple[float, float]
        name = self.text("camera.name")
        focal = cast(pair, self.numbers("camera.focal_px", (2,)))
        centre = cast(pair, self.numbers("camera.centre_px", (2,)))
        try:
            return Camera(name, focal, centre, self.size("camera.size_px"))
        except GeometryError as error:
            raise ModelMetadataError(f"the keys {PREFIX}camera.* describe no camera: {error}") from error

    def refuse_the_rest(self) -> None:
        if self._left:
            key, value = next(iter(self._left.items()))
            self._refuse(key.removeprefix(PREFIX), value, "no such key in this schema or for this dtype")

    def _refuse(self, key: str, found: str | None, expected: str) -> NoReturn:
        raise ModelMetadataError(
            f"the model's metadata key {PREFIX}{key} is {'missing' if found is None else repr(found)};"
            f" expected: {expected}. Write it into the file with `fpn models describe`, or with a NetworkSpec"
            " and fpn_core.metadata.write_metadata(); the docstring of that module lists all keys."
        )
