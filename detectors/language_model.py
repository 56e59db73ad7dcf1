"""A small language model for sign text: the likelihood of one word under some seventy languages and under *noise*.

Where a script settles the language (Thai, Georgian, Hangul, ...) the script answers. Han is told apart into simplified,
traditional and Japanese by the legacy character sets that hold a character. For the scripts that many languages share
(Latin, Cyrillic, Arabic, Devanagari) a linear softmax over hashed character n-grams answers, trained by
``detectors.build_language`` with a class for noise: what OCR makes of a blurred sign belongs to no language.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.assets import check_asset
from data.errors import WeightsError
from detectors.script import script_of

__all__ = [
    "MISREAD",
    "MODEL_PATH",
    "MODEL_SHA256",
    "NOISE",
    "LanguageModel",
    "ScriptTable",
    "WordScores",
    "fold_word",
    "hashed_ngrams",
    "load_model",
    "word_spans",
    "words_of",
]

MODEL_PATH: Final = Path(__file__).parent / "assets" / "language.safetensors"
MODEL_SHA256: Final = "bb5138d6ca502600d463940eceea3e5de7b02774f23f0c289c2c9f77ee0e4307"

NOISE = "noise"
"""The class of what belongs to no language: OCR garbage, acronyms, serial numbers, brands."""

MISREAD: dict[str, tuple[str, ...]] = {
    "~Cyrl": ("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn", "tg"),
    "~Grek": ("el",),
}
"""Classes of Latin letters that an engine without the script made of another one ("ANTEKA"), and its languages."""

SETTLED: dict[str, tuple[str, ...]] = {
    # The script's languages that people write on signs, the likelier first; equal likelihood for each.
    "Armn": ("hy",),
    "Beng": ("bn",),
    "Bopo": ("zh_Hant",),
    "Ethi": ("am", "ti"),
    "Geor": ("ka",),
    "Grek": ("el",),
    "Gujr": ("gu",),
    "Guru": ("pa",),
    "Hang": ("ko",),
    "Hebr": ("he",),
    "Hira": ("ja",),
    "Kana": ("ja",),
    "Khmr": ("km",),
    "Knda": ("kn",),
    "Laoo": ("lo",),
    "Mlym": ("ml",),
    "Mong": ("mn_Mong",),
    "Mymr": ("my",),
    "Orya": ("or",),
    "Sinh": ("si",),
    "Taml": ("ta",),
    "Telu": ("te",),
    "Tfng": ("zgh",),
    "Thaa": ("dv",),
    "Thai": ("th",),
    "Tibt": ("bo", "dz"),
}
_HAN = ("zh", "zh_Hant", "ja")
_APOSTROPHES = "'’ʻ`·"
_ONE_APOSTROPHE = str.maketrans(dict.fromkeys("’ʻ`", "'"))
_WHOLE_WORD = 7  # the salt of whole words; n-grams use their length, 1 to 5
_LONGEST = 24


@dataclass(frozen=True)
class WordScores:
    """``log P(word | class)`` up to one constant for the word.

    Attributes:
        word: The word, folded.
        labels: Languages (CLDR codes) and ``"noise"`` last, (C,).
        log_likelihood: (C,) float64, nats; comparable between the classes of one word only.
        letters: How many letters it has.
    """

    word: str
    labels: tuple[str, ...]
    log_likelihood: NDArray[np.float64]
    letters: int


@dataclass(frozen=True)
class ScriptTable:
    """The trained weights of one script.

    Attributes:
        labels: Its languages, ``"noise"`` last.
        weights: (2^b, C) int8, one row per bucket.
        scale: (C,) float32, what one unit of ``weights`` is worth.
        bias: (C,) float32.
        temperature: (_LONGEST,) float32 by number of letters, from held-out words.
    """

    labels: tuple[str, ...]
    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: NDArray[np.float32]

    def logits(self, word: str) -> NDArray[np.float64]:
        """(C,) tempered log-likelihoods of a folded ``word``, up to a constant."""
        codes = np.array([[ord(c) for c in f"\x02{word}\x03"]], dtype=np.uint32)
        rows = hashed_ngrams(codes, self.weights.shape[0])[0]
        total = self.weights[rows].astype(np.float32).sum(axis=0) * self.scale
        raw = total / np.sqrt(np.float32(len(rows))) + self.bias
        letters = min(len(word), len(self.temperature)) - 1
        return np.asarray(raw / self.temperature[letters], dtype=np.float64)


def fold_word(word: str) -> str:
    """``word`` in lower case, composed (NFKC), every digit as ``0``, at most 24 characters.

    >>> fold_word("STRAßE"), fold_word("İSTANBUL"), fold_word("M15OL")
    ('straße', 'istanbul', 'm00ol')
    """
    folded = unicodedata.normalize("NFKC", word).lower().replace("i\u0307", "i").translate(_ONE_APOSTROPHE)
    return "".join("0" if c.isdigit() else c for c in unicodedata.normalize("NFC", folded))[:_LONGEST]


def word_spans(text: str) -> list[tuple[str, str]]:
    """The words of ``text`` that can say something about a language, each as it stands there and folded.

    Those are words of two letters or more, or of one beyond ASCII. A change to capitals inside a word
    (``"eléctricamEMTe"``) is taken as OCR's, not as two words.

    >>> word_spans("C/ Mayor 10, M15OL à")
    [('Mayor', 'mayor'), ('M15OL', 'm00ol'), ('à', 'à')]
    """
    found = []
    word = ""
    normal = unicodedata.normalize("NFKC", text)
    for i, c in enumerate(f"{normal} "):
        # Python's \w leaves out combining marks, which are the vowels of India's scripts.
        inside = c.isalnum() or (word and unicodedata.category(c)[0] == "M") or c in "\u200c\u200d"
        if inside or (word and c in _APOSTROPHES and normal[i + 1 : i + 2].isalpha()):
            word += c
            continue
        letters = [c for c in word if c.isalpha()]
        if len(letters) >= 2 or any(ord(c) > 127 for c in letters):
            found.append((word, fold_word(word)))
        word = ""
    return found


def words_of(text: str) -> list[str]:
    """The folded words of ``text``; see :func:`word_spans`."""
    return [folded for _, folded in word_spans(text)]


def hashed_ngrams(codes: NDArray[np.uint32], buckets: int) -> NDArray[np.int64]:
    """Buckets of the n-grams (1 to 5, edges included) and of the whole, for words of one length.

    Args:
        codes: (N, L) uint32 code points, the edge marks included, so L is the word's length plus 2.
        buckets: How many buckets there are; a power of two.

    Returns:
        (N, F) int64 in [0, buckets). The edge marks alone are no feature.
    """
    count, length = codes.shape
    columns = []
    # FNV-1a over code points with a final avalanche; uint32 wraps on purpose.
    with np.errstate(over="ignore"):
        for n in range(1, min(5, length) + 1):
            h = np.full((count, length - n + 1), 2166136261 ^ (n * 0x9E3779B1 & 0xFFFFFFFF), dtype=np.uint32)
            for k in range(n):
                h = (h ^ codes[:, k : length - n + 1 + k]) * np.uint32(16777619)
            columns.append(h[:, 1:-1] if n == 1 else h)
        if length > 5:
            h = np.full((count, 1), 2166136261 ^ (_WHOLE_WORD * 0x9E3779B1 & 0xFFFFFFFF), dtype=np.uint32)
            for k in range(length):
                h = (h ^ codes[:, k : k + 1]) * np.uint32(16777619)
            columns += [h, (h ^ np.uint32(0x5BD1E995)) * np.uint32(2246822519)]  # two buckets: fewer collisions
        joined = np.concatenate(columns, axis=1)
        joined ^= joined >> np.uint32(15)
        joined *= np.uint32(0x85EBCA6B)
        joined ^= joined >> np.uint32(13)
    return (joined & np.uint32(buckets - 1)).astype(np.int64)


class LanguageModel:
    """Word likelihoods for every script; build it with :func:`load_model`."""

    def __init__(self, tables: dict[str, ScriptTable]) -> None:
        self._tables = tables

    @property
    def languages(self) -> frozenset[str]:
        """Every language that it can name, as CLDR codes."""
        trained = {label for table in self._tables.values() for label in table.labels if label != NOISE}
        trained -= set(MISREAD)
        return frozenset(trained | {code for codes in SETTLED.values() for code in codes} | set(_HAN))

    def word_scores(self, word: str) -> WordScores | None:
        """Scores of one folded word, or None where its script is unknown.

        >>> scores = load_model().word_scores("panadería")
        >>> scores.labels[int(scores.log_likelihood.argmax())]
        'es'
        """
        script = script_of(word)
        letters = sum(c.isalpha() for c in word)
        if script in self._tables:
            table = self._tables[script]
            return WordScores(word, table.labels, table.logits(word), letters)
        if script == "Hani":
            return _han_scores(word, letters)
        if script in SETTLED:
            codes = SETTLED[script]
            # One letter of a script may be a slip of the engine or an ornament; from two on it hardly is.
            noise = -1.0 if letters < 2 else -2.0 - 0.7 * min(letters, 6)
            return WordScores(word, (*codes, NOISE), np.array([*(0.0 for _ in codes), noise]), letters)
        return None


def _han_scores(word: str, letters: int) -> WordScores:
    """Simplified, traditional or Japanese, by which legacy character set holds each character of ``word``."""
    total = np.zeros(4)
    for character in word:
        if not character.isalpha():
            continue
        held = [_holds(character, encoding) for encoding in ("gb2312", "big5", "shift_jis")]
        # A character outside a set is rare, not impossible: mixed typefaces, names, decoration.
        total[:3] += [0.0 if h else -2.0 for h in held]
    total[:3] = np.maximum(total[:3], total[:3].max() - 5.0)
    # Kana decides for Japanese; Han alone is rarer there.
    total[2] += 1.5 if any("\u3040" <= c <= "\u30ff" for c in word) else -0.5
    # Engines trained on Chinese read a lone stroke pattern anywhere.
    total[3] = total[:3].max() + (0.5 if letters < 2 else -0.8 - 0.6 * min(letters, 6))
    return WordScores(word, (*_HAN, NOISE), total, letters)


@lru_cache(maxsize=8192)
def _holds(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=1)
def load_model() -> LanguageModel:
    """The shipped model, loaded once.

    Raises:
        WeightsError: The file is missing, unreadable, damaged or another one.
    """
    from safetensors import SafetensorError, safe_open  # lazy: only a photo with text needs it

    cure = "reinstall whence, or rebuild it with `python -m detectors.build_language`"
    check_asset(MODEL_PATH, MODEL_SHA256, error=WeightsError, cure=cure)
    tables: dict[str, ScriptTable] = {}
    try:
        with safe_open(MODEL_PATH, framework="numpy") as file:
            for script, labels in json.loads(file.metadata()["labels"]).items():
                get = {
                    name: file.get_tensor(f"{script}.{name}") for name in ("weights", "scale", "bias", "temperature")
                }
                tables[script] = ScriptTable(labels=tuple(labels), **get)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the language model {MODEL_PATH} is no model of this whence ({error}): {cure}") from error
    return LanguageModel(tables)
