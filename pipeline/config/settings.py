"""The job's settings: one typed model, read from YAML, overridable from the command line.

A setting that does not exist is an error with a suggestion, never ignored. `JobConfig.result_settings` are
those that decide what comes out; they go into the fingerprint that binds an output folder to its job. The
others only decide where and how fast it is made, and may change between the runs of one job.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from faceposenet import defaults
from faceposenet.photo.sizes import (
    DEFAULT_LIMITS,
    SOURCE_WINDOW,
    PhotoLimits,
    SourceSize,
    source_size,
)
from pipeline.config.suggestions import near_settings
from pipeline.errors import ConfigError
from pipeline.io.storage import without_credentials
from render_core.template import Template, TemplateName, named_template

WIDE_FROM_DEG = 20.0
"""Faces turned by more than this are wide: recognition gains by symmetry and by views of them."""

Device = Literal["auto", "cpu", "cuda", "tensorrt"]


class _Settings(BaseModel):
    # The docstring below a setting is its description wherever settings are explained to users.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class ManifestSettings(_Settings):
    """How the manifest is read."""

    format: Literal["auto", "csv", "list", "parquet", "webdataset"] = "auto"
    """csv has a header; list is the original's header-less `FILE,x,y,w,h`; auto looks into the file."""
    image_root: str | None = None
    """Folder or URI against which relative image paths resolve; by default the manifest's folder."""
    columns: dict[str, str] = {}
    """The contract's column name -> the manifest's, for manifests with other names."""
    landmarks: str | None = None
    """Column with the 68 landmarks of each face (order of 300-W), x and y in turn, in pixels of the photo:
    136 numbers, in text separated by spaces. Where named, poses come from them and not from the network."""
    carry: Literal["all"] | list[str] = "all"
    """Which further columns go through to the poses."""


class ImageSettings(_Settings):
    """What is still accepted as a source image."""

    max_bytes: int = Field(default=DEFAULT_LIMITS.max_bytes, gt=0)
    """Larger files are rejected as image_too_large."""
    max_pixels: int = Field(default=DEFAULT_LIMITS.max_pixels, gt=0, le=2**27)
    """Images of more pixels are rejected as image_too_large; 2^27 is where OpenCV refuses to allocate."""
    roots: list[str] | None = None
    """Folders or URIs in which every image must lie, links followed. Null: anywhere on the local disk, and in
    the bucket or host of the image root. Name roots when manifests come from people you do not trust."""
    scaled_decode: bool = True
    """Decode JPEGs at a half, quarter or eighth of their size where all their faces stay large enough for the
    network and the renderer. Results are in pixels of the full size all the same."""
    read_threads: int = Field(default=16, ge=1, le=256)
    """Remote images that one worker reads at a time."""

    @property
    def limits(self) -> PhotoLimits:
        """How large an image may be."""
        return PhotoLimits(self.max_bytes, self.max_pixels)


class PoseSettings(_Settings):
    """The pose network and where it runs."""

    model: str | None = None
    """Path of an ONNX file with the project's metadata, or name of a network of the package; by default its
    best."""
    model_sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    """Hex digest that the model file must have; another file is refused before it is loaded."""
    device: Device = "auto"
    """Where the network runs. auto: on a GPU where one is there and works, else on the CPU."""
    average_mirrored: bool = False
    """Also pose the mirrored crop and average the two, as test-time augmentation; twice the network's
    time."""
    batch_size: int = Field(default=defaults.BATCH_SIZE, ge=1, le=4096)
    """Faces a network call. Part of the results: the last bits of a float depend on the batch."""

    @property
    def model_path(self) -> Path | None:
        """Where the network is; None is the one in the package."""
        return Path(self.model) if self.model else None


class RenderSettings(_Settings):
    """Which views of a face are rendered, and how."""

    enabled: bool = True
    """Whether views are rendered at all; false: poses alone."""
    head: str = defaults.HEAD
    """Name of the head that faces are rendered with; `fpn heads show` draws them."""
    mode: Literal["clean", "compat"] = "clean"
    """clean: this project's renderer. compat: the original's numerics, its faults included: the network's
    crop after a JPEG, mirrored faces with the pose of the mirrored crop, its background and symmetry."""
    heads: str | None = None
    """Local folder of head files, as `fpn heads import` and `build` write them; by default the package's
    own."""
    views_deg: list[int] = [0, 22, 40, 55, 75]
    """Yaws of the views in degrees."""
    view_policy: Literal["near", "all"] = "near"
    """near: no view nearer to the front than the face itself, as in the original; all: every view."""
    size_px: int = Field(default=defaults.VIEW_PX, ge=32, le=2048)
    """Side of every view in pixels."""
    background: Literal["edge", "constant", "blur", "transparent"] = "edge"
    """What stands for the photo beyond its edge; transparent needs a format with an alpha channel."""
    source_window: float = Field(default=SOURCE_WINDOW, ge=1.0, le=8.0)
    """Side of the window of the photo that the renderer sees, in sides of the square face box."""
    source_px: int | None = Field(default=None, ge=64, le=8192)
    """Longest side of that window in pixels; larger ones are shrunk by area. Null: 1.75 x the larger
    of size_px and aligned_px."""
    format: Literal["jpg", "png", "webp"] = "jpg"
    """File format of the views."""
    quality: int = Field(default=95, ge=1, le=100)
    """Quality of JPEG and WebP."""
    subsampling: Literal[420, 422, 444] = 420
    """Colour of JPEG at half the resolution (420), at half of it across alone (422), or at all of it."""
    aligned_px: int | None = Field(default=None, ge=16, le=2048)
    """Height of an upright crop of each face, added to its views as `aligned`; null: none."""
    aligned_template: TemplateName = "arcface"
    """Where eyes, nose and mouth come to lie in the upright crop: as ArcFace and most networks since expect
    them (square), in its narrower form of 96 x 112, or as in FFHQ (square, with hair and chin)."""
    aligned_points_px: list[float] | None = Field(default=None, min_length=10, max_length=10)
    """Template of your own: x and y in turn of eye on the left, eye on the right, tip of the nose, left and
    right corner of the mouth, in pixels of a square crop of aligned_px. Null: that of aligned_template."""
    aligned_margin: float = Field(default=0.0, ge=-0.4, le=2.0)
    """What the upright crop shows more on each side, as a share of the template's side; the size stays."""
    aligned_mirrored: bool = False
    """Mirror the upright crops of faces with a yaw below 0, as their views are. By default every upright crop
    shows the photo as it is."""
    crop: Literal["none", "face", "template"] = "none"
    """face: every view is cropped to the face, a quarter of its landmarks' extent around them. template:
    eyes, nose and mouth of every view lie where the upright crop has them."""
    symmetry: Literal["always", "wide", "never"] = "always"
    """Whether what the photo hides comes from the other half of the face. wide: only where the face is turned
    by more than 20 degrees, which serves recognition best."""
    masks: bool = False
    """Whether the job writes, once for each view, which pixels are face, head and background."""

    @model_validator(mode="after")
    def _alpha_needs_a_format(self) -> "RenderSettings":
        if self.background == "transparent" and self.format == "jpg":
            raise ValueError("background=transparent needs format=png or webp, for JPEG has no alpha channel")
        return self

    @model_validator(mode="after")
    def _compat_is_the_originals(self) -> "RenderSettings":
        if self.mode == "compat" and (self.background, self.crop, self.symmetry) != (
            "edge",
            "none",
            "always",
        ):
            raise ValueError(
                "mode=compat has the original's background, crop and symmetry: leave all three out"
            )
        return self

    @property
    def heads_path(self) -> Path | None:
        """Where the heads are; None is the package."""
        return Path(self.heads) if self.heads else None

    @property
    def views(self) -> tuple[float, ...]:
        """The views' yaws in degrees."""
        return tuple(float(view) for view in self.views_deg)

    @model_validator(mode="after")
    def _points_make_a_template(self) -> "RenderSettings":
        if self.aligned_points_px is not None and self.aligned_px is None:
            raise ValueError("aligned_points_px needs aligned_px, the size of the crop that they lie in")
        _ = self.template
        return self

    @property
    def template(self) -> Template | None:
        """The template of the upright crops, at their size; None where there are none."""
        return None if self.aligned_px is None else self._template(self.aligned_px)

    @property
    def view_template(self) -> Template | None:
        """The template of the views, at their size; None where they have none."""
        return self._template(self.size_px) if self.crop == "template" else None

    def _template(self, height_px: int) -> Template:
        if self.aligned_points_px is None or self.aligned_px is None:
            template = named_template(self.aligned_template)
        else:
            numbers = [float(number) for number in self.aligned_points_px]
            points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
            template = Template((self.aligned_px, self.aligned_px), points)
        return template.scaled(height_px).with_margin(self.aligned_margin)

    def symmetric(self, yaw_deg: float) -> bool:
        """Whether hidden parts of a face that is turned by `yaw_deg` come from its other half."""
        return self.symmetry == "always" or (self.symmetry == "wide" and abs(yaw_deg) > WIDE_FROM_DEG)

    @property
    def source_size(self) -> SourceSize:
        """How much of a photo the renderer sees."""
        largest_px = max(self.size_px, self.aligned_px or 0)
        return SourceSize(self.source_window, self.source_px or source_size(largest_px).longest_px)


class ColumnSettings(_Settings):
    """One column that a network computes."""

    model: str
    """Path of the YAML file that describes the network."""
    device: Device = "cpu"
    """Where it runs, in the workers that render."""


class ColumnsSettings(_Settings):
    """Further columns of the poses. `columns.NAME.model=net.yaml` adds one that a network of yours computes
    from the upright crop: a number, or a list of them. `columns.NAME.device` says where it runs (cpu)."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ColumnSettings]

    quality: bool = False
    """Whether poses hold eye_distance_px, sharpness and exposure, three plain numbers on the photo of a
    face."""

    @model_validator(mode="after")
    def _names_are_names(self) -> "ColumnsSettings":
        for name in self.networks:
            if not name.isidentifier():
                raise ValueError(f"column {name!r}: expected a name of letters, digits and underscores")
        return self

    @property
    def networks(self) -> dict[str, ColumnSettings]:
        """The columns that networks compute, by name."""
        return self.__pydantic_extra__


class OutputSettings(_Settings):
    """How results are cut into files, and when a job counts as failed."""

    faces_per_part: int | None = Field(default=None, ge=1, le=100_000)
    """Faces of a file of results; a part is the unit of work, of commit and of resume. Null: 512, and in
    jobs of less than 16,384 faces fewer, down to 16, so that their parts keep several cores busy."""
    landmarks: bool = True
    """Whether poses hold the 68 projected landmarks of the head."""
    max_reject_fraction: float = Field(default=1.0, ge=0, le=1)
    """A larger share of rejects makes the job end with an error (its results stay)."""


class EngineSettings(_Settings):
    """Where the job runs. Nothing here changes a byte of the results."""

    address: str | None = None
    """A Ray cluster to join (`auto`, `ray://...`, `host:port`); by default the job runs on this machine."""
    runner: Literal["auto", "ray", "local"] = "auto"
    """local: child processes on this machine, without Ray, which takes seconds to start. ray: a cluster, or a
    Ray of this machine that starts and stops with the job. auto: local without a cluster, but for
    jobs of more than 2,000 faces beside a GPU."""
    layout: Literal["auto", "fused", "staged"] = "auto"
    """fused: every actor takes a part from decoding to the shard. staged: decode, pose and render are three
    pools, so that poses run on GPUs and the rest beside them. auto: staged where the poses run on a GPU."""
    cpus: int | None = Field(default=None, ge=1)
    """CPUs of this machine that the job takes, with a Ray of its own or without; by default all of them."""
    workers: int | None = Field(default=None, ge=1)
    """Most actors (fused), most render actors (staged), or processes (without Ray). By default as many as the
    CPUs hold, those of nodes that join later included."""
    pose_actors: int | None = Field(default=None, ge=1)
    """staged: most pose actors. By default as many as the GPUs hold, or the CPUs where there are none."""
    gpus_per_pose_actor: float = Field(default=1.0, gt=0)
    """GPUs of each actor that poses; 0.5: two of them share one."""
    start_timeout_s: int = Field(default=60, ge=5)
    """Seconds to wait for the first actors before the job fails."""
    stall_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds that a worker may be at one face, or one batch of poses, before it counts as hanging."""
    cache_dir: str | None = defaults.CACHE_DIR
    """Where workers keep what they compute of heads and views, and TensorRT its engines, to start sooner;
    null: nowhere."""
    worker_memory_mb: int | None = Field(default=None, ge=512)
    """Megabytes that a worker process may allocate; beyond it the face at hand is rejected."""
    heartbeat_s: float | None = Field(default=30.0, ge=1)
    """Seconds between writes of `_heartbeat.json` in the output folder, which says how far the job is; null:
    never."""

    @model_validator(mode="after")
    def _local_means_local(self) -> "EngineSettings":
        if self.runner == "local" and (self.address or self.layout == "staged"):
            raise ValueError("runner=local has no cluster and no pools: leave address and layout out")
        return self

    @property
    def cache_path(self) -> Path | None:
        """The cache's folder on this machine."""
        try:
            return Path(self.cache_dir).expanduser() if self.cache_dir else None
        except RuntimeError:  # nobody's home: a user without an entry, as in containers
            return None


class JobConfig(_Settings):
    """All settings of a job."""

    manifest: ManifestSettings = ManifestSettings()
    images: ImageSettings = ImageSettings()
    pose: PoseSettings = PoseSettings()
    render: RenderSettings = RenderSettings()
    columns: ColumnsSettings = ColumnsSettings.model_validate({})
    output: OutputSettings = OutputSettings()
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _compat_needs_the_network(self) -> "JobConfig":
        if self.render.mode == "compat" and self.manifest.landmarks is not None:
            raise ValueError("render.mode=compat takes the network's poses: leave manifest.landmarks out")
        return self

    @property
    def needs_photo(self) -> bool:
        """Whether anything of a face but its pose is made from its photo: a picture, or a computed column."""
        return self.render.enabled or self.render.aligned_px is not None or bool(self.columns.networks)

    def shown(self) -> dict[str, Any]:
        """All settings as they may be stored and printed: URIs without their credentials."""
        settings = self.model_dump(mode="json")
        if self.manifest.image_root:
            settings["manifest"]["image_root"] = without_credentials(self.manifest.image_root)
        if self.images.roots:
            settings["images"]["roots"] = [without_credentials(root) for root in self.images.roots]
        return settings

    def result_settings(self) -> dict[str, Any]:
        """The settings that decide the bytes that come out (see the module's docstring)."""
        settings = self.shown()
        del settings["engine"], settings["pose"]["device"], settings["pose"]["model"]
        del settings["images"]["read_threads"], settings["pose"]["model_sha256"], settings["render"]["heads"]
        del settings["output"]["max_reject_fraction"]
        for name in self.columns.networks:
            del settings["columns"][name]  # its network and description count by their digests
        return settings


def load_config(
    path: Path | None = None,
    overrides: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    base: Mapping[str, Any] | None = None,
) -> JobConfig:
    """Read settings from a YAML file, then overrides `section.name=value` (in YAML too), then `values`.

    Without a file the settings begin with `base`, else with the defaults.

    Raises:
        ConfigError: an unreadable file, a setting that does not exist (with the nearest that does), or a
            value of the wrong type or range.
    """
    settings: dict[str, Any] = _read_yaml(path) if path else copy.deepcopy(dict(base or {}))
    for override in overrides:
        _set(settings, *parse_override(override))
    for key, value in (values or {}).items():
        _set(settings, key.split("."), value)
    try:
        return JobConfig.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(_describe(error)) from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration {path}: {error.strerror}; expected a YAML file, or one of the "
            "presets that fpn config presets lists"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path} is not valid YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"the configuration {path} is nested too deeply to be read") from error
    if not isinstance(settings, dict):
        raise ConfigError(
            f"the configuration {path} must be a mapping of sections, but is a {type(settings).__name__}; "
            "fpn config show prints an example"
        )
    return settings


def parse_override(override: str) -> tuple[list[str], Any]:
    """The names and the value of a `section.name=value`.

    Raises:
        ConfigError: it is none.
    """
    key, separator, text = override.partition("=")
    names = key.strip().split(".")
    if not separator or not all(names):
        raise ConfigError(
            f"--set takes section.name=value, for instance render.size_px=112; got {override!r}"
        )
    try:
        return names, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value of --set {override!r} is not valid YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"the value of --set {key} is nested too deeply to be read") from error


def _set(settings: dict[str, Any], names: Sequence[str], value: Any) -> None:
    for name in names[:-1]:
        if not isinstance(settings.get(name), dict):
            settings[name] = {}
        settings = settings[name]
    settings[names[-1]] = value


def _describe(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        names, value = [str(part) for part in problem["loc"]], problem["input"]
        if problem["type"] != "extra_forbidden":
            lines.append(f"setting {'.'.join(names)!r}: {problem['msg']}, but got {value!r}")
        elif len(names) == 1 and isinstance(value, dict) and value:
            lines += [_no_setting([*names, str(name)]) for name in value]
        else:
            lines.append(_no_setting(names))
    return "; ".join(lines)


def _no_setting(names: Sequence[str]) -> str:
    sections = {
        section: list(model.annotation.model_fields)  # type: ignore[union-attr]  # every section is a model
        for section, model in JobConfig.model_fields.items()
    }
    near = near_settings(names, sections)
    if near:
        way = f"did you mean {' or '.join(map(repr, near))}?"
    elif len(names) > 1 and names[0] in sections:
        way = f"in {names[0]!r} there are: {', '.join(sections[names[0]])}"
    else:
        way = f"there are the sections: {', '.join(sections)}"
    return f"there is no setting {'.'.join(names)!r}; {way}"
