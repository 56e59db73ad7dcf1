"""What a fused answer is worth on labelled photos: distances, bits, calibration, coverage, and paired intervals.

Photos of one place say the same thing many times over: intervals are drawn by places, not by photos.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.geodesy import BANDS_KM, geoscore, haversine_km
from detectors.base import Clue
from fusion.context import Context

__all__ = [
    "AREAS_KM2",
    "MASSES",
    "Case",
    "Told",
    "covered",
    "ece",
    "ece_by_chance",
    "figures",
    "gains",
    "never_worse",
    "recall",
    "told",
]

MASSES: Final = (0.5, 0.8, 0.95)
AREAS_KM2: Final = (1e3, 1e4, 1e5, 1e6, 1e7)

_DRAWS: Final = 2_000
_LEAST: Final = 2.0**-40
"""Of a probability whose bits are taken."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Case:
    """A photo to be fused, and its truth.

    Attributes:
        prior: Before any clue.
        clues: What was read.
        context: What else is known.
        at: True latitude and longitude in degrees, or None.
        country: True ISO 3166-1 alpha-2 code, empty where it is not known.
        exact_km: How far ``at`` may be off; bands below it, true cells and areas are left out where it is above 0.
    """

    prior: CellDistribution
    clues: Sequence[Clue]
    context: Context
    at: tuple[float, float] | None
    country: str
    exact_km: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer is worth on one case; NaN where the truth is not known.

    Attributes:
        km: Distance of the point of highest expected GeoScore.
        within: Probability within that distance of the point: at most m where the truth is inside the radius of mass m.
        denser: Probability of the cells that are denser than the true one: below m where that is in the region of m.
        area_km2: Area of the smallest region with the true cell.
        cell_bits: log2 of the true cell's probability.
        country_bits: log2 of the true country's.
        sure: Probability of the likeliest country.
        right: 1.0 where that is the true one, else 0.0.
    """

    km: float
    within: float
    denser: float
    area_km2: float
    cell_bits: float
    country_bits: float
    sure: float
    right: float


def told(said: CellDistribution, case: Case) -> Told:
    """What ``said`` is worth on ``case``."""
    km = within = denser = area = cell_bits = country_bits = right = math.nan
    if case.at is not None:
        point = _point(said)
        km = float(haversine_km(*point, *case.at))
        within = said.mass_within(*point, km)
        if case.exact_km == 0.0:
            cell = int(said.partition.cells_of(*case.at)[0])
            denser, area = _region(said, cell)
            cell_bits = math.log2(max(float(said.p[cell]), _LEAST))
    countries = _countries(said)
    first, sure = next(iter(countries.items()))
    if case.country:
        country_bits = math.log2(max(countries.get(case.country, 0.0), _LEAST))
        right = float(first == case.country)
    return Told(km, within, denser, area, cell_bits, country_bits, sure, right)


@lru_cache(maxsize=64)
def _point(said: CellDistribution) -> tuple[float, float]:
    return said.point()  # tens of milliseconds; many photos without a clue share their prior


@lru_cache(maxsize=64)
def _countries(said: CellDistribution) -> dict[str, float]:
    return said.countries()


def _region(said: CellDistribution, cell: int) -> tuple[float, float]:
    """Mass of the cells denser than ``cell``, and the area (km2) of the smallest region with it."""
    if said.p[cell] <= 0.0:
        return 1.0, math.inf
    cells = said.credible(1.0).cells
    found = np.flatnonzero(cells == cell)
    if len(found) == 0:  # it lies in the last billionth
        return 1.0, float(said.partition.area_km2.sum())
    up_to = np.cumsum(said.p[cells], dtype=np.float64)
    at = int(found[0])
    whole = float(said.p.sum(dtype=np.float64))
    return float(up_to[at] - said.p[cell]) / whole, said.credible(min(float(up_to[at]) / whole, 1.0)).area_km2


def ece(sure: Floats, right: Floats, bins: int = 10) -> float:
    """Expected calibration error over ``bins`` of equally many photos (Naeini et al. 2015, here with equal mass).

    Args:
        sure: (n,) probability given to what was said.
        right: (n,) whether that was true.
        bins: How many.

    >>> ece(np.array([0.9, 0.9]), np.array([1.0, 1.0]))
    0.1
    """
    order = np.argsort(sure, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(float(sure[part].mean() - right[part].mean())) for part in parts]
    return round(sum(gaps) / max(len(sure), 1), 12)


def ece_by_chance(sure: Floats, bins: int = 10, draws: int = 200) -> float:
    """The error that answers of these probabilities have on average if they are perfectly calibrated: few photos alone.

    >>> round(ece_by_chance(np.full(100, 0.5)), 1)
    0.1
    """
    rng = np.random.default_rng(0)
    return float(np.mean([ece(sure, (rng.random(len(sure)) < sure).astype(np.float64), bins) for _ in range(draws)]))


def covered(before: Floats, mass: float) -> float:
    """Share of truths in regions of ``mass``; ``before`` (n,) is the mass that comes before each, NaN left out."""
    known = before[~np.isnan(before)]
    return float((known < mass).mean()) if len(known) else math.nan


def recall(area_km2: Floats) -> dict[float, float]:
    """Each of :data:`AREAS_KM2` to the share of truths that the smallest region of that area holds; NaN left out."""
    known = area_km2[~np.isnan(area_km2)]
    return {area: float((known <= area).mean()) if len(known) else math.nan for area in AREAS_KM2}


def figures(rows: Sequence[Told], exact_km: float = 0.0) -> dict[str, float]:
    """All figures of one system on one set by name; shares in percent, NaN where nothing is known.

    Args:
        rows: One a photo.
        exact_km: Bands below it are NaN.
    """
    t = _columns(rows)
    place = ~np.isnan(t["km"])
    country = ~np.isnan(t["right"])
    found = {
        f"within_{band:g}": 100.0 * _mean(t["km"][place] <= band) if band >= exact_km else math.nan for band in BANDS_KM
    }
    found["median_km"] = float(np.median(t["km"][place])) if place.any() else math.nan
    found["geoscore"] = _mean(geoscore(t["km"][place]))
    found["country"] = 100.0 * _mean(t["right"][country])
    found["cell_bits"] = -_mean(t["cell_bits"][~np.isnan(t["cell_bits"])])
    found["country_bits"] = -_mean(t["country_bits"][country])
    found["ece"] = ece(t["sure"][country], t["right"][country]) if country.any() else math.nan
    found["ece_chance"] = ece_by_chance(t["sure"][country]) if country.any() else math.nan
    found |= {f"radius_{100 * m:g}": 100.0 * covered(t["within"], m) for m in MASSES}
    found |= {f"region_{100 * m:g}": 100.0 * covered(t["denser"], m) for m in MASSES}
    return found | {f"recall_{area:.0e}".replace("e+0", "e"): 100.0 * x for area, x in recall(t["area_km2"]).items()}


def gains(
    ours: Sequence[Told], theirs: Sequence[Told], place: Indices, exact_km: float = 0.0, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """What ``ours`` gains over ``theirs``, with the ends of its paired 95 % bootstrap interval over places.

    Bands are in percentage points, bits are bits a photo less to be told. Whole places are drawn, 2,000 times, the same
    for both. What is not known of any photo is left out.

    Args:
        ours: One a photo.
        theirs: Of the same photos.
        place: (n,) number of each photo's place, from 0.
        exact_km: Bands below it are left out.
        seed: Of the draws.
    """
    a, b = _columns(ours), _columns(theirs)
    each: dict[str, Floats] = {}
    for band in BANDS_KM:
        if band >= exact_km:
            each[f"within_{band:g}"] = _percent(a["km"], band) - _percent(b["km"], band)
    each["geoscore"] = geoscore(a["km"]) - geoscore(b["km"])
    each |= {name: a[name] - b[name] for name in ("cell_bits", "country_bits")}
    n = int(place.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), _DRAWS)[:, place].astype(np.float64)
    found = {}
    for name, values in each.items():
        known = ~np.isnan(values)
        if known.any():
            some, weights = values[known], drawn[:, known]
            total = weights.sum(axis=1)
            means = (weights @ some)[total > 0] / total[total > 0]
            low, high = np.percentile(means, [2.5, 97.5])
            found[name] = (float(some.mean()), float(low), float(high))
    return found


def never_worse(gained: Mapping[str, tuple[float, float, float]], points: float = 1.0) -> bool | None:
    """Promise 1: no band's interval reaches ``points`` below the prior; None where no band is known."""
    lows = [low for name, (_, low, _) in gained.items() if name.startswith("within_")]
    return all(low > -points for low in lows) if lows else None


def _percent(km: Floats, band: float) -> Floats:
    return np.where(np.isnan(km), np.nan, np.where(km <= band, 100.0, 0.0))


def _columns(rows: Sequence[Told]) -> dict[str, Floats]:
    return {name: np.array([getattr(row, name) for row in rows], np.float64) for name in Told.__slots__}


def _mean(values: Floats | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
