"""Albums: photos of one place, and what the distributions of several photos say together.

An album is photos that were taken at one place, in the order in which they are given: all in one of the finest cells
of the prior's partition, or within a walk, in the cells next to it. What is asked for is that cell.

Two ways of combining the distributions ``p_j`` of ``k`` photos need no training. The linear pool is their mean
(:func:`averaged`). The product counts what all photos share, the prior ``p0``, once, and discounts the photos for
depending on each other (:func:`multiplied`)::

    log p(c) = log p0(c) + lambda(k) * sum_j [log p_j(c) - log p0(c)] - log Z
    lambda(k) = k_eff / k,    k_eff = k / (1 + (k - 1) rho)

With ``rho = 0`` this is Bayes' rule for photos that are independent given the place; with ``rho = 1`` it is the
logarithmic opinion pool with weights that sum to 1, so that ``k`` copies of one photo are that photo. Genest and Zidek
(1986) review both pools; Clemen and Winkler (1985) derive how many independent experts ``k`` dependent ones are worth,
for equally correlated normal errors ``k / (1 + (k - 1) rho)``, which is also the design effect of cluster sampling
(Kish 1965). PlaNet's own way is an LSTM (Weyand, Kostrikov, Philbin 2016, section 4): ``backbone.album_net``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.errors import RequestError
from data.in_cell import InCell, averaged_in_cell

__all__ = [
    "DEPENDENCY",
    "averaged",
    "effective_photos",
    "fit_dependency",
    "inside_cells",
    "logs",
    "multiplied",
    "pooled",
]

Floats = NDArray[np.float64]

DEPENDENCY: Final = 0.6
"""``rho`` where none was fitted on albums of a prior's own.

Of highest likelihood on held-out albums of the rendered Earth whose photos copy half of what they show from each other:
0.56, 0.58 and 0.68 with three models (``benchmarks/results/earth_albums.txt``). With photos that are independent given
the place it is 0.48 to 0.64 all the same: what a model gets wrong about a place it gets wrong in every photo of it. No
set of real albums stands behind it.
"""

_LEAST: Final = float(np.log(1e-12))
"""What the logarithm of a probability counts for at least: beneath, single precision and a fitted temperature know
nothing, and one photo that gives a cell no mass must not forbid it to all others."""
_PRIOR_SPREAD: Final = 0.3  # standard deviation of what is believed of rho before any album is seen


def effective_photos(k: int, dependency: float) -> float:
    """How many independent photos ``k`` photos are worth, 1 to ``k``.

    Raises:
        RequestError: ``k`` is below 1, or ``dependency`` is not from 0 to 1.

    >>> effective_photos(5, 0.0), effective_photos(5, 0.5), effective_photos(5, 1.0)
    (5.0, 1.6666666666666667, 1.0)
    """
    if k < 1:
        raise RequestError(f"an album has at least one photo, not {k}")
    if not 0.0 <= dependency <= 1.0:
        raise RequestError(f"the dependency of an album's photos lies from 0 to 1, not {dependency}")
    return k / (1.0 + (k - 1) * dependency)


def logs(p: NDArray[Any]) -> Floats:
    """Natural logarithms of probabilities, minus infinity where they are 0."""
    with np.errstate(divide="ignore"):
        found: Floats = np.log(p, dtype=np.float64)
    return found


def pooled(log_p: NDArray[Any], log_p0: NDArray[Any], dependency: float) -> Floats:
    """The discounted product in logarithms: (n,) log-probabilities in nats, summing to 1.

    What a photo or the shared prior gives less than 1e-12 counts as that much.

    Args:
        log_p: (k, n) of the photos. Their order does not matter, to the last bit.
        log_p0: (n,) of what they share.
        dependency: ``rho`` of the module's equation, 0 to 1.

    Raises:
        RequestError: As :func:`effective_photos`.
    """
    k = len(log_p)
    discount = effective_photos(k, dependency) / k
    return _normalised(_clamped(log_p0) + discount * _told(log_p, log_p0))


def multiplied(
    photos: Sequence[CellDistribution], base: CellDistribution, dependency: float = DEPENDENCY
) -> CellDistribution:
    """The discounted product of the photos' distributions; see the module's docstring.

    One photo comes back as the object that it is, and where every photo says what ``base`` says, ``base`` does. A cell
    that is impossible to all, base included, stays so.

    Args:
        photos: One distribution a photo, at least one.
        base: What they share and what is therefore counted once: where photos are taken, before any is seen.
        dependency: ``rho``, 0 (independent given the place) to 1 (each says what the first said).

    Raises:
        RequestError: There is no photo, the partitions differ, or ``dependency`` is not from 0 to 1.
    """
    _require(photos)
    base.require_same_partition(photos[0])
    effective_photos(len(photos), dependency)
    if len(photos) == 1:
        return photos[0]
    if all(photo is base or (np.array_equal(photo.p, base.p) and photo.in_cell is base.in_cell) for photo in photos):
        return base
    p = np.stack([photo.p for photo in photos])
    log_p = pooled(logs(p), logs(base.p), dependency)
    held = (p > 0.0).any(axis=0) | (base.p > 0.0)
    return CellDistribution.from_logits(base.partition, np.where(held, log_p, -np.inf), inside_cells(photos))


def averaged(photos: Sequence[CellDistribution]) -> CellDistribution:
    """The linear pool: the mean of the photos' distributions, each counted alike. One photo comes back as it is.

    Raises:
        RequestError: There is no photo, or the partitions differ.
    """
    _require(photos)
    first = photos[0]
    if all(photo is first or (np.array_equal(photo.p, first.p) and photo.in_cell is first.in_cell) for photo in photos):
        return first
    # Sorted, so that sums are the same to the last bit in whatever order the photos come.
    p = np.sort(np.stack([photo.p.astype(np.float64) for photo in photos]), axis=0).mean(axis=0)
    return CellDistribution(first.partition, (p / p.sum()).astype(np.float32), inside_cells(photos))


def inside_cells(photos: Sequence[CellDistribution]) -> InCell | None:
    """Where an album's mass lies inside the cells: the mean of what its photos say; None where none of them says it.

    They are of one cell, not of one point, so that what they say is mixed and not multiplied: their cells' own
    Gaussians are replaced by the one of the same mean and variance, their spots (``data.spots``) all kept.
    """
    if all(photo.in_cell is None for photo in photos):
        return None
    return averaged_in_cell([photo.inside for photo in photos])


def fit_dependency(
    albums: Sequence[NDArray[Any]], log_p0: NDArray[Any], cells: NDArray[Any], *, expected: float = DEPENDENCY
) -> float:
    """The dependency, 0 to 1, under which the products of held-out albums are likeliest.

    It has a normal prior around ``expected`` with a deviation of 0.3, worth about one album; albums of one photo tell
    nothing.

    Args:
        albums: For each album the log-probabilities (k, n) of its photos, which were not trained on; as for
            :func:`pooled`, so that what is fitted is what answers.
        log_p0: (n,) of what they share.
        cells: (m,) the cell of each album.
        expected: What is believed before; the answer where there is no album of several photos.

    Raises:
        ValueError: There is not one cell for each album.
    """
    if len(albums) != len(cells):
        raise ValueError(f"{len(albums)} albums, {len(cells)} cells")
    several = [(len(album), _told(album, log_p0), int(cell)) for album, cell in zip(albums, cells, strict=True)]
    several = [album for album in several if album[0] > 1]
    if not several:
        return expected
    from scipy.optimize import minimize_scalar  # 0.3 s to import

    start = _clamped(log_p0)

    def cost(rho: float) -> float:
        total = 0.5 * ((rho - expected) / _PRIOR_SPREAD) ** 2
        for k, told, cell in several:
            logits = start + effective_photos(k, rho) / k * told
            total += float(np.logaddexp.reduce(logits) - logits[cell])
        return total

    # In one album's discount the cost is convex; over albums of several sizes, a grid finds the right valley.
    grid = np.linspace(0.0, 1.0, 11)
    best = int(np.argmin([cost(float(rho)) for rho in grid]))
    bounds = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 10)]))
    found = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(min(max(found.x, 0.0), 1.0))


def _require(photos: Sequence[CellDistribution]) -> None:
    if not photos:
        raise RequestError("an album without a photo says nothing: give at least one")
    for photo in photos:
        photos[0].require_same_partition(photo)


def _told(log_p: NDArray[Any], log_p0: NDArray[Any]) -> Floats:
    """(n,) sum over photos of what each adds to the shared prior, in nats."""
    # Sorted, so that sums are the same to the last bit in whatever order the photos come.
    told: Floats = np.sort(_clamped(log_p) - _clamped(log_p0), axis=0).sum(axis=0)
    return told


def _clamped(log_p: NDArray[Any]) -> Floats:
    least: Floats = np.maximum(log_p, _LEAST, dtype=np.float64)
    return least


def _normalised(logits: Floats) -> Floats:
    normed: Floats = logits - np.logaddexp.reduce(logits)
    return normed
