"""Numbers, codes and settings in words."""

from datetime import UTC, datetime

from pipeline.reasons import Reason
from pipeline.report.tally import Histogram

REASONS = {
    Reason.ROW_MALFORMED: "the CSV row has more or fewer fields than the header",
    Reason.IMAGE_MISSING: "no such file or object, or the row names none",
    Reason.IMAGE_UNREADABLE: "empty, truncated, not an image, or no permission",
    Reason.IMAGE_TOO_LARGE: "more bytes or pixels than images.max_bytes, images.max_pixels",
    Reason.IMAGE_NOT_ALLOWED: "an image from where this job does not read",
    Reason.BOX_INVALID: "not a number, no area, or absurdly large for its photo",
    Reason.BOX_OUTSIDE_IMAGE: "no pixel of the box lies in the photo",
    Reason.LANDMARKS_INVALID: "no 68 points of a face",
    Reason.POSE_NOT_FINITE: "the network gave NaN or infinity",
    Reason.POSE_BEHIND_CAMERA: "the network put the head behind the camera",
    Reason.RENDER_NO_FACE_PIXELS: "no point of the posed face lies in the photo",
    Reason.TIMEOUT: "a worker hung at this face, twice",
    Reason.WORKER_CRASH: "this face brought its worker process down, twice",
    Reason.INTERNAL_ERROR: "an error of this program in this one face; the detail names it",
}
DIRECTIONS = {
    "yaw": ("nose to the right", "to the left"),
    "pitch": ("nose up", "nose down"),
    "roll": ("anticlockwise", "clockwise"),
}
"""What negative and positive angles mean in the image."""


def percent(part: int, whole: int) -> str:
    """A share, which is none or all only where it really is."""
    if part in (0, whole):
        return f"{100 if part else 0} %"
    share = min(max(100 * part / whole, 0.01), 99.99)
    return f"{share:.2f} %" if share < 0.1 or share > 99.9 else f"{share:.1f} %"


def signed(angle_deg: float) -> str:
    """An angle to a tenth, with its sign where it is not 0."""
    tenths = round(angle_deg, 1)
    return f"{tenths:+.1f}".replace("-", "\N{MINUS SIGN}") if tenths else "0.0"


def spread(histogram: Histogram, unit: str) -> str:
    """Median and tails of some values."""
    low, median, high = (signed(histogram.quantile(share)) for share in (0.05, 0.5, 0.95))
    return f"median {median}{unit}, 90 % of faces from {low}{unit} to {high}{unit}"


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest_s:02d} s"


def moment(seconds: float) -> str:
    """A time since 1970 as date and time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def rate(faces_per_s: float) -> str:
    """Faces a second, to three figures."""
    return f"{faces_per_s:,.0f}" if faces_per_s >= 100 else f"{faces_per_s:.3g}"
