"""Whether a network knows when it is wrong: its confidence against its errors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

GROSS_DEG = 10.0
GROSS_EYES = 0.1
"""What counts as a gross error: of the rotation or, where no rotation is labelled, of the landmarks in
outer eye
corners' distances."""

LEAST_SURE = 0.1
KEPT = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True)
class Doubt:
    """`gross`: how many errors are gross. `gross_least_sure_percent`: share of them among the tenth of
    faces with the least confidence (10 would be chance), None without any. `mean_error_of_surest`: mean
    error of the surest
    share of faces, by that share in percent; degrees, or % of the eyes' distance."""

    unit: str
    gross: int
    gross_least_sure_percent: float | None
    mean_error_of_surest: Mapping[str, float]


def doubt_of(
    confidence: Float[np.ndarray, " n"],
    geodesic_deg: Float[np.ndarray, " n"],
    landmarks_eyes: Float[np.ndarray, " n"],
) -> Doubt | None:
    """Doubt of faces whose labels are NaN where missing; None without confidence or labels."""
    posed = np.isfinite(geodesic_deg).any()
    errors, gross_from = (geodesic_deg, GROSS_DEG) if posed else (100 * landmarks_eyes, 100 * GROSS_EYES)
    known = np.isfinite(errors) & np.isfinite(confidence)
    if not known.any():
        return None
    # Surest first; equal ones in the order of the faces.
    errors = errors[known][np.argsort(-confidence[known], kind="stable")]
    gross = errors > gross_from
    least_sure = gross[len(gross) - max(round(LEAST_SURE * len(gross)), 1) :]
    share = float(100 * least_sure.sum() / gross.sum()) if gross.any() else None
    means = {f"{100 * kept:g}": float(errors[: max(round(kept * len(errors)), 1)].mean()) for kept in KEPT}
    unit = "degrees" if posed else "% of the eyes' distance"
    return Doubt(unit, int(gross.sum()), share, means)


def doubt_lines(doubt: Doubt) -> list[str]:
    """Doubt as lines of text."""
    limit = f"{GROSS_DEG:g} degrees" if doubt.unit == "degrees" else f"{100 * GROSS_EYES:g} {doubt.unit}"
    kept = ", ".join(f"{share} %: {error:.2f}" for share, error in doubt.mean_error_of_surest.items())
    lines = [f"mean error ({doubt.unit}) of the surest faces, {kept}"]
    if doubt.gross_least_sure_percent is not None:
        lines.append(
            f"errors above {limit}: {doubt.gross}, of which {doubt.gross_least_sure_percent:.0f} % are in the"
            " tenth of faces with the least confidence"
        )
    return lines
