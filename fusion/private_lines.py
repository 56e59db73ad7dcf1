"""Lines of a photo that are private only together: a given name over a surname, an e-mail address in two pieces.

Surnames stand alone as well, on doorbells and letter boxes: one that is known as such, and where there are two of them
every lone word that no shop is called by, is held back.

An engine gives a text on two lines, or one with a wide gap, in pieces. Each may pass by itself what
:mod:`fusion.lookup_privacy` holds back as a whole; so what stands together is looked at together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from data.folding import fold
from detectors.base import Reading
from detectors.person_kinds import is_chain, is_sign_word, is_town
from detectors.person_names import is_person_like
from detectors.person_table import person_names
from detectors.privacy import MASK, mask
from detectors.signs import stacked
from fusion.private_marks import has_account, has_path, has_position

__all__ = ["private_lines", "private_together"]

_PANEL = 2  # surnames of a panel of doorbells
_MOST_WORDS = 6  # of two lines; more are a sentence
_WIDEST_GAP = 2.5  # between two pieces of a line, in heights


def private_lines(readings: Sequence[Reading]) -> frozenset[int]:
    """Which of ``readings`` are private together with one that stands above, below or beside them, or surnames alone.

    Raises:
        DatasetError: A shipped table is missing or damaged.
    """
    pairs = chain(stacked(readings), _beside(readings))
    private = ({i, j} for i, j in pairs if private_together(readings[i].text, readings[j].text))
    return frozenset(chain.from_iterable(private)) | _bells(readings)


def _bells(readings: Sequence[Reading]) -> frozenset[int]:
    """Lines that are one surname each."""
    lone = {k: word for k, r in enumerate(readings) if (word := fold(r.text)).isalpha() and not is_sign_word(word)}
    known = {k for k, word in lone.items() if word in person_names().surnames}
    if len({lone[k] for k in known}) >= _PANEL:
        return frozenset(lone)
    return frozenset(k for k in known if not is_chain(readings[k].text) and not is_town(readings[k].text))


def private_together(one: str, other: str) -> bool:
    """Whether two texts, the second read after the first, are private though the second is not by itself.

    Nor may the first be, unless the second is one word: a surname under two given names.

    Raises:
        DatasetError: A shipped table is missing or damaged.

    >>> private_together("Gottfried", "Krautwurst"), private_together("hans.mueller@", "gmail.com")
    (True, True)
    >>> private_together("Bäckerei", "Müller"), private_together("Hans Müller", "Hauptstraße 5")
    (False, False)
    """
    both = f"{one} {other}"
    if len(both.split()) > _MOST_WORDS:
        return False
    hidden = mask(both)
    before, after = (MASK in hidden[: len(one)], MASK in hidden[len(one) :])
    if before and after and mask(one) == one and mask(other) == other:
        return True
    return any(
        is_private(both) and not is_private(other) and (not is_private(one) or len(other.split()) == 1)
        for is_private in (is_person_like, has_path, has_position, has_account)
    )


def _beside(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    """Pairs of pieces of one line, the second right of the first."""
    if len(readings) < 2:
        return []
    corners = np.array([r.box for r in readings], np.float64)  # (n, 4, 2)
    left, right = corners[:, :, 0].min(axis=1), corners[:, :, 0].max(axis=1)
    middle = corners[:, :, 1].mean(axis=1)
    height = np.maximum([r.height for r in readings], 1.0)
    least = np.minimum(height[:, None], height)
    gap = left[None] - right[:, None]  # [i, j] from the end of i to the beginning of j
    near = (gap > -0.5 * least) & (gap < _WIDEST_GAP * least) & (np.abs(middle[:, None] - middle) < 0.6 * least)
    near &= np.maximum(height[:, None], height) < 2.0 * least
    np.fill_diagonal(near, False)
    return [(int(i), int(j)) for i, j in np.argwhere(near)]
