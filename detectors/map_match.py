"""Lines of text against the names on a map: which names a line may be, though OCR misread it or the sign says less.

A run of words of a line, or of two lines one below the other, agrees with a name if their skeletons differ by no more
slips than its length allows, or with a part of a name that has its rarer words.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from data.folding import fold, is_han_or_kana
from data.osm_index import Name, PlaceIndex
from data.skeleton import skeleton
from detectors.base import Reading
from detectors.lines import Token, tokens_of
from detectors.map_rates import log_lr, rarity
from detectors.signs import Span, merged, stacked

__all__ = ["Agreement", "Match", "Page", "agreement", "allowed_edits", "matches_in", "parts_in"]

_MOST_WORDS = 7  # of a name
_LEAST_NATS = 2.0
_MOST_NAMES = 12  # of one line
_LEAST_SHARE = 0.5  # of what the words of a name tell that a part of it must tell
_LEAST_PART = 5  # letters of a part
_PART_NATS = 2.5  # how much less a part of a name says
_LEAST_PART_NATS = 0.5  # of a part that is looked for beside something else only
_MOST_PART_WORDS, _MOST_PART_NAMES = 3, 64
_MOST_BELOW = 2  # lines under one that may go on with its name
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
        self.pairs = _nearest_below(stacked(readings), readings, [i for i, line in enumerate(self.lines) if line])

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


def parts_in(page: Page, index: PlaceIndex, number: int) -> list[Match]:
    """Names that have all words of a line among theirs, though those tell little: "Apotheke" of TopPharm Apotheke.

    Only beside something else do they say where; they are not all that have the words, but those that resemble most.

    Args:
        page: The photo's.
        index: Of a region.
        number: Its number.
    """
    out: list[Match] = []
    for row in page.lines:
        if not 1 <= len(row) <= _MOST_PART_WORDS or not _has_letters(row):
            continue
        words = tuple(token.word for token in row)
        for name in index.alike([skeleton(word) for word in words])[:_MOST_PART_NAMES]:
            if set(words) < set(fold(name.text).split()):
                match = _match(index, number, name, row, row, Agreement(words, 0), page, least=_LEAST_PART_NATS)
                out += [match] if match is not None else []
    return out


def _nearest_below(
    pairs: Sequence[tuple[int, int]], readings: Sequence[Reading], lines: Collection[int]
) -> list[tuple[int, int]]:
    """``pairs`` of ``lines``, of the lines under one only the nearest: those of a busy photo lie on one another."""
    held = set(lines)
    below: dict[int, list[int]] = {}
    for i, j in pairs:
        if i in held and j in held:
            below.setdefault(i, []).append(j)
    centres = [(sum(x for x, _ in r.box) / 4.0, sum(y for _, y in r.box) / 4.0) for r in readings]
    return [
        (i, j)
        for i, under in below.items()
        for j in sorted(sorted(under, key=lambda j: (math.dist(centres[i], centres[j]), j))[:_MOST_BELOW])
    ]


def allowed_edits(letters: int) -> int:
    """How many slips a name of so many letters may be read with.

    >>> [allowed_edits(n) for n in (4, 5, 8, 13)]
    [0, 1, 2, 3]
    """
    return 0 if letters < 5 else 1 if letters < 8 else 2 if letters < 13 else 3


def _runs(row: Sequence[Token], across: bool) -> Iterator[tuple[Token, ...]]:
    """Runs of neighbouring words that have letters; of two lines those that have words of both."""
    for first in range(len(row)):
        for stop in range(first + 1, min(first + _MOST_WORDS, len(row)) + 1):
            run = tuple(row[first:stop])
            if _has_letters(run) and (not across or run[0].reading != run[-1].reading):
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
    names = index.alike([skeleton(t.word) for t in row])
    agreed = _agreements([text for _, text in runs], [name.text for name in names])
    for n, name in enumerate(names):
        found = [
            _match(index, number, name, row, run, agreed[k, n], page)
            for k, (run, text) in enumerate(runs)
            if (k, n) in agreed and text != name.key  # that was found already
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
    return _agreements([text], [name]).get((0, 0))


def _agreements(texts: Sequence[str], names: Sequence[str]) -> dict[tuple[int, int], Agreement]:
    """How texts agree with names, by the numbers of both; those that do not are left out.

    Of the parts of a name the one with the fewest slips counts, of several such the longest.
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    parts = [(n, words, key) for n, name in enumerate(names) for words, key in _parts(name)]
    if not texts or not parts:
        return {}
    allowed = np.array([allowed_edits(len(key)) for _, _, key in parts])
    edits = cdist(texts, [key for *_, key in parts], scorer=OSA.distance, score_cutoff=int(allowed.max()))
    out: dict[tuple[int, int], Agreement] = {}
    for k, at in np.argwhere(edits <= allowed).tolist():
        n, words, _ = parts[at]
        slips = int(edits[k, at])
        if (k, n) not in out or slips < out[k, n].edits:
            out[k, n] = Agreement(words, slips)
    return out


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
    least: float = _LEAST_NATS,
) -> Match | None:
    nats = log_lr(agreed.words, edits=agreed.edits, known=max(name.things, 1), read=[token.word for token in run])
    sure = min(page.readings[token.reading].confidence for token in run)
    nats += math.log(0.3 + 0.7 * sure)
    if len(agreed.words) < len(fold(name.text).split()):
        nats -= _PART_NATS
    # Words of the line that the name lacks tell of another thing of the same name.
    beside = sum(sum(map(str.isalpha, token.word)) >= 3 for token in row if token not in run)
    nats -= min(_BESIDE_NATS * beside, _MOST_BESIDE_NATS)
    if nats < least:
        return None
    spans = merged([(t.reading, t.start, t.end) for t in run], page.readings)
    return Match(number, name, tuple(spans), agreed.edits, frozenset(map(skeleton, agreed.words)), nats)


def _has_letters(run: Sequence[Token]) -> bool:
    """Whether words are more letters than digits: 808 resembles Bob, and a year the name of an inn, by chance."""
    text = "".join(token.word for token in run)
    return 2 * sum(map(str.isdigit, text)) < len(text)


def _long_enough(key: str) -> bool:
    letters = sum(c.isalpha() for c in key)
    return letters >= 3 or (letters >= 2 and any(map(is_han_or_kana, key)))
