"""Reads lines of Cyrillic, Greek, Bengali and Devanagari, which the engine that ships cannot: a small CTC network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.line_image import as_float, prepared
from detectors.reader_alphabet import Alphabet
from detectors.script import script_of
from detectors.scripts_net import open_weights

__all__ = ["READER_SCRIPTS", "READER_WEIGHTS", "LineReader", "one_script"]

_ASSETS = Path(__file__).parent / "assets"
READER_WEIGHTS = _ASSETS / "reader.onnx", "READER_SHA256"
"""The shipped file and its sha256."""
READER_SCRIPTS = ("Cyrl", "Grek", "Beng", "Deva")
"""ISO 15924 codes of the scripts that are read, beside Latin letters among them."""

# Letters that look alike; where a word has any other letter of a script, all of it is taken for that script.
_LIKE_LATIN: Mapping[str, tuple[str, str]] = {
    "Cyrl": ("ABCEHIJKMOPSTXYaceijopsxy", "АВСЕНІЈКМОРЅТХУасеіјорѕху"),
    "Grek": ("ABEHIKMNOPTXYZov", "ΑΒΕΗΙΚΜΝΟΡΤΧΥΖον"),
}
_WORD = re.compile(r"[^\W\d_]+")


class LineReader:
    """A recogniser of single lines.

    Args:
        threads: Threads for one line; None leaves it to onnxruntime.
        weights: ONNX file and its sha256; by default the shipped one.

    Raises:
        WeightsError: The file is missing, has the wrong hash or does not open.
    """

    def __init__(self, *, threads: int | None = None, weights: tuple[Path, str] = READER_WEIGHTS) -> None:
        self._session, kept = open_weights(*weights, threads=threads)
        self._alphabet = Alphabet(kept["tokens"])
        scripts = np.array(["Zyyy", *(script_of(t) if t.strip() else "Zyyy" for t in self._alphabet.tokens)])
        # A vowel sign is no letter by itself: its script is that of its block.
        signs = [i + 1 for i, t in enumerate(self._alphabet.tokens) if scripts[i + 1] == "Zyyy" and ord(t[0]) >= 0x900]
        for i in signs:
            code = ord(self._alphabet.tokens[i - 1][0])
            scripts[i] = "Deva" if code < 0x964 else "Beng" if 0x980 <= code < 0xA00 else "Zyyy"
        self._barred = {
            script: ~np.isin(scripts, (script, "Latn", "Zyyy")) for script in READER_SCRIPTS
        }  # of each script, the tokens that its lines cannot have: (tokens + 1,) bool

    def __call__(self, line: NDArray[np.uint8], script: str) -> tuple[str, float]:
        """What ``line``, (h, w, 3) uint8 RGB, says, and the geometric mean of its letters' probabilities.

        Args:
            line: A line image.
            script: One of :data:`READER_SCRIPTS`.

        Returns:
            The text, empty where nothing was read, with confidence 0 to 1.
        """
        return self.read(as_float(prepared(line)), script)

    def read(self, line: NDArray[np.float32], script: str) -> tuple[str, float]:
        """The same of a prepared line, (32, width) float32."""
        scores = self._session.run(None, {"lines": line[None, None]})[0][0]  # (steps, tokens + 1)
        scores = np.where(self._barred[script], -np.inf, scores)
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        best = logs.argmax(axis=1)
        first = np.flatnonzero((best != 0) & (best != np.concatenate([[0], best[:-1]])))  # where a token begins
        if not first.size:
            return "", 0.0
        tokens = best[first]
        # A token's probability is the best of its steps.
        ends = [*first[1:].tolist(), len(best)]
        sure = [
            float(logs[a:b, t][best[a:b] == t].max()) for a, b, t in zip(first.tolist(), ends, tokens, strict=True)
        ]
        text = re.sub(r"\s+", " ", self._alphabet.decoded(tokens.tolist())).strip()
        return one_script(text, script), float(np.exp(np.mean(sure)))


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
