"""A probability distribution over the cells of a partition, and what can be asked of it.

Inside a cell the mass is an isotropic Gaussian: the cell's mean and spread unless evidence has narrowed them.
Latitudes and longitudes are never averaged; every mean is taken on the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data import s2
from data.errors import RequestError
from data.geodesy import EARTH_RADIUS_KM, gaussian_points, geoscore, haversine_km, unit_vectors
from data.in_cell import InCell, grouped_in_cell
from data.partition import Partition

__all__ = ["CellDistribution", "CellShare", "CredibleRegion", "InCell", "Utility"]

Utility = Literal["geoscore", "distance", "mode"]

_RAYLEIGH_MEDIAN = 1.1774100225154747  # sqrt(2 ln 2): half of an isotropic 2-D Gaussian lies within this many sigma
_RINGS = 16  # sub-points per cell for distances; 32 move a half-mass radius by under 2 %
_CANDIDATES = 128  # points tried by point(): the best cells of the best neighbourhoods
_NEGLIGIBLE = 1e-9  # cells with less mass cannot move a point or a radius


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
    """The smallest set of cells that holds at least ``mass``: (m,) indices, densest first, its area and its mass."""

    cells: NDArray[np.int64]
    area_km2: float
    mass: float


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
        """(n,) degrees: the mean of the mass inside each cell."""
        return self.partition.lat if self.in_cell is None else self.in_cell.lat

    @property
    def lon(self) -> NDArray[np.float64]:
        """(n,) degrees: the mean of the mass inside each cell."""
        return self.partition.lon if self.in_cell is None else self.in_cell.lon

    @property
    def spread_km(self) -> NDArray[np.float64]:
        """(n,) km: standard deviation per axis of the mass inside each cell."""
        return np.asarray(self.partition.spread_km if self.in_cell is None else self.in_cell.spread_km, np.float64)

    def require_same_partition(self, other: CellDistribution) -> None:
        """Raise RequestError unless ``other`` lives on the same partition."""
        if self.partition.hash != other.partition.hash:
            raise RequestError(
                f"distributions on two partitions cannot be mixed ({self.partition.name} and {other.partition.name}): "
                "build both on the same one"
            )

    def top(self, k: int = 5) -> list[CellShare]:
        """The ``k`` cells with the most mass, most first; ties by index."""
        order = np.argsort(-self.p, kind="stable")[: max(k, 0)]
        return [
            CellShare(
                index=int(i),
                lat=float(self.lat[i]),
                lon=float(self.lon[i]),
                p=float(self.p[i]),
                radius_km=float(_RAYLEIGH_MEDIAN * self.spread_km[i]),
                country=country,
            )
            for i, country in zip(order.tolist(), self.main_countries(order), strict=True)
        ]

    def entropy(self) -> float:
        """Shannon entropy in bits."""
        p = self.p[self.p > 0].astype(np.float64)
        return float(-(p * np.log2(p)).sum()) + 0.0

    def countries(self) -> dict[str, float]:
        """ISO 3166-1 alpha-2 code to probability, most probable first; sums to 1."""
        if self.allowed is None:
            return self.partition.country_mass(self.p)
        mass: dict[str, float] = {}
        for code, p in self.regions().items():
            mass[code[:2]] = mass.get(code[:2], 0.0) + p
        return dict(sorted(mass.items(), key=lambda item: (-item[1], item[0])))

    def regions(self) -> dict[str, float]:
        """GeoNames admin-1 code (``"US.CA"``) to probability, most probable first; sums to 1."""
        if self.allowed is None:
            return self.partition.region_mass(self.p)
        share = self.partition.mean_over_regions(self.allowed)
        within = np.divide(self.p, share, out=np.zeros(len(self.p)), where=share > 0)
        permitted = {code for code, allowed in zip(self.partition.region_codes, self.allowed, strict=True) if allowed}
        return {code: p for code, p in self.partition.region_mass(within).items() if code in permitted}

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

        Where the mass inside the cells was narrowed, it keeps its mean and variance in the coarser ones.
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
        """The smallest region with probability ``mass``: cells taken by density (probability per km2), densest first.

        Raises:
            ValueError: If ``mass`` is not in (0, 1].
        """
        if not 0.0 < mass <= 1.0:
            raise ValueError(f"mass must lie in (0, 1], not {mass!r}")
        area = self.partition.area_km2.astype(np.float64)
        if self.in_cell is not None:
            # Narrowed cells hold their mass in about the disc of two sigma, not in their whole area.
            area = np.minimum(area, 4.0 * np.pi * self.spread_km**2)
        order = np.argsort(-(self.p / area), kind="stable")
        cumulative = np.cumsum(self.p[order], dtype=np.float64)
        count = min(int(np.searchsorted(cumulative, mass * cumulative[-1] - 1e-12)) + 1, len(order))
        cells = order[:count]
        return CredibleRegion(cells, float(area[cells].sum()), float(cumulative[count - 1]))

    def radius_km(self, lat: float, lon: float, mass: float = 0.5) -> float:
        """Radius in km around the point that holds ``mass`` of the probability; never 0.

        Raises:
            ValueError: If ``mass`` is not in (0, 1).
        """
        if not 0.0 < mass < 1.0:
            raise ValueError(f"mass must lie in (0, 1), not {mass!r}")
        distances, weights = self._distances_from(lat, lon)
        order = np.argsort(distances, kind="stable")
        cumulative = np.cumsum(weights[order])
        return float(distances[order][min(int(np.searchsorted(cumulative, mass * cumulative[-1])), len(order) - 1)])

    def mass_within(self, lat: float, lon: float, radius_km: float) -> float:
        """Probability that the photo was taken within ``radius_km`` of the point."""
        distances, weights = self._distances_from(lat, lon)
        return float(weights[distances <= radius_km].sum() / weights.sum())

    def point(self, utility: Utility = "geoscore") -> tuple[float, float]:
        """The point ``(lat, lon)`` with the highest expected utility.

        ``"geoscore"`` maximises the expected GeoScore ``5000 exp(-d / 1492.7 km)``, ``"distance"`` minimises the
        expected distance, ``"mode"`` is the mean of the cell with the most mass. Candidates are the means of cells;
        a cell's own spread is added to its distance in quadrature.
        """
        if utility == "mode":
            best = int(np.argmax(self.p))
            return float(self.lat[best]), float(self.lon[best])
        if utility not in ("geoscore", "distance"):
            raise RequestError(f"unknown utility {utility!r}: choose geoscore, distance or mode")
        # Two passes: all coarse cells first, then the best cells near the best of them and the best anywhere.
        vectors, p, spread = self._vectors, self.p.astype(np.float64), self.spread_km
        parents = self.partition.parents("coarse")
        n_coarse = int(parents.max()) + 1
        mass = np.bincount(parents, weights=p, minlength=n_coarse)
        centres = np.stack([np.bincount(parents, weights=p * vectors[:, k], minlength=n_coarse) for k in range(3)], 1)
        norm = np.linalg.norm(centres, axis=1)
        held = (mass > _NEGLIGIBLE) & (norm > 0)
        centres, mass = centres[held] / norm[held, None], mass[held]
        rough = _expected_utility(centres, centres, mass, np.full(len(mass), 100.0), utility)
        nearness = vectors @ centres[int(np.argmax(rough))]
        rank = np.argsort(-p, kind="stable")
        near = rank[nearness[rank] > np.cos(3000.0 / EARTH_RADIUS_KM)][:_CANDIDATES]
        candidates = np.unique(np.concatenate([near, rank[: _CANDIDATES // 4]]))
        kept = p > _NEGLIGIBLE
        scores = _expected_utility(vectors[candidates], vectors[kept], p[kept], spread[kept], utility)
        best = int(candidates[int(np.argmax(scores))])
        return float(self.lat[best]), float(self.lon[best])

    def sub_points(self, k: int = _RINGS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, k) latitudes and longitudes: ``k`` points of equal weight that stand for the mass inside each cell."""
        if self.in_cell is None:
            return self.partition.sample_points(k)
        return gaussian_points(self.lat, self.lon, self.spread_km, k)

    def to_geojson(self, k: int = 200) -> dict[str, Any]:
        """The ``k`` likeliest cells as a GeoJSON FeatureCollection of polygons with ``p`` and ``country``."""
        shares = self.top(k)
        corners = s2.corners(self.partition.cell_ids[[share.index for share in shares]])[..., ::-1].tolist()
        features = [
            {
                "type": "Feature",
                "properties": {"p": share.p, "country": share.country, "radius_km": share.radius_km},
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
            for share, ring in zip(shares, corners, strict=True)
        ]
        return {"type": "FeatureCollection", "features": features}

    @cached_property
    def _vectors(self) -> NDArray[np.float64]:
        return unit_vectors(self.lat, self.lon)

    def _distances_from(self, lat: float, lon: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distances (km) of the sub-points of all cells that matter, and their weights."""
        kept = self.p > _NEGLIGIBLE
        lats, lons = self.sub_points()  # [n, _RINGS]
        return haversine_km(lat, lon, lats[kept], lons[kept]).ravel(), np.repeat(
            self.p[kept].astype(np.float64) / _RINGS, _RINGS
        )


def _arc_km(cosine: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.float32(EARTH_RADIUS_KM) * np.arccos(np.clip(cosine, -1.0, 1.0)))


def _expected_utility(
    points: NDArray[np.float64],
    vectors: NDArray[np.float64],
    p: NDArray[np.float64],
    spread_km: ArrayLike,
    utility: str,
) -> NDArray[np.float64]:
    """(k,) expected utility of ``points`` (k, 3) under cells at ``vectors`` (n, 3)."""
    # The mean square distance to an isotropic Gaussian is d^2 + 2 s^2.
    # Single precision is within 3 km here, far below what moves an expectation, and twice as fast.
    cosine = points.astype(np.float32) @ vectors.astype(np.float32).T
    distance = np.hypot(_arc_km(cosine), np.sqrt(2.0) * np.asarray(spread_km, np.float32))  # [k, n]
    return np.asarray((geoscore(distance) if utility == "geoscore" else -distance) @ p)
