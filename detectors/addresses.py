"""Addresses: streets, house numbers, postal codes and the towns beside them, joined over the lines of a sign.

Each part is weighed by itself, ``log (P(part | country) + d) / (P(part | world) + d)`` with ``d`` how often such a
string is read for another reason; ``detectors.street_lines`` and ``detectors.postal`` state the rates. Parts of one
address, and further addresses of one photo, are told by the same hand: the strongest counts whole, each next one half
of the one before.

A town beside a postal code, behind a state's letters ("Austin, TX") or under a street is where the address is
(``detectors.towns``): ``AT_HOME`` of the addresses that are seen stand in their own town, most others in its country.
A photo with addresses in several towns is a list of branches, and is in one of them at most.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise

from data.gazetteer import Gazetteer, Place
from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.lines import Token, tokens_of
from detectors.postal import Code, codes_in, postal_countries
from detectors.privacy import mask
from detectors.sentences import in_countries, of_places
from detectors.signs import Span, doubt, likely, merged, parted, shortened, sources, stacked, strength, weakened
from detectors.street_lines import Street, street_in, street_over
from detectors.towns import LONGEST_TOWN, TownEvidence, Towns, towns_of
from detectors.word_tables import country_evidence, nats_told

__all__ = ["AddressReader"]

AT_HOME = 0.6
"""Of the addresses with a town that photos show, this share is in the photo's own town."""
IN_COUNTRY = 0.3
"""... and this share elsewhere in its country: vans, advertisements, head offices."""
NEXT_PART = 0.5
"""What a further part of an address, or a further address, adds against what it says alone."""
_SHORTEST_TOWN = 4  # letters of a town's name beside a short code: a plate has fewer
_WITHOUT_STATE = 0.05  # how often a short code stands beside its town without the state that belongs between them
_HOUSE_NUMBER = 4  # digits of the longest number of a house
_LEAST_NATS = 0.3  # what the best country must gain
_LEAST_TOLD = 0.05  # ... and what the countries' distribution must move
_LEAST_ELSEWHERE = -6.0
_STATES = ("US", "CA", "AU", "BR")
_STATE_MARK = re.compile(r"\s*[,(/]\s*|\s+[-–]\s*|\s*[-–]\s+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_UNCERTAIN = {4: 0.5, 5: 0.6, 6: 0.6, 3: 0.1}  # surety that such a number beside a town is a postal code
_WRONG_SIDE = 0.05
_OTHER_LINE = 0.5
_TOLD_APART = 0.3  # nats over elsewhere in the countries where a street's town is looked for
_UNDER_STREET = 0.35
_WITH_STATE = 0.85
_MOST_CODES = 4  # of one line
_MOST_TOWNS = 24  # of one photo


@dataclass
class _Address:
    """Parts found near one another."""

    parts: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    town: TownEvidence | None = None
    fits: list[tuple[Place, float]] = field(default_factory=list)
    reliability: float = 0.0
    region: str = ""


class AddressReader:
    """Reads addresses and the names of streets.

    >>> box = ((0, 0), (90, 0), (90, 20), (0, 20))
    >>> clue, = AddressReader().clues([Reading("r0", "Calle Mayor 5, 28013 Madrid", box, 0.99)])
    >>> clue.points_to[0], clue.evidence.sources
    ('Madrid, ES', ('r0:0-13', 'r0:15-20', 'r0:21-27'))
    """

    kind = "address"

    def __init__(self, gazetteer: Gazetteer | None = None) -> None:
        """Args: gazetteer: what finds towns; the shipped one, opened when first needed, where None."""
        self._gazetteer = gazetteer

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each address, the most telling first; the same address twice is one."""
        readings = shortened(readings)
        lines = [tokens_of(i, r) for i, r in enumerate(readings)]
        page = _Page(readings, lines)
        addresses = self._addresses(page)
        for address in [a for a in addresses if a.fits][_MOST_TOWNS:]:
            address.fits = []
        towns = {a.fits[0][0].id for a in addresses if a.fits}
        for address in addresses:
            if address.fits:
                address.town = self._towns.evidence(
                    address.fits,
                    reliability=address.reliability,
                    at_home=AT_HOME / len(towns),
                    in_country=IN_COUNTRY,
                )
        made = [clue for address in addresses if (clue := self._clue(address, page)) is not None]
        made.sort(key=lambda clue: -strength(clue.evidence))
        seen: set[str] = set()
        out = []
        for clue in made:
            text = " ".join(clue.text.casefold().split())
            if text not in seen:
                out.append(replace(clue, evidence=weakened(clue.evidence, NEXT_PART ** len(seen))))
                seen.add(text)
        return [clue for clue in out if strength(clue.evidence) >= _LEAST_NATS]

    @property
    def _towns(self) -> Towns:
        return towns_of(self._gazetteer)

    def _addresses(self, page: _Page) -> list[_Address]:
        by_line: dict[int, _Address] = {}
        for i, line in enumerate(page.lines):
            address = _Address()
            for street in street_in(line, page.readings[i]):
                _add(address, street)
            streets = list(address.spans)
            for code in islice(codes_in(page.readings[i].text), _MOST_CODES):
                self._add_code(address, code, i, page, streets)
            if not address.fits:
                self._add_state(address, i, page)
            if address.parts or address.fits:
                by_line[i] = address
        if not page.lines or not (by_line or page.has_short_line()):
            return []
        for i, j in page.below():
            over = street_over(page.lines[i], page.lines[j], page.readings[i], page.readings[j])
            if over is not None and not (i in by_line and by_line[i].fits) and not (j in by_line and by_line[j].fits):
                joint = _Address()
                _add(joint, over)
                by_line[i] = by_line[j] = joint
        for i in list(by_line):
            if by_line[i].parts and not by_line[i].fits:
                self._add_town_below(by_line[i], i, page)
        return _joined(by_line, page.below())

    def _add_code(self, address: _Address, code: Code, i: int, page: _Page, streets: Sequence[Span]) -> None:
        best: tuple[list[tuple[Place, float]], tuple[int, int, int], str] | None = None
        sides: set[str] = set()
        for name, state, side in page.names_beside(code, i):
            named = any(at == t.reading and start < t.end and t.start < end for t in name for at, start, end in streets)
            letters = sum(c.isalpha() for t in name for c in t.word)
            if len(code.text) <= _HOUSE_NUMBER and (named or (letters < _SHORTEST_TOWN and not state)):
                continue  # a street's name is not its town: Rua Augusta, 1200; nor are a plate's letters
            fits = [] if side in sides else self._code_fits(code, name, state, side, same_line=name[0].reading == i)
            if fits:
                sides.add(side)  # of a side's names the longest is meant
                if best is None or max(fit for _, fit in fits) > max(fit for _, fit in best[0]):
                    best = fits, (name[0].reading, name[0].start, name[-1].end), state
        country = next((c for c in _STATES if best and best[2] in postal_countries()[c].states), "")
        digits = sum(c.isdigit() for c in code.text)
        certain = code.chance <= 1e-3 or country
        sure = 0.95 if certain else _UNCERTAIN.get(digits, 0.5)
        if _YEAR.fullmatch(code.text) and not country:
            sure *= 0.2
        if best is not None:
            fits, span, state = best
            sure *= min(2.0 * max(fit for _, fit in fits), 1.0)
            if address.parts:
                sure = 1.0 - 0.3 * (1.0 - sure)  # beside a street
            if sure >= 0.15:
                address.fits, address.reliability = fits, sure * page.confidence(i)
                address.spans += [*_spans(code, i), span]
                return
        if code.chance <= 5e-3:
            address.parts.append(country_evidence(code.rates, code.chance * doubt(page.readings[i])))
            address.spans += _spans(code, i)

    def _code_fits(
        self, code: Code, name: Sequence[Token], state: str, side: str, *, same_line: bool
    ) -> list[tuple[Place, float]]:
        """Towns of the name in countries that write such codes, and how well they agree with the code."""
        out = []
        for place, fit in self._towns.named([t.word for t in name]):
            country = postal_countries().get(place.country)
            if country is None or place.country not in code.countries:
                continue
            fit *= country.fits_region(code.text, place.admin1)
            fit *= 1.0 if country.town == side else 0.5 if not country.town else _WRONG_SIDE
            fit *= 1.0 if same_line or not country.town else _OTHER_LINE
            if state:
                fit *= 1.0 if country.states.get(state) == place.admin1 else 0.0
            elif country.states and len(code.text) <= _HOUSE_NUMBER:
                fit *= _WITHOUT_STATE  # Sydney 1299 is a journey's price
            if fit > 0.0:
                out.append((place, fit))
        return out

    def _add_state(self, address: _Address, i: int, page: _Page) -> None:
        """A town with the letters of its state behind a comma or in brackets: Austin, TX; Curitiba - PR."""
        reading, line = page.readings[i], page.lines[i]
        for at in range(1, len(line)):
            letters = reading.text[line[at].start : line[at].end]
            found = [c for c in _STATES if letters in postal_countries()[c].states]
            mark = _STATE_MARK.fullmatch(reading.text, line[at - 1].end, line[at].start)
            if not found or mark is None:
                continue
            for size in range(min(LONGEST_TOWN, at), 0, -1):
                name = line[at - size : at]
                if any(parted(reading, a, b) for a, b in pairwise(name)):
                    continue
                regions = {postal_countries()[c].states[letters] for c in found}
                fits = [(p, f) for p, f in self._towns.named([t.word for t in name]) if p.admin1 in regions]
                if fits:
                    address.fits = fits
                    address.reliability = _WITH_STATE * page.confidence(i)
                    address.spans.append((i, name[0].start, line[at].end))
                    return

    def _add_town_below(self, address: _Address, i: int, page: _Page) -> None:
        """A town that is a whole line under a street, or follows the street's comma."""
        reading, line = page.readings[i], page.lines[i]
        end = max((stop for at, _, stop in address.spans if at == i), default=0)
        rest = [t for t in line if t.start >= end]
        below = [page.lines[j] for upper, j in page.below() if upper == i]
        names = [rest] if rest and re.match(r"\s*[,.;–-]", reading.text[end:]) else below if not rest else []
        strong = {
            c for outside, by_country in address.parts for c, v in by_country.items() if v > outside + _TOLD_APART
        }
        for name in names:
            if 1 <= len(name) <= LONGEST_TOWN and sum(c.isalpha() for t in name for c in t.word) >= 4:
                found = self._towns.named([t.word for t in name])
                fits = [(place, fit) for place, fit in found if place.country in strong]
                if fits and max(place.population for place, _ in fits) >= 1_000:
                    address.fits, address.reliability = fits, _UNDER_STREET * page.confidence(i)
                    address.spans.append((name[0].reading, name[0].start, name[-1].end))
                    return

    def _clue(self, address: _Address, page: _Page) -> Clue | None:
        elsewhere, by_country = _summed(address.parts, 1.0 if address.town is None else NEXT_PART)
        points: list[PointEvidence] = []
        if address.town is not None:
            town = address.town
            every = set(by_country) | set(town.countries)
            by_country = {
                c: town.countries.get(c, town.elsewhere) + by_country.get(c, elsewhere) for c in every
            }  # fmt: skip
            for home, point in zip(town.homes, town.points, strict=True):
                more = by_country[home] - town.countries[home]
                points.append(PointEvidence(point.lat, point.lon, point.sigma_km, min(point.log_lr + more, 30.0)))
            elsewhere = elsewhere + town.elsewhere
        elsewhere = max(elsewhere, _LEAST_ELSEWHERE)
        by_country = {c: max(v, elsewhere) for c, v in by_country.items()}
        told = math.inf if points else nats_told(elsewhere, by_country)
        if told < _LEAST_TOLD or max([*by_country.values(), *(p.log_lr for p in points)], default=0.0) < _LEAST_NATS:
            return None
        spans = merged(address.spans, page.readings)
        text = " ".join(mask(page.readings[i].text)[start:end] for i, start, end in spans)
        names = address.town.names[:4] if address.town is not None else ()
        pointed = names or likely(by_country)
        if names:
            meaning = f"an address in {of_places(names)}"
        else:
            meaning = f"an address or a street's name as in {in_countries(pointed)}"
        return Clue(
            kind=self.kind,
            text=text,
            meaning=meaning,
            evidence=Evidence(
                elsewhere=elsewhere,
                countries=by_country,
                points=tuple(points),
                sources=sources(spans, page.readings),
            ),
            box=bounding_box([page.readings[i].box for i, _, _ in spans]),
            points_to=pointed,
        )


@dataclass
class _Page:
    """The lines of a photo, their words, and which lie next to one another."""

    readings: Sequence[Reading]
    lines: list[list[Token]]
    pairs: list[tuple[int, int]] | None = None

    def below(self) -> list[tuple[int, int]]:
        if self.pairs is None:
            self.pairs = stacked(self.readings)
        return self.pairs

    def has_short_line(self) -> bool:
        return len(self.lines) > 1 and any(1 <= len(line) <= 3 for line in self.lines)

    def confidence(self, i: int) -> float:
        return 0.4 + 0.6 * self.readings[i].confidence

    def names_beside(self, code: Code, i: int) -> list[tuple[list[Token], str, str]]:
        """What may be the town of a postal code: words, a state's letters or "", and the side; longest names first."""
        reading, line = self.readings[i], self.lines[i]
        before = [t for t in line if t.end <= code.start]
        after = [t for t in line if t.start >= code.end]
        state = ""
        if before:
            letters = reading.text[before[-1].start : before[-1].end]
            if any(letters in postal_countries()[c].states for c in _STATES) and len(before) > 1:
                state, before = letters, before[:-1]
        out = []
        for size in range(LONGEST_TOWN, 0, -1):
            if len(before) >= size and not _split(reading, before[-size:]):
                out.append((before[-size:], state, "before"))
            if len(after) >= size and not _split(reading, after[:size]):
                out.append((after[:size], "", "after"))
        if not out or (not before and not after):
            for upper, lower in self.below():
                if lower == i and not before and 1 <= len(self.lines[upper]) <= LONGEST_TOWN:
                    out.append((self.lines[upper], "", "before"))
                if upper == i and not after and 1 <= len(self.lines[lower]) <= LONGEST_TOWN:
                    out.append((self.lines[lower], "", "after"))
        return out


def _spans(code: Code, i: int) -> list[tuple[int, int, int]]:
    """The characters of a code, and of what marks it apart: its digits may be taken for a telephone number."""
    digits = code.end - len(code.text)
    marks = [(i, code.start, digits)] if digits > code.start else []
    return [*marks, (i, digits, code.end)]


def _split(reading: Reading, name: Sequence[Token]) -> bool:
    return any(parted(reading, a, b) for a, b in pairwise(name))


def _add(address: _Address, street: Street) -> None:
    address.parts.append(country_evidence(street.rates, street.chance))
    address.spans += street.spans


def _joined(by_line: dict[int, _Address], below: Sequence[tuple[int, int]]) -> list[_Address]:
    """Addresses of lines below one another made one, where not both name a town."""
    head = dict(by_line)
    for i, j in below:
        if i in head and j in head and head[i] is not head[j] and not (head[i].fits and head[j].fits):
            one, other = head[i], head[j]
            one.parts += other.parts
            one.spans += other.spans
            if other.fits:
                one.fits, one.reliability = other.fits, 1.0 - 0.3 * (1.0 - other.reliability)
            head = {k: one if address is other else address for k, address in head.items()}
    return list({id(address): address for address in head.values()}.values())


def _summed(parts: Sequence[tuple[float, dict[str, float]]], weight: float) -> tuple[float, dict[str, float]]:
    """Evidence of several parts together, the most telling whole, each next one half."""
    ranked = sorted(parts, key=lambda part: -nats_told(*part))
    every = {c for _, by_country in ranked for c in by_country}
    elsewhere = 0.0
    total = dict.fromkeys(sorted(every), 0.0)
    for outside, by_country in ranked:
        elsewhere += weight * outside
        for c in every:
            total[c] += weight * by_country.get(c, outside)
        weight *= NEXT_PART
    return elsewhere, total
