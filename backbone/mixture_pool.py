"""Pools of opinions: how what several priors say about a photo becomes one distribution.

A *linear* pool (Stone 1961) is ``sum_k w_k p_k``: one of the priors is right, and ``w_k`` is how often it is the
``k``-th. A *logarithmic* pool (Genest and Zidek 1986) is ``prod_k p_k ** a_k / Z``: each prior adds what it has seen,
and a cell must be possible to all. Weights may depend on what the photo shows: ``w_k(photo) = sum_s P(s | photo) w_sk``
over the scenes ``s``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOOR", "LARGEST_POWER", "Kind", "Pool", "corner", "log_rows"]

Kind = Literal["linear", "logarithmic"]
Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[Any]  # floating point, (b, n)

FLOOR: Final = 1e-30
"""The least that a prior may say about a cell; what it gives less counts as this."""
LARGEST_POWER: Final = 20.0
"""The most that a logarithmic pool may sharpen a prior."""

_SUM: Final = 1e-6  # how far from 1 weights may sum


@dataclass(frozen=True, eq=False)
class Pool:
    """Which pool, and its weights.

    Attributes:
        kind: ``"linear"`` or ``"logarithmic"``.
        weights: (s, k), of each scene and each prior; one row where they do not depend on the scene. At least 0; those
            of a linear pool sum to 1 in each row, those of a logarithmic one are 20 at most and not all 0.
        temperature: What the pooled log-probabilities are divided by; above 0.

    Raises:
        ValueError: They are none of these.
    """

    kind: Kind
    weights: Floats
    temperature: float = 1.0

    def __post_init__(self) -> None:
        w = self.weights
        if self.kind not in get_args(Kind):
            raise ValueError(f"the kind of a pool is one of {', '.join(get_args(Kind))}")
        if w.ndim != 2 or not w.size or not np.isfinite(w).all() or w.min() < 0.0 or not w.any(axis=1).all():
            raise ValueError("weights are finite and at least 0, a row for each scene, and no row is all 0")
        if self.kind == "linear" and np.abs(w.sum(axis=1) - 1.0).max() > _SUM:
            raise ValueError("the weights of a linear pool sum to 1")
        if w.max() > LARGEST_POWER:
            raise ValueError(f"the weights of a logarithmic pool are {LARGEST_POWER:g} at most")
        if not (np.isfinite(self.temperature) and self.temperature > 0.0):
            raise ValueError("the temperature is a finite number above 0")

    @property
    def gated(self) -> bool:
        """Whether the weights depend on the scene."""
        return len(self.weights) > 1

    @property
    def only(self) -> int | None:
        """The number of the prior that the pool hands through as it is; None where there is no such one."""
        used = np.flatnonzero(self.weights.any(axis=0))
        alone = len(used) == 1 and self.temperature == 1.0 and bool((self.weights[:, used] == 1.0).all())
        return int(used[0]) if alone else None

    def of_scenes(self, scenes: Floats | None, photos: int) -> Floats:
        """Weights (b, k) of each of ``photos`` photos, whose scenes have these probabilities (b, s).

        Raises:
            ValueError: The weights depend on the scene and there are no scenes.
        """
        if not self.gated:
            return np.repeat(self.weights, photos, axis=0)
        if scenes is None:
            raise ValueError("the weights depend on the scene: give the probabilities of the scenes")
        return np.asarray(scenes @ self.weights)

    def log_p(self, rows: Sequence[Rows], scenes: Floats | None = None) -> Floats:
        """Normalised log-probabilities (b, n).

        Args:
            rows: Of each prior log-probabilities (b, n), or (1, n) where they are the same for all photos.
            scenes: Probabilities (b, s) of the scenes; needed where the pool is gated.
        """
        photos = max(map(len, rows)) if scenes is None else len(scenes)
        weights = self.of_scenes(scenes, photos)
        used = [(row, weights[:, k, None]) for k, row in enumerate(rows) if weights[:, k].any()]
        if self.kind == "linear":
            # In probabilities, with the highest of each photo brought to 1: no exponent leaves what a float holds.
            peak = np.max([np.broadcast_to(row.max(axis=1), photos) for row, _ in used], axis=0)[:, None]
            mixed = np.log(np.maximum(sum(w * np.exp(row.astype(np.float64) - peak) for row, w in used), 1e-300))
        else:
            mixed = np.asarray(sum(w * row.astype(np.float64) for row, w in used))
        mixed /= self.temperature
        mixed -= mixed.max(axis=1, keepdims=True)
        mixed -= np.log(np.exp(mixed).sum(axis=1, keepdims=True))
        return np.asarray(mixed)


def corner(priors: int, which: int) -> Pool:
    """The pool of so many ``priors`` that hands the one with number ``which`` through.

    >>> corner(3, 1).only
    1
    """
    weights = np.zeros((1, priors))
    weights[0, which] = 1.0
    return Pool("linear", weights)


def log_rows(p: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms of probabilities, none below that of :data:`FLOOR`.

    >>> log_rows(np.array([1.0, 0.0], np.float32)).round(2).tolist()
    [0.0, -69.08000183105469]
    """
    return np.log(np.maximum(p, np.float32(FLOOR)))
