"""The page: content and template to one file of HTML."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from pipeline.report.cards import PHOTO_PX, VIEW_PX
from pipeline.report.content import Report
from pipeline.report.words import signed


def render_page(report: Report) -> bytes:
    """One file of HTML, in UTF-8, that asks nothing of the network and runs no script.

    All texts are escaped; the charts, which are drawn from numbers alone, and the style sheet are not.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["signed"] = signed
    environment.filters["count"] = "{:,}".format
    folder = files("pipeline.report")
    template = environment.from_string(folder.joinpath("report.html.jinja").read_text(encoding="utf-8"))
    css = folder.joinpath("report.css").read_text(encoding="utf-8")
    page = template.render(report=report, css=css, photo_px=PHOTO_PX, view_px=VIEW_PX)
    return page.encode("utf-8", "replace")
