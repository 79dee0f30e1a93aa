"""The report as a browser shows it: on a phone and on a desk, light and dark, for everybody, all by itself.

Needs the system's Chromium; no browser is downloaded.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.report.write import write_report
from tests.pipeline.job_output import HOSTILE_ID, JobOutput

SIZES = {"phone": (390, 844), "desk": (1280, 900)}
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("needs the browser Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(job_output: JobOutput, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert write_report(str(job_output.out), str(path)) == str(path)
    return path


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in SCHEMES], ids="-".join)
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    """The opened page; whatever the browser complained of or asked for fails the test."""
    size, scheme = request.param
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(report.as_uri())
    yield page
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]
    context.close()


def test_it_fits_shows_its_pictures_and_runs_no_foreign_code(page: Page, job_output: JobOutput) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # Open everything, so that all pictures are asked for.
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    broken = "[...document.images].filter(image => !image.complete || image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0
    assert page.evaluate("document.images.length") > 3 * job_output.posed
    assert page.title().startswith("out")  # hostile ids would have set another one
    assert page.locator("#faces h3").first.inner_text().endswith(HOSTILE_ID)


@pytest.mark.parametrize("page", [("phone", "dark"), ("desk", "light")], indirect=True, ids="-".join)
def test_it_is_accessible(page: Page) -> None:
    """The rules of axe for WCAG 2.2 AA and good practice, contrast among them, with all details open."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    passed = {rule["id"] for rule in results.response["passes"]}
    assert {"color-contrast", "heading-order", "image-alt", "landmark-one-main", "td-headers-attr"} <= passed


def colours(page: Page) -> tuple[str, str, str]:
    """Background, a bar of a chart, a label of a chart."""
    return tuple(
        page.evaluate(f"getComputedStyle(document.querySelector('{where}')).{what}")
        for where, what in (
            ("body", "backgroundColor"),
            ('.chart svg path[style*="--accent"]', "fill"),
            (".chart svg text", "fill"),
        )
    )


def test_the_schemes_differ_in_the_charts_too(browser: Browser, report: Path) -> None:
    seen = []
    for scheme in SCHEMES:
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        seen.append(colours(page))
        page.close()
    assert all(light != dark for light, dark in zip(*seen, strict=True))


def test_marks_can_be_switched_off(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    for label, marks in (("box", ".m-box"), ("axes", ".m-axes"), ("landmarks", ".m-dots")):
        first = page.locator(f"#faces {marks}").first
        assert first.is_visible()
        page.get_by_label(label).uncheck()
        assert not first.is_visible()
    page.close()
