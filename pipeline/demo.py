"""The demo: a dozen faces made of the photo that comes with the package, through the real job.

The photo is turned, scaled and mirrored, so that a person can see whether poses follow.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from faceposenet.sample import SAMPLE_BOX_XYWH_PX, sample_photo


@dataclass(frozen=True)
class DemoFace:
    """One variant of the photo."""

    roll_deg: float
    """Turn in the image plane, clockwise."""
    scale: float
    mirrored: bool


DEMO_FACES = (
    *(DemoFace(roll_deg, 1.0, mirrored=False) for roll_deg in (0, 20, -20, 45, -45, 90)),
    DemoFace(0, 0.5, mirrored=False),
    DemoFace(0, 0.25, mirrored=False),
    DemoFace(15, 2.0, mirrored=False),
    DemoFace(0, 1.0, mirrored=True),
    DemoFace(30, 0.7, mirrored=True),
    DemoFace(-60, 1.0, mirrored=True),
)


def write_demo_faces(folder: Path) -> Path:
    """Write the photos of the demo and their manifest, and give the manifest's path."""
    photo = cv2.imread(str(sample_photo()), cv2.IMREAD_COLOR)
    assert photo is not None
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, face in enumerate(DEMO_FACES):
        image, box = _variant(photo, face)
        name = f"face-{number:02d}.jpg"
        cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        rows.append(
            {
                "face_id": f"astronaut-{number:02d}",
                "image": name,
                **dict(zip(("x", "y", "width", "height"), box, strict=True)),
                "subject_id": "eileen-collins",
                "turned_deg": float(face.roll_deg),
            }
        )
    manifest = folder / "faces.parquet"
    pq.write_table(pa.Table.from_pylist(rows), manifest)
    return manifest


def _variant(photo: np.ndarray, face: DemoFace) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """The photo turned about its face, mirrored and scaled, and the face's box there."""
    x, y, width, height = SAMPLE_BOX_XYWH_PX
    if face.mirrored:
        photo = np.ascontiguousarray(photo[:, ::-1])
        x = photo.shape[1] - x - width
    centre = (x + width / 2, y + height / 2)
    # OpenCV turns counter-clockwise for positive angles.
    turn = cv2.getRotationMatrix2D(centre, -face.roll_deg, 1.0)
    image = cv2.warpAffine(
        photo, turn, photo.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    averaging = cv2.INTER_AREA if face.scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(image, None, fx=face.scale, fy=face.scale, interpolation=averaging)
    # A turned box is not upright: take the square about the face's centre, as a detector's box would stay.
    side = max(width, height) * face.scale
    return image, (centre[0] * face.scale - side / 2, centre[1] * face.scale - side / 2, side, side)
