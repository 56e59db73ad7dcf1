"""The conditional logit that the ranker is trained with, as a LightGBM objective.

A photo has rows r with ``log p0(r)``, the true one t. The trees give each row a score ``s``; what counts is its
difference to the score of the same row without evidence (McFadden 1974, with an offset)::

    z_r = log p0(r) + a E(r) + s(x_r, e) - s(x_r, none)        p_r = exp(z_r) / sum_j exp(z_j)
    loss = -log p_t

With ``y_r = 1`` for the true row and 0 else, the derivatives by the scores of the row with and without evidence are::

    d loss / d s(x_r, e) = p_r - y_r          d2 loss / d s(x_r, e)2    = p_r (1 - p_r)
    d loss / d s(x_r, none) = y_r - p_r       d2 loss / d s(x_r, none)2 = p_r (1 - p_r)

LightGBM takes the diagonal of the Hessian. ``log p0 + a E`` is the ``init_score`` of the rows with evidence; those
without have 0. Rows stand as all rows with evidence, photo by photo, then the same rows without.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ConditionalLogit", "log_softmax"]

Floats = NDArray[np.float64]


class ConditionalLogit:
    """Loss, gradient and Hessian over many photos.

    Args:
        starts: (p + 1,) first row of each photo, and the number of all rows m.
        truth: (p,) the true row of each photo, among all rows.
        weights: (p,) of the photos; None for equal ones.

    Raises:
        ValueError: A photo has no row, or a true row is not its own.
    """

    def __init__(self, starts: NDArray[np.int64], truth: NDArray[np.int64], weights: Floats | None = None) -> None:
        if np.any(np.diff(starts) < 1) or np.any(truth < starts[:-1]) or np.any(truth >= starts[1:]):
            raise ValueError("every photo has at least one row, and the true row is one of its own")
        self.starts, self.truth = starts, truth
        self._photo = np.repeat(np.arange(len(truth)), np.diff(starts))
        self._weights = np.ones(len(truth)) if weights is None else weights

    def losses(self, z: Floats) -> Floats:
        """(p,) nats: minus the log-probability of the true rows, from logits (m,)."""
        return -self._log_p(z)[self.truth]

    def derivatives(self, scores: Floats) -> tuple[Floats, Floats]:
        """Gradient and diagonal Hessian (2 m,) by the scores (2 m,), those without evidence last.

        The scores of rows with evidence hold ``log p0 + a E`` already.
        """
        m = len(self._photo)
        p = np.exp(self._log_p(scores[:m] - scores[m:]))
        weights = self._weights[self._photo]
        slope = p * weights
        slope[self.truth] -= self._weights
        curve = np.maximum(p * (1.0 - p), 1e-12) * weights
        return np.concatenate([slope, -slope]), np.concatenate([curve, curve])

    def _log_p(self, z: Floats) -> Floats:
        return log_softmax(z, self.starts, self._photo)


def log_softmax(z: Floats, starts: NDArray[np.int64], photo: NDArray[np.int64] | None = None) -> Floats:
    """(m,) log-probabilities of the rows of each photo; ``starts`` as in :class:`ConditionalLogit`."""
    if photo is None:
        photo = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    shifted = z - np.maximum.reduceat(z, starts[:-1])[photo]
    norm = np.log(np.add.reduceat(np.exp(shifted), starts[:-1]))
    out: Floats = shifted - norm[photo]
    return out
