"""Von Mises-Fisher densities on the sphere, and how much of each lies in every cell of a partition.

Mean direction ``mu`` and concentration ``kappa`` give a point ``x`` of the unit sphere, per steradian::

    f(x) = kappa / (4 pi sinh kappa) exp(kappa mu.x) = kappa / (2 pi (1 - e^(-2 kappa))) exp(-kappa (1 - mu.x))

(Fisher 1953; equation 5 of Izbicki, Papalexakis and Tsotras 2019, where the first form overflows). A small ``kappa`` is
the whole sphere, a large one a Gaussian of ``1 / sqrt(kappa)`` radians per axis: 6.4 km at 1e6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from data import s2
from data.geodesy import EARTH_RADIUS_KM, lat_lon, unit_vectors
from data.partition import Partition

__all__ = ["LEAST_KAPPA", "MOST_KAPPA", "cell_masses", "kappa_of", "log_density", "quantile_points"]

Floats = NDArray[np.float64]

LEAST_KAPPA: Final = 0.1
"""Nearly the whole sphere: the densest point has 1.2 times the density of the thinnest."""

MOST_KAPPA: Final = 1e6
"""6.4 km per axis: no photo is placed better."""

_SMALL: Final = 0.3  # a cell of this many 1 / sqrt(kappa) a side has the density of its middle, to 1 in 200
_LARGE: Final = 1.2  # from here on the sixteenths of a cell are too large for that
_FAR: Final = 25.0  # exponents below which a density adds nothing
_NEGLIGIBLE: Final = 1e-7  # of a density's mass, that a cell may lose
_AT_ONCE: Final = 4_000_000  # points or pairs in memory


def kappa_of(spread_km: NDArray[np.floating]) -> Floats:
    """Concentrations of Gaussians of so many km per axis, within what :func:`log_density` bears.

    >>> kappa_of(np.array([63.710088])).round().tolist()
    [10000.0]
    """
    return np.clip((EARTH_RADIUS_KM / np.asarray(spread_km, np.float64)) ** 2, LEAST_KAPPA, MOST_KAPPA)


def log_density(points: Tensor, centres: Tensor, log_kappa: Tensor) -> Tensor:
    """Log-density (b, k) in nats per steradian of ``points`` (b, 3) under each of k densities.

    Exact to float32's last digits or so for ``kappa`` from 0.1 to 1e6, and so are its gradients: ``1 - mu.x`` is half
    the square of the chord, which is taken by differences, and ``sinh`` never stands alone.

    Args:
        points: Unit vectors.
        centres: Unit vectors (k, 3).
        log_kappa: Logarithms of the concentrations (k,).
    """
    kappa = log_kappa.exp()
    chord = torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")
    constant = log_kappa - torch.log(-torch.expm1(-2.0 * kappa)) - math.log(2.0 * math.pi)
    return constant - 0.5 * kappa * chord.square()


def quantile_points(centres: Floats, kappa: Floats, n: int) -> Floats:
    """``n`` points (k, n, 3) that stand for equal shares of each density's mass.

    A Fibonacci lattice, pushed through the inverse of the distribution of ``1 - mu.x``, which is
    ``-log(1 - u (1 - e^(-2 kappa))) / kappa`` for ``u`` uniform on [0, 1] (Ulrich 1984, in closed form on this sphere).

    Args:
        centres: Unit vectors (k, 3).
        kappa: Concentrations (k,).
        n: How many.
    """
    u = (np.arange(n) + 0.5) / n
    turn = 2.0 * np.pi * np.arange(n) / ((1.0 + math.sqrt(5.0)) / 2.0)
    versine = -np.log1p(u * np.expm1(-2.0 * kappa[:, None])) / kappa[:, None]  # 1 - cos of the angle, [k, n]
    across = np.sqrt(np.maximum(versine * (2.0 - versine), 0.0))
    first, second = _tangents(centres)
    return np.asarray(
        (1.0 - versine)[..., None] * centres[:, None]
        + (across * np.cos(turn))[..., None] * first[:, None]
        + (across * np.sin(turn))[..., None] * second[:, None]
    )


def cell_masses(centres: Floats, kappa: Floats, partition: Partition, *, n: int = 2048) -> sparse.csr_array:
    """Share of each density in each cell: (k, n_cells) float32, each row summing to 1.

    Three rules, each where it is good: of a cell that is small beside the density, area times the density in its
    middle; of one about as large, the same of each sixteenth of it; of a larger one, how many of ``n`` points of equal
    mass lie in it. A share below 1e-7 counts as none. Wrong by some 1 % of the mass (the tests hold it against random
    points).

    Args:
        centres: Unit vectors (k, 3).
        kappa: Concentrations (k,).
        partition: The cells.
        n: Points for each density.
    """
    shape = _Shape.of(partition)
    cells = len(partition)
    rows = []
    step = max(_AT_ONCE // max(n, cells), 1)
    for start in range(0, len(centres), step):
        mu, k = centres[start : start + step], kappa[start : start + step]
        points = lat_lon(quantile_points(mu, k, n).reshape(-1, 3))
        owner = partition.cells_of(*points).astype(np.int64) + cells * np.repeat(np.arange(len(mu)), n)
        counted = np.bincount(owner, minlength=cells * len(mu)).reshape(len(mu), cells) / n
        sides = shape.side * np.sqrt(k)[:, None]  # of each cell in 1 / sqrt(kappa), [k, n_cells]
        exponent = k[:, None] * np.maximum(1.0 - mu @ shape.middle.T, 0.0)
        peak = k / (-2.0 * np.pi * np.expm1(-2.0 * k))
        mass = np.where(sides < _SMALL, peak[:, None] * shape.area * np.exp(-np.minimum(exponent, 700.0)), counted)
        i, j = np.nonzero((sides >= _SMALL) & (sides < _LARGE) & (exponent < _FAR))
        versine = 1.0 - np.einsum("px,pqx->pq", mu[i], shape.parts[j])
        mass[i, j] = peak[i] * (shape.part_area[j] * np.exp(-k[i, None] * versine)).sum(axis=1)
        mass[mass < _NEGLIGIBLE] = 0.0
        rows.append(sparse.csr_array((mass / mass.sum(axis=1, keepdims=True)).astype(np.float32)))
    return sparse.csr_array(sparse.vstack(rows, format="csr"))


def _tangents(centres: Floats) -> tuple[Floats, Floats]:
    """Two unit vectors (k, 3) that are square to each centre and to each other."""
    axis = np.eye(3)[np.abs(centres).argmin(axis=1)]
    first = np.cross(centres, axis)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(centres, first)


@dataclass(frozen=True, eq=False)
class _Shape:
    """Where the classes of a partition lie; areas in steradians.

    Attributes:
        parts: Unit vectors (n, 16, 3) of the middles of each one's cell's grandchildren.
        part_area: Area (n, 16) of what the class owns of them; some are other classes.
        middle: Unit vectors (n, 3) of the middle of what each owns.
        area: Area (n,) of it.
        side: Side (n,) in radians of its cell.
    """

    parts: Floats
    part_area: Floats
    middle: Floats
    area: Floats
    side: Floats

    @classmethod
    def of(cls, partition: Partition) -> _Shape:
        ids = partition.cell_ids
        inner = s2.children(s2.children(ids).ravel()).ravel()
        lat, lon = s2.centre(inner)
        own = partition.cells_of(lat, lon).reshape(len(ids), -1) == np.arange(len(ids))[:, None]
        own |= ~own.any(axis=1, keepdims=True)  # a class of crumbs between others: then its whole cell
        weight = np.where(own, s2.area_km2(inner).reshape(own.shape), 0.0)
        parts = unit_vectors(lat, lon).reshape(*own.shape, 3)
        middle = (weight[..., None] * parts).sum(axis=1)
        area = partition.area_km2.astype(np.float64) / EARTH_RADIUS_KM**2
        return cls(
            parts,
            weight * (area / weight.sum(axis=1))[:, None],
            middle / np.linalg.norm(middle, axis=1, keepdims=True),
            area,
            np.sqrt(s2.area_km2(ids)) / EARTH_RADIUS_KM,
        )
