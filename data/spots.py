"""Spots: narrow parts of the mass inside cells, each with its own place and its own spread.

A clue that names a shop leaves two possibilities open: the photo was taken at the shop, or anywhere else in the cell.
One Gaussian cannot say both. The mass of a cell is therefore its own Gaussian and, where something narrow is known,
a mixture with some spots::

    f(x) = (1 - sum_s share_s) N(x; own mean, own spread) + sum_s share_s N(x; place_s, sigma_s)

Shares are of the mass of the cell, whatever that is: they stay as they are when mass moves between cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.geodesy import EARTH_RADIUS_KM, lat_lon, unit_vectors

__all__ = ["ALIKE", "Spots", "fewest_spots", "spots_apart"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

ALIKE = 0.03
"""Two Gaussians with a Bhattacharyya distance below this are told as one.

As wide as each other they lie within a third of their spread, or in one place one is less than 1.3 times as wide.
"""
_LEAST = 1e-3  # a spot with less of its cell's mass is left to the cell's own Gaussian
_MOST = 16  # spots of a cell; of more, the heaviest


@dataclass(frozen=True, eq=False)
class Spots:
    """Narrow parts of the mass inside some cells.

    Attributes:
        cell: (m,) indices of the cells, ascending; one cell may have several.
        lat: (m,) degrees.
        lon: (m,) degrees.
        sigma_km: (m,) km, standard deviation per axis, > 0.
        share: (m,) of the mass of its cell, > 0; those of a cell sum to 1 at most, and the cell's own Gaussian has the
            rest.

    Raises:
        ValueError: The arrays differ in length, are not ordered by cell, or hold a sigma or share out of range.

    >>> two = Spots(np.array([7, 7]), np.array([1.0, 1.1]), np.array([5.0, 5.0]), np.ones(2), np.array([0.5, 0.2]))
    >>> round(float(two.rest(9)[7]), 6), float(two.rest(9)[8])
    (0.3, 1.0)
    """

    cell: Indices
    lat: Floats
    lon: Floats
    sigma_km: Floats
    share: Floats

    def __post_init__(self) -> None:
        arrays = (self.cell, self.lat, self.lon, self.sigma_km, self.share)
        if any(array.ndim != 1 or len(array) != len(self.cell) for array in arrays):
            raise ValueError("spots are five (m,) arrays of one length")
        if len(self.cell) and (self.cell[0] < 0 or (np.diff(self.cell) < 0).any()):
            raise ValueError("spots are ordered by their cell")
        if not (np.isfinite(self.lat).all() and np.isfinite(self.lon).all()):
            raise ValueError("a spot lies at finite degrees")
        if not (np.isfinite(self.sigma_km).all() and (self.sigma_km > 0).all() and (self.share > 0).all()):
            raise ValueError("a spot has a sigma and a share above 0")
        if len(self.cell) and not np.bincount(self.cell, weights=self.share).max() <= 1.0 + 1e-9:
            raise ValueError("the shares of a cell's spots sum to 1 at most")

    def __len__(self) -> int:
        return len(self.cell)

    def rest(self, n: int) -> Floats:
        """(n,) share of each of the n cells' mass that lies in its own Gaussian, 0 to 1."""
        rest: Floats = np.ones(n)
        rest -= np.bincount(self.cell, weights=self.share, minlength=n)
        return np.maximum(rest, 0.0, out=rest)

    def vectors(self) -> Floats:
        """(m, 3) unit vectors."""
        return unit_vectors(self.lat, self.lon)

    def of(self, cell: int) -> slice:
        """Which spots lie in ``cell``."""
        return slice(*np.searchsorted(self.cell, [cell, cell + 1]).tolist())

    def chosen(self, which: NDArray[np.bool_] | Indices) -> Spots:
        """Some of them, in their order."""
        return Spots(self.cell[which], self.lat[which], self.lon[which], self.sigma_km[which], self.share[which])

    def moved_to(self, cell: NDArray[Any], mass: Floats, whole: Floats) -> Spots:
        """The spots in other cells: ``cell`` (m,) with their ``mass`` (m,) of what those cells have, ``whole`` (n,).

        Those without mass are left out.
        """
        held = np.flatnonzero(mass > 0.0)
        held = held[np.argsort(cell[held], kind="stable")]
        to = cell[held].astype(np.int64)
        share = np.minimum(mass[held] / whole[to], 1.0)
        return Spots(to, self.lat[held], self.lon[held], self.sigma_km[held], share)


def spots_apart(chord2_km2: Floats, variance: Floats, other: Floats) -> Floats:
    """Bhattacharyya distance of isotropic Gaussians on a plane (Bhattacharyya 1943); 0 where they are the same.

    ``d^2 / 4 (s^2 + t^2) + ln((s^2 + t^2) / 2 s t)`` with ``d`` between the means and the spreads ``s`` and ``t``.

    Args:
        chord2_km2: Squared distances of the means, km2.
        variance: Of the ones, km2 per axis.
        other: Of the others.
    """
    both = variance + other
    return np.asarray(chord2_km2 / (4.0 * both) + np.log(both / (2.0 * np.sqrt(variance * other))))


def fewest_spots(parts: Sequence[Spots]) -> Spots | None:
    """All of ``parts`` together, in as few as say the same; None where none is left.

    In each cell the heaviest come first: those alike are told as the Gaussian with the mean and variance of both, those
    with less than a thousandth of the cell's mass go to its own Gaussian, and so do all after the sixteenth.
    """
    filled = [part for part in parts if len(part)]
    if not filled:
        return None
    cell = np.concatenate([part.cell for part in filled])
    share = np.concatenate([part.share for part in filled])
    # By place at last: the same spots in whatever order the parts come.
    lat, lon = np.concatenate([part.lat for part in filled]), np.concatenate([part.lon for part in filled])
    sigma = np.concatenate([part.sigma_km for part in filled])
    order = np.lexsort((sigma, lon, lat, -share, cell))
    cell, share, lat, lon, sigma = cell[order], share[order], lat[order], lon[order], sigma[order]
    vectors, variance = unit_vectors(lat, lon), sigma**2
    kept = np.ones(len(cell), bool)
    first = np.flatnonzero(np.concatenate([[True], np.diff(cell) > 0]))
    ends = np.append(first[1:], len(cell))
    several = ends - first > 1
    for start, end in zip(first[several].tolist(), ends[several].tolist(), strict=True):
        _join(vectors[start:end], variance[start:end], share[start:end], kept[start:end])
    kept &= share >= _LEAST
    if not kept.any():
        return None
    lat, lon = np.where(kept, lat, 0.0), np.where(kept, lon, 0.0)
    moved = kept & (variance != sigma**2)
    lat[moved], lon[moved] = lat_lon(vectors[moved])
    sigma = np.where(moved, np.sqrt(variance), sigma)
    return Spots(cell[kept], lat[kept], lon[kept], sigma[kept], share[kept])


def _join(vectors: Floats, variance: Floats, share: Floats, kept: NDArray[np.bool_]) -> None:
    """Join what is alike of one cell's spots, heaviest first; the arrays are changed in place."""
    for i in range(len(share)):
        if not kept[i]:
            continue
        if int(kept[:i].sum()) >= _MOST:
            kept[i:] = False
            return
        later = i + 1 + np.flatnonzero(kept[i + 1 :])
        if not len(later):
            return
        chord2 = EARTH_RADIUS_KM**2 * ((vectors[later] - vectors[i]) ** 2).sum(axis=1)
        alike = later[spots_apart(chord2, variance[later], variance[i]) < ALIKE]
        if not len(alike):
            continue
        group = np.append(i, alike)
        weight = share[group] / share[group].sum()
        mean = weight @ vectors[group]
        mean /= np.linalg.norm(mean)
        apart = EARTH_RADIUS_KM**2 * ((vectors[group] - mean) ** 2).sum(axis=1) / 2.0
        variance[i] = float(weight @ (variance[group] + apart))
        vectors[i], share[i] = mean, float(share[group].sum())
        kept[alike] = False
