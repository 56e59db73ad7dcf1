"""The words of the lines that were read, where each stands, and which lines come before and after which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.folding import tokens
from detectors.base import Reading, bounding_box

__all__ = ["MAX_WORDS", "Neighbours", "Token", "crossing", "grams", "merged", "neighbours", "tokens_of"]

MAX_WORDS = 4
"""Most words in one name."""
_ADDRESS = re.compile(r"[^\s@]+ ?@ ?[^\s@]+")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")


@dataclass(frozen=True, slots=True)
class Token:
    """A folded word and where it stands: index of its reading and characters ``[start, end)`` of it."""

    word: str
    reading: int
    start: int
    end: int


def tokens_of(index: int, reading: Reading) -> list[Token]:
    """Words of a reading; "KearnySt" is two, as OCR loses spaces more often than signs use such capitals.

    Words of e-mail addresses are left out: they name people, not places.
    """
    out: list[Token] = []
    addresses = [m.span() for m in _ADDRESS.finditer(reading.text)]
    for word, start, end in tokens(reading.text):
        if any(low <= start < high for low, high in addresses):
            continue
        cuts = [m.start() for m in _CAMEL.finditer(reading.text[start:end]) if m.start() > 2]
        if not cuts:
            out.append(Token(word, index, start, end))
            continue
        for low, high in zip([0, *cuts], [*cuts, end - start], strict=True):
            part = tokens(reading.text[start + low : start + high])
            if part:
                out.append(Token(" ".join(w for w, _, _ in part), index, start + low, start + high))
    return out


def grams(line: list[Token]) -> Iterator[tuple[Token, ...]]:
    """Sequences of up to ``MAX_WORDS`` words of ``line`` with at least two letters."""
    for count in range(1, min(MAX_WORDS, len(line)) + 1):
        for at in range(len(line) - count + 1):
            gram = tuple(line[at : at + count])
            if sum(c.isalpha() for t in gram for c in t.word) >= 2:
                yield gram


def crossing(upper: list[Token], lower: list[Token]) -> Iterator[tuple[Token, ...]]:
    """Word sequences that begin in ``upper`` and end in ``lower``, the line below it."""
    for above in range(1, MAX_WORDS):
        for below in range(1, MAX_WORDS - above + 1):
            if above <= len(upper) and below <= len(lower):
                yield (*upper[-above:], *lower[:below])


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Which readings come right before and right after each one: to its left or above, to its right or below."""

    before: list[list[int]]
    after: list[list[int]]
    stacked: list[tuple[int, int]]


def neighbours(readings: Sequence[Reading]) -> Neighbours:
    """Lines of like height next to one another: in a row, or stacked."""
    before: list[list[int]] = [[] for _ in readings]
    after: list[list[int]] = [[] for _ in readings]
    stacked: list[tuple[int, int]] = []
    boxes = [bounding_box([r.box]) for r in readings]
    for i, ((left, top), (right, _), (_, bottom), _) in enumerate(boxes):
        for j, ((left2, top2), (right2, _), (_, bottom2), _) in enumerate(boxes):
            height, height2 = max(bottom - top, 1.0), max(bottom2 - top2, 1.0)
            if i == j or max(height, height2) > 1.6 * min(height, height2):
                continue
            across = min(right, right2) - max(left, left2)
            along = min(bottom, bottom2) - max(top, top2)
            below = -0.3 * height <= top2 - bottom <= 0.8 * height and across >= 0.5 * min(right - left, right2 - left2)
            beside = -0.5 * height <= left2 - right <= 1.5 * height and along >= 0.5 * min(height, height2)
            if below or beside:
                before[j].append(i)
                after[i].append(j)
            if below:
                stacked.append((i, j))
    return Neighbours(before, after, stacked)


def merged(spans: Iterable[Token]) -> Iterator[Token]:
    """``spans`` with neighbours of one reading made one."""
    last: Token | None = None
    for t in spans:
        if last is not None and t.reading == last.reading and 0 <= t.start - last.end <= 3:
            last = Token(f"{last.word} {t.word}", t.reading, last.start, t.end)
            continue
        if last is not None:
            yield last
        last = t
    if last is not None:
        yield last
