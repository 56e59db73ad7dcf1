"""Regional wording: words, legal forms and public bodies that only some of the countries of a language write.

A language tells Portuguese from Polish; "talho" tells Portugal from Brazil, "Pte Ltd" Singapore, "off licence" Britain.
For a phrase of the shipped table the rate at which signs show it is, relative to its own countries,

    r(country) = max(weight, sigma P(its languages | country)) + sum_l f_l P(l | country) + slip

with ``sigma`` how much the same language uses it elsewhere, by kind, ``f_l`` how common its words are in another
language (word frequencies, at build time) and ``slip`` the chance that an engine made it of something else. Evidence
is ``log r(country) / sum_c share(c) r(c)`` over the world's photos, after some of all text was carried from elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import DatasetError
from data.folding import fold, joined, tokens
from data.gazetteer import country_name
from detectors.base import Clue, Evidence, Reading, bounding_box
from detectors.dishes import DISHES
from detectors.privacy import MASK, mask
from detectors.script import script_of
from detectors.sentences import in_countries, quoted
from detectors.territories import photo_shares, sign_languages

__all__ = ["WORDING", "WORDING_SHA256", "Phrase", "WordingReader", "load_phrases"]

WORDING: Final = Path(__file__).parent / "assets" / "wording.tsv"
WORDING_SHA256: Final = "ea80cf7add81eda72bf118ba16b68ab0db9f338eb1e0e5da65b487e697ba6256"
_CURE = "reinstall whence, or rebuild it with `python -m detectors.build_wording`"


_SAME_LANGUAGE = {
    "legal": 0.003,
    "word": 0.03,
    "usage": 0.35,
    "body": 0.015,
    "local": 0.002,
    "name": 0.1,
    "pattern": 0.0,
}
"""Kind of phrase to how often other countries of its language write it, against its own: a legal form is law. Chosen,
with the three constants of doubt below, on the dev photos and the dev half of the strings."""
_MEANING = {
    "legal": ("a legal form or tax number of companies", "legal forms or tax numbers of companies", "in"),
    "word": ("a word", "words", "of"),
    "usage": ("a word or spelling preferred", "words or spellings preferred", "in"),
    "body": ("a public body, name or word", "public bodies, names or words", "of"),
    "local": ("a station, district or building", "stations, districts or buildings", "in"),
    "name": ("the name", "names", "of"),
    "pattern": ("a way of writing numbers", "ways of writing numbers", "in"),
}
_PATTERN_ELSEWHERE = 0.01  # how often numbers look so by chance
_CARRIED_DISH = 0.4  # what a dish or a kind of restaurant is called travels with its cooks
_MOST_COUNTRIES = 2  # names of so many countries are read in a place; more are a map, a list, or flags
_CARRIED = 0.003  # of the texts in a place, this share came from elsewhere: goods, vehicles, branches of foreign firms
_SLIP, _SLIP_LETTERS = 0.6, 1.0  # chance that other text is read as the phrase: _SLIP e^(-letters / _SLIP_LETTERS)
_DOUBTED = 0.02  # ... and so much more of what the engine did not trust
_REST_OF_COUNTRY = 0.1  # of a region's rate in the rest of its country
_REGION_SHARE = 0.2  # of a country's photos in one of its regions
_NEXT = 0.6  # what each further phrase for the same countries adds, against the one before it
_MOST_NATS = 8.0  # between the best and the worst country
_LEAST_NATS = 0.3
_MARKED = 4  # letters: "cơm" is Vietnamese, "com" is not
_LONGEST = 7  # tokens of a phrase
_NAMED = 4
_IMPORTED = re.compile(r"\b(made|product|produce|printed|assembled|imported|fabriqu\w+|hecho|flights?) .{0,12}$", re.I)
"""Before a country's name: what says where goods come from or journeys go."""
_UNSPACED = frozenset({"Hani", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr", "Hang"})


@dataclass(frozen=True, eq=False)
class Phrase:
    """One row of the table.

    Attributes:
        text: As written in the table, without anchors.
        key: Its folded letters and digits, joined.
        exact: Whether its letters count as written: capitals where it has one, marks where it is short.
        starts: Whether it begins the line.
        ends: Whether it ends the line, after something else.
        kind: Key of the meanings above.
        places: Country or admin-1 code to how often it is written there, 1 for most.
        own: Languages of its places.
        foreign: Other language to how common it is there, against its own.
    """

    text: str
    key: str
    exact: bool
    starts: bool
    ends: bool
    kind: str
    places: dict[str, float]
    own: tuple[str, ...]
    foreign: dict[str, float]


@lru_cache(maxsize=1)
def load_phrases() -> dict[str, tuple[Phrase, ...]]:
    """Phrases by key.

    Raises:
        DatasetError: The shipped table is missing or damaged.

    >>> [phrase.places["SG"] for phrase in load_phrases()["pteltd"]]
    [1.0]
    """
    content = read_asset(WORDING, WORDING_SHA256, cure=_CURE)
    out: dict[str, list[Phrase]] = {}
    try:
        for line in content.decode("utf-8").splitlines():
            if line.startswith("#"):
                continue
            kind, places, written, own, foreign = line.split("\t")
            bare = written.strip("^$")
            phrase = Phrase(
                text=bare,
                key=joined(fold(bare)),
                exact=any(c.isupper() or c in "()" for c in bare) or (len(bare) <= _MARKED and not bare.isascii()),
                starts=written.startswith("^"),
                ends=written.endswith("$"),
                kind=kind,
                places={place: float(weight or 1.0) for place, _, weight in (x.partition(":") for x in places.split())},
                own=tuple(own.split()),
                foreign={code: float(ratio) for code, _, ratio in (x.partition(":") for x in foreign.split())},
            )
            if kind not in _MEANING or not phrase.key:
                raise ValueError(f"no such kind or phrase: {line!r}")
            out.setdefault(phrase.key, []).append(phrase)
    except ValueError as error:
        raise DatasetError(f"the table {WORDING} is damaged ({error}): {_CURE}") from error
    return {key: tuple(phrases) for key, phrases in out.items()}


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Phrase, re.Pattern[str]], ...]:
    """The phrases that are regular expressions, compiled."""
    every = (phrase for phrases in load_phrases().values() for phrase in phrases if phrase.kind == "pattern")
    return tuple((phrase, re.compile(phrase.text.strip("/"))) for phrase in every)


@dataclass(frozen=True)
class _Match:
    phrases: tuple[Phrase, ...]
    reading: Reading
    start: int
    end: int


class WordingReader:
    """Finds phrases that only some countries write.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = WordingReader().clues([Reading("r0", "Talho Central", box, 0.99)])
    >>> clue.points_to[0], clue.evidence.countries["PT"] > clue.evidence.countries["BR"]
    ('PT', True)
    """

    kind = "wording"

    def __init__(self) -> None:
        self._rates: dict[tuple[Phrase, ...], tuple[NDArray[np.float64], dict[str, float]]] = {}
        self._unspaced: list[tuple[str, tuple[Phrase, ...]]] | None = None

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each group of phrases that the same places write, the most telling first."""
        groups: dict[tuple[str, ...], dict[str, _Match]] = {}
        for reading in readings:
            for match in self._matches(reading):
                places = tuple(sorted({place for phrase in match.phrases for place in phrase.places}))
                groups.setdefault(places, {}).setdefault(match.phrases[0].key, match)
        named = [
            places
            for places, group in groups.items()
            if all(p.kind == "name" for m in group.values() for p in m.phrases)
        ]
        if len(named) > _MOST_COUNTRIES:
            groups = {places: group for places, group in groups.items() if places not in named}
        clues = [self._clue(list(group.values())) for group in groups.values()]
        return sorted((c for c in clues if c is not None), key=lambda c: -max(c.evidence.countries.values(), default=0))

    def _matches(self, reading: Reading) -> list[_Match]:
        table = load_phrases()
        words = tokens(reading.text)
        found = self._numbers(reading)
        for first in range(len(words)):
            key = ""
            for last in range(first, min(first + _LONGEST, len(words))):
                key += joined(words[last][0])
                start, end = words[first][1], words[last][2]
                told = tuple(
                    p
                    for p in table.get(key, ())
                    if (not p.starts or (first == 0 and last + 1 < len(words)))
                    and (not p.ends or (last + 1 == len(words) and first > 0))
                    and (not p.exact or _as_written(p.text, reading.text, start, end))
                )
                # Written as in the table exactly, it is not what resembles it: South Africa's "(Pty) Ltd".
                told = tuple(p for p in told if p.exact) or told
                if any(p.kind == "name" for p in told) and _IMPORTED.search(reading.text[:start]):
                    continue
                if told:
                    found.append(_Match(told, reading, start, end))
        if script_of(reading.text) in _UNSPACED or any(script_of(word) in _UNSPACED for word, _, _ in words):
            found += self._within(reading)
        if not found:
            return []
        hidden = mask(reading.text)  # the letters of a plate are no legal form
        found = [m for m in found if m.phrases[0].kind == "pattern" or MASK not in hidden[m.start : m.end]]
        # The longest phrase says it all: "S.A. de C.V." is no "S.A.".
        found.sort(key=lambda m: (m.start - m.end, m.start))
        kept: list[_Match] = []
        for match in found:
            if not any(match.start < other.end and other.start < match.end for other in kept):
                kept.append(match)
        return kept

    @staticmethod
    def _numbers(reading: Reading) -> list[_Match]:
        found = ((phrase, pattern.search(reading.text)) for phrase, pattern in _patterns())
        return [_Match((phrase,), reading, *match.span()) for phrase, match in found if match]

    def _within(self, reading: Reading) -> list[_Match]:
        """Phrases of scripts without spaces, anywhere in the line."""
        if self._unspaced is None:
            self._unspaced = [(k, v) for k, v in load_phrases().items() if script_of(k) in _UNSPACED]
        out = []
        for _, phrases in self._unspaced:
            at = reading.text.find(phrases[0].text)
            if at >= 0 and len(phrases[0].text) > 1:
                out.append(_Match(phrases, reading, at, at + len(phrases[0].text)))
        return out

    def _rate(self, phrases: tuple[Phrase, ...]) -> tuple[NDArray[np.float64], dict[str, float]]:
        """(C + 1,) rates by country, the last for one that no table knows; and the rates of regions."""
        if phrases not in self._rates:
            countries = tuple(sign_languages())
            total, regions = np.zeros(len(countries) + 1), dict[str, float]()
            for phrase in phrases:
                rate = sum((r * _language_share(code) for code, r in phrase.foreign.items()), np.zeros(len(total)))
                own = np.minimum(sum((_language_share(code) for code in phrase.own), np.zeros(len(total))), 1.0)
                if phrase.kind == "pattern":
                    rate = rate + _PATTERN_ELSEWHERE
                base = rate + _SAME_LANGUAGE[phrase.kind] * own
                for place, weight in phrase.places.items():
                    if "." in place:
                        regions[place] = max(regions.get(place, 0.0), weight)
                        weight *= _REST_OF_COUNTRY
                    if place[:2] in countries:
                        at = countries.index(place[:2])
                        base[at] = max(base[at], weight)
                total = np.maximum(total, base)
            self._rates[phrases] = total, regions
        return self._rates[phrases]

    def _log_lr(self, match: _Match) -> tuple[NDArray[np.float64], dict[str, float]]:
        rates, regions = self._rate(match.phrases)
        shares = np.array(list(photo_shares().values()))
        length = match.end - match.start if match.phrases[0].kind == "pattern" else len(match.phrases[0].key)
        letters = length * (2.5 if script_of(match.phrases[0].key) in _UNSPACED else 1.0)
        slip = _SLIP * math.exp(-letters / _SLIP_LETTERS) + _DOUBTED * (1.0 - match.reading.confidence)
        names = tuple(sign_languages())
        in_regions = {place: rate for place, rate in regions.items() if place[:2] in names}
        extra = sum(_REGION_SHARE * shares[names.index(place[:2])] * rate for place, rate in in_regions.items())
        world = float(shares @ rates[:-1] + extra)
        carried = _CARRIED_DISH if match.phrases[0].key in DISHES else _CARRIED

        def told(rate: NDArray[np.float64] | float) -> NDArray[np.float64]:
            return np.asarray(np.log(((1 - carried) * rate + carried * world + slip) / (world + slip)))

        return told(rates), {place: float(told(rate)) for place, rate in regions.items()}

    def _clue(self, matches: Sequence[_Match]) -> Clue | None:
        told = sorted((self._log_lr(match) for match in matches), key=lambda pair: -float(np.ptp(pair[0])))
        log_lr = sum((values * _NEXT**i for i, (values, _) in enumerate(told)), np.zeros(len(told[0][0])))
        regions = {place: sum(r.get(place, 0.0) * _NEXT**i for i, (_, r) in enumerate(told)) for place in told[0][1]}
        spread = max(float(log_lr.max()), *regions.values(), -99.0) - float(log_lr.min())
        shrink = min(1.0, _MOST_NATS / max(spread, 1e-9))
        log_lr, regions = log_lr * shrink, {place: value * shrink for place, value in regions.items()}
        countries, shares = tuple(sign_languages()), photo_shares()
        elsewhere = float(log_lr[-1])
        entries = {c: float(v) for c, v in zip(countries, log_lr[:-1], strict=True) if abs(v - elsewhere) > 0.01}
        homes = {place for match in matches for phrase in match.phrases for place in phrase.places}
        told_of = {p: regions.get(p, entries.get(p[:2], elsewhere)) for p in homes}
        if max(told_of.values()) < max(_LEAST_NATS, 0.7 * float(log_lr.max())):
            return None  # it is rather a word of another language
        named = sorted(homes, key=lambda p: (-shares.get(p[:2], 0.0) * math.exp(told_of[p]), p))
        shown = list(dict.fromkeys(mask(match.reading.text)[match.start : match.end] for match in matches))
        kinds = sorted({_MEANING[_told_kind(phrase)] for match in matches for phrase in match.phrases})
        pointed = tuple(dict.fromkeys(place[:2] for place in named))
        where = in_countries(pointed[:_NAMED], more=len(pointed) > _NAMED)
        text = mask(", ".join(shown))
        several = len(shown) > 1
        what = f"{' and '.join(kind[several] for kind in kinds)} {kinds[0][2]} {where}"
        said = f"{quoted(text, several=several)} {'are' if several else 'is'} {what}"
        return Clue(
            kind=self.kind,
            text=text,
            meaning=said,
            evidence=Evidence(
                elsewhere=elsewhere,
                countries=entries,
                regions=regions,
                sources=tuple(f"{m.reading.id}:{m.start}-{m.end}" for m in matches),
            ),
            box=bounding_box([match.reading.box for match in matches]),
            points_to=pointed[:_NAMED],
        )


def _told_kind(phrase: Phrase) -> str:
    """Key of what the phrase is to a person: a country's own name stands among its bodies in the table."""
    return "name" if any(phrase.text == fold(country_name(place[:2])) for place in phrase.places) else phrase.kind


@lru_cache(maxsize=256)
def _language_share(code: str) -> NDArray[np.float64]:
    """(C + 1,) P(language | signs of the country); the last is the least of all."""
    # wordfreq's Chinese holds both scripts.
    codes = ("zh", "zh_Hant") if code == "zh" else (code,)
    shares = np.array([sum(signs.get(c, 0.0) for c in codes) for signs in sign_languages().values()])
    return np.append(shares, shares.min())


def _as_written(phrase: str, text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` has the letters of ``phrase`` in the same cases, its own points aside."""
    if "(" in phrase:
        return phrase in text[max(0, start - 1) : end + 1]
    letters, read = (re.sub(r"[\W_]+", "", part) for part in (phrase, text[start:end]))
    return letters == (read if any(c.isupper() for c in phrase) else read.lower())
