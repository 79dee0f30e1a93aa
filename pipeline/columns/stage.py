"""The columns of a job's faces: a batch of posed faces to numbers, one row per face."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.columns.description import read_description
from pipeline.columns.network import FaceNetwork
from pipeline.columns.quality import NAMES, exposure, eye_distance_px, sharpness
from pipeline.config.settings import ColumnsSettings
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.reasons import Stage
from pipeline.stages.batches import PosedFaces
from render_core import RenderReject
from render_core.align import ARCFACE, align_face
from render_core.template import Template


class FaceColumns:
    """Computes the columns of a job; make one per worker.

    Args:
        settings: which columns.
        report: says which faces a network is at, so that one that brings the worker down is found.

    Attributes:
        fields: names and types of the columns: float32, or a list of it where a network gives several.

    Raises:
        ConfigError: a description or network that cannot be used.
    """

    def __init__(self, settings: ColumnsSettings, report: Report = report_nothing) -> None:
        self._quality = settings.quality
        self._networks = {
            name: FaceNetwork(read_description(Path(column.model)), column.device)
            for name, column in sorted(settings.networks.items())
        }
        self._report = report
        kinds = {name: pa.float32() for name in NAMES} if settings.quality else {}
        for name, network in self._networks.items():
            kinds[name] = pa.float32() if network.width == 1 else pa.list_(pa.float32())
        self.fields = [pa.field(name, kind) for name, kind in kinds.items()]

    def __call__(self, faces: PosedFaces, care: Care = NO_CARE) -> pa.Table:
        """Returns the columns; null where a face has no upright crop, or a network gives NaN."""
        columns: dict[str, pa.Array] = {}
        if self._quality:
            columns |= self._plain_numbers(faces)
        for name, network in self._networks.items():
            crops, have = self._crops(faces, network.description.input_template)
            rows = [faces.rows.row[at] for at in faces.position[have]]
            numbers = np.full((len(faces), network.width), np.nan, np.float32)
            numbers[have] = self._run(network, crops, rows, care)
            columns[name] = _as_arrow(numbers)
        schema = pa.schema(self.fields)
        return pa.table([columns[field.name].cast(field.type) for field in schema], schema)

    def _run(self, network: FaceNetwork, crops: np.ndarray, rows: list[int], care: Care) -> np.ndarray:
        """As poses are made: all at once, or one after the other where care must be taken."""
        if rows and rows[0] in care.tried_singly | care.posed_singly:
            singly = []
            for i, row in enumerate(rows):
                self._report(Stage.POSE, [row])
                singly.append(network(crops[i : i + 1]))
            if rows[0] in care.posed_singly:
                return np.concatenate(singly)
        self._report(Stage.POSE, rows)
        return network(crops)

    def _crops(self, faces: PosedFaces, template: Template) -> tuple[np.ndarray, np.ndarray]:
        """Upright crops, uint8 (m, h, w, 3), and which of the faces have one, int64 (m,)."""
        width, height = template.size_wh_px
        crops, have = [], []
        for i, source in enumerate(faces.sources):
            try:
                projection = source.image_to_source @ faces.projection[i]
                crops.append(align_face(source.pixels, projection, template).image)
                have.append(i)
            except RenderReject:
                continue
        return np.array(crops, np.uint8).reshape(-1, height, width, 3), np.array(have, np.int64)

    def _plain_numbers(self, faces: PosedFaces) -> dict[str, pa.Array]:
        crops, have = self._crops(faces, ARCFACE)
        numbers = np.full((len(faces), len(NAMES)), np.nan, np.float32)
        for crop, i in zip(crops, have, strict=True):
            numbers[i] = eye_distance_px(faces.projection[i]), sharpness(crop), exposure(crop)
        return {name: _as_arrow(numbers[:, n : n + 1]) for n, name in enumerate(NAMES)}


def _as_arrow(numbers: np.ndarray) -> pa.Array:
    """float32 (n, width) as a column; rows that are not finite are null."""
    good = np.isfinite(numbers).all(axis=1)
    if numbers.shape[1] == 1:
        return pa.array(numbers[:, 0], pa.float32(), mask=~good)
    kind = pa.list_(pa.float32())
    return pa.array([row if fine else None for row, fine in zip(numbers, good, strict=True)], kind)
