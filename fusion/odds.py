"""Probabilities of countries, as the ledger compares them."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["first", "logit"]


def first(countries: Mapping[str, float]) -> str:
    """The likeliest of countries that are given most probable first."""
    return next(iter(countries))


def logit(p: float) -> float:
    """``log(p / (1 - p))`` in nats, no more than 16 either way.

    Mass below a float32's own resolution is no knowledge: odds are capped at ten million to one.

    >>> round(logit(0.75), 3), round(logit(1.0), 1)
    (1.099, 16.1)
    """
    p = min(max(p, 1e-7), 1.0 - 1e-7)
    return math.log(p / (1.0 - p))
