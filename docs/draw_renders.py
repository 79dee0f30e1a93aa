"""Draws the pictures of render_core/README.md: python docs/draw_renders.py

The photo is NASA's portrait of the astronaut Eileen Collins, in the public domain, from scikit-image. Where a
face must be turned, the photo is a view of the portrait drawn by this renderer. Everything is drawn with one
of the package's own heads, in both modes: what differs is the renderer, not the head.
"""

from pathlib import Path

import cv2
import numpy as np
from skimage import data

from fpn_core import PoseNetwork, crop_windows, extract_crop, projection_to_crop, projection_to_image
from render_core import Renderer
from render_core.heads import DEFAULT_HEAD, load_head
from render_core.view import ViewCamera, view_camera

PICTURES = Path(__file__).parent / "pictures"
# The face as a detector would box it: eyebrows to chin. Placed by hand.
BOX_XYWH_PX = (176.0, 72.0, 92.0, 113.0)
CROP_PX = 227
TILE_PX, LABEL_PX, GAP_PX = 224, 24, 6
CHECKER_PX = 14


def tile(picture: np.ndarray, text: str) -> np.ndarray:
    """The picture at the size of a tile, on a checkerboard where it is transparent, under its name."""
    if picture.shape[2] == 4:
        rows, columns = np.indices(picture.shape[:2]) // CHECKER_PX
        board = np.where((rows + columns) % 2, 190, 235)[..., None]
        share = picture[..., 3:] / 255
        picture = (picture[..., :3] * share + board * (1 - share)).astype(np.uint8)
    picture = cv2.resize(picture, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
    label = np.full((LABEL_PX, TILE_PX, 3), 255, np.uint8)
    cv2.putText(label, text, (4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.44, (40, 40, 40), 1, cv2.LINE_AA)
    framed = np.vstack([label, picture])
    white = (255, 255, 255)
    return np.asarray(cv2.copyMakeBorder(framed, 0, GAP_PX, 0, GAP_PX, cv2.BORDER_CONSTANT, value=white))


def save(name: str, rows: list[list[np.ndarray]]) -> None:
    sheet = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(PICTURES / name), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])


def posed_portrait() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The photo with its projection, and the crop of 227 px, which compat mode sees, with its own."""
    photo = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    network = PoseNetwork()
    spec = network.spec
    window = crop_windows(np.array([BOX_XYWH_PX]), spec.crop_expand)
    poses = network(extract_crop(photo, window[0], spec.size_px, spec.crop_interpolation)[None])
    projection = projection_to_image(poses.rotation, poses.tvec_mm, window, spec.camera)
    crop = extract_crop(photo, window[0], CROP_PX)
    return photo, projection[0], crop, projection_to_crop(projection, window, CROP_PX)[0]


def main() -> None:
    head = load_head(DEFAULT_HEAD)
    clean, compat = Renderer(head), Renderer(head, mode="compat")
    photo, projection, crop, crop_projection = posed_portrait()

    original = compat.render(crop, crop_projection)
    better = clean.render(photo, projection)
    save(
        "renders.jpg",
        [
            [tile(crop, "crop of 227 px")] + [tile(v.image, f"compat, {v.yaw_deg:g}") for v in original],
            [tile(crop, "the same face in its photo")]
            + [tile(v.image, f"clean, {v.yaw_deg:g}") for v in better],
        ],
    )

    (turned,) = Renderer(head, (30,)).render(photo, projection)
    plain = Renderer(head, (0,), symmetry=False)
    seen = turned.camera.projection
    save(
        "symmetry.jpg",
        [
            [
                tile(turned.image, "a face turned by 30"),
                tile(plain.render(turned.image, seen)[0].image, "without symmetry"),
                tile(compat.render(turned.image, seen, (0,))[0].image, "compat: mirrored in the image"),
                tile(clean.render(turned.image, seen, (0,))[0].image, "clean: mirrored in space"),
            ]
        ],
    )

    save(
        "backgrounds.jpg",
        [
            [tile(compat.render(crop, crop_projection, (22,))[0].image, "compat: the left strip")]
            + [
                tile(
                    Renderer(head, (22,), background=name).render(crop, crop_projection)[0].image,
                    f"clean: {name}",
                )
                for name in ("edge", "constant", "blur", "transparent")
            ]
        ],
    )

    middle = slice(120, 344), slice(112, 336)
    large = Renderer(head, (22,), size_px=448)
    nodding: list[ViewCamera] = [
        view_camera(-22),
        view_camera(10, pitch_deg=-15),
        view_camera(0, roll_deg=20),
    ]
    any_view = Renderer(head, nodding).render(photo, projection)
    save(
        "resolution.jpg",
        [
            [
                tile(large.render(crop, crop_projection)[0].image[middle], "448 px, from the crop"),
                tile(large.render(photo, projection)[0].image[middle], "448 px, from the photo"),
            ]
            + [
                tile(v.image, f"yaw {c.yaw_deg:g}, pitch {c.pitch_deg:g}, roll {c.roll_deg:g}")
                for c, v in zip(nodding, any_view, strict=True)
            ]
        ],
    )


if __name__ == "__main__":
    main()
