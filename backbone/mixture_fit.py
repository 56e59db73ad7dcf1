"""Fits pools of priors to photos whose places are known, and chooses among them out of fold.

The weights of a linear pool are found by expectation maximisation, those of a logarithmic one by L-BFGS: both
likelihoods have one maximum. A prior on the weights, worth one photo or so, keeps a handful of photos from making a mad
pool. Of the kinds of pool, gated by scene or not, that one is taken which is likelier on photos that its weights were
not fitted on; and where none of them is likelier there than the best prior alone, it is that prior.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backbone.calibrate import fit_temperature
from backbone.mixture_pool import FLOOR, LARGEST_POWER, Kind, Pool, corner
from data.photo_places import folds

__all__ = ["Chosen", "Opinions", "choose", "fit_linear", "fit_logarithmic", "fit_pool"]

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]

_FOLDS: Final = 5
_AT_ONCE: Final = 64  # photos whose rows are in memory at one time
_SHRUNK: Final = 10.0  # photos that the weights of all scenes count for in those of each
_STEPS: Final = 2_000
_STILL: Final = 1e-10  # change of the mean log-likelihood that ends expectation maximisation


@dataclass(frozen=True, eq=False)
class Opinions:
    """What several priors say about photos (m,).

    Attributes:
        rows: Of each prior log-probabilities (m, n) of the cells, or (1, n) where they are the same for all photos.
            Arrays may lie on the disk: they are read a few photos at a time.
        cells: (m,) the true cells.
        scenes: (m, s) probabilities of the scenes, or None.

    Raises:
        ValueError: There is no prior, or a shape does not fit.
    """

    rows: Sequence[NDArray[np.float32]]
    cells: NDArray[np.int32]
    scenes: Floats | None = None

    def __post_init__(self) -> None:
        m = len(self.cells)
        if not self.rows or any(len(row) not in (1, m) for row in self.rows):
            raise ValueError(f"opinions are one row for each of {m} photos, or one for all")
        if self.scenes is not None and len(self.scenes) != m:
            raise ValueError(f"{m} photos have not {len(self.scenes)} scenes")

    def __len__(self) -> int:
        return len(self.cells)

    def own(self) -> Floats:
        """(m, k): the log-probability of the true cell under each prior."""
        m = len(self)
        return np.stack(
            [np.asarray(row[np.arange(m) if len(row) == m else np.zeros(m, int), self.cells]) for row in self.rows], 1
        ).astype(np.float64)

    def without_scenes(self) -> Opinions:
        """The same, nothing known about scenes."""
        return Opinions(self.rows, self.cells)

    def blocks(self, which: Indices) -> Iterator[tuple[Indices, list[NDArray[np.float32]]]]:
        """The photos ``which`` a few at a time: their numbers (b,), and of each prior rows (b, n) or (1, n)."""
        for start in range(0, len(which), _AT_ONCE):
            some = which[start : start + _AT_ONCE]
            yield some, [np.asarray(row if len(row) == 1 < len(self) else row[some]) for row in self.rows]

    def pooled(self, pool: Pool, which: Indices) -> NDArray[np.float32]:
        """Log-probabilities (len(which), n) of the pool about the photos ``which``."""
        found = np.empty((len(which), self.rows[0].shape[1]), np.float32)
        for start, (some, rows) in zip(range(0, len(which), _AT_ONCE), self.blocks(which), strict=True):
            scenes = None if self.scenes is None else self.scenes[some]
            found[start : start + len(some)] = pool.log_p(rows, scenes)
        return found

    def log_likelihood(self, pool: Pool) -> float:
        """Mean log-probability (nats) of the true cells under the pool."""
        total = 0.0
        for some, rows in self.blocks(np.arange(len(self))):
            log_p = pool.log_p(rows, None if self.scenes is None else self.scenes[some])
            whole = np.broadcast_to(log_p, (len(some), log_p.shape[1]))
            total += float(whole[np.arange(len(some)), self.cells[some]].sum())
        return total / len(self)


@dataclass(frozen=True, eq=False)
class Chosen:
    """A pool that was chosen, and what it and others were worth out of fold.

    Attributes:
        pool: Fitted on all photos.
        log_p: (m, n) float32 log-probabilities out of fold: of each photo, by a pool that was fitted without its place.
        nll: Name of each that was tried to its mean negative log-likelihood (nats) out of fold: ``"linear"``,
            ``"logarithmic"``, one of them with ``" by scene"``; and ``"best"`` for the best prior alone.
        best: Number of the best prior: that of the highest likelihood.
        why: In one sentence, why it is this pool.
    """

    pool: Pool
    log_p: NDArray[np.float32]
    nll: dict[str, float]
    best: int
    why: str


def fit_linear(own: Floats, scenes: Floats | None = None) -> Floats:
    """Weights (s, k) of the likeliest linear pool, by expectation maximisation; (1, k) without scenes.

    A Dirichlet distribution worth one photo that all priors share alike is put before them. With scenes, those of each
    scene are drawn towards those of all, which count for ten photos.

    Args:
        own: (m, k) log-probabilities of the true cells under each prior.
        scenes: (m, s) probabilities of the scenes, or None.
    """
    q = np.exp(own - own.max(axis=1, keepdims=True))
    k = own.shape[1]
    alike = np.full((1, k), 1.0 / k)
    for_all = _expectation_maximised(q, np.ones((len(q), 1)), alike)
    if scenes is None:
        return for_all
    return _expectation_maximised(q, scenes, np.repeat(_SHRUNK * for_all + alike, scenes.shape[1], axis=0))


def _expectation_maximised(q: Floats, scenes: Floats, counted: Floats) -> Floats:
    """Weights (s, k) under likelihoods ``q`` (m, k); ``counted`` (s, k) are the photos that count before the first."""
    weights: Floats = counted / counted.sum(axis=1, keepdims=True)
    before = -math.inf
    for _ in range(_STEPS):
        joint = scenes[:, :, None] * weights * q[:, None, :]  # [m, s, k]
        total = np.maximum(joint.sum(axis=(1, 2)), FLOOR)
        now = float((np.log(total).sum() + (counted * np.log(np.maximum(weights, FLOOR))).sum()) / len(q))
        weights = (joint / total[:, None, None]).sum(axis=0) + counted
        weights /= weights.sum(axis=1, keepdims=True)
        if now - before < _STILL:
            break
        before = now
    return weights


def fit_logarithmic(opinions: Opinions, which: Indices | None = None) -> Floats:
    """Powers (s, k) of the likeliest logarithmic pool, 0 to 20; (1, k) where the opinions have no scenes.

    A normal distribution of mean ``1 / k`` and deviation 1, worth one photo or so, is put before them, as for the
    logarithm of a temperature. With scenes, those of each scene are drawn towards those of all in the same way, ten
    times as strongly.

    Args:
        opinions: Of the priors.
        which: The photos to fit on; None for all.
    """
    which = np.arange(len(opinions)) if which is None else which
    k = len(opinions.rows)
    start = np.full((1, k), 1.0 / k)
    for_all = _likeliest(opinions, which, np.ones((len(opinions), 1)), start, 1.0)
    if opinions.scenes is None:
        return for_all
    start = np.repeat(for_all, opinions.scenes.shape[1], axis=0)
    return _likeliest(opinions, which, opinions.scenes, start, _SHRUNK)


def _likeliest(opinions: Opinions, which: Indices, scenes: Floats, start: Floats, strength: float) -> Floats:
    from scipy.optimize import minimize  # 0.3 s to import

    def cost(flat: Floats) -> tuple[float, Floats]:
        powers = flat.reshape(start.shape)
        apart = powers - start
        total, slopes = 0.5 * strength * float((apart**2).sum()), strength * apart
        for some, rows in opinions.blocks(which):
            nll, slope = _log_likelihood(rows, scenes[some] @ powers, opinions.cells[some])
            total += nll
            slopes = slopes + scenes[some].T @ slope
        return total / len(which), slopes.ravel() / len(which)

    found: Any = minimize(
        cost, start.ravel(), jac=True, method="L-BFGS-B", bounds=[(0.0, LARGEST_POWER)] * start.size,
        options={"ftol": 1e-9, "gtol": 1e-6, "maxiter": 200},
    )  # fmt: skip
    powers: Floats = np.array(found.x, np.float64).reshape(start.shape)
    nothing = ~powers.any(axis=1)  # a pool of nothing: all cells alike, which no prior says
    powers[nothing] = start[nothing]
    return powers


def _log_likelihood(
    rows: Sequence[NDArray[np.float32]], powers: Floats, cells: NDArray[np.int32]
) -> tuple[float, Floats]:
    """Negative log-likelihood of a block, summed, and its slopes (b, k) in the powers (b, k) of each photo."""
    photos = len(cells)
    single = powers.astype(np.float32)
    mixed = np.zeros((photos, rows[0].shape[1]), np.float32)
    for k, row in enumerate(rows):
        mixed += single[:, k, None] * row
    at = np.arange(photos), cells
    own = mixed[at].astype(np.float64)
    peak = mixed.max(axis=1)
    mixed -= peak[:, None]
    np.exp(mixed, out=mixed)
    norm = mixed.sum(axis=1, dtype=np.float64)
    slopes = np.empty((photos, len(rows)))
    for k, row in enumerate(rows):
        whole = np.broadcast_to(row, mixed.shape)
        slopes[:, k] = np.einsum("bn,bn->b", mixed, whole) / norm - whole[at]
    return float((np.log(norm) + peak - own).sum()), slopes


def fit_pool(kind: Kind, opinions: Opinions, which: Indices | None = None) -> Pool:
    """The likeliest pool of this kind on the photos ``which`` (all where None), gated where the opinions have scenes.

    A linear pool of calibrated priors is not calibrated itself, so its temperature is fitted after its weights; the
    powers of a logarithmic one hold it already.
    """
    which = np.arange(len(opinions)) if which is None else which
    if kind == "logarithmic":
        return Pool(kind, fit_logarithmic(opinions, which))
    scenes = None if opinions.scenes is None else opinions.scenes[which]
    weights = fit_linear(opinions.own()[which], scenes)
    temperature = fit_temperature(opinions.pooled(Pool(kind, weights), which), opinions.cells[which])
    return Pool(kind, weights, temperature)


def choose(opinions: Opinions, place: Indices) -> Chosen:
    """The pool that is likeliest on photos that it was not fitted on, never less likely there than the best prior.

    1. Of the linear and the logarithmic pool, the likelier out of fold. Folds are by place.
    2. With scenes, weights by scene, where they gain more than the standard error of that gain (over places).
    3. The best prior alone, where it is as likely as that; or where the pool, fitted on all photos, is less likely on
       the same photos, as the prior on its weights can make it.

    Args:
        opinions: Of the priors.
        place: (m,) which photos are of one place (``data.photo_places.places``).

    Raises:
        ValueError: There is no photo.
    """
    m, k = len(opinions), len(opinions.rows)
    if not m:
        raise ValueError("no photo to fit a pool on")
    own = opinions.own()
    best = int(np.argmax(own.mean(axis=0)))
    nll = {"best": float(-own[:, best].mean())}

    def the_best(why: str) -> Chosen:
        pool = corner(k, best)
        return Chosen(pool, opinions.pooled(pool, np.arange(m)), nll, best, why)

    if k == 1:
        return the_best("there is one prior only")
    count = min(_FOLDS, int(place.max()) + 1)
    if count < 2:
        return the_best("the photos are of one place, on which nothing can be measured out of fold")
    fold = folds(place, count)
    plain = opinions.without_scenes()
    linear, logarithmic = (_out_of_fold(kind, plain, fold) for kind in ("linear", "logarithmic"))
    at = np.arange(m), opinions.cells
    nll |= {"linear": float(-linear[at].mean()), "logarithmic": float(-logarithmic[at].mean())}
    kind: Kind = "linear" if nll["linear"] <= nll["logarithmic"] else "logarithmic"
    found, using, why = (linear if kind == "linear" else logarithmic), plain, f"a {kind} pool was likelier"
    if opinions.scenes is not None:
        by_scene = _out_of_fold(kind, opinions, fold)
        nll[f"{kind} by scene"] = float(-by_scene[at].mean())
        gain, error = _gain(by_scene[at].astype(np.float64) - found[at], place)
        if gain > error:
            found, using, why = by_scene, opinions, f"{why}, weights by scene gained {gain:.3f} nats"
        else:
            why += ", weights by scene gained no more than chance may"
    if float(-found[at].mean(dtype=np.float64)) >= nll["best"]:
        return the_best("no pool was likelier than the best prior alone")
    pool = fit_pool(kind, using)
    if using.log_likelihood(pool) < own[:, best].mean():
        return the_best("the photos are too few for a pool")
    return Chosen(pool, found, nll, best, why)


def _out_of_fold(kind: Kind, opinions: Opinions, fold: Indices) -> NDArray[np.float32]:
    found = np.empty((len(opinions), opinions.rows[0].shape[1]), np.float32)
    for k in range(int(fold.max()) + 1):
        inside = np.flatnonzero(fold == k)
        if len(inside):
            found[inside] = opinions.pooled(fit_pool(kind, opinions, np.flatnonzero(fold != k)), inside)
    return found


def _gain(each: Floats, place: Indices) -> tuple[float, float]:
    """Mean (nats) of what photos gain, and its standard error where photos of a place stand and fall together."""
    mean = float(each.mean())
    summed = np.bincount(place, weights=each - mean)
    return mean, math.sqrt(float((summed**2).sum())) / len(each)
