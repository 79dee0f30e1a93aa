"""What the sources of a manifest give: photos in a fixed order, and what cannot be taken, with a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pipeline.reasons import Reason


class BuildReason(StrEnum):
    """Stable codes of what is in no manifest, beside those of images and boxes that a job has, too."""

    NO_FACE = "no_face"  # the detector found none
    BOX_MISSING = "box_missing"  # the source gives none, and no detector was named
    NAME_UNUSABLE = "name_unusable"  # a name that no manifest can hold: no UTF-8, or too long
    LINK_NOT_FOLLOWED = "link_not_followed"  # a link out of the folder, or in a circle
    RECORD_DAMAGED = "record_damaged"  # the index of a RecordIO file points to what is no record
    ROW_MALFORMED = (
        Reason.ROW_MALFORMED
    )  # a row with more or fewer fields than the header, or a sample that is several
    IMAGE_MISSING = Reason.IMAGE_MISSING
    IMAGE_UNREADABLE = Reason.IMAGE_UNREADABLE
    IMAGE_TOO_LARGE = Reason.IMAGE_TOO_LARGE
    IMAGE_NOT_ALLOWED = Reason.IMAGE_NOT_ALLOWED
    BOX_INVALID = Reason.BOX_INVALID
    TIMEOUT = Reason.TIMEOUT
    WORKER_CRASH = Reason.WORKER_CRASH
    INTERNAL_ERROR = Reason.INTERNAL_ERROR


@dataclass(frozen=True)
class SourceImage:
    """One image of a source."""

    name: str
    """The face's id, or what the ids of its faces begin with."""
    image: str
    """Its location as the manifest will give it."""
    values: tuple[str | None, ...] = ()
    """Those of the source's columns."""
    box_xywh_px: tuple[float, float, float, float] | None = None
    """The box that the source gives, NaN where it is no number; None where it gives none."""
    box_text: str = ""
    """The box as it is written in the source, where it is not four numbers."""


@dataclass(frozen=True)
class Refused:
    """Something of a source that is no photo, but should be one."""

    image: str
    reason: BuildReason
    detail: str


class Source(Protocol):
    """Where photos come from."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the further columns that the manifest will have, all of text."""
        ...

    def photos(self) -> Iterator[SourceImage | Refused]:
        """All photos, in the same order every time.

        Raises:
            ManifestError, StorageError: the source as a whole cannot be read.
        """
        ...

    def note(self) -> str:
        """What was seen beside the photos, in words, once all were given; may be empty."""
        ...
