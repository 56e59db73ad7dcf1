"""From how well a plate fits each country's formats to evidence over countries and regions.

A plate seen in country c is c's own with ``1 - abroad_c``, else another's, mostly of the same continent; ``UNLISTED``
of a country's plates follow no format of the table (lorries, diplomats, chosen texts), and some of what a detector
calls a plate is none. So ``P(plate | c)`` is a mixture of all of that, and evidence its logarithm over the mean of
the world's photos (``detectors.territories.photo_shares``). Inside a country ``HOME`` of the cars stand in the region
that their plate tells; the others anywhere in it.

``abroad`` is an estimate by hand, as no survey covers the world: the little that is published (motorway censuses of
Switzerland, Austria and Germany; police checks of Britain) finds a few per cent of cars from abroad in the middle of
Europe, more in transit, about a hundredth in Britain and Italy's south. Microstates and islands are set by their size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.base import MOST_NATS, Evidence
from detectors.plate_channel import UNLISTED, log_plate_like, log_text
from detectors.plate_formats import CONTINENTS, PlateFormat, plate_codes, plate_formats
from detectors.plate_match import MOST_LETTERS, Match
from detectors.plate_text import fold
from detectors.plate_words import RATIO
from detectors.territories import photo_shares

__all__ = [
    "HOME", "LEAST", "best_places", "evidence_of_plate", "log_lr_of_text", "own_format", "told_region",
    "world_likelihood",
]  # fmt: skip

HOME: Final = 0.75
"""Share of the cars in a region, of those whose plate tells one, that are registered in it."""
LEAST: Final = 0.002
"""Whatever a plate says, it says with this chance nothing: the table is wrong, the car is in a museum or a film."""
_ALONE: Final = 0.5
"""Digits alone or letters alone are plates in few countries and other things everywhere: they say half as much."""
_SAME_CONTINENT: Final = 0.9  # of the foreign cars
_GAIN: Final = 0.1  # nats by which a region must differ from its country to be named, a country from elsewhere

_ABROAD: Final = (
    ("AD LI LU MC SM VA GI", 0.35),
    ("AT BE CH CZ SI SK HR HU DK NL ME AL MK XK BA", 0.06),
    ("DE FR PL ES IT PT BG RO RS GR LT LV EE SE NO FI BY UA MD", 0.03),
    ("IE CA MX HK MO SG AE QA BH KW OM JO LB KG GE AM LS SZ NA BW ZW PY UY BO GT SV HN", 0.02),
    ("JP TW KR AU NZ IS GB MT CY PH LK MU MG CU JM TT BS BB FJ PG NC PF PR DO FO IL IR CN IN US BR", 0.004),
)
_ABROAD_ELSE: Final = 0.01


@lru_cache(maxsize=1)
def _world() -> tuple[list[str], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Countries, their shares of the world's photos, of cars from abroad, and their continents by number (-1: none)."""
    shares = photo_shares()
    codes = sorted(shares)
    abroad = {c: rate for countries, rate in _ABROAD for c in countries.split()}
    continent = {c: k for k, countries in enumerate(CONTINENTS.values()) for c in countries.split()}
    return (
        codes,
        np.array([shares[c] for c in codes]),
        np.array([abroad.get(c, _ABROAD_ELSE) for c in codes]),
        np.array([continent.get(c, -1) for c in codes]),
    )


@lru_cache(maxsize=1)
def _told_shares() -> Mapping[str, Mapping[str, float]]:
    """For each country the share of each region among its plates that tell one."""
    found: dict[str, dict[str, float]] = {}
    for row in plate_formats():
        shares = found.setdefault(row.country, {})
        if row.region:
            shares[row.region] = shares.get(row.region, 0.0) + row.share
            continue
        for (country, name), codes in plate_codes().items():
            if country == row.country and f"<{name}>" in row.pattern:
                for code in codes:
                    if code.region:
                        shares[code.region] = shares.get(code.region, 0.0) + row.share * code.weight
    return {c: {r: v / sum(s.values()) for r, v in s.items()} for c, s in found.items() if s}


def _own(text: str, match: Match, look: float, words: frozenset[str]) -> tuple[NDArray[np.float64], dict[str, float]]:
    """``P(plate | a plate of the country)`` for every country, and of those parts that tell a region."""
    codes, _, _, _ = _world()
    unlisted = math.exp(log_plate_like(text)) * look
    own = np.full(len(codes), unlisted)
    told = dict(match.regions)
    for i, country in enumerate(codes):
        if country not in match.countries:
            continue
        regions = _told_shares().get(country, {})
        named = {r: s for r, s in regions.items() if r in words}
        hit = 1.0 + (RATIO - 1.0) * (1.0 if country in words else sum(named.values()))
        own[i] = UNLISTED * unlisted * hit + (1.0 - UNLISTED) * match.countries[country]
        for region, share in regions.items():
            told[region] = (1.0 - UNLISTED) * told.get(region, 0.0)
            if region in words:
                told[region] += UNLISTED * unlisted * share * RATIO
    return own, told


def _seen(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """``P(plate | country)`` with cars from abroad."""
    _, shares, abroad, continents = _world()
    out = np.empty_like(own)
    for continent in range(-1, int(continents.max()) + 1):
        inside = continents == continent
        weight, total = shares[inside], float((shares * own)[inside].sum())
        others = np.maximum(1.0 - weight, 1e-9)
        world = np.maximum(float((shares * own).sum()) - weight * own[inside], 0.0) / others
        near = np.maximum(total - weight * own[inside], 0.0) / np.maximum(weight.sum() - weight, 1e-9)
        foreign = _SAME_CONTINENT * near + (1.0 - _SAME_CONTINENT) * world if continent >= 0 else world
        out[inside] = (1.0 - abroad[inside]) * own[inside] + abroad[inside] * foreign
    return out


def evidence_of_plate(
    text: str,
    match: Match,
    *,
    source: str,
    sure: float = 0.9,
    look: float = 1.0,
    words: frozenset[str] = frozenset(),
    weight: float = 1.0,
) -> Evidence:
    """Evidence of one plate over countries and regions.

    Args:
        text: As read.
        match: How well it fits the table's formats.
        source: Id of the region or reading.
        sure: How likely it is a plate at all and not other lettering, before its text is looked at, 0 to 1.
        look: What the looks say about a plate in no listed format: the mean over the formats.
        words: Places that words on it name.
        weight: Its nats are multiplied by this, 0 to 1: of many plates in one photo each says less.
    """
    codes, shares, _, continents = _world()
    if len(fold(text)) > MOST_LETTERS:  # no plate is so long
        return Evidence(0.0, sources=(source,))
    own, told = _own(text, match, look, words)
    folded = fold(text)
    if folded.isdigit() or folded.isalpha():
        weight *= _ALONE
    noise = (1.0 - sure) / max(sure, 1e-6) * math.exp(log_text(text)) * 0.5 * look
    seen = _seen(own)
    mean = float(shares @ seen)
    base = mean + noise + LEAST * mean

    def nats(p: NDArray[np.float64] | float) -> NDArray[np.float64]:
        found: NDArray[np.float64] = weight * np.log((np.asarray(p) + noise + LEAST * mean) / base)
        return np.clip(found, -MOST_NATS, MOST_NATS)

    regions: dict[str, float] = {}
    rest = seen.copy()
    for i, country in enumerate(codes):
        of_country = {r: s for r, s in _told_shares().get(country, {}).items() if s > 0.0}
        joint = sum(told.get(r, 0.0) for r in of_country)
        if joint <= 0.01 * own[i] or own[i] * shares[i] < 1e-3 * mean:
            continue
        rest[i] = max(seen[i] - HOME * joint, 0.25 * seen[i])
        for region, share in of_country.items():
            p = rest[i] + HOME * min(told.get(region, 0.0) / share, 1e3 * joint)
            value, plain = float(nats(p)), float(nats(rest[i]))
            if value > plain + _GAIN:
                regions[region] = value
    # Elsewhere is a country whose plates nobody told us of.
    values = nats(rest)
    unknown = continents < 0
    # No plate tells of countries whose plates nobody told us of.
    elsewhere = min(float(nats((shares * rest)[unknown].sum() / shares[unknown].sum())), 0.0)
    countries = {c: float(v) for c, v in zip(codes, values, strict=True) if abs(v - elsewhere) > _GAIN}
    return Evidence(elsewhere, countries, regions, sources=(source,), roadside=True)


def world_likelihood(match: Match, text: str, look: float) -> float:
    """``P(plate | some photo of the world)``."""
    _, shares, _, _ = _world()
    own, _ = _own(text, match, look, frozenset())
    return float(shares @ own)


def log_lr_of_text(match: Match, text: str, look: float) -> float:
    """``log P(text | a plate) - log P(text | other lettering)``: positive where it reads like a plate."""
    return math.log(max(world_likelihood(match, text, look), 1e-300)) - log_text(text) - math.log(look)


def told_region(evidence: Evidence, country: str) -> str:
    """GeoNames admin-1 code of the region where, by a plate's evidence, a car in ``country`` most likely is, or "".

    That is one which is likelier than all the rest of the country together.
    """
    shares = {r: s for r, s in _told_shares().get(country, {}).items() if r in evidence.regions}
    if not shares:
        return ""
    mass = {region: share * math.exp(evidence.regions[region]) for region, share in shares.items()}
    rest = max(1.0 - sum(shares.values()), 0.0) * math.exp(evidence.countries.get(country, evidence.elsewhere))
    best = max(mass, key=lambda region: mass[region])
    return best if mass[best] > 0.5 * (sum(mass.values()) + rest) else ""


def own_format(match: Match, text: str, country: str, look: float) -> PlateFormat | None:
    """The format of ``country`` that a plate is likeliest in; None if likelier it is in none that we know."""
    if not match.countries.get(country, 0.0) * (1.0 - UNLISTED) > UNLISTED * math.exp(log_plate_like(text)) * look:
        return None
    rows = plate_formats()
    return rows[max((n for n, row in enumerate(rows) if row.country == country), key=lambda n: match.rows[n])]


def best_places(evidence: Evidence, most: int = 3) -> Sequence[str]:
    """Countries that gain by it, by share of photos and evidence, those worth a twentieth of the first or more."""
    shares = photo_shares()
    gain: dict[str, float] = {c: shares.get(c, 0.0) * math.exp(v) for c, v in evidence.countries.items()}
    for region, value in evidence.regions.items():
        share = shares.get(region[:2], 0.0) * _told_shares().get(region[:2], {}).get(region, 0.0)
        gain[region[:2]] = gain.get(region[:2], 0.0) + share * math.exp(value)
    best = {c: max([v, *(x for r, x in evidence.regions.items() if r[:2] == c)]) for c, v in evidence.countries.items()}
    best |= {r[:2]: max(v, best.get(r[:2], v)) for r, v in evidence.regions.items()}
    order = sorted((c for c in gain if best[c] > max(evidence.elsewhere, 0.0)), key=lambda c: (-gain[c], c))
    return [c for c in order if gain[c] > 0.05 * gain[order[0]]][:most]
