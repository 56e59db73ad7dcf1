"""A probability distribution over the cells of a partition, and what can be asked of it.

Inside a cell the mass is an isotropic Gaussian, the cell's mean and spread unless evidence has narrowed them, and
beside it some narrower ones where evidence knows a spot (``data.spots``).
Latitudes and longitudes are never averaged; every mean is taken on the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import RequestError
from data.geodesy import RAYLEIGH_MEDIAN, gaussian_points
from data.geojson import feature_collection
from data.in_cell import InCell, grouped_in_cell
from data.mass_parts import RINGS, MassParts, heaviest
from data.partition import Partition
from data.spots import Spots

__all__ = ["CellDistribution", "CellShare", "CredibleRegion", "InCell", "Utility"]

Utility = Literal["geoscore", "distance", "mode"]


@dataclass(frozen=True, slots=True)
class CellShare:
    """One cell of a distribution: its index, mean point (degrees), mass, half-mass radius (km) and main country."""

    index: int
    lat: float
    lon: float
    p: float
    radius_km: float
    country: str


@dataclass(frozen=True, eq=False)
class CredibleRegion:
    """The smallest region that holds at least ``mass``.

    Attributes:
        cells: (m,) indices of the cells that any of it lies in, densest first.
        area_km2: Its area.
        mass: What it holds.
        spots: (k,) indices of spots (``CellDistribution.spots``) that are all of it in their cell; a cell of theirs is
            not taken as a whole, only the disc of two sigma around each.
    """

    cells: NDArray[np.int64]
    area_km2: float
    mass: float
    spots: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class CellDistribution:
    """``p[i]`` is the probability that the photo was taken in cell ``i`` of ``partition``.

    Attributes:
        partition: The cells. Two distributions can be compared only on the same partition.
        p: (n,) float32, non-negative, sums to 1.
        in_cell: Where the mass lies inside the cells; None for the partition's own means and spreads.
        allowed: (r,) bool, which of the partition's regions the mass may lie in; None for all. A cell on a border then
            counts for its allowed regions only.

    Raises:
        ValueError: If ``p`` has another shape, is negative or not finite, or does not sum to 1.
    """

    partition: Partition
    p: NDArray[np.float32]
    in_cell: InCell | None = field(default=None)
    allowed: NDArray[np.bool_] | None = field(default=None)

    def __post_init__(self) -> None:
        if self.p.shape != (len(self.partition),) or self.p.dtype != np.float32:
            raise ValueError(f"p must be ({len(self.partition)},) float32, not {self.p.shape} {self.p.dtype}")
        total = float(self.p.sum(dtype=np.float64))
        if not (np.isfinite(total) and self.p.min() >= 0.0 and abs(total - 1.0) < 1e-4):
            raise ValueError(f"probabilities must be non-negative and sum to 1, not {total!r}")
        if self.in_cell is not None and self.in_cell.lat.shape != self.p.shape:
            raise ValueError("in_cell belongs to another partition")
        if self.allowed is not None and self.allowed.shape != (len(self.partition.region_codes),):
            raise ValueError("allowed has one entry for each region of the partition")
        self.p.setflags(write=False)

    @classmethod
    def from_logits(
        cls, partition: Partition, logits: NDArray[np.float64], in_cell: InCell | None = None
    ) -> CellDistribution:
        """Softmax of ``logits``, (n,) and at least one of them finite; ``-inf`` gives 0."""
        peak = float(np.max(logits))
        if not np.isfinite(peak):
            raise ValueError("at least one logit must be finite, and none may be NaN or +inf")
        weights = np.exp(np.asarray(logits, dtype=np.float64) - peak)
        return cls(partition, (weights / weights.sum()).astype(np.float32), in_cell)

    @property
    def lat(self) -> NDArray[np.float64]:
        """(n,) degrees: the mean of each cell's own Gaussian."""
        return self.partition.lat if self.in_cell is None else self.in_cell.lat

    @property
    def lon(self) -> NDArray[np.float64]:
        """(n,) degrees: the mean of each cell's own Gaussian."""
        return self.partition.lon if self.in_cell is None else self.in_cell.lon

    @property
    def spread_km(self) -> NDArray[np.float64]:
        """(n,) km: standard deviation per axis of each cell's own Gaussian."""
        return np.asarray(self.partition.spread_km if self.in_cell is None else self.in_cell.spread_km, np.float64)

    @property
    def spots(self) -> Spots | None:
        """Narrow parts of the mass beside the cells' own Gaussians; None where there are none."""
        return None if self.in_cell is None else self.in_cell.spots

    @property
    def inside(self) -> InCell:
        """Where the mass lies inside the cells: ``in_cell``, or the partition's own means and spreads."""
        return InCell(self.lat, self.lon, self.spread_km) if self.in_cell is None else self.in_cell

    def require_same_partition(self, other: CellDistribution) -> None:
        """Raise RequestError unless ``other`` lives on the same partition."""
        if self.partition.hash != other.partition.hash:
            raise RequestError(
                f"distributions on two partitions cannot be mixed ({self.partition.name} and {other.partition.name}): "
                "build both on the same one"
            )

    def top(self, k: int = 5) -> list[CellShare]:
        """The ``k`` cells with the most mass, most first; ties by index.

        The point of a cell with spots is the mean, of its own Gaussian or of a spot, from which the expected distance
        to its mass is shortest.
        """
        order = heaviest(self.p, max(k, 0))
        shares = []
        for i, country in zip(order.tolist(), self.main_countries(order), strict=True):
            part = self._named_part(i)
            lat, lon = float(self._parts.lat[part]), float(self._parts.lon[part])
            radius = float(RAYLEIGH_MEDIAN * self._parts.spread_km[part])
            rows = [i] if self.spots is None else self._parts.rows_of(i)
            if len(rows) > 1 and self.p[i] > 0.0:
                radius = self._parts.radius_km(lat, lon, 0.5, np.asarray(rows))
            shares.append(CellShare(i, lat, lon, float(self.p[i]), radius, country))
        return shares

    def entropy(self) -> float:
        """Shannon entropy in bits."""
        p = self.p[self.p > 0].astype(np.float64)
        return float(-(p * np.log2(p)).sum()) + 0.0

    def countries(self) -> dict[str, float]:
        """ISO 3166-1 alpha-2 code to probability, most probable first; sums to 1.

        Of a cell on a border each country has its share, but of a spot in it the one that the spot lies in has all.
        """
        if self.allowed is None and self.spots is None:
            return self.partition.country_mass(self.p)
        mass: dict[str, float] = {}
        for code, p in self.regions().items():
            mass[code[:2]] = mass.get(code[:2], 0.0) + p
        return dict(sorted(mass.items(), key=lambda item: (-item[1], item[0])))

    def regions(self) -> dict[str, float]:
        """GeoNames admin-1 code (``"US.CA"``) to probability, most probable first; sums to 1."""
        if self.allowed is None:
            mass = self.partition.region_mass(self.p)
        else:
            share = self.partition.mean_over_regions(self.allowed)
            within = np.divide(self.p, share, out=np.zeros(len(self.p)), where=share > 0)
            permitted = {code for code, may in zip(self.partition.region_codes, self.allowed, strict=True) if may}
            mass = {code: p for code, p in self.partition.region_mass(within).items() if code in permitted}
        if self.spots is None:
            return mass
        from data.spot_regions import region_changes  # the gazetteer, which no distribution without spots needs

        for code, change in region_changes(self.partition, self.p, self.spots, self.allowed).items():
            mass[code] = max(mass.get(code, 0.0) + change, 0.0)
        return {code: p for code, p in sorted(mass.items(), key=lambda item: (-item[1], item[0])) if p > 0.0}

    def main_countries(self, cells: ArrayLike) -> list[str]:
        """Country of the largest share of each of ``cells`` (m,), among those that are allowed."""
        if self.allowed is None:
            return [self.partition.main_country[i] for i in np.asarray(cells).tolist()]
        found = []
        for i in np.asarray(cells).tolist():
            entries = slice(self.partition.region_indptr[i], self.partition.region_indptr[i + 1])
            mass: dict[str, float] = {}
            for region, share in zip(
                self.partition.region_indices[entries].tolist(),
                self.partition.region_shares[entries].tolist(),
                strict=True,
            ):
                code = self.partition.region_codes[region][:2]
                mass[code] = mass.get(code, 0.0) + share * (0.0001 + self.allowed[region])
            found.append(max(mass, key=lambda code: mass[code]))
        return found

    def at_level(self, level: str) -> CellDistribution:
        """The same mass on a coarser level of the partition: ``"coarse"``, ``"middle"`` or ``"fine"``.

        Where the mass inside the cells was narrowed, it keeps its mean and variance in the coarser ones, and its spots.
        """
        if level == self.partition.level:
            return self
        parents = self.partition.parents(level)
        coarser = self.partition.at(level)
        mass = np.bincount(parents, weights=self.p.astype(np.float64), minlength=len(coarser))
        in_cell = self.in_cell
        if in_cell is not None:
            own = InCell(coarser.lat, coarser.lon, coarser.spread_km.astype(np.float64))
            in_cell = grouped_in_cell(in_cell, self.p.astype(np.float64), parents, own)
        return CellDistribution(coarser, (mass / mass.sum()).astype(np.float32), in_cell, self.allowed)

    def credible(self, mass: float) -> CredibleRegion:
        """The smallest region with probability ``mass``, by density (probability per km2), densest first.

        It is made of whole cells and of spots. A narrowed Gaussian, or a spot, holds its mass in about the disc of two
        sigma, not in the cell's whole area.

        Raises:
            ValueError: If ``mass`` is not in (0, 1].
        """
        if not 0.0 < mass <= 1.0:
            raise ValueError(f"mass must lie in (0, 1], not {mass!r}")
        parts, area = self._parts, self.partition.area_km2.astype(np.float64)
        if self.in_cell is not None:
            area = area[parts.cell]
            disc = 4.0 * np.pi * parts.spread_km**2
            area = np.where(parts.own, area, np.minimum(area, disc))
            area[parts.first_spot :] = disc[parts.first_spot :]
        order = np.argsort(-(parts.mass / area), kind="stable")
        cumulative = np.cumsum(parts.mass[order], dtype=np.float64)
        count = min(int(np.searchsorted(cumulative, mass * cumulative[-1] - 1e-12)) + 1, len(order))
        rows = order[:count]
        if len(parts) == parts.first_spot:
            return CredibleRegion(rows, float(area[rows].sum()), float(cumulative[count - 1]))
        spots, whole = rows[rows >= parts.first_spot], np.zeros(len(self.partition), bool)
        whole[rows[rows < parts.first_spot]] = True
        # A spot lies in its cell: where that is taken as a whole, it adds no area.
        apart = spots[~whole[parts.cell[spots]]]
        cells, first = np.unique(parts.cell[rows], return_index=True)
        return CredibleRegion(
            cells[np.argsort(first, kind="stable")],
            float(area[np.flatnonzero(whole)].sum() + area[apart].sum()),
            float(cumulative[count - 1]),
            apart - parts.first_spot,
        )

    def radius_km(self, lat: float, lon: float, mass: float = 0.5) -> float:
        """Radius in km around the point that holds ``mass`` of the probability; never 0.

        Raises:
            ValueError: If ``mass`` is not in (0, 1).
        """
        if not 0.0 < mass < 1.0:
            raise ValueError(f"mass must lie in (0, 1), not {mass!r}")
        return self._parts.radius_km(lat, lon, mass)

    def mass_within(self, lat: float, lon: float, radius_km: float) -> float:
        """Probability that the photo was taken within ``radius_km`` of the point."""
        return self._parts.mass_within(lat, lon, radius_km)

    def point(self, utility: Utility = "geoscore") -> tuple[float, float]:
        """The point ``(lat, lon)`` with the highest expected utility.

        ``"geoscore"`` maximises the expected GeoScore ``5000 exp(-d / 1492.7 km)``, ``"distance"`` minimises the
        expected distance, ``"mode"`` is the point of the cell with the most mass, as `top` names it. Candidates are the
        means of cells and spots; their own spread is added to the distance in quadrature.
        """
        if utility == "mode":
            best = self._named_part(int(np.argmax(self.p)))
        elif utility in ("geoscore", "distance"):
            best = self._parts.best(utility)
        else:
            raise RequestError(f"unknown utility {utility!r}: choose geoscore, distance or mode")
        return float(self._parts.lat[best]), float(self._parts.lon[best])

    def sub_points(self, k: int = RINGS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, k) latitudes and longitudes: ``k`` points of equal weight that stand for each cell's own Gaussian."""
        lats, lons = self.partition.sample_points(k)
        changed = np.flatnonzero(~self._parts.own[: len(self.partition)])
        if len(changed):
            lats, lons = lats.copy(), lons.copy()
            lats[changed], lons[changed] = gaussian_points(
                self.lat[changed], self.lon[changed], self.spread_km[changed], k
            )
        return lats, lons

    def to_geojson(self, k: int = 200) -> dict[str, Any]:
        """The ``k`` likeliest cells as GeoJSON: a FeatureCollection of polygons with ``p``, ``country``, ``radius_km``.

        Their spots follow as points with the same properties, likeliest first; their ``p`` is part of their cell's.
        """
        return feature_collection(self, k)

    @cached_property
    def _parts(self) -> MassParts:
        return MassParts.of(self.partition, self.p, self.in_cell)

    def _named_part(self, cell: int) -> int:
        """Row of the part whose mean is the cell's point."""
        return cell if self.spots is None else self._parts.best_of(self._parts.rows_of(cell))
