"""The pose of one face, and why there is none."""

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

import numpy as np
from jaxtyping import Float64, Int64

from faceposenet.errors import InputError
from fpn_core import project
from fpn_core.confidence import LOW_CONFIDENCE, expected_error_deg
from render_core import is_mirrored

_ROW = "a row of a job's poses, or what Face.as_dict gave"
_SHAPES = {
    "rvec_rad": (3,),
    "tvec_mm": (3,),
    "projection": (3, 4),
    "landmarks_xy_px": (68, 2),
    "box_xywh_px": (4,),
    "crop_xyxy_px": (4,),
}


class Row(Protocol):
    """Values by name: a dict, a row of pandas."""

    def __getitem__(self, name: str, /) -> Any: ...

    def get(self, name: str, /) -> Any: ...


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """The pose of one face in one photo, in the frames and signs of the conventions.

    Names, units and numbers are those of a job's poses. Arrays are read-only.
    """

    yaw_deg: float
    """Positive where the nose turns to the left of the image."""
    pitch_deg: float
    """Positive where the nose goes down."""
    roll_deg: float
    """Positive where the head turns clockwise in the image."""
    rvec_rad: Float64[np.ndarray, "3"]
    """Head frame to camera, axis times angle."""
    tvec_mm: Float64[np.ndarray, "3"]
    """Head frame to camera, in the camera of the crop."""
    projection: Float64[np.ndarray, "3 4"]
    """Head frame (mm) to homogeneous pixels of the photo."""
    landmarks_xy_px: Float64[np.ndarray, "68 2"]
    """The head's 68 landmarks (order of 300-W) in the photo."""
    box_xywh_px: Float64[np.ndarray, "4"]
    """The box, as given."""
    crop_xyxy_px: Int64[np.ndarray, "4"]
    """The network's window in the photo, end exclusive."""
    image_wh_px: tuple[int, int]
    """Size of the photo."""
    confidence: float | None = None
    """What the network says of itself; None where it says nothing."""

    def __post_init__(self) -> None:
        for name, shape in _SHAPES.items():
            dtype = np.int64 if name == "crop_xyxy_px" else np.float64
            try:
                array = np.array(getattr(self, name), dtype=dtype).reshape(shape)
            except (TypeError, ValueError) as error:
                raise InputError(f"{name} of a face: expected numbers of shape {shape}; {error}") from error
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def mirrored(self) -> bool:
        """Whether its views show the mirrored face: they all turn the nose to the left of the image."""
        return is_mirrored(self.yaw_deg)

    @property
    def expected_error_deg(self) -> float | None:
        """How far off the network expects its rotation to be, in degrees; None where it says nothing.

        For the package's networks and those that `training/` exports, whose confidence is 2^(-error / 10).
        """
        if self.confidence is None:
            return None
        error_deg = expected_error_deg(self.confidence)
        return None if math.isnan(error_deg) else error_deg

    @property
    def warning(self) -> str | None:
        """A sentence where the confidence is below 0.3, which a wrong box often causes; None elsewhere."""
        error_deg = self.expected_error_deg
        if self.confidence is None or error_deg is None or self.confidence >= LOW_CONFIDENCE:
            return None
        return (
            f"low confidence ({self.confidence:.2f}): the pose may be about {error_deg:.0f} degrees off; "
            "is the box right? It goes around the face, from the eyebrows to the chin"
        )

    def as_dict(self) -> dict[str, Any]:
        """All fields as plain numbers and lists, for JSON; `fpn render --pose` takes such a file too."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in values.items()}

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The face in a row of a job's poses (of pandas, pyarrow, a dict), or in what `as_dict` gave.

        Rows of jobs without landmarks (`output.landmarks`) get those of the package's mean head.

        Raises:
            InputError: the row lacks a column.
        """
        try:
            yaw_deg, pitch_deg, roll_deg = (float(row[f"{name}_deg"]) for name in ("yaw", "pitch", "roll"))
            arrays = {name: row[name] for name in _SHAPES if name != "landmarks_xy_px"}
            landmarks = row.get("landmarks_xy_px")
            arrays["landmarks_xy_px"] = _landmarks(arrays["projection"]) if landmarks is None else landmarks
            width, height = row.get("image_wh_px") or (row["image_width_px"], row["image_height_px"])
        except KeyError as error:
            raise InputError(f"the row has no {error}: expected {_ROW}") from error
        confidence = row.get("confidence")
        sure = None if confidence is None or np.isnan(confidence) else float(confidence)
        size = (int(width), int(height))
        return cls(yaw_deg, pitch_deg, roll_deg, **arrays, image_wh_px=size, confidence=sure)

    def __repr__(self) -> str:
        x, y, width, height = self.box_xywh_px
        return (
            f"Face(yaw {self.yaw_deg:+.1f}, pitch {self.pitch_deg:+.1f}, roll {self.roll_deg:+.1f} degrees, "
            f"box {width:g} x {height:g} px at {x:g}, {y:g})" + (f"\n{self.warning}" if self.warning else "")
        )

    def _repr_html_(self) -> str:
        rows = {
            "yaw, pitch, roll (degrees)": f"{self.yaw_deg:+.1f}, {self.pitch_deg:+.1f}, {self.roll_deg:+.1f}",
            "tvec (mm)": ", ".join(f"{value:.0f}" for value in self.tvec_mm),
            "box x, y, width, height (px)": ", ".join(f"{value:g}" for value in self.box_xywh_px),
            "confidence": "none given" if self.confidence is None else f"{self.confidence:.2f}",
            **({"warning": self.warning} if self.warning else {}),
        }
        cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
        return f"<table>{cells}</table>"


def _landmarks(projection: Any) -> np.ndarray:
    """The mean head's landmarks in the photo, float64 (68, 2)."""
    from render_core.heads import DEFAULT_HEAD, load_head  # noqa: PLC0415  # takes a second, seldom needed

    matrix = np.array(projection, np.float64).reshape(1, 3, 4)
    return np.asarray(project(np.asarray(load_head(DEFAULT_HEAD).landmarks_mm), matrix)[0])


@dataclass(frozen=True)
class Rejected:
    """A face of a batch that has no pose or no views, and why."""

    reason: str
    """The same stable code as in a job's rejects, such as `box_outside_image`."""
    detail: str
    """What was found, in a sentence."""
