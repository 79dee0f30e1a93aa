"""The nape: behind the ears, head and neck run into each other instead of meeting in a crease."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from render_core.heads.eyes import smooth_step
from render_core.heads.neck import NeckSection, level_gap_mm
from render_core.heads.thin_plate import RadialSurface

# Where the nape is, in the face frame: fades in downwards and towards the back.
_DOWN_MM = (8.0, 28.0)
_FORWARD_MM = (0.0, -20.0)
# Height above the head's surface along a ray from its centre, against the true distance.
_HEAD_SLOPE = 0.8


def round_nape(
    head_mm: Float[np.ndarray, "n 3"],
    neck_mm: Float[np.ndarray, "m 3"],
    base: RadialSurface,
    sections: Sequence[NeckSection],
    blend_mm: float,
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "m 3"]]:
    """The points of head and neck, lifted where one surface is within `blend_mm` of the other."""
    to_neck_mm, _ = level_gap_mm(head_mm, sections)
    from_centre = head_mm - base.centre_mm
    outward = from_centre / np.linalg.norm(from_centre, axis=1, keepdims=True)
    head = head_mm + _lift_mm(head_mm, to_neck_mm, blend_mm) * outward

    from_centre = neck_mm - base.centre_mm
    distance = np.linalg.norm(from_centre, axis=1)
    to_head_mm = _HEAD_SLOPE * (distance - base.radius_mm(from_centre / distance[:, None]))
    _, from_axis = level_gap_mm(neck_mm, sections)
    return head, neck_mm + _lift_mm(neck_mm, to_head_mm, blend_mm) * from_axis


def _lift_mm(points: np.ndarray, gap_mm: np.ndarray, blend_mm: float) -> np.ndarray:
    # The rounded minimum of solids.py on a surface, whose own distance is 0: k / 4 (1 - |gap| / k)^2.
    overlap = np.maximum(1.0 - np.abs(gap_mm) / blend_mm, 0.0)
    here = smooth_step(points[:, 1], *_DOWN_MM) * smooth_step(points[:, 2], *_FORWARD_MM)
    return np.asarray(0.25 * blend_mm * overlap**2 * here)[:, None]
