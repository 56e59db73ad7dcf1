"""Whether probabilities mean what they say: reliability, coverage, recall by area, and what doubt is worth.

Every function takes arrays over photos, with NaN where the truth is not known, which is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["AREAS_KM2", "MASSES", "Bin", "abstention", "covered", "ece", "ece_by_chance", "recall", "reliability"]

MASSES: Final = (0.5, 0.8, 0.95)
"""Of the radii and regions whose coverage is counted."""
AREAS_KM2: Final = (1e3, 1e4, 1e5, 1e6, 1e7)
"""Areas for which recall is told."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Some answers of about the same probability.

    Attributes:
        said: Its mean.
        true: Share of them that are right.
        photos: How many they are.
    """

    said: float
    true: float
    photos: int


def reliability(sure: Floats, right: Floats, bins: int = 10) -> list[Bin]:
    """Bins of equally many photos, from the least sure.

    Photos of one probability may lie in two bins, and share what is true of them, so that their order does not matter.

    Args:
        sure: (n,) probability given to what was said.
        right: (n,) 1 where that was true, else 0.
        bins: How many; fewer where there are fewer photos.

    >>> reliability(np.array([0.9, 0.2, 0.9, 0.2]), np.array([1.0, 0.0, 1.0, 1.0]), 2)
    [Bin(said=0.2, true=0.5, photos=2), Bin(said=0.9, true=1.0, photos=2)]
    """
    known = ~(np.isnan(sure) | np.isnan(right))
    sure, right = sure[known], right[known]
    # Photos of one probability share their truths, so that their order in the set makes no difference.
    _, alike = np.unique(sure, return_inverse=True)
    right = (np.bincount(alike, right) / np.bincount(alike))[alike]
    order = np.argsort(sure, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [Bin(float(sure[part].mean()), float(right[part].mean()), len(part)) for part in parts]


def ece(sure: Floats, right: Floats, bins: int = 10) -> float:
    """Expected calibration error over ``bins`` of equally many photos (Naeini et al. 2015, here with equal mass).

    Args:
        sure: (n,) probability given to what was said.
        right: (n,) whether that was true.
        bins: How many.

    >>> ece(np.array([0.9, 0.9]), np.array([1.0, 1.0]))
    0.1
    """
    found = reliability(sure, right, bins)
    total = sum(part.photos for part in found)
    return round(sum(part.photos * abs(part.said - part.true) for part in found) / max(total, 1), 12)


def ece_by_chance(sure: Floats, bins: int = 10, draws: int = 200) -> float:
    """The error that answers of these probabilities have on average if they are perfectly calibrated: few photos alone.

    >>> round(ece_by_chance(np.linspace(0.3, 0.7, 100)), 1)
    0.1
    """
    rng = np.random.default_rng(0)
    sure = sure[~np.isnan(sure)]
    return float(np.mean([ece(sure, (rng.random(len(sure)) < sure).astype(np.float64), bins) for _ in range(draws)]))


def covered(before: Floats, mass: float) -> float:
    """Share of truths in regions of ``mass``; ``before`` (n,) is the mass that comes before each."""
    known = before[~np.isnan(before)]
    return float((known < mass).mean()) if len(known) else math.nan


def recall(area_km2: Floats) -> dict[float, float]:
    """Each of :data:`AREAS_KM2` to the share of truths that the smallest region of that area holds."""
    known = area_km2[~np.isnan(area_km2)]
    return {area: float((known <= area).mean()) if len(known) else math.nan for area in AREAS_KM2}


def abstention(sure: Floats, right: Floats, points: int = 50) -> list[tuple[float, float]]:
    """Share of photos answered and share of those that are right, when the surest are answered first.

    Photos of one probability are answered together, so that their order does not matter. The first point answers the
    surest, the last all. Of many photos about ``points`` points are kept, evenly by share.

    >>> abstention(np.array([0.9, 0.5, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.0]))
    [(0.25, 1.0), (0.75, 0.6666666666666666), (1.0, 0.5)]
    """
    known = ~(np.isnan(sure) | np.isnan(right))
    sure, right = sure[known], right[known]
    n = len(sure)
    if n == 0:
        return []
    order = np.argsort(-sure, kind="stable")
    hits = np.cumsum(right[order])
    ends = np.flatnonzero(np.append(np.diff(sure[order]) < 0.0, True))  # last photo of each probability
    if len(ends) > points:
        wanted = np.linspace(0, len(ends) - 1, points).round().astype(np.int64)
        ends = ends[np.unique(wanted)]
    return [(float((k + 1) / n), float(hits[k] / (k + 1))) for k in ends.tolist()]
