"""The page as text; how a browser shows it is told in test_browser."""

import dataclasses
from html.parser import HTMLParser

import pytest

from pipeline.io.storage import Folder
from pipeline.report.content import Report
from pipeline.report.gather import gather
from pipeline.report.page import render_page
from tests.pipeline.job_output import HOSTILE_VALUE, JobOutput

VOID = {"meta", "img", "input", "path", "use", "br", "rect"}


class Outline(HTMLParser):
    """Elements, their attributes, headings, and whether what opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(page: bytes) -> Outline:
    found = Outline()
    found.feed(page.decode())
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def report(job_output: JobOutput) -> Report:
    return gather(Folder(str(job_output.out)))


@pytest.fixture(scope="module")
def page(report: Report) -> bytes:
    return render_page(report)


def test_the_page_is_whole_and_in_order(page: bytes) -> None:
    found = outline(page)
    assert found.headings[0] == 1 and found.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(found.headings, found.headings[1:], strict=False))
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert ("html", {"lang": "en"}) in found.elements
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in found.elements if tag == "th")
    assert all(attributes.get("alt") for tag, attributes in found.elements if tag == "img")


def test_nothing_of_it_asks_the_network_or_runs(page: bytes) -> None:
    for tag, attributes in outline(page).elements:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "srcset", "action", "data", "poster"):
                assert (value or "").startswith(("#", "data:image/webp;base64,"))


def test_hostile_texts_stay_texts(page: bytes) -> None:
    text = page.decode()
    assert "<script" not in text and "<img src=x" not in text and "<svg/" not in text
    assert "&lt;script&gt;" in text
    assert "onerror=document.title=&#34;hacked&#34;" in text


def test_every_text_of_a_report_is_escaped(report: Report) -> None:
    """All texts at once, by putting markup into every one that is not drawn here."""

    def poisoned(value: object) -> object:
        if isinstance(value, str):
            return value if value.startswith(("data:", "<svg", "M")) else f"{HOSTILE_VALUE}{value}"
        if isinstance(value, tuple):
            return tuple(poisoned(item) for item in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {f.name: poisoned(getattr(value, f.name)) for f in dataclasses.fields(value)}
            return type(value)(**fields)
        return value

    bad = poisoned(report)
    assert isinstance(bad, Report)
    text = render_page(dataclasses.replace(bad, problems=(HOSTILE_VALUE,))).decode()
    assert "<img src=x" not in text
    outline(text.encode())


def test_the_same_output_gives_the_same_bytes(report: Report, page: bytes, job_output: JobOutput) -> None:
    assert render_page(gather(Folder(str(job_output.out)))) == page


def test_texts_that_utf8_cannot_hold_do_not_stop_it(report: Report) -> None:
    assert b"<h1><bdi>a?b</bdi>" in render_page(dataclasses.replace(report, title="a\udc80b"))
