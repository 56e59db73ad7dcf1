"""Adaptive trees over S2 cells: where to split, what to pool, and which class owns which stretch of the Hilbert curve.

A *class* is an S2 cell minus the classes inside it. The leaves (level 30) of a cell are one stretch of the Hilbert
curve, so a set of nested classes cuts the curve into stretches that each belong to one class, the deepest one around
it. Everything here works on those stretches: a look-up is one binary search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data import s2

__all__ = [
    "MOST_SPREAD_KM",
    "Stretches",
    "adaptive_classes",
    "own_areas",
    "own_spread_km",
    "parent_classes",
    "pool_classes",
    "sparse_rows",
]

MOST_SPREAD_KM: Final = 2500.0
"""No class is spread wider: beyond, a Gaussian in km has no meaning on a sphere."""

Ids = NDArray[np.uint64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


# Weights are sums of differences of sums: what is below this is rounding.
_ANY: Final = 1e-6


@dataclass(frozen=True)
class Stretches:
    """The Hilbert curve cut where the deepest class changes.

    Attributes:
        starts: First leaf id of each stretch (m,), ascending; a stretch ends where the next one starts.
        owners: Index of the class that owns each stretch (m,), -1 where none does.
    """

    starts: Ids
    owners: Indices

    @classmethod
    def of(cls, cell_ids: Ids) -> Stretches:
        """Cut the curve by nested classes ``cell_ids`` (n,), unique and ascending."""
        first, beyond = s2.range_min(cell_ids), s2.range_max(cell_ids) + np.uint64(2)
        level, index = s2.level_of(cell_ids), np.arange(len(cell_ids))
        position = np.concatenate([first, beyond])
        opens = np.repeat([True, False], len(cell_ids))
        # Where a class begins it owns what follows, where it ends the class around it does. At one position ends come
        # before beginnings, fine ends before coarse and coarse beginnings before fine: the last event there decides.
        order = np.lexsort((np.where(opens, np.tile(level, 2), -np.tile(level, 2)), opens, position))
        owners = np.concatenate([index, parent_classes(cell_ids)]).astype(np.int32)[order]
        starts = position[order]
        last = np.append(starts[1:] != starts[:-1], True)
        return cls(starts[last], owners[last])

    def owner_of(self, leaves: Ids) -> Indices:
        """Index of the class that owns each leaf id (...,), -1 where none does."""
        at = np.searchsorted(self.starts, leaves, side="right") - 1
        found: Indices = np.where(at < 0, -1, self.owners[np.maximum(at, 0)]).astype(np.int32)
        return found

    def covers_the_earth(self) -> bool:
        """Whether every leaf of the six faces has an owner."""
        faces = s2.face_cells()
        if self.starts[0] != s2.range_min(faces)[0] or self.starts[-1] != s2.range_max(faces)[-1] + np.uint64(2):
            return False
        return bool((self.owners[:-1] >= 0).all())

    def samples(self, index: int, count: int) -> Ids:
        """``count`` leaf ids (count,) spread evenly along the stretches of one class."""
        mine = np.flatnonzero(self.owners == index)
        starts = self.starts[mine]
        lengths = (self.starts[mine + 1] - starts) >> np.uint64(1)
        ends = np.cumsum(lengths)
        gap = ends[-1] // np.uint64(count)
        # Halves and quarters of the curve lie on corners of cells, where the last digit decides the class.
        steps = np.arange(count, dtype=np.uint64) * gap + gap // np.uint64(1000) * np.uint64(382)
        at = np.searchsorted(ends, steps, side="right")
        offset = steps - (ends[at] - lengths[at])
        leaves: Ids = (starts[at] + offset * np.uint64(2)) | np.uint64(1)
        return leaves


def parent_classes(cell_ids: Ids) -> Indices:
    """Index of the smallest other class around each class (n,), -1 for an outermost one; ``cell_ids`` are sorted."""
    parents = np.full(len(cell_ids), -1, np.int32)
    levels = s2.level_of(cell_ids)
    # Coarse to fine: the last ancestor found is the smallest.
    for level in np.unique(levels).tolist():
        deeper = np.flatnonzero(levels > level)
        if not deeper.size:
            break
        ancestors = s2.parent(cell_ids[deeper], level)
        at = np.minimum(np.searchsorted(cell_ids, ancestors), len(cell_ids) - 1)
        found = cell_ids[at] == ancestors
        parents[deeper[found]] = at[found]
    return parents


def own_areas(cell_ids: Ids) -> Floats:
    """Areas (n,) in km2 of the classes' own regions: their cells minus the classes inside; ``cell_ids`` are sorted."""
    areas = s2.area_km2(cell_ids)
    parents = parent_classes(cell_ids)
    inside = parents >= 0
    own: Floats = areas - np.bincount(parents[inside], weights=areas[inside], minlength=len(cell_ids))
    return own


def adaptive_classes(
    leaves: Ids, weights: Floats, *, t_max: float, t_min: float, max_level: int, cover_level: int
) -> Ids:
    """Classes by PlaNet's adaptive rule (Weyand et al. 2016), with a cover for what that rule drops.

    From the six faces down, a cell is split while its weight is above ``t_max`` and its level below ``max_level``, and
    above ``cover_level`` while it has any weight. Then from the bottom up: a cell that was not split is a class if it
    has at least ``t_min``; what is lighter is left to its parent. A split cell pools what its children left; it becomes
    a class, meaning itself minus the classes inside, when the pool has at least ``t_min``, or any weight at
    ``cover_level`` or above it. What has no weight at all goes up to a cell above ``cover_level``, which is a class for
    whatever remains of it: a photo taken where nobody took one before has a cell of its own neighbourhood.

    Args:
        leaves: Leaf ids of the points (m,).
        weights: Their weights (m,).
        t_max: Heaviest weight of a cell that is not split.
        t_min: Lightest weight of a class below the cover.
        max_level: Deepest level of any class.
        cover_level: Level down to which any weight makes a class.

    Returns:
        Sorted unique cell ids (n,); every point of the Earth lies in at least one of them.
    """
    order = np.argsort(leaves)
    leaves, cumulative = leaves[order], np.concatenate([[0.0], np.cumsum(weights[order])])

    def weight_in(cells: Ids) -> Floats:
        low = np.searchsorted(leaves, s2.range_min(cells), side="left")
        high = np.searchsorted(leaves, s2.range_max(cells), side="right")
        inside: Floats = cumulative[high] - cumulative[low]
        return inside

    tree: list[tuple[Ids, NDArray[np.bool_]]] = []
    cells = s2.face_cells()
    for level in range(max_level + 1):
        weight = weight_in(cells)
        split = ((weight > t_max) & (level < max_level)) | ((weight > _ANY) & (level < cover_level))
        tree.append((cells, split))
        cells = np.sort(s2.children(cells[split]).ravel())
        if not cells.size:
            break

    classes: list[Ids] = []
    left_cells, left_weights = np.empty(0, np.uint64), np.empty(0)
    for level in range(len(tree) - 1, -1, -1):
        cells, split = tree[level]
        pool, remainder = weight_in(cells), np.ones(len(cells), bool)
        at = np.searchsorted(cells, s2.parent(left_cells, level))
        pool[split] = np.bincount(at, weights=left_weights, minlength=len(cells))[split]
        remainder[split] = (np.bincount(at, minlength=len(cells)) > 0)[split]
        is_class = pool >= t_min
        if level <= cover_level:
            is_class |= pool > _ANY
        if level < cover_level or level == 0:
            is_class |= remainder
        classes.append(cells[is_class])
        left = remainder & ~is_class
        left_cells, left_weights = cells[left], pool[left]
    return np.sort(np.concatenate(classes))


def pool_classes(cell_ids: Ids, weights: Floats, *, threshold: float, cover_level: int = 0) -> Ids:
    """Node (n,) at which each class is grouped: the same pooling from the bottom up, over classes instead of points.

    A node becomes a group when the classes in it that are not grouped yet weigh at least ``threshold`` together, or
    when it lies at ``cover_level`` or above.

    Args:
        cell_ids: Sorted unique ids of the classes (n,).
        weights: Their weights (n,).
        threshold: Lightest weight of a group below the cover.
        cover_level: Level from which on upwards any remainder is a group.
    """
    groups = np.zeros(len(cell_ids), np.uint64)
    levels = s2.level_of(cell_ids)
    for level in range(int(levels.max()), -1, -1):
        waiting = np.flatnonzero((groups == 0) & (levels >= level))
        nodes, at = np.unique(s2.parent(cell_ids[waiting], level), return_inverse=True)
        pooled = np.bincount(at, weights=weights[waiting], minlength=len(nodes))
        forms = (pooled >= threshold) | (level <= cover_level)
        groups[waiting[forms[at]]] = nodes[at[forms[at]]]
    return groups


def own_spread_km(area_km2: ArrayLike) -> Floats:
    """Standard deviation per axis in km of points spread evenly over a square of that area, at most 2500 km."""
    spread: Floats = np.minimum(np.sqrt(np.asarray(area_km2, np.float64) / 12.0), MOST_SPREAD_KM)
    return spread


def sparse_rows(
    rows: NDArray[Any], columns: NDArray[Any], values: NDArray[Any], n: int
) -> tuple[Indices, Indices, NDArray[np.float32]]:
    """Sum ``values`` over equal (row, column): row ends (n + 1,), columns and sums by row, then column."""
    width = int(columns.max()) + 1
    keys, at = np.unique(rows.astype(np.int64) * width + columns, return_inverse=True)
    sums = np.bincount(at, weights=values).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(keys // width, minlength=n))])
    return indptr.astype(np.int32), (keys % width).astype(np.int32), sums
