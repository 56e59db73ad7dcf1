"""What each clue moved: the answer with it against the answer that the others alone would give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from data.distribution import CellDistribution, Utility
from fusion.odds import first, logit

if TYPE_CHECKING:
    from fusion.constraints import Constraints
    from fusion.pool import Fused

__all__ = ["RADII", "LedgerRow", "ledger_of", "point_and_radius_km"]

RADII: Final = 12
"""Rows with radii: those of the clues that moved the country's log-odds most. A radius takes up to a tenth of a
second of a core."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """How much one clue moved the answer: the answer with it against the answer that the others alone would give.

    Attributes:
        clue: Index into ``Answer.clues``.
        country_before: Likeliest country without the clue, ISO 3166-1 alpha-2.
        country_after: Likeliest country with it.
        p_before: Probability of ``country_after`` without the clue.
        p_after: Its probability with the clue.
        log_odds: ``logit(p_after) - logit(p_before)``, in nats.
        weight: Weight of the clue in the fusion, 0 where another clue uses all its readings.
        radius_before_km: Radius that holds half of the probability without the clue, around the best point without it;
            None for all but the 12 clues with the largest log-odds.
        radius_after_km: The answer's own radius, or None where the other is.
    """

    clue: int
    country_before: str
    country_after: str
    p_before: float
    p_after: float
    log_odds: float
    weight: float
    radius_before_km: float | None = None
    radius_after_km: float | None = None

    @classmethod
    def compare(cls, clue: int, before: Mapping[str, float], after: Mapping[str, float], weight: float) -> LedgerRow:
        """The row of ``clue`` from the countries' probabilities without it and with it."""
        top = first(after)
        p_before, p_after = before.get(top, 0.0), after[top]
        return cls(clue, first(before), top, p_before, p_after, logit(p_after) - logit(p_before), weight)


def ledger_of(
    fused: Fused,
    posterior: CellDistribution,
    constraints: Constraints,
    utility: Utility,
) -> list[LedgerRow]:
    """One row per clue, those that moved the likeliest country most first; ``clue`` numbers them as they were fused.

    Args:
        fused: Before the constraints.
        posterior: Of all clues, under the constraints.
        constraints: Hold for the answers without a clue as well.
        utility: What the points maximise around which the radii lie.
    """
    after = posterior.countries()
    rows = [
        LedgerRow.compare(k, constraints.restrict(without).countries(), after, weight)
        for k, (without, weight) in enumerate(zip(fused.without, fused.weights, strict=True))
    ]
    rows.sort(key=lambda row: (-abs(row.log_odds), row.clue))
    _, _, radius_km = point_and_radius_km(posterior, utility)
    known: list[tuple[CellDistribution, float]] = []  # several clues may leave one answer
    for place, row in enumerate(rows[:RADII]):
        without = fused.without[row.clue]
        radius_before_km = next((km for one, km in known if _same(one, without)), None)
        if radius_before_km is None:
            told = constraints.apply(without)
            radius_before_km = told.radius_km(*told.point(utility))
            known.append((without, radius_before_km))
        rows[place] = replace(row, radius_before_km=radius_before_km, radius_after_km=radius_km)
    return rows


@lru_cache(maxsize=4)
def point_and_radius_km(distribution: CellDistribution, utility: Utility) -> tuple[float, float, float]:
    """The point with the highest expected utility, in degrees, and the radius in km around it that holds half.

    Kept for the last few by identity: photos without a clue share the prior's own object, and in an archive they are
    the most.
    """
    lat, lon = distribution.point(utility)
    return lat, lon, distribution.radius_km(lat, lon)


def _same(one: CellDistribution, other: CellDistribution) -> bool:
    return one.in_cell is other.in_cell and np.array_equal(one.p, other.p)
