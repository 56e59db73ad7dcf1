"""From the scores of :mod:`detectors.line_net` to text in Cyrillic, Greek, Bengali or Devanagari (CTC, greedy)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.reader_alphabet import Alphabet
from detectors.script import script_of

__all__ = ["READER_SCRIPTS", "LineReader", "one_case", "one_script"]

READER_SCRIPTS = ("Cyrl", "Grek", "Beng", "Deva")
"""ISO 15924 codes of the scripts that are read, beside Latin letters among them."""

# Letters that look alike; where a word has any other letter of a script, all of it is taken for that script.
_LIKE_LATIN: Mapping[str, tuple[str, str]] = {
    "Cyrl": ("ABCEHIJKMOPSTXYaceijopsxy", "АВСЕНІЈКМОРЅТХУасеіјорѕху"),
    "Grek": ("ABEHIKMNOPTXYZov", "ΑΒΕΗΙΚΜΝΟΡΤΧΥΖον"),
}
# The network leaves a letter out more often than it makes one up; on held-out lines this evens it out.
_BLANK_LESS = np.float32(1.0)
# A vowel that is written as one letter, read as its parts or twice; no word has these.
_NEVER = (("অা", "আ"), ("আা", "আ"), ("अा", "आ"), ("आा", "आ"))
_WORD = re.compile(r"[^\W\d_]+")


class LineReader:
    """Turns the network's scores into text.

    Args:
        tokens: The network's alphabet.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._alphabet = Alphabet(tokens)
        scripts = np.array(["Zyyy", *map(_script_of_token, tokens)])
        self._barred = {
            script: ~np.isin(scripts, (script, "Latn", "Zyyy")) for script in READER_SCRIPTS
        }  # of each script, the tokens that its lines cannot have: (tokens + 1,) bool

    def __call__(self, scores: NDArray[np.float32], script: str) -> tuple[str, float]:
        """What a line says, and the geometric mean of its tokens' probabilities.

        Args:
            scores: (columns, tokens + 1), scores from left to right; 0 is the blank.
            script: One of :data:`READER_SCRIPTS`, in which the line is.

        Returns:
            The text, empty where nothing was read, with confidence 0 to 1.
        """
        scores = np.where(self._barred[script], np.float32(-np.inf), scores)
        scores[:, 0] -= _BLANK_LESS
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        best = logs.argmax(axis=1)
        first = np.flatnonzero((best != 0) & (best != np.concatenate([[0], best[:-1]])))  # where a token begins
        if not first.size:
            return "", 0.0
        tokens = best[first]
        # A token's probability is the best of its columns.
        spans = zip(first.tolist(), [*first[1:].tolist(), len(best)], tokens, strict=True)
        sure = [float(logs[a:b, t][best[a:b] == t].max()) for a, b, t in spans]
        text = re.sub(r"\s+", " ", self._alphabet.decoded(tokens.tolist())).strip()
        for wrong, right in _NEVER:
            text = text.replace(wrong, right)
        return one_case(one_script(text, script)), float(np.exp(np.mean(sure)))


def _script_of_token(token: str) -> str:
    """Its letters' script; a vowel sign, which is no letter by itself, has that of its block."""
    script = script_of(token) if token.strip() else "Zyyy"
    code = ord(token[0])
    if script == "Zyyy" and 0x900 <= code < 0xA00 and code not in (0x964, 0x965):  # dandas are common
        script = "Deva" if code < 0x980 else "Beng"
    return script


def one_case(text: str) -> str:
    """``text`` with each word in capitals, in small letters, or in small letters after one capital.

    Many small letters differ from their capitals in size alone (о, с, з, к), and a line that was cut out and brought to
    one height does not show it.

    >>> one_case("МЯСНоЙ МАГАзИн кАфе Дом")
    'МЯСНОЙ МАГАЗИН кафе Дом'
    """

    def mended(match: re.Match[str]) -> str:
        word = match[0]
        rest = word[1:]
        capitals, small = sum(c.isupper() for c in rest), sum(c.islower() for c in rest)
        if not capitals or (not small and word[0].isupper()):
            return word
        return word.upper() if capitals >= small else word[0] + rest.lower()

    return _WORD.sub(mended, text)


def one_script(text: str, script: str) -> str:
    """``text`` with each word in one script: letters that look alike follow the others of their word.

    A word of nothing but such letters is taken for ``script``, that of the line.

    >>> one_script("PЕСTOPAH COFFEE", "Cyrl") == "РЕСТОРАН COFFEE"
    True
    """
    if script not in _LIKE_LATIN:
        return text
    latin, own = _LIKE_LATIN[script]
    to_own, to_latin = str.maketrans(latin, own), str.maketrans(own, latin)

    def mended(match: re.Match[str]) -> str:
        word = match[0]
        only_latin = sum(c.isascii() and c not in latin for c in word)
        only_own = sum(not c.isascii() and c not in own for c in word)
        return word.translate(to_latin if only_latin > only_own else to_own)

    return _WORD.sub(mended, text)
