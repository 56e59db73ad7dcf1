"""What the line recogniser can write: letters, and the joined consonants of Bengali and Devanagari as one token each.

A recogniser that reads from left to right learns best when tokens stand in the order in which the eye meets them.
Unicode keeps Indic vowel signs behind their consonants, even those drawn before them; here they go in front ("visual
order").
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["Alphabet", "built", "clusters", "to_logical", "to_visual"]

# Consonant, nukta and virama of each script, and the vowel signs that are drawn before the consonant.
_CLUSTER = {
    "Beng": ("[\u0995-\u09b9\u09ce\u09f0\u09f1]\u09bc?", "\u09cd", "\u09bf\u09c7\u09c8"),
    "Deva": ("[\u0915-\u0939]\u093c?", "\u094d", "\u093f"),
}
_JOINED = {script: f"(?:{c}{h}\u200d?)*{c}" for script, (c, h, _) in _CLUSTER.items()}
_BEHIND = {script: re.compile(f"({_JOINED[script]})([{pre}])") for script, (_, _, pre) in _CLUSTER.items()}
_BEFORE = {script: re.compile(f"([{pre}])({_JOINED[script]})") for script, (_, _, pre) in _CLUSTER.items()}
_ANY_CLUSTER = re.compile("|".join(_JOINED.values()))
_INDIC = re.compile("[\u0900-\u09ff]")


def to_visual(text: str) -> str:
    """``text`` with Bengali and Devanagari vowel signs where they are drawn, two-part signs taken apart.

    >>> [f"{ord(c):04X}" for c in to_visual("কো")]
    ['09C7', '0995', '09BE']
    """
    if not _INDIC.search(text):
        return unicodedata.normalize("NFC", text)
    text = unicodedata.normalize("NFC", text)
    # Only the two-part vowel signs are decomposed; the accents of other scripts stay one letter each.
    text = "".join(unicodedata.normalize("NFD", c) if "\u0980" <= c <= "\u09ff" else c for c in text)
    for pattern in _BEHIND.values():
        text = pattern.sub(r"\2\1", text)
    return text


def to_logical(text: str) -> str:
    """Undo :func:`to_visual`: Unicode's order, NFC.

    >>> to_logical(to_visual("স্টোরে হিন্দী क्लिनिक")) == "স্টোরে হিন্দী क्लिनिक"
    True
    """
    for pattern in _BEFORE.values():
        text = pattern.sub(r"\2\1", text)
    return unicodedata.normalize("NFC", text)


def clusters(text: str) -> list[str]:
    """Joined consonants in ``text``, with those that have a nukta: what has more than one code point."""
    return [c for c in _ANY_CLUSTER.findall(text) if len(c) > 1]


def built(words: Iterable[str], characters: Iterable[str], *, joined: int) -> Alphabet:
    """An alphabet of ``characters`` and the ``joined`` most frequent clusters of ``words``."""
    counted = Counter(c for word in words for c in clusters(to_visual(word)))
    frequent = sorted(counted, key=lambda c: (-counted[c], c))[:joined]
    return Alphabet(tuple(sorted(set(characters)) + sorted(frequent)))


class Alphabet:
    """Tokens of the recogniser and their numbers; 0 is the blank, token i of ``tokens`` has number i + 1.

    Args:
        tokens: Each a string of one or more code points, in visual order, none twice.

    Raises:
        ValueError: A token is empty or stands twice.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        if not all(tokens) or len(set(tokens)) != len(tokens):
            raise ValueError("every token of an alphabet must be different and none empty")
        self.tokens = tuple(tokens)
        self._number = {token: i + 1 for i, token in enumerate(tokens)}
        self._longest = max(map(len, tokens), default=0)

    def __len__(self) -> int:
        return len(self.tokens)

    def encoded(self, text: str) -> list[int] | None:
        """Token numbers of ``text``, longest tokens first; None where it has a letter that no token writes."""
        text = to_visual(text)
        numbers: list[int] = []
        at = 0
        while at < len(text):
            for length in range(min(self._longest, len(text) - at), 0, -1):
                number = self._number.get(text[at : at + length])
                if number is not None:
                    numbers.append(number)
                    at += length
                    break
            else:
                return None
        return numbers

    def decoded(self, numbers: Iterable[int]) -> str:
        """The text of token numbers without blanks."""
        return to_logical("".join(self.tokens[n - 1] for n in numbers))
