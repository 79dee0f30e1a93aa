"""Fixtures of the folders whose commands are tested here."""

from tests.pipeline.export.conftest import job, make_job  # noqa: F401
from tests.pipeline.manifest.build.conftest import (  # noqa: F401
    blank_jpeg,
    face_jpeg,
    quick,
    two_faces_jpeg,
    write_tar,
    yunet,
)
