"""The metrics of a job, read from the endpoint that Prometheus would read."""

import json
import re
import time
import urllib.request
from pathlib import Path

import ray

from tests.e2e.running import run
from tests.photos import FACE_XYWH_PX, write_portrait

LINE = re.compile(r"ray_faceposenet_(\w+)\{(.*)\} (\S+)")
GRAFANA = Path(__file__).parents[2] / "configs" / "grafana.json"


def metrics(output: str) -> dict[str, float]:
    """Our metrics of one job: name, and what tells its series apart -> value."""
    port = ray.nodes()[0]["MetricsExportPort"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for name, labels, value in LINE.findall(text):
        tags = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if tags["output"] == output:
            series = " ".join([name, *(tags[key] for key in ("reason", "stage", "actor") if key in tags)])
            found[series] = found.get(series, 0.0) + float(value)
    return found


def test_prometheus_finds_what_the_dashboard_draws(tmp_path: Path, shared_ray: None) -> None:
    write_portrait(tmp_path / "photo.jpg")
    box = ",".join(map(str, FACE_XYWH_PX))
    rows = [f"f{n},{'none' if n in (1, 4, 5) else 'photo'}.jpg,{box}" for n in range(6)]
    (tmp_path / "faces.csv").write_text(
        "\n".join(["face_id,image,x,y,width,height", *rows, "z,photo.jpg,0,0,0,0\n"])
    )
    out = tmp_path / "out"
    run(
        tmp_path / "faces.csv",
        out,
        "engine.runner=ray",
        "output.faces_per_part=2",
        "render.views_deg=[40, 75]",
        "render.size_px=64",
    )
    wanted = {
        "faces_posed_total": 3.0,
        "faces_rejected_total image_missing": 3.0,
        "faces_rejected_total box_invalid": 1.0,
        "views_total": 6.0,
        "parts_total": 4.0,
        "faces_left": 0.0,
    }
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        found = metrics(str(out))
        if wanted.items() <= found.items() and "part_seconds_count whole" in found:
            break
        time.sleep(0.2)
    assert wanted.items() <= found.items()
    assert found["faces_per_second"] > 0
    assert found["stage_seconds_total render"] > 0
    board = json.loads(GRAFANA.read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    drawn = {name for query in queries for name in re.findall(r"ray_faceposenet_(\w+)", query)}
    assert drawn <= {series.partition(" ")[0] for series in found}
