"""What the soak and fuzz scripts feed to the job: tiny faces of the public-domain portrait, a tiny network.

The network is no pose estimator. It turns the mean colour of a crop into a pose near the front, in a
microsecond, so that thousands of faces a minute reach everything around it.
"""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper
from skimage import data

from fpn_core import Camera, NetworkSpec, spec_to_metadata

NETWORK_IN_WORDS = "a network of three layers made by this script (mean colour to pose), not the included one"
_FACE_XYWH_PX = (176.0, 72.0, 92.0, 113.0)  # in the portrait of 512 x 512 px
_INPUT_PX = 32
_ROW_GROUP = 50_000


def portrait() -> np.ndarray:
    """NASA's portrait of the astronaut Eileen Collins, BGR, uint8 (512, 512, 3)."""
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


def write_tiny_network(path: Path) -> Path:
    """An ONNX file: rvec = W mean_colour + b, of up to 0.6 rad; tvec in front of the camera."""
    camera = Camera("tiny", (2880 / 7, 2880 / 7), (16.0, 16.0), _INPUT_PX)
    weight = np.array([[2.0, -1.0, 0.3], [-2.5, 1.5, 0.2], [1.0, -0.5, -0.4]], np.float32) / 128
    constants = {
        "weight": np.hstack([weight, weight * 100]),
        "bias": np.array([0.0, 0.0, 0.0, 0.0, 10.0, 2900.0], np.float32),
        "cut": np.array([3, 3], np.int64),
        "sides": np.array([1, 2], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["crops"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "sides"], ["mean"], keepdims=0),
        helper.make_node("Gemm", ["mean", "weight", "bias"], ["six"]),
        helper.make_node("Split", ["six", "cut"], ["rvec", "tvec"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", _INPUT_PX, _INPUT_PX, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("rvec", "tvec")],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    spec = NetworkSpec(
        name="tiny-for-soak",
        licence="none needed: no weights of anybody",
        input_name="crops",
        layout="NHWC",
        channels="BGR",
        size_px=_INPUT_PX,
        normalisation=None,
        crop_expand=0.25,
        crop_interpolation="linear",
        rotation_output="rvec",
        rotation_form="rvec",
        translation_output="tvec",
        translation_form="tvec_mm",
        camera=camera,
    )
    helper.set_model_props(model, spec_to_metadata(spec))
    path.write_bytes(model.SerializeToString())
    return path


def write_faces(folder: Path, n_faces: int, *, per_image: int = 8, n_images: int = 64) -> Path:
    """Photos of about 90 px, each with one face in it, and a manifest of boxes that all differ a little.

    `per_image` neighbours share a photo. One face in 97 has no image, one in 89 no area: rejects that a
    job must count as carefully as its poses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    photo, rng = portrait(), np.random.default_rng(0)
    for number in range(n_images):
        tint = rng.uniform(0.5, 1.0, 3)
        small = cv2.resize(photo, (90, 90), interpolation=cv2.INTER_AREA) * tint
        cv2.imwrite(str(folder / f"{number:03d}.jpg"), small.astype(np.uint8))
    manifest = folder / "faces.parquet"
    with pq.ParquetWriter(manifest, _SCHEMA) as writer:
        for start in range(0, n_faces, _ROW_GROUP):
            rows = np.arange(start, min(start + _ROW_GROUP, n_faces))
            writer.write_table(_rows(rows, rng, per_image, n_images))
    return manifest


_SCHEMA = pa.schema(
    [
        ("face_id", pa.string()),
        ("image", pa.string()),
        *((name, pa.float32()) for name in ("x", "y", "width", "height")),
        ("subject_id", pa.string()),
    ]
)


def _rows(rows: np.ndarray, rng: np.random.Generator, per_image: int, n_images: int) -> pa.Table:
    box = np.array(_FACE_XYWH_PX) * 90 / 512 + rng.uniform(-2, 2, (len(rows), 4))
    box[rows % 89 == 0, 2] = 0
    images = [
        f"{row // per_image % n_images:03d}.jpg" if row % 97 else f"missing-{row}.jpg"
        for row in rows.tolist()
    ]
    columns = {
        "face_id": [f"face-{row:08d}" for row in rows.tolist()],
        "image": images,
        **{name: box[:, i].astype(np.float32) for i, name in enumerate(("x", "y", "width", "height"))},
        "subject_id": [f"s{row // 20}" for row in rows.tolist()],
    }
    return pa.table(columns, schema=_SCHEMA)
