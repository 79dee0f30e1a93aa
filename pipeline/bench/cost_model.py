"""What large jobs take on clusters, worked out from the kernels of one machine.

A core of the cluster is taken to be like one of this machine, and the job to reach the efficiency that it
reached here. What was not measured is named as an assumption where it stands.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

# Requests of Arrow's S3 client, counted at a server: a photo is asked for its size and then read; each
# of the four files of a part is begun, sent in pieces, and finished; its entry is looked for before, and its
# rows of the manifest are read.
REQUESTS_A_PHOTO = 2
FILES_A_PART, REQUESTS_A_FILE, OTHER_REQUESTS_A_PART = 4, 3, 3
PIECE_BYTES = 10 * 2**20
"""Larger files are sent in pieces of this size, a request each."""
ENTRIES_A_LISTING = 1000
REQUESTS_AN_ENTRY = 2
DRIVER_BYTES_A_PART = 6000
"""Measured: memory that the driver keeps per part."""
RESUME_READERS = 32
POSE_ACTOR_CPUS = 0.5

# Assumptions, not measured here.
GPU_FACES_PER_S = 20_000.0
"""Poses of an L4-class GPU: the network that comes with the package at a few percent of its peak."""
STORE_GETS_PER_S = 5500
"""What Amazon documents for one prefix of S3, before it divides a busy one."""
STORE_LATENCY_S = 0.02


@dataclass(frozen=True)
class Cluster:
    """Equal nodes."""

    words: str
    nodes: int
    cpus: int
    """Of a node, like those that were measured."""
    gpus: int = 0


CLUSTERS = (
    Cluster("1 node of 16 vCPUs (x86)", 1, 16),
    Cluster("16 nodes of 16 vCPUs (x86)", 16, 16),
    Cluster("16 nodes of 16 vCPUs (x86) with an L4-class GPU each", 16, 16, 1),
    Cluster("128 nodes of 16 vCPUs (x86)", 128, 16),
)
FACES = (1_000_000, 100_000_000)
FACES_A_PART = 512
_COLUMNS = (
    *("cluster", "time", "core-hours", "GPU-hours", "GPU busy"),
    *("read", "written", "handed on", "requests", "a second"),
)


@dataclass(frozen=True)
class FaceCosts:
    """What one face takes."""

    network_s: float
    """Seconds of a core in the network; likewise the next."""
    others_s: float
    """In all other kernels."""
    handover_s: float
    """In packing and unpacking it between decode, pose and render, which only the staged layout does. The
    copies through sockets and Ray's object store come on top."""
    efficiency: float
    """Share of the cores' time that reaches the kernels."""
    photo_bytes: float
    written_bytes: float
    handed_bytes: float
    gpu_faces_per_s: float = GPU_FACES_PER_S


@dataclass(frozen=True)
class JobCosts:
    """What a job takes on a cluster."""

    cluster: str
    faces: int
    hours: float
    core_hours: float
    gpu_hours: float
    gpu_busy: float
    """Share of the time that the GPUs have work."""
    faces_per_s: float
    read_bytes: float
    written_bytes: float
    handed_bytes: float
    """Through Ray's object store, from process to process."""
    store_requests: int
    store_requests_per_s: float
    parts: int
    driver_bytes: float
    resume_s: float
    """To read the ledger of a job that was stopped at its end."""


def job_costs(face: FaceCosts, cluster: Cluster, faces: int, faces_per_part: int = FACES_A_PART) -> JobCosts:
    """Work a job out, with a photo of its own for every face, in an object store."""
    cores, gpus = cluster.nodes * cluster.cpus, cluster.nodes * cluster.gpus
    if gpus:
        free = cores - POSE_ACTOR_CPUS * gpus
        by_cpus = free * face.efficiency / (face.others_s + face.handover_s)
        rate = min(by_cpus, gpus * face.gpu_faces_per_s)
    else:
        rate = cores * face.efficiency / (face.others_s + face.network_s)
    seconds = faces / rate
    parts = math.ceil(faces / faces_per_part)
    pieces = max(0, math.ceil(face.written_bytes * faces_per_part / PIECE_BYTES) - 1)
    requests = faces * REQUESTS_A_PHOTO + parts * (
        FILES_A_PART * REQUESTS_A_FILE + pieces + OTHER_REQUESTS_A_PART
    )
    resume = math.ceil(parts / ENTRIES_A_LISTING) + parts * REQUESTS_AN_ENTRY / RESUME_READERS
    return JobCosts(
        cluster=cluster.words,
        faces=faces,
        hours=seconds / 3600,
        core_hours=cores * seconds / 3600,
        gpu_hours=gpus * seconds / 3600,
        gpu_busy=rate / (gpus * face.gpu_faces_per_s) if gpus else 0.0,
        faces_per_s=rate,
        read_bytes=faces * face.photo_bytes,
        written_bytes=faces * face.written_bytes,
        handed_bytes=faces * face.handed_bytes if gpus else 0.0,
        store_requests=requests,
        store_requests_per_s=requests / seconds,
        parts=parts,
        driver_bytes=parts * DRIVER_BYTES_A_PART,
        resume_s=resume * STORE_LATENCY_S,
    )


def most_cores(face: FaceCosts, gets_per_s: float = STORE_GETS_PER_S) -> float:
    """Cores whose photos one prefix of a store can just serve, each face with a photo of its own."""
    return gets_per_s / REQUESTS_A_PHOTO * (face.others_s + face.network_s) / face.efficiency


def cost_record(face: FaceCosts) -> dict[str, Any]:
    """The model's inputs and outcomes as plain values."""
    return {
        "face": asdict(face),
        "jobs": [asdict(job_costs(face, cluster, faces)) for faces in FACES for cluster in CLUSTERS],
        "most_cores_a_prefix": most_cores(face),
    }


def cost_lines(face: FaceCosts) -> list[str]:
    """The model's outcomes as tables in Markdown."""
    lines = []
    for faces in FACES:
        lines += [
            "",
            f"{faces:,} faces, a photo each, {FACES_A_PART} faces a part",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            f"|{' --- |' * len(_COLUMNS)}",
        ]
        lines += [_row(job_costs(face, cluster, faces)) for cluster in CLUSTERS]
        job = job_costs(face, CLUSTERS[0], faces)
        lines += [
            "",
            f"{job.parts:,} parts: the driver holds {job.driver_bytes / 1e6:,.0f} MB; a stopped job reads "
            f"its ledger in {job.resume_s:,.0f} s",
        ]
    cores = most_cores(face)
    lines += [
        "",
        f"One prefix of a store with {STORE_GETS_PER_S:,} reads a second serves {cores:,.0f} cores.",
    ]
    return lines


def _row(job: JobCosts) -> str:
    cells = [
        job.cluster,
        f"{60 * job.hours:,.0f} min" if job.hours < 2 else f"{job.hours:,.0f} h",
        f"{job.core_hours:,.0f}",
        f"{job.gpu_hours:,.0f}" if job.gpu_hours else "",
        f"{job.gpu_busy:.0%}" if job.gpu_hours else "",
        _bytes(job.read_bytes),
        _bytes(job.written_bytes),
        _bytes(job.handed_bytes) if job.handed_bytes else "",
        f"{job.store_requests / 1e6:,.1f} M",
        f"{job.store_requests_per_s:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _bytes(count: float) -> str:
    return f"{count / 1e12:,.1f} TB" if count >= 1e12 else f"{count / 1e9:,.0f} GB"
