"""Road numbers: A-7, I-80, N7, E18, BR-101, Route 66, 国道1号.

How a number is written says the country, often several: an A7 runs in Germany, France, Spain, Britain and Italy. The
table of forms and its sources are in ``detectors.road_table``. A country's rate is ``SHOWN`` times the share of its
road numbers that are written so; ``detectors.rates`` turns rates into evidence. A letter with a number is a room, a
gate or a bus more often than a road: of the twelve that were read in 1,280 photos none was one. Such a number (its rate
of other reasons is ``DOUBTFUL`` or more) counts only in company: with a distance in the photo, a plain road number, or
a European one beside a national one; company makes other reasons ``COMPANY`` times less likely, other words in its line
``PART`` times likelier, a word such as Gate before it ``LABEL`` times. Where a number is one road's (Interstates, US
routes, state roads of Brazil and Spain), its states are named: ``ON_ROUTE`` of the signs with it stand in them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from detectors.base import Clue, Reading
from detectors.privacy import mask
from detectors.rates import evidence_of, parse_rates, tells
from detectors.road_table import (
    BRAZIL_STATES,
    ELSEWHERE_E,
    EUROPEAN,
    EUROPEAN_RATES,
    FORMS,
    INTERSTATES,
    NAMED,
    SPAIN_REGIONS,
    US_ROUTES,
    US_STATES,
)
from detectors.sentences import in_countries
from detectors.territories import photo_shares

__all__ = ["Road", "RoadReader", "roads_in"]

SHOWN = 0.008
"""Share of the photos with text that show a road number: most are taken in towns."""
COMPANY, PART, LABEL = 5.0, 3.0, 10.0
DOUBTFUL = 0.0005
ON_ROUTE = 0.95
"""Of the signs with a known route's number, this share stands in the states that it runs through."""
_STATE_ROAD = 0.1  # share of the road numbers in a state that carry its code
_HYPHENED_NOISE = 0.0003
_SAME_LETTER = 3  # numbers of one letter in a photo: rooms, gates or platforms
_MOST_TEXT = 2000
_MOST_ROADS = 20

_CANDIDATE = re.compile(
    r"(?<![\w./\-&+#$€£])(?:(?:I{1,3}/)|[^\W\d_](?:[^\W\d_]|\.(?=[^\W\d_])){0,3}\.?|"
    r"(?i:interstate|route|state route|state rte|state hwy|state highway|state road|hwy|highway|autoroute|"
    r"ruta|ruta nacional|ruta nacional n[º°o]|rodovia br|bundesstraße|bundesstrasse|riksväg|länsväg|riksvei|fylkesvei|"
    r"rijksweg)\.?)"
    r" ?-? ?\d{1,4}(?:[A-Z](?![\w])| ?\( ?[Mm] ?\))?(?![\w\-]|[.,:/]\d| ?[%€$£°]|'|\()"
)
_LABELS = re.compile(
    r"(?:room|gate|block|blk|level|floor|lot|unit|platform|bus|line|no|nr|bay|hall|zone|row|seat|building|bldg|terminal|"
    r"aisle|table|size|type|model|page|metro|track|quai|voie|gleis|salle|porte|suite|apt|shop|stall|pier|sector|phase|"
    r"linha|linea|línea|linie|ligne|stop|stand|saal|raum|halle|haus|sala|puerta)\W{0,3}$",
    re.IGNORECASE,
)
_OWN = re.compile(r"(?:route|rte\.?|rt\.?) ?66|interstate ?\d{1,3}", re.IGNORECASE)
_DISTANCE = re.compile(r"\d ?(?:km|mi|miles?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Road:
    """A road number in a line of text.

    Attributes:
        text: As written.
        start: Where it begins in the line.
        end: Where it ends.
        rates: ISO country code to the rate at which its photos show it.
        noise: The rate at which photos anywhere show it for another reason.
        regions: GeoNames admin-1 code to its rate, where it differs from its country's.
        sure: Whether words or a code of its own say that it is a road.
    """

    text: str
    start: int
    end: int
    rates: Mapping[str, float]
    noise: float
    regions: Mapping[str, float] = field(default_factory=dict)
    sure: bool = False


@lru_cache(maxsize=1)
def _forms() -> list[tuple[re.Pattern[str], dict[str, float], float]]:
    return [(re.compile(pattern), parse_rates(rates), noise) for pattern, rates, noise in FORMS]


@lru_cache(maxsize=1)
def _named() -> list[tuple[re.Pattern[str], dict[str, float], float]]:
    return [(re.compile(pattern), parse_rates(rates), noise) for pattern, rates, noise in NAMED]


def roads_in(text: str) -> list[Road]:
    """Road numbers in one line of text.

    >>> [road.text for road in roads_in("A-7 E-15 Almería 25 km")], roads_in("10 km, 2019"), roads_in("Tel 555")
    (['A-7', 'E-15'], [], [])
    >>> road, = roads_in("I-80 WEST")
    >>> sorted(road.regions)[:3], max(roads_in("BR-101")[0].rates)
    (['US.CA', 'US.IA', 'US.IL'], 'BR')
    """
    text = text[:_MOST_TEXT]
    found = []
    if any(c.isdigit() for c in text):
        for match in _CANDIDATE.finditer(text):
            known = _known(match.group().strip())
            if known is None:
                continue
            rates, regions, noise, sure = known
            if not sure:
                noise *= LABEL if _LABELS.search(text, 0, match.start()) else 1.0
                noise *= PART if _others(text, match) else 1.0
            found.append(Road(match.group(), match.start(), match.end(), rates, noise, regions, sure))
    if any(c > "\u02ff" for c in text):
        for pattern, rates, noise in _named():
            hit = pattern.search(text)
            if hit is not None and all(hit.end() <= r.start or hit.start() >= r.end for r in found):
                shown = {c: SHOWN * rate for c, rate in rates.items()}
                found.append(Road(hit.group(), hit.start(), hit.end(), shown, noise, sure=True))
    return found


def _others(text: str, match: re.Match[str]) -> bool:
    """Whether words other than distances and further numbers stand in the line."""
    rest = _CANDIDATE.sub(" ", text[: match.start()] + " " + text[match.end() :])
    return any(c.isalpha() for c in _DISTANCE.sub(" ", rest))


@lru_cache(maxsize=2048)
def _known(written: str) -> tuple[dict[str, float], dict[str, float], float, bool] | None:
    """Rates, rates of regions, rate of other reasons and whether it is surely a road; None where it is no form."""
    rates: dict[str, float] = {}
    regions: dict[str, float] = {}
    noises: list[float] = []
    sure = written[:3].isalpha()
    own_road = _OWN.fullmatch(written) is not None  # not a number of any road of its kind
    for pattern, form, noise in _forms():
        if not own_road and pattern.fullmatch(written):
            noises.append(noise)
            for country, rate in form.items():
                rates[country] = rates.get(country, 0.0) + SHOWN * rate
    for own, own_regions, noise in _numbered(written):
        noises.append(noise)
        for country, rate in own.items():
            rates[country] = rates.get(country, 0.0) + rate
        regions |= own_regions
    if not noises:
        return None
    return rates, regions, max(noises), sure


_Numbered = tuple[dict[str, float], dict[str, float], float]


def _numbered(written: str) -> Iterator[_Numbered]:
    """What is known by the number itself: European routes, Interstates, US routes and roads with a region's code."""
    match = re.fullmatch(r"(?P<code>[A-Za-z.]+?)\.?(?P<gap> ?-? ?)0?(?P<number>\d{1,4})[A-Z]?", written)
    if match is None:
        return
    code, number, hyphen = match["code"].replace(".", ""), int(match["number"]), "-" in match["gap"]
    if code == "E":
        yield _european(number)
    if (code in ("I", "l") and match["gap"].strip(" ") == "-") or code.casefold() == "interstate":
        yield _american(INTERSTATES.get(number, ()), 0.5, 0.0001)
    if code == "US":
        yield _american(US_ROUTES.get(number, ()), 0.3, 0.0001)
    if code.casefold() in ("route", "rte") and number == 66:
        # The road as a brand: diners, shirts and bars of the whole world.
        yield _american(US_ROUTES[66], 0.3, 0.004)
    if code.casefold() in ("highway", "hwy") and number == 1:
        yield {}, {"US.CA": SHOWN}, 0.0005
    if code == "FM" and number > 108:
        yield {"US": 0.0}, {"US.TX": SHOWN * 0.3}, 0.0003
    if hyphen and code in US_STATES and number < 1000:
        yield {"US": SHOWN * 0.005}, {f"US.{code}": SHOWN * _STATE_ROAD}, _HYPHENED_NOISE
    if hyphen and code in BRAZIL_STATES and 100 <= number < 1000:
        yield {"BR": SHOWN * 0.005}, {f"BR.{BRAZIL_STATES[code]}": SHOWN * 0.5}, _HYPHENED_NOISE
    if hyphen and code in SPAIN_REGIONS:
        yield {"ES": SHOWN * 0.01}, {f"ES.{SPAIN_REGIONS[code]}": SHOWN * 0.4}, _HYPHENED_NOISE
    if hyphen and code == "M" and number < 250:
        yield {}, {"US.MI": SHOWN * 0.4}, _HYPHENED_NOISE


def _european(number: int) -> _Numbered:
    rates = parse_rates(EUROPEAN_RATES)
    on = EUROPEAN.get(number, "").split()
    if on:
        # A country's European numbers are shared among its routes; the other countries have none of this one.
        own = {c: SHOWN * rates.get(c, 0.1) for c in on}
    elif number < 1000:
        own = {c: 0.3 * SHOWN * rate for c, rate in rates.items()}
    else:
        own = {}
    if number < 100 or 100 < number < 700:
        own |= {c: SHOWN * rate * 0.5 for c, rate in parse_rates(ELSEWHERE_E).items()}
    return own, {}, 0.001 if number < 100 else 0.0005


def _american(states: Sequence[str], share: float, noise: float) -> _Numbered:
    if not states:
        return {"US": SHOWN * share}, {}, noise
    return {"US": SHOWN * share * (1.0 - ON_ROUTE)}, {f"US.{s}": SHOWN * share for s in states if s != "DC"}, noise


class RoadReader:
    """Finds road numbers and says where roads are numbered so.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = RoadReader().clues([Reading("r0", "BR-101", box, 0.97)])
    >>> clue.points_to, clue.evidence.sources
    (('BR',), ('r0:0-6',))
    """

    kind = "road"

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each different road number."""
        found = [(road, reading) for reading in readings for road in roads_in(reading.text)]
        letters: dict[str, set[str]] = {}
        for road, _ in found:
            if not road.sure:
                letters.setdefault(_letters(road.text), set()).add(road.text)
        # Three of a letter are rooms or platforms, unless distances show that this is a road sign.
        distances = any(_DISTANCE.search(r.text) for r in readings)
        kept = [
            (road, reading)
            for road, reading in found
            if road.sure or distances or len(letters[_letters(road.text)]) < _SAME_LETTER
        ]
        # Company must be of another kind: a letter with a number is no witness for another one.
        kinds = {_letters(road.text) for road, _ in kept}
        plain = any(road.sure or road.noise < DOUBTFUL for road, _ in kept)
        company = distances or (len(kinds) > 1 and (plain or any(_is_european(road.text) for road, _ in kept)))
        out: dict[str, Clue | None] = {}
        for road, reading in kept:
            if not (company or road.sure or road.noise < DOUBTFUL):
                continue
            key = re.sub(r"[\W_]", "", road.text).casefold()
            if key not in out and len(out) < _MOST_ROADS:
                out[key] = _clue(road, reading, road.noise / COMPANY if company else road.noise)
        return [clue for clue in out.values() if clue is not None]


def _is_european(text: str) -> bool:
    return _letters(text) == "E" and int("".join(c for c in text if c.isdigit())) in EUROPEAN


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalpha())


def _clue(road: Road, reading: Reading, noise: float) -> Clue | None:
    sources = (f"{reading.id}:{road.start}-{road.end}",)
    evidence = evidence_of(
        road.rates, noise, regions=road.regions, confidence=reading.confidence, sources=sources
    )  # fmt: skip
    if not tells(evidence):
        return None
    shares = photo_shares()
    gain = {c: shares.get(c, 0.0) * math.exp(v) for c, v in evidence.countries.items()}
    for code, value in evidence.regions.items():
        gain[code[:2]] = gain.get(code[:2], 0.0) + 0.1 * shares.get(code[:2], 0.0) * math.exp(value)
    best = sorted(gain, key=lambda c: -gain[c])
    named = [c for c in best if gain[c] > 0.1 * gain[best[0]]][:4]
    text = mask(reading.text[:_MOST_TEXT])[road.start : road.end].strip()
    return Clue(
        kind=RoadReader.kind,
        text=text,
        meaning=f"a road number as in {in_countries(named, more=len(gain) > len(named))}",
        evidence=evidence,
        box=reading.box,
        points_to=tuple(named),
    )
