"""The errors of this package.

    FacePoseError
    ├── FaceRejectedError   a face without a pose or without views; `reason` is a code of the job's rejects
    ├── InputError          an argument that is not an image, a box or a face
    └── DetectorError       a file that is not a face detector

Networks that cannot be used raise `fpn_core.ModelError`, heads that do not exist
`render_core.errors.HeadError`.
"""

from faceposenet.reasons import Reason
from faceposenet.redaction import without_secrets


class FacePoseError(Exception):
    """Root of the tree."""


class FaceRejectedError(FacePoseError):
    """A face without a pose or without views, or an image without pixels.

    Attributes:
        reason: the same stable code as in a job's rejects, such as `box_outside_image`.
        detail: what was found, in a sentence; URIs in it lose their secrets.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, without_secrets(detail))
        self.reason = reason
        self.detail = without_secrets(detail)

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class InputError(FacePoseError, ValueError):
    """An argument that is not an image, a box or a face."""


class DetectorError(FacePoseError):
    """A face detector that does not exist, or that OpenCV cannot run."""
