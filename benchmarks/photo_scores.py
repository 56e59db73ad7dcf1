"""What models are worth on photos beside the density prior: shrinkage, points, paired intervals.

Photos of one place say the same thing many times over: intervals are drawn by places, not by photos.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from data.geodesy import BANDS_KM, EARTH_RADIUS_KM, geoscore, haversine_km, unit_vectors
from data.partition import Partition
from data.photo_places import folds, places

__all__ = ["Scorer", "Scores", "Shrinkage", "difference", "fit_shrinkage", "folds", "places"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]

_DRAWS: Final = 2_000
_AT_ONCE: Final = 64  # photos whose log-probabilities are in double precision at one time
_SUB_POINTS: Final = 16  # as many as CellDistribution takes for distances


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How far a model is believed: ``p = density ** density_power * model ** model_power / Z``.

    With the powers 1 - w and w / T this is ``log density + w * (log model / T - log density)``: powers 1 and 0 are
    density whatever the model says, 0 and 1 / T the model at a temperature of T.
    """

    density_power: float
    model_power: float

    def __call__(self, log_model: Floats32, log_density: Floats) -> Floats:
        """Normalised log-probabilities (m, n), of the model's (m, n) and of density's (n,)."""
        mixed = self.model_power * log_model.astype(np.float64) + self.density_power * log_density
        return mixed - _log_sums(mixed)[:, None]


def _log_sums(rows: Floats) -> Floats:
    peak = rows.max(axis=1)
    sums: Floats = peak + np.log(np.exp(rows - peak[:, None]).sum(axis=1))
    return sums


def fit_shrinkage(log_model: Floats32, log_density: Floats, cells: NDArray[np.int32]) -> Shrinkage:
    """The powers of highest likelihood, density's from 0 to 1 and the model's from 0 to 20.

    Args:
        log_model: Log-probabilities (m, n) of the model about photos that were not trained on.
        log_density: Those of density (n,), all finite.
        cells: (m,) the true cells.
    """
    from scipy.optimize import minimize

    def cost(powers: Floats) -> tuple[float, Floats]:
        total, slopes = 0.0, np.zeros(2)
        for start in range(0, len(cells), _AT_ONCE):
            rows = log_model[start : start + _AT_ONCE].astype(np.float64)
            own = cells[start : start + _AT_ONCE]
            mixed = powers[0] * log_density + powers[1] * rows
            norm = _log_sums(mixed)
            p = np.exp(mixed - norm[:, None])
            at = np.arange(len(rows)), own
            total += float((norm - mixed[at]).sum())
            slopes += (p @ log_density - log_density[own]).sum(), ((p * rows).sum(axis=1) - rows[at]).sum()
        return total / len(cells), slopes / len(cells)

    # The likelihood is log-linear in the powers, so it has one maximum.
    found = minimize(cost, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=((0.0, 1.0), (0.0, 20.0)))
    return Shrinkage(float(found.x[0]), float(found.x[1]))


@dataclass(frozen=True, eq=False)
class Scores:
    """What one model says about photos (n,).

    Attributes:
        bits: log2 of the probability of the true cell.
        km: Distance of the point of highest expected GeoScore.
        mass: Probability within that distance of the point: at most 0.5 where the photo is inside the 50 % radius.
    """

    bits: Floats
    km: Floats
    mass: Floats

    def figures(self) -> dict[str, Callable[[Floats], Floats]]:
        """Name of each figure to what it is under weights (draws, n) of the photos: (draws,)."""
        columns = {"bits": self.bits, "geoscore": geoscore(self.km)}
        columns |= {f"within_{band:g}_km": np.where(self.km <= band, 100.0, 0.0) for band in BANDS_KM}
        columns |= {f"inside_{100 * m:.0f}": np.where(self.mass <= m, 100.0, 0.0) for m in (0.5, 0.8)}
        figures: dict[str, Callable[[Floats], Floats]] = {
            name: lambda w, values=values: w @ values / w.sum(axis=1)  # type: ignore[misc]
            for name, values in columns.items()
        }
        return figures | {"median_km": self._median_km}

    def _median_km(self, weights: Floats) -> Floats:
        order = np.argsort(self.km, kind="stable")
        up_to = np.cumsum(weights[:, order], axis=1)
        half = 0.5 * up_to[:, -1:]
        # Where the half falls between two photos the median is the middle between them, as np.median's.
        upper, lower = (up_to > half + 1e-9).argmax(axis=1), (up_to >= half - 1e-9).argmax(axis=1)
        return np.asarray(0.5 * (self.km[order][upper] + self.km[order][lower]))


def _joined(parts: Sequence[Scores]) -> Scores:
    return Scores(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("bits", "km", "mass")))


def difference(ours: Scores, theirs: Scores, place: Indices, seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """Each figure of ``ours`` less that of ``theirs``, with the ends of its paired 95 % bootstrap interval.

    Whole places are drawn, 2,000 times, the same for both.
    """
    n = int(place.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), _DRAWS)[:, place].astype(np.float64)
    all_once = np.ones((1, len(place)))
    found = {}
    for name, figure in ours.figures().items():
        other = theirs.figures()[name]
        low, high = np.percentile(figure(drawn) - other(drawn), [2.5, 97.5])
        found[name] = (float((figure(all_once) - other(all_once))[0]), float(low), float(high))
    return found


class Scorer:
    """Scores distributions over the cells of one partition.

    The point is the mean of whichever cell has the highest expected GeoScore, of all cells: as
    ``CellDistribution.point``, which tries fewer. A table of n x n single floats makes it quick (1.5 GB for the shipped
    cells).
    """

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        vectors = unit_vectors(partition.lat, partition.lon).astype(np.float32)
        reach = (np.sqrt(2.0) * partition.spread_km).astype(np.float32)
        self._utility = np.empty((len(partition), len(partition)), np.float32)  # [cell of the photo, cell of the point]
        for start in range(0, len(partition), 512):
            some = slice(start, start + 512)
            km = np.float32(EARTH_RADIUS_KM) * np.arccos(np.clip(vectors[some] @ vectors.T, -1.0, 1.0))
            self._utility[some] = geoscore(np.hypot(km, reach[some, None]))
        self._sub_points = unit_vectors(*partition.sample_points(_SUB_POINTS)).reshape(-1, 3)

    def score(self, log_p: Iterator[Floats], lat: Floats, lon: Floats) -> Scores:
        """Scores of log-probabilities that come in blocks (b, n), about photos at ``lat``, ``lon`` (m,) in degrees."""
        found, start = [], 0
        for block in log_p:
            some = slice(start, start + len(block))
            start += len(block)
            p = np.exp(block).astype(np.float32)
            found.append(self._scores(block, p, np.argmax(p @ self._utility, axis=1), lat[some], lon[some]))
        return _joined(found)

    def score_one(self, said: CellDistribution, lat: Floats, lon: Floats) -> Scores:
        """Scores of a distribution that is the same for all photos."""
        p = said.p[None]
        best = np.argmax(p @ self._utility, axis=1)
        block = np.log(np.maximum(p.astype(np.float64), 1e-30))
        parts = [self._scores(block, p, best, lat[k : k + 1], lon[k : k + 1]) for k in range(len(lat))]
        return _joined(parts)

    def _scores(self, log_p: Floats, p: Floats32, best: Indices, lat: Floats, lon: Floats) -> Scores:
        """Scores of the points in cells ``best`` (b,)."""
        km = haversine_km(self.partition.lat[best], self.partition.lon[best], lat, lon)
        bits = log_p[np.arange(len(log_p)), self.partition.cells_of(lat, lon)] / math.log(2.0)
        return Scores(bits, km, np.array([self._mass(*row) for row in zip(p, best, km, strict=True)]))

    def _mass(self, p: Floats32, cell: int, km: float) -> float:
        """``CellDistribution.mass_within`` of the cell's mean."""
        middle = unit_vectors(self.partition.lat[cell], self.partition.lon[cell])
        within = self._sub_points @ middle >= math.cos(km / EARTH_RADIUS_KM)
        return float(within.reshape(len(p), -1).mean(axis=1) @ p / p.sum(dtype=np.float64))
