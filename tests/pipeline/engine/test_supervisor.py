"""Supervised stages with real processes: faces that crash, hang or eat memory, by a saboteur in their path.

`sabotage` puts a `sitecustomize` module into the path of the children, which makes OpenCV crash or hang on
images with certain bytes, as a broken native decoder would. The code under test knows nothing of it.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fpn_core import PoseNetwork
from pipeline.config.settings import load_config
from pipeline.engine.quarantine import Care, Exclusion
from pipeline.engine.supervisor import Fall, Supervisor, import_path, more_careful
from pipeline.errors import JobIncompleteError
from pipeline.job.fingerprint import PreparedJob, prepare_job
from pipeline.reasons import Reason, Stage
from pipeline.stages.pose import pose_faces
from pipeline.stages.registry import make_item, make_setup
from tests.photos import FACE_XYWH_PX, write_portrait
from tests.pipeline.stages.test_pose import FakeNetwork, faces_of

SABOTEUR = """
    import os, signal, time
    import cv2
    import numpy as np
    decode = cv2.imdecode
    def imdecode(data, flags):
        data = np.asarray(data)
        if data[-5:].tobytes() == b"CRASH":
            os.kill(os.getpid(), signal.SIGSEGV)
        if data[-5:].tobytes() == b"SLEEP":
            time.sleep(1000)
        if data[-5:].tobytes() == b"EATEN":
            np.ones(2**33, np.uint8)
        once = os.environ.get("CRASH_ONCE", "")
        if data[-4:].tobytes() == b"ONCE" and not os.path.exists(once):
            open(once, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(data, flags)
    cv2.imdecode = imdecode
"""


@pytest.fixture
def sabotage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(textwrap.dedent(SABOTEUR))
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.setenv("CRASH_ONCE", str(tmp_path / "crashed"))


def prepare(tmp_path: Path, endings: list[bytes], *overrides: str) -> PreparedJob:
    data = write_portrait(tmp_path / "photo.jpg").read_bytes()
    box = ",".join(map(str, FACE_XYWH_PX))
    rows = []
    for i, ending in enumerate(endings):
        (tmp_path / f"{i}.jpg").write_bytes(data + ending)
        rows.append(f"{i}.jpg,{box}\n")
    (tmp_path / "list.txt").write_text("".join(rows))
    config = load_config(None, ["render.size_px=64", "render.views_deg=[40]", *overrides])
    return prepare_job(str(tmp_path / "list.txt"), str(tmp_path / "out"), config)


def run_whole(prepared: PreparedJob, stall_timeout_s: float = 60.0) -> dict:
    setup = make_setup(prepared.job, "cpu")
    supervisor = Supervisor("whole", setup, stall_timeout_s=stall_timeout_s, start_timeout_s=60)
    try:
        return json.loads(bytes(supervisor(make_item(prepared.parts[0]))["entry"]))
    finally:
        supervisor.close()


@pytest.mark.usefixtures("sabotage")
def test_faces_that_crash_hang_or_eat_memory_are_rejects_and_the_others_are_posed(tmp_path: Path) -> None:
    endings = [b"", b"CRASH", b"", b"SLEEP", b"EATEN", b""]
    prepared = prepare(tmp_path, endings, "engine.worker_memory_mb=3000")
    entry = run_whole(prepared, stall_timeout_s=3.0)
    assert (entry["posed"], entry["rejected"]) == (3, 3)
    rejects = pd.read_parquet(tmp_path / "out/rejects").set_index("row")
    assert rejects.reason.to_dict() == {1: "worker_crash", 3: "timeout", 4: "internal_error"}
    assert rejects.attempts.to_dict() == {1: 2, 3: 2, 4: 1}
    assert "signal 11" in rejects.detail[1]
    assert "no sign of life for engine.stall_timeout_s = 3 s" in rejects.detail[3]
    assert "MemoryError" in rejects.detail[4]


@pytest.mark.usefixtures("sabotage")
def test_a_process_killed_once_costs_no_face_and_no_byte(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run_whole(prepare(tmp_path / "a", [b"", b"ONCE", b""]))
    assert (tmp_path / "crashed").exists()
    run_whole(prepare(tmp_path / "b", [b"", b"ONCE", b""]))
    for name in ("poses/part-000000.parquet", "views/part-000000.tar", "rejects/part-000000.parquet"):
        assert (tmp_path / "a/out" / name).read_bytes() == (tmp_path / "b/out" / name).read_bytes()


def test_three_stages_give_the_bytes_of_the_whole(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run_whole(prepare(tmp_path / "a", [b"", b"", b""], "pose.batch_size=2"))
    prepared = prepare(tmp_path / "b", [b"", b"", b""], "pose.batch_size=2")
    item = dict(make_item(prepared.parts[0]))
    for kind in ("decode", "pose", "render"):
        setup = make_setup(prepared.job, "cpu")
        supervisor = Supervisor(kind, setup, stall_timeout_s=60, start_timeout_s=60)
        item |= supervisor(item)
        supervisor.close()
    for name in ("poses/part-000000.parquet", "views/part-000000.tar", "_ledger/part-000000.json"):
        assert (tmp_path / "a/out" / name).read_bytes() == (tmp_path / "b/out" / name).read_bytes()


def test_an_error_of_the_stage_comes_through_and_the_process_lives_on(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, [b""])
    supervisor = Supervisor("whole", make_setup(prepared.job, "cpu"), stall_timeout_s=60, start_timeout_s=60)
    with pytest.raises(json.JSONDecodeError):
        supervisor({"plan": b"no JSON"})
    assert json.loads(bytes(supervisor(make_item(prepared.parts[0]))["entry"]))["posed"] == 1
    supervisor.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_computes_in_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    prepared = prepare(tmp_path, [b""] * 8)
    supervisor = Supervisor("whole", make_setup(prepared.job, "cpu"), stall_timeout_s=60, start_timeout_s=60)
    supervisor(make_item(prepared.parts[0]))
    assert supervisor._process is not None
    folder = Path(f"/proc/{supervisor._process.pid}/task")
    # Fields of proc(5) after the name in brackets: user and system time are the 12th and 13th.
    fields = {task.name: (task / "stat").read_text().rpartition(")")[2].split() for task in folder.iterdir()}
    ticks = {name: int(values[11]) + int(values[12]) for name, values in fields.items()}
    others = sum(ticks.values()) - ticks[folder.parent.name]
    # The rest are the threads with which Arrow reads and writes.
    assert others <= 0.1 * sum(ticks.values())
    supervisor.close()


def test_what_fails_at_the_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="there is no stage 'polish'"):
        setup = make_setup(prepare(tmp_path, [b""]).job, "cpu")
        Supervisor("polish", setup, stall_timeout_s=60, start_timeout_s=60).start()


@pytest.fixture
def doomed_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file; as many children as it has bytes die before they are ready, one byte each."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(
        textwrap.dedent("""
            import os, signal
            doom = os.environ["DOOM"]
            left = os.path.getsize(doom)
            if left:
                os.truncate(doom, left - 1)
                os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.setenv("DOOM", str(tmp_path / "doom"))
    return tmp_path / "doom"


def test_a_process_that_is_killed_while_it_starts_is_started_again(
    tmp_path: Path, doomed_starts: Path
) -> None:
    doomed_starts.write_bytes(bytes(2))
    assert run_whole(prepare(tmp_path, [b""]))["posed"] == 1
    assert doomed_starts.stat().st_size == 0


def test_a_process_that_never_gets_ready_ends_the_job(tmp_path: Path, doomed_starts: Path) -> None:
    doomed_starts.write_bytes(bytes(9))
    with pytest.raises(JobIncompleteError, match="ended 3 times before it was ready, lastly with signal 9"):
        run_whole(prepare(tmp_path, [b""]))
    assert doomed_starts.stat().st_size == 6


def test_the_process_dies_with_its_parent(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, [b""])
    (tmp_path / "setup").write_bytes(make_setup(prepared.job, "cpu"))
    code = f"""
        import time
        from pathlib import Path
        from pipeline.engine.supervisor import Supervisor
        setup = Path({str(tmp_path / "setup")!r}).read_bytes()
        s = Supervisor("whole", setup, stall_timeout_s=60, start_timeout_s=60)
        s.start()
        print(s._process.pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child outlived its parent")


def fall(stage: Stage | None, rows: tuple[int, ...]) -> Fall:
    return Fall(stage, rows, Reason.WORKER_CRASH, "signal 9")


def test_a_first_fall_changes_nothing() -> None:
    assert more_careful(Care(), fall(Stage.DECODE, (7,)), 1) == Care()


def test_a_face_that_falls_twice_is_excluded() -> None:
    care = more_careful(Care(), fall(Stage.RENDER, (7,)), 2)
    assert care.exclusions == {7: Exclusion(Stage.RENDER, Reason.WORKER_CRASH, "signal 9", 2)}


def test_all_faces_of_an_image_that_cannot_be_decoded_are_excluded() -> None:
    assert set(more_careful(Care(), fall(Stage.DECODE, (7, 8, 9)), 2).exclusions) == {7, 8, 9}


def test_a_batch_that_falls_is_tried_singly_then_posed_singly_then_given_up() -> None:
    batch = fall(Stage.POSE, (7, 8, 9))
    twice = more_careful(Care(), batch, 2)
    assert (twice.tried_singly, twice.posed_singly, twice.exclusions) == ({7}, frozenset(), {})
    thrice = more_careful(twice, batch, 3)
    assert thrice.posed_singly == {7}
    with pytest.raises(JobIncompleteError, match="a worker fell 5 times in stage pose at rows 7 to 9"):
        more_careful(thrice, batch, 5)


def test_falls_with_no_face_to_blame_end_the_job() -> None:
    assert more_careful(Care(), fall(Stage.RENDER, ()), 2) == Care()
    with pytest.raises(JobIncompleteError, match="fell 3 times between faces"):
        more_careful(Care(), fall(Stage.RENDER, ()), 3)


def test_so_many_killers_are_no_bad_faces_but_a_bad_machine() -> None:
    care = more_careful(Care(), fall(Stage.DECODE, tuple(range(64))), 2)
    with pytest.raises(JobIncompleteError, match=r"65 faces of one part .* look at the machine"):
        more_careful(care, fall(Stage.DECODE, (100,)), 2)


def test_a_pose_that_crashes_alone_is_found_in_its_batch() -> None:
    """The stage's half of the agreement: suspects go first one by one, and the batch afterwards whole."""
    real = PoseNetwork(device="cpu")
    network = FakeNetwork(real, {})
    told: list[tuple[int, ...]] = []
    care = Care(tried_singly=frozenset({101}))
    faces = faces_of(real.spec.size_px, 3)
    posed = pose_faces(network, faces, care, lambda stage, rows: told.append(tuple(rows)))
    assert told == [(101,), (102,), (103,), (101, 102, 103)]
    assert network.calls == [1, 1, 1, 3]
    assert np.array_equal(posed.position, [1, 2, 3])
    network.calls.clear()
    pose_faces(network, faces, Care(posed_singly=frozenset({101})))
    assert network.calls == [1, 1, 1]


def test_workers_do_not_import_from_the_folder_that_the_user_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("random", "cv2", "pipeline"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the folder of the user')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert str(tmp_path) not in import_path()
    said = subprocess.run(
        [sys.executable, "-P", "-c", "import random, cv2, pipeline; print(pipeline.__file__)"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(import_path())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path) not in said.stdout
