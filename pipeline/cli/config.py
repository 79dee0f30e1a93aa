"""`fpn config`: the settings of a job as they will be, and the presets."""

import os
from pathlib import Path

import click

from pipeline.cli.group import SuggestingGroup
from pipeline.cli.options import (
    address_option,
    config_option,
    echo_json,
    given,
    image_root_option,
    json_option,
    overrides_option,
)


@click.group(cls=SuggestingGroup)
def config() -> None:
    """Show the settings of a job, and the presets that come with the package."""


@config.command()
@config_option
@overrides_option
@image_root_option
@address_option
@json_option
def show(
    config_path: Path | None,
    overrides: tuple[str, ...],
    image_root: str | None,
    address: str | None,
    as_json: bool,
) -> None:
    """Print every setting as `fpn run` would have it, what it means, and where its value comes from.

    What is printed is itself a file for --config. Secrets in URIs are left out.

    \b
    Examples:
      fpn config show
      fpn config show --config recognition --set render.size_px=128 > mine.yaml
      fpn config show --config mine.yaml --json
    """
    from pipeline.config.settings import load_config
    from pipeline.config.sources import setting_sources
    from pipeline.config.text import annotated_yaml

    values = given(manifest__image_root=image_root, engine__address=address)
    options = {name: f"--{name.rpartition('.')[2].replace('_', '-')}" for name in values}
    resolved = load_config(config_path, overrides, values)
    cluster = os.environ.get("RAY_ADDRESS")
    if resolved.engine.address is None and cluster:
        resolved = load_config(config_path, overrides, values | {"engine.address": cluster})
        options["engine.address"] = "environment RAY_ADDRESS"
    sources = setting_sources(config_path, overrides, options)
    if as_json:
        echo_json({"settings": resolved.shown(), "sources": sources})
    else:
        click.echo(annotated_yaml(resolved, sources), nl=False)


@config.command()
@json_option
def presets(as_json: bool) -> None:
    """List the presets: files of settings that --config takes by their names.

    \b
    Examples:
      fpn config presets
      fpn run faces.csv out --config recognition
    """
    from pipeline.config.presets import preset_names, preset_summary, presets_folder

    if as_json:
        echo_json(
            {"folder": str(presets_folder()), "presets": {n: preset_summary(n) for n in preset_names()}}
        )
        return
    width = max(map(len, preset_names()))
    for name in preset_names():
        click.echo(f"{name:{width}}  {preset_summary(name)}")
    click.echo(f"in {presets_folder()}")
