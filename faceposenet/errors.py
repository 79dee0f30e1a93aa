"""What this package raises on purpose, beside what it hands on.

    FacePoseError
    ├── FaceRejectedError   a face without a pose or without views; `reason` is a code of the job's rejects
    └── InputError          an argument that is no image, no box or no face

Networks that cannot be used raise `fpn_core.ModelError`, heads that do not exist
`render_core.errors.HeadError`.
"""


class FacePoseError(Exception):
    """Root of the tree."""


class FaceRejectedError(FacePoseError):
    """A face without a pose or without views.

    Attributes:
        reason: the same stable code as in a job's rejects, such as `box_outside_image`.
        detail: what was found, in a sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class InputError(FacePoseError, ValueError):
    """An argument that is no image, no box or no face."""
