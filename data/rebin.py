"""Distributions moved from the cells of one partition into those of another.

A cell's mass lies where its Gaussian does: some points of equal weight stand for it, and each takes its share into
whichever cell of the other partition it lies in. Nothing more is known about where inside a cell a photo was taken, so
that fine cells far from a coarse cell's middle get nothing of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.errors import RequestError
from data.in_cell import InCell
from data.partition import Partition
from data.spots import fewest_spots

__all__ = ["Rebinning", "rebinned", "rebinning"]

_POINTS: Final = 2**19  # of all cells together: half a second to place
_FEWEST: Final = 16  # for each cell, as many as distances are taken with
_MOST: Final = 1_024


class Rebinning:
    """From the cells of ``source`` to those of ``target``: a sparse matrix, made once, used for many distributions.

    On one and the same partition everything stays where it is, to the last bit; on a coarser level of it each cell goes
    into its own group.

    Args:
        source: Where distributions come from.
        target: Where they go.
        sub_points: Points that stand for a cell; by default about half a million over all cells, 16 to 1,024 for each.

    Raises:
        RequestError: ``sub_points`` is less than 1.
    """

    def __init__(self, source: Partition, target: Partition, *, sub_points: int | None = None) -> None:
        if sub_points is not None and sub_points < 1:
            raise RequestError(f"the number of points per cell must be at least 1, not {sub_points}")
        self.source, self.target = source, target
        self._points = min(max(_POINTS // len(source), _FEWEST), _MOST) if sub_points is None else sub_points
        self._same = source.hash == target.hash
        level = next((name for name in source.levels[1:] if source.at(name).hash == target.hash), None)
        if level is not None:  # groups of the same cells
            self._from, self._to = np.arange(len(source)), source.parents(level).astype(np.int64)
            self._share = np.ones(len(source))
        elif not self._same:
            lat, lon = source.sample_points(self._points)
            goals = target.cells_of(lat.ravel(), lon.ravel()).astype(np.int64)
            pairs = np.repeat(np.arange(len(source)), self._points) * len(target) + goals
            pairs, counts = np.unique(pairs, return_counts=True)
            self._from, self._to = pairs // len(target), pairs % len(target)
            self._share = counts / self._points

    def rows(self, p: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (m, n) over the cells of the target, of some (m, k) over those of the source.

        Raises:
            RequestError: ``p`` has not one column for each cell of the source.
        """
        if p.ndim != 2 or p.shape[1] != len(self.source):
            raise RequestError(f"probabilities over {self.source.name!r} are (m, {len(self.source)}), not {p.shape}")
        if self._same:
            return p
        return np.stack([self._moved(row) for row in p]) if len(p) else np.zeros((0, len(self.target)), np.float32)

    def __call__(self, said: CellDistribution) -> CellDistribution:
        """``said`` over the cells of the target; the same object where that is its own partition.

        Where evidence has narrowed its cells (``in_cell``), the points are those of the narrowed mass. Its spots go
        whole into the cells of their middles, and remain spots there. A constraint (``allowed``) goes along where both
        partitions count the same regions.

        Raises:
            RequestError: It is over other cells than the source's, or constrained to regions that the target lacks.
        """
        if said.partition.hash != self.source.hash:
            raise RequestError(f"a distribution over {self.source.name!r} is needed, not over {said.partition.name!r}")
        if self._same:
            return said
        if said.allowed is not None and self.source.region_codes != self.target.region_codes:
            raise RequestError(
                f"{self.target.name!r} has other regions than {self.source.name!r}: move the answer first, then "
                "constrain it"
            )
        if said.in_cell is None:
            return CellDistribution(self.target, self._moved(said.p), allowed=said.allowed)
        p, spots = said.p.astype(np.float64) * said.in_cell.rest, said.spots
        held = np.flatnonzero(p)
        lat, lon = said.sub_points(self._points)
        goals = self.target.cells_of(lat[held].ravel(), lon[held].ravel())
        weights = np.repeat(p[held] / self._points, self._points)
        if spots is None:
            return CellDistribution(self.target, _normal(goals, weights, len(self.target)), allowed=said.allowed)
        cells = self.target.cells_of(spots.lat, spots.lon).astype(np.int64)
        mass = said.p[spots.cell].astype(np.float64) * spots.share
        goals, weights = np.concatenate([goals, cells]), np.concatenate([weights, mass])
        total = np.bincount(goals, weights=weights, minlength=len(self.target)).astype(np.float64)
        moved = fewest_spots([spots.moved_to(cells, mass, total)])
        own = CellDistribution(self.target, _normal(goals, weights, len(self.target)), allowed=said.allowed)
        inside = own.inside
        in_cell = InCell(inside.lat, inside.lon, inside.spread_km, moved)
        return CellDistribution(self.target, own.p, in_cell, own.allowed)

    def _moved(self, p: NDArray[np.float32]) -> NDArray[np.float32]:
        return _normal(self._to, p[self._from] * self._share, len(self.target))


def _normal(cells: NDArray[np.int64] | NDArray[np.int32], mass: NDArray[np.float64], n: int) -> NDArray[np.float32]:
    total = np.bincount(cells, weights=mass, minlength=n)
    moved: NDArray[np.float32] = (total / total.sum()).astype(np.float32)
    return moved


@lru_cache(maxsize=8)
def rebinning(source: Partition, target: Partition) -> Rebinning:
    """The :class:`Rebinning` of two partitions, made once for each pair."""
    return Rebinning(source, target)


def rebinned(said: CellDistribution, target: Partition) -> CellDistribution:
    """``said`` over the cells of ``target``; the same object where that is its own partition.

    >>> from data.partition import load_default
    >>> fine = load_default()
    >>> p = np.zeros(len(fine), np.float32)
    >>> p[fine.cells_of(48.857, 2.352)] = 1.0
    >>> there = rebinned(CellDistribution(fine, p), fine.at("coarse"))
    >>> next(iter(there.countries())), round(float(there.p.sum()), 6)
    ('FR', 1.0)
    """
    return rebinning(said.partition, target)(said)
