"""Where each setting has its value from: default, line of a file, `--set`, another option, environment."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from pipeline.config.settings import JobConfig, parse_override

DEFAULT = "default"


def setting_sources(
    file: Path | None, overrides: Sequence[str], options: Mapping[str, str]
) -> dict[str, str]:
    """`section.name` of every setting -> where its value comes from; the order of `load_config`.

    `options`: `section.name` of a setting that an option of its own gave -> the option. The inputs must be
    such as `load_config` accepts.
    """
    sources = {
        f"{section}.{name}": DEFAULT
        for section, model in JobConfig.model_fields.items()
        for name in model.annotation.model_fields  # type: ignore[union-attr]  # every section is a model
    }
    if file is not None:
        node = yaml.compose(file.read_text(encoding="utf-8"))
        sources |= {name: f"{_shown(file)}:{line}" for name, line in _lines(node)}
    for override in overrides:
        names, value = parse_override(override)
        if len(names) == 1:  # a whole section, in place of what came before
            inside = {name for name in sources if name.startswith(f"{names[0]}.")}
            sources |= dict.fromkeys(inside, DEFAULT)
            sources |= {f"{names[0]}.{name}": "--set" for name in value or {}}
        else:
            sources[".".join(names[:2])] = "--set"
    return sources | dict(options)


def _lines(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """The settings of a file with their lines."""
    for section, values in node.value if isinstance(node, yaml.MappingNode) else ():
        for name, _ in values.value if isinstance(values, yaml.MappingNode) else ():
            yield f"{section.value}.{name.value}", name.start_mark.line + 1


def _shown(file: Path) -> str:
    """A path as people would type it here."""
    try:
        return str(file.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(file)
