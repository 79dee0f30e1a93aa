"""`fpn render`, one photo with a given pose, and `fpn heads`, the heads it is rendered with."""

from pathlib import Path
from typing import cast, get_args

import click
import cv2
import numpy as np

from pipeline.cli.group import SuggestingGroup
from pipeline.show.posed_photo import (
    posed_by_file,
    posed_by_landmarks,
    read_landmark_file,
    read_photo,
    read_pose,
)
from pipeline.stages.render import mask_picture
from render_core import Renderer, is_mirrored
from render_core.align import align_face
from render_core.clean import Background
from render_core.head_folder import find_head
from render_core.heads import DEFAULT_HEAD, HeadMesh, build_head_from_yaml, draw_heads, head_names, save_head
from render_core.reference_heads import import_reference_heads
from render_core.renderer import Mode, RenderedView
from render_core.view import PRESET_VIEWS_DEG, ViewCamera, closeup_camera, view_camera

_path = click.Path(path_type=Path)


@click.command()
@click.argument("image", type=_path)
@click.option(
    "--pose", type=_path, help='JSON: {"rvec_rad": [3], "tvec_mm": [3], "crop_xyxy_px": [4] or absent}.'
)
@click.option(
    "--landmarks",
    type=_path,
    help="Instead of a pose: 68 lines 'x y' in pixels of IMAGE from 0, or a .pts file, which counts from 1.",
)
@click.option("--heads", type=_path, help="Folder of head files; the package's own heads without it.")
@click.option("--head", default=None, help=f"Name of the head.  [default: {DEFAULT_HEAD}; 10 with --heads]")
@click.option(
    "--views",
    default=",".join(map(str, PRESET_VIEWS_DEG)),
    show_default=True,
    help="Yaws in degrees, each with pitch and roll if you like: 0,30:-10,30:0:15.",
)
@click.option(
    "--mode",
    type=click.Choice(["clean", "compat"]),
    default="clean",
    show_default=True,
    help="clean: this project's renderer; compat: the original's, to the byte.",
)
@click.option(
    "--size",
    "size_px",
    type=click.IntRange(16, 8192),
    help="Side of the views in pixels.  [default: 224; in compat mode that of the head's own views]",
)
@click.option(
    "--background",
    type=click.Choice(get_args(Background)),
    default="edge",
    show_default=True,
    help="What stands beyond the photo's edge.",
)
@click.option(
    "--symmetry/--no-symmetry", default=True, show_default=True, help="Fill hidden parts by symmetry."
)
@click.option("--closeup", is_flag=True, help="Crop every view to the face (clean mode).")
@click.option("--masks", is_flag=True, help="Also write mask_VIEW.png: 0 background, 128 head, 255 face.")
@click.option("--aligned", is_flag=True, help="Also write aligned.png: the upright crop of 112 px.")
@click.option("--out", type=_path, required=True, help="Folder for view_0.png, view_22.png, ...")
def render(
    image: Path,
    pose: Path | None,
    landmarks: Path | None,
    heads: Path | None,
    head: str | None,
    views: str,
    mode: str,
    size_px: int | None,
    background: str,
    symmetry: bool,
    closeup: bool,
    masks: bool,
    aligned: bool,
    out: Path,
) -> None:
    """Render one photo from a given pose or landmarks.

    A pose is that of the crop that FacePoseNet sees: IMAGE itself, or its window `crop_xyxy_px`. Clean mode
    mirrors a face that looks to the image right, as a job does; compat mode renders what it is given.

    \b
    Examples:
      fpn render photo.jpg --pose pose.json --views 0,40 --out views
      fpn render photo.jpg --landmarks points.txt --views 0,30:-10 --closeup --out views
    """
    if (pose is None) == (landmarks is None):
        raise click.UsageError("give either --pose or --landmarks")
    cameras = _parse_views(views, size_px or 224)
    photo = read_photo(image)
    points = None if landmarks is None else read_landmark_file(landmarks)
    written_pose = None if pose is None else read_pose(pose)
    chosen = find_head(head or (DEFAULT_HEAD if heads is None else "10"), heads)
    if closeup:
        if mode == "compat":
            raise click.UsageError("--closeup needs clean mode: compat mode has the original's views alone")
        landmarks_mm = np.asarray(chosen.landmarks_mm)
        cameras = {name: closeup_camera(camera, landmarks_mm) for name, camera in cameras.items()}
    renderer = Renderer(
        chosen,
        list(cameras.values()),
        size_px=size_px,
        mode=cast(Mode, mode),
        background=cast(Background, background),
        symmetry=symmetry,
    )
    out.mkdir(parents=True, exist_ok=True)
    compat = mode == "compat"
    for name, camera in cameras.items():
        if points is not None:
            posed = posed_by_landmarks(photo, points, chosen, camera, compat=compat)
        else:
            assert written_pose is not None
            posed = posed_by_file(photo, written_pose, compat=compat)
        mirrored = not compat and is_mirrored(posed.yaw_deg)
        (view,) = renderer.render(posed.image, posed.projection, [camera], mirrored=mirrored)
        _write_png(out / f"view_{name}.png", view.image)
        if masks:
            _write_png(out / f"mask_{name}.png", mask_picture(renderer, camera))
        click.echo(_describe(name, view, mirrored))
    if aligned:
        upright = align_face(posed.image, posed.projection)
        _write_png(out / "aligned.png", upright.image)
    click.echo(f"written to {out}")


def _describe(name: str, view: RenderedView, mirrored: bool) -> str:
    mirror = ", mirrored" if mirrored else ""
    return (
        f"view {name}: {view.seen_fraction:.0%} of the face seen, {view.filled_fraction:.0%} filled{mirror}"
    )


def _parse_views(text: str, size_px: int) -> dict[str, ViewCamera]:
    """Cameras by the name that their files carry: 22, or 30_-10_15 for yaw, pitch and roll."""
    cameras = {}
    for item in text.split(","):
        try:
            angles = [float(part) for part in item.split(":")]
            yaw, pitch, roll = (*angles, 0.0, 0.0)[:3] if len(angles) <= 3 else (float("nan"),) * 3
            camera = view_camera(yaw, pitch_deg=pitch, roll_deg=roll, size_px=size_px)
        except ValueError as error:
            raise click.BadParameter(
                f"{item!r} is not a view: expected YAW, YAW:PITCH or YAW:PITCH:ROLL in degrees",
                param_hint="--views",
            ) from error
        cameras["_".join(f"{angle:g}" for angle in angles)] = camera
    return cameras


def _write_png(path: Path, image: np.ndarray) -> None:
    _, png = cv2.imencode(".png", image)
    path.write_bytes(png.tobytes())


@click.group(cls=SuggestingGroup)
def heads() -> None:
    """Import, build and show the heads that views are rendered with."""


@heads.command("import")
@click.argument("folder", type=_path)
@click.argument("out", type=_path)
def import_heads(folder: Path, out: Path) -> None:
    """Convert the original renderer's .mat files in FOLDER to head files in OUT.

    \b
    Example:
      fpn heads import face_specific_augm/models3d_new heads
    """
    for path in import_reference_heads(folder, out):
        click.echo(f"head {path.stem}: {path}")


@heads.command()
@click.argument("measurements", type=_path)
@click.argument("out", type=_path)
def build(measurements: Path, out: Path) -> None:
    """Build a head from the YAML file MEASUREMENTS and write it to the file OUT (.npz).

    \b
    Example:
      fpn heads build mine.yaml heads/mine.npz
    """
    click.echo(f"written to {save_head(build_head_from_yaml(measurements), out)}")


@heads.command()
@click.argument("out", type=_path)
@click.option(
    "--heads", "folder", type=_path, help="Folder of head files; the package's own heads without it."
)
@click.option("--head", "names", multiple=True, help="Name of a head; repeatable. All without it.")
@click.option(
    "--size",
    "size_px",
    type=click.IntRange(16, 2048),
    default=224,
    show_default=True,
    help="Side of a picture in pixels.",
)
def show(out: Path, folder: Path | None, names: tuple[str, ...], size_px: int) -> None:
    """Draw heads, shaded, at five yaws, into the picture OUT (.png).

    \b
    Examples:
      fpn heads show heads.png
      fpn heads show mine.png --heads heads --head mine
    """
    found = names or _names(folder)
    drawn = draw_heads([_mesh(name, folder) for name in found], size_px=size_px)
    _write_png(out, drawn)
    click.echo(f"{len(found)} heads at five yaws: {out}")


def _names(folder: Path | None) -> tuple[str, ...]:
    return head_names() if folder is None else tuple(sorted(path.stem for path in folder.glob("*.npz")))


def _mesh(name: str, folder: Path | None) -> HeadMesh:
    head = find_head(name, folder)
    if isinstance(head, HeadMesh):
        return head
    return HeadMesh(name, head.vertices_mm, head.triangles.astype(np.int32), head.landmarks_mm)
