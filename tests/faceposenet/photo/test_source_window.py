import numpy as np
import pytest

from faceposenet.photo.sizes import SourceSize, source_size
from faceposenet.photo.source_window import source_window
from pipeline.config.settings import RenderSettings
from tests.photos import portrait


@pytest.mark.parametrize("limit_px", [1000, 100])
def test_the_source_window_shows_what_its_map_says(limit_px: int) -> None:
    # A picture whose colours are its coordinates, so that every pixel tells where it came from.
    y, x = np.mgrid[0:240, 0:250]
    image = np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.uint8)
    source = source_window(image, np.array([100.0, 80.0, 60.0, 40.0]), SourceSize(2.0, limit_px))
    height, width = source.pixels.shape[:2]
    assert max(height, width) <= limit_px
    for u, v in ((2, 3), (width - 4, height - 5)):
        x_image, y_image, _ = np.linalg.inv(source.image_to_source) @ (u, v, 1)
        np.testing.assert_allclose(source.pixels[v, u, :2], [x_image, y_image], atol=1.0)


def test_the_source_window_stays_in_the_photo() -> None:
    photo = portrait()
    source = source_window(photo, np.array([-40.0, -40.0, 100.0, 100.0]), SourceSize(2.0, 1000))
    assert source.pixels.shape == (111, 111, 3)
    np.testing.assert_array_equal(source.image_to_source, np.eye(3))
    assert source.pixels.base is None  # a view would keep the whole photo in memory


@pytest.mark.parametrize("view_px", [64, 224, 511])
def test_the_library_takes_what_a_job_takes_by_default(view_px: int) -> None:
    assert source_size(view_px) == RenderSettings(size_px=view_px).source_size
