"""Clues with their text as it was read, for the eyes of the photo's owner (``--reveal``).

Clue readers mask what they show. What they showed is found again by the parts of the readings that a clue came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from detectors.base import Clue, Reading
from detectors.privacy import MASK, mask
from fusion.sharing import spans_of

__all__ = ["revealed"]


def revealed(clue: Clue, readings: Sequence[Reading]) -> Clue:
    """``clue`` with what is masked in its text and its sentence as it stands in ``readings``, unmasked.

    >>> from detectors.base import Evidence
    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue = Clue("phone", "+34 •• ••• •• ••", "a phone number", Evidence(0.0, sources=("r0:5-21",)))
    >>> revealed(clue, [Reading("r0", "Tel. +34 91 555 12 34", box, 0.97)]).text
    '+34 91 555 12 34'
    """
    if MASK not in clue.text + clue.meaning:
        return clue
    texts = {reading.id: reading.text for reading in readings}
    text, meaning, parts = clue.text, clue.meaning, []
    for name, start, end in spans_of(clue.evidence.sources):
        whole = texts.get(name, "")
        part, shown = whole[start:end], mask(whole)[start:end]
        parts.append(part)
        if MASK in shown and part:
            text, meaning = text.replace(shown, part), meaning.replace(shown, part)
    # A reader may have left more of it to be seen than masking does, as a phone number's country code.
    if MASK in text and any(parts):
        text = " ".join(part for part in parts if part)
    return replace(clue, text=text, meaning=meaning)
