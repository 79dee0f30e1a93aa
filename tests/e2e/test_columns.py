"""Columns of a user's network: through a job, into its fingerprint, and out again by --where."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from tests.photos import FACE_XYWH_PX, write_portrait
from tests.pipeline.columns.conftest import save_network

SMALL = ("render.views_deg=[0]", "render.size_px=64", "engine.runner=local", "engine.workers=1")


def fpn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_columns_of_a_job(tmp_path: Path) -> None:
    write_portrait(tmp_path / "photo.jpg")
    box = ",".join(map(str, FACE_XYWH_PX))
    rows = "".join(f"{name},photo.jpg,{box},{name}\n" for name in "abc")
    (tmp_path / "faces.csv").write_text(
        f"face_id,image,x,y,width,height,subject_id\n{rows}d,gone.jpg,{box},d\n"
    )
    save_network(tmp_path / "tiny.onnx")
    (tmp_path / "net.yaml").write_text("file: tiny.onnx\nlicence: none\n")
    settings = (*SMALL, "columns.quality=true", f"columns.embedding.model={tmp_path / 'net.yaml'}")
    run = ("run", tmp_path / "faces.csv", tmp_path / "out", *(w for s in settings for w in ("--set", s)))
    found = fpn(*run)
    assert found.exit_code == 0, found.output
    poses = pd.read_parquet(tmp_path / "out/poses")
    assert list(poses.face_id) == ["a", "b", "c"]
    assert {len(row) for row in poses.embedding} == {16}
    assert np.isclose(poses.eye_distance_px, 47, atol=8).all()  # eyes at x = 200 and 247
    inputs = json.loads((tmp_path / "out/_job.json").read_text())["inputs"]
    assert set(inputs["columns"]) == {"embedding"}
    assert str(tmp_path) not in json.dumps(inputs["columns"])

    where = f"exposure > 0.1 and sharpness > {poses.sharpness.max() + 1}"
    nothing = fpn("export", tmp_path / "out", tmp_path / "none", "--as", "parquet", "--where", where)
    assert "3 are not selected" in nothing.stderr
    export = (
        "export",
        tmp_path / "out",
        tmp_path / "set",
        "--as",
        "parquet",
        "--where",
        "len(embedding) = 16",
    )
    assert fpn(*export).exit_code == 0
    exported = pd.concat(pd.read_parquet(path) for path in (tmp_path / "set").glob("*.parquet"))
    assert np.allclose(exported.sharpness, poses.sharpness[0])

    # Another network is another job.
    (tmp_path / "net.yaml").write_text("file: tiny.onnx\nlicence: none\nchannels: bgr\n")
    refused = fpn(*run)
    assert refused.exit_code != 0
    assert "columns" in refused.stderr
