"""Place names in what was read: which places bear the name, and how much that says.

For a name N that places i bear, three rates per photo with text decide:

- ``a_i``: how often a photo taken near place i shows N. ``SHOW_RATE`` for the place's own name, less for other names
  (``KIND_RATE``), times the place's share of the people around it: photos in a suburb show the city's name.
- ``S = sum_i a_i P0_i``: how often any photo shows N because it is there; P0, the share of the world's photos, is
  taken to be the share of its population.
- ``d``: how often N is read anywhere for another reason: as a common word, a surname, a shop or brand
  (``detectors.place_words``), on a travel agency, as noise of the OCR (``_distractor_rate``), as a street's or a
  university's name (``_context_factor``), or in a list of far-away places, as on an airport's board (``LIST_FACTOR``).
- Of the times that N is read away from its places as a name, not as a word, a shop or noise, a share ``IN_COUNTRY`` is
  in their countries: streets, banks, vans and direction signs. With ``h`` that part of d, and ``w_c`` the share of S in
  country c, it is ``d_c = d - h + h w_c / P0_c`` there and ``d_0 = d - h`` abroad.

Then ``log_lr_i = log((a_i + d_c) / (S + d))``, in their countries ``log(d_c / (S + d))`` and elsewhere
``log(d_0 / (S + d))``: an ambiguous name points at all of its places, a famous one is read everywhere, a common word
says nothing. A misread name is one edit away: a_i is then times ``EDIT_RATE``, the chance of that very misreading.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from data.folding import fold, is_han_or_kana
from data.gazetteer import EXONYM, JOINED, MAIN, NATIVE, Gazetteer, NameMatch, Place
from data.geodesy import haversine_km
from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.directions import Surroundings, direction_clues
from detectors.lines import MAX_WORDS, Neighbours, Token, crossing, grams, merged, neighbours, tokens_of
from detectors.place_words import shop_rate
from detectors.privacy import masked
from detectors.script import script_of
from detectors.sentences import a_place, in_countries, is_city, quoted
from detectors.territories import photo_shares
from detectors.towns import towns_of

__all__ = ["PlaceReader"]

SHOW_RATE = 0.02
"""Share of the photos with text taken at a place that show its main name."""
KIND_RATE = {MAIN: 1.0, NATIVE: 0.3, EXONYM: 0.02, JOINED: 0.3}
"""How often a place's other names are shown, relative to its main name."""
EDIT_RATE = 0.003
"""Chance that a name is read with one particular edit: one in ten is misread, in one of some thirty ways."""
WORDS_PER_PHOTO = 8.0
"""Words in a photo with text."""
WORD_ON_SIGNS = 50.0
"""How much more frequent a common word is on signs than in running text: signs say Hotel, Open, Taxi, Post."""
NAME_RATE = 0.17
NAME_EXPONENT = 0.75
"""A proper name is read away from its place at ``NAME_RATE * frequency ** NAME_EXPONENT`` per photo with text, where
frequency is that of running text. Streets, brands and people bear rare names too: signs are flatter than text."""
FAME_FACTOR = 1.0
"""A name is read away from its places at least this often, relative to how often it is read at them."""
RARE_RATE = 3e-6
"""How often a photo shows one given name, too rare to have a frequency, for no reason of place."""
NOISE_RATE = 0.3
"""Strings per photo that are acronyms or OCR noise, if the engine is certain; more if it is not."""
IN_COUNTRY = 0.4
"""Of a proper name's readings away from its places, this share is in their countries."""
MOST_IN_COUNTRY = 1000.0
"""A name is read in its country at most so many times as often as in the world: few photos are known of small ones."""
OTHER_SPELLING = 0.03
"""How often the name of a place is written with other accents than its own, against its own: Macon is no Mâcon."""
STREET_FACTOR = 30.0
"""How much likelier another reason is when the name is a street's: streets are named after places far away."""
PART_FACTOR = 3.0
"""How much likelier another reason is when the name is only a part of its line."""
LIST_FACTOR = 5.0
"""How much likelier another reason becomes with each other name in the photo that has no place within
``LIST_KM`` of this one's: boards, brochures and branches list places far apart, and the photo is at one at most."""
LIST_KM = 300.0
MAX_LISTED = 64
"""Most names of a list that count: each is held against each, and by then little is left of any."""
MIN_GAIN = 1.0
"""A clue that gains less than this many nats at its best place is not emitted."""
SIGN_GAIN = 0.2
"""... unless another name of the same sign supports it (``detectors.directions``)."""
MAX_CANDIDATES = 64
FUZZY_POPULATION = 20_000
"""A misread name is looked for among places of at least this population."""
FUZZY_LOOKUPS = 40
"""Most fuzzy look-ups in one photo, surest readings first: each takes milliseconds."""
MIN_POPULATION = 100
"""Counted for a place whose population is not known."""
LONGEST_NAME = 80
"""Letters of the longest name that is looked up; what is longer is no name, and its misreadings are too many."""
_HAN_LENGTHS = (6, 5, 4, 3, 2)
_SAME_PLACE_KM = 10.0
_LEAST_LOCAL = 0.003  # of the people around, those in a village: the surroundings hold so many times as many at most

_STREET_BEFORE = frozenset(
    {
        "calle", "c", "avenida", "avda", "av", "paseo", "plaza", "pza", "carrer", "rua", "r", "praca",
        "travessa", "estrada", "rue", "avenue", "boulevard", "bd", "place", "quai", "via", "viale", "corso",
        "piazza", "largo", "ul", "ulica", "al", "aleja", "plac", "ulitsa", "prospekt", "strada", "bulevardul",
        "улица", "ул", "проспект", "пр", "площадь", "пл", "вулиця", "jalan", "jl", "rruga", "ulice",
    }
)  # fmt: skip
_STREET_AFTER = frozenset(
    {
        "st", "street", "ave", "av", "avenue", "blvd", "boulevard", "rd", "road", "dr", "drive", "ln", "lane",
        "ct", "court", "pl", "place", "sq", "square", "hwy", "highway", "pkwy", "parkway", "way", "ter",
        "terrace", "alley", "row", "strasse", "str", "platz", "allee", "weg", "gasse", "damm", "straat",
        "laan", "plein", "gatan", "gata", "vagen", "gate", "gade", "vej", "utca", "ut", "caddesi", "cad",
        "sokak", "sok", "улица", "ул", "проспект", "пр", "площадь", "marg",
    }
)  # fmt: skip
_LINKS = frozenset({"de", "del", "la", "do", "da", "du", "des", "d", "of", "the"})


@dataclass(frozen=True, slots=True)
class _Hit:
    """A name that was found, the places that bear it, and what to think of it: ``d``, and the part of it as a name."""

    key: str
    spans: tuple[Token, ...]
    matches: tuple[NameMatch, ...]
    distractor: float
    named: float


class PlaceReader:
    """Reads place names, exactly or one OCR error away.

    >>> from data.gazetteer import load_default
    >>> box = ((0, 0), (90, 0), (90, 20), (0, 20))
    >>> readings = [Reading("r1", "MADRID", box, 0.99), Reading("r2", "Un plan", box, 0.99)]
    >>> clues = PlaceReader(load_default()).clues(readings)
    >>> [(clue.text, clue.points_to[0], clue.evidence.sources) for clue in clues]
    [('MADRID', 'Madrid, ES', ('r1:0-6',))]
    """

    kind = "place"

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._towns = towns_of(gazetteer)

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each place name in ``readings``, strongest first; a name read twice is one clue.

        Before them stand the clues of direction signs, of kind ``direction``, which use the same readings.
        """
        readings = masked(readings)  # the letters of a plate name no town
        groups: dict[str, list[_Hit]] = {}
        for hit in self._hits(readings):
            groups.setdefault(hit.key, []).append(hit)
        # Only names that say something by themselves make a list: "Open" and "Bar" are places too.
        alone = [(hits, self._clue(hits, 1.0, readings, least=SIGN_GAIN)) for hits in groups.values()]
        weak = [clue for _, clue in alone if clue is not None]
        named = [hits for hits, clue in alone if clue is not None and _gain(clue) >= MIN_GAIN]
        places = [_candidates(hits) for hits in named]
        strangers = [sum(not _close(one, other) for other in places[:MAX_LISTED]) for one in places]
        clues = (self._clue(h, 1.0 + LIST_FACTOR * n, readings) for h, n in zip(named, strangers, strict=True))
        found = [clue for clue in clues if clue is not None]
        signs = direction_clues(weak, readings, self._around)
        return signs + sorted(found, key=lambda clue: -_gain(clue))

    def _around(self, lat: float, lon: float) -> Surroundings:
        place, _ = self._gazetteer.nearest(lat, lon)
        share = min(self._towns.photo_share(place) / max(place.local_share, _LEAST_LOCAL), 1.0)
        return Surroundings(f"{place.name}, {place.country}", place.country, share)

    def _hits(self, readings: Sequence[Reading]) -> Iterator[_Hit]:
        lines = [tokens_of(i, reading) for i, reading in enumerate(readings)]
        used: set[Token] = set()
        beside = neighbours(readings)
        stacked = [(lines[i], lines[j]) for i, j in beside.stacked]
        phrases = [gram for line in lines for gram in grams(line)]
        phrases += [gram for upper, lower in stacked for gram in crossing(upper, lower)]
        phrases.sort(key=lambda gram: -len(gram))
        for gram in phrases:
            if used.isdisjoint(gram):
                yield from self._exact(gram, _context_factor(gram, lines, beside), readings, used)
        for line in lines:
            for token in line:
                if token not in used and is_han_or_kana(token.word[0]):
                    yield from self._unspaced(token, readings)
        singles: list[tuple[Token, ...]] = [(t,) for line in lines for t in line if t not in used]
        whole = [tuple(line) for line in lines if 1 < len(line) <= MAX_WORDS and used.isdisjoint(line)]
        misread = sorted(whole + singles, key=lambda gram: -readings[gram[0].reading].confidence)
        budget = FUZZY_LOOKUPS
        for gram in misread:
            name = " ".join(t.word for t in gram)
            if budget and used.isdisjoint(gram) and 5 <= len(name) <= LONGEST_NAME and not name.isdigit():
                budget -= 1
                yield from self._fuzzy(gram, _context_factor(gram, lines, beside), readings, used)

    def _exact(
        self, gram: tuple[Token, ...], factor: float, readings: Sequence[Reading], used: set[Token]
    ) -> Iterator[_Hit]:
        name = " ".join(t.word for t in gram)
        matches = self._gazetteer.lookup(name) if len(name) <= LONGEST_NAME else []
        if matches:
            used.update(gram)
            rate = _distractor_rate(matches[0], _confidence(gram, readings)) * factor
            yield _Hit(name, gram, tuple(matches), rate, min(_named_rate(matches[0]) * factor, rate))

    def _unspaced(self, token: Token, readings: Sequence[Reading]) -> Iterator[_Hit]:
        # In Han and kana one token is a run of words; the folded run and the text have the same length or are skipped.
        if len(token.word) != token.end - token.start:
            return
        at = 0
        while at < len(token.word) - 1:
            for length in _HAN_LENGTHS:
                matches = self._gazetteer.lookup(token.word[at : at + length]) if at + length <= len(token.word) else []
                if matches:
                    part = Token(
                        token.word[at : at + length], token.reading, token.start + at, token.start + at + length
                    )
                    factor = 1.0 if length == len(token.word) else PART_FACTOR
                    rate = _distractor_rate(matches[0], readings[token.reading].confidence) * factor
                    named = min(_named_rate(matches[0]) * factor, rate)
                    yield _Hit(part.word, (part,), tuple(matches), rate, named)
                    at += length - 1
                    break
            at += 1

    def _fuzzy(
        self, gram: tuple[Token, ...], factor: float, readings: Sequence[Reading], used: set[Token]
    ) -> Iterator[_Hit]:
        # A word of some language was not misread; and a place name that was read right is no other place's.
        if any(self._gazetteer.commonness(t.word) > 0.0 for t in gram):
            return
        name = " ".join(t.word for t in gram)
        near = self._gazetteer.fuzzy(name)
        matches = [m for m in near if _kind_rate(m) == 1.0 and m.place.population >= FUZZY_POPULATION]
        if not matches:
            return
        used.update(gram)
        confidence = _confidence(gram, readings)
        words = {m.name_folded: m for m in matches}.values()
        rate = (
            sum(EDIT_RATE * _distractor_rate(m, confidence) for m in words) + _noise_rate(name, confidence) + RARE_RATE
        )
        named = sum(EDIT_RATE * _named_rate(m) for m in words) * factor
        yield _Hit(matches[0].name_folded, gram, tuple(matches), rate * factor, min(named, rate * factor))

    def _clue(
        self, hits: list[_Hit], list_factor: float, readings: Sequence[Reading], *, least: float = MIN_GAIN
    ) -> Clue | None:
        # The same name twice is the same evidence: the surest of its readings counts.
        hit = min(hits, key=lambda h: (h.matches[0].edits, h.distractor))
        rate = hit.distractor * list_factor
        total = self._gazetteer.total_population
        best: dict[int, NameMatch] = {}
        for match in sorted(hit.matches, key=lambda m: -_kind_rate(m)):
            best.setdefault(match.place.id, match)
        written = _accents(" ".join(readings[t.reading].text[t.start : t.end] for t in hit.spans))
        rates = {
            i: SHOW_RATE * _kind_rate(m) * EDIT_RATE**m.edits * _spelling(written, m) for i, m in best.items()
        }  # fmt: skip
        seen = {i: rates[i] * max(m.place.population, MIN_POPULATION) / total for i, m in best.items()}
        shown = sum(seen.values())
        rate = max(rate, FAME_FACTOR * shown)
        base = math.log(shown + rate)
        # Lists are of far-away places: what they add is nobody's own.
        local = IN_COUNTRY * (hit.named + max(rate - hit.distractor * list_factor, 0.0))
        inland = self._inland(best, seen, local / shown)
        away = rate - local
        countries = {c: math.log(away + inland[c]) - base for c in inland}
        gains = {
            i: math.log(rates[i] * m.place.local_share + away + inland.get(m.place.country, 0.0)) - base
            for i, m in best.items()
        }
        # Most of what a candidate can explain: its rate times the people there.
        order = sorted(best, key=lambda i: -rates[i] * max(best[i].place.population, MIN_POPULATION))
        chosen: list[NameMatch] = []
        for i in order:
            place = best[i].place
            apart = all(haversine_km(place.lat, place.lon, c.place.lat, c.place.lon) > _SAME_PLACE_KM for c in chosen)
            if gains[i] > 0.0 and apart:
                chosen.append(best[i])
            if len(chosen) == MAX_CANDIDATES:
                break
        if not chosen or max(gains[m.place.id] for m in chosen) < least:
            return None
        spans = [t for h in hits for t in h.spans]
        points = tuple(
            PointEvidence(m.place.lat, m.place.lon, _sigma_km(m.place.population), gains[m.place.id]) for m in chosen
        )
        sources = tuple(dict.fromkeys(f"{readings[t.reading].id}:{t.start}-{t.end}" for t in merged(spans)))
        text = " ".join(readings[t.reading].text[t.start : t.end] for t in merged(hit.spans))
        names = tuple(dict.fromkeys(f"{m.place.name}, {m.place.country}" for m in chosen))
        return Clue(
            kind=self.kind,
            text=text,
            meaning=_meaning(text, [m.place for m in chosen], misread=bool(hit.matches[0].edits)),
            evidence=Evidence(math.log(away) - base, countries, points=points, sources=sources),
            box=bounding_box([readings[t.reading].box for t in spans])
            if len(hits) == 1
            else readings[hit.spans[0].reading].box,
            points_to=names[:5],
        )

    @staticmethod
    def _inland(best: Mapping[int, NameMatch], seen: Mapping[int, float], per_shown: float) -> dict[str, float]:
        """Country to the rate at which the name is read there, away from its places, beyond the rate abroad."""
        by_country: dict[str, float] = {}
        for i, match in best.items():
            by_country[match.place.country] = by_country.get(match.place.country, 0.0) + seen[i]
        shares = photo_shares()
        most = MOST_IN_COUNTRY
        return {
            c: per_shown * min(w / shares[c], most * sum(seen.values())) for c, w in by_country.items() if c in shares
        }


def _gain(clue: Clue) -> float:
    return max(p.log_lr for p in clue.evidence.points)


def _meaning(text: str, places: Sequence[Place], *, misread: bool) -> str:
    """What ``text`` names, the likeliest of ``places`` first."""
    first, others = places[0], places[1:]
    if misread:
        said = f"{quoted(text)} may be {first.name}, misread, {a_place(first)}"
    elif fold(text) == fold(first.name):
        said = f"{quoted(text)} is {a_place(first)}"
    else:
        # A town may bear its region's name: its own is "Hof, Bayern".
        a_name_of = "" if is_city(first) else "a name of "
        said = f"{quoted(text)} is {a_name_of}{first.name}, {a_place(first)}"
    if not others:
        return said
    abroad = list(dict.fromkeys(p.country for p in others if p.country != first.country))
    have = f"{len(others)} more have the name" if len(others) > 1 else "one more has the name"
    if not abroad:
        return f"{said}; {have} there"
    return f"{said}; {have}, {'some ' if len(others) > 1 else ''}in {in_countries(abroad[:3], more=len(abroad) > 3)}"


def _confidence(gram: tuple[Token, ...], readings: Sequence[Reading]) -> float:
    return min(readings[t.reading].confidence for t in gram)


def _letters(name: str) -> float:
    """Length of ``name`` in Latin letters' worth of information."""
    return sum(
        2.5 if is_han_or_kana(c) and c >= "㐀" else 2.0 if "가" <= c <= "힣" else 1.0 for c in name if c.isalpha()
    )


def _noise_rate(name: str, confidence: float) -> float:
    """How often acronyms and OCR noise spell ``name``: a tenth as often for each further letter."""
    return WORDS_PER_PHOTO * (NOISE_RATE + 10.0 * (1.0 - confidence)) * math.pow(10.0, -_letters(name))


def _distractor_rate(match: NameMatch, confidence: float) -> float:
    """How often a photo shows the match's name for another reason than being there."""
    word = WORD_ON_SIGNS * 10.0 ** (match.commonness - 9.0) if match.commonness else 0.0
    other = shop_rate(match.name_folded) + RARE_RATE + _noise_rate(match.name_folded, confidence)
    return min(WORDS_PER_PHOTO * word + _named_rate(match) + other, 1.0)


def _named_rate(match: NameMatch) -> float:
    """How often a photo shows the match's name as a proper name, away from its place."""
    return NAME_RATE * 10.0 ** (NAME_EXPONENT * (match.mention - 9.0)) if match.mention else 0.0


def _accents(text: str) -> frozenset[str]:
    """The Latin letters of ``text`` beyond ASCII."""
    return frozenset(c for c in text.casefold() if c > "\x7f" and c.isalpha() and script_of(c) == "Latn")


def _spelling(written: frozenset[str], match: NameMatch) -> float:
    """How likely a place's name is to be written with these accents; signs often leave them out, but invent none."""
    return 1.0 if written <= _accents(match.place.name) or match.kind != MAIN else OTHER_SPELLING


def _context_factor(gram: tuple[Token, ...], lines: list[list[Token]], beside: Neighbours) -> float:
    """How much likelier another reason is, from the words around the name, in its line and in the lines next to it."""
    first, last = lines[gram[0].reading], lines[gram[-1].reading]
    at = bisect_left(first, gram[0].start, key=attrgetter("start"))
    end = bisect_left(last, gram[-1].start, key=attrgetter("start")) + 1
    part = at > 0 or end < len(last)
    above = [(lines[i], len(lines[i])) for i in beside.before[gram[0].reading]]
    below = [(lines[i], 0) for i in beside.after[gram[-1].reading] if lines[i]]
    befores = {_word_before(line, stop) for line, stop in ([(first, at)] if at else above)}
    afters = {line[begin].word for line, begin in ([(last, end)] if end < len(last) else below)}
    if not _STREET_BEFORE.isdisjoint(befores) or not _STREET_AFTER.isdisjoint(afters):
        return STREET_FACTOR
    return PART_FACTOR if part else 1.0


def _word_before(line: list[Token], end: int) -> str:
    """The last of the first ``end`` words of ``line`` that is no "de" or "of"; "" where there is none."""
    return next((line[i].word for i in range(end - 1, -1, -1) if line[i].word not in _LINKS), "")


def _candidates(hits: list[_Hit]) -> NDArray[np.float64]:
    """Positions (k, 2) of the places of a name that matter."""
    places = sorted({m.place for h in hits for m in h.matches}, key=lambda p: p.id)[:MAX_CANDIDATES]
    return np.array([(p.lat, p.lon) for p in places])


def _close(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two names have places within ``LIST_KM`` of one another."""
    distances = haversine_km(one[:, None, 0], one[:, None, 1], other[None, :, 0], other[None, :, 1])
    return bool(distances.min() <= LIST_KM)


def _kind_rate(match: NameMatch) -> float:
    rate = KIND_RATE[match.kind]
    # A native name in another script than Latin is what local signs say; GeoNames' main names are all in Latin.
    return 1.0 if match.kind == NATIVE and not match.name_folded.isascii() else rate


def _sigma_km(population: int) -> float:
    """Spread of the photos that show a place's name: 5 km for a village, 20 km for a metropolis."""
    return min(20.0, max(5.0, 5.0 * math.pow(max(population, 1) / 10_000, 0.2)))
