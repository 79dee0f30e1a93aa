import json
from pathlib import Path

import pytest

from pipeline.config.settings import JobConfig, load_config
from pipeline.errors import FingerprintError, ManifestError
from pipeline.io.storage import Folder
from pipeline.job.fingerprint import prepare_job
from pipeline.job.job_file import read_job_file, stored_job

ROWS = "face_id,image,x,y,width,height,subject\n" + "".join(f"f{i},a.jpg,0,0,9,9,s\n" for i in range(10))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "faces.csv"
    path.parent.mkdir()
    path.write_text(ROWS)
    return path


def prepare(manifest: Path, tmp_path: Path, *overrides: str):
    config: JobConfig = load_config(None, ["output.faces_per_part=4", *overrides])
    return prepare_job(str(manifest), str(tmp_path / "out"), config)


def test_a_new_job_binds_its_folder_and_cuts_the_manifest(manifest: Path, tmp_path: Path) -> None:
    prepared = prepare(manifest, tmp_path)
    assert [(part.number, part.slices[0].start, part.count) for part in prepared.parts] == [
        (0, 0, 4),
        (1, 4, 4),
        (2, 8, 2),
    ]
    assert prepared.job.places.image_root == str(manifest.parent)
    record = json.loads((tmp_path / "out" / "_job.json").read_text())
    assert record["fingerprint"] == prepared.job.fingerprint
    assert record["config"]["output"]["faces_per_part"] == 4
    assert set(record["versions"]) >= {"python", "faceposenet", "ray", "opencv", "onnxruntime"}
    assert record["manifest_location"] == str(manifest)
    assert record["manifest_files"] == [[manifest.stat().st_size, manifest.stat().st_mtime_ns]]


def test_a_job_knows_where_it_is_from_any_folder(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(manifest.parent)
    config = load_config(None, ["manifest.image_root=photos", "images.roots=[photos]"])
    prepare_job(manifest.name, str(tmp_path / "out"), config)
    monkeypatch.chdir("/")
    job = stored_job(Folder(str(tmp_path / "out")))
    assert job["manifest_location"] == str(manifest)
    again = prepare_job(job["manifest_location"], str(tmp_path / "out"), config, job["started_in"])
    assert again.resumed
    assert again.job.places.image_root == str(manifest.parent / "photos")
    assert again.job.places.roots == (str(manifest.parent / "photos"),)


def test_the_same_job_continues_also_elsewhere(manifest: Path, tmp_path: Path) -> None:
    first = prepare(manifest, tmp_path)
    again = prepare(manifest, tmp_path, "engine.cpus=1", "pose.device=cpu", "output.max_reject_fraction=0.5")
    assert again.job.fingerprint == first.job.fingerprint
    assert (first.resumed, again.resumed) == (False, True)


def test_a_run_that_was_killed_while_it_bound_the_folder_can_begin_again(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        # SIGKILL between the temporary file and its name: nothing is named and nothing tidied up.
        killed.setattr(Path, "hardlink_to", lambda *args: (_ for _ in ()).throw(SystemExit))
        killed.setattr(Path, "unlink", lambda *args, **kwargs: None)
        with pytest.raises(SystemExit):
            prepare(manifest, tmp_path)
    assert [path.name[:10] for path in (tmp_path / "out").iterdir()] == ["._job.json"]
    assert not prepare(manifest, tmp_path).resumed


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("render.size_px=112", r"settings.render.size_px \(there 224, now 112\)"),
        ("output.faces_per_part=5", r"settings.output.faces_per_part \(there 4, now 5\)"),
        ("manifest.carry=[]", r"manifest.carried.subject \(there \"string\", now null\)"),
    ],
)
def test_another_job_is_refused_and_told_what_differs(
    manifest: Path, tmp_path: Path, override: str, said: str
) -> None:
    prepare(manifest, tmp_path)
    with pytest.raises(FingerprintError, match=said):
        prepare(manifest, tmp_path, override)


def test_a_changed_manifest_is_refused(manifest: Path, tmp_path: Path) -> None:
    prepare(manifest, tmp_path)
    manifest.write_text(ROWS.replace("f3,a.jpg,0", "f3,a.jpg,1"))
    with pytest.raises(FingerprintError, match=r"manifest\.sha256"):
        prepare(manifest, tmp_path)


def test_nothing_is_written_before_every_check_has_passed(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(ROWS + "f3,a.jpg,0,0,9,9,s\n")
    with pytest.raises(ManifestError, match="not unique"):
        prepare(manifest, tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_is_left_alone(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("all my work")
    with pytest.raises(FingerprintError, match="is not empty and is not an output of fpn run"):
        prepare(manifest, tmp_path)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_a_foreign_job_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "_job.json").write_text("[]")
    with pytest.raises(FingerprintError, match="not of this program"):
        read_job_file(Folder(str(tmp_path)))
