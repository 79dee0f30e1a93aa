"""The settings in words, from the typed model alone: annotated YAML, and the table of the manual."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.config.settings import JobConfig

_WIDTH = 100


@dataclass(frozen=True)
class Setting:
    """One setting of the model."""

    section: str
    name: str
    values: str
    """Which values it takes, in words."""
    default: Any
    description: str


@dataclass(frozen=True)
class Section:
    """A section of the settings."""

    name: str
    description: str
    settings: tuple[Setting, ...]


def describe_settings() -> list[Section]:
    """All settings in the order of the model."""
    schema = JobConfig.model_json_schema()
    sections = []
    for name in schema["properties"]:
        model = schema["$defs"][JobConfig.model_fields[name].annotation.__name__]  # type: ignore[union-attr]
        settings = tuple(
            Setting(name, key, _values(value), value["default"], _one_line(value.get("description", "")))
            for key, value in model["properties"].items()
        )
        sections.append(Section(name, _one_line(model["description"]), settings))
    return sections


def annotated_yaml(config: JobConfig, sources: Mapping[str, str] | None = None) -> str:
    """Writes all settings as a configuration file that explains each of them.

    Args:
        config: the settings.
        sources: where each setting, such as `pose.device`, gets its value from; None: do not say.

    Returns:
        YAML. Read back, it gives the same settings; only secrets in URIs are left out.
    """
    shown = config.shown()
    lines = []
    for section in describe_settings():
        lines += ["", *_comment(section.description, ""), f"{section.name}:"]
        for setting in section.settings:
            lines += _comment(f"{setting.description} [{setting.values}]", "  ")
            line = f"  {setting.name}: {_flow(shown[section.name][setting.name])}"
            source = "" if sources is None else f"  # {sources[f'{section.name}.{setting.name}']}"
            lines.append(line + source)
        for name in sorted(shown[section.name].keys() - {setting.name for setting in section.settings}):
            lines.append(f"  {name}: {_flow(shown[section.name][name])}")
    return "\n".join(lines[1:]) + "\n"


def default_yaml() -> str:
    """Writes the preset `local`: every setting with its default."""
    header = "# One machine: every setting, with its default. Change what you need and drop the rest.\n"
    return f"{header}# Written by docs/write_settings.py.\n\n{annotated_yaml(JobConfig())}"


def settings_table() -> str:
    """The table of docs/configuration.md: Markdown, a section after the other."""
    lines = []
    for section in describe_settings():
        lines += [f"### {section.name}", "", section.description, ""]
        lines += ["| setting | default | values | meaning |", "| --- | --- | --- | --- |"]
        for setting in section.settings:
            cells = (f"`{setting.name}`", f"`{_flow(setting.default)}`", setting.values, setting.description)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _values(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_values(choice) for choice in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    kind = schema["type"]
    if kind == "array":
        return f"list of {_values(schema['items'])}s"
    names = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true, false",
        "object": "mapping",
        "null": "null",
    }
    return " ".join([names[kind], *_range(schema)])


def _range(schema: Mapping[str, Any]) -> Iterator[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        yield f"{least:g} to {most:g}" if most < 10_000 else f"{least} to {most}"
        return
    for word, value in (("from", least), ("above", schema.get("exclusiveMinimum")), ("up to", most)):
        if value is not None:
            yield f"{word} {value:g}" if value < 10_000 else f"{word} {value}"


def _comment(text: str, indent: str) -> list[str]:
    prefix = f"{indent}# "
    return textwrap.wrap(text, _WIDTH, initial_indent=prefix, subsequent_indent=prefix)


def _flow(value: Any) -> str:
    """A value in YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return text.removesuffix("...\n").strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
