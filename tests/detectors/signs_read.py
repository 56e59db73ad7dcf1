"""What tests of clue readers share: lines of text as a photo's readings, and which country a clue speaks for most."""

from __future__ import annotations

import math

from detectors.base import Box, Clue, ClueReader, Reading
from detectors.territories import photo_shares

__all__ = ["likeliest", "line_box", "photo", "the_clue"]


def photo(*lines: str, confidence: float = 0.97) -> list[Reading]:
    """Lines below one another, as wide as their letters."""
    return [Reading(f"r{i}", text, line_box(i, len(text)), confidence) for i, text in enumerate(lines)]


def line_box(row: int, letters: int) -> Box:
    top, right = 25.0 * row, 10.0 * max(letters, 1)
    return ((0.0, top), (right, top), (right, top + 20.0), (0.0, top + 20.0))


def the_clue(reader: ClueReader, *lines: str, confidence: float = 0.97) -> Clue:
    """The one clue that ``reader`` finds in ``lines``."""
    (found,) = reader.clues(photo(*lines, confidence=confidence))
    return found


def likeliest(found: Clue) -> str:
    """The country that comes first by the clue and the shares of the world's photos."""
    shares, evidence = photo_shares(), found.evidence
    return max(shares, key=lambda c: shares[c] * math.exp(evidence.countries.get(c, evidence.elsewhere)))
