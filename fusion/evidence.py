"""Evidence about places, laid over the cells of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, lat_lon, unit_vectors
from data.in_cell import InCell
from data.partition import Partition
from data.spots import ALIKE, Spots, fewest_spots, spots_apart
from detectors.base import Evidence

__all__ = ["log_likelihood_ratio", "narrow", "strength"]

_FAR = 40.0  # exponents below -_FAR add nothing that a float could hold beside the rest
_LEAST_SHARE = 1e-3  # what a point adds to a cell is left out where it is less of the cell's mass
_LEAST_P = 1e-6  # cells with less probability stay as they are

_ALONG_ROADS = 0.5
"""Share of what stands along roads that goes by a region's settled area, the rest by its photos.

Of mixtures of the two this makes the 366 street photos of ``streets_train`` and ``streets_dev`` likeliest in their
admin-1 regions: -2.09 nats a photo; by photos alone -2.15, with 0.95 by area -2.16.
"""
_SETTLED_KM2 = 25_000.0  # a lone island settles no more of the ocean cell around it
_LEAST_SEEN = 0.1  # of a region's photos, this share goes by area: no cell is so empty that a car there says everything


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
    base = _area_ratio(evidence, partition)
    if not evidence.points:
        return np.asarray(np.log(base))
    gain = _summed(_point_gains(evidence, base, *_inside(partition, in_cell)), len(base))
    if in_cell is not None and in_cell.spots is not None:
        spots = in_cell.spots
        at_spots = _point_gains(evidence, base[spots.cell], spots.vectors(), spots.sigma_km**2)
        there = spots.share * _summed(at_spots, len(spots))
        gain = in_cell.rest * gain + np.bincount(spots.cell, weights=there, minlength=len(gain))
    return np.asarray(np.log(base + gain))


def narrow(
    evidences: Sequence[tuple[Evidence, float]],
    partition: Partition,
    in_cell: InCell | None = None,
    p: NDArray[np.float32] | None = None,
) -> InCell | None:
    """Where the mass lies inside the cells after all evidence that names points; ``in_cell`` where none moves any.

    Each Gaussian inside a cell stays, and for each point is joined by its product with the point's: an exact mixture
    for one clue. With several the products multiply, but a spot is as wide as the sharpest of its clues says. A product
    that is all but the cell's own Gaussian (``data.spots.ALIKE``) is told with it as one, of the mean and variance of
    both; others are spots, as few as say the same. A clue of weight ``w`` raises its likelihood ratio over each
    Gaussian to the power ``w`` here as in the pool: of the mass after it ``base^w`` stays where it was, and
    ``(base + gain)^w - base^w`` goes to the points, by their gains.

    Args:
        evidences: Evidence and its weight, 0 to 1.
        partition: The cells.
        in_cell: Where the mass lies before any clue; None for the partition's own means and spreads.
        p: (n,) probabilities of the cells after all evidence: those with less than a millionth stay as they are. None
            for all cells.
    """
    pointed = [(evidence, power) for evidence, power in evidences if evidence.points and power > 0.0]
    if not pointed:
        return in_cell
    vectors, variance = _inside(partition, in_cell)
    cells = np.arange(len(partition)) if p is None else np.flatnonzero(p >= _LEAST_P)
    own = _Gaussians(cells, vectors[cells], variance[cells], np.ones(len(cells)))
    before = (
        InCell(partition.lat, partition.lon, partition.spread_km.astype(np.float64)) if in_cell is None else in_cell
    )
    spots, others = before.spots, None
    if spots is not None:
        own.share[:] = spots.rest(len(partition))[cells]
        changeable = np.isin(spots.cell, cells)
        others = spots.chosen(~changeable) if changeable.any() else spots
        spots = spots.chosen(changeable)
    moved = np.zeros(len(cells), bool)
    for evidence, power in pointed:
        spots = _multiplied(own, spots, moved, evidence, power, _area_ratio(evidence, partition))
    if not moved.any() and spots is None and (others is None or others is before.spots):
        return in_cell
    lat, lon, spread = before.lat, before.lon, before.spread_km
    if moved.any():
        lat, lon, spread = lat.copy(), lon.copy(), spread.copy()
        lat[cells[moved]], lon[cells[moved]] = lat_lon(own.vectors[moved])
        spread[cells[moved]] = np.sqrt(own.variance[moved])
    return InCell(lat, lon, spread, fewest_spots([part for part in (spots, others) if part is not None]))


def strength(evidence: Evidence) -> float:
    """Log-likelihood ratio in nats between where the evidence points most and everywhere else."""
    points = (point.log_lr for point in evidence.points)
    return max([*evidence.countries.values(), *evidence.regions.values(), *points, 0.0]) - evidence.elsewhere


_Gains = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class _Gaussians:
    """The own Gaussians of ``cell`` (m,), and which share of the cells' mass they have; arrays that are worked on."""

    cell: NDArray[np.int64]
    vectors: NDArray[np.float64]
    variance: NDArray[np.float64]
    share: NDArray[np.float64]


def _multiplied(
    own: _Gaussians,
    spots: Spots | None,
    moved: NDArray[np.bool_],
    evidence: Evidence,
    power: float,
    base: NDArray[np.float64],
) -> Spots | None:
    """Multiply what lies inside the cells with one clue: changes ``own`` and ``moved``, returns the spots.

    Args:
        own: The cells' own Gaussians.
        spots: Of the same cells.
        moved: (m,) which of ``own`` are no longer as they were.
        evidence: The clue's.
        power: Its weight.
        base: (n,) its likelihood ratio by area.
    """
    stays, goes, products = _products(evidence, power, base[own.cell], own)
    whole = np.zeros(len(base))
    whole[own.cell] = own.share * (stays + goes)
    parts = []
    if spots is not None:
        there = _Gaussians(spots.cell, spots.vectors(), spots.sigma_km**2, spots.share)
        # How far the camera stands from what it reads is one error, made once: two clues that name one shop place the
        # photo no nearer to it than the better of them does alone.
        spot_stays, spot_goes, spot_products = _products(evidence, power, base[spots.cell], there, no_narrower=True)
        whole += np.bincount(spots.cell, weights=spots.share * (spot_stays + spot_goes), minlength=len(base))
        share = spots.share * spot_stays / whole[spots.cell]
        parts.append(Spots(spots.cell, spots.lat, spots.lon, spots.sigma_km, share).chosen(share > 0.0))
        parts.append(_as_spots(spot_products, whole)[0])
    made, kept = _as_spots(products, whole)
    row, vectors, variance = products[1][kept], products[2][kept], products[3][kept]
    before = own.share * stays / whole[own.cell]
    apart = EARTH_RADIUS_KM**2 * ((vectors - own.vectors[row]) ** 2).sum(axis=1)
    alike = spots_apart(apart, variance, own.variance[row]) < ALIKE
    parts.append(made.chosen(~alike))
    row, vectors, variance, share = row[alike], vectors[alike], variance[alike], made.share[alike]
    own.share[:] = before
    if len(row):  # one Gaussian of the mean and variance of both
        touched, part = np.unique(row, return_inverse=True)
        total = before[touched] + np.bincount(part, weights=share)
        here, wide = own.vectors[touched], own.variance[touched]
        sums = np.stack([np.bincount(part, weights=share * vectors[:, k]) for k in range(3)], axis=1)
        mean = _unit(before[touched, None] * here + sums)
        square = before[touched] * (wide + _axis_variance_km2(here, mean))
        square += np.bincount(part, weights=share * (variance + _axis_variance_km2(vectors, mean[part])))
        own.vectors[touched], own.variance[touched], moved[touched] = mean, square / total, True
    fewest = fewest_spots(parts)
    # What is negligible among the spots is the cell's own again.
    own.share[:] = 1.0 if fewest is None else fewest.rest(len(base))[own.cell]
    return fewest


_Products = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Products of Gaussians with points: cells, rows of the Gaussians, unit vectors, variances, and masses before they are
divided by what the cell has in all."""


def _products(
    evidence: Evidence, power: float, base: NDArray[np.float64], of: _Gaussians, *, no_narrower: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Products]:
    """Likelihood (m,) of each Gaussian as it stays, that of all its products together, and the products.

    With ``no_narrower`` a product is as wide as the narrower of its two, where it would be narrower than both.
    """
    k, row, gain = gains = _point_gains(evidence, base, of.vectors, of.variance)
    total = _summed(gains, len(base))
    stays = base**power
    goes = (base + total) ** power - stays
    some = gain > _LEAST_SHARE * base[row]
    k, row, gain = k[some], row[some], gain[some]
    narrow2, wide2 = np.array([p.sigma_km for p in evidence.points])[k] ** 2, of.variance[row]
    toward = (wide2 / (wide2 + narrow2))[:, None]  # how far the product lies towards the point
    vectors = _unit((1.0 - toward) * of.vectors[row] + toward * _point_vectors(evidence)[k])
    variance = np.minimum(wide2, narrow2) if no_narrower else toward[:, 0] * narrow2
    mass = of.share[row] * goes[row] * gain / total[row]
    return stays, goes, (of.cell[row], row, vectors, variance, mass)


def _as_spots(products: _Products, whole: NDArray[np.float64]) -> tuple[Spots, NDArray[np.int64]]:
    """Those of ``products`` that are no negligible share of their cell's mass ``whole`` (n,), and which they are."""
    cell, _, vectors, variance, mass = products
    share = mass / whole[cell]
    kept = np.flatnonzero(share >= _LEAST_SHARE)
    kept = kept[np.argsort(cell[kept], kind="stable")]
    return Spots(cell[kept], *lat_lon(vectors[kept]), np.sqrt(variance[kept]), share[kept]), kept


def _inside(partition: Partition, in_cell: InCell | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (n, 3) of the means inside the cells, and variances (n,) in km2 per axis."""
    if in_cell is None:
        return partition.vectors, partition.spread_km.astype(np.float64) ** 2
    return unit_vectors(in_cell.lat, in_cell.lon), in_cell.spread_km**2


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _axis_variance_km2(vectors: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance from the mean, shared between the two axes."""
    return np.asarray(EARTH_RADIUS_KM**2 * ((vectors - mean) ** 2).sum(axis=-1) / 2.0)


def _point_vectors(evidence: Evidence) -> NDArray[np.float64]:
    """(k, 3) unit vectors of the points."""
    return unit_vectors(np.array([p.lat for p in evidence.points]), np.array([p.lon for p in evidence.points]))


def _area_ratio(evidence: Evidence, partition: Partition) -> NDArray[np.float64]:
    """(n,) likelihood ratio from what the evidence says about countries and regions."""
    if not evidence.countries and not evidence.regions:
        return np.full(len(partition), np.exp(evidence.elsewhere))
    numbers, countries, country = _regions(partition)
    values = np.array([evidence.countries.get(code, evidence.elsewhere) for code in countries])[country]
    regions = {numbers[code]: value for code, value in evidence.regions.items() if code in numbers}
    told = np.zeros(len(values), bool)
    if regions:
        values[list(regions)], told[list(regions)] = list(regions.values()), True
    ratios = np.exp(values)
    if not (evidence.roadside and evidence.regions):
        return partition.mean_over_regions(ratios)
    index = partition.region_indices
    parts = ratios[index] * np.where(told[index], _along_roads(partition), 1.0) * partition.region_shares
    return np.asarray(np.add.reduceat(parts, partition.region_indptr[:-1]), np.float64)


@lru_cache(maxsize=4)
def _regions(partition: Partition) -> tuple[dict[str, int], tuple[str, ...], NDArray[np.int64]]:
    """Numbers of the regions by their codes, the countries' codes, and the number of each region's country."""
    countries = {code: k for k, code in enumerate(partition.country_codes)}
    numbers = {code: k for k, code in enumerate(partition.region_codes)}
    return numbers, partition.country_codes, np.array([countries[code[:2]] for code in partition.region_codes])


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


def _point_gains(
    evidence: Evidence, base: NDArray[np.float64], vectors: NDArray[np.float64], variance: NDArray[np.float64]
) -> _Gains:
    """What each point adds to the likelihood ratio ``base`` (n,) of mass at ``vectors`` (n, 3): where it adds any.

    Returns:
        Points (g,), rows of the mass (g,) and what the ones add at the others (g,).
    """
    points = _point_vectors(evidence)
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


def _summed(gains: _Gains, n: int) -> NDArray[np.float64]:
    """(n,) what all points together add."""
    return np.bincount(gains[1], weights=gains[2], minlength=n).astype(np.float64)
