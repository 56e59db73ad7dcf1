"""Photos that are fused to measure fusion, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.distribution import CellDistribution
from detectors.base import Clue
from fusion.context import Context

__all__ = ["Case"]


@dataclass(frozen=True, eq=False)
class Case:
    """A photo to be fused, and its truth.

    Attributes:
        prior: Before any clue.
        clues: What was read.
        context: What else is known.
        at: True latitude and longitude in degrees, or None.
        country: True ISO 3166-1 alpha-2 code, empty where it is not known.
        exact_km: How far ``at`` may be off; bands below it, true cells and areas are left out where it is above 0.
    """

    prior: CellDistribution
    clues: Sequence[Clue]
    context: Context
    at: tuple[float, float] | None
    country: str
    exact_km: float = 0.0
