"""Options that several commands have, so that they are called and explained alike."""

import json
from pathlib import Path
from typing import Any

import click

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="YAML file of settings; see configs/.",
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
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else, for scripts."
)


def given(**values: Any) -> dict[str, Any]:
    """Settings that were given as options: `manifest__image_root=None` was not."""
    return {key.replace("__", "."): value for key, value in values.items() if value is not None}


def echo_json(value: dict[str, Any]) -> None:
    """Print an object for scripts."""
    click.echo(json.dumps(value, indent=2))
