"""What to look up: the texts of a photo that would say most if somebody knew them, and may leave the process.

A text is worth what a hit for it would say (``detectors.map_rates``): a one-off name much, "Hotel" nothing, a chain of
thousands little. Only what ``fusion.lookup_privacy`` lets through is asked; where it is in doubt nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from data.distribution import CellDistribution
from data.folding import fold
from data.skeleton import skeleton
from detectors.base import Clue, Reading
from detectors.map_rates import log_lr, log_lr_of_number
from detectors.person_names import is_person_like
from detectors.signs import shortened, stacked
from fusion.lookup import Area, Query
from fusion.lookup_privacy import askable, askable_address
from fusion.private_lines import private_lines
from fusion.private_marks import is_addressed
from fusion.sharing import spans_of

__all__ = ["MOST_QUERIES", "plan_queries", "settled", "words_of"]

MOST_QUERIES: Final = 6
"""Of one photo."""
_LEAST_NATS: Final = 6.0  # what a hit would have to say
_MOST_AREAS: Final = 5
_WIDEST_KM: Final = 60.0
_NARROWEST_KM: Final = 2.0
_SURE: Final = 0.999  # of the countries that a query is confined to: nothing is found in any other
_MOST_COUNTRIES: Final = 3
_LONGEST_PAIR: Final = 5  # words of two lines that may be one name
_ONE_NAME: Final = 0.4  # how likely two lines are one name, against one line
_DOUBT: Final = 4.0
_SETTLED_KM: Final = 1.0
_SETTLED: Final = 0.8


def settled(posterior: CellDistribution, lat: float, lon: float) -> bool:
    """Whether nothing is left to ask: 80 % of the probability lies within a kilometre of the point."""
    return posterior.radius_km(lat, lon, _SETTLED) <= _SETTLED_KM


def plan_queries(readings: Sequence[Reading], clues: Sequence[Clue], posterior: CellDistribution) -> list[Query]:
    """Up to ``MOST_QUERIES`` queries, those first whose hits would say most.

    Args:
        readings: All text of the photo, masked.
        clues: What the readers made of it.
        posterior: The first answer's: where services are to look.
    """
    areas, countries = _areas(posterior), _countries(posterior)
    lines = [r for r in shortened(readings) if r.region != "plate"]
    private = {lines[k].id for k in private_lines(lines)}  # a given name over its surname
    lines = [r for r in lines if r.id not in private]
    homes = _homes(lines)
    found: list[tuple[float, Query, bool]] = []

    def add(text: str | None, nats: float, kind: str, sources: Sequence[str], likely: float = 1.0) -> None:
        if kind == "address" and not homes.isdisjoint(name for name, _, _ in spans_of(sources)):
            return
        if text is not None and nats >= _LEAST_NATS:
            query = Query(text, "address" if kind == "address" else "name", tuple(sources), areas, countries)
            found.append((likely * nats, query, likely == 1.0))

    for clue in clues:
        if clue.kind == "address":
            # A part of a line is asked only where all of it might be: beside a person's name it is where they live.
            names = {name for name, _, _ in spans_of(clue.evidence.sources)}
            beside = ", ".join(reading.text for reading in readings if reading.id in names)
            text = askable_address(clue.text) if askable_address(beside) is not None and not names & private else None
            add(text, _worth(text) + 1.0, "address", clue.evidence.sources)
    for reading in lines:
        text = askable(reading.text, region=reading.region)
        add(text, _worth(text) + _doubt(reading), _kind(text), [_source(reading)])
    for i, j in stacked(lines):
        above, below = lines[i], lines[j]
        if len(fold(f"{above.text} {below.text}").split()) <= _LONGEST_PAIR:
            text = askable(f"{above.text} {below.text}", region=above.region or below.region)
            # A street over its number is one address; two lines are seldom one name, and then neither is found.
            kind = _kind(text)
            doubt = min(_doubt(above), _doubt(below))
            sources = [_source(above), _source(below)]
            add(text, _worth(text) + doubt, kind, sources, 1.0 if kind == "address" else _ONE_NAME)
    found.sort(key=lambda item: -item[0])
    chosen: list[Query] = []
    wholes: list[frozenset[str]] = []  # words of queries that are no guess
    for _, query, whole in found:
        said = words_of(query)
        same = any(skeleton(query.text) == skeleton(other.text) for other in chosen)
        if not same and not any(said <= other for other in wholes):
            chosen.append(query)
            if whole:
                wholes.append(said)
    return chosen[:MOST_QUERIES]


def _homes(lines: Sequence[Reading]) -> frozenset[str]:
    """Lines right under or over a person's name: an address there is where they live."""
    named = {k for k, line in enumerate(lines) if is_person_like(line.text) or is_addressed(line.text)}
    beside = {j if i in named else i for i, j in stacked(lines) if i in named or j in named}
    return frozenset(lines[k].id for k in beside | named)


def words_of(query: Query) -> frozenset[str]:
    """The folded words that it asks for."""
    return frozenset(fold(query.text).split())


def _kind(text: str | None) -> str:
    numbered = text is not None and any(word[0].isdigit() for word in fold(text).split())
    return "address" if numbered and text is not None and askable_address(text) is not None else "name"


def _doubt(reading: Reading) -> float:
    """Nats, negative: what is read badly is worth less than a query."""
    return _DOUBT * math.log(max(reading.confidence, 0.01))


def _worth(text: str | None) -> float:
    """Nats that a hit would say."""
    words = fold(text).split() if text is not None else []
    if not words:
        return 0.0
    digits = [word for word in words if word[0].isdigit()]
    names = [word for word in words if not word[0].isdigit()] or words
    number = log_lr_of_number(len(digits[0])) if digits else 0.0
    return log_lr(names, edits=0, known=1) + number


def _source(reading: Reading) -> str:
    return f"{reading.id}:0-{max(len(reading.text), 1)}"


def _areas(posterior: CellDistribution) -> tuple[Area, ...]:
    """Boxes around the likeliest cells."""
    out = []
    for cell in posterior.top(_MOST_AREAS):
        km = min(max(2.0 * cell.radius_km, _NARROWEST_KM), _WIDEST_KM)
        north = km / 111.195
        east = min(north / max(math.cos(math.radians(cell.lat)), 0.05), 90.0)
        west, right = (cell.lon - east + 180.0) % 360.0 - 180.0, (cell.lon + east + 180.0) % 360.0 - 180.0
        box = (west, max(cell.lat - north, -90.0), right, min(cell.lat + north, 90.0))
        out.append((round(box[0], 4), round(box[1], 4), round(box[2], 4), round(box[3], 4)))
    return tuple(out)


def _countries(posterior: CellDistribution) -> tuple[str, ...]:
    """The countries that hold all but a little of the probability, if they are few."""
    chosen: list[str] = []
    mass = 0.0
    for code, p in posterior.countries().items():
        if mass >= _SURE or len(chosen) == _MOST_COUNTRIES:
            break
        chosen.append(code)
        mass += p
    return tuple(chosen) if mass >= _SURE else ()
