"""The renderer's pixels of faces that another process decoded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.crop import source_from_photo
from faceposenet.photo.decode import DecodedPhoto, decode_photo
from faceposenet.photo.source_window import SourceWindow
from fpn_core import NetworkSpec
from pipeline.config.settings import ImageSettings, RenderSettings
from pipeline.engine.messages import Buffer
from pipeline.engine.quarantine import Report, report_nothing
from pipeline.manifest import Rows
from pipeline.reasons import Reason, Reject, Stage, reject_row
from pipeline.stages.batches import PosedFaces
from pipeline.stages.compat import original_crop
from pipeline.stages.decode import photo_needs
from pipeline.stages.handover import source_columns
from pipeline.stages.photo_reader import valid_boxes_of


@dataclass
class SourceReader:
    """Gives batches of posed faces their pixels; to the byte what one process for all stages would have."""

    spec: NetworkSpec
    images: ImageSettings
    render: RenderSettings
    report: Report = report_nothing

    def __call__(self, faces: Buffer, sources: Buffer, batches: Iterable[PosedFaces]) -> Iterator[PosedFaces]:
        """The batches with their sources; a face whose source cannot be read is a reject."""
        part = _PartSources(self, *source_columns(faces), memoryview(sources))
        begin = 0
        for batch in batches:
            windows: list[SourceWindow | None] = []
            rejects = list(batch.rejects)
            for i, at in enumerate(batch.position.tolist()):
                try:
                    windows.append(part.window(begin + at, batch.window_xyxy_px[i]))
                except Exception as error:  # one face must not take its batch along
                    rejects.append(_reject(batch.rows, at, error))
                    windows.append(None)
            keep = np.array([i for i, window in enumerate(windows) if window is not None], dtype=np.int64)
            kept = [window for window in windows if window is not None]
            whole = batch if len(kept) == len(windows) else batch.pick(keep, rejects)
            yield replace(whole, sources=kept)
            begin += len(batch.rows)


@dataclass
class _PartSources:
    """The sources of one part; a photo is decoded once for neighbours."""

    reader: SourceReader
    rows: Rows
    where: dict[str, np.ndarray]
    data: memoryview
    _run: int = -1
    _photo: DecodedPhoto | None = None

    def window(self, at: int, window_xyxy_px: np.ndarray) -> SourceWindow:
        """The pixels of the face at a place of the part; `window_xyxy_px` is the network's."""
        width, height = self.where["source_wh_px"][at].tolist()
        data = self.data[self.where["source_begin"][at] : self.where["source_end"][at]]
        if width:
            pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            return SourceWindow(pixels, self.where["image_to_source"][at].reshape(3, 3))
        photo = self._decoded(at, bytes(data))
        render = self.reader.render
        if render.mode == "compat":
            no_crop = np.zeros((0, 0, 3), np.uint8)
            return original_crop(photo.pixels, window_xyxy_px, no_crop, self.reader.spec)[1]
        return source_from_photo(photo, self.rows.box_xywh_px[at], render.source_size)

    def _decoded(self, at: int, data: bytes) -> DecodedPhoto:
        run = int(self.where["photo_run"][at])
        if self._photo is None or run != self._run:
            reader = self.reader
            reader.report(Stage.DECODE, [self.rows.row[at]])
            self._photo = None  # before the next one takes as much memory
            boxes = valid_boxes_of(self.rows, self.where["photo_run"] == run)
            needs = photo_needs(reader.spec, reader.images, reader.render)
            self._photo = decode_photo(data, reader.images.limits, boxes, needs)
            self._run = run
        return self._photo


def _reject(rows: Rows, at: int, error: Exception) -> Reject:
    if isinstance(error, FaceRejectedError):
        return reject_row(rows, at, Stage.DECODE, error.reason, error.detail)
    return reject_row(rows, at, Stage.DECODE, Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
