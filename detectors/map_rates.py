"""How much it says that a line of text agrees with a name on the map.

For a photo taken at a thing that bears the name, and for one taken anywhere else::

    P(read | at the thing) = SHOWN * MISREAD ** edits
    P(read | elsewhere)    = sign_rate(words) + RATE * max(outlets, known, FEWEST)
                             + 10 ** -letters * (25 letters) ** edits

``sign_rate`` is how often a photo with text shows such words: the commonest of them as often as words stand on signs,
each other as often as it goes with that one. Where other words were read than the name has, they may be
right as they stand, so theirs is added. ``outlets`` are those of a brand of that name, ``known`` how
many things on the map bear it: a chain of 300 has more elsewhere. The last term is the chance that some other text
reads so; a short name is soon met.

Were the ratios right, their mean over all photos that were taken elsewhere, and all things on the map, would be 1 at
most. ``ON_SIGNS`` was set by that: the mean is 0.15 for the things of seven small extracts in 1,401 real photos, none
of them taken there, and 0.87 for 1,185 names of each extract in the others (``benchmarks/namesakes.py``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Final

from data.folding import fold, joined
from detectors.brand_table import load_default as load_brands
from detectors.word_rarity import LEAST_ZIPF, zipf

__all__ = ["MOST_LOG_LR", "log_lr", "log_lr_of_number", "log_lr_of_phone", "log_lr_of_site", "rarity", "sign_rate"]

SHOWN: Final = 0.3
"""How often a photo taken at a shop shows its name so that it is read."""
MISREAD: Final = 0.15
"""How much less often it is read with a given slip more."""
RATE: Final = 2e-9
"""How often a photo shows one given shop of the world: there are some 10^8."""
FEWEST: Final = 0.01
"""Things of a name that the map does not know, of a name made of rare words."""
ON_SIGNS: Final = 130.0
"""How often a photo with text shows a word, against its share of running text."""
TOGETHER: Final = 30.0
"""How much oftener than by chance a word goes with another in a name: hotels are called Adler, bakeries Müller."""
MOST_LOG_LR: Final = 24.0
"""Nats: more than that no number of lines says, since maps err and shops move."""
_LONG: Final = 2.0  # Zipf frequency of an unknown word of four letters; each letter more makes it rarer
_A_LETTER: Final = 0.5
_LEAST_PART: Final = 4  # letters of each of the two words that a longer one is made of


def log_lr(words: Sequence[str], *, edits: int, known: int, read: Sequence[str] = ()) -> float:
    """Nats that agreement with a name says for a thing that bears it, against anywhere else.

    Args:
        words: The folded words of the name that were read.
        edits: Slips between what was read and the name.
        known: How many things on the map bear the name.
        read: The folded words as they were read; where they are others, the sign may say these.

    >>> one_off = log_lr(["burgmaier"], edits=0, known=1)
    >>> one_off > log_lr(["hotel", "adler"], edits=0, known=1) > log_lr(["apotheke"], edits=0, known=300) > 0
    True
    >>> one_off > log_lr(["burgmaier"], edits=1, known=1, read=["burgnaier"]) > 5.0
    True
    >>> log_lr(["hermitage"], edits=1, known=1, read=["heritage"]) < 4.0  # it says heritage
    True
    """
    letters = sum(len(word) for word in words)
    chance = 10.0 ** -min(letters, 30) * (25.0 * letters) ** edits
    elsewhere = sign_rate(words) + RATE * max(_outlets("".join(words)), float(known), FEWEST) + chance
    if read and "".join(read) != "".join(words):
        elsewhere += sign_rate(read)
    return min(math.log(SHOWN * MISREAD**edits / min(elsewhere, 1.0)), MOST_LOG_LR)


def sign_rate(words: Sequence[str]) -> float:
    """How often a photo with text shows these folded words on one sign.

    >>> sign_rate(["hotel"]) > sign_rate(["hotel", "adler"]) > sign_rate(["burgmaier"]) > 0.0
    True
    """
    first, *others = sorted(map(_frequency, words), reverse=True)
    return min(ON_SIGNS * first, 0.3) * math.prod(min(TOGETHER * f, 1.0) for f in others)


def log_lr_of_number(digits: int) -> float:
    """Nats that a house's number beside its street says: there are some fifty houses in a street."""
    return math.log(0.6 / (0.05 if digits <= 1 else 0.02 if digits == 2 else 0.01))


def log_lr_of_phone(digits: int, things: int) -> float:
    """Nats that a phone number says whose last ``digits`` digits are those of so many things on the map.

    >>> log_lr_of_phone(9, 1) > log_lr_of_phone(7, 1) > log_lr_of_phone(9, 50) > 0.0
    True
    """
    return min(math.log(0.15 / (0.05 * 10.0**-digits + RATE * max(things, 1))), MOST_LOG_LR)


def log_lr_of_site(things: int, names: Iterable[str]) -> float:
    """Nats that a web site says which is that of so many things on the map.

    Args:
        things: How many.
        names: What they, and the host, are called: a chain has outlets that the map lacks.

    >>> log_lr_of_site(1, ["Gasthof Burgmaier"]) > log_lr_of_site(40, ["burgmaier"]) > log_lr_of_site(1, ["McDonald's"])
    True
    """
    known = max(float(things), *(_outlets(joined(fold(name))) for name in names), 1.0)
    return math.log(0.1 / min(RATE * 3.0 * known, 0.1))


def rarity(word: str) -> float:
    """Nats that a folded word tells: minus the logarithm of its share of all words.

    >>> rarity("burgmaier") > 2 * rarity("hotel") > 2 * rarity("de") > 0.0
    True
    """
    return -math.log(_frequency(word))


def _outlets(folded: str) -> float:
    """How many outlets the brand of a name without spaces has; 0 where none is called so."""
    brand = load_brands().lookup(folded)
    return 0.0 if brand is None else float(sum(claim.outlets for claim in brand.claims))


@functools.lru_cache(maxsize=65536)
def _frequency(word: str) -> float:
    """Share of all words; of one that is not in the table by its length, or by the two words that it is made of."""
    known = zipf(word)
    if known > 0.0:
        return float(10.0 ** (known - 9.0))
    guess = min(_LONG - _A_LETTER * (len(word) - 4), LEAST_ZIPF)
    parts = [
        zipf(word[:at]) + zipf(word[at:])
        for at in range(_LEAST_PART, len(word) - _LEAST_PART + 1)
        if zipf(word[:at]) and zipf(word[at:])
    ]
    return float(max(10.0 ** (guess - 9.0), TOGETHER * 10.0 ** (max(parts, default=-99.0) - 18.0)))
