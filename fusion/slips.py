"""Text as OCR would read it: letters changed, lost and added, lost spaces and diacritics, lines not read at all.

How often, and what is read in a letter's place, was measured on rendered lines (``fusion.build_slips``; table
``assets/slips.json``). A line first draws how badly it is read, from the shares of the levels of confidence that the
lines of its script had; its letters then go wrong at that level's rate times how much likelier than others each letter
is to. The confidence is drawn from those of measured lines with as large a share of letters wrong.

Scripts that were not measured are taken for one that the reader treats alike: Chinese and Japanese for Latin, Bengali
and Devanagari for Cyrillic, and those that it cannot read for Arabic. Where such a letter goes wrong it becomes a
neighbour of its code point, which in Han, kana and Hangul looks alike mostly.
"""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from data.assets import read_asset
from detectors.script import script_of

__all__ = ["SLIPS_PATH", "SLIPS_SHA256", "Slips", "letter_class", "load_slips", "unaccented"]

SLIPS_PATH = Path(__file__).parent / "assets" / "slips.json"
SLIPS_SHA256: Final = "55c70d5349abd3e2967e7a133b0ebebbc17e6de6cf41c1c5c0288cc66cb52498"

CLASSES: Final = ("accented", "lower", "upper", "digit", "mark", "other")
CONFIDENCE_EDGES: Final = (0.6, 0.7, 0.8, 0.87, 0.92, 0.95, 0.97, 0.985, 0.995)
"""Between the levels of confidence."""
WRONG_EDGES: Final = (0.0, 0.06, 0.12, 0.2, 0.35, 0.6)
"""Largest share of slips of each group of lines whose confidences are kept; the last group has none."""
QUANTILES: Final = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0)
SHORT: Final = (3, 8)
"""Lines of so many letters are lost at rates of their own."""

_ALIKE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("Latn", "Zyyy", "Hani", "Hira", "Kana", "Bopo"), "Latn"),
        **dict.fromkeys(("Cyrl", "Beng", "Deva"), "Cyrl"),
        "Grek": "Grek",
        "Hebr": "Hebr",
    }
)
_STROKES: Final = str.maketrans("łøđħŧıŁØĐĦŦ", "lodhtiLODHT")
_UNREAD: Final = "Arab"
MOST: Final = 0.95
"""No letter goes wrong more surely than this at severity 1."""


@dataclass(frozen=True, slots=True)
class _Choices:
    """What is read in a letter's place, empty for nothing, with the running sums of the shares."""

    what: tuple[str, ...]
    cumulative: tuple[float, ...]

    @classmethod
    def of(cls, counts: Mapping[str, float]) -> _Choices:
        return cls(tuple(counts), _running(list(counts.values())))

    def __call__(self, chance: float) -> str:
        return self.what[bisect_right(self.cumulative, chance, 0, len(self.what) - 1)]


@dataclass(frozen=True, slots=True)
class _Row:
    """How lines of a script are read.

    Attributes:
        lost: Share of the lines that are lost, by length (:data:`SHORT`).
        seen: Share of the lost ones of which the script is known.
        cumulative: Running sum of the shares of the levels.
        levels: Of each level the rates of wrong letters, lost spaces and added letters.
    """

    lost: tuple[float, ...]
    seen: float
    cumulative: tuple[float, ...]
    levels: tuple[tuple[float, float, float], ...]


class Slips:
    """The measured slips.

    Args:
        table: Content of ``assets/slips.json``, as :func:`fusion.build_slips.table_of` makes it.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._rows = {
            script: _Row(
                tuple(row["lost"]),
                row["seen"],
                _running([share for share, *_ in row["levels"]]),
                tuple((wrong, space, added) for _, wrong, space, added in row["levels"]),
            )
            for script, row in table["scripts"].items()
        }
        self._letters = {
            letter: (odds, _Choices.of(read)) for letter, (_, odds, read) in table["letters"].items() if read
        }
        self._odds = {letter: odds for letter, (_, odds, _) in table["letters"].items()}
        self._classes = {name: (odds, _Choices.of(read)) for name, (odds, read) in table["classes"].items()}
        self._base: float = table["base"]
        self._added = _Choices.of(table["added"])
        self._confidence: Sequence[Sequence[float]] = table["confidence"]

    def apply(self, text: str, rng: np.random.Generator, severity: float = 1.0) -> tuple[str, float] | None:
        """What OCR reads of a line, and its confidence in 0.5 to 1; None where the line is lost.

        Args:
            text: One line, as it is written.
            rng: Source of chance.
            severity: What the odds of every slip are multiplied by; 0 for none, 1 for those of the measured lines.

        Returns:
            None as well where ``text`` is blank.
        """
        n = len(text)
        lost, level, sure, *chances = rng.random(3 + 2 * n).tolist()
        row = self._row(text)
        if not text.strip() or lost < _scaled(row.lost[bisect_left(SHORT, n)], severity):
            return None
        wrong, space, added = row.levels[bisect_right(row.cumulative, level, 0, len(row.levels) - 1)]
        space, added = _scaled(space, severity), _scaled(added, severity)
        out: list[str] = []
        slips = 0
        for letter, chance, other in zip(text, chances[:n], chances[n:], strict=True):
            rate = space if letter == " " else _scaled(wrong * self._odds_of(letter), severity)
            if chance < rate:
                slips += 1
                if letter != " ":
                    out.append(self._instead(letter, chance / rate, other))
            else:
                out.append(letter)
            if other < added:
                slips += 1
                out.append(self._added(other / added))
        read = "".join(out).strip()
        return (read, self._sureness(slips / n, sure)) if read else None

    def seen(self, text: str, rng: np.random.Generator) -> bool:
        """Whether of a line that was lost its script is seen: such a reading has no text, but a script."""
        return bool(rng.random() < self._row(text).seen)

    def _row(self, text: str) -> _Row:
        return self._rows[_ALIKE.get(script_of(text), _UNREAD)]

    def _odds_of(self, letter: str) -> float:
        odds: float | None = self._odds.get(letter)
        return self._classes[letter_class(letter)][0] if odds is None else odds

    def _instead(self, letter: str, chance: float, other: float) -> str:
        """What is read for a letter that goes wrong; empty where it is lost."""
        known = self._letters.get(letter)
        if known is not None:
            return known[1](chance)
        name = letter_class(letter)
        if name == "accented" and chance < self._base:
            return unaccented(letter)
        if name == "other":
            near = chr(min(ord(letter) + 1 + int(other * 4.0), 0x10FFFF))
            return near if near.isalpha() else ""
        read = self._classes[name][1](other)
        return "" if read == letter else read

    def _sureness(self, share: float, chance: float) -> float:
        values = self._confidence[bisect_left(WRONG_EDGES, share)]
        k = min(bisect_right(QUANTILES, chance), len(QUANTILES) - 1)
        part = (chance - QUANTILES[k - 1]) / (QUANTILES[k] - QUANTILES[k - 1])
        return values[k - 1] + part * (values[k] - values[k - 1])


def _running(shares: Sequence[float]) -> tuple[float, ...]:
    total = sum(shares) or 1.0
    return tuple(accumulate(share / total for share in shares))


def _scaled(rate: float, severity: float) -> float:
    """``rate`` with its odds multiplied; nothing is surer than :data:`MOST` before."""
    rate = min(rate, MOST)
    return severity * rate / (1.0 - rate + severity * rate)


@lru_cache(maxsize=4096)
def letter_class(letter: str) -> str:
    """One of :data:`CLASSES`.

    >>> [letter_class(c) for c in "éaA7-東"]
    ['accented', 'lower', 'upper', 'digit', 'mark', 'other']
    """
    if letter.isdigit():
        return "digit"
    if not letter.isalpha():
        return "mark"
    if unicodedata.normalize("NFD", letter) != letter and letter.lower() != letter.upper():
        return "accented"
    if "\u00df" <= letter <= "\u024f":  # ß, ø, ł, ı: an ASCII letter and a stroke, a hook or no dot
        return "accented"
    return "lower" if letter.islower() else "upper" if letter.isupper() else "other"


def unaccented(letter: str) -> str:
    """The letter without its marks and strokes.

    >>> unaccented("é"), unaccented("Ł")
    ('e', 'L')
    """
    return unicodedata.normalize("NFD", letter.translate(_STROKES))[0]


@lru_cache(maxsize=1)
def load_slips() -> Slips:
    """The shipped table.

    Raises:
        DatasetError: It is missing or not the pinned one.
    """
    return Slips(json.loads(read_asset(SLIPS_PATH, SLIPS_SHA256)))
