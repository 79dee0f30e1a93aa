"""What every test shares: the way to the reference data, which a user of the project does not have."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# Before anything imports cv2, as in every process of a job: it sets OpenCV's limit on pixels.
import pipeline  # noqa: F401

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"


class ReferenceData:
    """Files of the original project and goldens made with it, beside the checkout; never part of it."""

    def path(self, relative: str) -> Path:
        """The file or folder at `relative`, or a skip of the running test where it is absent."""
        path = SHARED / relative
        if not path.exists():
            pytest.skip(f"needs the reference data {relative} in the folder 'shared' beside the checkout")
        return path

    def npz(self, relative: str) -> dict[str, np.ndarray]:
        """All arrays of an .npz file by name."""
        with np.load(self.path(relative), allow_pickle=False) as arrays:
            return dict(arrays)


@pytest.fixture(scope="session")
def reference() -> ReferenceData:
    return ReferenceData()
