"""Runs docs/tutorial.py for its page: draws the pictures, and writes docs/tutorial.ipynb with what it prints.

Run it after a change of the tutorial: python -m docs.draw_tutorial
"""

import os
import tempfile
from pathlib import Path

from docs.cells import read_cells, run_cells, to_notebook

DOCS = Path(__file__).resolve().parent
SHOWN = ("drawn", "turned", "crops", "shapes")

if __name__ == "__main__":
    cells = read_cells((DOCS / "tutorial.py").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        outputs, names = run_cells(cells)
    for name in SHOWN:
        names[name].save(DOCS / "pictures" / f"tutorial-{name}.jpg")
    (DOCS / "tutorial.ipynb").write_text(to_notebook(cells, outputs), encoding="utf-8")
