"""Draws docs/pictures/scars.jpg, views of this version under those of an earlier one.

In a checkout of the earlier version: python docs/draw_scars.py --save before.npz
In this one:                          python docs/draw_scars.py --before before.npz

The photos are views of the public-domain portrait inside scikit-image, drawn by the earlier version: turned
by 60 degrees, and tilted back by 35. The poses given to the renderer are 6 degrees off, as those of networks.
"""

from pathlib import Path

import click
import cv2
import numpy as np
from skimage import data

from fpn_core import PoseNetwork, crop_windows, extract_crop, projection_to_image
from render_core import Renderer
from render_core.heads import DEFAULT_HEAD, load_head
from render_core.view import angles_to_rotation, view_camera

PICTURE = Path(__file__).parent / "pictures" / "scars.jpg"
BOX_XYWH_PX = (176.0, 72.0, 92.0, 113.0)
PHOTO_PX, VIEW_PX = 400, 224
ERROR_DEG = 6.0
# Yaw and pitch of the photos, and the views that they are rendered at.
PHOTOS = {(60, 0): (0, 22, 40), (0, -35): (0, 40, 75)}


def photos() -> list[np.ndarray]:
    """The portrait from other sides."""
    portrait = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    network = PoseNetwork()
    spec = network.spec
    window = crop_windows(np.array([BOX_XYWH_PX]), spec.crop_expand)
    poses = network(extract_crop(portrait, window[0], spec.size_px, spec.crop_interpolation)[None])
    projection = projection_to_image(poses.rotation, poses.tvec_mm, window, spec.camera)[0]
    cameras = [view_camera(yaw, pitch_deg=pitch, size_px=PHOTO_PX) for yaw, pitch in PHOTOS]
    renderer = Renderer(load_head(DEFAULT_HEAD), cameras, size_px=PHOTO_PX)
    return [view.image for view in renderer.render(portrait, projection)]


def rows(pictures: list[np.ndarray]) -> np.ndarray:
    """The views of the photos side by side."""
    tiles = []
    for picture, ((yaw, pitch), views) in zip(pictures, PHOTOS.items(), strict=True):
        camera = view_camera(yaw, pitch_deg=pitch, size_px=PHOTO_PX)
        wrong = camera.projection @ np.vstack(
            [
                np.column_stack([angles_to_rotation(ERROR_DEG, ERROR_DEG, 0), np.zeros(3)]),
                [0.0, 0.0, 0.0, 1.0],
            ]
        )
        tiles.append(cv2.resize(picture, (VIEW_PX, VIEW_PX), interpolation=cv2.INTER_AREA))
        rendered = Renderer(load_head(DEFAULT_HEAD), views, size_px=VIEW_PX).render(picture, wrong)
        tiles += [view.image for view in rendered]
    return np.hstack(tiles)


@click.command(help=__doc__)
@click.option("--save", type=click.Path(path_type=Path), help="Where the photos and this version's row go.")
@click.option(
    "--before", type=click.Path(exists=True, path_type=Path), help="Photos and row of another version."
)
def main(save: Path | None, before: Path | None) -> None:
    if save is not None:
        pictures = photos()
        np.savez(save, pictures=np.stack(pictures), row=rows(pictures))
    if before is not None:
        with np.load(before) as earlier:
            sheet = np.vstack([earlier["row"], rows(list(earlier["pictures"]))])
        cv2.imwrite(str(PICTURE), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
