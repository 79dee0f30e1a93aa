"""How scarred rendered views are, in numbers: python benchmarks/scars.py PHOTOS...

Each argument is a folder with photos and their `labels.json` (a list of {"file", "box"}) or a CSV of the
original's form (ID, FILE, FACE_X, FACE_Y, FACE_WIDTH, FACE_HEIGHT). Faces are posed by the network of the
package and rendered at all five views. Only what the pictures show counts, so that versions can be compared:

- midline: views 0 and 22 of faces turned by more than 30 degrees. How much darker than its sides the strip
  along the face's axis is, in levels, in the darkest tenth of the face's rows; the mean over views.
- bands: all views of faces that look up by more than 25 degrees. Differences between neighbouring rows
  across the top of the head, in levels.
- stripes: the backdrop of views 55 and 75. The share of its pixels whose surroundings vary in one direction
  alone (coherence of the structure tensor over 0.9, by more than 2 levels a pixel).
- edges: the outline of the head in all views, against the same view drawn four times as large and averaged:
  root mean square difference in levels.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np

import faceposenet
from faceposenet.poser import FacePoser
from render_core import Renderer
from render_core.grid import build_grid
from render_core.heads import load_head
from render_core.view import view_camera

VIEWS = (0, 22, 40, 55, 75)
SIZE_PX = 224
FINER = 4


def labelled(source: Path) -> Iterator[tuple[Path, list[float]]]:
    """Photos and their boxes."""
    if source.is_dir():
        for label in json.loads((source / "labels.json").read_text()):
            yield source / label["file"], label["box"]
        return
    with source.open() as file:
        for row in csv.DictReader(file):
            names = ("FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")
            yield source.parent / row["FILE"], [float(row[name]) for name in names]


def midline(view: np.ndarray, face: np.ndarray, axis_x: np.ndarray) -> float:
    """How much darker the face's axis is than what lies 14 px beside it, in its darkest tenth of rows."""
    grey = cv2.GaussianBlur(view.mean(axis=2).astype(np.float32), (0, 0), 1.0)
    dark = []
    for row in np.flatnonzero(face.sum(axis=1) > 60):
        x = round(float(axis_x[row]))
        if 20 <= x < SIZE_PX - 20 and face[row, x - 16 : x + 17].all():
            sides = min(grey[row, x - 14], grey[row, x + 14])
            dark.append(max(0.0, float(sides - grey[row, x])))
    return float(np.sort(dark)[-max(1, len(dark) // 10) :].mean()) if dark else 0.0


def bands(view: np.ndarray, head: np.ndarray, face: np.ndarray) -> float:
    """Differences between neighbouring rows over the top of the head."""
    top = head.copy()
    first = int(np.flatnonzero(face.any(axis=1))[0])
    top[first + 25 :] = False
    inside = cv2.erode(top.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    rows = np.abs(np.diff(view.astype(np.float32).mean(axis=2), axis=0))
    return float(rows[inside[1:] & inside[:-1]].mean()) if inside.any() else 0.0


def stripes(view: np.ndarray, head: np.ndarray) -> float:
    """The share of backdrop that varies across one direction alone."""
    grey = view.mean(axis=2).astype(np.float32)
    gx, gy = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 4.0) for product in (gx * gx, gy * gy, gx * gy))
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.maximum(xx + yy, 1e-6)
    away = cv2.dilate(head.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
    striped = (coherence > 0.9) & (np.sqrt(xx + yy) > 2.0)
    return float(striped[away].mean()) if away.any() else 0.0


def edge_error(view: np.ndarray, fine: np.ndarray, head: np.ndarray) -> float:
    """Root mean square difference from the finer view on the head's outline."""
    averaged = cv2.resize(fine, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    kernel = head.astype(np.uint8)
    outline = cv2.dilate(kernel, cross) != cv2.erode(kernel, cross)
    return float(np.sqrt(((view.astype(np.float32) - averaged)[outline] ** 2).mean()))


@click.command(help=__doc__)
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(sources: tuple[Path, ...]) -> None:
    cv2.setNumThreads(1)
    poser = FacePoser()
    renderer = Renderer(load_head("open-mean"), VIEWS)
    axes = {yaw: axis_columns(yaw) for yaw in VIEWS}
    found: dict[str, list[float]] = {"midline": [], "bands": [], "stripes": [], "edges": []}
    for source in sources:
        for path, box in labelled(source):
            face = poser.pose(str(path), box)
            views = poser.views(str(path), face, VIEWS)
            finer = poser.views(str(path), face, VIEWS, size_px=FINER * SIZE_PX)
            for yaw, view, fine in zip(VIEWS, views, finer, strict=True):
                face_mask, head_mask = renderer.masks(yaw)
                if yaw <= 22 and abs(face.yaw_deg) > 30:
                    found["midline"].append(midline(view.image, face_mask, axes[yaw]))
                if face.pitch_deg < -25:
                    found["bands"].append(bands(view.image, head_mask, face_mask))
                if yaw >= 55:
                    found["stripes"].append(stripes(view.image, head_mask))
                found["edges"].append(edge_error(view.image, fine.image, head_mask))
    click.echo(f"faceposenet {faceposenet.__version__}")
    for name, values in found.items():
        click.echo(f"{name:8} {np.mean(values):7.3f}  (mean of {len(values)} views)")


def axis_columns(yaw: int) -> np.ndarray:
    """For each row of a view, the column that sees the head's plane of symmetry."""
    grid = build_grid(load_head("open-mean"), view_camera(yaw))
    x = np.where(grid.face_mask, np.abs(grid.points[0].reshape(SIZE_PX, SIZE_PX)), np.inf)
    return np.asarray(x.argmin(axis=1))


if __name__ == "__main__":
    main()
