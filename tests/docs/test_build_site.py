import importlib.util
import re
from pathlib import Path

import pytest

from docs import build_site
from docs.cells import outputs_of, read_cells, run_cells, to_notebook

SPHINX = importlib.util.find_spec("sphinx") and importlib.util.find_spec("myst_parser")
needs_sphinx = pytest.mark.skipif(not SPHINX, reason="needs the extra docs: pip install 'faceposenet[docs]'")
PAGES = {"README.md": "index.md", "fpn_core/README.md": "conventions.md", "docs/heads.md": "heads.md"}


@pytest.mark.parametrize(
    ("folder", "text", "wanted"),
    [
        ("", "[a](fpn_core/README.md)", "[a](conventions.md)"),
        ("docs", "[a](../fpn_core/README.md#boxes)", "[a](conventions.md#boxes)"),
        ("fpn_core", "![a](../docs/pictures/crop.jpg)", "![a](pictures/crop.jpg)"),
        ("docs", "[`heads`](heads.md), [b](heads.md)", "[`heads`](heads.md), [b](heads.md)"),
        ("docs", "see [`config.py`](../pipeline/config/settings.py)", "see `config.py`"),
        ("", "[`configs/`](configs/)", "`configs/`"),
        ("", "[paper](https://arxiv.org/abs/1708.07517)", "[paper](https://arxiv.org/abs/1708.07517)"),
        ("", "[gone](docs/gone.md)", "[gone](docs/gone.md)"),
        ("", "```\n[a](fpn_core/README.md)\n```\n", "```\n[a](fpn_core/README.md)\n```\n"),
        ("", "f([0])(x), [see](#boxes)", "f([0])(x), [see](#boxes)"),
    ],
)
def test_links_of_the_project_become_links_of_the_site(folder: str, text: str, wanted: str) -> None:
    assert build_site.site_links(text, folder, PAGES) == wanted


def test_cells_become_text_code_output_and_pictures() -> None:
    cells = read_cells(
        "# %% [markdown]\n# # Title\n#\n# words\n\n# %%\nx = 1\nx + 1\n\n# %%\ndrawn = None\ndrawn\n"
    )
    outputs, names = run_cells(cells)
    assert outputs == ["", "2", ""] and names["x"] == 1
    assert outputs_of(to_notebook(cells, outputs)) == outputs
    page = build_site.cells_to_markdown(cells, outputs)
    assert page.startswith("# Title\n\nwords\n\n```python\nx = 1\nx + 1\n```\n")
    assert "```{code-block} none\n:class: output\n\n2\n```" in page
    assert "drawn = None\ndrawn\n```\n\n![What the cell shows](pictures/tutorial-drawn.jpg)" in page


def test_every_page_is_in_the_menu_once() -> None:
    pages = {"index", "tutorial", "job", "something-new"}
    tables = build_site.menu(pages)
    listed = re.findall(r"^(?:.*<([a-z-]+)>|([a-z-]+))$", tables, re.MULTILINE)
    assert sorted(short or plain for short, plain in listed) == sorted(pages - {"index"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    assert build_site.build(out) == 0  # warnings are errors: links, references, code that is none
    return out


@needs_sphinx
def test_the_site_builds_and_needs_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.glob("*.html"))
    assert {"index.html", "tutorial.html", "conventions.html", "model-card.html", "python.html"} <= {
        page.name for page in pages
    }
    for page in pages:
        html = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]*src=\"(?:https?:)?//", html)
        assert not re.findall(r"<link[^>]*rel=\"stylesheet\"[^>]*href=\"(?:https?:)?//", html)
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8"))


@needs_sphinx
def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    html = {page.name: page.read_text(encoding="utf-8") for page in site.glob("*.html")}
    anchors = {name: set(re.findall(r"\bid=\"([^\"]+)\"", text)) for name, text in html.items()}
    dead = []
    for name, text in html.items():
        for target in re.findall(r"<(?:a|img|link)\b[^>]*?(?:href|src)=\"([^\"]+)\"", text):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            file = file.partition("?")[0] or name
            if not (site / file).exists() or (anchor and anchor not in anchors.get(file, ())):
                dead.append(f"{name}: {target}")
    assert not dead


@needs_sphinx
def test_the_python_page_shows_signatures_and_their_words(site: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (site / "python.html").read_text(encoding="utf-8"))
    assert "Positive where the nose turns to the left of the image." in text
    assert "tight face box in pixels of the upright photo" in text
