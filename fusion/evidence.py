"""Evidence about places, laid over the cells of a partition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, unit_vectors
from data.in_cell import InCell
from data.partition import Partition
from detectors.base import Evidence

__all__ = [
    "Gains",
    "area_ratio",
    "log_likelihood_ratio",
    "own_gaussians",
    "point_gains",
    "point_vectors",
    "strength",
    "summed_gains",
]

_FAR = 40.0  # exponents below -_FAR add nothing that a float could hold beside the rest

_ALONG_ROADS = 0.5
"""Share of what stands along roads that goes by a region's settled area, the rest by its photos.

Of mixtures of the two this makes the 366 street photos of ``streets_train`` and ``streets_dev`` likeliest in their
admin-1 regions: -2.09 nats a photo; by photos alone -2.15, with 0.95 by area -2.16.
"""
_SETTLED_KM2 = 25_000.0  # a lone island settles no more of the ocean cell around it
_LEAST_SEEN = 0.1  # of a region's photos, this share goes by area: no cell is so empty that a car there says everything


Gains = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""Numbers of points (g,), rows of the mass at which each adds likelihood (g,), and how much it adds there (g,)."""


def log_likelihood_ratio(
    evidence: Evidence, partition: Partition, in_cell: InCell | None = None
) -> NDArray[np.float64]:
    """``log P(clue | cell) - log P(clue | background)`` for each cell, (n,) nats, finite everywhere.

    A cell that lies in several countries or regions has the mean of their likelihood ratios, weighted by its shares.
    Around a point the ratio is averaged over the Gaussian of the cell's mass, in closed form: with cell spread s,
    evidence spread sigma and distance D, ``E[K] = sigma^2 / (sigma^2 + s^2) exp(-D^2 / 2 (sigma^2 + s^2))``; in a cell
    with spots, over their mixture with it.

    Args:
        evidence: What a clue says.
        partition: The cells.
        in_cell: Where the mass lies inside them before the clue; None for the partition's own means and spreads.
    """
    base = area_ratio(evidence, partition)
    if not evidence.points:
        return np.asarray(np.log(base))
    gain = summed_gains(point_gains(evidence, base, *own_gaussians(partition, in_cell)), len(base))
    if in_cell is not None and in_cell.spots is not None:
        spots = in_cell.spots
        at_spots = point_gains(evidence, base[spots.cell], spots.vectors(), spots.sigma_km**2)
        there = spots.share * summed_gains(at_spots, len(spots))
        gain = in_cell.rest * gain + np.bincount(spots.cell, weights=there, minlength=len(gain))
    return np.asarray(np.log(base + gain))


def strength(evidence: Evidence) -> float:
    """Log-likelihood ratio in nats between where the evidence points most and everywhere else."""
    points = (point.log_lr for point in evidence.points)
    return max([*evidence.countries.values(), *evidence.regions.values(), *points, 0.0]) - evidence.elsewhere


def own_gaussians(partition: Partition, in_cell: InCell | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (n, 3) of the means inside the cells, and variances (n,) in km2 per axis."""
    if in_cell is None:
        return partition.vectors, partition.spread_km.astype(np.float64) ** 2
    return unit_vectors(in_cell.lat, in_cell.lon), in_cell.spread_km**2


def point_vectors(evidence: Evidence) -> NDArray[np.float64]:
    """(k, 3) unit vectors of the points."""
    return unit_vectors(np.array([p.lat for p in evidence.points]), np.array([p.lon for p in evidence.points]))


def area_ratio(evidence: Evidence, partition: Partition) -> NDArray[np.float64]:
    """(n,) likelihood ratio from what the evidence says about countries and regions."""
    if not evidence.countries and not evidence.regions:
        return np.full(len(partition), np.exp(evidence.elsewhere))
    values = np.full(len(partition.region_codes), evidence.elsewhere)
    countries, regions = _places_of(partition)
    for code, value in evidence.countries.items():
        if code in countries:
            values[countries[code]] = value
    for code, value in evidence.regions.items():  # a region's own entry takes precedence over its country's
        if code in regions:
            values[regions[code]] = value
    ratios = np.exp(values)
    if not (evidence.roadside and evidence.regions):
        return partition.mean_over_regions(ratios)
    told = np.array([code in evidence.regions for code in partition.region_codes])
    index = partition.region_indices
    parts = ratios[index] * np.where(told[index], _along_roads(partition), 1.0) * partition.region_shares
    return np.asarray(np.add.reduceat(parts, partition.region_indptr[:-1]), np.float64)


@lru_cache(maxsize=4)
def _places_of(partition: Partition) -> tuple[Mapping[str, NDArray[np.int64]], Mapping[str, int]]:
    """Country to the indices of its regions in ``partition.region_codes``, and region to its own."""
    of_country: dict[str, list[int]] = {}
    for k, code in enumerate(partition.region_codes):
        of_country.setdefault(code[:2], []).append(k)
    return {c: np.array(ks) for c, ks in of_country.items()}, {c: k for k, c in enumerate(partition.region_codes)}


@lru_cache(maxsize=4)
def _along_roads(partition: Partition) -> NDArray[np.float64]:
    """Likelihood of something along roads against its mean over the region's photos, for each cell's part in a region.

    In the order of ``partition.region_indices``.
    """
    count, index = np.diff(partition.region_indptr), partition.region_indices

    def shares(of_cells: NDArray[np.float64]) -> NDArray[np.float64]:
        part = np.repeat(of_cells, count) * partition.region_shares
        total = np.bincount(index, weights=part, minlength=len(partition.region_codes))[index]
        return np.asarray(np.divide(part, total, out=np.zeros_like(part), where=total > 0.0))

    lived = (partition.photos > 0.0) | (partition.population > 0.0)
    area = shares(np.where(lived, np.minimum(partition.area_km2, _SETTLED_KM2), 0.0))
    photos = (1.0 - _LEAST_SEEN) * shares(partition.photos) + _LEAST_SEEN * area
    ratio = np.divide(area, photos, out=np.ones_like(area), where=photos > 0.0)
    return 1.0 - _ALONG_ROADS + _ALONG_ROADS * ratio


def point_gains(
    evidence: Evidence, base: NDArray[np.float64], vectors: NDArray[np.float64], variance: NDArray[np.float64]
) -> Gains:
    """What each point adds to the likelihood ratio ``base`` (n,) of mass at ``vectors`` (n, 3): where it adds any.

    Returns:
        Points (g,), rows of the mass (g,) and what the ones add at the others (g,).
    """
    points = point_vectors(evidence)
    sigma2 = np.array([p.sigma_km for p in evidence.points]) ** 2
    # Most mass is far from most points: single precision, 10 km off at the most, says which may be near.
    reach = np.float32(2.0 * _FAR / (2.0 * EARTH_RADIUS_KM**2))
    least = (1.0 - 2e-6) - reach * variance.astype(np.float32) - (reach * sigma2.astype(np.float32))[:, None]
    k, row = np.nonzero(points.astype(np.float32) @ vectors.astype(np.float32).T > least)
    # The chord is within 1 % of the arc up to 3,000 km, and cheaper; far points add nothing either way.
    chord2 = EARTH_RADIUS_KM**2 * ((points[k] - vectors[row]) ** 2).sum(axis=1)
    total = sigma2[k] + variance[row]
    kernel = sigma2[k] / total * np.exp(-chord2 / (2.0 * total))
    height = np.exp(np.array([p.log_lr for p in evidence.points]))[k] - base[row]
    # A point may not take likelihood away from its surroundings: evidence against a place is said by area.
    return k, row, np.maximum(height, 0.0) * kernel


def summed_gains(gains: Gains, n: int) -> NDArray[np.float64]:
    """(n,) what all points together add."""
    return np.bincount(gains[1], weights=gains[2], minlength=n).astype(np.float64)
