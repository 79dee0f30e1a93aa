"""The files of settings of the package: `configs/` in a checkout, `pipeline/configs` once installed."""

import difflib
from pathlib import Path

from pipeline.errors import ConfigError


def presets_folder() -> Path:
    """Where the presets are."""
    installed = Path(__file__).parents[1] / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"


def preset_names() -> list[str]:
    """The presets, sorted."""
    return sorted(path.stem for path in presets_folder().glob("*.yaml"))


def preset_summary(name: str) -> str:
    """The first line of a preset: what it is for."""
    return find_config(name).read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def find_config(name: str) -> Path:
    """The file that `--config` means: a bare word is a preset, anything with a dot or slash a path.

    Raises:
        ConfigError: there is no such preset, with the nearest that there is.
    """
    if "." in name or "/" in name or "\\" in name:
        return Path(name)
    names = preset_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        way = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        raise ConfigError(f"there is no preset {name!r}; {way} A file of that name is ./{name}")
    return presets_folder() / f"{name}.yaml"
