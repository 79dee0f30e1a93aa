from dataclasses import replace

import pytest

from pipeline.bench.cost_model import Cluster, FaceCosts, cost_lines, cost_record, job_costs, most_cores

FACE = FaceCosts(
    network_s=0.002,
    others_s=0.006,
    handover_s=0.001,
    efficiency=0.8,
    photo_bytes=20_000,
    written_bytes=50_000,
    handed_bytes=500_000,
    gpu_faces_per_s=1000.0,
)


def test_a_job_on_cpus() -> None:
    # 10 x 8 cores do 80 x 0.8 / 8 ms = 8,000 faces a second.
    job = job_costs(FACE, Cluster("ten", 10, 8), 1_024_000, faces_per_part=512)
    assert job.faces_per_s == pytest.approx(8000)
    assert job.hours == pytest.approx(128 / 3600)
    assert job.core_hours == pytest.approx(80 * 128 / 3600)
    assert (job.gpu_hours, job.handed_bytes) == (0, 0)
    assert (job.read_bytes, job.written_bytes) == (20_000 * 1_024_000, 50_000 * 1_024_000)
    # 25.6 MB of views go in three pieces, two more than the one that every file has.
    assert job.parts == 2000
    assert job.store_requests == 2 * 1_024_000 + 2000 * (12 + 2 + 3)
    assert job.store_requests_per_s == pytest.approx(job.store_requests / 128)
    # Two listings and 2 x 2,000 requests by 32 readers, 20 ms each.
    assert job.resume_s == pytest.approx((2 + 125) * 0.02)


def test_gpus_take_the_network_from_the_cpus_which_hand_pixels_on() -> None:
    # 7.5 cores do 7.5 x 0.8 / 7 ms; a GPU of 1,000 faces a second is not what they wait for.
    busy = job_costs(FACE, Cluster("one", 1, 8, 1), 1000)
    assert busy.faces_per_s == pytest.approx(7.5 * 0.8 / 0.007)
    slow = job_costs(replace(FACE, gpu_faces_per_s=100.0), Cluster("one", 1, 10, 1), 1000)
    assert (slow.faces_per_s, slow.gpu_busy) == (pytest.approx(100), pytest.approx(1))
    assert slow.gpu_hours == pytest.approx(10 / 3600)
    assert slow.handed_bytes == 500_000 * 1000


def test_cost_grows_with_the_faces_alone() -> None:
    small, large = (job_costs(FACE, Cluster("ten", 10, 8), faces) for faces in (10**6, 10**8))
    assert large.core_hours / small.core_hours == pytest.approx(100)


def test_cores_that_a_store_can_serve() -> None:
    # 5,500 requests are 2,750 photos a second, at 100 faces a second and core.
    assert most_cores(FACE) == pytest.approx(27.5)


def test_tables_and_record_hold_every_job() -> None:
    lines, record = cost_lines(FACE), cost_record(FACE)
    rows = [line for line in lines if line.startswith("| ") and "node" in line]
    assert len(rows) == len(record["jobs"]) == 8
    widths = {line.count("|") for line in lines if line.startswith("|")}
    assert len(widths) == 1
    assert FaceCosts(**record["face"]) == FACE
