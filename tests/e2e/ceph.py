"""Ceph's S3 gateway on loopback: a store that enforces what the real ones do (secrets, lengths of bodies).

Needs Debian's packages radosgw, ceph-mon and ceph-osd; one monitor, one disk in memory, one gateway.
"""

import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool", "ceph")

_CONFIGURATION = """
[global]
fsid = {fsid}
mon host = {monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data = {folder}/mon
osd data = {folder}/osd
run dir = {folder}
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
pid file = {folder}/$name.pid
keyring = {folder}/keyring
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
"""
_CAPABILITIES = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
    "client.rgw.a": {"mon": "allow rwx", "osd": "allow rwx"},
}


def is_installed() -> bool:
    """Whether every program that is needed is there."""
    return all(shutil.which(program) for program in PROGRAMS)


@contextmanager
def ceph_server(folder: Path, access_key: str, secret_key: str) -> Iterator[str]:
    """The endpoint of an empty gateway with one user; about 15 s to start."""
    monitor_ports = _free_port(), _free_port()
    monitor = f"[v2:127.0.0.1:{monitor_ports[0]},v1:127.0.0.1:{monitor_ports[1]}]"
    port, fsid = _free_port(), str(uuid.uuid4())
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    text = _CONFIGURATION.format(fsid=fsid, monitor=monitor, folder=folder, port=port)
    (folder / "ceph.conf").write_text(text)

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)

    for name, capabilities in _CAPABILITIES.items():
        caps = [word for kind, cap in capabilities.items() for word in ("--cap", kind, cap)]
        create = [] if (folder / "keyring").exists() else ["--create-keyring"]
        run("ceph-authtool", "keyring", *create, "--gen-key", "-n", name, *caps)
    run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", monitor, "monmap")
    configured = ("-c", "ceph.conf")
    run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring", *configured)
    with ExitStack() as daemons:
        daemons.enter_context(_daemon(folder, "ceph-mon", "-i", "a", *configured, "-f"))
        time.sleep(2)
        run("ceph", *configured, "osd", "create")
        run("ceph-osd", "-i", "0", "--mkfs", *configured)
        daemons.enter_context(_daemon(folder, "ceph-osd", "-i", "0", *configured, "-f"))
        time.sleep(2)
        daemons.enter_context(_daemon(folder, "radosgw", "-n", "client.rgw.a", *configured, "-f"))
        user = (
            "--uid",
            "test",
            "--display-name",
            "test",
            "--access-key",
            access_key,
            "--secret-key",
            secret_key,
        )
        run("radosgw-admin", *configured, "user", "create", *user)
        _wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _daemon(folder: Path, *command: str) -> Iterator[None]:
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.kill()


def _wait_for(url: str) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError("the gateway did not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
