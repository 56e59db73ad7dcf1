"""What the user already knows: ``within`` a country or box, ``not`` in a country. Applied to the result, afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.errors import RequestError
from data.gazetteer import load_default as load_gazetteer
from data.gazetteer import the_country
from data.geodesy import EARTH_RADIUS_KM, gaussian_points, haversine_km, spherical_mean
from data.in_cell import InCell
from data.partition import Partition
from fusion.cut_spots import cut_spots

__all__ = ["BBox", "Constraints", "Exclude", "Within"]

_GRID = 24  # points per side laid over the box
_POINTS, _ENOUGH = 256, 32  # sub-points of a cell at the box's edge, and how many inside say where its mass lies
_LEAST_SPREAD_KM = 0.01
_NAMED = 6  # countries in words
_SIDE_POINTS = 64  # sub-points of a border cell that are asked on which side they lie


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


Within = str | Sequence[str] | Sequence[float] | BBox | None
"""Countries or a box: ``"ES"``, ``"ES,PT"``, ``["ES", "PT"]``, ``"-9.5,36,3.3,43.8"``, ``(-9.5, 36, 3.3, 43.8)``."""

Exclude = str | Sequence[str] | None
"""Countries: ``"US"``, ``["US", "CA"]``."""


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
    def parse(cls, within: Within, exclude: Exclude, partition: Partition) -> Constraints:
        """Constraints from what a user types: ``"ES"``, ``"ES,PT"``, ``"-9.5,36,3.3,43.8"``; excluded: ``"US"``.

        Raises:
            RequestError: If a country is unknown or a box is malformed.
        """
        box, codes = None, []
        if isinstance(within, BBox):
            box = within
        elif isinstance(within, str):
            box = _box(within)
        elif within is not None:
            box = _box(",".join(map(str, within)))
        if within is not None and not isinstance(within, BBox) and box is None:
            codes = _codes(map(str, within) if not isinstance(within, str) else within, partition)
        return cls(frozenset(codes), box, frozenset([] if exclude is None else _codes(exclude, partition)))

    def __bool__(self) -> bool:
        return bool(self.countries or self.box or self.excluded)

    def apply(self, distribution: CellDistribution) -> CellDistribution:
        """``distribution`` given that the constraints hold; itself where there are none.

        Raises:
            RequestError: If nothing of it is left.
        """
        return self.measured(distribution)[0]

    def measured(self, distribution: CellDistribution) -> tuple[CellDistribution, float]:
        """As ``apply``, and which share of the probability lay where the constraints hold, 0 to 1.

        Raises:
            RequestError: If nothing of it is left.
        """
        masked, share = self._restricted(distribution)
        if masked.allowed is None or not (self.countries or self.excluded):
            return masked, share
        return _on_its_side(masked, masked.allowed), share

    def restrict(self, distribution: CellDistribution) -> CellDistribution:
        """As ``apply``, but a border cell's own Gaussian stays where it is: enough to ask for probabilities.

        A spot is cut by where it lies itself, not by its cell: by the nearest places' countries, or by the box.

        Raises:
            RequestError: If nothing of it is left.
        """
        return self._restricted(distribution)[0]

    def _restricted(self, distribution: CellDistribution) -> tuple[CellDistribution, float]:
        if not self:
            return distribution, 1.0
        partition = distribution.partition
        allowed = np.array(
            [
                (not self.countries or code[:2] in self.countries) and code[:2] not in self.excluded
                for code in partition.region_codes
            ]
        )
        share = partition.mean_over_regions(allowed)
        p, in_cell = distribution.p.astype(np.float64), distribution.in_cell
        if distribution.spots is None:
            p = p * share
        else:
            distribution, kept = _spots_on_their_side(distribution, allowed, share)
            p, in_cell = p * kept, distribution.in_cell
        if self.box is not None:
            p, in_cell = _inside(self.box, distribution, p)
        total = float(p.sum())
        if not total > 0.0:
            raise RequestError(f"no place on Earth is left: {self.describe()}; loosen one of the constraints")
        left = CellDistribution(partition, (p / total).astype(np.float32), in_cell, allowed)
        return left, min(total / float(distribution.p.sum(dtype=np.float64)), 1.0)

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

    def words(self) -> str:
        """The constraints for a person, countries by their names, those of many counted; "" where there are none.

        >>> Constraints(frozenset({"ES", "PT"}), excluded=frozenset({"US"})).words()
        'within Portugal or Spain and outside the United States'
        """
        parts = []
        if self.countries:
            parts.append(f"within {_names(self.countries)}")
        if self.box:
            west, south, east, north = self.box.west, self.box.south, self.box.east, self.box.north
            parts.append(f"within the box {west:g},{south:g},{east:g},{north:g}")
        if self.excluded:
            parts.append(f"outside {_names(self.excluded)}")
        return " and ".join(parts)


def _names(codes: Iterable[str]) -> str:
    names = sorted(map(the_country, codes))
    if len(names) > _NAMED:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _on_its_side(distribution: CellDistribution, allowed: NDArray[np.bool_]) -> CellDistribution:
    """``distribution`` with the mass of border cells where the nearest place is in an allowed region's country."""
    share = distribution.partition.mean_over_regions(allowed)
    border = np.flatnonzero((share > 0.0) & (share < 1.0 - 1e-6) & (distribution.p > 0.0))
    if not len(border):
        return distribution
    gazetteer = load_gazetteer()
    codes = {code[:2] for code, may in zip(distribution.partition.region_codes, allowed, strict=True) if may}
    lat, lon = gaussian_points(
        distribution.lat[border], distribution.lon[border], distribution.spread_km[border], _SIDE_POINTS
    )
    nearest = gazetteer.countries_of(gazetteer.nearest_ids(lat.ravel(), lon.ravel())).reshape(lat.shape)
    inside = np.isin(nearest, sorted(codes))
    mean_lat, mean_lon, spread = distribution.lat.copy(), distribution.lon.copy(), distribution.spread_km.copy()
    for row, i in enumerate(border.tolist()):
        if not inside[row].any() or inside[row].all():
            continue
        here_lat, here_lon = lat[row, inside[row]], lon[row, inside[row]]
        mean_lat[i], mean_lon[i] = spherical_mean(here_lat, here_lon)
        apart = haversine_km(mean_lat[i], mean_lon[i], here_lat, here_lon)
        # One point has no spread of its own: a part of the cell is as much narrower as its share is smaller.
        least = spread[i] * np.sqrt(inside[row].mean())
        spread[i] = max(float(np.sqrt((apart**2).mean() / 2.0)), float(least))
    inside_cells = InCell(mean_lat, mean_lon, spread, distribution.spots)
    return CellDistribution(distribution.partition, distribution.p, inside_cells, allowed)


def _spots_on_their_side(
    distribution: CellDistribution, allowed: NDArray[np.bool_], share: NDArray[np.float64]
) -> tuple[CellDistribution, NDArray[np.float64]]:
    """Spots of border cells cut by where they lie, and what is left (n,) of each cell's mass on the allowed side."""
    inside, partition = distribution.inside, distribution.partition
    codes = sorted({code[:2] for code, may in zip(partition.region_codes, allowed, strict=True) if may})

    def allows(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
        gazetteer = load_gazetteer()
        nearest = gazetteer.countries_of(gazetteer.nearest_ids(lat.ravel(), lon.ravel()))
        return np.isin(nearest, codes).reshape(lat.shape)

    cells = np.zeros(0, np.int64) if inside.spots is None else inside.spots.cell
    border = (share[cells] > 0.0) & (share[cells] < 1.0 - 1e-6)
    spots, left = cut_spots(inside, share, border, allows)
    in_cell = InCell(inside.lat, inside.lon, inside.spread_km, spots)
    return CellDistribution(partition, distribution.p, in_cell, distribution.allowed), left


def _inside(box: BBox, distribution: CellDistribution, p: NDArray[np.float64]) -> tuple[NDArray[np.float64], InCell]:
    """Mass of each cell inside the box, and where it lies there.

    A cell's Gaussian is met with the box by sub-points of equal weight; where too few of them fall inside to say how
    far they spread, by a grid over the box that is weighed with the Gaussian's density. A spot is met by sub-points.
    """
    share = box.contains(*distribution.sub_points()).mean(axis=1)
    grid = box.grid(_GRID)
    edge = np.union1d(np.flatnonzero((share > 0.0) & (share < 1.0)), distribution.partition.cells_of(*grid))
    mean_lat, mean_lon = distribution.lat.copy(), distribution.lon.copy()
    spread = distribution.spread_km.copy()
    # The area of a grid point in km2; the grid is even in degrees, not in km.
    height_km = EARTH_RADIUS_KM * np.radians(box.north - box.south) / _GRID
    width_km = EARTH_RADIUS_KM * np.radians((box.east - box.west) % 360.0) / _GRID
    area_km2 = height_km * width_km * np.cos(np.radians(grid[0]))
    for i in edge.tolist():
        lat, lon = (x[0] for x in gaussian_points(mean_lat[i : i + 1], mean_lon[i : i + 1], spread[i : i + 1], _POINTS))
        inside = box.contains(lat, lon)
        weights = np.full(int(inside.sum()), 1.0 / _POINTS)
        lat, lon = lat[inside], lon[inside]
        if len(weights) < _ENOUGH:
            lat, lon = grid
            apart = haversine_km(mean_lat[i], mean_lon[i], lat, lon)
            weights = area_km2 * np.exp(-(apart**2) / (2.0 * spread[i] ** 2)) / (2.0 * np.pi * spread[i] ** 2)
        share[i] = min(float(weights.sum()), 1.0)
        if share[i] > 0.0:
            mean_lat[i], mean_lon[i] = spherical_mean(lat, lon, weights)
            apart = haversine_km(mean_lat[i], mean_lon[i], lat, lon)
            spread[i] = max(float(np.sqrt((weights * apart**2).sum() / weights.sum() / 2.0)), _LEAST_SPREAD_KM)
    spots = distribution.spots
    if spots is None:
        return p * share, InCell(mean_lat, mean_lon, spread)
    spots, left = cut_spots(distribution.inside, share, np.ones(len(spots), bool), box.contains)
    return p * left, InCell(mean_lat, mean_lon, spread, spots)


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
    if not codes:
        raise RequestError("an empty country: use ISO 3166-1 alpha-2 codes such as ES, GB or US")
    return codes
