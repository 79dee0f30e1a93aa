"""A look at a manifest before a job: what would be refused, and what would be rejected."""

import random
from collections import Counter
from dataclasses import dataclass

import numpy as np

from fpn_core import PoseNetwork, valid_boxes
from pipeline.config.settings import JobConfig
from pipeline.io.image_access import image_places
from pipeline.manifest import Manifest, Rows, check_ids, open_manifest
from pipeline.reasons import Reason
from pipeline.stages.decode import Decoder

_BLOCK = 4096
_EXAMPLES = 5


@dataclass(frozen=True)
class Findings:
    """What is in a manifest."""

    kind: str
    faces: int
    carried: tuple[str, ...]
    box_side_px: tuple[float, float, float]
    """Least, median and greatest longer side of the valid boxes."""
    bad_rows: dict[str, int]
    """Rejects that the rows alone make certain, by reason."""
    sampled: int
    """Faces whose image was read and decoded."""
    bad_samples: dict[str, int]
    """Rejects among those, by reason."""
    examples: tuple[str, ...]
    """A few of the rejects in words."""
    passed_over: dict[str, int]
    """Files in shards that belong to no face, by their endings."""


def check_manifest(location: str, config: JobConfig, sample: int, seed: int = 0) -> Findings:
    """Read a whole manifest and decode a random sample of its images.

    Raises:
        ManifestError: what `fpn run` would refuse to start with.
    """
    manifest = open_manifest(location, config.manifest)
    check_ids(manifest)
    rng = random.Random(seed)
    chosen = set(rng.sample(range(manifest.n_rows), min(sample, manifest.n_rows)))
    spec = PoseNetwork(config.pose.model_path, device="cpu").spec
    decoder = Decoder(spec, config.images, config.render, image_places(location, config))
    return _findings(manifest, decoder, chosen)


def _findings(manifest: Manifest, decoder: Decoder, chosen: set[int]) -> Findings:
    sides, bad_rows, bad_samples = [], Counter[str](), Counter[str]()
    examples: list[str] = []
    for part in manifest.slices(_BLOCK):
        rows = manifest.read(part)
        valid = valid_boxes(rows.box_xywh_px)
        whole = np.array([i not in rows.malformed for i in range(len(rows))])
        sides.append(rows.box_xywh_px[valid & whole, 2:].max(axis=1, initial=0))
        if len(examples) < _EXAMPLES:
            examples += _bad_rows(rows, np.flatnonzero(whole & ~valid).tolist())
        bad_rows[Reason.ROW_MALFORMED] += len(rows.malformed)
        bad_rows[Reason.BOX_INVALID] += int((whole & ~valid).sum())
        for i in np.flatnonzero(valid & whole):
            if rows.row[i] in chosen:
                rejects = decoder(rows.slice(int(i), 1)).rejects
                bad_samples.update(str(reject.reason) for reject in rejects)
                examples += [f"{r.face_id}: {r.reason}: {r.detail}" for r in rejects]
    every_side = np.concatenate(sides)
    quantiles = np.quantile(every_side, [0, 0.5, 1]) if len(every_side) else np.full(3, np.nan)
    return Findings(
        kind=manifest.kind,
        faces=manifest.n_rows,
        carried=tuple(manifest.carried_schema.names),
        box_side_px=(float(quantiles[0]), float(quantiles[1]), float(quantiles[2])),
        bad_rows={str(reason): count for reason, count in bad_rows.items() if count},
        sampled=len(chosen),
        bad_samples=dict(bad_samples),
        examples=tuple(examples[:_EXAMPLES]),
        passed_over=dict(manifest.passed_over),
    )


def _bad_rows(rows: Rows, without_box: list[int]) -> list[str]:
    """Rows that will be rejected, in words."""
    malformed = [
        f"{rows.face_id[i]}: {Reason.ROW_MALFORMED}: {detail}" for i, detail in rows.malformed.items()
    ]
    return malformed + [f"{rows.face_id[i]}: {Reason.BOX_INVALID}: {rows.box_fault(i)}" for i in without_box]
