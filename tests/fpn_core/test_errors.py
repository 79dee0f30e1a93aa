"""The tree in the docstring is the tree in the code."""

import re

from fpn_core import errors


def test_docstring_draws_every_error_once_with_its_parent():
    drawn, path = {}, {}
    for line in errors.__doc__.splitlines():
        if found := re.match(r"    ([ |`-]*)(\w+Error)\b", line):
            depth = len(found[1]) // 4
            path[depth] = found[2]
            drawn[found[2]] = path.get(depth - 1)
    real = {cls.__name__: cls.__base__.__name__ for cls in vars(errors).values() if isinstance(cls, type)}
    real["FpnError"] = None
    assert drawn == real
