"""The words of the lines that were read, where each stands, and which lines come before and after which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from data.folding import tokens
from detectors.base import Reading

__all__ = [
    "MAX_NEIGHBOURS",
    "MAX_WORDS",
    "Neighbours",
    "Token",
    "crossing",
    "grams",
    "merged",
    "neighbours",
    "tokens_of",
]

MAX_WORDS = 4
"""Most words in one name."""
MAX_NEIGHBOURS = 8
"""Most lines that come right after one; lines that lie on one another would have thousands."""
_ADDRESS = re.compile(r"[^\s@]{1,254} ?@ ?[^\s@]+")  # bounded as in detectors.privacy
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
    if not readings:
        return Neighbours(before, after, stacked)
    corners = np.array([r.box for r in readings], np.float64)  # (n, 4, 2)
    (left, top), (right, bottom) = corners.min(axis=1).T, corners.max(axis=1).T  # (n,) each
    width, height = right - left, np.maximum(bottom - top, 1.0)
    for i in range(len(readings)):
        like = np.maximum(height, height[i]) <= 1.6 * np.minimum(height, height[i])
        like[i] = False
        across = np.minimum(right, right[i]) - np.maximum(left, left[i])
        along = np.minimum(bottom, bottom[i]) - np.maximum(top, top[i])
        under, aside = top - bottom[i], left - right[i]
        below = (-0.3 * height[i] <= under) & (under <= 0.8 * height[i]) & (across >= 0.5 * np.minimum(width, width[i]))
        beside = (-0.5 * height[i] <= aside) & (aside <= 1.5 * height[i])
        beside &= along >= 0.5 * np.minimum(height, height[i])
        near = np.flatnonzero(like & (below | beside))
        if len(near) > MAX_NEIGHBOURS:
            away = np.hypot(top[near] - top[i], left[near] - left[i])
            near = np.sort(near[np.argsort(away, kind="stable")[:MAX_NEIGHBOURS]])
        for j in near.tolist():
            before[j].append(i)
            after[i].append(j)
            if below[j]:
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
