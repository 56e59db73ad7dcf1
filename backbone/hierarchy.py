"""Levels of cells and how they speak together: targets of each level, and the product down the tree of cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from backbone.density import DensityPrior
from data.errors import RequestError
from data.geodesy import EARTH_RADIUS_KM
from data.partition import Partition

__all__ = ["CellTree", "class_prior", "down_the_tree", "haversine_targets"]

_STRENGTHS: Final = tuple(np.logspace(0.0, 8.0, 33).tolist())  # photos that the density prior may count for


class CellTree:
    """The classes of each level of a partition, and the parents of the finest ones.

    Args:
        partition: The cells; it has all of ``levels``.
        levels: Names, finest first; the first is the partition's own.

    Attributes:
        levels: The names.
        sizes: Number of classes of each level by name.
        parents: For each level the class (n,) int64 there of every class of the finest level.
        vectors: For each level the unit vectors (n, 3) float32 of its classes' mean points.

    Raises:
        RequestError: The levels do not start with the partition's own, repeat, or are not its.
    """

    def __init__(self, partition: Partition, levels: tuple[str, ...]) -> None:
        if not levels or levels[0] != partition.level or len(set(levels)) < len(levels):
            raise RequestError(f"levels must be different and start with {partition.level!r}, not {', '.join(levels)}")
        self.partition = partition
        self.levels = levels
        at = {level: partition.at(level) for level in levels}
        self.sizes = {level: len(cells) for level, cells in at.items()}
        self.parents = {level: torch.from_numpy(partition.parents(level).astype(np.int64)) for level in levels}
        self.vectors = {level: torch.from_numpy(cells.vectors.astype(np.float32)) for level, cells in at.items()}

    def to(self, device: torch.device | str) -> CellTree:
        """The same tree with its tensors on ``device``."""
        moved = CellTree.__new__(CellTree)
        moved.partition, moved.levels, moved.sizes = self.partition, self.levels, self.sizes
        moved.parents = {level: parents.to(device) for level, parents in self.parents.items()}
        moved.vectors = {level: vectors.to(device) for level, vectors in self.vectors.items()}
        return moved


def down_the_tree(log_p: Mapping[str, Tensor], tree: CellTree) -> Tensor:
    """Log-probabilities (b, n) over the finest classes: the product of each one's and its ancestors', renormalised.

    This is f* of Mueller-Budack, Pustu-Iren and Ewerth (2018): ``p(c) = prod_l p_l(parent_l(c)) / Z``. The levels are
    not independent, so the product is too sure of itself by far; the temperature, fitted afterwards, takes that back.

    Args:
        log_p: For each level of ``tree`` the log-probabilities (b, n_level), or logits: a constant does not matter.
        tree: The levels.
    """
    total = log_p[tree.levels[0]]
    for level in tree.levels[1:]:
        total = total + log_p[level][:, tree.parents[level]]
    return functional.log_softmax(total, dim=1)


def haversine_targets(points: Tensor, centres: Tensor, tau_km: float) -> Tensor:
    """Targets (b, n) that fall off with distance: ``y_i ~ exp(-(d_i - min d) / tau)``, each row summing to 1.

    PIGEON's haversine smoothing (Haas, Skreta, Alberti, Finn 2024, equation 2), where d_i is the great-circle distance
    from the photo to the mean point of class i; there the row is left unnormalised.

    Args:
        points: Unit vectors (b, 3) float32 of the photos.
        centres: Unit vectors (n, 3) float32 of the classes' mean points.
        tau_km: Distance over which a target falls to 1/e, > 0.
    """
    # Chords by differences: by the matrix product, points under 2 km apart cannot be told apart in float32.
    chord = torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")
    d_km = 2.0 * EARTH_RADIUS_KM * torch.asin((0.5 * chord).clamp_max_(1.0))
    return functional.softmax(-d_km / tau_km, dim=1)


def class_prior(partition: Partition, cells: NDArray[np.int32]) -> NDArray[np.float64]:
    """How often each class (n,) is met, before any pixel is seen: the density of the world's photos, and these photos.

    ``cells`` (m,) are the classes of the photos that are trained on. The mean of a Dirichlet posterior,
    ``(n_c + a q_c) / (m + a)``, around the density prior q; its strength ``a`` is the one under which each photo is
    best foretold by the others. So photos from all over the world move nothing, photos of one city nearly all.
    """
    density = DensityPrior(partition).distribution.p.astype(np.float64)
    q = density / density.sum()
    counts = np.bincount(cells, minlength=len(partition)).astype(np.float64)
    seen, total = counts > 0, float(len(cells))

    def left_out(strength: float) -> float:
        others = (counts[seen] - 1.0 + strength * q[seen]) / (total - 1.0 + strength)
        return float(counts[seen] @ np.log(others))

    strength = max(_STRENGTHS, key=left_out) if len(cells) > 1 else _STRENGTHS[-1]
    prior: NDArray[np.float64] = (counts + strength * q) / (total + strength)
    return prior
