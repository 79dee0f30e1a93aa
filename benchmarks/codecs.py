"""Decoders and encoders beside one another: python benchmarks/codecs.py

Decoding: OpenCV, which the job uses, at the full size and as far reduced as the job would, against
simplejpeg, PyTurboJPEG (which needs the system's libturbojpeg) and Pillow, each where it is installed, all to
BGR pixels. Encoding: time and bytes of the views of the portrait inside scikit-image, for every format,
quality and chroma subsampling. Processor time of one thread, medians over rounds in which all take turns;
compare ratios.
"""

import importlib
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pipeline  # noqa: F401  # before cv2, as in a job

import click  # isort: skip
import cv2  # isort: skip
import numpy as np  # isort: skip
from skimage import data  # isort: skip

from fpn_core import PoseNetwork, crop_windows, extract_crop, projection_to_image
from pipeline.bench.timing import Timing, time_in_turns
from pipeline.config.settings import RenderSettings
from pipeline.engine.machine import describe_machine
from pipeline.stages.render import encode_picture
from render_core import Renderer
from render_core.heads import load_head

PHOTOS_PX = (250, 1000, 4000)
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_QUALITIES = (75, 90, 95)
FACE_XYWH_PX = (176.0, 72.0, 92.0, 113.0)


def photo(size_px: int) -> np.ndarray:
    """BGR with detail at all scales and a camera's noise."""
    rng = np.random.default_rng(0)
    picture = np.zeros((size_px, size_px, 3), np.float32)
    for cells in (4, 16, 64):
        noise = rng.uniform(0, 80, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(noise, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    picture += rng.normal(0, 3, (size_px, size_px, 1)).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def decoders(jpeg: bytes) -> dict[str, Callable[[], object]]:
    """Ways to the pixels of a JPEG, by name."""
    encoded = np.frombuffer(jpeg, np.uint8)
    found: dict[str, Callable[[], object]] = {"OpenCV": lambda: cv2.imdecode(encoded, cv2.IMREAD_COLOR)}
    for reduction, flag in _REDUCED.items():
        found[f"OpenCV, 1/{reduction}"] = partial(cv2.imdecode, encoded, flag)
    if (simplejpeg := _optional("simplejpeg")) is not None:
        found["simplejpeg"] = lambda: simplejpeg.decode_jpeg(jpeg, colorspace="BGR")
    if (pillow := _optional("PIL.Image")) is not None:
        found["Pillow"] = lambda: _with_pillow(pillow, jpeg)
    if (turbojpeg := _optional("turbojpeg")) is not None:
        try:
            turbo = turbojpeg.TurboJPEG()
        except (RuntimeError, OSError):
            click.echo("PyTurboJPEG finds no libturbojpeg and is left out", err=True)
        else:
            found["PyTurboJPEG"] = lambda: turbo.decode(jpeg)
    return found


def _with_pillow(pillow: Any, jpeg: bytes) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(pillow.open(io.BytesIO(jpeg)).convert("RGB"))[:, :, ::-1])


def _optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def views() -> list[np.ndarray]:
    """The five views of the portrait, as the job encodes them."""
    portrait = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    network = PoseNetwork(device="cpu")
    spec, window = network.spec, crop_windows(np.array([FACE_XYWH_PX]), network.spec.crop_expand)
    pose = network(extract_crop(portrait, window[0], spec.size_px, spec.crop_interpolation)[None])
    projection = projection_to_image(pose.rotation, pose.tvec_mm, window, spec.camera)[0]
    return [view.image for view in Renderer(load_head("open-mean")).render(portrait, projection)]


def encodings() -> dict[str, RenderSettings]:
    """Every way to write a view, by name."""
    jpegs = {
        f"jpg {quality} 4:{str(subsampling)[1]}:{str(subsampling)[2]}": RenderSettings(
            quality=quality, subsampling=subsampling
        )
        for quality in _QUALITIES
        for subsampling in (420, 422, 444)
    }
    webps = {f"webp {quality}": RenderSettings(format="webp", quality=quality) for quality in _QUALITIES}
    return {**jpegs, **webps, "png": RenderSettings(format="png")}


@click.command(help=__doc__)
@click.option("--rounds", default=9, show_default=True, help="Repetitions; medians count.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="File for the numbers.")
def main(rounds: int, target: Path | None) -> None:
    record: dict[str, Any] = {"machine": describe_machine(), "decode": {}, "encode": {}}
    cv2.setNumThreads(1)
    for size_px in PHOTOS_PX:
        jpeg = bytes(cv2.imencode(".jpg", photo(size_px), [cv2.IMWRITE_JPEG_QUALITY, 92])[1])
        timings = time_in_turns(decoders(jpeg), rounds)
        click.echo(f"\nphoto of {size_px} px, {len(jpeg) / 1000:.0f} kB          ms   of OpenCV's  spread")
        for name, timing in timings.items():
            click.echo(_line(name, timing, timing.cpu_s / timings["OpenCV"].cpu_s))
        record["decode"][size_px] = {name: 1000 * timing.cpu_s for name, timing in timings.items()}
    pictures, settings = views(), encodings()
    actions = {
        name: lambda chosen=chosen: [encode_picture(picture, chosen) for picture in pictures]
        for name, chosen in settings.items()
    }
    timings = time_in_turns(actions, rounds)
    usual = timings["jpg 95 4:2:0"].cpu_s
    click.echo("\na view of 224 px               ms   of 95 4:2:0  spread   bytes")
    for name, timing in timings.items():
        size = sum(len(encode_picture(picture, settings[name])) for picture in pictures) / len(pictures)
        each = Timing(timing.median_s / len(pictures), timing.spread, timing.cpu_s / len(pictures))
        click.echo(f"{_line(name, each, timing.cpu_s / usual)}  {size:7.0f}")
        record["encode"][name] = {"ms": 1000 * each.cpu_s, "bytes": size}
    if target is not None:
        target.write_text(json.dumps(record, indent=1))


def _line(name: str, timing: Timing, ratio: float) -> str:
    return f"  {name:24}{1000 * timing.cpu_s:9.3f}  {ratio:11.2f}  {timing.spread:6.0%}"


if __name__ == "__main__":
    main()
