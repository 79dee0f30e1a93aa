"""Made-up data sets of faces whose pose is known, and a network that knows some of them."""

from types import SimpleNamespace

import cv2
import numpy as np

from fpn_core import FPN_227, NetworkSpec, PoseBatch, crop_windows, project, projection_to_image
from pipeline.evaluate.evaluation import HEAD
from render_core.heads import load_head

SIZE_PX = 320
BOX = np.array([100.0, 90, 120, 120])
HEAD_MM = load_head(HEAD).landmarks_mm
WINDOW = crop_windows(BOX[None], 0.25)
SPEC = NetworkSpec(
    name="oracle",
    licence="none needed",
    input_name="image",
    layout="NHWC",
    channels="BGR",
    size_px=16,
    normalisation=None,
    crop_expand=0.25,
    crop_interpolation="area",
    rotation_output="rotation",
    rotation_form="matrix",
    translation_output="tvec",
    translation_form="tvec_mm",
    camera=FPN_227,
)
TVEC_MM = np.array([3.0, -5.0, 2700.0])


def landmarks(rotation, box_xywh_px=BOX):
    """Where the 68 points of a face with this rotation are seen, whose box is this one."""
    window = crop_windows(np.asarray(box_xywh_px, float)[None], SPEC.crop_expand)
    return project(HEAD_MM, projection_to_image(rotation[None], TVEC_MM[None], window))[0]


def write_photo(path, shade=90):
    """A photo of one shade, by which the network knows it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((SIZE_PX, SIZE_PX, 3), shade, np.uint8))


class Oracle:
    """Stands for a network: tells the pose that belongs to the shade of a crop."""

    spec, sha256 = SPEC, "0" * 64

    def __init__(self, rotations, tvec_mm=TVEC_MM):
        self._rotations, self._tvec_mm = rotations, tvec_mm

    def __call__(self, crops, batch_size):
        shades = [int(np.median(crop)) for crop in crops]
        tvec = np.repeat(self._tvec_mm[None], len(crops), axis=0)
        return PoseBatch(np.stack([self._rotations[shade] for shade in shades]), tvec)


def matlab_points(points_px):
    return SimpleNamespace(pts=points_px + 1, aflw=np.vstack([points_px.T + 1, np.zeros(68)]))
