"""A script in cells (`# %%`): as a notebook, as a page, and run cell by cell for what it prints."""

import ast
import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A cell of code, or of Markdown."""

    is_text: bool
    body: str


def read_cells(script: str) -> list[Cell]:
    """The cells of a script, text without its comment signs."""
    cells = []
    for cell in script.split("# %%")[1:]:
        kind, _, body = cell.partition("\n")
        body = body.strip("\n")
        if is_text := kind.strip() == "[markdown]":
            body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines())
        cells.append(Cell(is_text, body))
    return cells


def run_cells(cells: list[Cell]) -> tuple[list[str], dict[str, Any]]:
    """What each cell prints, with the value of its last line as a notebook shows it, and all names.

    Values with a picture of their own are left out: the page shows them as pictures.
    """
    names: dict[str, Any] = {}
    outputs = []
    for cell in cells:
        printed = io.StringIO()
        if not cell.is_text:
            body = ast.parse(cell.body).body
            last = body[-1] if isinstance(body[-1], ast.Expr) else None
            body = body if last is None else body[:-1]
            with contextlib.redirect_stdout(printed):
                exec(compile(ast.Module(body, []), "cell", "exec"), names)
                value = (
                    None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
                )
                if value is not None and not hasattr(value, "_repr_png_"):
                    print(repr(value))
        outputs.append(printed.getvalue().strip("\n"))
    return outputs, names


def to_notebook(cells: list[Cell], outputs: list[str]) -> str:
    """A notebook (nbformat 4.5) with the text that the cells print."""
    written: list[dict[str, object]] = []
    for number, (cell, output) in enumerate(zip(cells, outputs, strict=True)):
        common: dict[str, object] = {
            "id": f"cell-{number:02d}",
            "metadata": {},
            "source": cell.body.splitlines(keepends=True),
        }
        if cell.is_text:
            written.append({"cell_type": "markdown", **common})
            continue
        text = output.splitlines(keepends=True)
        stream = [{"name": "stdout", "output_type": "stream", "text": text}] if text else []
        written.append({"cell_type": "code", "execution_count": None, "outputs": stream, **common})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": written,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def outputs_of(notebook: str) -> list[str]:
    """The printed text of each cell of such a notebook."""
    return [
        "".join(line for output in cell.get("outputs", ()) for line in output["text"])
        for cell in json.loads(notebook)["cells"]
    ]
