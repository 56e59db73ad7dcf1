"""A conditional logit over cells that is bilinear in what a photo looks like and in what a cell is like.

``log p(c | x) = log d(c) + (W^T z(x) + b) . f(c) - log Z(x)``: ``d`` is the density prior, ``z`` the photo's
features, ``f`` the cell's. It is McFadden's conditional logit (1974) with the density as offset, fitted by maximum
likelihood with a ridge on ``W`` and ``b``: with no photo, or features that tell nothing, it is the density prior. Since
cells are known by features and not by numbers, a few hundred photos say something about cells in which none of them was
taken. The loss is convex, so that the fit does not depend on where it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogBilinear", "fit"]

_CLIP: Final = 6.0  # deviations: a photo unlike all others is not believed without limit
_LEAST_DEVIATION: Final = 1e-6
_COMPONENTS: Final = 200  # principal components of the photos' features that are fitted
_ITERATIONS: Final = 40
_TOLERANCE: Final = 1e-7  # of the loss, nats

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LogBilinear:
    """A fitted one.

    Attributes:
        mean: (d,) float32 of each feature of the photos where it was fitted.
        deviation: (d,) float32 of the same, above 0; infinite for a feature that did not vary, which then counts for
            nothing.
        weights: (d, k) float32, of features in deviations from their means.
        bias: (k,) float32.
    """

    mean: Floats32
    deviation: Floats32
    weights: Floats32
    bias: Floats32

    def directions(self, features: Floats32) -> Floats32:
        """(m, k): what each photo's features (m, d) look for in a cell."""
        return np.asarray(_standardised(features, self.mean, self.deviation) @ self.weights + self.bias, np.float32)

    def log_p(self, features: Floats32, cells: Floats32, log_density: Floats32) -> Floats32:
        """Log-probabilities (m, n) of photos' features (m, d) over cells' features (n, k) and log-density (n,)."""
        logits = self.directions(features) @ cells.T + log_density
        peak = logits.max(axis=1, keepdims=True)
        return np.asarray(logits - peak - np.log(np.exp(logits - peak).sum(axis=1, keepdims=True)), np.float32)


def fit(
    features: Floats32,
    blocks: Sequence[int],
    true_cells: NDArray[np.integer],
    cells: Floats32,
    log_density: Floats32,
    *,
    ridge: float,
    bias_ridge: float = 1.0,
) -> LogBilinear:
    """Fit it to photos whose cells are known.

    Args:
        features: (m, d) of the photos.
        blocks: How many features each block has, in order; they sum to d.
        true_cells: (m,) indices of their cells.
        cells: (n, k) features of all cells.
        log_density: (n,) of the density prior, finite.
        ridge: What ``|W|^2 / 2`` costs beside the mean negative log-likelihood in nats; ``W`` here is over the
            principal components of the scaled features.
        bias_ridge: The same for ``b``: how far the density itself may be bent to where the training photos were taken.

    Raises:
        ValueError: Shapes do not fit, or a ridge is not positive.
    """
    import torch

    if sum(blocks) != features.shape[1] or len(features) != len(true_cells) or min(ridge, bias_ridge) <= 0.0:
        raise ValueError("blocks sum to the number of features, each photo has a cell, and ridges are positive")
    mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    mean = mean.astype(np.float32)
    deviation = np.where(deviation < _LEAST_DEVIATION, np.inf, deviation).astype(np.float32)
    # Blocks weigh alike, however many features they have.
    each = np.sqrt(np.repeat(blocks, blocks))
    x = _standardised(features, mean, deviation) / each
    turn = _principal(x)  # (d, r)
    z = torch.from_numpy((x @ turn).astype(np.float32))
    f = torch.from_numpy(np.ascontiguousarray(cells.T))  # [k, n]
    offset, own = torch.from_numpy(np.array(log_density)), torch.from_numpy(np.asarray(true_cells, np.int64))
    share = 1.0 / len(z)
    theta = torch.zeros((z.shape[1] + 1, f.shape[0]), requires_grad=True)
    cost = torch.full((len(theta), 1), ridge)
    cost[-1] = bias_ridge

    @torch.no_grad()
    def loss() -> torch.Tensor:
        logits = torch.addmm(offset, z @ theta[:-1] + theta[-1], f)  # [m, n]: worked on in place, it is the largest
        at_own = logits[torch.arange(len(z)), own]
        peak = logits.amax(dim=1, keepdim=True)
        p = logits.sub_(peak).exp_()
        total = p.sum(dim=1, keepdim=True)
        nll = (peak + total.log())[:, 0] - at_own
        gap = (p.div_(total) @ f.T - f[:, own].T) * share  # [m, k]
        theta.grad = torch.cat([z.T @ gap, gap.sum(dim=0, keepdim=True)]) + cost * theta
        return nll.sum() * share + 0.5 * (cost * theta**2).sum()

    optimiser = torch.optim.LBFGS(
        [theta], max_iter=_ITERATIONS, history_size=20, line_search_fn="strong_wolfe", tolerance_change=_TOLERANCE
    )
    optimiser.step(loss)  # type: ignore[no-untyped-call]
    found = theta.detach().numpy()
    return LogBilinear(mean, deviation, (turn @ found[:-1] / each[:, None]).astype(np.float32), found[-1].copy())


def _standardised(features: Floats32, mean: Floats32, deviation: Floats32) -> Floats32:
    """Features in deviations from their means, far ones drawn in."""
    return np.asarray(np.clip((features - mean) / deviation, -_CLIP, _CLIP), np.float32)


def _principal(x: Floats) -> Floats:
    """(d, r) directions of the photos' (m, d) largest principal components, each of length 1."""
    values, vectors = np.linalg.eigh(x @ x.T)
    kept = np.flatnonzero(values > values[-1] * 1e-9)[::-1][:_COMPONENTS]
    return np.asarray(x.T @ vectors[:, kept] / np.sqrt(values[kept]))
