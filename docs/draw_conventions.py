"""Draws the pictures of fpn_core/README.md: python docs/draw_conventions.py

The photo is NASA's portrait of the astronaut Eileen Collins, in the public domain, from scikit-image. Faces
that look elsewhere are views of it, drawn by this project's renderer, so every angle is exactly what is
written above it.
"""

from pathlib import Path

import cv2
import numpy as np
from skimage import data

from fpn_core import (
    PoseNetwork,
    axes_points_mm,
    crop_windows,
    extract_crop,
    project,
    projection_to_image,
)
from render_core import Renderer
from render_core.heads import load_head
from render_core.view import view_camera

PICTURES = Path(__file__).parent / "pictures"
HEAD = "open-mean"
# The face as a detector would box it: eyebrows to chin. Placed by hand.
BOX_XYWH_PX = (176.0, 72.0, 92.0, 113.0)
ANGLES = (
    ("yaw", (-40, 0, 40), "the nose goes"),
    ("pitch", (-20, 0, 20), "the nose goes"),
    ("roll", (-25, 0, 25), "the head turns"),
)
EFFECTS = {
    "yaw": ("right", "", "left"),
    "pitch": ("up", "", "down"),
    "roll": ("anticlockwise", "", "clockwise"),
}
SIZE_PX, LABEL_PX = 224, 26
AXES_BGR = {"x": (0, 0, 255), "y": (0, 170, 0), "-z": (255, 80, 0)}
BOX_BGR, WINDOW_BGR, POINT_BGR = (0, 220, 255), (255, 120, 0), (0, 255, 255)


def draw_axes(picture: np.ndarray, projection: np.ndarray, thickness: int = 2) -> None:
    """The head's axes from its origin: x red, y green, and out of the face (against z) blue."""
    origin, *tips = project(axes_points_mm(75.0), projection[None])[0]
    for (name, colour), tip in zip(AXES_BGR.items(), tips, strict=True):
        start, end = (tuple(int(v) for v in np.round(point)) for point in (origin, tip))
        cv2.arrowedLine(picture, start, end, colour, thickness, cv2.LINE_AA, tipLength=0.12)
        write(picture, name, (end[0] + 4, end[1] + 4), colour)


def write(picture: np.ndarray, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)


def labelled(picture: np.ndarray, text: str) -> np.ndarray:
    label = np.full((LABEL_PX, picture.shape[1], 3), 255, np.uint8)
    write(label, text, (8, 18), (40, 40, 40))
    return np.vstack([label, picture])


def angles_picture(photo: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """One row for every angle: negative, zero, positive, each with the axes of its pose."""
    rows = []
    for name, values, verb in ANGLES:
        cells = []
        for value, effect in zip(values, EFFECTS[name], strict=True):
            turn = {"yaw_deg": 0, "pitch_deg": 0, "roll_deg": 0} | {f"{name}_deg": value}
            camera = view_camera(turn.pop("yaw_deg"), **turn, size_px=SIZE_PX)
            view = Renderer(load_head(HEAD), [camera], size_px=SIZE_PX).render(photo, projection)[0]
            cell = view.image.copy()
            draw_axes(cell, camera.projection)
            what = f": {verb} {effect}" if effect else ""
            cells.append(labelled(cell, f"{name} {value:+d}{what}" if value else f"{name} 0"))
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def crop_picture(photo: np.ndarray, window: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """The photo with box, window, landmarks and axes, and the crop beside it."""
    seen = photo.copy()
    x, y, width, height = (round(value) for value in BOX_XYWH_PX)
    cv2.rectangle(seen, (x, y), (x + width, y + height), BOX_BGR, 2)
    write(seen, "box", (x + 3, y - 5), BOX_BGR)
    x0, y0, x1, y1 = (int(edge) for edge in window)
    cv2.rectangle(seen, (x0, y0), (x1 - 1, y1 - 1), WINDOW_BGR, 2)
    write(seen, "window", (x0 + 3, y0 - 5), WINDOW_BGR)
    for point in project(load_head(HEAD).landmarks_mm, projection[None])[0]:
        cv2.circle(seen, tuple(int(v) for v in np.round(point)), 1, POINT_BGR, cv2.FILLED, cv2.LINE_AA)
    draw_axes(seen, projection)
    part = seen[:320, 60:420]
    crop = cv2.resize(extract_crop(photo, window, 227), (320, 320), interpolation=cv2.INTER_CUBIC)
    return np.hstack(
        [labelled(part, "photo: box, window, pose"), labelled(crop, "crop: the window, resized")]
    )


def main() -> None:
    photo = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    network = PoseNetwork(device="cpu")
    spec = network.spec
    windows = crop_windows(np.array([BOX_XYWH_PX]), spec.crop_expand)
    poses = network(extract_crop(photo, windows[0], spec.size_px, spec.crop_interpolation)[None])
    projection = projection_to_image(poses.rotation, poses.tvec_mm, windows, spec.camera)[0]
    PICTURES.mkdir(exist_ok=True)
    for name, picture in (
        ("angles.jpg", angles_picture(photo, projection)),
        ("crop.jpg", crop_picture(photo, windows[0], projection)),
    ):
        cv2.imwrite(str(PICTURES / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
