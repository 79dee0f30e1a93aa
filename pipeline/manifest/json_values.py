"""Columns for the values of JSON objects, which have no types: those that all values fit into.

Whole numbers stay whole, and a number is never rounded to fit. Where the values of one name are of different
kinds, such as 7 and "n000012", the column is text with the numbers as they are written.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

import pyarrow as pa

from pipeline.errors import ManifestError

MOST_NAMES = 1000
"""More columns than any set of samples has: keys that are data, such as ids, would give millions."""


class _Kind(IntFlag):
    """What the values of a name are."""

    TRUTH = 1
    SMALL = 2  # a whole number that a float64 holds exactly
    SIGNED = 4  # one that only an int64 does
    UNSIGNED = 8  # one that only a uint64 does
    HUGE = 16
    NEGATIVE = 32
    REAL = 64
    TEXT = 128
    NESTED = 256


_WHOLE: _Kind = _Kind.SMALL | _Kind.NEGATIVE


@dataclass
class JsonTypes:
    """Sees all values of a set and then gives their columns.

    Example:
        types = JsonTypes()
        types.add({"subject": 7})
        types.add({"subject": "n12", "age": 3})
        types.schema()  # age: int64, subject: string
    """

    left_out: frozenset[str] = frozenset()
    """Names that become no columns."""
    _seen: dict[str, _Kind] = field(default_factory=dict)

    def add(self, fields: Mapping[str, Any]) -> None:
        """See the values of one object.

        Raises:
            ManifestError: more than `MOST_NAMES` names.
        """
        for name, value in fields.items():
            if name not in self.left_out:
                self._seen[name] = self._seen.get(name, _Kind(0)) | _kind(value)
        if len(self._seen) > MOST_NAMES:
            raise ManifestError(
                f"the JSON of the samples has more than {MOST_NAMES} different names, for instance "
                f"{', '.join(sorted(self._seen)[:3])}; choose those to carry with --set manifest.carry=[...]"
            )

    def schema(self, chosen: Iterable[str] | None = None) -> pa.Schema:
        """The columns in the order of their names; all, or those that are chosen."""
        names = self._seen if chosen is None else chosen
        return pa.schema([(name, _type(self._seen.get(name, _Kind(0)))) for name in sorted(set(names))])

    @property
    def names(self) -> frozenset[str]:
        """All names that were seen."""
        return frozenset(self._seen)


def json_column(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    """The values of a name as a column of the type that `JsonTypes` gave."""
    if kind == pa.string():
        return pa.array([json_text(value) for value in values], kind)
    return pa.array(list(values), kind)


def json_text(value: Any) -> str | None:
    """A value as text: text as it is, anything else as JSON has it; None stays None."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _kind(value: Any) -> _Kind:
    if isinstance(value, int) and not isinstance(value, bool):
        return _kind_of_whole(value) | (_Kind.NEGATIVE if value < 0 else _Kind(0))
    kinds = {type(None): _Kind(0), bool: _Kind.TRUTH, float: _Kind.REAL, str: _Kind.TEXT}
    return kinds.get(type(value), _Kind.NESTED)


def _kind_of_whole(value: int) -> _Kind:
    if abs(value) <= 2**53:
        return _Kind.SMALL
    if -(2**63) <= value < 2**63:
        return _Kind.SIGNED
    return _Kind.UNSIGNED if 0 <= value < 2**64 else _Kind.HUGE


def _type(seen: _Kind) -> pa.DataType:
    if seen == _Kind.TRUTH:
        return pa.bool_()
    if seen and not seen & ~(_WHOLE | _Kind.SIGNED):
        return pa.int64()
    if seen and not seen & ~(_Kind.SMALL | _Kind.SIGNED | _Kind.UNSIGNED):
        return pa.uint64()
    if seen and not seen & ~(_WHOLE | _Kind.REAL):
        return pa.float64()
    return pa.string()
