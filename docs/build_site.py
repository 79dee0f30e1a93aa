"""Builds the site: python -m docs.build_site [FOLDER]

Most of its texts stand where they are read in the project, such as fpn_core/README.md. They are copied into
one folder, where links between files of the project become links between pages, and then given to Sphinx.
"""

import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.cells import Cell, outputs_of, read_cells

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

# File of the project -> page of the site. Other pages are the .md files of this folder.
PAGES = {
    "README.md": "index.md",
    "fpn_core/README.md": "conventions.md",
    "render_core/README.md": "rendering.md",
    "pipeline/README.md": "job.md",
    "fpn_core/models/CARD.md": "model-card.md",
    "pipeline/evaluate/README.md": "evaluation.md",
    "docs/tutorial.py": "tutorial.md",
    "training/README.md": "training.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}

# The menu: pages, with a shorter title where their own says too much. Those that nobody has listed come last.
SECTIONS: dict[str, dict[str, str]] = {
    "Start": {"install": "Install and first steps", "tutorial": "", "cookbook": "", "python": ""},
    "How to": {
        "manifests": "Make a manifest",
        "report": "Look at results",
        "export": "Export for training",
        "performance": "Plan and speed up",
        "migration": "Move from the original",
    },
    "Reference": {
        "commands": "",
        "configuration": "",
        "job": "Input, output, promises",
    },
    "Faces": {
        "conventions": "Conventions, networks",
        "rendering": "Rendering",
        "heads": "Heads",
        "reference": "",
    },
    "Quality": {"model-card": "The network's card", "evaluation": "", "training": ""},
    "Project": {"contributing": "", "changelog": ""},
}

_LINK = re.compile(r"(!?)\[((?:[^\]\[]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def build(out: Path) -> int:
    """Build the site into a folder, with warnings as errors; the exit status of Sphinx."""
    with tempfile.TemporaryDirectory() as folder:
        assemble(Path(folder))
        options = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env", "-b", "html"]
        command = [sys.executable, "-m", "sphinx", *options, "-c", str(DOCS), folder, str(out)]
        return subprocess.run(command, check=False, cwd=ROOT).returncode


def assemble(folder: Path) -> None:
    """Write the sources of all pages and their pictures into a folder."""
    own = {f"docs/{path.name}": path.name for path in sorted(DOCS.glob("*.md"))}
    pages = {source: page for source, page in {**own, **PAGES}.items() if (ROOT / source).is_file()}
    for source, page in pages.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if source.endswith(".py"):
            printed = outputs_of((ROOT / source).with_suffix(".ipynb").read_text(encoding="utf-8"))
            text = cells_to_markdown(read_cells(text), printed)
        text = site_links(text, posixpath.dirname(source), pages)
        if page == "index.md":
            text += menu({name.removesuffix(".md") for name in pages.values()})
        (folder / page).write_text(text, encoding="utf-8")
    shutil.copytree(DOCS / "pictures", folder / "pictures")


def menu(pages: set[str]) -> str:
    """The tables of contents of the sections, for the first page."""
    listed = {page for section in SECTIONS.values() for page in section}
    sections = {**SECTIONS, "More": dict.fromkeys(sorted(pages - listed - {"index"}), "")}
    tables = []
    for caption, entries in sections.items():
        lines = [f"{title} <{page}>" if title else page for page, title in entries.items() if page in pages]
        if lines:
            tables.append(
                "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *lines, "```", ""])
            )
    return "\n" + "\n".join(tables)


def site_links(text: str, folder: str, pages: dict[str, str]) -> str:
    """The text with links that work on the site; `folder` is that of the text in the project.

    A link to a file that is no page, such as a program, becomes its words. One that leads nowhere is left for
    Sphinx to complain about.
    """
    pieces, at = [], 0
    for fence in _FENCE.finditer(text):  # what looks like a link in code is none
        pieces += [_links(text[at : fence.start()], folder, pages), fence.group()]
        at = fence.end()
    return "".join([*pieces, _links(text[at:], folder, pages)])


def _links(text: str, folder: str, pages: dict[str, str]) -> str:
    def site_link(link: re.Match[str]) -> str:
        picture, words, target, anchor = link.groups()
        if ":" in target:
            return link.group()
        path = posixpath.normpath(posixpath.join(folder, target))
        if path in pages:
            return f"[{words}]({pages[path]}{anchor or ''})"
        if path.startswith("docs/pictures/"):
            return f"{picture}[{words}]({path.removeprefix('docs/')})"
        return words if (ROOT / path).exists() else link.group()

    return _LINK.sub(site_link, text)


def cells_to_markdown(cells: list[Cell], outputs: list[str]) -> str:
    """Cells as a page, each with what it prints. A cell that ends with the name of a picture shows it."""
    parts = []
    for cell, output in zip(cells, outputs, strict=True):
        if cell.is_text:
            parts.append(cell.body)
            continue
        parts.append(f"```python\n{cell.body}\n```")
        if output:
            parts.append(f"```{{code-block}} none\n:class: output\n\n{output}\n```")
        shown = f"pictures/tutorial-{cell.body.splitlines()[-1]}.jpg"
        if (DOCS / shown).is_file():
            parts.append(f"![What the cell shows]({shown})")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    status = build(target)
    if status == 0:
        print(f"open {target / 'index.html'}")
    sys.exit(status)
