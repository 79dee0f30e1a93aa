"""The rejects of a job: which face, where in the flow, and why, by the codes of `faceposenet.reasons`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from faceposenet.reasons import Reason
from faceposenet.redaction import without_secrets

if TYPE_CHECKING:
    from pipeline.manifest import Rows

__all__ = ["Reason", "Reject", "Stage", "reject_row"]


class Stage(StrEnum):
    """Where in the flow a face was rejected."""

    MANIFEST = "manifest"
    DECODE = "decode"
    POSE = "pose"
    RENDER = "render"


@dataclass(frozen=True)
class Reject:
    """One face that got no pose or no views, and why."""

    row: int  # row of the manifest, from 0
    face_id: str
    image: str
    stage: Stage
    reason: Reason
    detail: str
    attempts: int = 1


def reject_row(rows: "Rows", at: int, stage: Stage, reason: Reason, detail: str, attempts: int = 1) -> Reject:
    """The reject of the face at a position of `rows`."""
    shown = without_secrets(detail)
    return Reject(rows.row[at], rows.face_id[at], rows.image[at], stage, reason, shown, attempts)
