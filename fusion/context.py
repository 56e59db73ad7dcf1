"""What is known of a photo beside its prior and its clues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.base import Reading

__all__ = ["NOTHING_KNOWN", "Context"]


@dataclass(frozen=True)
class Context:
    """What is known of a photo beside its prior and its clues: how far clues are to be trusted may depend on it.

    It points nowhere by itself.

    Attributes:
        readings: All text read in the photo, of which the clues name some as their sources.
        scene: Indoor, natural or urban to its probability, or None.
        prior_name: Which prior spoke; empty where that is not known.
    """

    readings: Sequence[Reading] = ()
    scene: Mapping[str, float] | None = None
    prior_name: str = ""


NOTHING_KNOWN = Context()
