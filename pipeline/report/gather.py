"""Gathers the page's content from a job's output."""

import json
from collections import Counter
from importlib.metadata import version
from typing import Any

from pipeline.config.settings import JobConfig
from pipeline.io.storage import Folder, without_credentials
from pipeline.job.job_file import stored_job
from pipeline.job.plan import Plan
from pipeline.job.retry import planned_retries
from pipeline.job.summary import SUMMARY_NAME, Totals
from pipeline.reasons import Reason
from pipeline.report.cards import FaceCard, face_card, reject_card, shown
from pipeline.report.content import Counts, Extreme, ReasonGroup, Report, Tile
from pipeline.report.ledger_sample import read_ledger, sample_of
from pipeline.report.numbers import NO_CONFIDENCE, make_charts, make_remarks, make_view_rows
from pipeline.report.part_tables import read_rows
from pipeline.report.photos import PhotoFinder, photos_of_job
from pipeline.report.posed import PosedChoice, PosedTally, tally_posed
from pipeline.report.rejected import RejectedTally, tally_rejected
from pipeline.report.tally import Place
from pipeline.report.throughput import Throughput, throughput
from pipeline.report.views import read_views
from pipeline.report.words import REASONS, duration, percent, rate

EXTREMES = 7
REJECTS = 7


def gather(
    out: Folder, faces: int = 24, seed: int = 0, manifest: str | None = None, image_root: str | None = None
) -> Report:
    """Read what a job wrote, and the photos of the few faces that are shown.

    `faces`: number of random faces, the same ones for the same `seed`. `manifest` and `image_root` are for
    those that lie elsewhere by now, or need credentials.

    Raises:
        StorageError: the folder is not the output of a job, or a file of it is missing or torn.
    """
    job = stored_job(out)
    ledger = read_ledger(out)
    totals, parts = ledger.totals, ledger.parts
    sampled = sample_of(parts, seed)
    posed, choice = tally_posed(out, sampled, faces, EXTREMES, seed)
    rejected = tally_rejected(out, sample_of(ledger.parts_with_rejects, seed), REJECTS, seed, set(parts))
    is_sample = len(sampled) < len(parts)
    if is_sample:
        rejected.by_reason = Counter(dict(totals.rejects_by_reason))
    reader = photos_of_job(out, job, manifest, image_root)
    speed = throughput(out, ledger.sizes)
    rows = int(job["inputs"]["manifest"]["rows"])
    n_posed = totals.posed if is_sample else posed.faces
    counts = Counts(rows - totals.erased, n_posed, rejected.faces)
    cards = _face_cards(out, choice, reader)
    rejects = _reject_groups(out, rejected, counts, reader)
    return Report(
        title=shown(_name(out)),
        counts=counts,
        problems=(*_problems(counts, totals), *_missing_photos(reader)),
        tiles=tuple(_tiles(job, totals, posed, speed, _planned_parts(out, job))),
        charts=make_charts(posed, speed),
        remarks=(*_sample_remark(posed, len(sampled), len(parts)), *make_remarks(posed, speed)),
        views=make_view_rows(posed),
        rejects=rejects,
        faces=tuple(cards[place] for place in choice.random.places),
        extremes=_extremes(choice, cards),
        identity=tuple(_identity(out, job)),
        settings=_settings(job["config"]),
        seed=seed,
        version=version("faceposenet"),
    )


def _sample_remark(posed: PosedTally, sampled: int, parts: int) -> tuple[str, ...]:
    """What is said of a large job, of which not everything was read."""
    if sampled == parts:
        return ()
    return (
        f"Charts, views and shown faces are of {posed.faces:,} faces in {sampled:,} of the {parts:,} parts, "
        "drawn at random. Counts are of all.",
    )


def _name(out: Folder) -> str:
    return without_credentials(out.location).rstrip("/").rpartition("/")[2] or out.location


def _planned_parts(out: Folder, job: dict[str, Any]) -> int:
    plan: Plan = job["plan"]
    return plan.n_parts + len(planned_retries(out))


def _problems(counts: Counts, totals: Totals) -> list[str]:
    """Counts that do not add up."""
    problems = []
    if (counts.posed, counts.rejected) != (totals.posed, totals.rejected):
        problems.append(
            f"the files hold {counts.posed:,} posed and {counts.rejected:,} rejected faces, the ledger "
            f"counts {totals.posed:,} and {totals.rejected:,}; run fpn verify"
        )
    if counts.missing < 0:
        problems.append(f"there are more faces than the {counts.faces:,} of the manifest; run fpn verify")
    elif counts.missing:
        problems.append(
            f"the job is not done: {counts.missing:,} faces are neither posed nor rejected; the same fpn run "
            "continues it"
        )
    return problems


def _missing_photos(reader: PhotoFinder) -> list[str]:
    """How many photos of posed faces are not to be had, although the job read them."""
    if not reader.missing:
        return []
    return [
        f"{reader.missing:,} of the {reader.asked:,} photos shown here could not be read, lastly because "
        f"{shown(reader.why_missing)}; --image-root names the folder where they are now"
    ]


def _tiles(
    job: dict[str, Any], totals: Totals, posed: PosedTally, speed: Throughput | None, planned: int
) -> list[Tile]:
    model, head = (shown(job["inputs"][name]["name"], 40) for name in ("model", "head"))
    tiles = [
        Tile("parts", f"{totals.parts:,}", f"of {planned:,} planned"),
        Tile(
            "views", f"{totals.views:,}", f"{totals.views / totals.posed:.1f} a face" if totals.posed else ""
        ),
        Tile("network", model, job["inputs"]["model"]["sha256"][:12]),
        Tile("head", head, job["inputs"]["head"]["sha256"][:12]),
    ]
    if posed.faces:
        side = 2 ** posed.side_octaves.quantile(0.5)
        tiles.insert(2, Tile("median box", f"{side:,.0f} px", "longer side"))
    if speed is not None:
        tiles.insert(
            0, Tile("faces a second", rate(speed.faces_per_s), f"over {duration(speed.span_s)}, with pauses")
        )
    return tiles


def _face_cards(out: Folder, choice: PosedChoice, reader: PhotoFinder) -> dict[Place, FaceCard]:
    """A card for each chosen face; only the random ones have views."""
    extremes = (*choice.largest_yaw.places, *choice.largest_pitch.places, *choice.lowest_confidence.places)
    records = read_rows(out, "poses", {*choice.random.places, *extremes})
    wanted: dict[int, set[str]] = {}
    for place in choice.random.places:
        wanted.setdefault(place.part, set()).add(records[place]["face_id"])
    views = read_views(out, wanted)
    return {
        place: face_card(record, reader, views.get((place.part, record["face_id"]), {}))
        for place, record in records.items()
    }


def _extremes(choice: PosedChoice, cards: dict[Place, FaceCard]) -> tuple[Extreme, ...]:
    def pick(title: str, places: list[Place], why_none: str) -> Extreme:
        return Extreme(title, tuple(cards[place] for place in places), why_none)

    none = "No face was posed."
    return (
        pick("Largest yaw", choice.largest_yaw.places, none),
        pick("Largest pitch", choice.largest_pitch.places, none),
        pick("Lowest confidence", choice.lowest_confidence.places, NO_CONFIDENCE),
    )


def _reject_groups(
    out: Folder, rejected: RejectedTally, counts: Counts, reader: PhotoFinder
) -> tuple[ReasonGroup, ...]:
    places = {place for examples in rejected.examples.values() for place in examples.places}
    records = read_rows(out, "rejects", places)
    most = max(rejected.by_reason.values(), default=1)
    return tuple(
        ReasonGroup(
            reason=reason,
            meaning=REASONS[Reason(reason)] if reason in set(Reason) else "",
            faces=faces,
            share=percent(faces, counts.faces),
            bar_percent=100 * faces / most,
            stages=", ".join(sorted(rejected.by_stage.get(reason, ()))),
            cards=tuple(reject_card(records[place], reader) for place in rejected.places_of(reason)),
        )
        for reason, faces in sorted(rejected.by_reason.items(), key=lambda item: (-item[1], item[0]))
    )


def _identity(out: Folder, job: dict[str, Any]) -> list[tuple[str, str]]:
    inputs = job["inputs"]
    manifest = inputs["manifest"]
    rows = [
        ("fingerprint", job["fingerprint"]),
        ("manifest", without_credentials(job["manifest_location"])),
        ("manifest's SHA-256", manifest["sha256"]),
        ("kind, rows", f"{manifest['kind']}, {manifest['rows']:,}"),
        ("carried columns", ", ".join(manifest["carried"]) or "none"),
        ("network", f"{inputs['model']['name']}, SHA-256 {inputs['model']['sha256']}"),
        ("head", f"{inputs['head']['name']}, SHA-256 {inputs['head']['sha256']}"),
    ]
    summary = _summary(out)
    if summary.get("provider"):
        rows.append(("poses ran on", f"{summary['provider']}: {summary.get('provider_reason')}"))
    return [(name, shown(value, 300)) for name, value in rows]


def _summary(out: Folder) -> dict[str, Any]:
    """What the last run said of itself, where it came to its end."""
    try:
        summary = json.loads(out.read(SUMMARY_NAME) or b"{}")
    except ValueError:
        return {}
    return summary if isinstance(summary, dict) else {}


def _settings(config: dict[str, Any]) -> tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...]:
    """Section -> name, value and whether it is another than the default."""
    defaults = JobConfig().shown()
    return tuple(
        (
            section,
            tuple(
                (shown(name), shown(json.dumps(value)), defaults.get(section, {}).get(name) != value)
                for name, value in values.items()
            ),
        )
        for section, values in config.items()
    )
