"""Direction signs: several places in one sign, perhaps with distances, say where the sign stands.

For a position x, name k with the candidate places i of its place clue is shown at x with the likelihood ratio
``L_k(x) = E_k + sum_i (R_i - E_k) K_i(x)``, where ``R_i`` and ``E_k`` are the clue's ratios at place i and elsewhere.
``K_i`` is 1 at the place; signs without distances name it around it,
``REACH_SHARE exp(-d / REACH_KM)``, on roads ``+ FAR_SHARE exp(-d / FAR_KM)``; a sign that
says D km stands ``D / DETOUR`` km from it as the crow flies, give or take a quarter: ``RING_SHARE`` times a Gaussian of
``log(d DETOUR / D)`` with standard deviation ``RING_SPREAD``, and hardly ever in the place. A number without a unit is
kilometres or miles, half and half. Names of one sign are independent given x, so their ratios multiply; so the
combination of places that lie near one another wins, Springfield and Chicopee are in Massachusetts. Positions are tried
at the places and where the rings of two of them cross, and the likely ones are merged into a few points ``j``.

Names that are near one another are not read independently in the world's photos: with ``m_j`` the share of them taken
around point j and ``W = sum_j m_j L(x_j)``, a sign of these names is read ``Z = (1 + LISTED) W + prod_k E_k`` times as
often as if they were independent. ``LISTED`` is how often a list of neighbouring places stands elsewhere (timetables,
maps, what a firm delivers to), half of it in their country. All ratios are divided by Z.

A board of far-away cities is no direction sign: ``LEAST_SUPPORT`` of the names must fit one position, two at least,
and one of them by the most populous place of that name: there are a Paris, a London and a Sidney in Ohio.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.folding import fold
from data.geodesy import haversine_km, lat_lon, unit_vectors
from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.place_words import SHOP_RATE, shop_rate
from detectors.sentences import place_words
from detectors.territories import photo_shares

__all__ = ["DISTANCE_KM_PER_MILE", "Surroundings", "direction_clues"]

REACH_SHARE, REACH_KM = 0.2, 25.0
"""How often signs around a place name it, against those in it, and how fast that falls off."""
RING_SHARE, RING_SPREAD = 2.0, 0.25
"""A fifth as often as names in the place, times how much better the number fits than one from 1 to 1,000 by chance:
the density of its logarithm is ``ln 1000 / (RING_SPREAD sqrt(2 pi)) = 11`` times as high."""
RING_HERE = 0.05
"""How often a sign in a place gives a distance to it, against those that only name it."""
SUPPORTS = 4.0
"""Likelihood ratio from which on a name fits a position."""
DETOUR = 1.25
"""Roads are this much longer than the straight line."""
FAR_SHARE, FAR_KM = 0.03, 120.0
"""The same of signs on the roads that lead there: only where an arrow or a road's number stands in the photo, too."""
LISTED, LISTED_INLAND = 0.1, 0.5
MOST_GAIN = 12.0
"""Nats: all names of a sign can be misread, or the sign be a picture of one."""
LEAST_GAIN = 2.5
LEAST_SUPPORT = 0.6
FARTHEST_KM = 1500.0
"""Signs with larger distances are jokes for visitors ("New York 5,000 km")."""
DISTANCE_KM_PER_MILE = 1.609344
_MOST_CANDIDATES = 24
_LEAST_PHOTOS = 1e-4
_MOST_NAMES = 8
_MOST_POINTS = 8
_MERGE_KM = 25.0
_SAME_PLACE_KM = 3.0

_NUMBER = r"(?P<number>\d{1,4}(?:[.,]\d)?)\s?(?P<unit>km|кm|км|mi|miles?|m)?"
_AFTER = re.compile(rf"^[\s.:\-–…_→←↑➔>]{{0,12}}{_NUMBER}(?![\w:.,/%€$£])", re.IGNORECASE)
_ALONE = re.compile(rf"\W{{0,3}}{_NUMBER}\W{{0,3}}", re.IGNORECASE)
_ROAD = re.compile(r"[→←↑↓↖↗➔➜]|^\W*[A-Z]{1,2}[ .\-–]?\d{1,4}\W*$")
_SOURCE = re.compile(r"^(?P<id>[^:]+):(?P<start>\d+)-(?P<end>\d+)$")


@dataclass(frozen=True)
class _Name:
    """A name on a sign: its clue, where it stands, and the distance beside it (``km`` for each unit that it may be)."""

    clue: Clue
    reading: int
    start: int
    end: int
    kms: tuple[float, ...]

    def candidates(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Vectors (m, 3), ratios (m,) and spreads in km (m,) of the places of the name, the most populous first."""
        points = self.clue.evidence.points[:_MOST_CANDIDATES]  # place clues have them in that order
        vectors = unit_vectors(np.array([p.lat for p in points]), np.array([p.lon for p in points]))
        return vectors, np.exp([p.log_lr for p in points]), np.array([p.sigma_km for p in points])


@dataclass(frozen=True)
class Surroundings:
    """What lies around a position: the nearest place's short name, its country, and the share of the world's photos."""

    name: str
    country: str
    share: float


def direction_clues(
    clues: Sequence[Clue], readings: Sequence[Reading], around: Callable[[float, float], Surroundings]
) -> list[Clue]:
    """Clues of the direction signs among place clues.

    Args:
        clues: Clues of kind ``place``, weak ones included: two weak names of one sign support each other.
        readings: What they were read from.
        around: What lies around a latitude and longitude.
    """
    if len(clues) < 2:
        return []
    names = list(_names(clues, readings))
    out = []
    for sign in _signs(names, readings):
        clue = _combined(sign[:_MOST_NAMES], readings, around)
        if clue is not None:
            out.append(clue)
    return out


def _names(clues: Sequence[Clue], readings: Sequence[Reading]) -> Iterator[_Name]:
    index = {reading.id: i for i, reading in enumerate(readings)}
    for clue in clues:
        spans = [match for match in map(_SOURCE.match, clue.evidence.sources) if match is not None]
        if not spans or not clue.evidence.points:
            continue
        # A name read twice stands where a distance is beside it.
        options = [(index[m["id"]], int(m["start"]), int(m["end"])) for m in spans if m["id"] in index]
        placed = [(_distance(r, e, readings), r, s, e) for r, s, e in options]
        if placed:
            kms, reading, start, end = max(placed, key=lambda item: bool(item[0]))
            yield _Name(clue, reading, start, end, kms)


def _distance(reading: int, end: int, readings: Sequence[Reading]) -> tuple[float, ...]:
    """Distances in km that stand behind the name, in its line or to the right of it; empty where there is none."""
    rest = readings[reading].text[end : end + 40]
    match = _AFTER.match(rest)
    if match is None and not any(c.isalnum() for c in rest):
        (_, top), (right, _), (_, bottom), _ = bounding_box([readings[reading].box])
        height = max(bottom - top, 1.0)
        beside = []
        for j, other in enumerate(readings):
            (left2, top2), _, (_, bottom2), _ = bounding_box([other.box])
            level = min(bottom, bottom2) - max(top, top2) >= 0.5 * min(height, bottom2 - top2)
            if j != reading and level and -0.5 * height <= left2 - right <= 10.0 * height:
                number = _ALONE.fullmatch(other.text)
                if number is not None:
                    beside.append((left2, number))
        match = min(beside, key=lambda item: item[0])[1] if beside else None
    if match is None:
        return ()
    value = float(match["number"].replace(",", "."))
    unit = (match["unit"] or "").casefold()
    if unit == "m":
        return ()  # metres, or miles on British signs: the place is here
    if unit.startswith("mi"):
        kms: tuple[float, ...] = (value * DISTANCE_KM_PER_MILE,)
    else:
        kms = (value,) if unit else (value, value * DISTANCE_KM_PER_MILE)
    return kms if value >= 1.0 and min(kms) <= FARTHEST_KM else ()


def _signs(names: Sequence[_Name], readings: Sequence[Reading]) -> list[list[_Name]]:
    """Names that stand in one sign: next to one another, in letters of like height; two at least."""
    group = list(range(len(names)))
    for i, j in itertools.combinations(range(len(names)), 2):
        if _together(names[i], names[j], readings):
            old, new = group[j], group[i]
            group = [new if g == old else g for g in group]
    signs = [[name for name, g in zip(names, group, strict=True) if g == k] for k in dict.fromkeys(group)]
    return [sign for sign in signs if len(sign) > 1]


def _together(one: _Name, other: _Name, readings: Sequence[Reading]) -> bool:
    if one.reading == other.reading:
        return one.end <= other.start or other.end <= one.start
    (left, top), (right, _), (_, bottom), _ = bounding_box([readings[one.reading].box])
    (left2, top2), (right2, _), (_, bottom2), _ = bounding_box([readings[other.reading].box])
    height, height2 = max(bottom - top, 1.0), max(bottom2 - top2, 1.0)
    low = min(height, height2)
    if max(height, height2) > 2.0 * low:
        return False
    below = max(top, top2) - min(bottom, bottom2)
    aside = max(left, left2) - min(right, right2)
    return (below <= 2.5 * low and aside <= 2.0 * low) or (below <= 0.0 and aside <= 8.0 * low)


def _combined(
    sign: Sequence[_Name], readings: Sequence[Reading], around: Callable[[float, float], Surroundings]
) -> Clue | None:
    measured = [name for name in sign if name.kms]
    road = any(_ROAD.search(reading.text) and _beside(reading, sign, readings) for reading in readings)
    if len(measured) < 2:
        measured = []
        if len({name.reading for name in sign}) < 2:
            return None  # Lincoln, Washington, Jackson: names in a line of text are as often people's
    if not measured and not road:
        sign = [name for name in sign if shop_rate(fold(name.clue.text)) < SHOP_RATE]  # New York, Brooklyn: a shirt
        if len(sign) < 2:
            return None
    road = road or bool(measured)
    tried = [_candidate_vectors(sign)]
    if measured:
        tried.append(_crossings(measured))
    x = np.concatenate(tried)  # [n, 3]
    ratios = np.stack([_ratio(name, x, ring=name in measured, road=road) for name in sign])  # [k, n]
    supported = ratios > SUPPORTS
    famous = np.stack([_ratio(name, x, ring=name in measured, road=road, first_only=True) for name in sign]) > SUPPORTS
    total = np.log(ratios).sum(axis=0)
    enough = (supported.sum(axis=0) >= max(2.0, LEAST_SUPPORT * len(sign))) & famous.any(axis=0)
    if not enough.any():
        return None
    total = np.where(enough, total, -np.inf)
    best = int(np.argmax(total))
    if total[best] < LEAST_GAIN:
        return None
    used = _different([name for name, fits in zip(sign, supported[:, best], strict=True) if fits], x[best : best + 1])
    if len(used) < 2:
        return None
    total = np.where(enough, np.log(ratios[[name in used for name in sign]]).sum(axis=0), -np.inf)
    found = [(p, around(p.lat, p.lon)) for p in _points(x, total, used, measured)]
    shown = sum(near.share * math.exp(p.log_lr) for p, near in found)
    chance = math.exp(sum(name.clue.evidence.elsewhere for name in used))
    away = chance + LISTED * (1.0 - LISTED_INLAND) * shown
    base = math.log((1.0 + LISTED) * shown + chance)
    every = {c for name in used for c in name.clue.evidence.countries}
    countries = {c: away - chance + math.exp(sum(_in_country(name, c) for name in used)) for c in sorted(every)}
    for p, near in found:
        photos = photo_shares().get(near.country, 0.0)
        if photos > 0.0:
            listed = LISTED * LISTED_INLAND * near.share * math.exp(p.log_lr) / max(photos, _LEAST_PHOTOS)
            countries[near.country] = countries.get(near.country, away) + listed
    points = [replace(p, log_lr=min(p.log_lr - base, MOST_GAIN)) for p, _ in found]
    if points[0].log_lr < LEAST_GAIN:
        return None
    places = tuple(dict.fromkeys(around(*_nearest_candidate(used, p)).name for p in points[:3]))
    texts = " + ".join(name.clue.text for name in used)
    how = "with distances" if measured else "together"
    return Clue(
        kind="direction",
        text=texts,
        meaning=f"a sign names {texts} {how}: it stands near {place_words(places[0])}",
        evidence=Evidence(
            elsewhere=math.log(away) - base,
            countries={c: math.log(rate) - base for c, rate in countries.items()},
            points=tuple(points),
            sources=tuple(dict.fromkeys(s for name in used for s in name.clue.evidence.sources)),
        ),
        box=bounding_box([readings[name.reading].box for name in used]),
        points_to=places,
    )


def _in_country(name: _Name, country: str) -> float:
    evidence = name.clue.evidence
    return evidence.countries.get(country, evidence.elsewhere)


def _beside(reading: Reading, sign: Sequence[_Name], readings: Sequence[Reading]) -> bool:
    """Whether a line stands within three heights of the sign's lines."""
    box = bounding_box([readings[name.reading].box for name in sign])
    (left, top), (right, _), (_, bottom), _ = box
    (left2, top2), (right2, _), (_, bottom2), _ = bounding_box([reading.box])
    reach = 3.0 * max(reading.height, 1.0)
    return max(left, left2) - min(right, right2) <= reach and max(top, top2) - min(bottom, bottom2) <= reach


def _different(names: Sequence[_Name], x: NDArray[np.float64]) -> list[_Name]:
    """``names`` without those that, near ``x``, mean the same place as one before: a name in two scripts."""
    places: list[NDArray[np.float64]] = []
    out = []
    for name in names:
        vectors = name.candidates()[0]
        near = vectors[[int(np.argmin(_km(vectors, x)[:, 0]))]]
        if all(_km(near, other)[0, 0] > _SAME_PLACE_KM for other in places):
            places.append(near)
            out.append(name)
    return out


def _candidate_vectors(sign: Sequence[_Name]) -> NDArray[np.float64]:
    return np.concatenate([name.candidates()[0] for name in sign])


def _ratio(
    name: _Name, x: NDArray[np.float64], *, ring: bool, road: bool, first_only: bool = False
) -> NDArray[np.float64]:
    """Likelihood ratio (n,) of the name, or of its most populous place only, at positions ``x`` (n, 3)."""
    vectors, ratio, sigma = (column[:1] if first_only else column for column in name.candidates())
    distance = _km(vectors, x)  # [m, n]
    own = np.exp(-0.5 * (distance / sigma[:, None]) ** 2)
    if ring:
        own *= RING_HERE
        around = np.zeros_like(distance)
        for km in name.kms:
            off = np.log(np.maximum(distance, 0.1) * DETOUR / km) / RING_SPREAD
            around += RING_SHARE / len(name.kms) * np.exp(-0.5 * off**2)
    else:
        around = REACH_SHARE * np.exp(-distance / REACH_KM)
        if road:
            around += FAR_SHARE * np.exp(-distance / FAR_KM)
    elsewhere = math.exp(name.clue.evidence.elsewhere)
    gain: NDArray[np.float64] = elsewhere + (np.maximum(ratio - elsewhere, 0.0)[:, None] * np.maximum(own, around)).sum(
        axis=0
    )
    return gain


def _km(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances (m, n) in km between unit vectors (m, 3) and (n, 3)."""
    lat, lon = lat_lon(one)
    lat2, lon2 = lat_lon(other)
    return np.asarray(haversine_km(lat[:, None], lon[:, None], lat2[None, :], lon2[None, :]))


def _crossings(measured: Sequence[_Name]) -> NDArray[np.float64]:
    """Unit vectors (n, 3) where the rings around places of two names cross, or come nearest."""
    out = [np.zeros((0, 3))]
    for a, b in itertools.combinations(measured, 2):
        one, other = a.candidates()[0], b.candidates()[0]
        apart = _km(one, other)
        for km_a, km_b in zip(a.kms, b.kms, strict=False):
            r_a, r_b = km_a / DETOUR, km_b / DETOUR
            i, j = np.nonzero((apart <= 1.3 * (r_a + r_b)) & (apart >= 0.6 * abs(r_a - r_b)) & (apart > 0.5))
            if not len(i):
                continue
            d = apart[i, j]
            # Flat triangle of sides r_a, r_b, d: distance along the line from the first place, and off it.
            along = np.clip((d**2 + r_a**2 - r_b**2) / (2.0 * d), -r_a, r_a)
            off = np.sqrt(np.maximum(r_a**2 - along**2, 0.0))
            p, q = one[i], other[j]
            ahead = _unit(q - p * (p * q).sum(axis=1, keepdims=True))
            side = np.cross(p, ahead)
            for sign in (1.0, -1.0):
                out.append(_unit(p + (ahead * along[:, None] + sign * side * off[:, None]) / 6371.0088))
    return np.concatenate(out)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def _points(
    x: NDArray[np.float64], total: NDArray[np.float64], used: Sequence[_Name], measured: Sequence[_Name]
) -> list[PointEvidence]:
    """The likely positions, those near one another merged: weighted means, with their spread."""
    kms = [min(name.kms) for name in used if name in measured]
    least = max(5.0, RING_SPREAD * min(kms) / DETOUR) if kms else 10.0
    left = np.where(total >= max(total.max() - 4.0, 0.5), total, -np.inf)
    out: list[PointEvidence] = []
    while np.isfinite(left).any() and len(out) < _MOST_POINTS:
        best = int(np.argmax(left))
        near = _km(x[best : best + 1], x)[0] <= max(_MERGE_KM, least)
        own = near & np.isfinite(left)
        weight = np.exp(left[own] - left[best])
        centre = _unit((x[own] * weight[:, None]).sum(axis=0))
        spread = math.sqrt(float((weight * _km(centre[None], x[own])[0] ** 2).sum() / weight.sum()))
        lat, lon = lat_lon(centre[None])
        out.append(PointEvidence(float(lat[0]), float(lon[0]), max(least, spread), float(left[best])))
        left = np.where(near, -np.inf, left)
    return out


def _nearest_candidate(used: Sequence[_Name], point: PointEvidence) -> tuple[float, float]:
    """The place of a used name that lies nearest to ``point``."""
    places = [(p.lat, p.lon) for name in used for p in name.clue.evidence.points]
    return min(places, key=lambda p: float(haversine_km(p[0], p[1], point.lat, point.lon)))
