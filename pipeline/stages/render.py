"""Third stage: posed faces to encoded views."""

from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa

from fpn_core import project
from fpn_core.confidence import assumed_error_deg
from pipeline.columns.stage import FaceColumns
from pipeline.config.settings import RenderSettings
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.io.tables import take_rows
from pipeline.reasons import Reason, Stage, reject_row
from pipeline.stages.batches import FinishedFace, FinishedFaces, PosedFaces, View
from render_core import Renderer, RenderReject, is_mirrored, select_views
from render_core.align import align_face
from render_core.sight import POSE_ERROR_DEG
from render_core.view import ViewCamera

_SUBSAMPLING = {
    420: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    422: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    444: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


@dataclass
class ViewRenderer:
    """Renders and encodes the views of batches of faces; without a renderer, poses go through alone."""

    settings: RenderSettings
    landmarks_mm: np.ndarray
    """float64 (68, 3): the head's landmarks, projected into every photo."""
    renderer: Renderer | None
    cameras: dict[float, ViewCamera]
    """Yaw of a view in degrees -> the renderer's camera for it."""
    report: Report = report_nothing
    columns: FaceColumns | None = None

    def __call__(self, faces: PosedFaces, care: Care = NO_CARE) -> FinishedFaces:
        """Finish a batch; a face that cannot be rendered is a reject."""
        finished = []
        rejects = list(faces.rejects)
        ypr_deg = faces.poses.ypr_deg
        rvec_rad = faces.poses.rvec_rad
        landmarks = project(self.landmarks_mm, faces.projection)
        carried = take_rows(faces.rows.carried, faces.position)
        if self.columns is not None and self.columns.fields:
            computed = self.columns(faces, care)
            # A table without columns has no rows to pick, so its length says nothing.
            before = carried.columns if carried.num_columns else []
            carried = pa.table([*before, *computed.columns], pa.schema([*carried.schema, *computed.schema]))
        for i, at in enumerate(faces.position):
            self.report(Stage.RENDER, [faces.rows.row[at]])
            try:
                mirrored = is_mirrored(float(ypr_deg[i, 0]))
                views = self._views(faces, i, float(ypr_deg[i, 0]))
                aligned = self._aligned(faces, i)
            except RenderReject as reject:
                reason = Reason(reject.reason)
                rejects.append(reject_row(faces.rows, int(at), Stage.RENDER, reason, str(reject)))
                continue
            except Exception as error:  # one face must not take its batch along
                detail = f"{type(error).__name__}: {error}"
                rejects.append(reject_row(faces.rows, int(at), Stage.RENDER, Reason.INTERNAL_ERROR, detail))
                continue
            confidence = faces.poses.confidence
            finished.append(
                FinishedFace(
                    row=faces.rows.row[at],
                    face_id=faces.rows.face_id[at],
                    image=faces.rows.image[at],
                    image_wh_px=(int(faces.image_wh_px[i, 0]), int(faces.image_wh_px[i, 1])),
                    box_xywh_px=faces.rows.box_xywh_px[at],
                    crop_xyxy_px=faces.window_xyxy_px[i],
                    rvec_rad=rvec_rad[i],
                    tvec_mm=faces.poses.tvec_mm[i],
                    ypr_deg=ypr_deg[i],
                    projection=faces.projection[i],
                    landmarks_xy_px=landmarks[i],
                    confidence=None if confidence is None else float(confidence[i]),
                    mirrored=mirrored,
                    views=views,
                    aligned=aligned,
                    carried=carried.slice(i, 1),
                )
            )
        self.report(Stage.RENDER, [])
        return FinishedFaces(finished, rejects)

    def _views(self, faces: PosedFaces, i: int, yaw_deg: float) -> tuple[View, ...]:
        if self.renderer is None:
            return ()
        wanted = self.settings.views
        if self.settings.view_policy == "near":
            wanted = select_views(yaw_deg, wanted)
        source, cameras = faces.sources[i], [self.cameras[yaw_deg] for yaw_deg in wanted]
        mirrored = is_mirrored(yaw_deg)
        if faces.compat_projection is None:
            projection = source.image_to_source @ faces.projection[i]
            symmetry = self.settings.symmetric(yaw_deg)
            confidences = faces.poses.confidence
            confidence = None if confidences is None else float(confidences[i])
            rendered = self.renderer.render(
                source.pixels,
                projection,
                cameras,
                mirrored=mirrored,
                symmetry=symmetry,
                pose_error_deg=assumed_error_deg(confidence, POSE_ERROR_DEG),
            )
        else:
            pixels = np.ascontiguousarray(source.pixels[:, ::-1]) if mirrored else source.pixels
            rendered = self.renderer.render(pixels, faces.compat_projection[i], cameras)
        return tuple(
            View(
                f"{view.yaw_deg:g}",
                view.yaw_deg,
                encode_picture(self._within_template(view.image), self.settings),
                view.seen_fraction,
                view.filled_fraction,
            )
            for view in rendered
        )

    def _within_template(self, image: np.ndarray) -> np.ndarray:
        """A view without the columns beside its template."""
        template = self.settings.view_template
        return image if template is None else np.ascontiguousarray(image[:, template.columns])

    def _aligned(self, faces: PosedFaces, i: int) -> bytes | None:
        template = self.settings.template
        if template is None:
            return None
        source = faces.sources[i]
        projection = source.image_to_source @ faces.projection[i]
        mirrored = self.settings.aligned_mirrored and is_mirrored(float(faces.poses.ypr_deg[i, 0]))
        upright = align_face(source.pixels, projection, template, mirrored=mirrored)
        return encode_picture(upright.image, self.settings)


def encode_picture(image: np.ndarray, settings: RenderSettings) -> bytes:
    """A picture, uint8 (h, w, 3 or 4), as a file in a job's format."""
    options = {
        "jpg": [
            *(cv2.IMWRITE_JPEG_QUALITY, settings.quality),
            *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SUBSAMPLING[settings.subsampling]),
        ],
        "png": [],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, settings.quality],
    }
    _, encoded = cv2.imencode(f".{settings.format}", image, options[settings.format])
    return bytes(encoded)


def mask_picture(renderer: Renderer, camera: ViewCamera) -> np.ndarray:
    """Which pixels of a view are background (0), head (128) and face (255): uint8 (s, s)."""
    face, head = renderer.masks(camera)
    levels: np.ndarray = np.array([0, 128, 255], dtype=np.uint8)[face.astype(int) + head]
    return levels
