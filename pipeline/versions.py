"""Versions of the libraries that results depend on, for the record beside them."""

import importlib
import platform
from importlib.metadata import PackageNotFoundError, version


def library_versions() -> dict[str, str]:
    """Python, this package and its libraries, by name. Ray is left out where it is not installed.

    Example:
        >>> sorted(library_versions().keys() - {"ray"})
        ['faceposenet', 'numpy', 'onnxruntime', 'opencv', 'pyarrow', 'python']
    """
    found = {"python": platform.python_version()}
    for name in ("faceposenet", "numpy", "pyarrow", "ray"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    # The distributions of these two have several names.
    for name, module in (("opencv", "cv2"), ("onnxruntime", "onnxruntime")):
        found[name] = str(importlib.import_module(module).__version__)
    return found
