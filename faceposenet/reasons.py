"""Why a face was rejected: few, stable codes that scripts may rely on.

The library raises or returns them, `fpn run` counts them, the rejects files hold one per row.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Stable reason codes; the text after each says when it is given."""

    ROW_MALFORMED = "row_malformed"  # a row with other fields than the header, or a sample of two photos
    IMAGE_MISSING = "image_missing"  # no such file or object, or none named
    IMAGE_UNREADABLE = "image_unreadable"  # empty, truncated, no image, or no permission
    IMAGE_TOO_LARGE = "image_too_large"  # more bytes or pixels than the configuration allows
    IMAGE_NOT_ALLOWED = "image_not_allowed"  # an image URI whose scheme is not read
    BOX_INVALID = "box_invalid"  # not a number, no area, or absurdly large
    BOX_OUTSIDE_IMAGE = "box_outside_image"  # no pixel of the box lies in the image
    LANDMARKS_INVALID = "landmarks_invalid"  # not 68 points, or points that no head has
    POSE_NOT_FINITE = "pose_not_finite"  # the network gave NaN or infinity
    POSE_BEHIND_CAMERA = "pose_behind_camera"  # the network put the head behind the camera
    RENDER_NO_FACE_PIXELS = "render_no_face_pixels"  # no point of the posed face lies in the image
    TIMEOUT = "timeout"  # a worker hung at this face, twice
    WORKER_CRASH = "worker_crash"  # this face brought its worker process down, twice
    INTERNAL_ERROR = "internal_error"  # an error of ours in this face alone; the detail names it
