"""What is kept of each photo of an evaluation: a flat row, from which every figure is made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from data.distribution import CellDistribution
from data.gazetteer import Place
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import BANDS_KM, EARTH_RADIUS_KM
from data.printable import printable
from fusion.among_shops import among_shops
from fusion.answer import Answer, Failure
from fusion.context import Context
from fusion.evaluation.scores import Known, Truth, score
from fusion.ledger import point_and_radius_km
from fusion.level import city_at
from fusion.locator import Locator

__all__ = ["COLUMNS", "SYSTEMS", "Labelled", "failed_row", "labelled", "labels_of", "located_row"]

SYSTEMS: Final = ("prior", "text")
"""What each photo is answered by: the visual prior alone, and with the clues."""

_CITY_EXACT_KM: Final = 1.0
_REGION_EXACT_KM: Final = 25.0
_EARTH_KM2: Final = 4.0 * math.pi * EARTH_RADIUS_KM**2  # of a true cell that no region holds

_OF_SYSTEM: Final = {
    "lat": "latitude of the answer's point, degrees",
    "lon": "longitude of the point, degrees",
    "radius_km": "half of the probability lies within this distance of the point",
    "km": "distance of the point to the truth",
    "within": "probability within that distance of the point: at most m where the truth is in the radius of mass m",
    "denser": "probability of the cells denser than the true one: below m where that is in the smallest region of m",
    "area_km2": "area of the smallest region that holds the true cell",
    "cell_bits": "log2 of the true cell's probability, at least -40",
    "country_bits": "log2 of the true country's probability, at least -40",
    "country": "likeliest country, ISO 3166-1 alpha-2",
    "country_p": "its probability",
    "country_right": "1 where it is the true one, else 0",
    "region_right": "1 where the places nearest to the point and to the truth are of one admin-1 region, else 0",
    "city_right": "1 where both are of one city, as fusion.level.city_at has it, else 0",
    **{f"p_{band:g}": f"probability within {band:g} km of the point" for band in BANDS_KM},
}
_TEXT: Final = frozenset({"country"})

COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "file": ("text", "the photo's name in the set"),
    "sha256": ("text", "of the photo's file, or of its pixels where it is none"),
    "prior": ("text", "the prior's name"),
    "true_lat": ("real", "latitude of the truth, degrees; empty where it is not known"),
    "true_lon": ("real", "longitude of the truth, degrees"),
    "true_country": ("text", "true country: the label's, else that of the nearest place to the point"),
    "true_region": ("text", "admin-1 region of the nearest place to the true point"),
    "true_city": ("text", "city that the true point belongs to, as fusion.level.city_at has it"),
    "exact_km": ("real", "how far the true point may be off; shorter bands leave the photo out"),
    "human_km": ("real", "distance of a person's guess to the truth, where the set has guesses"),
    "scene": ("text", "indoor, natural or urban, whichever is likeliest"),
    "scene_p": ("real", "its probability"),
    "readings": ("whole", "lines of text read"),
    "clues": ("whole", "clues with evidence"),
    "kinds": ("text", "JSON object: kind of clue to what it is worth, in bits"),
    **{
        f"{system}_{name}": ("text" if name in _TEXT else "real", f"{meaning}; {words}")
        for system, words in (("prior", "prior alone"), ("text", "with clues"))
        for name, meaning in _OF_SYSTEM.items()
    },
    "answer": ("text", "JSON object: the answer as whence locate --json gives it"),
    "error": ("text", "kind of error; empty where all went well"),
    "message": ("text", "what is wrong and what to do"),
    "settings": ("text", "what the row was made with"),
}
"""Name of each column to its kind (text, real or whole) and meaning; ``group_NAME`` columns of the set follow."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is known of one photo.

    Attributes:
        file: Its name in the set.
        truth: Where it was taken.
        region: Admin-1 code of the true point, empty where that is not known to 25 km.
        city: City that the true point belongs to, or None where there is none or the point is not known to 1 km.
        human_km: Distance of a person's guess, NaN where there is none.
        groups: Further columns of the labels.
    """

    file: str
    truth: Truth
    region: str
    city: Place | None
    human_km: float
    groups: Mapping[str, str]


def labelled(
    file: str, lat: float, lon: float, country: str, exact_km: float, human_km: float, groups: Mapping[str, str]
) -> Labelled:
    """What is known of a photo; a country that the labels lack is that of the place nearest to the point.

    Args:
        file: Its name in the set.
        lat: True latitude in degrees, NaN where it is not known.
        lon: True longitude in degrees.
        country: True ISO 3166-1 alpha-2 code, or empty.
        exact_km: How far the point may be off.
        human_km: Distance of a person's guess, NaN where there is none.
        groups: Further columns of the labels.
    """
    at = None if math.isnan(lat) or math.isnan(lon) else (lat, lon)
    region, city = "", None
    if at is not None:
        if exact_km <= _REGION_EXACT_KM:
            near = load_gazetteer().nearest(*at)[0]
            region, country = near.admin1, country or near.country
        if exact_km <= _CITY_EXACT_KM:
            city = city_at(*at)
    return Labelled(file, Truth(at, country, exact_km), region, city, human_km, groups)


def located_row(known: Labelled, answer: Answer, locator: Locator, prior: str, sha256: str, settings: str) -> Any:
    """The row of a photo that was located.

    Args:
        known: The photo's truth.
        answer: What ``locator`` says.
        locator: Answers once more without each kind of clue.
        prior: The prior's name.
        sha256: Of the photo.
        settings: What the answer was made with.
    """
    row = _head(known, prior, sha256, settings)
    scene = answer.scene or {}
    likeliest = max(scene, key=scene.__getitem__, default=None)
    row |= {
        "scene": likeliest,
        "scene_p": _rounded(scene[likeliest]) if likeliest else None,
        "readings": len(answer.readings),
        "clues": len(answer.clues),
        "kinds": json.dumps(_kinds(answer, locator, known.truth), ensure_ascii=True),
    }
    row |= {f"text_{name}": x for name, x in _told(answer.distribution, known, locator).items()}
    if answer.distribution is answer.prior:
        row |= {f"prior_{name}": row[f"text_{name}"] for name in _OF_SYSTEM}
    else:
        row |= {f"prior_{name}": x for name, x in _told(answer.prior, known, locator).items()}
    told = {**answer.to_dict(), "file": known.file}
    return {**row, "answer": json.dumps(told, ensure_ascii=True), **labels_of(known.human_km, known.groups)}


def failed_row(known: Labelled, failure: Failure, prior: str, sha256: str, settings: str) -> dict[str, Any]:
    """The row of a photo that could not be located; where the message names its path, the photo's name stands."""
    row = _head(known, prior, sha256, settings)
    told = failure.to_dict()["error"]
    message = printable(told["message"])  # as messages have names, so that it is found in them
    if failure.file:
        message = message.replace(printable(failure.file), known.file)
    return {**row, "error": told["type"], "message": message, **labels_of(known.human_km, known.groups)}


def _head(known: Labelled, prior: str, sha256: str, settings: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    lat, lon = known.truth.at or (None, None)
    return row | {
        "file": known.file, "sha256": sha256, "prior": prior, "true_lat": lat, "true_lon": lon,
        "true_country": known.truth.country or None, "true_region": known.region or None,
        "true_city": None if known.city is None else f"{known.city.name}, {known.city.country}",
        "exact_km": known.truth.exact_km, "settings": settings,
    }  # fmt: skip


def labels_of(human_km: float, groups: Mapping[str, str]) -> dict[str, Any]:
    """Columns of what the labels say that no answer hangs on: guesses of people, which may come later, and groups.

    Args:
        human_km: Distance of a person's guess, NaN where there is none.
        groups: Further columns of the labels.
    """
    return {"human_km": _number(human_km)} | {f"group_{name}": text for name, text in groups.items()}


def _told(said: CellDistribution, known: Labelled, locator: Locator) -> dict[str, Any]:
    """What ``said`` says, and what that is worth."""
    lat, lon, radius_km = point_and_radius_km(said, locator.utility)
    worth = score(said, known.truth, (lat, lon))
    countries = said.countries()
    country = next(iter(countries))
    row: dict[str, Any] = {
        "lat": round(lat, 5), "lon": round(lon, 5), "radius_km": _rounded(radius_km), "km": _number(worth.km),
        "within": _number(worth.within), "denser": _number(worth.denser),
        "area_km2": _number(min(worth.area_km2, _EARTH_KM2)),
        "cell_bits": _number(worth.cell_bits), "country_bits": _number(worth.country_bits), "country": country,
        "country_p": _rounded(countries[country]), "country_right": _number(worth.right),
        "region_right": None, "city_right": None,
    }  # fmt: skip
    if known.region:
        row["region_right"] = float(load_gazetteer().nearest(lat, lon)[0].admin1 == known.region)
    if known.city is not None:
        row["city_right"] = float(city_at(lat, lon) == known.city)
    return row | {f"p_{band:g}": _rounded(said.mass_within(lat, lon, band)) for band in BANDS_KM}


def _kinds(answer: Answer, locator: Locator, truth: Known) -> dict[str, dict[str, Any]]:
    """Each kind of clue to what the answer loses without it, and what it adds to the prior by itself, in bits."""
    kinds = sorted({clue.kind for clue in answer.clues})
    if not kinds:
        return {}
    context = Context(answer.readings, answer.scene, locator.prior.name)
    whole, prior = score(answer.distribution, truth), score(answer.prior, truth)
    found = {}
    for kind in kinds:
        without, alone = prior, whole
        if len(kinds) > 1:
            parts = [[c for c in answer.clues if (c.kind == kind) is wanted] for wanted in (False, True)]
            without, alone = (
                score(locator.ranker.fuse(answer.prior, among_shops(some, answer.prior.partition), context).posterior,
                      truth)
                for some in parts
            )  # fmt: skip
        found[kind] = {
            "clues": sum(clue.kind == kind for clue in answer.clues),
            "country_bits": _number(whole.country_bits - without.country_bits),
            "cell_bits": _number(whole.cell_bits - without.cell_bits),
            "alone_country_bits": _number(alone.country_bits - prior.country_bits),
            "alone_cell_bits": _number(alone.cell_bits - prior.cell_bits),
        }
    return found


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if not math.isfinite(value) else _rounded(value)


def _rounded(value: float) -> float:
    # To 9 digits: the last bits of a sum may depend on how its terms were grouped.
    return float(np.format_float_scientific(value, precision=8, unique=False)) if value else 0.0
