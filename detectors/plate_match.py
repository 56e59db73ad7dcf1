"""Which formats a text that was read off a plate may be, how likely each, and what it says then.

Every format is taken apart into variants, sequences of places that each hold one of a set of characters; all texts of
a variant are equally likely. A reader misreads characters (``detectors.plate_channel``), now and then leaves one out or
puts one in, and an end may be hidden or cut off. ``P(read | variant)`` is then the forward algorithm of a small hidden
Markov model, over all variants at once; what stands between the groups counts a little. The likeliest text of a variant
is its best path: that repairs a 0 that was an O where only a letter can stand, and leaves alone what fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from detectors.plate_channel import SYMBOLS, UNLISTED, confusion, log_plate_like
from detectors.plate_formats import PlateFormat, Variant, plate_codes, plate_formats
from detectors.plate_text import fold, gaps
from detectors.territories import photo_shares

__all__ = ["MOST_LETTERS", "Candidate", "Match", "candidates", "match"]

Floats = NDArray[np.float64]

_INSERTED, _DELETED = 0.01 / 36, 0.01
_CUT, _CUT_MORE = 0.03, 0.6  # how often an end is missing, and how often one character more
_PLUS = 0.06 / 36  # a character too many at an end: a sticker, a screw, the frame
MOST_LETTERS = 14  # no plate has more characters; longer readings are cut there
_ERRORS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)  # how often characters are misread: so many levels are kept
_EXACT, _WORTH = 40, 1e-5  # so many formats at most, that fit so much worse than the best, are looked at code by code
_GAPS = " _.-/"
# P(what was read before a character | what is printed there), rows and columns in the order of _GAPS.
_GAP_READ = np.array(
    [
        [0.90, 0.05, 0.02, 0.02, 0.01],
        [0.50, 0.40, 0.04, 0.04, 0.02],
        [0.35, 0.20, 0.33, 0.10, 0.02],
        [0.25, 0.10, 0.10, 0.53, 0.02],
        [0.15, 0.25, 0.02, 0.02, 0.56],
    ]
)


@dataclass(frozen=True)
class Candidate:
    """A plate that a reading may be.

    Attributes:
        format: Its row of the table; None for a plate as it was read, in no format that we know.
        text: As it must be then, without separators.
        region: GeoNames admin-1 code that it tells, or "".
        probability: Among all candidates.
    """

    format: PlateFormat | None
    text: str
    region: str
    probability: float


@dataclass(frozen=True)
class Match:
    """What :func:`match` found for one reading.

    Attributes:
        countries: ``P(read | a plate of the country)`` for each country of the table.
        regions: ``P(read, it tells the region | a plate of the country)`` for each region that some format tells.
        rows: ``P(read | the format)`` by its place in ``plate_formats()``, shares and looks included.
        best: For the likeliest variants: row, region, text, and ``P(read, text | country)``.
    """

    countries: Mapping[str, float]
    regions: Mapping[str, float]
    rows: Floats
    best: tuple[tuple[int, str, str, float], ...]


@dataclass(frozen=True)
class _Variants:
    """Variants of one number of places.

    Attributes:
        slots: (v, m) int, index of each place's set of characters.
        before: (v, m) int8, what is printed before each place, an index into _GAPS.
        row: (v,) int, the format; region: (v,) int, index into regions; weight: (v,) share of its country's plates.
    """

    slots: NDArray[np.int32]
    before: NDArray[np.int8]
    row: NDArray[np.int32]
    region: NDArray[np.int32]
    weight: Floats


class _Table:
    """All formats, and the sets of characters, the regions and the countries that they name by number."""

    def __init__(self) -> None:
        self.rows = plate_formats()
        self.sets: dict[str, int] = {}
        self.regions: dict[str, int] = {"": 0}
        self.countries = tuple(dict.fromkeys(row.country for row in self.rows))
        self.country_of_row = np.array([self.countries.index(row.country) for row in self.rows], np.int32)
        one_line = {(r.country, r.pattern): n for n, r in enumerate(self.rows) if r.shape != "square"}
        # A format that is another one's text on two lines lends it its share and its looks.
        self.twins: dict[int, int] = {}
        for number, row in enumerate(self.rows):
            twins = [one_line[row.country, p] for p in _on_one_line(row.pattern) if (row.country, p) in one_line]
            if row.shape == "square" and twins:
                self.twins[number] = twins[0]
        kept = [number for number in range(len(self.rows)) if number not in self.twins]
        # With codes as sets of characters for each place, there are a thousand variants; with every code, thirty.
        self.loose = self._of((n, v) for n in kept for v in self.rows[n].variants(exact=False))
        characters = {c for text in self.sets for c in text} | {
            c for codes in plate_codes().values() for code in codes for c in fold(code.text)
        }
        self.symbols = SYMBOLS + "".join(sorted(characters - set(SYMBOLS)))
        self.index = {c: i for i, c in enumerate(self.symbols)}
        self._exact: dict[int, Mapping[int, _Variants]] = {}
        self._lock = Lock()

    def exact(self, number: int) -> Mapping[int, _Variants]:
        """Variants of one row with every code, by their number of places."""
        with self._lock:  # several photos may be read at once
            if number not in self._exact:
                self._exact[number] = self._of((number, v) for v in self.rows[number].variants())
            return self._exact[number]

    def _of(self, variants: Iterable[tuple[int, Variant]]) -> Mapping[int, _Variants]:
        found: dict[int, list[tuple[int, Variant]]] = {}
        for number, variant in variants:
            found.setdefault(len(variant.slots), []).append((number, variant))
        return {
            length: _Variants(
                np.array([[self.sets.setdefault(s, len(self.sets)) for s in v.slots] for _, v in all_of], np.int32),
                np.array([[_GAPS.index(g) for g in v.before] for _, v in all_of], np.int8),
                np.array([number for number, _ in all_of], np.int32),
                np.array([self.regions.setdefault(v.region, len(self.regions)) for _, v in all_of], np.int32),
                np.array([self.rows[number].share * v.weight for number, v in all_of]),
            )
            for length, all_of in found.items()
        }


def _on_one_line(pattern: str) -> set[str]:
    return {pattern.replace("/", gap) for gap in " ·-"} | {pattern.replace("/", "")}


_BUILDING = Lock()


@lru_cache(maxsize=1)
def _built() -> _Table:
    return _Table()


def _table() -> _Table:
    with _BUILDING:  # several photos may be read at once, and all must number their sets alike
        return _built()


@lru_cache(maxsize=4)
def _single(error: float) -> Floats:
    """``P(read | true)`` over the table's symbols and one for any other."""
    latin, size = len(SYMBOLS), len(_table().symbols) + 1
    single = np.full((size, size), 0.1 * error / size)
    single[:latin, :latin] = confusion(error)
    others = np.arange(latin, size)
    single[others, others] = 1.0 - error
    return single


@lru_cache(maxsize=3000)
def _seen(characters: str, error: float) -> Floats:
    """``P(read | one of these characters)``: (symbols,)."""
    index = _table().index
    out: Floats = _single(error)[[index[c] for c in characters]].mean(axis=0)
    return out


def match(text: str, *, error: float = 0.03, looks: Floats | None = None, most: int = 12) -> Match:
    """How well ``text`` fits every format.

    Args:
        text: As read, with its separators.
        error: How often a character is misread, 0 to 1.
        looks: (rows,) how likely the plate's looks (colours, shape, band) are for each format; all alike if None.
        most: How many of the likeliest variants are given with their text.

    >>> found = match("LO68 KWT")
    >>> max(found.countries, key=found.countries.get), found.best[0][2]
    ('GB', 'LO68KWT')
    """
    table, error = _table(), min(_ERRORS, key=lambda level: abs(level - error))
    read, before = (part[:MOST_LETTERS] for part in gaps(text))
    letters = [table.index.get(c, len(table.symbols)) for c in read]
    read_gaps = [_GAPS.index(g) for g in before]
    look = np.ones(len(table.rows)) if looks is None else looks.copy()
    for twin, number in table.twins.items():
        look[number] += look[twin] * table.rows[twin].share / table.rows[number].share

    def likelihoods(by_length: Mapping[int, _Variants]) -> Iterator[tuple[int, _Variants, Floats]]:
        for length, variants in by_length.items():
            if letters and -3 <= length - len(letters) <= max(4, length // 2):
                used, places = np.unique(variants.slots, return_inverse=True)
                texts = tuple(table.sets)
                by_set = np.array([_seen(texts[s], error) for s in used])
                p = _forward(letters, read_gaps, places.reshape(variants.slots.shape), variants.before, by_set)
                yield length, variants, p * variants.weight * look[variants.row]

    by_row, by_region = np.zeros(len(table.rows)), np.zeros(len(table.regions))
    for _, variants, p in likelihoods(table.loose):
        np.add.at(by_row, variants.row, p)
    # Which of the codes it has matters only where the rest of the format fits.
    shares = np.array([photo_shares()[c] for c in table.countries])[table.country_of_row]
    gain = by_row * (shares + 0.01)
    fitting = [int(n) for n in np.argsort(-gain)[:_EXACT] if gain[n] > _WORTH * gain.max() > 0.0]
    likeliest: list[tuple[float, int, int, int]] = []
    for number in fitting:
        by_row[number] = 0.0
        for length, variants, p in likelihoods(table.exact(number)):
            by_row[number] += p.sum()
            by_region.resize(len(table.regions), refcheck=False)
            np.add.at(by_region, variants.region, p)
            top = np.argpartition(-p, min(most, len(p) - 1))[:most]
            likeliest += [(float(p[v]) * float(shares[number] + 0.01), number, length, int(v)) for v in top]
    likeliest.sort(key=lambda item: (-item[0], item[1:]))
    best = []
    for _, number, length, v in likeliest[:most]:
        variants = table.exact(number)[length]
        fixed, p_text = _viterbi(letters, read_gaps, variants, v, _single(error))
        weight = float(variants.weight[v] * look[number])
        best.append((number, list(table.regions)[int(variants.region[v])], fixed, p_text * weight))
    by_country = np.zeros(len(table.countries))
    np.add.at(by_country, table.country_of_row, by_row)
    return Match(
        dict(zip(table.countries, by_country.tolist(), strict=True)),
        {r: float(p) for r, p in zip(table.regions, by_region, strict=False) if r and p > 0.0},
        by_row,
        tuple(sorted(best, key=lambda b: -b[3])),
    )


def candidates(text: str, found: Match, look: float, error: float) -> tuple[Candidate, ...]:
    """What a reading may be, likeliest first: in a format, repaired; or as it was read, in none that we know.

    Args:
        text: As read.
        found: How well it fits the formats.
        look: What the looks say about a plate in no listed format: the mean over the formats.
        error: How often a character is misread.
    """
    rows, shares = plate_formats(), photo_shares()
    read = fold(text)
    weighed: dict[tuple[int, str], tuple[float, str]] = {}
    for number, region, fixed, p in found.best:
        before = weighed.get((number, fixed), (0.0, region))
        weighed[number, fixed] = before[0] + p * shares[rows[number].country], region
    plain = UNLISTED * math.exp(log_plate_like(text)) * (1.0 - error) ** len(read) * look
    total = sum(p for p, _ in weighed.values()) + plain
    out = [Candidate(rows[n], fixed, region, p / total) for (n, fixed), (p, region) in weighed.items()]
    out.append(Candidate(None, read, "", plain / total))
    return tuple(sorted(out, key=lambda c: (-c.probability, c.text)))


def _edge(n: int) -> Floats:
    """How likely 0, 1, ... n - 1 characters are missing at an end: (n,)."""
    out = _CUT * (1.0 - _CUT_MORE) * _CUT_MORE ** np.arange(-1, n - 1.0)
    out[0] = 1.0 - _CUT
    return out


def _forward(
    letters: Sequence[int],
    before: Sequence[int],
    places: NDArray[np.int64],
    gaps_printed: NDArray[np.int8],
    by_set: Floats,
) -> Floats:
    """``P(read | variant)``: (v,); ``places`` (v, m) are rows of ``by_set``."""
    count, m = places.shape
    edge = _edge(m + 1)
    alpha = np.repeat(edge[None], count, axis=0).T.copy()  # (m + 1, v)
    slots, printed = places.T, gaps_printed.T
    for i, letter in enumerate(letters):
        seen = by_set[:, letter][slots]  # (m, v)
        if i:
            seen = seen * _GAP_READ[:, before[i]][printed]
        inserted = _PLUS if i in (0, len(letters) - 1) else _INSERTED
        new = alpha * inserted
        new[1:] += alpha[:-1] * seen
        for j in range(1, m + 1):
            new[j] += _DELETED * new[j - 1]
        alpha = new
    out: Floats = edge[::-1] @ alpha
    return out


def _viterbi(
    letters: Sequence[int], before: Sequence[int], variants: _Variants, v: int, single: Floats
) -> tuple[str, float]:
    """The likeliest text of one variant, and ``P(read, text | variant)``; what was not read stays ``?``."""
    table = _table()
    texts = tuple(table.sets)
    sets = [[table.index[c] for c in texts[s]] for s in variants.slots[v]]
    m, n = len(sets), len(letters)
    edge = _edge(m + 1)
    score = np.zeros((n + 1, m + 1))
    step = np.zeros((n + 1, m + 1), np.int8)  # 1 read, 2 inserted, 3 left out
    score[0] = edge
    step[0, 1:] = 3
    chosen = [[max(options, key=lambda c: single[c, letter]) for options in sets] for letter in letters]
    for i, letter in enumerate(letters, 1):
        inserted = _PLUS if i in (1, n) else _INSERTED
        for j in range(m + 1):
            options = [0.0, 0.0, score[i - 1, j] * inserted, score[i, j - 1] * _DELETED if j else 0.0]
            if j:
                gap = _GAP_READ[variants.before[v, j - 1], before[i - 1]] if i > 1 else 1.0
                right = single[chosen[i - 1][j - 1], letter] / len(sets[j - 1])
                options[1] = score[i - 1, j - 1] * right * gap
            step[i, j] = int(np.argmax(options))
            score[i, j] = options[step[i, j]]
    last = int(np.argmax(score[n] * edge[::-1]))
    i, j = n, last
    out = ["?"] * (m - last)
    while j > 0:
        kind = step[i, j] if i else 3
        if kind == 1:
            out.append(table.symbols[chosen[i - 1][j - 1]])
            i, j = i - 1, j - 1
        elif kind == 2:
            i -= 1
        else:
            out.append("?")
            j -= 1
    missing = out.count("?")
    alone = math.prod(len(s) for s, c in zip(sets, out[::-1], strict=True) if c == "?") if missing else 1
    return "".join(reversed(out)), float(score[n, last] * edge[m - last]) / max(alone, 1)
