"""Temperature scaling: how much less sure to be, fitted on photos that were held out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_temperature", "mean_nll"]

_LEAST: Final = 0.05
_MOST: Final = 20.0
_CHUNK: Final = 256


def mean_nll(
    log_p: NDArray[np.float32] | Sequence[NDArray[np.float32]], cells: NDArray[np.int32], temperature: float = 1.0
) -> float:
    """Mean negative log-likelihood in nats of the true ``cells`` (m,) under ``softmax(log_p / temperature)``.

    ``log_p`` is (m, n): log-probabilities or logits.

    >>> round(mean_nll(np.log(np.array([[0.25, 0.75]], np.float32)), np.array([1], np.int32)), 4)
    0.2877
    """
    total = 0.0
    for start in range(0, len(cells), _CHUNK):
        rows = np.asarray(log_p[start : start + _CHUNK], np.float64) / temperature
        rows -= rows.max(axis=1, keepdims=True)
        own = rows[np.arange(len(rows)), cells[start : start + _CHUNK]]
        total += float(np.sum(np.log(np.exp(rows).sum(axis=1)) - own))
    return total / len(cells)


def fit_temperature(log_p: NDArray[np.float32], cells: NDArray[np.int32]) -> float:
    """The temperature, 0.05 to 20, of the least negative log-likelihood (Guo, Pleiss, Sun, Weinberger 2017).

    Its logarithm has a normal prior of mean 0 and deviation 1, worth one photo or so: three photos that were all right
    by luck do not make a model certain. 1 where there is no photo to fit it on.

    Args:
        log_p: (m, n) log-probabilities or logits of photos that were not trained on.
        cells: (m,) their true cells.

    Raises:
        ValueError: There is not one cell for each row.
    """
    if len(log_p) != len(cells):
        raise ValueError(f"{len(log_p)} rows of log-probabilities, {len(cells)} cells")
    if not len(cells):
        return 1.0
    from scipy.optimize import minimize_scalar  # 0.3 s to import

    # The likelihood has one minimum over log T, which a search by golden section finds.
    found = minimize_scalar(
        lambda log_t: mean_nll(log_p, cells, math.exp(log_t)) + log_t**2 / (2 * len(cells)),
        bounds=(math.log(_LEAST), math.log(_MOST)), method="bounded", options={"xatol": 1e-3},
    )  # fmt: skip
    return float(math.exp(found.x))
