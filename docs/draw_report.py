"""Draws the pictures of docs/report.md: python docs/draw_report.py (needs the system's Chromium)

The photo is NASA's portrait of the astronaut Eileen Collins, in the public domain, from scikit-image. The
dataset is made of it: renderings of the portrait from all sides, and a few broken rows.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Browser, sync_playwright
from skimage import data

from faceposenet import FacePoser
from fpn_core import project
from pipeline.config.settings import load_config
from pipeline.job.run import run_job
from pipeline.report.write import write_report
from pipeline.show.picture import draw_picture
from pipeline.show.show import look_at
from render_core import Renderer
from render_core.heads import load_head
from render_core.view import view_camera

PICTURES = Path(__file__).parent / "pictures"
# The face as a detector would box it: eyebrows to chin. Placed by hand.
BOX_XYWH_PX = (176.0, 72.0, 92.0, 113.0)
FACES, SIZE_PX = 60, 320
TOP_PX, FACES_PX, GAP_PX, SCALE = 1040, 1130, 24, 0.66


def write_dataset(folder: Path, portrait: Path) -> Path:
    """Renderings of the portrait with poses as of people who move freely, and their manifest."""
    rng = np.random.default_rng(1)
    photo = np.asarray(cv2.imread(str(portrait)), np.uint8)
    face = FacePoser().pose(photo, BOX_XYWH_PX)
    head = load_head("open-mean")
    rows = []
    for number in range(FACES):
        yaw, pitch, roll = rng.normal(0, (24, 8, 10))
        camera = view_camera(abs(yaw), pitch_deg=pitch, roll_deg=roll, size_px=SIZE_PX)
        view = Renderer(head, [camera], size_px=SIZE_PX).render(photo, face.projection)[0].image
        points = project(np.asarray(head.landmarks_mm), camera.projection[None])[0]
        if yaw < 0:
            view, points = view[:, ::-1], np.array([SIZE_PX - 1, 0]) + points * [-1, 1]
        scale = 2 ** rng.normal(0, 0.7)
        view = cv2.resize(
            view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        )
        cv2.imwrite(str(folder / f"{number:03d}.jpg"), view)
        (x, y), (right, low) = points.min(axis=0) * scale, points.max(axis=0) * scale
        rows.append((f"face-{number:03d}", f"{number:03d}.jpg", x, y, right - x, low - y))
    (folder / "cut-off.jpg").write_bytes((folder / "000.jpg").read_bytes()[:3000])
    for number in range(5):
        rows.append((f"beyond-{number}", f"{number:03d}.jpg", 900.0, 40.0, 90.0, 110.0))
    rows += [(f"gone-{number}", f"archive/{number}.jpg", 10.0, 10.0, 90.0, 110.0) for number in range(3)]
    rows.append(("cut-off", "cut-off.jpg", 10.0, 10.0, 90.0, 110.0))
    names = ("face_id", "image", "x", "y", "width", "height")
    manifest = folder / "faces.parquet"
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), manifest)
    return manifest


def screenshot(browser: Browser, page_uri: str, width: int, scheme: Literal["light", "dark"]) -> np.ndarray:
    """The upper part of the report, and below it where the faces begin."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(page_uri)
    encoded = np.frombuffer(page.screenshot(full_page=True), np.uint8)
    whole = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    at = round(page.evaluate("document.querySelector('#faces').offsetTop"))
    page.close()
    gap = np.full((GAP_PX, width, 3), 255, np.uint8)
    return np.vstack([whole[:TOP_PX], gap, whole[at : at + FACES_PX]])


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        portrait = folder / "portrait.png"
        cv2.imwrite(str(portrait), data.astronaut()[:, :, ::-1])
        looked = look_at(str(portrait), BOX_XYWH_PX, FacePoser(), [0, 22, 40, 55, 75], 224)
        cv2.imwrite(str(PICTURES / "show.jpg"), draw_picture(looked), [cv2.IMWRITE_JPEG_QUALITY, 84])
        out = folder / "faces"
        settings = load_config(overrides=["output.faces_per_part=8"])
        run_job(str(write_dataset(folder, portrait)), str(out), settings)
        page_uri = Path(write_report(str(out))).as_uri()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        desk = screenshot(browser, page_uri, 1280, "light")
        phone = screenshot(browser, page_uri, 390, "dark")
        browser.close()
    both = np.hstack([desk, np.full((len(desk), GAP_PX, 3), 255, np.uint8), phone])
    both = cv2.resize(both, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(PICTURES / "report.jpg"), both, [cv2.IMWRITE_JPEG_QUALITY, 84])


if __name__ == "__main__":
    main()
