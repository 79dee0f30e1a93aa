"""Which views of a face are rendered: only those close to what its photo shows."""

from collections.abc import Sequence

import numpy as np

from render_core.view import Degrees

# |yaw| up to which a photo still shows enough of the face for every view, and for the middle ones.
FRONTAL_LIMIT_DEG = 15.0
MIDDLE_LIMIT_DEG = 40.0
# First view that is rendered in the middle range and beyond it: the reference's 40 and 55.
MIDDLE_FIRST_VIEW_DEG = 40.0
FAR_FIRST_VIEW_DEG = 55.0


def select_views(yaw_deg: Degrees, views_deg: Sequence[Degrees]) -> tuple[Degrees, ...]:
    """Chooses the views that suit a face.

    The policy of the original renderer: |yaw| below 15 takes all views, 15 to 40 (both included) those from
    40 on, beyond 40 those from 55 on. It turns a face further away from the camera, never back to it, because
    the photo does not show what turning back would uncover. Views compare by |view|. A set of views that
    reaches less far always keeps its farthest view, so every face has at least one picture.

    Args:
        yaw_deg: yaw of the head.
        views_deg: the views to choose from.

    Returns:
        Some of `views_deg`, in its order.

    Raises:
        ValueError: a yaw that is not finite, or an empty set of views.

    Example:
        >>> select_views(30.0, (0, 22, 40, 55, 75))
        (40, 55, 75)
    """
    if not np.isfinite(yaw_deg):
        raise ValueError(f"yaw is {yaw_deg} degrees: expected a finite angle")
    if not views_deg:
        raise ValueError("no views to choose from: expected at least one, such as (0, 22, 40, 55, 75)")
    turned = abs(yaw_deg)
    if turned < FRONTAL_LIMIT_DEG:
        return tuple(views_deg)
    first = MIDDLE_FIRST_VIEW_DEG if turned <= MIDDLE_LIMIT_DEG else FAR_FIRST_VIEW_DEG
    first = min(first, max(abs(view) for view in views_deg))
    return tuple(view for view in views_deg if abs(view) >= first)


def is_mirrored(yaw_deg: Degrees) -> bool:
    """Reports whether a face is mirrored before it is rendered.

    All views then turn the nose to the image left.

    Args:
        yaw_deg: yaw of the head.

    Example:
        >>> is_mirrored(-12.0)
        True
    """
    return yaw_deg < 0
