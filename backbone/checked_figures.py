"""A prior's sureness fitted, and its worth measured, on photos whose places are known: each apart from the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior
from backbone.checked import Check, Scored
from backbone.density import DensityPrior
from backbone.held_out import covered, held_out_mask, measured
from data.errors import DatasetError, ImageError
from data.partition import Partition
from data.photo_sets import PhotoSet
from data.version import __version__

__all__ = ["LEAST_PHOTOS", "checked_on", "covered_by", "fit_on_grid"]

LEAST_PHOTOS: Final = 20

_TEMPERATURES: Final = np.geomspace(0.1, 10.0, 41)
_MOST_PHOTOS: Final = 3_000
_LEAST_P: Final = 1e-30


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a prior says of photos: ``nll[i, t]`` nats of photo ``i``'s true cell at the ``t``-th temperature."""

    indices: NDArray[np.int64]
    scores: list[NDArray[np.float32]]
    nll: NDArray[np.float64]
    unreadable: int


def checked_on(
    prior: Prior,
    photos: PhotoSet,
    *,
    device: str = "cpu",
    on_photo: Callable[[int, int], None] = lambda done, of: None,
) -> Check:
    """The temperature and the figures of ``prior`` on ``photos``, which it was not trained on.

    The temperature that is kept is fitted on all photos. For the figures the photos are halved by the spots of 1.2 km
    where they were taken, and each half is measured at the temperature that was fitted on the other. A prior that has
    no ``at_temperature`` is measured as it is. Photos that cannot be read are left out and counted.

    Args:
        prior: What is checked; :class:`backbone.checked.Fittable` for a temperature.
        photos: Whose places are known; the first 3,000 of an order of chance.
        device: ``cpu``, ``cuda`` or ``cuda:NUMBER``.
        on_photo: Told how many photos were seen, and how many there are.

    Returns:
        What :func:`backbone.checked.write_check` keeps. Its figures are those of :func:`backbone.held_out.measured`;
        ``covered``, the share of the world's photos that come from where the prior was trained; ``held_out_covered``,
        the same of where ``photos`` were taken; ``unreadable``.

    Raises:
        DatasetError: Fewer than 20 photos can be read, or all lie on one spot.
    """
    order = np.random.default_rng(0).permutation(len(photos))[:_MOST_PHOTOS]
    log_p = _log_p_of(prior)
    temperatures = _TEMPERATURES if hasattr(prior, "at_temperature") else np.ones(1)
    seen = _seen(prior, photos, order, log_p, temperatures, device, on_photo)
    lat, lon = photos.lat[seen.indices], photos.lon[seen.indices]
    half = held_out_mask(lat, lon, 0.5)
    if len(half) < LEAST_PHOTOS or half.all() or not half.any():
        raise DatasetError(
            f"{photos.name} has {len(half)} photos that can be read: give {LEAST_PHOTOS} at least, from several places"
        )
    of_half = [temperatures[fit_on_grid(seen.nll[half == other], temperatures)] for other in (True, False)]
    rows = [log_p(scores, of_half[int(side)]) for scores, side in zip(seen.scores, half, strict=True)]
    figures = measured(
        np.stack(rows), lat, lon, DensityPrior(prior.partition).distribution, temperature=1.0, points=len(rows)
    )
    figures["held_out_covered"] = covered_by(prior.partition, lat, lon)
    figures["covered"] = prior.card.accuracy.get("covered", figures["held_out_covered"])
    figures["unreadable"] = float(seen.unreadable)
    return Check(
        name=prior.name,
        sha256=prior.card.sha256,
        temperature=float(temperatures[fit_on_grid(seen.nll, temperatures)]),
        figures=figures,
        photos=f"{photos.name[:200]}, {len(half)} photos",
        created_with=__version__,
        partition_hash=prior.partition.hash,
    )


def fit_on_grid(nll: NDArray[np.float64], temperatures: NDArray[np.float64]) -> int:
    """Which of ``temperatures`` (t,) has the least negative log-likelihood, of ``nll`` (m, t) nats, one row a photo.

    Its logarithm has a normal prior of mean 0 and deviation 1, as in :func:`backbone.calibrate.fit_temperature`.

    >>> fit_on_grid(np.array([[3.0, 1.0]]), np.array([1.0, 2.0]))
    1
    """
    return int(np.argmin(nll.sum(axis=0) + np.log(temperatures) ** 2 / 2.0))


def covered_by(partition: Partition, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> float:
    """Share of the world's photos that come from the coarsest cells around the places (m,) in degrees."""
    return covered(DensityPrior(partition).distribution, partition.cells_of(lat, lon))


def _log_p_of(prior: Prior) -> Callable[[NDArray[np.float32], float], NDArray[np.float32]]:
    if isinstance(prior, Scored):
        return prior.log_p
    return lambda scores, temperature: np.asarray(scores / np.float32(temperature), np.float32)


def _scores_of(prior: Prior, device: str) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    if isinstance(prior, Scored):
        return lambda pixels: prior.scores([pixels], device=device)[0]
    fittable: Any = prior
    plain: Prior = fittable.at_temperature(1.0) if hasattr(prior, "at_temperature") else prior

    def scores(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.log(np.maximum(plain.predict([pixels], device=device)[0].distribution.p, _LEAST_P))

    return scores


def _seen(
    prior: Prior,
    photos: PhotoSet,
    order: NDArray[np.int64],
    log_p: Callable[[NDArray[np.float32], float], NDArray[np.float32]],
    temperatures: NDArray[np.float64],
    device: str,
    on_photo: Callable[[int, int], None],
) -> _Seen:
    scores_of = _scores_of(prior, device)
    cells = prior.partition.cells_of(photos.lat, photos.lon)
    indices, kept, nll, unreadable = [], [], [], 0
    for done, index in enumerate(order.tolist(), start=1):
        try:
            pixels = photos.pixels(index)
        except ImageError:
            unreadable += 1
            continue
        scores = scores_of(pixels)
        kept.append(scores)
        indices.append(index)
        nll.append([_nll(log_p(scores, temperature), cells[index]) for temperature in temperatures.tolist()])
        on_photo(done, len(order))
    return _Seen(np.array(indices, np.int64), kept, np.array(nll).reshape(len(kept), len(temperatures)), unreadable)


def _nll(log_p: NDArray[np.float32], cell: int) -> float:
    peak = float(log_p.max())
    return peak + math.log(float(np.exp(log_p - peak).sum(dtype=np.float64))) - float(log_p[cell])
