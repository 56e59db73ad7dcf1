"""Lines of text against the names on a map: which names a line may be, though OCR misread it or the sign says less.

A run of words of a line, or of two lines one below the other, agrees with a name if their skeletons differ by no more
slips than its length allows, or with a part of a name that has its rarer words.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.folding import fold, is_han_or_kana
from data.osm_index import Name, PlaceIndex
from data.skeleton import skeleton
from detectors.base import Reading
from detectors.lines import Token, tokens_of
from detectors.map_rates import log_lr, rarity
from detectors.signs import Span, merged, stacked

__all__ = ["Agreement", "Match", "Page", "agreement", "allowed_edits", "matches_in"]

_MOST_WORDS = 7  # of a name
_LEAST_NATS = 2.0
_MOST_NAMES = 12  # of one line
_LEAST_SHARE = 0.5  # of what the words of a name tell that a part of it must tell
_LEAST_PART = 5  # letters of a part
_PART_NATS = 2.5  # how much less a part of a name says
_BESIDE_NATS, _MOST_BESIDE_NATS = 1.0, 3.0  # ... and a name beside which the line has another word


@dataclass(frozen=True)
class Match:
    """A name that words of the photo agree with.

    Attributes:
        index: Number of the region's index.
        name: The name there.
        spans: The words, as characters of readings.
        edits: Slips between them and the name.
        words: Skeletons of the words of the name that were read.
        nats: What the agreement says for a thing that bears the name.
    """

    index: int
    name: Name
    spans: tuple[Span, ...]
    edits: int
    words: frozenset[str]
    nats: float

    @property
    def lines(self) -> frozenset[int]:
        """The readings."""
        return frozenset(i for i, _, _ in self.spans)


class Page:
    """The words of a photo in lines, and runs of them that may be a name.

    Args:
        readings: Without those of plates.
    """

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.readings = readings
        self.lines = [tokens_of(i, reading) for i, reading in enumerate(readings)]
        self.pairs = [(i, j) for i, j in stacked(readings) if self.lines[i] and self.lines[j]]

    def rows(self) -> Iterator[list[Token]]:
        """Each line's words, and those of two lines that stand one below the other."""
        yield from (line for line in self.lines if line)
        for i, j in self.pairs:
            yield [*self.lines[i], *self.lines[j]]

    def beside(self, lines: frozenset[int]) -> list[int]:
        """Lines right over or under one of ``lines``."""
        return [j if i in lines else i for i, j in self.pairs if (i in lines) != (j in lines)]


def matches_in(page: Page, index: PlaceIndex, number: int) -> list[Match]:
    """Names of ``index`` (the region's ``number``) that lines of the page agree with; each name once for its lines."""
    best: dict[tuple[int, frozenset[int]], Match] = {}
    for row in page.rows():
        across = row[0].reading != row[-1].reading
        found = [*_whole(row, index, number, page, across)]
        if not any(match.edits == 0 and match.nats > 10.0 for match in found):
            found += _resembling(row, index, number, page, across)
        for match in sorted(found, key=lambda match: -match.nats)[:_MOST_NAMES]:
            key = match.name.id, match.lines
            if key not in best or match.nats > best[key].nats:
                best[key] = match
    return list(best.values())


def allowed_edits(letters: int) -> int:
    """How many slips a name of so many letters may be read with.

    >>> [allowed_edits(n) for n in (4, 5, 8, 13)]
    [0, 1, 2, 3]
    """
    return 0 if letters < 5 else 1 if letters < 8 else 2 if letters < 13 else 3


def _runs(row: Sequence[Token], across: bool) -> Iterator[tuple[Token, ...]]:
    """Runs of neighbouring words; of two lines those that have words of both."""
    for first in range(len(row)):
        for stop in range(first + 1, min(first + _MOST_WORDS, len(row)) + 1):
            run = tuple(row[first:stop])
            if not across or run[0].reading != run[-1].reading:
                yield run


def _whole(row: list[Token], index: PlaceIndex, number: int, page: Page, across: bool) -> Iterator[Match]:
    """Names that a run of words is, letter by letter."""
    runs: dict[str, tuple[Token, ...]] = {}
    for run in _runs(row, across):
        key = skeleton(" ".join(token.word for token in run))  # together: BAR NAPOLI has an M where the words meet
        if _long_enough(key):
            runs.setdefault(key, run)
    for key, name in index.exact(runs).items():
        run = runs[key]
        match = _match(index, number, name, row, run, Agreement(tuple(fold(name.text).split()), 0), page)
        if match is not None:
            yield match


def _resembling(row: list[Token], index: PlaceIndex, number: int, page: Page, across: bool) -> Iterator[Match]:
    """Names that a run of words resembles, or is a part of."""
    runs = [(run, skeleton(" ".join(t.word for t in run))) for run in _runs(row, across)]
    for name in index.alike([skeleton(t.word) for t in row]):
        found = [
            _match(index, number, name, row, run, agreed, page)
            for run, text in runs
            if (agreed := agreement(text, name.text)) is not None and text != name.key  # that was found already
        ]
        best = max((match for match in found if match is not None), key=lambda match: match.nats, default=None)
        if best is not None:
            yield best


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a text agrees with a name: with which of its folded words, and with how many slips."""

    words: tuple[str, ...]
    edits: int


def agreement(text: str, name: str) -> Agreement | None:
    """How a text agrees with a name or the most telling part of it; None where it does not.

    Args:
        text: A skeleton.
        name: As the map has it.

    >>> agreement(skeleton("LANDESMUSEUN"), "Landesmuseum"), agreement(skeleton("Burgmaier"), "Café Burgmaier")
    (Agreement(words=('landesmuseum',), edits=1), Agreement(words=('burgmaier',), edits=0))
    >>> agreement(skeleton("Hotel"), "Hotel Ayma") is None
    True
    """
    from rapidfuzz.distance import OSA

    best: Agreement | None = None
    for words, key in _parts(name):
        most = allowed_edits(len(key)) if best is None else best.edits - 1
        if most < 0 or abs(len(text) - len(key)) > most:
            continue
        edits = OSA.distance(text, key, score_cutoff=most)
        if edits <= most:
            best = Agreement(words, edits)
    return best


@functools.lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The words of a name, and runs of them that tell most of it, each with its skeleton; the longest first."""
    words = tuple(fold(name).split())
    told = sum(map(rarity, words))
    out = []
    for size in range(len(words), 0, -1):
        for at in range(len(words) - size + 1):
            part = words[at : at + size]
            key = skeleton(" ".join(part))
            whole = size == len(words)
            if _long_enough(key) and (
                whole or (len(key) >= _LEAST_PART and sum(map(rarity, part)) >= _LEAST_SHARE * told)
            ):
                out.append((part, key))
    return tuple(out)


def _match(
    index: PlaceIndex,
    number: int,
    name: Name,
    row: Sequence[Token],
    run: Sequence[Token],
    agreed: Agreement,
    page: Page,
) -> Match | None:
    nats = log_lr(agreed.words, edits=agreed.edits, known=max(name.things, 1), read=[token.word for token in run])
    sure = min(page.readings[token.reading].confidence for token in run)
    nats += math.log(0.3 + 0.7 * sure)
    if len(agreed.words) < len(fold(name.text).split()):
        nats -= _PART_NATS
    # Words of the line that the name lacks tell of another thing of the same name.
    beside = sum(sum(map(str.isalpha, token.word)) >= 3 for token in row if token not in run)
    nats -= min(_BESIDE_NATS * beside, _MOST_BESIDE_NATS)
    if nats < _LEAST_NATS:
        return None
    spans = merged([(t.reading, t.start, t.end) for t in run], page.readings)
    return Match(number, name, tuple(spans), agreed.edits, frozenset(map(skeleton, agreed.words)), nats)


def _long_enough(key: str) -> bool:
    letters = sum(c.isalpha() for c in key)
    return letters >= 3 or (letters >= 2 and any(map(is_han_or_kana, key)))
