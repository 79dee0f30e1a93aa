"""Reads heads.yaml, the table that holds every number of the heads."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float

from render_core.heads.ears import Ear
from render_core.heads.eyes import Eye
from render_core.heads.identity import Field, Parameter, Window
from render_core.heads.neck import NeckSection
from render_core.heads.solids import Solid

Place = int | str
"""A landmark by its row (0-based), or a named place of the table."""


@dataclass(frozen=True)
class Measurement:
    """A distance on the head, straight from one place to another, or twice how far a place lies to the side.

    Mean and standard deviation are those of the adult population.
    """

    name: str
    places: tuple[Place, ...]
    mean_mm: float
    sd_mm: float
    source: str


@dataclass(frozen=True)
class Frame:
    """From the face frame to the head frame: X = scale Rx(pitch) (lateral, down, -forward) + offset."""

    scale: float
    pitch_deg: float
    offset_mm: tuple[float, float, float]

    def to_head(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Points of the face frame (lateral, down, forward) in the head frame (x right, y down, z away)."""
        pitch = np.deg2rad(self.pitch_deg)
        nod = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
        return np.asarray(self.scale * (points * [1, 1, -1]) @ nod.T + np.array(self.offset_mm))


@dataclass(frozen=True)
class HeadTable:
    """The whole table. Points are (lateral, down, forward) in millimetres, left half and middle."""

    centre_mm: tuple[float, float, float]
    smoothing: float
    base_points_mm: Float[np.ndarray, "n 3"]
    solids: tuple[Solid, ...]
    eye: Eye
    neck: tuple[NeckSection, ...]
    nape_blend_mm: float
    ear: Ear
    landmarks_mm: dict[int, tuple[float, float]]
    frame: Frame
    parameters: tuple[Parameter, ...]
    correlation: Float[np.ndarray, "k k"]
    places_mm: dict[str, tuple[float, float, float]]
    measurements: tuple[Measurement, ...]
    variants: dict[str, tuple[float, ...]]


@lru_cache(maxsize=1)
def head_table() -> HeadTable:
    """The table that comes with the package."""
    text = resources.files("render_core.heads").joinpath("heads.yaml").read_text(encoding="utf-8")
    # libyaml reads it in 20 ms, where it is there; pure Python takes half a second.
    raw = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    parameters = tuple(_parameter(row) for row in raw["parameters"])
    names = [parameter.name for parameter in parameters]
    base = raw["base"]
    return HeadTable(
        centre_mm=_floats(base["centre"]),
        smoothing=float(base["smoothing"]),
        base_points_mm=np.array([point for group in base["groups"] for point in group["points"]], float),
        solids=tuple(_solid(row) for row in raw["solids"]),
        eye=_eye(raw["eye"]),
        neck=tuple(NeckSection(*_floats(row)) for row in raw["neck"]["sections"]),
        nape_blend_mm=float(raw["neck"]["nape_blend"]),
        ear=_ear(raw["ear"]),
        landmarks_mm={int(row): _floats(at) for row, at in raw["landmarks"]["points"].items()},
        frame=Frame(
            float(raw["frame"]["scale"]), float(raw["frame"]["pitch_deg"]), _floats(raw["frame"]["offset"])
        ),
        parameters=parameters,
        correlation=_correlation(names, raw["correlations"]["pairs"]),
        places_mm={name: _floats(at) for name, at in raw["places"].items()},
        measurements=tuple(_measurement(row) for row in raw["measurements"]),
        variants={name: _floats(row) for name, row in _variants(raw["variants"], names).items()},
    )


def _floats(values: Any) -> tuple[Any, ...]:
    return tuple(float(value) for value in values)


def _pairs(rows: Any) -> tuple[Any, ...]:
    return tuple(_floats(row) for row in rows)


def _solid(row: dict[str, Any]) -> Solid:
    radii = row["radii"]
    return Solid(
        name=row["name"],
        at_mm=_floats(row["at"]),
        radii_mm=_floats(radii),
        blend_mm=float(row["blend"]),
        operation=row.get("operation", "add"),
        turn_deg=_floats(row.get("turn", (0, 0, 0))),
        to_mm=_floats(row["to"]) if "to" in row else None,
    )


def _eye(row: dict[str, Any]) -> Eye:
    return Eye(
        centre_mm=_floats(row["centre"]),
        ball_radius_mm=float(row["ball_radius"]),
        inner_mm=_floats(row["inner"]),
        outer_mm=_floats(row["outer"]),
        upper_mm=float(row["upper"]),
        upper_peak=float(row["upper_peak"]),
        lower_mm=float(row["lower"]),
        lower_peak=float(row["lower_peak"]),
        lid_mm=float(row["lid"]),
        margin_mm=_floats(row["margin"]),
        upper_blend_mm=float(row["upper_blend"]),
        lower_blend_mm=float(row["lower_blend"]),
        sink_mm=float(row["sink"]),
    )


def _ear(row: dict[str, Any]) -> Ear:
    return Ear(
        tragus_mm=_floats(row["tragus"]),
        concha_mm=_floats(row["concha"]),
        outline_mm=_pairs(row["outline"]),
        relief=_pairs(row["relief"]),
        skirt=_pairs(row["skirt"]),
        lean_deg=float(row["lean"]),
        angle_deg=float(row["angle"]),
    )


def _parameter(row: dict[str, Any]) -> Parameter:
    return Parameter(row["name"], row["meaning"], tuple(_field(field) for field in row["fields"]))


def _field(row: dict[str, Any]) -> Field:
    return Field(
        axis=row["axis"],
        windows=tuple(
            Window(
                window["axis"],
                rise=_floats(window["rise"]) if "rise" in window else None,
                bump=_floats(window["bump"]) if "bump" in window else None,
            )
            for window in row.get("windows", ())
        ),
        move_mm=float(row.get("move", 0.0)),
        stretch=float(row.get("stretch", 0.0)),
        pivot_mm=float(row.get("pivot", 0.0)),
        limits_mm=_floats(row.get("limits", (-np.inf, np.inf))),
    )


def _correlation(names: list[str], pairs: list[Any]) -> np.ndarray:
    matrix = np.eye(len(names))
    for first, second, value in pairs:
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = float(value)
    return matrix


def _measurement(row: dict[str, Any]) -> Measurement:
    places = (row["of"],) if "of" in row else (row["from"], row["to"])
    return Measurement(row["name"], places, float(row["mean_mm"]), float(row["sd_mm"]), row["source"])


def _variants(raw: dict[str, Any], names: list[str]) -> dict[str, Any]:
    columns = [raw["order"].index(name) for name in names]
    return {head: [scores[column] for column in columns] for head, scores in raw["heads"].items()}
