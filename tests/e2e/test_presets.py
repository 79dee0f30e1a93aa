"""Each preset does a small job, as `fpn run --config NAME` would."""

import io
import json
import tarfile
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from tests.e2e.object_store import s3_server
from tests.photos import FACE_XYWH_PX, write_portrait

CSV = "face_id,image,x,y,width,height\n" + "".join(
    f"{name},photo.jpg,{','.join(map(str, FACE_XYWH_PX))}\n" for name in "abc"
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("presets")
    write_portrait(folder / "photo.jpg")
    (folder / "faces.csv").write_text(CSV)
    return folder / "faces.csv"


def run(manifest: object, out: object, preset: str, *options: str) -> dict:
    command = ["run", str(manifest), str(out), "--config", preset, *options, "--json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def members(tar: bytes) -> set[str]:
    """What the views of the first face are called."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as shard:
        names = shard.getnames()
    return {name.partition(".")[2] for name in names if name.startswith(names[0].partition(".")[0])}


@pytest.mark.parametrize(
    ("preset", "views"),
    [
        ("local", {"json", "0.jpg", "22.jpg", "40.jpg", "55.jpg", "75.jpg"}),
        ("recognition", {"json", "aligned.jpg", "0.jpg", "22.jpg", "40.jpg", "75.jpg"}),
        ("augmentation", {"json", *(f"{yaw}.jpg" for yaw in (0, 15, 30, 45, 60, 75))}),
    ],
)
def test_a_preset_for_one_machine(preset: str, views: set[str], manifest: Path, tmp_path: Path) -> None:
    found = run(manifest, tmp_path, preset, "--set", "engine.workers=1")
    assert (found["faces"], found["posed"]) == (3, 3)
    assert members((tmp_path / "views/part-000000.tar").read_bytes()) == views
    assert len(list(tmp_path.glob("masks/*.png"))) == (6 if preset == "augmentation" else 0)


def test_the_preset_for_clusters_in_all_but_its_gpus(
    manifest: Path, tmp_path: Path, shared_ray: None
) -> None:
    here = ("pose.device=cpu", "engine.address=null", "render.views_deg=[40]")
    found = run(manifest, tmp_path, "cluster", *(word for change in here for word in ("--set", change)))
    assert (found["posed"], found["views"]) == (3, 3)


def test_the_preset_for_object_stores(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with s3_server() as endpoint:
        host = endpoint.removeprefix("http://")
        store = pafs.S3FileSystem(endpoint_override=host, scheme="http", allow_bucket_creation=True)
        store.create_dir("presets")
        for path in manifest.parent.iterdir():
            with store.open_output_stream(f"presets/{path.name}") as stream:
                stream.write(path.read_bytes())
        where = f"?scheme=http&endpoint_override={host.replace(':', '%3A')}"
        found = run(
            f"s3://presets/faces.csv{where}",
            f"s3://presets/out{where}",
            "s3",
            *("--set", "render.views_deg=[40]", "--set", "engine.workers=1"),
        )
        assert (found["out"], found["posed"]) == ("s3://presets/out", 3)
        names = {info.base_name for info in store.get_file_info(pafs.FileSelector("presets/out"))}
    assert names >= {"poses", "views", "_ledger", "summary.json"}
