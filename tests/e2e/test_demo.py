from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.demo import DEMO_FACES

pytestmark = pytest.mark.usefixtures("shared_ray")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, shared_ray: None) -> Path:
    out = tmp_path_factory.mktemp("demo")
    result = CliRunner().invoke(main, ["demo", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"look at the contact sheet: {out / 'contact_sheet.jpg'}" in result.output
    assert f"and at the report, in a browser: {out / 'report.html'}" in result.output
    assert f"<b>{len(DEMO_FACES)}</b> posed + <b>0</b> rejected" in (out / "report.html").read_text()
    return out


def test_poses_follow_how_the_photo_was_turned(demo: Path) -> None:
    poses = pd.read_parquet(demo / "results" / "poses")
    assert len(poses) == len(DEMO_FACES)
    # The portrait itself leans by the first face's roll; mirroring changes its sign.
    own_roll = poses.roll_deg[0]
    for face, pose in zip(DEMO_FACES, poses.itertuples(), strict=True):
        expected = face.roll_deg + (-own_roll if face.mirrored else own_roll)
        error = (pose.roll_deg - expected + 180) % 360 - 180
        # The network's own error in roll on such turns; its card says 4 degrees on average.
        assert abs(error) < 12, (face, pose.roll_deg)


def test_the_contact_sheet_shows_every_face_and_view(demo: Path) -> None:
    sheet = cv2.imread(str(demo / "contact_sheet.jpg"))
    cell, label = 180, 22
    assert sheet.shape == (label + len(DEMO_FACES) * (cell + label), 6 * cell, 3)
    for row in range(len(DEMO_FACES)):
        for column in range(6):
            top = label + row * (cell + label)
            picture = sheet[top : top + cell, column * cell : (column + 1) * cell]
            assert picture.std() > 20  # a photo, not an empty cell


def test_landmarks_lie_on_the_face(demo: Path) -> None:
    poses = pd.read_parquet(demo / "results" / "poses")
    eyes = poses.landmarks_xy_px[0].reshape(68, 2)[36:48].reshape(2, 6, 2).mean(axis=1)
    # Where a person sees the pupils in the portrait; a tenth of the distance between the eyes is 4.4 px.
    np.testing.assert_allclose(eyes, [[203, 101], [246, 104]], atol=6)
