"""What one distribution over the Earth is worth on one photo whose place is known: distance, bits, regions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.geodesy import haversine_km

__all__ = ["CELL_EXACT_KM", "Known", "Score", "Truth", "columns_of", "score"]

_LEAST: Final = 2.0**-40
"""Of a probability whose bits are taken."""

CELL_EXACT_KM: Final = 1.0
"""A place known this well is in its cell: the smallest are about a kilometre wide, the median 19."""

Floats = NDArray[np.float64]


class Known(Protocol):
    """What is known of a photo: :class:`Truth`, or what has its fields beside others."""

    @property
    def at(self) -> tuple[float, float] | None:
        """True latitude and longitude in degrees, or None."""

    @property
    def country(self) -> str:
        """True ISO 3166-1 alpha-2 code, empty where it is not known."""

    @property
    def exact_km(self) -> float:
        """How far ``at`` may be off."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Where a photo was taken, as far as that is known.

    Attributes:
        at: Latitude and longitude in degrees, or None.
        country: ISO 3166-1 alpha-2 code, empty where it is not known.
        exact_km: How far ``at`` may be off, km; bands below it are left out, and from above 1 km true cells and areas.
    """

    at: tuple[float, float] | None
    country: str
    exact_km: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """What one distribution is worth on one photo; NaN where the truth is not known.

    Attributes:
        km: Distance of the point of highest expected GeoScore, or of the point given.
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


def score(said: CellDistribution, truth: Known, point: tuple[float, float] | None = None) -> Score:
    """What ``said`` is worth, with its ``point`` (degrees) where that is not the one of highest expected GeoScore."""
    km = within = denser = area = cell_bits = country_bits = right = math.nan
    if truth.at is not None:
        point = _point(said) if point is None else point
        km = float(haversine_km(*point, *truth.at))
        within = said.mass_within(*point, km)
        if truth.exact_km <= CELL_EXACT_KM:
            cell = int(said.partition.cells_of(*truth.at)[0])
            denser, area = _region(said, cell)
            cell_bits = math.log2(max(float(said.p[cell]), _LEAST))
    countries = _countries(said)
    first, sure = next(iter(countries.items()))
    if truth.country:
        country_bits = math.log2(max(countries.get(truth.country, 0.0), _LEAST))
        right = float(first == truth.country)
    return Score(km, within, denser, area, cell_bits, country_bits, sure, right)


def columns_of(scores: Iterable[Score]) -> dict[str, Floats]:
    """Each field of :class:`Score` to its values (n,)."""
    rows = list(scores)
    return {name: np.array([getattr(row, name) for row in rows], np.float64) for name in Score.__slots__}


@lru_cache(maxsize=64)
def _point(said: CellDistribution) -> tuple[float, float]:
    return said.point()  # milliseconds; many photos without a clue share their prior


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
