"""The whole job against its own kernels: how much of the machine reaches the faces.

    python benchmarks/job.py [--faces 4000] [--cpus 1,2] [--json FILE]

Makes photos of 250 px from the public-domain portrait inside scikit-image, times every kernel alone in one
process and one thread, then a plain loop over the same kernels, then the real job on so many CPUs. The
job's rate is that between its first parts and its last, so that Ray's start is left out (it is shown
apart).

efficiency = seconds of all kernels a face x faces a second / CPUs. Compare ratios: seconds belong to one
machine.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pipeline  # noqa: F401  # before cv2, as in a job

import cv2  # isort: skip
import numpy as np  # isort: skip
from skimage import data  # isort: skip

from fpn_core import PoseNetwork, extract_crop
from pipeline.care import NO_CARE
from pipeline.config import JobConfig, load_config
from pipeline.decode import source_window
from pipeline.job import PreparedJob, prepare_job
from pipeline.run import run_job
from pipeline.shards import poses_file, rejects_file, views_file
from pipeline.worker import (
    DecodeWorker,
    PoseWorker,
    RenderWorker,
    make_cameras,
    make_renderer,
    use_one_thread,
)

SAMPLE = 256
PORTRAIT_FACE_XY_PX, PORTRAIT_FACE_SIDE_PX = (222.0, 128.5), 113.0
PHOTO_PX = 250


def make_photos(folder: Path, faces: int) -> Path:
    """Photos with a face turned and scaled in the middle, a quarter as many as faces at most 512; a list."""
    portrait = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    rng = np.random.default_rng(0)
    photos = min(512, faces)
    boxes = []
    for number in range(photos):
        scale, roll_deg = rng.uniform(0.6, 1.1), rng.uniform(-30, 30)
        turn = cv2.getRotationMatrix2D(PORTRAIT_FACE_XY_PX, roll_deg, scale)
        turn[:, 2] += PHOTO_PX / 2 - np.array(PORTRAIT_FACE_XY_PX)
        photo = cv2.warpAffine(portrait, turn, (PHOTO_PX, PHOTO_PX), borderMode=cv2.BORDER_REPLICATE)
        cv2.imwrite(str(folder / f"{number}.jpg"), photo)
        side = PORTRAIT_FACE_SIDE_PX * scale
        boxes.append(f"{PHOTO_PX / 2 - side / 2},{PHOTO_PX / 2 - side / 2},{side},{side}")
    manifest = folder / "faces.txt"
    manifest.write_text("".join(f"{n % photos}.jpg,{boxes[n % photos]}\n" for n in range(faces)))
    return manifest


def kernel_times(prepared: PreparedJob) -> dict[str, float]:
    """Milliseconds a face of each kernel, called as the stages call it; medians of five rounds."""
    job, config = prepared.job, prepared.job.config
    decode, pose, render = DecodeWorker(job), PoseWorker(job, "cpu"), RenderWorker(job)
    rows = prepared.parts[0].read(job.manifest).slice(0, SAMPLE)
    encoded = [Path(job.places.locate(image)).read_bytes() for image in rows.image]
    images = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in encoded]
    decoded = decode._decoder(rows)
    network = PoseNetwork(config.pose.model_path, device="cpu", threads=1)
    posed = pose(decoded, NO_CARE)
    finished = render.finish(posed, NO_CARE)
    renderer, cameras = make_renderer(config), make_cameras(config)
    spec, settings = job.spec, config.render
    wanted = [[cameras[float(view.name)] for view in face.views] for face in finished.faces]
    pictures = [
        view.image
        for i in range(len(posed))
        for view in renderer.render(
            posed.sources[i].pixels,
            posed.sources[i].image_to_source @ posed.projection[i],
            wanted[i],
            mirrored=finished.faces[i].mirrored,
        )
    ]
    place = {face.row: i for i, face in enumerate(finished.faces)}
    carried = job.manifest.carried_schema

    def views() -> None:
        for i in range(len(posed)):
            renderer.render(
                posed.sources[i].pixels,
                posed.sources[i].image_to_source @ posed.projection[i],
                wanted[i],
                mirrored=finished.faces[i].mirrored,
            )

    def files() -> None:
        poses_file(finished.faces, 0, carried, landmarks=True)
        rejects_file(finished.rejects)
        views_file(finished.faces, 0, place, settings.head, settings.format)

    windows = decoded.window_xyxy_px
    kernels: dict[str, Callable[[], object]] = {
        "read": lambda: [Path(job.places.locate(image)).read_bytes() for image in rows.image],
        "decode": lambda: [cv2.imdecode(np.frombuffer(d, np.uint8), cv2.IMREAD_COLOR) for d in encoded],
        "crop": lambda: [
            extract_crop(image, window, spec.size_px, spec.crop_interpolation)
            for image, window in zip(images, windows, strict=True)
        ],
        "source window": lambda: [
            source_window(image, box, settings.source_window, settings.source_limit_px)
            for image, box in zip(images, rows.box_xywh_px, strict=True)
        ],
        "network": lambda: network(decoded.crops, batch_size=config.pose.batch_size),
        "views": views,
        "encode": lambda: [
            cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, settings.quality])
            for picture in pictures
        ],
        "part files": files,
    }
    return {name: 1000 * _median_s(kernel) / len(rows) for name, kernel in kernels.items()}


def _median_s(action: Callable[[], object], rounds: int = 5) -> float:
    action()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def plain_loop(prepared: PreparedJob) -> float:
    """Faces a second of the stages in one process, without Ray, supervisor and ledger."""
    job = prepared.job
    decode, pose, render = DecodeWorker(job), PoseWorker(job, "cpu"), RenderWorker(job)
    parts = prepared.parts[:2]
    begin = time.perf_counter()
    for part in parts:
        finished = [render.finish(pose(faces, NO_CARE), NO_CARE) for faces in decode(part, NO_CARE)]
        faces = [face for batch in finished for face in batch.faces]
        poses_file(faces, 0, job.manifest.carried_schema, landmarks=True)
        views_file(faces, 0, {face.row: i for i, face in enumerate(faces)}, "head", "jpg")
    return sum(part.count for part in parts) / (time.perf_counter() - begin)


def job_rate(manifest: Path, out: Path, config: JobConfig, cpus: int) -> tuple[float, float]:
    """Faces a second between the first parts of a job and its last, and the seconds before the first."""
    begin = time.time()
    run_job(str(manifest), str(out), config, say=lambda text: None)
    ends = sorted(path.stat().st_mtime for path in (out / "_ledger").glob("part-*.json"))
    size = config.output.faces_per_part
    # Every worker's first part holds its start; the last parts may leave a worker idle.
    first, last = cpus - 1, len(ends) - cpus
    return (last - first) * size / (ends[last] - ends[first]), ends[0] - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faces", type=int, default=4000)
    parser.add_argument("--cpus", default=",".join(str(n) for n in range(1, (os.cpu_count() or 1) + 1)))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    use_one_thread()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = make_photos(folder, arguments.faces)
        overrides = ["output.faces_per_part=256", "render.view_policy=all"]
        prepared = prepare_job(str(manifest), str(folder / "kernels"), load_config(None, overrides))
        kernels = kernel_times(prepared)
        total_ms = sum(kernels.values())
        loop = plain_loop(prepared)
        jobs = {}
        for cpus in map(int, arguments.cpus.split(",")):
            config = load_config(None, [*overrides, f"engine.cpus={cpus}", f"engine.workers={cpus}"])
            rate, start_s = job_rate(manifest, folder / f"job-{cpus}", config, cpus)
            jobs[cpus] = {
                "faces_per_s": rate,
                "start_s": start_s,
                "efficiency": total_ms / 1000 * rate / cpus,
            }
    machine = (
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"OpenCV {cv2.__version__}"
    )
    print(f"{machine}; {arguments.faces} faces of {PHOTO_PX} px, five views, one thread each")
    for kernel, milliseconds in kernels.items():
        print(f"  {kernel:14} {milliseconds:7.3f} ms a face  {milliseconds / total_ms:5.1%}")
    print(f"  {'all kernels':14} {total_ms:7.3f} ms a face")
    print(f"plain loop      {loop:7.1f} faces/s, efficiency {total_ms / 1000 * loop:.2f}")
    for cpus, job in jobs.items():
        print(
            f"job on {cpus} CPUs   {job['faces_per_s']:7.1f} faces/s, efficiency {job['efficiency']:.2f}; "
            f"first part after {job['start_s']:.1f} s"
        )
    if arguments.json:
        record = {"machine": machine, "kernels_ms": kernels, "plain_loop_faces_per_s": loop, "jobs": jobs}
        arguments.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
