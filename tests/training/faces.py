"""Made-up training faces: noise for pixels, and the landmarks of the mean head at known poses."""

import numpy as np

from fpn_core import ypr_deg_to_matrix
from render_core.heads import load_head
from training.crops import SIDE_PX, Face
from training.geometry import scaled_camera

HEAD_MM = np.asarray(load_head().landmarks_mm)
CAMERA = scaled_camera(SIDE_PX)
TVEC_MM = np.array([4.0, -9.0, 4300.0])


def projected(rotation, tvec_mm=TVEC_MM, camera=CAMERA):
    """Pixels of the mean head's landmarks."""
    seen = HEAD_MM @ rotation.T + tvec_mm
    return (seen @ camera.T)[:, :2] / seen[:, 2:]


def made_up_faces(count, seed=0):
    """Faces with yaws within 40 and pitches and rolls within 15 degrees."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        yaw, pitch, roll = rng.uniform(-1, 1, 3) * [40, 15, 15]
        rotation = ypr_deg_to_matrix(np.array([[yaw, pitch, roll]]))[0]
        small = rng.integers(0, 256, (20, 20, 3), np.uint8)
        image = np.kron(small, np.ones((8, 8, 1), np.uint8))
        yield Face(f"face{number:03d}", "made up", image, projected(rotation), rotation)
