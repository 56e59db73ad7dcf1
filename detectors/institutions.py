"""Institutions: police, town halls, schools, fire services, posts, and the place that they belong to.

Police and post are national: Carabinieri stand in Italy, the Gendarmerie in a few countries, RCMP in Canada. What a
name says by itself is ``log (P(name | country) + d) / (P(name | world) + d)``: ``INSTITUTION_RATE`` of the photos with
text show an institution's name, the table says which share of those has this one, and ``d`` is how often it is read for
another reason (on a film's poster, in another word), larger where the engine was in doubt.

The place beside the name ("Mairie de Lyon", "Stadt Graz", "Austin Police Department") is where the institution is:
``AT_HOME`` of such strings are seen there (``detectors.towns``); a bare name of a town stands anywhere. Further
institutions of one photo add half of what the one before did, since one place's signs are all in its own language.

Embassies are the opposite: "Embassy of France" stands anywhere but in France, and the name is no hint of the place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice, pairwise

from data.folding import fold, is_han_or_kana
from data.gazetteer import Gazetteer, Place, country_name, the_country
from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.embassies import country_called, embassy_of
from detectors.institution_words import INSTITUTION_RATE, Institution, institutions_in
from detectors.lines import Token, tokens_of
from detectors.postal import postal_countries
from detectors.privacy import mask
from detectors.sentences import in_countries, of_places, quoted
from detectors.signs import Sign, doubt, likely, merged, parted, ranked, shortened, sources, stacked
from detectors.territories import photo_shares
from detectors.towns import LONGEST_TOWN, Towns, towns_of
from detectors.word_tables import country_evidence, nats_told

__all__ = ["InstitutionReader"]

AT_HOME = 0.75
"""Of the institutions named with their place, this share of what is photographed stands there."""
IN_COUNTRY = 0.2
"""... and this share elsewhere in its country."""
NEXT_SIGN = 0.5
"""What a further institution of a photo adds against what it says alone."""
_RELIABILITY = 0.8  # surety that the words beside an institution's name are its place
_OTHER_LINE = 0.6
_PLACED = 0.05  # chance puts a place's name beside a common word this seldom
_EMBASSY_AT_HOME = 0.05  # an embassy's plate is photographed in its own country (on a screen) this much as often
_REGION_SHARE = 0.05  # of its country's photos, a region's share
_FAMOUS = 500_000  # inhabitants of a town that is meant rather than the state of the same name
_LEAST_NATS = 0.3
_LEAST_TOLD = 0.05
_LEAST_ELSEWHERE = -6.0
_MOST_IN_LINE = 4
_LINKS = frozenset(
    str.split(
        "de del della di du des d da do dos das of the la le el von van der den i e a ciudad citta cidade city "
        "district distrito autonomo autonoma municipal municipiului miasta grada города г гор"
    )
)
_STUDIED = ("universi", "университ", "uniwersyt")  # shirts, advertisements and former students carry their names afar
_STUDIED_AT_HOME, _STUDIED_IN_COUNTRY = 0.25, 0.25
_TOLD_APART = 0.1  # an institution's place is looked for where its name says this much more than elsewhere, in nats
_WITHIN = 3.0  # ... and at most this much less than where it says most
_STATES = ("US", "CA", "AU", "IN", "BR", "MX")
_HAN_ENDS = "市区町村県省縣區鎮州都府"


@dataclass(frozen=True)
class _Place:
    """What stands beside an institution's name: towns, or the code of a region or a country."""

    fits: list[tuple[Place, float]]
    region: str
    tokens: Sequence[Token]
    sure: float


class InstitutionReader:
    """Reads the names of public institutions.

    >>> box = ((0, 0), (90, 0), (90, 20), (0, 20))
    >>> clue, = InstitutionReader().clues([Reading("r0", "Mairie de Lyon", box, 0.99)])
    >>> clue.points_to, clue.evidence.sources
    (('Lyon, FR',), ('r0:0-14',))
    """

    kind = "institution"

    def __init__(self, gazetteer: Gazetteer | None = None) -> None:
        """Args: gazetteer: what finds towns; the shipped one, opened when first needed, where None."""
        self._gazetteer = gazetteer
        self._regions: dict[str, str] | None = None

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each institution or embassy, the most telling first; a name that is read twice is one."""
        readings = shortened(readings)
        lines = [tokens_of(i, r) for i, r in enumerate(readings)]
        signs = list(self._signs(readings, lines))
        return [self._clue_of(sign, readings) for sign in ranked(signs, NEXT_SIGN)]

    def _signs(self, readings: Sequence[Reading], lines: Sequence[Sequence[Token]]) -> Iterator[Sign]:
        pairs: list[tuple[int, int]] | None = None
        for i, line in enumerate(lines):
            embassy = embassy_of(line)
            if embassy is not None:
                yield _embassy(*embassy, line)
                continue
            for found in islice(institutions_in(line, readings[i]), _MOST_IN_LINE):
                if pairs is None:
                    pairs = stacked(readings)
                rates, chance = INSTITUTION_RATE * found.row.shares, found.row.chance * doubt(readings[i])
                placed = country_evidence(rates, chance * _PLACED)
                beside = self._beside(found, i, readings, lines, pairs, _plausible(*placed))
                told = placed if beside is not None else country_evidence(rates, chance)
                sign = self._sign(found, beside, readings[i], i, *told)
                if sign is not None:
                    yield sign

    def _sign(
        self,
        found: Institution,
        beside: _Place | None,
        reading: Reading,
        i: int,
        elsewhere: float,
        by_country: dict[str, float],
    ) -> Sign | None:
        """A clue in the making, from what the institution's name says and the place beside it."""
        spans = [(i, found.start, found.end)]
        name = mask(reading.text)[found.start : found.end]
        points: tuple[PointEvidence, ...] = ()
        regions: dict[str, float] = {}
        names: tuple[str, ...] = ()
        if beside is not None and beside.fits:
            studied = any(w.startswith(_STUDIED) for w in found.row.words)
            town = self._towns.evidence(
                beside.fits,
                reliability=beside.sure * (0.4 + 0.6 * reading.confidence),
                at_home=_STUDIED_AT_HOME if studied else AT_HOME,
                in_country=_STUDIED_IN_COUNTRY if studied else IN_COUNTRY,
            )
            if town is not None:
                if studied:  # "University of" is English; what is told is the town
                    elsewhere, by_country = 0.0, {}
                points = tuple(
                    PointEvidence(p.lat, p.lon, p.sigma_km, min(p.log_lr + by_country.get(home, elsewhere), 30.0))
                    for home, p in zip(town.homes, town.points, strict=True)
                )
                every = set(by_country) | set(town.countries)
                by_country = {
                    c: by_country.get(c, elsewhere) + town.countries.get(c, town.elsewhere) for c in every
                }  # fmt: skip
                elsewhere += town.elsewhere
                names = town.names
        elif beside is not None and len(beside.region) == 2:
            # "Carabineros de Chile": the country is named.
            share = photo_shares().get(beside.region, 1e-6)
            sure = beside.sure * reading.confidence
            others = math.log(1.0 - sure * (AT_HOME + IN_COUNTRY))
            gain = math.log(sure * (AT_HOME + IN_COUNTRY) / (share + 1e-4) + 1.0 - sure)
            own = max(by_country.get(beside.region, elsewhere), 0.0) + gain
            by_country = {c: v + others for c, v in by_country.items()} | {beside.region: own}
            elsewhere += others
            names = (country_name(beside.region),)
        elif beside is not None:
            country = beside.region[:2]
            share = photo_shares()[country]
            sure = beside.sure * reading.confidence
            regions[beside.region] = by_country[country] + math.log(
                sure * AT_HOME / (_REGION_SHARE * share) + 1.0 - sure
            )
            by_country[country] += math.log(min(sure * IN_COUNTRY / share, 1.0) + 1.0 - sure)
            others = math.log(1.0 - sure * (AT_HOME + IN_COUNTRY))
            by_country = {c: v if c == country else v + others for c, v in by_country.items()}
            elsewhere += others
            names = (f"{self._towns.region_name(beside.region)}, {country}",)
        if names and beside is not None:
            spans += [(t.reading, t.start, t.end) for t in beside.tokens]
        elsewhere = max(elsewhere, _LEAST_ELSEWHERE)
        by_country = {c: max(v, elsewhere) for c, v in by_country.items()}
        best = max([*by_country.values(), *regions.values(), *(p.log_lr for p in points)], default=0.0)
        if best < _LEAST_NATS or (not names and nats_told(elsewhere, by_country) < _LEAST_TOLD):
            return None
        # Signs are told apart by what they mean: the institution's own name stands before the sentence.
        if names:
            meaning = f"{name}: an institution of {of_places(names)}"
        else:
            meaning = f"{name}: what an institution is called in {in_countries(likely(by_country))}"
        return Sign(
            Evidence(elsewhere, by_country, regions, points), tuple(spans), meaning, names[:4] or likely(by_country)
        )

    def _beside(
        self,
        found: Institution,
        i: int,
        readings: Sequence[Reading],
        lines: Sequence[Sequence[Token]],
        pairs: Sequence[tuple[int, int]],
        plausible: Set[str],
    ) -> _Place | None:
        """The place of an institution, in its line or in the one above or below."""
        line, where = lines[i], found.row.where
        if where == "p":
            return self._run_before(found, line, readings[i], plausible)
        if where == "n":
            return _country_named(line)
        sides: list[tuple[Sequence[Token], bool, float]] = []
        if where in "ax":
            sides.append((line[found.stop :], True, 1.0))
            if found.stop == len(line):
                sides += [(lines[j], True, _OTHER_LINE) for upper, j in pairs if upper == i]
        if where in "bx":
            sides.append((line[: found.first], False, 1.0))
            if found.first == 0:
                sides += [(lines[j], False, _OTHER_LINE) for j, lower in pairs if lower == i]
        for tokens, forward, sure in sides:
            kind = list(line[found.first : found.stop])
            place = self._named(tokens, readings, forward, _RELIABILITY * sure, kind, plausible)
            if place is not None:
                return place
        return None

    def _named(
        self,
        tokens: Sequence[Token],
        readings: Sequence[Reading],
        forward: bool,
        sure: float,
        kind: list[Token],
        plausible: Set[str],
    ) -> _Place | None:
        tokens = list(tokens) if forward else list(tokens)[::-1]
        links = next((k for k, t in enumerate(tokens) if t.word not in _LINKS), len(tokens))
        # "de La Paz": with the article first, then without it.
        for skipped in range(min(links, 6) + 1) if forward else (links,):
            rest = tokens[skipped:]
            for size in range(min(LONGEST_TOWN, len(rest)), 0, -1):
                place = self._place(
                    rest[:size] if forward else rest[:size][::-1], readings, forward, sure, kind, plausible
                )
                if place is not None:
                    return place
        return None

    def _place(
        self,
        name: list[Token],
        readings: Sequence[Reading],
        forward: bool,
        sure: float,
        kind: list[Token],
        plausible: Set[str],
    ) -> _Place | None:
        """What ``name`` names, in the countries where it is ``plausible``."""
        reading, words = readings[name[0].reading], [t.word for t in name]
        first = reading.text[name[0].start : name[0].end]
        if forward and len(first) > 3 and first[1] in "'’`" and first[0] in "dDlL":
            words[0] = fold(first[2:])  # Mairie d'Arles
        if sum(map(len, words)) < 3 or any(parted(reading, a, b) for a, b in pairwise(name)):
            return None
        if words[-1] in _LINKS:
            return None
        found = self._towns.named(words)
        if not found and not forward and len(words) == 1 and words[0].endswith("s"):
            found = self._towns.named([words[0][:-1]])  # Uppsalas kommun
        whole = [t.word for t in [*kind, *name]] if forward else []
        if whole and len(whole) <= LONGEST_TOWN:  # the City of Westminster is called so
            known = {p.id for p, _ in found}
            found += [(p, fit) for p, fit in self._towns.named(whole) if p.id not in known]
        fits = [(p, fit) for p, fit in found if p.country in plausible]
        region = country_called(words) or self._region(" ".join(words))
        if len(region) > 2 and region[:2] not in plausible:
            region = ""
        if region and max((p.population for p, _ in fits), default=0) < _FAMOUS:
            return _Place([], region, name, sure)
        return _Place(fits, "", name, sure) if fits else None

    def _run_before(
        self, found: Institution, line: Sequence[Token], reading: Reading, plausible: Set[str]
    ) -> _Place | None:
        """The place in the same run of Han or kana: 渋谷 in 渋谷区役所."""
        token = line[found.first]
        before = reading.text[token.start : found.start].rstrip(_HAN_ENDS)
        if not before or not (is_han_or_kana(before[-1]) or "가" <= before[-1] <= "힣"):
            return None
        for length in range(min(5, len(before)), 1, -1):
            fits = [(p, fit) for p, fit in self._towns.named([before[-length:]]) if p.country in plausible]
            if fits:
                at = token.start + len(before) - length
                return _Place(fits, "", [Token(before[-length:], token.reading, at, at + length)], _RELIABILITY)
        return None

    def _region(self, name: str) -> str:
        """The admin-1 code of a state or province called ``name``, or ""."""
        if self._regions is None:
            codes = {code for c in _STATES for code in postal_countries()[c].regions}
            self._regions = {fold(self._towns.region_name(code)): code for code in sorted(codes)}
        return self._regions.get(name, "")

    @property
    def _towns(self) -> Towns:
        return towns_of(self._gazetteer)

    def _clue_of(self, sign: Sign, readings: Sequence[Reading]) -> Clue:
        spans = merged(sign.spans, readings)
        old = sign.evidence
        text = " ".join(mask(readings[i].text)[start:end] for i, start, end in spans)
        return Clue(
            kind=self.kind,
            text=text,
            meaning=f"{quoted(text)} is {sign.meaning.rpartition(': ')[2]}",
            evidence=Evidence(
                old.elsewhere, old.countries, old.regions, old.points,
                sources(spans, readings),
            ),
            box=bounding_box([readings[i].box for i, _, _ in spans]),
            points_to=sign.points_to,
        )  # fmt: skip


def _country_named(line: Sequence[Token]) -> _Place | None:
    """The country that a line names anywhere: "Ministry of Education (Kenya)"."""
    for size in (3, 2, 1):
        for at in range(len(line) - size + 1):
            name = line[at : at + size]
            code = country_called([t.word for t in name])
            if code and sum(len(t.word) for t in name) > 3:
                return _Place([], code, name, _RELIABILITY)
    return None


def _plausible(elsewhere: float, by_country: Mapping[str, float]) -> Set[str]:
    """The countries where an institution's place may be."""
    least = max(elsewhere + _TOLD_APART, max(by_country.values(), default=0.0) - _WITHIN)
    return {c for c, v in by_country.items() if v > least}


def _embassy(country: str, first: int, stop: int, line: Sequence[Token]) -> Sign:
    share = photo_shares().get(country, 0.0)
    base = math.log(share * _EMBASSY_AT_HOME + 1.0 - share)
    evidence = Evidence(-base, {country: math.log(_EMBASSY_AT_HOME) - base})
    spans = ((line[first].reading, line[first].start, line[stop - 1].end),)
    name = the_country(country)
    return Sign(
        evidence, spans, f"an embassy or consulate of {name}, which stands anywhere but there", (f"not {country}",)
    )
