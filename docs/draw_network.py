"""Draws the pictures of the model card: python docs/draw_network.py [--front CSV] [--held-out CSV]

The photo is NASA's portrait of the astronaut Eileen Collins, in the public domain, from scikit-image: as it
is, in states that should be too much for a pose network, and rendered from other sides, whose poses are
exact. The front comes from `python -m training front`, the errors of held-out faces from `python -m training
export`.
"""

import argparse
import csv
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from skimage import data

from fpn_core import (
    PoseBatch,
    PoseNetwork,
    axes_points_mm,
    crop_windows,
    extract_crop,
    geodesic_deg,
    project,
    projection_to_crop,
    projection_to_image,
)
from fpn_core.crop import image_to_crop
from fpn_core.rotation import rotation_about_axis
from pipeline.evaluate.risk_coverage import GROSS_DEG
from render_core import Renderer
from render_core.heads import load_head
from render_core.view import ViewCamera, view_camera
from training.geometry import REFERENCE_PX, pose_under_similarity, scaled_camera

matplotlib.use("Agg")
from matplotlib import pyplot

PICTURES = Path(__file__).parent / "pictures"
BOX_XYWH_PX = np.array([176.0, 72.0, 92.0, 113.0])
# About the landmarks of a photo, as `training.synthesis` has it.
BOX_TO_LANDMARKS, BOX_ABOVE_LANDMARKS = 1.295, 0.133
VIEW_PX = 448
WIDE_YAW_PITCH_ROLL_DEG = [
    (0, 0, 0), (30, 0, 0), (50, 0, 0), (70, 0, 0), (85, 0, 0),
    (40, 25, 0), (40, -25, 0), (60, 25, 0), (60, -25, 0), (60, 0, 40),
]  # fmt: skip
TILE_PX, LABEL_PX, COLUMNS = 200, 40, 5
AXES_BGR = ((60, 60, 230), (60, 180, 60), (230, 120, 60))


def spoiled() -> list[tuple[str, np.ndarray, np.ndarray, float]]:
    """What is done to the photo, the photo, its box, and by how many degrees the head is turned in it."""
    photo = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    x, y, width, height = BOX_XYWH_PX
    face = (slice(int(y), int(y + height)), slice(int(x), int(x + width)))
    upper, left, dark = photo.copy(), photo.copy(), photo.copy()
    upper[int(y) : int(y + 0.6 * height), int(x) : int(x + width)] = 128
    left[face[0], int(x) : int(x + 0.5 * width)] = 128
    dark[:] = np.clip(photo * 0.06 + np.random.default_rng(0).normal(0, 6, photo.shape), 0, 255)
    small = cv2.resize(photo, None, fx=8 / height, fy=8 / height, interpolation=cv2.INTER_AREA)
    tiny = cv2.resize(photo, None, fx=16 / height, fy=16 / height, interpolation=cv2.INTER_AREA)
    upside_down = np.array([512 - x - width, 512 - y - height, width, height])
    centre = np.array([x + width / 2, y + height / 2])
    return [
        ("as it is", photo, BOX_XYWH_PX, 0.0),
        ("upside down", np.ascontiguousarray(photo[::-1, ::-1]), upside_down, 180.0),
        ("16 px", tiny, BOX_XYWH_PX * tiny.shape[0] / 512, 0.0),
        ("8 px", small, BOX_XYWH_PX * small.shape[0] / 512, 0.0),
        ("dark and noisy", dark, BOX_XYWH_PX, 0.0),
        ("upper half hidden", upper, BOX_XYWH_PX, 0.0),
        ("one side hidden", left, BOX_XYWH_PX, 0.0),
        ("box twice too large", photo, np.concatenate([centre - height, [2 * height, 2 * height]]), 0.0),
        ("box half a face off", photo, BOX_XYWH_PX + np.array([width / 2, 0, 0, 0]), 0.0),
        ("no face", photo, np.array([380.0, 300.0, 100.0, 100.0]), float("nan")),
    ]


def pose_of(network: PoseNetwork, photo: np.ndarray, box: np.ndarray) -> tuple[PoseBatch, np.ndarray]:
    """The pose in a box, and the window of its crop."""
    spec = network.spec
    window = crop_windows(box[None], spec.crop_expand)
    crop = extract_crop(photo, window[0], spec.size_px, spec.crop_interpolation)
    return network(crop[None]), window


def tile(
    network: PoseNetwork, name: str, photo: np.ndarray, box: np.ndarray, truth: np.ndarray | None
) -> np.ndarray:
    """A face with the axes of its pose, and how far that is from the true rotation, where there is one."""
    poses, window = pose_of(network, photo, box)
    projection = projection_to_image(poses.rotation, poses.tvec_mm, window, network.spec.camera)
    points = project(axes_points_mm(), projection_to_crop(projection, window, TILE_PX))[0]
    picture = extract_crop(photo, window[0], TILE_PX, "cubic")
    origin = tuple(np.rint(points[0]).astype(int).tolist())
    for point, colour in zip(points[1:], AXES_BGR, strict=True):
        cv2.line(picture, origin, tuple(np.rint(point).astype(int).tolist()), colour, 3, cv2.LINE_AA)
    error = (
        "no pose to find" if truth is None else f"{geodesic_deg(poses.rotation, truth[None])[0]:.0f} deg off"
    )
    confidence = "" if poses.confidence is None else f", confidence {poses.confidence[0]:.2f}"
    label = np.full((LABEL_PX, TILE_PX, 3), 255, np.uint8)
    for row, text in enumerate((name, error + confidence)):
        at = (4, 15 + 17 * row)
        cv2.putText(label, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
    return np.vstack([label, picture])


def draw_limits() -> None:
    network = PoseNetwork(device="cpu")
    states = spoiled()
    _, photo, box, _ = states[0]
    # The rotation of the photo as it is, the measure of all others.
    known = pose_of(network, photo, box)[0].rotation[0]
    tiles = []
    for name, spoiled_photo, its_box, turn_deg in states:
        turn = rotation_about_axis(2, np.deg2rad(np.array([turn_deg])))[0]
        truth = None if np.isnan(turn_deg) else turn @ known
        tiles.append(tile(network, name, spoiled_photo, its_box, truth))
    write_tiles("network_limits.jpg", tiles)


def write_tiles(name: str, tiles: list[np.ndarray]) -> None:
    rows = [np.hstack(tiles[at : at + COLUMNS]) for at in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(PICTURES / name), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])


def draw_wide() -> None:
    """The photo rendered from other sides."""
    network = PoseNetwork(device="cpu")
    _, photo, box, _ = spoiled()[0]
    poses, window = pose_of(network, photo, box)
    projection = projection_to_image(poses.rotation, poses.tvec_mm, window, network.spec.camera)[0]
    cameras = [
        view_camera(yaw, pitch_deg=pitch, roll_deg=roll, size_px=VIEW_PX)
        for yaw, pitch, roll in WIDE_YAW_PITCH_ROLL_DEG
    ]
    head = load_head()
    renderer = Renderer(head, cameras, size_px=VIEW_PX)
    tiles = []
    for view in renderer.render(photo, projection, mirrored=bool(poses.ypr_deg[0, 0] < 0)):
        camera = view.camera
        points = project(np.asarray(head.landmarks_mm), camera.projection[None])[0]
        low, high = points.min(axis=0), points.max(axis=0)
        side = BOX_TO_LANDMARKS * float((high - low).max())
        middle = (low + high) / 2 - [0, BOX_ABOVE_LANDMARKS * side]
        its_box = np.array([*(middle - side / 2), side, side])
        truth = rotation_in_window(camera, crop_windows(its_box[None], network.spec.crop_expand))
        name = f"yaw {camera.yaw_deg:.0f}, pitch {camera.pitch_deg:.0f}, roll {camera.roll_deg:.0f}"
        tiles.append(tile(network, name, view.image, its_box, truth))
    write_tiles("network_wide.jpg", tiles)


def rotation_in_window(camera: ViewCamera, window: np.ndarray) -> np.ndarray:
    """The head's rotation in the camera that looks at the middle of a window of the view."""
    x, y = camera.centre_px
    own = np.array([[camera.focal_px, 0, x], [0, camera.focal_px, y], [0, 0, 1]])
    to_window = image_to_crop(window, REFERENCE_PX)[0, :2]
    tvec_mm = np.asarray(camera.tvec_mm)
    return pose_under_similarity(camera.rotation, tvec_mm, own, to_window, scaled_camera(REFERENCE_PX))[0]


def draw_front(source: Path) -> None:
    """Error after the short run against time, the latter in that of the first network."""
    with source.open() as file:
        points = list(csv.DictReader(file))
    figure, axes = pyplot.subplots(figsize=(6, 4))
    for point in points:
        x, y = float(point["relative_time"]), float(point["median_deg"])
        axes.scatter(x, y, s=20 + 30 * float(point["parameters"]) / 1e6)
        axes.annotate(point["name"], (x, y), xytext=(6, 6), textcoords="offset points")
    axes.set_xlabel("time a face on one thread, in that of the first network")
    axes.set_ylabel("median rotation error after the short run (degrees)")
    axes.set_xlim(0, 1.35 * max(float(point["relative_time"]) for point in points))
    axes.margins(y=0.12)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(PICTURES / "network_front.png", dpi=110)


def draw_confidence(source: Path) -> None:
    """What is left when the faces are left out of which the network is least sure, against the best order."""
    with source.open() as file:
        rows = [(float(row["expected_deg"]), float(row["error_deg"])) for row in csv.DictReader(file)]
    expected, errors = np.array(rows).T
    left_out = 100 * np.arange(len(errors)) / len(errors)
    gross = errors > GROSS_DEG
    figure, (means, found) = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for name, order in (("by confidence", np.argsort(expected)), ("by the error itself", np.argsort(errors))):
        kept = np.cumsum(errors[order]) / np.arange(1, len(errors) + 1)
        means.plot(left_out, kept[::-1], label=name)
        found.plot(left_out, 100 * (1 - np.cumsum(gross[order])[::-1] / gross.sum()), label=name)
    means.axhline(errors.mean(), color="grey", linestyle=":", label="by chance")
    found.plot([0, 100], [0, 100], color="grey", linestyle=":", label="by chance")
    means.set_ylabel("mean rotation error of the others (degrees)")
    means.set_ylim(bottom=0)
    found.set_ylabel(f"errors above {GROSS_DEG:g} degrees left out (%)")
    for axes in (means, found):
        axes.set_xlabel("faces left out, the least sure first (%)")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(PICTURES / "network_confidence.png", dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--front", type=Path, help="front.csv")
    parser.add_argument("--held-out", type=Path, help="held_out.csv")
    given = parser.parse_args()
    draw_limits()
    draw_wide()
    if given.front:
        draw_front(given.front)
    if given.held_out:
        draw_confidence(given.held_out)
