"""What the page says, as values: everything in it is text or a number, or a picture that was drawn here."""

from dataclasses import dataclass

from pipeline.report.cards import FaceCard, RejectCard
from pipeline.report.words import percent


@dataclass(frozen=True)
class Counts:
    """Faces of the manifest, and what became of them: faces = posed + rejected + missing."""

    faces: int
    posed: int
    rejected: int

    @property
    def missing(self) -> int:
        """Faces of parts that are not committed yet."""
        return self.faces - self.posed - self.rejected

    def share(self, kind: str) -> str:
        """The share of "posed", "rejected" or "missing" faces, in words."""
        return percent(getattr(self, kind), self.faces)


@dataclass(frozen=True)
class Tile:
    """A number to see at once."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Chart:
    """A chart, and in words what it shows."""

    title: str
    words: str
    svg: str


@dataclass(frozen=True)
class ViewRow:
    """A view over all faces that have it."""

    name: str
    faces: int
    seen_percent: float
    filled_percent: float


@dataclass(frozen=True)
class ReasonGroup:
    """The faces that were rejected for one reason."""

    reason: str
    meaning: str
    faces: int
    share: str
    bar_percent: float
    stages: str
    cards: tuple[RejectCard, ...]


@dataclass(frozen=True)
class Extreme:
    """The faces at one end of a distribution, or why there are none."""

    title: str
    faces: tuple[FaceCard, ...]
    why_none: str = ""


@dataclass(frozen=True)
class Report:
    """The page's content."""

    title: str
    counts: Counts
    problems: tuple[str, ...]
    tiles: tuple[Tile, ...]
    charts: tuple[Chart, ...]
    remarks: tuple[str, ...]
    views: tuple[ViewRow, ...]
    rejects: tuple[ReasonGroup, ...]
    faces: tuple[FaceCard, ...]
    extremes: tuple[Extreme, ...]
    identity: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...]
    seed: int
    version: str
