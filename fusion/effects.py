"""What each step of the fusion did to the answer: the picture, all clues together, what the user knew already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from data.distribution import CellDistribution, Utility
from fusion.ledger import point_and_radius_km
from fusion.odds import first, logit

__all__ = ["SENTENCES", "Effect", "Step", "StepName", "effects_of"]

StepName = Literal["picture", "photos", "clues", "within"]

SENTENCES: Final[Mapping[StepName, str]] = {
    "picture": "what the picture looks like, beside where photos are taken",
    "photos": "what the photos look like together, beside where photos are taken",
}
"""What the steps are that are always the same."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one step did: the distribution after it against that before it, in the order in which steps are taken.

    Attributes:
        what: ``"picture"`` (from where photos are taken to the visual prior), ``"photos"`` (the same for the photos of
            an album together), ``"clues"`` (all clues together) or ``"within"`` (what the user knew already).
        sentence: What the step was, for a person.
        country: The final answer's likeliest country, ISO 3166-1 alpha-2.
        country_before: The likeliest country before the step.
        country_after: And after it.
        p_before: Its probability before the step.
        p_after: Its probability after it.
        log_odds: ``logit(p_after) - logit(p_before)``, in nats.
        radius_before_km: Radius that holds half of the probability before the step, around the best point of then.
        radius_after_km: And after it, around the best point after it.
    """

    what: StepName
    sentence: str
    country: str
    country_before: str
    country_after: str
    p_before: float
    p_after: float
    log_odds: float
    radius_before_km: float
    radius_after_km: float


@dataclass(frozen=True)
class Step:
    """A step of the fusion: its name, its sentence and the distribution after it."""

    what: StepName
    sentence: str
    after: CellDistribution


def effects_of(start: CellDistribution, steps: Sequence[Step], utility: Utility) -> list[Effect]:
    """The effect of each of ``steps``, the first of which begins at ``start``.

    Args:
        start: Before the first step.
        steps: In order; the last one's distribution is the answer's.
        utility: What the points maximise around which the radii lie.
    """
    if not steps:
        return []
    country = first(steps[-1].after.countries())
    effects = []
    before = start
    for step in steps:
        then, now = before.countries(), step.after.countries()
        p_before, p_after = then.get(country, 0.0), now.get(country, 0.0)
        radii = [point_and_radius_km(told, utility)[2] for told in (before, step.after)]
        odds = logit(p_after) - logit(p_before)
        effects.append(
            Effect(step.what, step.sentence, country, first(then), first(now), p_before, p_after, odds, *radii)
        )
        before = step.after
    return effects
