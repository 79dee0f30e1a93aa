"""Charts as pieces of SVG that take their colours and letters from the page they stand in.

Matplotlib draws with stand-in colours, which become the page's CSS variables: so a chart follows the colour
scheme of whoever looks at it. This module alone imports matplotlib, and is imported by the report alone.
"""

import io
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.report.tally import Histogram

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}"
_SIZE_INCH = (3.7, 2.1)
_FEWEST_BARS, _MOST_BARS = 9, 48
_NARROWEST_DEG, _NARROWEST_OCTAVES = 20.0, 2.0
"""Of an axis: values that are all alike should not look spread out."""
# Colours that matplotlib draws with -> what the page calls them.
_INK, _MUTED, _LINE, _ACCENT = "#010203", "#040506", "#070809", "#0a0b0c"
_VARIABLES = {_INK: "var(--ink)", _MUTED: "var(--muted)", _LINE: "var(--line)", _ACCENT: "var(--accent)"}
_STYLE: Any = {
    "axes.edgecolor": _LINE,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": _MUTED,
    "axes.labelsize": 8.5,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "grid.color": _LINE,
    "grid.linewidth": 0.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "faceposenet",
    "xtick.color": _LINE,
    "xtick.labelcolor": _MUTED,
    "xtick.labelsize": 8.5,
    "ytick.color": _LINE,
    "ytick.labelcolor": _MUTED,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
}
_ANGLE_WIDTHS = (1, 2, 2.5, 5, 10, 15)
_SIDES_PX = (
    tuple(2**octave for octave in range(-4, 21)),
    tuple(digit * 10**power for power in range(-1, 6) for digit in (1, 1.5, 2, 3, 4, 5, 7)),
)
"""Sides to mark on a scale of octaves: doublings, or where these are too few, steps between."""
_MOST_SIDES = 8


def angle_chart(name: str, histogram: Histogram, left: str, right: str) -> str:
    """Faces by an angle in degrees. `left` and `right` say what the lower and higher angles mean."""
    width = _nice_width(histogram, _ANGLE_WIDTHS)
    counts, edges = histogram.rebinned(width)

    def draw(axes: Axes) -> None:
        _bars(axes, counts, edges, histogram.quantile(0.5), _NARROWEST_DEG)
        axes.set_xlabel("degrees")
        for x, align, text in ((0.0, "left", f"← {left}"), (1.0, "right", f"{right} →")):
            axes.annotate(
                text,
                (x, 0),
                (0, -20),
                "axes fraction",
                "offset points",
                ha=align,
                va="top",
                color=_MUTED,
                size=8.5,
            )
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 1.5, 2, 3, 5, 10]))

    return _svg(f"chart-{name}", draw)


def side_chart(octaves: Histogram) -> str:
    """Faces by the longer side of their box, on a scale of octaves."""
    counts, edges = octaves.rebinned(max(1 / 8, _nice_width(octaves, (1 / 8, 1 / 4, 1 / 2))))

    def draw(axes: Axes) -> None:
        _bars(axes, counts, edges, octaves.quantile(0.5), _NARROWEST_OCTAVES)
        axes.set_xlabel("longer side of the box, pixels")
        low, high = axes.get_xlim()
        inside = [[side for side in sides if low <= np.log2(side) <= high] for sides in _SIDES_PX]
        marked = inside[0] if len(inside[0]) > 2 else inside[1]
        marked = marked[:: -(-len(marked) // _MOST_SIDES)] if marked else []
        axes.set_xticks(np.log2(marked), [f"{side:,g}" for side in marked])

    return _svg("chart-box", draw)


def confidence_chart(histogram: Histogram) -> str:
    """Faces by the network's confidence."""
    span = max(histogram.greatest - histogram.least, histogram.width)
    counts, edges = histogram.rebinned(2.0 ** np.ceil(np.log2(span / _MOST_BARS)))

    def draw(axes: Axes) -> None:
        _bars(axes, counts, edges, histogram.quantile(0.5))
        axes.set_xlabel("confidence, more is surer")

    return _svg("chart-confidence", draw)


def rate_chart(rates: np.ndarray, edges_s: np.ndarray) -> str:
    """Faces a second over time: float64 (n,), and the edges of the times in seconds: float64 (n + 1,)."""
    unit, unit_s = _time_unit(float(edges_s[-1]))

    def draw(axes: Axes) -> None:
        axes.stairs(rates, edges_s / unit_s, fill=True, color=_ACCENT, alpha=0.25, linewidth=0)
        axes.stairs(rates, edges_s / unit_s, color=_ACCENT, linewidth=1.4)
        axes.set_xlabel(f"{unit} since the job began")
        axes.set_ylabel("faces a second")
        axes.set_xlim(0, edges_s[-1] / unit_s)
        axes.set_ylim(0)

    return _svg("chart-throughput", draw)


def done_chart(times_s: np.ndarray, done: np.ndarray) -> str:
    """Faces done by a time: seconds, float64 (n,), and faces, int64 (n,)."""
    unit, unit_s = _time_unit(float(times_s[-1]))

    def draw(axes: Axes) -> None:
        axes.step(times_s / unit_s, done, where="post", color=_ACCENT, linewidth=1.6)
        axes.plot(times_s / unit_s, done, "o", color=_ACCENT, markersize=3.5)
        axes.set_xlabel(f"{unit} since the job began")
        axes.set_ylabel("faces done")
        axes.set_xlim(0, 1.02 * times_s[-1] / unit_s)
        axes.set_ylim(0, 1.08 * done[-1])
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(_count))

    return _svg("chart-throughput", draw)


def pose_map(counts: np.ndarray, bin_deg: float) -> str:
    """Faces at each yaw (to the right) and pitch (downwards): int64 (n, n), in bins from -180 degrees on."""
    rows, columns = np.nonzero(counts)
    strength = 0.15 + 0.85 * np.sqrt(counts[rows, columns] / counts.max())

    def draw(axes: Axes) -> None:
        axes.grid(visible=True, axis="both")
        for yaw, pitch, alpha in zip(rows, columns, strength, strict=True):
            corner = (yaw * bin_deg - 180, pitch * bin_deg - 180)
            axes.add_patch(Rectangle(corner, bin_deg, bin_deg, color=_ACCENT, alpha=alpha, linewidth=0))
        for place, limits in ((rows, axes.set_xlim), (columns, axes.set_ylim)):
            low = min(place.min() * bin_deg - 180, -bin_deg)
            high = max((place.max() + 1) * bin_deg - 180, bin_deg)
            limits(low - bin_deg / 2, high + bin_deg / 2)
        axes.invert_yaxis()  # the nose goes down with the pitch
        axes.set_xlabel("yaw, degrees")
        axes.set_ylabel("pitch, degrees")

    return _svg("chart-map", draw)


def _bars(axes: Axes, counts: np.ndarray, edges: np.ndarray, median: float, narrowest: float = 0.0) -> None:
    axes.stairs(counts, edges, fill=True, color=_ACCENT, alpha=0.85, linewidth=0)
    axes.axvline(median, color=_INK, linewidth=1.2, dashes=(2, 2))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(_count))
    margin = max(0.02 * (edges[-1] - edges[0]), (narrowest - (edges[-1] - edges[0])) / 2)
    axes.set_xlim(edges[0] - margin, edges[-1] + margin)


def _nice_width(histogram: Histogram, widths: tuple[float, ...]) -> float:
    """The narrowest of some widths that does not take too many bars for so many values."""
    bars = np.clip(2 * np.sqrt(histogram.total), _FEWEST_BARS, _MOST_BARS)
    span = histogram.greatest - histogram.least
    return next((width for width in widths if span / width <= bars), widths[-1])


def _count(value: float, _: object) -> str:
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g} {letter}"
    return f"{value:g}"


def _time_unit(span_s: float) -> tuple[str, float]:
    for unit, unit_s in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if span_s >= 2 * unit_s:
            return unit, unit_s
    return "seconds", 1.0


def _svg(name: str, draw: Callable[[Axes], None]) -> str:
    """The drawing as an SVG element for a page with many; ids in it begin with `name`."""
    with mpl.rc_context(_STYLE):
        figure = Figure(_SIZE_INCH, layout="constrained")
        draw(figure.add_subplot())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(buffer.getvalue())
    _for_a_page(root, name)
    ElementTree.register_namespace("", _SVG[1:-1])
    text = ElementTree.tostring(root, encoding="unicode")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text


def _for_a_page(root: ElementTree.Element, name: str) -> None:
    """Take away what is for a file of its own, and keep ids apart from those of other charts."""
    # The page says how large a chart is, and in words what it shows.
    del root.attrib["width"], root.attrib["height"]
    root.set("aria-hidden", "true")
    for element in root.iter():
        for child in list(element):
            # A style in an SVG would hold for the whole page.
            if child.tag in (f"{_SVG}metadata", f"{_SVG}style"):
                element.remove(child)
        target = element.attrib.pop(f"{_XLINK}href", None)
        if target:
            element.set("href", target.replace("#", f"#{name}-"))
        for attribute, value in element.attrib.items():
            if attribute == "id":
                element.set("id", f"{name}-{value}")
            elif "url(#" in value:
                element.set(attribute, value.replace("url(#", f"url(#{name}-"))
