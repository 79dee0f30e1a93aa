"""The samples of WebDataset shards: a photo, its JSON, or both, under one key.

WebDataset takes for the key what stands before the first dot of a name, and what follows for the name of a
field: `a.jpg`, `a.json` and `a.seg.png` are fields of the sample `a`. Photos are often named with dots as
well: `IMG.0001.jpg` beside `IMG.0001.json` is a sample of its own. What belongs to no sample is counted.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from faceposenet.photo.byte_ranges import Span
from pipeline.errors import ManifestError
from pipeline.manifest.endings import IMAGE_ENDINGS
from pipeline.manifest.tar_members import Member, members


@dataclass(frozen=True)
class Sample:
    """One photo of a shard, and where it lies."""

    key: str
    shard: int
    group_offset: int
    """Byte at which its group begins: the members whose names are alike up to the first dot."""
    index: int
    """Its number in the group, from 0."""
    image_span: Span | None
    """Where the image's bytes lie in the shard; None where the sample has no image."""
    fields: dict[str, Any]
    """Of its JSON."""
    fault: str = ""
    """Why the sample cannot be taken, in words; empty where it can."""


@dataclass
class _Parts:
    """The members of a sample as they are found."""

    images: list[Member] = field(default_factory=list)
    texts: list[tuple[Member, bytes]] = field(default_factory=list)
    classes: list[bytes] = field(default_factory=list)


@dataclass
class _Group:
    """The members of a shard, one after the other, whose names are alike up to the first dot."""

    key: str
    offset: int
    stems: dict[str, _Parts] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    """Endings of further members."""


def samples(
    shards: Sequence[str],
    shard: int = 0,
    offset: int = 0,
    *,
    with_classes: bool = False,
    passed_over: Counter[str] | None = None,
    digests: list[Any] | None = None,
) -> Iterator[Sample]:
    """The samples from the beginning of a group on, in the order in which they lie.

    Args:
        shards: Locations of the shards.
        shard: Number of the first one.
        offset: Byte in it at which a group begins.
        with_classes: Whether the text of `<key>.cls` becomes a field `cls`.
        passed_over: Counts the endings of members that belong to no sample.
        digests: Hashes of `hashlib`, one a shard, that get all bytes of the shards.

    Raises:
        ManifestError: a shard that is no whole tar file, or JSON that cannot be read.
    """
    counted = Counter[str]() if passed_over is None else passed_over
    for number in range(shard, len(shards)):
        digest = None if digests is None else digests[number]
        for group in _groups(shards[number], offset if number == shard else 0, digest, with_classes):
            yield from _samples_of(group, number, shards[number], counted)


def _groups(shard: str, offset: int, digest: Any, with_classes: bool) -> Iterator[_Group]:
    group: _Group | None = None
    for member, file in members(shard, offset, digest):
        if member.kind == "folder":
            continue
        folder, slash, name = member.name.rpartition("/")
        stem, dot, ending = name.rpartition(".")
        key = f"{folder}{slash}{name.partition('.')[0]}"
        if group is None or group.key != key:
            if group is not None:
                yield group
            group = _Group(key, member.offset)
        ending = ending.lower() if dot else ""
        # "._photo.jpg" is what macOS keeps beside photo.jpg.
        if name.startswith("._") or ending not in IMAGE_ENDINGS | {"json", "cls"}:
            group.others.append(f".{ending}" if ending else "without an ending")
            continue
        parts = group.stems.setdefault(f"{folder}{slash}{stem}", _Parts())
        if ending in IMAGE_ENDINGS:
            parts.images.append(member)
        elif ending == "json":
            file.seek(member.data_offset)
            parts.texts.append((member, file.read(member.size) if member.kind == "file" else b""))
        elif with_classes and member.kind == "file":
            file.seek(member.data_offset)
            parts.classes.append(file.read(member.size))
    if group is not None:
        yield group


def _samples_of(group: _Group, shard: int, location: str, passed_over: Counter[str]) -> Iterator[Sample]:
    """A sample is whatever has an image or JSON: one without the other becomes a reject, not a loss."""
    passed_over.update(group.others)
    plain = group.stems.get(group.key)
    has_plain = plain is not None and bool(plain.images or plain.texts)
    index = 0
    for stem, parts in group.stems.items():
        is_field = has_plain and stem != group.key and not parts.texts
        if is_field or not (parts.images or parts.texts):
            endings = [_field_name(member.name) for member in parts.images]
            passed_over.update(endings or [".cls"] * len(parts.classes))
            continue
        yield _sample(stem, parts, group.offset, index, shard, location)
        index += 1


def _sample(stem: str, parts: _Parts, offset: int, index: int, shard: int, location: str) -> Sample:
    found: list[Member] = [*parts.images, *(member for member, _ in parts.texts)]
    fault = ""
    if len(parts.images) > 1:
        fault = f"the sample has several images: {_names(parts.images)}"
    elif len(parts.texts) > 1:
        fault = f"the sample has several JSON files: {_names([member for member, _ in parts.texts])}"
    else:
        odd = next((member for member in found if member.kind != "file"), None)
        fault = "" if odd is None else f"{odd.name!r} is a {odd.kind}, expected a file"
    fields: dict[str, Any] = {}
    if parts.classes:
        fields["cls"] = parts.classes[0].decode("utf-8", "replace").strip()
    for member, data in parts.texts[:1]:
        if member.kind == "file":
            fields |= _fields(member.name, data, location)
    image = parts.images[0] if parts.images and not fault else None
    span = None if image is None else (image.data_offset, image.size)
    return Sample(stem, shard, offset, index, span, fields, fault)


def _fields(name: str, data: bytes, location: str) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        said = "lists within lists, too deep to be read" if isinstance(error, RecursionError) else error
        raise ManifestError(
            f"{location}: {name} is no JSON: {said}; expected an object with the box"
        ) from error
    if not isinstance(fields, dict):
        raise ManifestError(
            f"{location}: {name} must be a JSON object, but is a {type(fields).__name__}; expected the box"
        )
    if b"\\ud" in data.lower():
        try:
            json.dumps(fields, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ManifestError(
                f"{location}: {name} has text that is no Unicode (half a surrogate pair); write it again"
            ) from error
    return fields


def face_id_of(sample: Sample, otherwise: str) -> str:
    """The id that a sample's JSON gives, or another where it gives none.

    Raises:
        ManifestError: its `face_id` is neither text nor a whole number.
    """
    if "face_id" not in sample.fields:
        return otherwise
    face_id = sample.fields["face_id"]
    if isinstance(face_id, bool) or not isinstance(face_id, str | int):
        raise ManifestError(
            f"the face_id of the sample {sample.key!r} is {json.dumps(face_id)[:40]}, expected text or a "
            "whole number; leave it out to have the key as id"
        )
    return str(face_id)


def _names(found: Sequence[Member]) -> str:
    return ", ".join(repr(member.name) for member in found[:3])


def _field_name(name: str) -> str:
    """What WebDataset calls the field that a member is: all after the first dot."""
    return f".{name.rpartition('/')[2].partition('.')[2]}"
