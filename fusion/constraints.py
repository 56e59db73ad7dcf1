"""What the user already knows: ``within`` a country or box, ``not`` in a country. Applied to the result, afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution, InCell
from data.errors import RequestError
from data.geodesy import haversine_km, spherical_mean
from data.partition import Partition

__all__ = ["BBox", "Constraints"]

_GRID = 24  # points per side laid over a box that is smaller than the cells


@dataclass(frozen=True, slots=True)
class BBox:
    """A box in degrees, GeoJSON order; ``west > east`` crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        inside = -180 <= self.west <= 180 and -180 <= self.east <= 180 and -90 <= self.south < self.north <= 90
        if not inside or self.west == self.east:
            raise RequestError(
                f"not a box: {self.west},{self.south},{self.east},{self.north}; "
                "give west,south,east,north in degrees, such as -9.5,36,3.3,43.8"
            )

    def contains(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points lie inside, edges included."""
        if self.west < self.east:
            across = (lon >= self.west) & (lon <= self.east)
        else:
            across = (lon >= self.west) | (lon <= self.east)
        return np.asarray(across & (lat >= self.south) & (lat <= self.north))

    def grid(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(k * k,) latitudes and longitudes spread evenly over the box."""
        width = (self.east - self.west) % 360.0
        steps = (np.arange(k) + 0.5) / k
        lon = (self.west + steps * width + 180.0) % 360.0 - 180.0
        lat = self.south + steps * (self.north - self.south)
        lats, lons = np.meshgrid(lat, lon, indexing="ij")
        return lats.ravel(), lons.ravel()


@dataclass(frozen=True)
class Constraints:
    """Where the photo must have been taken, and where not.

    Attributes:
        countries: ISO 3166-1 alpha-2 codes; empty for no such limit.
        box: A box, or None.
        excluded: Countries where it was not taken.
    """

    countries: frozenset[str] = frozenset()
    box: BBox | None = None
    excluded: frozenset[str] = frozenset()

    @classmethod
    def parse(
        cls, within: str | Iterable[str] | BBox | None, exclude: str | Iterable[str] | None, partition: Partition
    ) -> Constraints:
        """Constraints from what a user types: ``"ES"``, ``"ES,PT"``, ``"-9.5,36,3.3,43.8"``; excluded: ``"US"``.

        Raises:
            RequestError: If a country is unknown or a box is malformed.
        """
        box = within if isinstance(within, BBox) else _box(within) if isinstance(within, str) else None
        names = [] if within is None or box is not None or isinstance(within, BBox) else _codes(within, partition)
        return cls(frozenset(names), box, frozenset(_codes(exclude or (), partition)))

    def __bool__(self) -> bool:
        return bool(self.countries or self.box or self.excluded)

    def apply(self, distribution: CellDistribution) -> CellDistribution:
        """``distribution`` given that the constraints hold; itself where there are none.

        Raises:
            RequestError: If nothing of it is left.
        """
        if not self:
            return distribution
        partition = distribution.partition
        allowed = np.array(
            [
                float((not self.countries or code[:2] in self.countries) and code[:2] not in self.excluded)
                for code in partition.region_codes
            ]
        )
        p = distribution.p.astype(np.float64) * partition.mean_over_regions(allowed)
        in_cell = distribution.in_cell
        if self.box is not None:
            p, in_cell = _inside(self.box, distribution, p)
        total = p.sum()
        if not total > 0.0:
            raise RequestError(f"no place on Earth is left: {self.describe()}; loosen one of the constraints")
        return CellDistribution(partition, (p / total).astype(np.float32), in_cell)

    def describe(self) -> str:
        """The constraints in words."""
        parts = []
        if self.countries:
            parts.append(f"within {', '.join(sorted(self.countries))}")
        if self.box:
            parts.append(f"within {self.box.west:g},{self.box.south:g},{self.box.east:g},{self.box.north:g}")
        if self.excluded:
            parts.append(f"not in {', '.join(sorted(self.excluded))}")
        return " and ".join(parts)


def _inside(box: BBox, distribution: CellDistribution, p: NDArray[np.float64]) -> tuple[NDArray[np.float64], InCell]:
    """Mass of each cell inside the box, and where it lies there."""
    lat, lon = distribution.sub_points()  # [n, k]
    inside = box.contains(lat, lon)
    share = inside.mean(axis=1)
    mean_lat, mean_lon = distribution.lat.copy(), distribution.lon.copy()
    spread = distribution.spread_km.copy()
    cut = np.flatnonzero((share > 0.0) & (share < 1.0))
    groups = [(int(i), lat[i, inside[i]], lon[i, inside[i]]) for i in cut]
    if not (p * share).any():
        # The box is smaller than the cells it lies in: each cell's mass is taken where a grid over the box meets it.
        grid_lat, grid_lon = box.grid(_GRID)
        cells = distribution.partition.cells_of(grid_lat, grid_lon)
        share = np.bincount(cells, minlength=len(p)) / len(cells)
        groups = [(int(i), grid_lat[cells == i], grid_lon[cells == i]) for i in np.unique(cells)]
    for i, lats, lons in groups:
        mean_lat[i], mean_lon[i] = spherical_mean(lats, lons)
        apart = haversine_km(mean_lat[i], mean_lon[i], lats, lons)
        spread[i] = min(spread[i], max(float(np.sqrt((apart**2).mean() / 2.0)), 0.05))
    return p * share, InCell(mean_lat, mean_lon, spread)


def _box(text: str) -> BBox | None:
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    if len(numbers) != 4:
        raise RequestError(f"not a box: {text!r}; give west,south,east,north in degrees, such as -9.5,36,3.3,43.8")
    return BBox(*numbers)


def _codes(text: str | Iterable[str], partition: Partition) -> list[str]:
    parts = text.split(",") if isinstance(text, str) else list(text)
    codes = [part.strip().upper() for part in parts if part.strip()]
    known = set(partition.country_codes)
    for code in codes:
        if code not in known:
            raise RequestError(f"unknown country {code!r}: use ISO 3166-1 alpha-2 codes such as ES, GB or US")
    if not codes and parts:
        raise RequestError("an empty country: use ISO 3166-1 alpha-2 codes such as ES, GB or US")
    return codes
