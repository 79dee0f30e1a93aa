"""The settings that a wrong name may have meant, by their full names as `--set` takes them."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

# Of names that differ this much people recognise the one they meant; further ones only mislead.
_CUTOFF = 0.6
# With a wrong section too there is less to go by.
_CUTOFF_ANYWHERE = 0.7


def near_settings(names: Sequence[str], sections: Mapping[str, Iterable[str]]) -> list[str]:
    """What `names`, the parts of a dotted name that is not a setting, may mean; empty where nothing is near.

    A setting of that name in whatever section comes first, then a name like it in its section, then those
    that have its words, then one like it anywhere.
    `sections`: section -> the names of its settings.
    """
    full = [f"{section}.{name}" for section, inside in sections.items() for name in inside]
    section, wanted = (names[0], names[-1]) if len(names) > 1 else (None, names[0])
    near_section = _near(section, sections, _CUTOFF) if section else None
    inside = list(sections[near_section]) if near_section else []
    if near_section and wanted in inside:
        return [f"{near_section}.{wanted}"]
    same = [name for name in full if name.partition(".")[2] == wanted]
    if same:
        return same
    if near_section:
        near = _near(wanted, inside, _CUTOFF)
        if near:
            return [f"{near_section}.{near}"]
    if section is None and (near_name := _near(wanted, sections, _CUTOFF_ANYWHERE)):
        return [near_name]
    longer = [name for name in full if set(wanted.split("_")) <= set(name.partition(".")[2].split("_"))]
    if longer:
        return longer
    near = _near(wanted, [name.partition(".")[2] for name in full], _CUTOFF_ANYWHERE)
    return [name for name in full if name.partition(".")[2] == near]


def _near(name: str, names: Iterable[str], cutoff: float) -> str | None:
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return found[0] if found else None
