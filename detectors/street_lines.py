"""Streets in lines of text: the word for the kind of street, the name beside it, the house number.

``assets/street_words.tsv`` says which words (rue, calle, Straße, ulica, Road) and forms (3丁目, Blk 123, Cra 7 # 45-23)
stand on which countries' signs, and on which side of the name. Whether the house number comes before or after the
street's name is a habit of the country as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.folding import fold
from detectors.base import Reading
from detectors.lines import Token
from detectors.signs import parted
from detectors.word_tables import TableRow, countries, rows_of

__all__ = ["STREET_RATE", "Street", "street_in", "street_kinds", "street_over"]

STREET_WORDS = Path(__file__).parent / "assets" / "street_words.tsv"
STREET_WORDS_SHA256 = "afaa1d92b03f816dedd35b6f8bd39255a5e2b5c8a96121f2bb82cf710b6091b0"
STREET_RATE = 0.05
"""Share of the photos with text that show a street's name."""
_MOST_TOKENS = 40
_NAME_WORDS = 4
_KIND_WORDS = 3
_SHORT_STEM = 3  # letters that a name written together with its kind has at least
_CAPITALS = 3.0  # in a line of capitals any two words look like a name
_NUMBERED = 0.1  # chance finds a number beside it as well
_UNNUMBERED_CHANCE = 1e-3  # kinds that are parts of common words at this rate need a house number
_LOWER = 30.0  # "on the road": how much likelier than a name another reason is

# Countries where the house number comes before the street's name: nearly always there, hardly ever elsewhere.
_NUMBER_FIRST = frozenset(
    str.split(
        "US GB IE CA AU NZ FR LU MC IN PK BD LK SG MY HK ZA KE NG GH UG TZ ZM PH TH VN KH MM LA TW EG MA TN DZ SN CI "
        "CM LB JM TT BB BS MT RE GP MQ PF NC JE GG IM PR GU IL SA AE NA BW ZW MU KR JP"
    )
)
_USUAL_SIDE = 0.95
_NUMBER = re.compile(r"\d{1,5}[a-z]?|\d{1,4}(?:bis|ter)")
_MARKS = frozenset({"n", "no", "nr", "num", "numero", "br", "nº"})
_LINKS = frozenset(
    str.split(
        "de la le les du des d l del los las el da do das dos di della dei delle degli al van der den the of und et "
        "y e i"
    )
)
_NO_NAMES = frozenset(
    str.split(
        "no through private closed slow this that our your my any all one two main off on in to toll rail cross ice "
        "give right exit service access get by half next every pay sur en a au aux pre du cette interdite barree open "
        "dead best hard out under over up down ahead hot is for and or with"
    )
)
_JOINING = frozenset(str.split("et ou y e i o and or und oder en ed"))
_NOT_BESIDE = frozenset(
    str.split("district supreme high county crown magistrates tennis food basketball town shopping")
)
_LINKED = 0.1  # "avenue des": words between kind and name that a chance meeting lacks
_ENGLISH_LINKS = frozenset(("of", "the", "and"))
_NO_SUFFIXED = frozenset(str.split("brigade brigades renegade colgate navigate"))
_SHORT_KINDS = re.compile(r"\s?[./:]")


@dataclass(frozen=True)
class Street:
    """A street's name, or something that only an address has.

    Attributes:
        spans: Readings and characters of them: ``(reading, start, end)``.
        rates: (C,) P(it | a photo with text in the country), by ``word_tables.countries()``.
        chance: How often it is read for another reason.
        numbered: Whether a house number is beside it.
    """

    spans: tuple[tuple[int, int, int], ...]
    rates: NDArray[np.float64]
    chance: float
    numbered: bool = False


@dataclass(frozen=True)
class _Kinds:
    words: dict[str, list[TableRow]]
    suffixes: list[tuple[str, list[TableRow]]]  # longest first
    prefixes: list[tuple[str, TableRow]]
    forms: list[tuple[re.Pattern[str], TableRow]]


@lru_cache(maxsize=1)
def _kinds() -> _Kinds:
    words: dict[str, list[TableRow]] = {}
    suffixes: dict[str, list[TableRow]] = {}
    prefixes, forms = [], []
    for row in rows_of(STREET_WORDS, STREET_WORDS_SHA256):
        for word in dict.fromkeys(fold(w) for w in row.words) if row.where != "r" else row.words:
            if row.where == "r":
                forms.append((re.compile(word), row))
            elif row.where == "s":
                suffixes.setdefault(word, []).append(row)
            elif row.where == "p":
                prefixes.append((word, row))
            else:
                words.setdefault(word, []).append(row)
    longest_first = sorted(suffixes.items(), key=lambda item: -len(item[0]))
    return _Kinds(words, longest_first, sorted(prefixes, key=lambda item: -len(item[0])), forms)


@lru_cache(maxsize=1)
def street_kinds() -> frozenset[str]:
    """Folded words for kinds of streets that stand in front of the name or on either side of it: rue, calle, via."""
    return frozenset(word for word, rows in _kinds().words.items() if any(row.where in "bx" for row in rows))


@lru_cache(maxsize=2)
def _habit(first: bool) -> NDArray[np.float64]:
    """(C,) P(the house number stands on that side of the street's name)."""
    ahead = np.array([_USUAL_SIDE if c in _NUMBER_FIRST else 1.0 - _USUAL_SIDE for c in countries()])
    ahead[countries().index("SG")] = 0.5  # 12 Clementi Avenue 3
    return ahead if first else 1.0 - ahead


def _is_number(token: Token) -> bool:
    """Whether a word is a house number: 12, 12a, 12bis."""
    return token.word.isascii() and _NUMBER.fullmatch(token.word) is not None


def street_in(line: Sequence[Token], reading: Reading) -> list[Street]:
    """Street names and forms of addresses in one line, at most one of the former."""
    line = line[:_MOST_TOKENS]
    found = [*_written(line, reading)]
    best = max(found, key=lambda street: street.spans[0][2] - street.spans[0][1], default=None)
    return ([best] if best is not None else []) + list(_forms(reading, line))


def street_over(upper: Sequence[Token], lower: Sequence[Token], one: Reading, other: Reading) -> Street | None:
    """A street's name over two lines, the kind alone in one of them: RUE over DES RECOLLETS, POST over STREET."""
    if not upper or not lower or len(upper) + len(lower) > _KIND_WORDS + _NAME_WORDS + 2:
        return None
    for kind, name, sides, reading in ((upper, lower, "bx", other), (lower, upper, "ax", one)):
        rows = _kinds().words.get(" ".join(t.word for t in kind), ()) if len(kind) <= _KIND_WORDS else ()
        rows = [row for row in rows if row.where in sides and row.chance < _UNNUMBERED_CHANCE * 2]
        if rows and sum(len(t.word) for t in kind) > 2 and (kept := _name(name, reading)):
            spans = tuple((t[0].reading, t[0].start, t[-1].end) for t in (kind, kept))
            return _linked(_street(spans, rows, reading.text, None), name)
    return None


def _written(line: Sequence[Token], reading: Reading) -> Iterator[Street]:
    kinds = _kinds()
    for i, token in enumerate(line):
        for size in range(min(_KIND_WORDS, len(line) - i), 0, -1):
            rows = kinds.words.get(" ".join(t.word for t in line[i : i + size]))
            if rows and _is_kind(token, reading):
                yield from _beside(line, i, i + size, rows, reading)
                break
        if len(token.word) < 5 or not reading.text[token.start].isupper():
            row = next((row for p, row in kinds.prefixes if token.word.startswith(p) and token.word != p), None)
            if row is not None:
                yield _street(((token.reading, token.start, token.end),), [row], "", None)
            continue
        rows = next(
            (r for s, r in kinds.suffixes if token.word.endswith(s) and len(token.word) - len(s) >= _SHORT_STEM), None
        )
        if rows is not None and token.word not in _NO_SUFFIXED:
            last, first_side = _number_beside(line, i, i + 1, reading)
            rows = [row for row in rows if first_side is not None or row.chance < _UNNUMBERED_CHANCE]
            if rows:
                low, high = min(i, last), max(i, last)
                yield _street(((token.reading, line[low].start, line[high].end),), rows, reading.text, first_side)


def _is_kind(token: Token, reading: Reading) -> bool:
    # One letter is a street only where it is marked as short: C/ Mayor, R. Augusta, Gedimino g.
    return len(token.word) > 1 or _SHORT_KINDS.match(reading.text, token.end) is not None


def _beside(
    line: Sequence[Token], start: int, end: int, rows: Iterable[TableRow], reading: Reading
) -> Iterator[Street]:
    """Streets whose kind is ``line[start:end]``, the name after it or before it."""
    before = [row for row in rows if row.where in "bx"]
    after = [row for row in rows if row.where in "ax"]
    if before and (name := _name(line[end:], reading, line[end - 1])):
        stop = end + len(name)
        yield _linked(_numbered(line, start, stop, before, reading), line[end:stop])
    if after and (name := _name(line[:start][::-1], reading, line[start])):
        kind = line[start]
        if line[start - 1].word in _NOT_BESIDE:  # District Court, Food Court
            return
        lower = reading.text[kind.start].islower()
        street = _numbered(line, start - len(name), end, after, reading)
        english = lower and any(row.chance >= 1e-4 for row in after)
        yield (
            Street(street.spans, street.rates, min(street.chance * _LOWER, 0.3), street.numbered) if english else street
        )


def _name(tokens: Sequence[Token], reading: Reading, beside: Token | None = None) -> list[Token]:
    """The first few of ``tokens`` that make a street's name, or none where they do not; read away from ``beside``."""
    name: list[Token] = []
    forward = beside is None or (bool(tokens) and beside.start < tokens[0].start)
    for k, token in enumerate(tokens[:_NAME_WORDS]):
        left, right = sorted((beside, token), key=lambda t: t.start) if beside is not None else (token, token)
        if beside is not None and parted(reading, left, right):
            break
        # Rua 21 de Abril, calle 9 de Julio: a number is a name's beginning where a word links it to a month's name.
        dated = forward and k == 0 and len(tokens) > 2 and tokens[1].word in _LINKS
        if _is_number(token) and not dated:
            break
        name.append(token)
        beside = token
    while name and name[-1].word in _LINKS:
        name.pop()
    if name and name[0].word in _JOINING:  # sur place et à emporter
        return []
    telling = [t for t in name if t.word not in _LINKS and t.word not in _NO_NAMES]
    cased = [t for t in telling if not reading.text[t.start].islower()]
    letters = max((sum(c.isalnum() for c in t.word) for t in cased), default=0)
    uncased = any(not c.isascii() for t in cased for c in t.word)
    return name if letters >= (2 if uncased else 3) else []


def _linked(street: Street, name: Sequence[Token]) -> Street:
    links = name[0].word in _LINKS and name[0].word not in _ENGLISH_LINKS
    return replace(street, chance=street.chance * _LINKED) if links else street


def _number_beside(line: Sequence[Token], start: int, end: int, reading: Reading) -> tuple[int, bool | None]:
    """Index of the house number beside ``line[start:end]`` and whether it comes first; None where there is none."""
    after = end
    while after < len(line) and line[after].word in _MARKS:
        after += 1
    if start > 0 and _is_number(line[start - 1]):
        return start - 1, True
    if after < len(line) and _is_number(line[after]) and line[after].start - line[after - 1].end <= 4:
        return after, False
    return start, None


def _numbered(line: Sequence[Token], start: int, end: int, rows: Sequence[TableRow], reading: Reading) -> Street:
    at, first = _number_beside(line, start, end, reading)
    low, high = min(start, at), max(end - 1, at)
    return _street(((line[start].reading, line[low].start, line[high].end),), rows, reading.text, first)


def _street(spans: tuple[tuple[int, int, int], ...], rows: Sequence[TableRow], text: str, first: bool | None) -> Street:
    shares = np.sum([row.shares for row in rows], axis=0)
    chance = max(row.chance for row in rows) * (_CAPITALS if text.isupper() else 1.0)
    if first is None:
        return Street(spans, STREET_RATE * shares, chance)
    return Street(spans, STREET_RATE * shares * _habit(first), chance * _NUMBERED, numbered=True)


def _forms(reading: Reading, line: Sequence[Token]) -> Iterator[Street]:
    text = reading.text
    if not line:
        return
    for pattern, row in _kinds().forms:
        match = pattern.search(text)
        if match is not None and match.end() > match.start():
            yield Street(((line[0].reading, match.start(), match.end()),), STREET_RATE * row.shares, row.chance)
