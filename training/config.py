"""The settings of a training run, read from YAML; an unknown one is an error."""

from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from training.geometry import Window

_S = TypeVar("_S", bound="_Settings")


class ConfigError(ValueError):
    """Settings that cannot be used."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataConfig(_Settings):
    """One training set, and how far its labels of rotation are believed."""

    folder: Path
    table: str = "crops-labels.parquet"
    """The file of its labels."""
    rotations: str | None = None
    """The file of a table whose rotations replace those of `table`; none: `table` has its own."""
    sources: list[str] = []
    """Where faces have to come from, as the table's column `source` has it; empty: anywhere."""
    largest_spread_deg: float | None = Field(default=None, gt=0)
    """Faces on whose rotation estimators disagree by more are left out."""
    halved_by_spread_deg: float | None = Field(default=None, gt=0)
    """A face with this spread is drawn half as often as one without any; none: spread does not matter."""
    rotation: Literal["landmarks", "label", "mean"] = "landmarks"
    """landmarks: the pose with which a head's points fit them best; label: the table's; mean: half way."""
    points_of: Path | None = None
    """The training set whose landmarks and labels those points are measured from; none: our mean head's."""
    contour: bool = True
    """Whether the 17 points along the jaw count in that fit: heads disagree on where they lie."""
    head_frame: bool = False
    """Whether rotations are turned, all by the same, so that on average they are those with which our mean
    head fits the landmarks. The table's estimator has a frame of its own."""
    share: float = Field(default=1.0, gt=0)
    """Of the faces seen in training, against the other sets' shares."""


class SynthesisConfig(_Settings):
    """Views rendered from photos, for poses that photos lack."""

    data: list[DataConfig]
    """The photos."""
    faces: int = Field(default=16_000, ge=1)
    seed: int = 1
    heads: list[str] = []
    """Names of heads; empty: all of the package's."""
    views_per_head: int = Field(default=48, ge=1)
    yaw_deg: float = Field(default=90.0, gt=0, le=120)
    """Yaws from 0 to this; the other side comes from mirroring while training."""
    least_yaw_deg: float = Field(default=0.0, ge=0)
    pitch_deg: float = Field(default=40.0, ge=0, le=80)
    roll_deg: float = Field(default=0.0, ge=0, le=180)
    """Rolls to either side."""
    largest_turn_deg: float = Field(default=75.0, gt=0)
    """Most that yaw or pitch of a view may differ from the photo's."""
    backgrounds: float = Field(default=0.5, ge=0, le=1)
    """Share of views whose surroundings beyond the hair are another picture."""


class TeacherConfig(_Settings):
    """A trained network, whose mean answer over several cuts of a photo is part of its label."""

    network: Path
    """The exported file."""
    share: float = Field(default=0.5, gt=0, le=1)
    """Of the answer, against the rotation that the training set has."""
    cuts: int = Field(default=8, ge=2, multiple_of=2)
    """Cuts of a photo, half of them mirrored."""


class NetworkConfig(_Settings):
    """The shape of a network."""

    block: Literal["residual", "depthwise", "reparameterised"] = "residual"
    size_px: int = 112
    crop_expand: float = Field(default=0.25, ge=0, le=0.5)
    """What is added to the face's box on each side to make the network's window, in sides of the box."""
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Channels; after the first, every stage halves the map's side."""
    blocks: tuple[int, ...] = (0, 1, 1, 1, 1)
    stem_px: int = 3
    stem_stride: int = 2
    squeezed: int = 64
    hidden: int = 256
    dropout: float = 0.0

    @property
    def window(self) -> Window:
        """What the network sees of a photo."""
        return Window(self.size_px, 1 + 2 * self.crop_expand)


class AugmentationConfig(_Settings):
    """How crops are changed before the network sees them. Probabilities are p_*."""

    p_plain: float = 0.0
    """Share of crops that are left exactly as a job cuts them."""
    mirror: float = 0.5
    whole_circle: float = 0.35
    """Share of crops turned by any angle; the others by about roll_deg."""
    roll_deg: float = 20.0
    scale: tuple[float, float] = (0.7, 1.4)
    scale_sigma: float = 0.15
    shift: float = 0.15
    """Largest shift of the box, in its sides; half of the crops have about a third of it."""
    least_face_px: int = 16
    p_small: float = 0.3
    p_blur: float = 0.2
    p_jpeg: float = 0.3
    p_noise: float = 0.2
    p_light: float = 0.6
    p_grey: float = 0.1
    p_occlusion: float = 0.3
    most_occluded: float = 0.4
    """Largest side of what hides a face, in sides of its box, squared."""
    p_hard_light: float = 0.0
    """Share of crops with a shadow over one side of the face."""
    p_close: float = 0.0
    """Share of photos that are cut close to the face, on some sides or all."""
    p_filled: float = 0.5
    """Share of crops whose margin beyond the photo is filled, most often with mirrored pixels."""


class LossConfig(_Settings):
    """Weights of the parts of the loss."""

    rotation: float = 1.0
    reprojection: float = 10.0
    landmarks: float = 5.0
    error: float = 0.1
    contour: bool = True
    """Whether the 17 points along the jaw count in the reprojection, which pulls at the rotation too."""
    consistency: float = 0.0
    """Of the angle between the errors of two crops of one face; needs `loop.pairs`."""


class LoopConfig(_Settings):
    """Steps, learning rate, and what is kept on the way."""

    seed: int = 1
    start_from: Path | None = None
    """Folder of a run whose averaged weights are the first ones, or a file that was exported from one."""
    fixed_norms: bool = False
    """Norms use their running averages while training too, as they do in the exported network."""
    steps: int = Field(default=20_000, ge=1)
    stop_at: int | None = Field(default=None, ge=1)
    """Step at which the run ends, before the learning rate has come down; none: after all steps."""
    batch: int = Field(default=96, ge=2, multiple_of=2)
    pairs: bool = False
    """Every face of a batch is in it twice, changed in two ways."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 500
    average_decay: float = 0.999
    """Of the running average of the weights, which is what is measured and exported."""
    held_out: float = Field(default=0.05, ge=0, lt=1)
    check_every: int = 1000
    workers: int = 1
    threads: int = 1
    bfloat16: bool | None = None
    """Products in 16 bits; none: where the device multiplies in them, others are ten times slower so."""

    @property
    def last_step(self) -> int:
        """Where the run ends."""
        return self.steps if self.stop_at is None else min(self.stop_at, self.steps)


class TrainingConfig(_Settings):
    """All settings of a run."""

    name: str
    data: list[DataConfig]
    teacher: TeacherConfig | None = None
    """For the photos that are trained with; those held out keep their labels."""
    network: NetworkConfig = NetworkConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    loss: LossConfig = LossConfig()
    loop: LoopConfig = LoopConfig()

    @model_validator(mode="after")
    def _consistency_has_pairs(self) -> "TrainingConfig":
        if self.loss.consistency and not self.loop.pairs:
            raise ValueError(
                f"loss.consistency is {self.loss.consistency}, which compares two crops of a face, but"
                " loop.pairs is false; set it to true"
            )
        return self


class FrontConfig(_Settings):
    """Networks to compare, and the run that each of them has."""

    training: TrainingConfig
    networks: dict[str, NetworkConfig]


def load_config(path: Path) -> TrainingConfig:
    """The settings in a YAML file. Raises ConfigError, naming what is wrong."""
    return _load(path, TrainingConfig)


def load_front(path: Path) -> FrontConfig:
    """The same for a comparison of networks."""
    return _load(path, FrontConfig)


def load_synthesis(path: Path) -> SynthesisConfig:
    """The same for rendered views."""
    return _load(path, SynthesisConfig)


def _load(path: Path, kind: type[_S]) -> _S:
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read {path}: {error}; expected a YAML file of settings") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
