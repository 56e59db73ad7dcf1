"""Multinomial logistic regression with a ridge, fitted exactly: for small heads on fixed features.

The loss is ``sum_i w_i (-log p(y_i | x_i)) / sum_i w_i + ridge / 2 |W|^2`` over standardised features, biases free; it
is convex, so that L-BFGS finds the one minimum whatever it starts from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Logistic", "fit", "fit_temperature", "softmax"]

_LEAST_DEVIATION: Final = 1e-6  # a feature that is the same everywhere is taken out, not blown up
_ITERATIONS: Final = 2000


@dataclass(frozen=True, eq=False)
class Logistic:
    """A fitted regression.

    Attributes:
        mean: (d,) of each feature where it was fitted.
        deviation: (d,) of each feature, positive.
        weights: (k, d) over standardised features.
        bias: (k,).
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, k) of features (n, d)."""
        return np.asarray((features - self.mean) / self.deviation @ self.weights.T + self.bias, np.float64)


def fit(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    classes: int,
    ridge: float,
    sample_weights: NDArray[np.floating] | None = None,
) -> Logistic:
    """Fit it.

    Args:
        features: (n, d).
        labels: (n,) 0 to ``classes`` - 1.
        classes: How many there are.
        ridge: Positive; how much weights cost.
        sample_weights: (n,) non-negative, or None for all alike.

    >>> x = np.array([[-1.0], [-0.9], [0.9], [1.0]])
    >>> model = fit(x, np.array([0, 0, 1, 1]), classes=2, ridge=0.01)
    >>> softmax(model.logits(x)).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """
    from scipy.optimize import minimize  # only where something is trained

    if ridge <= 0.0:
        raise ValueError(f"a ridge is positive, not {ridge}")
    share = np.ones(len(features)) if sample_weights is None else np.asarray(sample_weights, np.float64)
    share = share / share.sum()
    mean = share @ features
    deviation = np.sqrt(share @ (features - mean) ** 2)
    varies = deviation >= _LEAST_DEVIATION
    deviation = np.where(varies, deviation, 1.0)
    x = (features - mean) / deviation * varies
    wanted = np.eye(classes)[labels]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(classes, -1)
        logits = x @ weights[:, 1:].T + weights[:, 0]
        top = logits.max(axis=1, keepdims=True)
        log_z = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
        value = share @ (log_z - (logits * wanted).sum(axis=1)) + ridge / 2.0 * (weights[:, 1:] ** 2).sum()
        gap = share[:, None] * (np.exp(logits - log_z[:, None]) - wanted)  # (n, k)
        slope = np.concatenate([gap.sum(axis=0)[:, None], gap.T @ x + ridge * weights[:, 1:]], axis=1)
        return float(value), slope.ravel()

    start = np.zeros(classes * (x.shape[1] + 1))
    options = {"maxiter": _ITERATIONS, "ftol": 1e-8, "gtol": 1e-5}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x.reshape(classes, -1)
    return Logistic(mean, deviation, found[:, 1:], found[:, 0])


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (..., k) of logits (..., k) over a temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    e = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature under which logits (n, k) make labels (n,) likeliest (Guo et al. 2017), 0.05 to 20."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        p = softmax(logits, float(np.exp(log_t)))
        return float(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-300)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))
