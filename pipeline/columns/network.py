"""A user's network on upright crops, in batches; checked once before anything relies on it."""

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from fpn_core.errors import FpnError
from fpn_core.session import Device, open_session
from pipeline.columns.description import NetworkDescription
from pipeline.errors import ConfigError

_SEED = 0
_CHECKED_CROPS = 4
# Batches are summed in another order than single crops; a network whose outputs differ by more than this
# share of their size mixes the crops of a batch.
_BATCH_TOLERANCE = 1e-2


class FaceNetwork:
    """Crops to numbers.

    Args:
        description: how the network wants its input.
        device: where it runs.
        threads: CPU threads.

    Attributes:
        description: as given.
        sha256: hex digest of the file.
        width: numbers per crop.

    Raises:
        ConfigError: no network, or one whose output does not depend on its input, depends on the other crops
            of a batch, is not finite, or is not one row per crop.
    """

    def __init__(self, description: NetworkDescription, device: Device = "auto", threads: int = 1) -> None:
        self.description = description
        path = Path(description.file)
        try:
            model = path.read_bytes()
            self._session, _ = open_session(model, str(path), device, threads)
        except OSError as error:
            raise ConfigError(
                f"cannot read the network {str(path)!r}: {error.strerror}; correct `file` in its description"
            ) from error
        except FpnError as error:
            raise ConfigError(f"the network {str(path)!r} cannot be used: {error}") from error
        self.sha256 = hashlib.sha256(model).hexdigest()
        self._input = self._session.get_inputs()[0].name
        outputs = [output.name for output in self._session.get_outputs()]
        self._output = description.output or outputs[0]
        if self._output not in outputs:
            raise ConfigError(
                f"{path.name} has no output {self._output!r}; there are {', '.join(outputs)}: name one of "
                "them as `output` in its description"
            )
        self.width = self._check()

    def __call__(
        self, crops: UInt8[np.ndarray, "n h w 3"], batch_size: int = 64
    ) -> Float32[np.ndarray, "n d"]:
        """Returns the numbers of each crop.

        Args:
            crops: BGR, of the size of the template.
            batch_size: crops per call.
        """
        batches = [self._run(crops[at : at + batch_size]) for at in range(0, len(crops), batch_size)]
        return np.concatenate(batches) if batches else np.zeros((0, self.width), np.float32)

    def _run(self, crops: np.ndarray) -> np.ndarray:
        description = self.description
        pixels = crops[..., ::-1] if description.channels == "rgb" else crops
        # (p / scale - mean) / std, in one product and one sum.
        std = np.array(description.std, np.float32)
        gain = np.float32(1.0) / (np.float32(description.scale) * std)
        shift = -np.array(description.mean, np.float32) / std
        values = pixels * gain + shift
        if description.layout == "nchw":
            values = values.transpose(0, 3, 1, 2)
        values = np.ascontiguousarray(values, dtype=np.float32)
        found = np.asarray(self._session.run([self._output], {self._input: values})[0], dtype=np.float32)
        if len(found) != len(crops):
            raise ConfigError(
                f"{self._name} gave {found.shape} for {len(crops)} crops; expected a row per crop. Export it "
                "with a free batch size"
            )
        return found.reshape(len(crops), -1)

    def _check(self) -> int:
        width, height = self.description.input_template.size_wh_px
        crops = np.random.default_rng(_SEED).integers(
            0, 256, (_CHECKED_CROPS, height, width, 3), dtype=np.uint8
        )
        try:
            together = self._run(crops)
            alone = np.concatenate([self._run(crops[i : i + 1]) for i in range(_CHECKED_CROPS)])
        except ConfigError:
            raise
        except Exception as error:  # those of ONNX Runtime share no base class of their own
            raise ConfigError(
                f"{self._name} does not take {_CHECKED_CROPS} crops of {width} x {height} px as "
                f"{self.description.layout}: {error}. Correct template, size_px or layout in its description"
            ) from error
        if not np.isfinite(together).all():
            raise ConfigError(f"{self._name} gives NaN or infinity; expected finite numbers")
        size = float(np.abs(together).max())
        if float(np.ptp(together, axis=0).max()) <= 1e-6 * size:
            raise ConfigError(f"{self._name} gives the same numbers whatever it sees; is it the right file?")
        if np.abs(together - alone).max() > _BATCH_TOLERANCE * size:
            raise ConfigError(
                f"{self._name} gives other numbers for a batch than for its crops alone; export it in "
                "evaluation mode"
            )
        return int(together.shape[1])

    @property
    def _name(self) -> str:
        return f"the network {Path(self.description.file).name!r}"
