"""A folder of files as one manifest: those of a kind in the order of their names, and what else is there."""

import re
from collections import Counter

import pyarrow.fs as pafs

from pipeline.errors import ManifestError
from pipeline.io.backoff import patiently
from pipeline.io.storage import join, resolve, without_credentials

_PACKED_SHARD = re.compile(r"\.(tar\.\w+|tgz|tbz2?|txz|tzst)\Z", re.IGNORECASE)


def files_in(location: str, ending: str) -> tuple[list[str], Counter[str]]:
    """The files at a location: itself, or those with an ending in the folder that it is.

    Args:
        location: Of a file or a folder.
        ending: Such as `.tar`.

    Returns:
        The locations by name, and how many others are in the folder, by their endings. Names that begin with
        a dot or an underscore are those of programs, and do not count.

    Raises:
        FileNotFoundError: there is nothing.
        ManifestError: a packed shard, which cannot be read and must not be left out.
    """
    filesystem, path = resolve(location)
    info = patiently(lambda: filesystem.get_file_info(path))
    if info.type == pafs.FileType.NotFound:
        raise FileNotFoundError(location)
    if info.type != pafs.FileType.Directory:
        return [location], Counter()
    entries = patiently(lambda: filesystem.get_file_info(pafs.FileSelector(path)))
    found, others = [], Counter[str]()
    for entry in sorted(entries, key=lambda entry: str(entry.base_name)):
        name = entry.base_name
        if entry.type == pafs.FileType.Directory:
            others["folder"] += not name.startswith((".", "_"))
        elif name.lower().endswith(ending) and not name.startswith("."):
            found.append(join(location, name))
        elif _PACKED_SHARD.search(name):
            raise ManifestError(
                f"{without_credentials(join(location, name))} is packed; unpack it, since samples are read "
                "where they lie, or move it out of the folder"
            )
        elif not name.startswith((".", "_")):
            _, dot, rest = name.rpartition(".")
            others[f".{rest}" if dot else "without an ending"] += 1
    return found, others
