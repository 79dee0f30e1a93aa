"""A pose network in ONNX Runtime: crops in, poses out, in batches."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from fpn_core.errors import ModelFileError, ModelInputError, ModelMetadataError, ModelOutputError
from fpn_core.forms import ROTATION_FORMS, TRANSLATION_FORMS, Y_UP, to_head_rotation
from fpn_core.metadata import NetworkSpec, metadata_to_spec
from fpn_core.models import DEFAULT_MODEL, default_model_path, find_model, packaged_models
from fpn_core.pose import PoseBatch
from fpn_core.session import CPU, Device, open_session, run_bound


class PoseNetwork:
    """An ONNX file that describes itself (see `fpn_core.metadata`), ready to run.

    It loads no custom-op library and no external weights: the file is all there is.

    Attributes:
        spec: what goes in and what comes out.
        provider: the ONNX Runtime provider that really runs it.
        provider_reason: one sentence on why it is that one.
        sha256: hex digest of the bytes that were loaded.

    Example:
        >>> network = PoseNetwork(device="cpu")
        >>> size = network.spec.size_px
        >>> network(np.zeros((4, size, size, 3), np.uint8)).rotation.shape
        (4, 3, 3)
    """

    def __init__(
        self,
        path: Path | None = None,
        device: Device = "auto",
        threads: int = 1,
        expected_sha256: str | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        """Loads the file.

        Args:
            path: a file, the name of a network of the package, or None for the package's default.
            device: "auto" uses CUDA where it works and else the CPU; "cuda" and "tensorrt" insist.
            threads: CPU threads per call.
            expected_sha256: hex digest that the file must have; checked before any of it is used.
            cache_dir: where TensorRT keeps the engines that it builds, which takes minutes; None: nowhere.

        Raises:
            ModelFileError: a file that does not exist, is not a network, or has another digest.
            ModelMetadataError: metadata that are missing, not valid, or do not fit the graph.
            ProviderError: a device that was asked for and does not work.
        """
        path = default_model_path() if path is None else Path(path)
        model = read_model_file(path)
        self.sha256: str = hashlib.sha256(model).hexdigest()
        if expected_sha256 is not None and self.sha256 != expected_sha256.strip().lower():
            raise ModelFileError(
                f"{path} has the SHA-256 {self.sha256}; expected {expected_sha256}. It is another file, or"
                " was changed or cut short on its way: copy it again, or correct the expected digest."
            )
        self._session, self.provider_reason = open_session(model, str(path), device, threads, cache_dir)
        self.provider: str = self._session.get_providers()[0]
        self._bound_device = None if self.provider == CPU else "cuda"
        self.spec: NetworkSpec = metadata_to_spec(self._session.get_modelmeta().custom_metadata_map)
        self._parts = _parts(self.spec)
        check_graph(self._session, self.spec)

    def __call__(self, crops: UInt8[np.ndarray, "n h w c"], batch_size: int = 128) -> PoseBatch:
        """Poses BGR crops.

        Args:
            crops: pixels of `spec.size_px` squared, BGR.
            batch_size: most crops per call of ONNX Runtime.

        Returns:
            One pose per crop. A crop without a pose is a row of NaN (`PoseBatch.finite`), never an exception.

        Raises:
            ModelInputError: crops of another size or type.
            ModelOutputError: outputs that are not what the metadata promise.
        """
        size = self.spec.size_px
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
            raise ModelInputError(
                f"crops are {crops.dtype} {crops.shape}; {self.spec.name} expects uint8 (n, {size}, {size},"
                f" 3), BGR. Make them with extract_crop(..., size_px={size},"
                f" interpolation={self.spec.crop_interpolation!r})."
            )
        if len(crops) == 0:
            return self._decode([np.zeros((0, *part.row)) for part in self._parts])
        batches = [self._run(crops[at : at + batch_size]) for at in range(0, len(crops), batch_size)]
        return self._decode([np.concatenate(values) for values in zip(*batches, strict=True)])

    def _run(self, crops: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The values of each part, each row in the shape of its form."""
        fed = crops_to_input(crops, self.spec)
        names = list(dict.fromkeys(part.output for part in self._parts))
        try:
            if self._bound_device is None:
                values = self._session.run(names, {self.spec.input_name: fed})
            else:
                values = run_bound(self._session, self._bound_device, self.spec.input_name, fed, names)
        except Exception as error:
            # The exceptions of ONNX Runtime share no base class of their own.
            raise ModelOutputError(
                f"{self.spec.name} failed on a batch of {len(crops)} crops: {error}. Expected a network that"
                " runs on any batch size; export it with a dynamic first dimension."
            ) from error
        return [
            part.take(values[names.index(part.output)], len(crops), self.spec.name) for part in self._parts
        ]

    def _decode(self, values: Sequence[NDArray[Any]]) -> PoseBatch:
        spec = self.spec
        rotation_form = ROTATION_FORMS[spec.rotation_form]
        translation_form = TRANSLATION_FORMS[spec.translation_form]
        rotation = to_head_rotation(rotation_form.to_matrix(values[0]), spec.axes, spec.rotation_direction)
        tvec_mm = translation_form.to_tvec_mm(values[1], spec.camera)
        if spec.axes == "y_up" and not translation_form.in_pixels:
            tvec_mm = tvec_mm @ Y_UP
        return PoseBatch(rotation, tvec_mm, values[2] if len(values) > 2 else None)


@dataclass(frozen=True)
class _Part:
    """Rotation, translation or confidence: in which output it stands, and the shape of one row of its
    form."""

    output: str
    row: tuple[int, ...]
    columns: tuple[int, ...] | None = None

    def take(self, value: NDArray[np.float32], n: int, network: str) -> NDArray[np.float32]:
        """The part's n rows out of the value of its output."""
        if self.columns is not None:
            width = math.prod(value.shape[1:])
            if value.shape[:1] != (n,) or width <= max(self.columns):
                raise ModelOutputError(
                    f"output {self.output!r} of {network} has shape {value.shape}; its metadata take the"
                    f" numbers {self.columns} (counted from 0) of each of {n} rows. Correct the columns."
                )
            return value.reshape(n, width)[:, self.columns].reshape(n, *self.row)
        # Rows of one number may come as n or as n x 1.
        if value.shape not in ((n, *self.row), (n, *self.row, 1)):
            raise ModelOutputError(
                f"output {self.output!r} of {network} has shape {value.shape}; by its metadata it must be"
                f" {(n, *self.row)}. Correct the form in the metadata, or the exported graph."
            )
        return value.reshape(n, *self.row)


def crops_to_input(
    crops: UInt8[np.ndarray, "n s s 3"], spec: NetworkSpec
) -> UInt8[np.ndarray, "n ..."] | Float32[np.ndarray, "n ..."]:
    """BGR crops in the layout, channel order and values that the network's metadata name."""
    pixels = crops[..., ::-1] if spec.channels == "RGB" else crops
    values: NDArray[Any] = pixels
    if spec.normalisation is not None:
        scale, mean, std = spec.normalisation.scale, spec.normalisation.mean, spec.normalisation.std
        # x = (pixel * scale - mean) / std
        values = (pixels * np.float32(scale) - np.array(mean, np.float32)) / np.array(std, np.float32)
    if spec.layout == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values)


def read_model_file(path: Path) -> bytes:
    """The bytes of a model file, or of a network of the package by its name. Raises ModelFileError where it
    cannot be read."""
    try:
        return find_model(path).read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"cannot read the pose network {path}: {error.strerror}; expected a readable ONNX file, or the"
            f" name of a network of the package ({', '.join(packaged_models())}). Correct the path, or leave"
            f" it out to use {DEFAULT_MODEL}."
        ) from error


def _parts(spec: NetworkSpec) -> list[_Part]:
    """Rotation, translation and, where there is one, confidence."""
    rotation, translation = ROTATION_FORMS[spec.rotation_form], TRANSLATION_FORMS[spec.translation_form]
    parts = [
        _Part(spec.rotation_output, rotation.shape, spec.rotation_columns),
        _Part(spec.translation_output, translation.shape, spec.translation_columns),
    ]
    if spec.confidence_output is not None:
        parts.append(_Part(spec.confidence_output, ()))
    return parts


def check_graph(session: Any, spec: NetworkSpec) -> None:
    """Raises ModelMetadataError where the metadata name what the graph does not have."""
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name for node in session.get_outputs()}
    if set(inputs) != {spec.input_name}:
        raise ModelMetadataError(
            f"the graph's inputs are {sorted(inputs)}, the metadata key faceposenet.input.name is"
            f" {spec.input_name!r}; expected exactly that one input. Correct the key or the graph."
        )
    if missing := {part.output for part in _parts(spec)} - outputs:
        raise ModelMetadataError(
            f"the metadata name the outputs {sorted(missing)}, the graph has {sorted(outputs)}; correct"
            " faceposenet.rotation.name, faceposenet.translation.name or faceposenet.confidence.name."
        )
    node = inputs[spec.input_name]
    channels_last = spec.layout == "NHWC"
    expected = [spec.size_px, spec.size_px, 3] if channels_last else [3, spec.size_px, spec.size_px]
    dtype = "tensor(uint8)" if spec.normalisation is None else "tensor(float)"
    # Dimensions that are not fixed have names or None instead of numbers.
    fits = len(node.shape) == 4 and all(
        not isinstance(found, int) or found == wanted
        for found, wanted in zip(node.shape[1:], expected, strict=True)
    )
    if not fits or node.type != dtype or isinstance(node.shape[0], int):
        raise ModelMetadataError(
            f"the graph's input {node.name!r} is {node.type} {node.shape}, its metadata say {dtype}"
            f" [any number, {', '.join(map(str, expected))}]; correct faceposenet.input.layout, .dtype or"
            " .size_px, or export the graph with a dynamic first dimension."
        )
