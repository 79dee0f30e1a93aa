"""What one photo shows of cells: compiled, or in NumPy to the same byte."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int16, Int32, UInt8

# A twin is taken below the first quality, wholly below the second. That is far from grazing on purpose:
# poses are off by several degrees, and then it is background that lies where the pose says that the cheek
# turns away.
_POOR = (0.45, 0.35)
# ... and only where its own quality is better by this much, as it is from 6 degrees of yaw.
_BETTER = (0.15, 0.2)
# A surface turned away from the camera by less than 72 degrees counts as seen.
_SEEN_FROM = 0.3
# A cell of which less than this is seen is hidden.
_HIDDEN = (0.5, 0.2)
# A surface that faces the photo's camera by so much less than the view's is stretched: pixels become stripes.
_STRETCHED = (0.2, 0.05)
_LEAST_FACING = 0.1
# The outline of the photo's head is a risk only from so many mm deeper within the view's outline than
# within the photo's: beside its own outline a frontal view of a frontal photo shows what stands there.
_DEEPER_MM = (3.0, 7.0)
# Beyond the photo's edge its last pixels serve for so many mm.
_BEYOND_HEAD_MM = (0.0, 4.0)
_BEYOND_BACKDROP_MM = (0.0, 8.0)
# What a fill is made of must be seen, and lie as far from the outline as is wanted of samples.
_TRUSTED = (0.5, 0.9)
_CLEAR = (0.5, 1.0)


@dataclass(frozen=True)
class CellTable:
    """What is known of the cells of some views: n in all, side x side of each view."""

    points: Float32[np.ndarray, "4 n"]
    """Homogeneous, in mm of the head frame."""
    normals: Float32[np.ndarray, "3 n"]
    seen: UInt8[np.ndarray, "yaws pitches 2 n"]
    """How well each direction of the fan sees the head and the backdrop, 0 to 255."""
    margins: UInt8[np.ndarray, "yaws pitches 2 n"]
    """How far within the head's outline, or beyond it, they lie for each direction, in 0.1 mm."""
    outline: UInt8[np.ndarray, "2 n"]
    """The same in the view itself."""
    facing: Float32[np.ndarray, " n"]
    """The cosine of the angle between the normal and the view's camera."""
    is_face: Bool[np.ndarray, " n"]
    side: int

    @property
    def views(self) -> int:
        """How many views these are the cells of."""
        return len(self.facing) // self.side**2


@dataclass(frozen=True)
class Glance:
    """How a photo, or its mirror image, sees the head."""

    projection: Float32[np.ndarray, "3 4"]
    """Millimetres to pixels of the photo."""
    direction: Float32[np.ndarray, "3"]
    """Unit vector to the camera."""
    source_px_by_mm: Float32[np.ndarray, "2 3"]
    """How a point near the head's origin moves in the source: pixels for millimetres."""
    shares: Float32[np.ndarray, "4"]
    """Of the four nearest directions: lower yaw with lower and upper pitch, upper yaw with both."""
    fan_place: tuple[int, int]
    """Numbers of the yaw and of the pitch below this one in the fan."""


@dataclass(frozen=True)
class PhotoLimits:
    """What the photo can be trusted with."""

    size_hw: tuple[int, int]
    mm_per_px: float
    margin_mm: float
    """So far from the outline nothing is sampled, where the outline does not move with errors of the pose."""
    error_rad: float
    """Of the pose."""
    backdrop_margin_mm: float
    """So far beyond the outline lies what is surely not the head."""
    fills_beyond: bool
    """Whether what lies beyond the photo's edge is filled."""
    symmetry: bool
    """Whether twins stand in for what the photo does not show."""


@dataclass(frozen=True)
class Ramp:
    """0 up to `start`, 1 from where (value - start) slope is 1."""

    start: float
    slope: float


def _ramp(start_and_full: tuple[float, float]) -> Ramp:
    start, full = start_and_full
    return Ramp(start, 1 / (full - start))


@dataclass(frozen=True)
class LookConstants:
    """All numbers that a look depends on, in the order of `look.h`."""

    right: float
    bottom: float
    mm_per_px: float
    margin_mm: float
    error_rad: float
    fills_beyond: float
    symmetry: float
    poor: Ramp
    better: Ramp
    hidden: Ramp
    stretched: Ramp
    deeper: Ramp
    beyond_head: Ramp
    beyond_backdrop: Ramp
    trusted: Ramp
    clear: Ramp
    away: Ramp
    seen_from: float = _SEEN_FROM
    least_facing: float = _LEAST_FACING

    def as_array(self) -> Float32[np.ndarray, " k"]:
        """The numbers one after the other."""
        numbers = (
            (value.start, value.slope) if isinstance(value, Ramp) else (value,)
            for value in vars(self).values()
        )
        return np.array([number for some in numbers for number in some], np.float32)


def look_constants(limits: PhotoLimits) -> LookConstants:
    """The numbers for one photo."""
    return LookConstants(
        # The outermost pixels reach half a pixel beyond their centres.
        right=limits.size_hw[1] - 0.5,
        bottom=limits.size_hw[0] - 0.5,
        mm_per_px=limits.mm_per_px,
        margin_mm=limits.margin_mm,
        error_rad=limits.error_rad,
        fills_beyond=float(limits.fills_beyond),
        symmetry=float(limits.symmetry),
        poor=_ramp(_POOR),
        better=_ramp(_BETTER),
        hidden=_ramp(_HIDDEN),
        stretched=_ramp(_STRETCHED),
        deeper=_ramp(_DEEPER_MM),
        beyond_head=_ramp(_BEYOND_HEAD_MM),
        beyond_backdrop=_ramp(_BEYOND_BACKDROP_MM),
        trusted=_ramp(_TRUSTED),
        clear=_ramp(_CLEAR),
        away=_ramp((limits.backdrop_margin_mm / 2, limits.backdrop_margin_mm)),
    )


@dataclass(frozen=True)
class Looked:
    """What the cells of each view show; pairs are head and backdrop."""

    twins: UInt8[np.ndarray, "views 2 side side"]
    fill: UInt8[np.ndarray, "views 2 side side"]
    trust: UInt8[np.ndarray, "views 2 side side"]
    offsets: Int16[np.ndarray, "views 4 side side"]
    counts: Int32[np.ndarray, "views 4"]
    """Cells of the face; of these seen, filled, and inside the photo."""
    extent: Float32[np.ndarray, "5"]
    """Lowest depth of all cells and twins; lowest x and y, highest x and y in the photo."""


def empty_look(views: int, side: int) -> Looked:
    """Room for a result."""
    twins, fill, trust = (np.empty((views, 2, side, side), np.uint8) for _ in range(3))
    offsets, counts = np.empty((views, 4, side, side), np.int16), np.empty((views, 4), np.int32)
    return Looked(twins, fill, trust, offsets, counts, np.empty(5, np.float32))
