"""A job in compat mode renders what `fpn render --mode compat` does from its poses."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from click.testing import CliRunner

from pipeline.cli.main import main
from tests.e2e.running import run
from tests.photos import FACE_XYWH_PX, portrait


def test_a_job_in_compat_mode(tmp_path: Path) -> None:
    photo = portrait()
    x, y, width, height = FACE_XYWH_PX
    cv2.imwrite(str(tmp_path / "0.png"), photo)
    cv2.imwrite(str(tmp_path / "1.png"), photo[:, ::-1])
    boxes = [(x, y, width, height), (photo.shape[1] - x - width, y, width, height)]
    rows = [f"{n}.png,{','.join(map(str, box))}\n" for n, box in enumerate(boxes)]
    (tmp_path / "list.txt").write_text("".join(rows))
    out = tmp_path / "out"
    settings = ("mode=compat", "format=png", "size_px=64", "views_deg=[0, 40]", "view_policy=all")
    run(tmp_path / "list.txt", out, "engine.workers=1", *(f"render.{setting}" for setting in settings))

    poses = pd.read_parquet(out / "poses").set_index("face_id")
    assert sorted(poses.mirrored) == [False, True]  # one of the two looks to the image right
    straight = poses[~poses.mirrored].iloc[0]
    pose = {name: list(map(float, straight[name])) for name in ("rvec_rad", "tvec_mm", "crop_xyxy_px")}
    (tmp_path / "pose.json").write_text(json.dumps(pose))
    command = ["render", tmp_path / straight.image, "--pose", tmp_path / "pose.json", "--mode", "compat"]
    command += ["--views", "0,40", "--size", 64, "--out", tmp_path / "alone"]
    result = CliRunner().invoke(main, list(map(str, command)))
    assert result.exit_code == 0, result.output
    with tarfile.open(fileobj=io.BytesIO((out / "views/part-000000.tar").read_bytes())) as shard:
        views = {name: shard.extractfile(name).read() for name in shard.getnames() if name.endswith(".png")}
    of = {
        number: {name.split(".")[1]: png for name, png in views.items() if f"-00000{number}." in name}
        for number in (0, 1)
    }
    for yaw in ("0", "40"):
        drawn = decoded((tmp_path / f"alone/view_{yaw}.png").read_bytes())
        np.testing.assert_array_equal(decoded(of[int(straight.image[0])][yaw]), drawn)
        # The mirrored photo is mirrored back: the same picture, but for JPEG, network and rounding. Measured
        # with fpn-open-v2: 12.4 and 11.2 levels in the mean, and 34 and 81 where one picture is the other way
        # round.
        one, other = decoded(of[0][yaw]).astype(int), decoded(of[1][yaw])
        assert np.abs(one - other).mean() < 20


def decoded(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
