"""Evidence that names points, inside the cells: mass moves to spots (``data.spots``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, lat_lon
from data.in_cell import InCell
from data.mass_parts import heaviest
from data.partition import Partition
from data.spots import ALIKE, Spots, fewest_spots, spots_apart
from detectors.base import Evidence
from fusion.evidence import area_ratio, own_gaussians, point_gains, point_vectors, summed_gains

__all__ = ["narrow"]

_LEAST_SHARE = 1e-3  # what a point adds to a cell is left out where it is less of the cell's mass
_LEAST_P = 1e-6  # cells with less probability stay as they are
_MOST = 512  # spots of a posterior; of more, those with the most probability


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
    vectors, variance = own_gaussians(partition, in_cell)
    bases = [area_ratio(evidence, partition) for evidence, _ in pointed]
    cells = np.arange(len(partition)) if p is None else np.flatnonzero(p >= _LEAST_P)
    touched = np.zeros(len(cells), bool)  # the others stay as they are
    for (evidence, _), base in zip(pointed, bases, strict=True):
        _, row, gain = point_gains(evidence, base[cells], vectors[cells], variance[cells])
        touched[row[gain > _LEAST_SHARE * base[cells[row]]]] = True
    if in_cell is not None and in_cell.spots is not None:
        touched |= np.isin(cells, in_cell.spots.cell)
    cells = cells[touched]
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
    for (evidence, power), base in zip(pointed, bases, strict=True):
        spots = _multiplied(own, spots, moved, evidence, power, base)
        if p is not None and spots is not None and len(spots) > _MOST:
            spots = spots.chosen(np.sort(heaviest(p[spots.cell] * spots.share, _MOST)))
            own.share[:] = spots.rest(len(partition))[cells]
    if not moved.any() and spots is None and (others is None or others is before.spots):
        return in_cell
    lat, lon, spread = before.lat, before.lon, before.spread_km
    if moved.any():
        lat, lon, spread = lat.copy(), lon.copy(), spread.copy()
        lat[cells[moved]], lon[cells[moved]] = lat_lon(own.vectors[moved])
        spread[cells[moved]] = np.sqrt(own.variance[moved])
    return InCell(lat, lon, spread, fewest_spots([part for part in (spots, others) if part is not None]))


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
    k, row, gain = gains = point_gains(evidence, base, of.vectors, of.variance)
    total = summed_gains(gains, len(base))
    stays = base**power
    goes = (base + total) ** power - stays
    some = gain > _LEAST_SHARE * base[row]
    k, row, gain = k[some], row[some], gain[some]
    narrow2, wide2 = np.array([p.sigma_km for p in evidence.points])[k] ** 2, of.variance[row]
    toward = (wide2 / (wide2 + narrow2))[:, None]  # how far the product lies towards the point
    vectors = _unit((1.0 - toward) * of.vectors[row] + toward * point_vectors(evidence)[k])
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


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _axis_variance_km2(vectors: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance from the mean, shared between the two axes."""
    return np.asarray(EARTH_RADIUS_KM**2 * ((vectors - mean) ** 2).sum(axis=-1) / 2.0)
