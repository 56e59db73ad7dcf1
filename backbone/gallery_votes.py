"""Nearest photos to a distribution over cells: their places, gathered by mean shift, vote beside the density.

Hays and Efros (2008), section 4: the ``k`` nearest photos of the gallery (they take 120), and mean shift over their
places (Comaniciu and Meer 2002), whose modes are the candidates; the mode with most photos is their answer. Here the
same becomes a distribution. With squared distances ``d_i`` of the photos and ``M_i`` the weight of the mode to which
photo ``i`` is drawn::

    w_i  ~  exp(-(d_i - d_1) / T) * M_i ** g             sum_i w_i = 1
    q(c) =  sum_i w_i K_i(c),    K_i(c) ~ p0(c) exp(-D(c, i)^2 / 2 (b^2 + s_c^2)),   sum_c K_i(c) = 1
    p(c) =  (1 - m) p0(c) + m q(c)

``p0`` is the density prior, ``D`` the distance of the cell's mean from the place, ``s_c`` the cell's own spread. With
``m < 1`` no cell has less than ``1 - m`` of what density gives it, and with ``m = 0`` the gallery says nothing. ``T``,
``g``, ``b`` and ``m`` are fitted on the gallery itself (``backbone.gallery_fit``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.weights_card import finite
from data.distribution import CellDistribution
from data.errors import WeightsError
from data.geodesy import EARTH_RADIUS_KM

__all__ = ["NEIGHBOURS", "VoteConfig", "crowded", "kernel_rows", "modes", "vote", "weights_of"]

Floats = NDArray[np.float64]

NEIGHBOURS: Final = 120
"""How many nearest photos vote, as Hays and Efros take."""

_MOST_STEPS: Final = 100
_STILL: Final = 1e-3  # of the bandwidth: a shift that is shorter ends
_AT_ONCE: Final = 64  # places whose kernels are held at one time
_NEGLIGIBLE: Final = 1e-4  # of the whole vote


@dataclass(frozen=True, slots=True)
class VoteConfig:
    """How nearest photos become a distribution; see the module's docstring for the equation.

    Attributes:
        neighbours: ``k``.
        temperature: ``T``, in squared distances of the embedding.
        crowd: ``g``, 0 for every photo by itself, 1 for more weight to where many are.
        bandwidth_km: ``b``, also of mean shift.
        share: ``m``, from 0 to below 1.

    Raises:
        WeightsError: A value is none of these.
    """

    neighbours: int = NEIGHBOURS
    temperature: float = 1.0
    crowd: float = 0.0
    bandwidth_km: float = 300.0
    share: float = 0.0

    def __post_init__(self) -> None:
        numbers = [finite(value) for value in asdict(self).values()]
        if (
            any(number is None for number in numbers) or type(self.neighbours) is not int or self.neighbours < 1
            or not (self.temperature > 0.0 and 0.0 <= self.crowd <= 10.0)
            or not (0.01 <= self.bandwidth_km <= 20_000.0 and 0.0 <= self.share < 1.0)
        ):  # fmt: skip
            raise WeightsError(f"votes of {self} make no sense: build that gallery again")

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> VoteConfig:
        """From a card's ``votes``.

        Raises:
            WeightsError: They are other fields, or make no sense.
        """
        if set(fields) != set(cls.__dataclass_fields__):
            raise WeightsError("its votes are of another whence: build that gallery again")
        return cls(**fields)


def modes(places: Floats, bandwidth_km: float) -> tuple[Floats, NDArray[np.int64]]:
    """Mean shift on the sphere: modes (j, 3) of points, those of most points first, and the mode (m,) of each point.

    Each point climbs the density that all make together, of Gaussians of the chord, in steps to their weighted mean;
    where two end within half a bandwidth of the chord they end in one mode.

    Args:
        places: Unit vectors (m, 3).
        bandwidth_km: Standard deviation of the Gaussians per axis.

    >>> from data.geodesy import lat_lon, unit_vectors
    >>> found, which = modes(unit_vectors([48.1, 48.2, 48.3, -33.9], [16.3, 16.4, 16.3, 151.2]), 100.0)
    >>> [round(float(x), 1) for x in lat_lon(found)[0]], which.tolist()
    ([48.2, -33.9], [0, 0, 0, 1])
    """
    reach = bandwidth_km / EARTH_RADIUS_KM
    points = places.copy()
    moving = np.arange(len(places))
    for _ in range(_MOST_STEPS):
        # The chord is twice the sine of half the angle; its square comes from the product, whose error is far smaller.
        square = np.maximum(2.0 - 2.0 * points[moving] @ places.T, 0.0)
        new = np.exp(-square / (2.0 * reach**2)) @ places
        new /= np.linalg.norm(new, axis=1, keepdims=True)
        shift = np.linalg.norm(new - points[moving], axis=1)
        points[moving] = new
        moving = moving[shift > _STILL * reach]
        if not len(moving):
            break
    found: list[Floats] = []
    label = np.full(len(points), -1, np.int64)
    for i in range(len(points)):
        if label[i] < 0:
            near = (label < 0) & (((points - points[i]) ** 2).sum(axis=1) <= (0.5 * reach) ** 2)
            label[near] = len(found)
            found.append(points[i])
    order = np.argsort(-np.bincount(label), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return np.array(found)[order], rank[label]


def weights_of(square: Floats, temperature: float) -> Floats:
    """Weights (k,) of photos at squared distances ``square`` (k,), ascending; they sum to 1."""
    raised = np.exp(-(square - square[0]) / temperature)
    return np.asarray(raised / raised.sum())


def crowded(weights: Floats, label: NDArray[np.int64], crowd: float) -> Floats:
    """``weights`` (k,) times the weight of each photo's mode ``label`` (k,) to the power ``crowd``; they sum to 1."""
    raised = weights * np.bincount(label, weights=weights)[label] ** crowd
    return np.asarray(raised / raised.sum())


def kernel_rows(places: Floats, density: CellDistribution, bandwidth_km: float) -> NDArray[np.float32]:
    """``K_i(c)`` (m, n) of places (m, 3), unit vectors: each row is density around one of them and sums to 1.

    Where density has nothing within reach, the nearest cell has all.
    """
    partition = density.partition
    # Single precision is within 3 km here, where bandwidths are 50 km and more, and three times as fast.
    wide = np.float32(2.0) * (np.float32(bandwidth_km) ** 2 + partition.spread_km**2)
    square = places.astype(np.float32) @ partition.vectors.astype(np.float32).T
    np.subtract(1.0, square, out=square)
    square *= -(np.float32(2.0 * EARTH_RADIUS_KM**2)) / wide
    with np.errstate(under="ignore"):
        rows = np.exp(np.minimum(square, 0.0, out=square))
        rows *= density.p
    total = rows.sum(axis=1, keepdims=True)
    empty = np.flatnonzero(total[:, 0] <= 1e-30)
    rows[empty] = 0.0
    rows[empty, square[empty].argmax(axis=1)] = 1.0
    total[empty] = 1.0
    return np.asarray(rows / total)


def vote(config: VoteConfig, square: Floats, places: Floats, density: CellDistribution) -> CellDistribution:
    """The distribution of one photo.

    Args:
        config: How.
        square: Squared distances (k,) of the nearest photos, ascending.
        places: Their places (k, 3), unit vectors.
        density: ``p0``; it is itself the answer where there is no neighbour, or nothing is believed of them.
    """
    square, places = square[: config.neighbours], places[: config.neighbours]
    if not len(square) or config.share == 0.0:
        return density
    weights = weights_of(square, config.temperature)
    if config.crowd > 0.0:
        weights = crowded(weights, modes(places, config.bandwidth_km)[1], config.crowd)
    heard = np.flatnonzero(weights > _NEGLIGIBLE / len(weights))
    # Photos of one spot have one kernel.
    spots, which = np.unique(places[heard], axis=0, return_inverse=True)
    of_spot = np.bincount(which.ravel(), weights=weights[heard])
    q = np.zeros(len(density.p))
    for start in range(0, len(spots), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        q += of_spot[some] @ kernel_rows(spots[some], density, config.bandwidth_km)
    p = (1.0 - config.share) * density.p.astype(np.float64) + config.share * q / q.sum()
    return CellDistribution(density.partition, (p / p.sum()).astype(np.float32))
