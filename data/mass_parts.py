"""The Gaussians that a distribution's mass is made of, and points and radii taken over them.

Each cell has its own Gaussian; spots (``data.spots``) come after them. A Gaussian is met by points of equal weight
that stand for it where it straddles a circle, and counts as a whole where it lies on one side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, GEOSCORE_KM, gaussian_points, geoscore, haversine_km, unit_vectors

if TYPE_CHECKING:
    from data.in_cell import InCell
    from data.partition import Partition

__all__ = ["RINGS", "MassParts", "heaviest"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

RINGS = 16  # sub-points per cell for distances; 32 move a half-mass radius by under 2 %
_FINE_RINGS = 256  # of the heavy parts of a cell with spots: masses within a distance to 1 %
_FINE_MASS = 0.01
_REACH, _FINE_REACH = 2.65, 3.55  # spreads from its Gaussian's mean beyond which no sub-point lies, of so many
_SLACK_KM = 0.01  # an arc from a product of unit vectors is off by less
_BIN_KM = 20.0
_CANDIDATES = 128  # points tried: the best parts of the best neighbourhoods
_SHORTLIST = 16  # of them, those that are tried against every part
_OPEN = 0.01  # groups of cells with more mass are not seen as one when the shortlist is made
_NEGLIGIBLE = 1e-9  # parts with less mass cannot move a point or a radius
_BESIDE_KM = 100.0  # where spots are told apart from what lies around them, to the metre
_NEAR_KM = 300.0  # mass within this is seen part by part then
_TRIED = 32


@dataclass(frozen=True, eq=False)
class MassParts:
    """Gaussians and their masses: row i < n is the own Gaussian of cell i, rows from n on are the spots.

    Attributes:
        partition: The n cells.
        cell: (m,) which cell each lies in.
        lat: (m,) degrees.
        lon: (m,) degrees.
        spread_km: (m,) km, standard deviation per axis.
        mass: (m,) probability.
        vectors: (m, 3) unit vectors of the means.
        own: (m,) bool, whether it is the Gaussian that the partition gives the cell.
    """

    partition: Partition
    cell: Indices
    lat: Floats
    lon: Floats
    spread_km: Floats
    mass: Floats
    vectors: Floats
    own: NDArray[np.bool_]

    @classmethod
    def of(cls, partition: Partition, p: NDArray[np.float32], in_cell: InCell | None) -> MassParts:
        """The parts of a distribution ``p`` (n,) whose cells are filled as ``in_cell`` says, None for as they are."""
        mass = p.astype(np.float64)
        spread = partition.spread_km.astype(np.float64)
        cell, n = np.arange(len(p)), len(p)
        if in_cell is None:
            every = np.ones(n, bool)
            return cls(partition, cell, partition.lat, partition.lon, spread, mass, partition.vectors, every)
        own = (in_cell.lat == partition.lat) & (in_cell.lon == partition.lon) & (in_cell.spread_km == spread)
        vectors, changed = partition.vectors, np.flatnonzero(~own)
        if len(changed):
            vectors = vectors.copy()
            vectors[changed] = unit_vectors(in_cell.lat[changed], in_cell.lon[changed])
        lat, lon, spread, spots = in_cell.lat, in_cell.lon, in_cell.spread_km, in_cell.spots
        if spots is not None:
            cell = np.concatenate([cell, spots.cell])
            lat, lon = np.concatenate([lat, spots.lat]), np.concatenate([lon, spots.lon])
            spread = np.concatenate([spread, spots.sigma_km])
            vectors = np.concatenate([vectors, spots.vectors()])
            own = np.concatenate([own, np.zeros(len(spots), bool)])
            mass = np.concatenate([mass * in_cell.rest, mass[spots.cell] * spots.share])
        return cls(partition, cell, lat, lon, spread, mass, vectors, own)

    def __len__(self) -> int:
        return len(self.cell)

    @property
    def first_spot(self) -> int:
        """Row of the first spot: how many cells there are."""
        return len(self.partition)

    def rows_of(self, cell: int) -> Indices:
        """Rows that lie in ``cell``, its own Gaussian first."""
        n = self.first_spot
        return np.concatenate([[cell], n + np.flatnonzero(self.cell[n:] == cell)]).astype(np.int64)

    def points(self, rows: Indices) -> tuple[Floats, Floats, Floats]:
        """Points that stand for the parts ``rows``: latitudes, longitudes and masses, (k,) each."""
        fine = self._fine[rows]
        plain, known = rows[~fine], self.own[rows[~fine]]
        lats, lons = np.empty((len(plain), RINGS)), np.empty((len(plain), RINGS))
        all_lats, all_lons = self.partition.sample_points(RINGS)  # kept by the partition
        lats[known], lons[known] = all_lats[plain[known]], all_lons[plain[known]]
        other = plain[~known]
        lats[~known], lons[~known] = gaussian_points(self.lat[other], self.lon[other], self.spread_km[other], RINGS)
        dense = rows[fine]
        more = gaussian_points(self.lat[dense], self.lon[dense], self.spread_km[dense], _FINE_RINGS)
        weights = [np.repeat(self.mass[plain] / RINGS, RINGS), np.repeat(self.mass[dense] / _FINE_RINGS, _FINE_RINGS)]
        lat, lon = np.concatenate([lats.ravel(), more[0].ravel()]), np.concatenate([lons.ravel(), more[1].ravel()])
        return lat, lon, np.concatenate(weights)

    def radius_km(self, lat: float, lon: float, mass: float, rows: Indices | None = None) -> float:
        """Radius in km around the point that holds ``mass`` (0 to 1) of the mass of ``rows``, of all where None."""
        rows, centre = self._held if rows is None else rows, unit_vectors(lat, lon)
        near, far = self._interval(rows, centre)
        masses = self.mass[rows]
        goal = mass * masses.sum()
        # Nearer than the first bin and farther than the second the circle cannot end: only what straddles them is met
        # point by point.
        low = _bin_of(near, masses, goal) * _BIN_KM - _SLACK_KM
        high = (_bin_of(far, masses, goal) + 1.0) * _BIN_KM + _SLACK_KM
        below = float(masses[far < low].sum())
        lats, lons, weights = self.points(rows[(far >= low) & (near <= high)])
        distances = haversine_km(lat, lon, lats, lons)
        order = np.argsort(distances, kind="stable")
        cumulative = below + np.cumsum(weights[order])
        return float(distances[order][min(int(np.searchsorted(cumulative, goal)), len(order) - 1)])

    def mass_within(self, lat: float, lon: float, radius_km: float) -> float:
        """Share of the mass that lies within ``radius_km`` of the point."""
        rows = self._held
        near, far = self._interval(rows, unit_vectors(lat, lon))
        masses, whole = self.mass[rows], far <= radius_km
        lats, lons, weights = self.points(rows[~whole & (near <= radius_km)])
        inside = float(weights[haversine_km(lat, lon, lats, lons) <= radius_km].sum())
        return float((masses[whole].sum() + inside) / masses.sum())

    def best(self, utility: str) -> int:
        """Row of the mean with the highest expected utility, ``"geoscore"`` or ``"distance"``."""
        vectors, mass, held = self.vectors, self.mass, self._held
        # Two passes: all coarse cells first, then the best parts near the best of them and the best anywhere.
        coarse, coarse_mass, _ = self._field(np.zeros(0, np.int64))
        rough = _expected_utility(coarse, coarse, coarse_mass, np.full(len(coarse), 100.0), utility)
        near = np.flatnonzero(vectors @ coarse[int(np.argmax(rough))] > np.cos(3000.0 / EARTH_RADIUS_KM))
        near = near[heaviest(mass[near], _CANDIDATES)]
        candidates = np.unique(np.concatenate([near, heaviest(mass, _CANDIDATES // 4)]))
        # All are tried against coarse cells, the weighty ones seen part by part; then the best against every part.
        seen = _expected_utility(vectors[candidates], *self._field(np.flatnonzero(self._groups[1] > _OPEN)), utility)
        tried = candidates[np.sort(heaviest(seen, _SHORTLIST))]
        scores = _expected_utility(vectors[tried], vectors[held], mass[held], self.spread_km[held], utility)
        best = int(tried[int(np.argmax(scores))])
        return best if len(mass) == self.first_spot else self._refined(best, candidates, utility)

    def best_of(self, rows: Indices) -> int:
        """The one of ``rows``, parts of one cell, from whose mean the expected distance to their mass is shortest."""
        distances = _exact_utility(
            self.vectors[rows], self.vectors[rows], self.mass[rows], self.spread_km[rows], "distance"
        )
        return int(rows[int(np.argmax(distances))])

    def _refined(self, best: int, candidates: Indices, utility: str) -> int:
        """The best row near row ``best``, spots among them, told apart to the metre."""
        tried = np.union1d(candidates, self.first_spot + np.flatnonzero(self.mass[self.first_spot :] > _NEGLIGIBLE))
        beside = _arcs(self.vectors[tried], self.vectors[best]) < _BESIDE_KM
        tried = tried[beside]
        tried = np.union1d(tried[heaviest(self.mass[tried], _TRIED)], [best])
        # Far mass pulls alike from all that is tried: as one for each coarse cell.
        near = _arcs(self.vectors, self.vectors[best]) < _NEAR_KM
        opened = np.unique(self._groups[0][near]).astype(np.int64)
        return int(tried[int(np.argmax(_exact_utility(self.vectors[tried], *self._field(opened), utility)))])

    def _field(self, opened: Indices) -> tuple[Floats, Floats, Floats]:
        """Unit vectors (k, 3), masses and spreads (k,) of all mass: the coarse cells ``opened`` part by part."""
        groups, masses, centres, spreads = self._groups
        whole = masses > _NEGLIGIBLE
        whole[opened] = False
        if not len(opened):
            return centres[whole], masses[whole], spreads[whole]
        is_open = np.zeros(len(masses), bool)
        is_open[opened] = True
        rows = self._held[is_open[groups[self._held]]]
        return (
            np.concatenate([self.vectors[rows], centres[whole]]),
            np.concatenate([self.mass[rows], masses[whole]]),
            np.concatenate([self.spread_km[rows], spreads[whole]]),
        )

    @cached_property
    def _groups(self) -> tuple[NDArray[np.int32], Floats, Floats, Floats]:
        """Coarse cell (m,) of each part; masses (g,), unit vectors (g, 3) and spreads (g,) of the coarse cells."""
        groups = self.partition.parents("coarse")[self.cell]
        count = int(groups.max()) + 1

        def summed(values: Floats) -> Floats:
            return np.bincount(groups, weights=values, minlength=count).astype(np.float64)

        masses = summed(self.mass)
        sums = np.stack([summed(self.mass * self.vectors[:, k]) for k in range(3)], axis=1)
        norm = np.linalg.norm(sums, axis=1)
        masses = np.where(norm > 0.0, masses, 0.0)
        held = np.where(norm > 0.0, masses, 1.0)
        centres = sums / np.where(norm > 0.0, norm, 1.0)[:, None]
        # The mean square chord to the centre is 2 - 2 |mean vector|, shared between the two axes.
        apart = EARTH_RADIUS_KM**2 * np.maximum(1.0 - norm / held, 0.0)
        return groups, masses, centres, np.sqrt(summed(self.mass * self.spread_km**2) / held + apart)

    @cached_property
    def _held(self) -> Indices:
        """Rows that matter."""
        return np.flatnonzero(self.mass > _NEGLIGIBLE)

    @cached_property
    def _fine(self) -> NDArray[np.bool_]:
        """(m,) whether a part lies in a cell that has spots, and has enough mass for its shape to matter."""
        fine = np.zeros(len(self.partition), bool)
        fine[self.cell[self.first_spot :]] = True
        return fine[self.cell] & (self.mass > _FINE_MASS)

    def _interval(self, rows: Indices, centre: Floats) -> tuple[Floats, Floats]:
        """Least and greatest distance (km) from the unit vector ``centre`` to a point that stands for each row."""
        vectors = self.vectors if len(rows) == len(self) else self.vectors[rows]
        reach = np.where(self._fine[rows], _FINE_REACH, _REACH) * self.spread_km[rows] + _SLACK_KM
        arcs = _arcs(vectors, centre)
        return np.maximum(arcs - reach, 0.0), arcs + reach


def _bin_of(distances: Floats, masses: Floats, goal: float) -> float:
    """Number of the bin in which the mass within a distance reaches ``goal``."""
    bins = (distances * (1.0 / _BIN_KM)).astype(np.int64)
    cumulative = np.cumsum(np.bincount(bins, weights=masses))
    return float(min(int(np.searchsorted(cumulative, goal * (1.0 - 1e-12))), len(cumulative) - 1))


def heaviest(values: NDArray[Any], k: int) -> Indices:
    """Indices of the ``k`` largest of ``values`` (n,), of all where there are fewer: largest first, ties by index."""
    if 0 < 2 * k < len(values):
        some = np.flatnonzero(values >= np.partition(values, len(values) - k)[len(values) - k])
        return some[np.argsort(-values[some], kind="stable")[:k]]
    return np.argsort(-values, kind="stable")[:k]


def _arcs(vectors: Floats, centre: Floats) -> Floats:
    """Distances in km of unit vectors (m, 3) from one, to 0.01 km."""
    return np.asarray(EARTH_RADIUS_KM * np.arccos(np.clip(vectors @ centre, -1.0, 1.0)))


def _expected_utility(points: Floats, vectors: Floats, mass: NDArray[Any], spread_km: Floats, utility: str) -> Floats:
    """(k,) expected utility of ``points`` (k, 3) under Gaussians at ``vectors`` (n, 3), up to a factor."""
    # The mean square distance to an isotropic Gaussian is d^2 + 2 s^2.
    # Single precision is within 3 km here, far below what moves an expectation, and many times as fast.
    distance = points.astype(np.float32) @ vectors.astype(np.float32).T  # [k, n], a cosine until the next lines
    np.arccos(np.clip(distance, -1.0, 1.0, out=distance), out=distance)
    distance *= np.float32(EARTH_RADIUS_KM)
    distance *= distance
    distance += (2.0 * spread_km**2).astype(np.float32)
    np.sqrt(distance, out=distance)
    if utility == "distance":
        return np.asarray(-(distance @ mass.astype(np.float32)))
    distance *= np.float32(-1.0 / GEOSCORE_KM)
    return np.asarray(np.exp(distance, out=distance) @ mass.astype(np.float32))


def _exact_utility(points: Floats, vectors: Floats, mass: Floats, spread_km: Floats, utility: str) -> Floats:
    """As `_expected_utility` in double precision: for points metres apart."""
    chord2 = ((points[:, None, :] - vectors) ** 2).sum(axis=-1)
    arc = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(np.sqrt(chord2) / 2.0, 1.0))
    distance = np.sqrt(arc**2 + 2.0 * spread_km**2)
    return np.asarray((geoscore(distance) if utility == "geoscore" else -distance) @ mass)
