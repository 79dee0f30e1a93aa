"""Photos of a folder and the folders in it, local or in an object store."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow.fs as pafs

from faceposenet.photo.byte_ranges import split_spans
from faceposenet.photo.locations import is_uri, plain_path
from pipeline.errors import ManifestError
from pipeline.io.backoff import patiently
from pipeline.io.storage import resolve, split_options, without_credentials
from pipeline.manifest.build.naming import image_name
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.endings import IMAGE_ENDINGS, passed_over_note

_LONGEST_NAME = 4096


@dataclass(frozen=True)
class _Entry:
    name: str
    is_folder: bool
    is_link: bool


@dataclass
class TreeSource:
    """Every image under a folder, by name, folder after folder.

    Names are sorted by their bytes, so that the order is the same on every machine. Memory is taken for the
    entries of one folder and of those above it.
    """

    root: str
    """Local folder or URI."""
    manifest_folder: str
    """See `naming.image_name`."""
    subjects: bool = False
    """Whether the first folder below the root is the `subject_id`."""
    follow_links: bool = False
    """Whether links may lead out of the root."""
    _others: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.root = plain_path(self.root)
        if not is_uri(self.root):
            self.root = str(Path(self.root).resolve())
        filesystem, path = resolve(self.root)
        if filesystem.get_file_info(path.rstrip("/")).type != pafs.FileType.Directory:
            raise ManifestError(f"there is no folder {without_credentials(self.root)!r}")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("subject_id",) if self.subjects else ()

    def photos(self) -> Iterator[SourceImage | Refused]:
        self._others.clear()
        open_folders = [("", iter(self._entries("")))]
        while open_folders:
            folder, entries = open_folders[-1]
            entry = next(entries, None)
            if entry is None:
                open_folders.pop()
                continue
            if isinstance(entry, Refused):
                yield entry
                continue
            relative = f"{folder}/{entry.name}" if folder else entry.name
            kind = self._kind(relative, entry)
            if isinstance(kind, Refused):
                yield kind
            elif kind == "folder":
                open_folders.append((relative, iter(self._entries(relative))))
            elif kind == "file":
                yield from self._file(relative, entry.name)

    def note(self) -> str:
        """The files that are no images, by their endings."""
        return passed_over_note(self._others)

    def _file(self, relative: str, name: str) -> Iterator[SourceImage | Refused]:
        _, dot, ending = name.rpartition(".")
        # "._photo.jpg" is what macOS keeps beside photo.jpg on other file systems.
        if not dot or name.startswith("._") or ending.lower() not in IMAGE_ENDINGS:
            self._others[f".{_shown(ending)}" if dot else "without an ending"] += 1
            return
        image = image_name(self.root, relative, self.manifest_folder)
        fault = _fault(relative, image, on_store=is_uri(self.root))
        if fault:
            yield Refused(_shown(relative), BuildReason.NAME_UNUSABLE, fault)
            return
        folder, slash, _ = relative.partition("/")
        yield SourceImage(relative, image, ((folder if slash else None),) if self.subjects else ())

    def _entries(self, relative: str) -> list[_Entry | Refused]:
        """What is in a folder; one that cannot be listed is there as a reject."""
        try:
            found = _listed_store(self.root, relative) if is_uri(self.root) else _listed(self.root, relative)
        except OSError as error:
            detail = f"the folder cannot be listed: {error.strerror or error}"
            return [Refused(_shown(f"{relative}/"), BuildReason.IMAGE_UNREADABLE, detail)]
        return [*sorted(found, key=lambda entry: os.fsencode(entry.name))]

    def _kind(self, relative: str, entry: _Entry) -> Literal["folder", "file", "seen elsewhere"] | Refused:
        """What an entry is to become; of links, what they lead to."""
        if not entry.is_link:
            return "folder" if entry.is_folder else "file"
        path = Path(self.root, relative)

        def refused(detail: str) -> Refused:
            return Refused(_shown(relative), BuildReason.LINK_NOT_FOLLOWED, detail)

        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):  # the latter of older versions of Python
            return refused("a link to nothing, or to itself")
        if not self.follow_links:
            if not target.is_relative_to(self.root):
                return refused("a link out of the folder; --follow-links takes those along")
            return "seen elsewhere" if target.is_dir() else "file"
        if target.is_dir() and path.parent.resolve().is_relative_to(target):
            return refused("a link in a circle")
        return "folder" if target.is_dir() else "file"


def _listed(root: str, relative: str) -> list[_Entry]:
    with os.scandir(Path(root, relative)) as entries:
        return [
            _Entry(entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink()) for entry in entries
        ]


def _listed_store(root: str, relative: str) -> list[_Entry]:
    filesystem, path = resolve(root)
    selector = pafs.FileSelector(f"{path.rstrip('/')}/{relative}".rstrip("/"))
    found = patiently(lambda: filesystem.get_file_info(selector))
    return [_Entry(info.base_name, info.type == pafs.FileType.Directory, False) for info in found]


def _fault(relative: str, image: str, *, on_store: bool) -> str:
    """Why a manifest cannot hold a name, or nothing."""
    try:
        relative.encode()
    except UnicodeEncodeError:
        return "the name is no UTF-8; rename the file"
    if len(image) > _LONGEST_NAME:
        return f"a path of {len(image)} characters; at most {_LONGEST_NAME} are read"
    if split_spans(image)[1]:
        return "the name ends like a part of another file (#bytes=...); rename the file"
    if on_store and ".." in relative.split("/"):
        return "a key with '..', which no URI here can name"
    if on_store and split_options(f"s3://bucket/{relative}")[1]:
        return "the key ends like the options of a URI (?name=value); rename the object"
    return ""


def _shown(name: str) -> str:
    """A name as text: bytes that are no UTF-8 as \\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
