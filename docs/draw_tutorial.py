"""Draws the pictures that the page of the tutorial shows: python docs/draw_tutorial.py"""

import os
import runpy
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
SHOWN = ("drawn", "turned", "crops", "shapes")

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found = runpy.run_path(str(DOCS / "tutorial.py"))
        for name in SHOWN:
            found[name].save(DOCS / "pictures" / f"tutorial-{name}.jpg")
