"""The original's ten sample photos through the job, with the network that comes with the package."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fpn_core import FPN_227, geodesic_deg, mirror_pose, rvec_to_matrix
from pipeline.config.settings import load_config
from pipeline.job.run import run_job

pytestmark = pytest.mark.usefixtures("shared_ray")


@pytest.fixture(scope="module")
def poses(reference, tmp_path_factory: pytest.TempPathFactory, shared_ray: None) -> pd.DataFrame:
    out = tmp_path_factory.mktemp("ten") / "out"
    manifest = reference.path("reference/input.csv")
    summary = run_job(str(manifest), str(out), load_config(), say=lambda text: None)
    assert (summary.totals.posed, summary.totals.rejected) == (10, 0)
    return pd.read_parquet(out / "poses").set_index("face_id")


def test_every_face_gets_the_views_that_suit_its_yaw(poses: pd.DataFrame) -> None:
    for pose in poses.itertuples():
        turned = abs(pose.yaw_deg)
        first = 0 if turned < 15 else 40 if turned <= 40 else 55
        assert list(pose.views) == [str(view) for view in (0, 22, 40, 55, 75) if view >= first]
        assert pose.mirrored == (pose.yaw_deg < 0)


def test_rotations_are_near_the_original_networks(poses: pd.DataFrame, reference) -> None:
    subjects = json.loads(Path(reference.path("goldens/recovered_poses.json")).read_text())["subjects"]
    differences = []
    for number, subject in subjects.items():
        rotation = rvec_to_matrix(np.array([subject["rvec"]]))
        if subject["flipped"]:
            rotation, _ = mirror_pose(rotation, np.array([subject["tvec"]]), FPN_227)
        ours = rvec_to_matrix(poses.rvec_rad[f"subject{number}_a"][None].astype(float))
        differences.append(float(geodesic_deg(ours, rotation)[0]))
    # Measured with fpn-open-v3: 2.4 to 12.9 degrees, mean 7.9; with its predecessor 4.1 to 13.5, mean 8.2.
    # The original is no truth, and errs by as much; a wrong frame or sign would show as 30 degrees or more.
    assert np.mean(differences) < 12
    assert np.max(differences) < 20
