"""Jobs on clusters of several processes: a lost node, and Ray's own job server. Each starts its own Ray."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.io.storage import Folder
from pipeline.job.verify import verify
from tests.photos import FACE_XYWH_PX, write_portrait

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def write_manifest(folder: Path, n_faces: int) -> Path:
    write_portrait(folder / "a.jpg")
    box = ",".join(map(str, FACE_XYWH_PX))
    (folder / "list.txt").write_text(f"a.jpg,{box}\n" * n_faces)
    return folder / "list.txt"


def test_a_node_lost_in_the_middle_costs_no_face(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 160)
    command = [sys.executable, "-m", "tests.e2e.lost_node", str(manifest), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert "posed 160, parts 20, lost True" in done.stdout, done.stdout + done.stderr[-2000:]
    found = verify(Folder(str(tmp_path / "out")))
    assert (found.problems, found.posed) == ([], 160)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def job_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Ray head with its job server, on loopback; its address."""
    port, dashboard_port = free_port(), free_port()
    # Sockets lie under this folder, whose path must be short.
    temporary = tmp_path_factory.mktemp("r")
    command = [str(BIN / "ray"), "start", "--head", "--block", "--disable-usage-stats", "--num-cpus=2"]
    command += [f"--port={port}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard_port}"]
    # Its default port may be another Ray's.
    command += [f"--temp-dir={temporary}", f"--dashboard-agent-listen-port={free_port()}"]
    address = f"http://127.0.0.1:{dashboard_port}"
    with subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as head:
        try:
            wait_for(f"{address}/api/version", head)
            yield address
        finally:
            os.killpg(head.pid, signal.SIGTERM)
            try:
                head.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(head.pid, signal.SIGKILL)


def environment() -> dict[str, str]:
    # The head's first `python` runs the entry points. A token that an earlier Ray left in the user's folder
    # would otherwise be asked for and not sent.
    kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "RAY_AUTH_MODE": "disabled"}


def wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(480):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            assert process.poll() is None, "the head ended"
            time.sleep(0.5)
    pytest.fail("the job server did not answer")


def submit(address: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [str(BIN / "ray"), "job", "submit", "--address", address, "--working-dir", "."]
    command += ["--", "python", "-m", "pipeline", "run", *arguments]
    for _ in range(60):
        done = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=200, check=False
        )
        # The server answers before the agent that starts jobs is there.
        if "No available agent to submit job" not in done.stdout + done.stderr:
            return done
        time.sleep(1)
    pytest.fail("the job server has no agent")


def test_ray_job_submit_runs_the_job_and_tells_how_it_ended(job_server: str, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, 6)
    settings = ("--set", "render.size_px=64", "--set", "output.faces_per_part=3")
    done = submit(job_server, str(manifest), str(tmp_path / "out"), *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 faces (100%)" in done.stdout
    assert "6 faces = 6 posed + 0 rejected" in done.stdout
    assert verify(Folder(str(tmp_path / "out"))).problems == []

    preset = ("--config", "cluster", "--set", "engine.start_timeout_s=5")
    failed = submit(job_server, str(manifest), str(tmp_path / "gpu"), *preset)
    assert failed.returncode == 1
    assert "error: pose.device=cuda, but no node of the Ray cluster has a GPU" in failed.stdout
