"""Options that several commands have, so that they are called and explained alike."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

T = TypeVar("T")


class ConfigFile(click.ParamType[Path]):
    """A preset by its name, or a path."""

    name = "preset or file"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from pipeline.config.presets import find_config

        return value if isinstance(value, Path) else find_config(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from pipeline.config.presets import preset_names

        names = [CompletionItem(name) for name in preset_names() if name.startswith(incomplete)]
        return names or [CompletionItem(incomplete, type="file")]


config_option = click.option(
    "--config",
    "config_path",
    type=ConfigFile(),
    envvar="FPN_CONFIG",
    show_envvar=True,
    metavar="PRESET|FILE",
    help="Settings: a preset (fpn config presets) or a YAML file.",
)
overrides_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.NAME=VALUE",
    help="Override one setting; repeatable.",
)
image_root_option = click.option(
    "--image-root", help="Folder or URI of relative image paths; by default the manifest's folder."
)
address_option = click.option(
    "--address",
    help="Ray cluster to join; by default that of RAY_ADDRESS, else the job runs on this machine.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else, for scripts."
)


@contextmanager
def bar_of(length: int, label: str) -> Iterator[Callable[[int], object]]:
    """A progress bar where a person watches, and a function that advances it by a count."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with click.progressbar(length=length, label=label, show_pos=True, file=sys.stderr) as bar:
        yield bar.update


def bar_over(values: Sequence[T], label: str) -> Iterator[T]:
    """The values one by one, with a progress bar where a person watches."""
    with bar_of(len(values), label) as advance:
        for value in values:
            yield value
            advance(1)


def given(**values: Any) -> dict[str, Any]:
    """Settings that were given as options: `manifest__image_root=None` was not."""
    return {key.replace("__", "."): value for key, value in values.items() if value is not None}


def echo_json(value: dict[str, Any]) -> None:
    """Print an object for scripts; numbers that JSON has not, such as NaN, as null."""
    click.echo(json.dumps(_plain(value), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
