"""Names, addresses, phone numbers and web sites of a photo, looked up in maps on this machine.

Every thing that a line may name is a candidate: a point with what the line says for it (``detectors.map_rates``), and
candidates that meet are one clue (``detectors.map_groups``). A name that many things bear is not a candidate by itself,
only beside another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from data.osm_index import MapThing, PlaceIndex
from detectors.base import Clue, Reading
from detectors.domains import hosts_in
from detectors.map_groups import SHOP_KM, Candidate, clues_of_candidates
from detectors.map_match import Match, Page, matches_in, parts_in
from detectors.map_rates import MOST_LOG_LR, log_lr_of_number, log_lr_of_phone, log_lr_of_site
from detectors.signs import Span, merged, shortened

__all__ = ["MapReader"]

_COMMON: Final = 64  # things of one name, number or site: of more none is a candidate by itself
_ANCHOR_NATS: Final = 6.0  # beside such a candidate common names are looked for
_MOST_ANCHORS: Final = 128  # in squares of their own
_MOST_PART_ANCHORS: Final = 8  # beside which parts of names are looked for
_MOST_HOUSES: Final = 20_000  # of one number, in streets of one name
_BESIDE_DEGREES: Final = 0.01  # as far as ``PlaceIndex.things_near`` looks
_HOUSE_KM: Final = 0.05
_MOST_NUMBERS: Final = 3  # lines that may be the house's number; of more none is
_APART_NATS: Final = 1.0  # how much less a number says that is not on the street's sign
_NAMED_AFTER: Final = ("highway=bus_stop", "railway=tram_stop", "public_transport=", "amenity=parking")
_NAMED_AFTER_NATS: Final = 1.0  # how much less a stop shows the name that it has from its street
_PLACE_KM: Final = 1.0
_FAR_SIGNS: Final = ("place=city", "place=town")  # the gazetteer knows them, and how often they are named elsewhere
_PHONE: Final = re.compile(r"\+?\d(?:[ ().\-/·]{0,3}\d){6,14}")


class MapReader:
    """Reads what maps know; see the module's docstring.

    Args:
        indexes: Of regions, in any order.
    """

    kind = "lookup"

    def __init__(self, indexes: Sequence[PlaceIndex]) -> None:
        self.indexes = tuple(indexes)

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """Clues by places that the maps know, those that say most first; lines that meet are one clue."""
        page = Page(shortened([reading for reading in readings if reading.region != "plate"]))
        found = [candidate for k, index in enumerate(self.indexes) for candidate in _candidates(page, index, k)]
        return clues_of_candidates(found, page.readings)


def _candidates(page: Page, index: PlaceIndex, number: int) -> Iterator[Candidate]:
    found: list[Candidate] = []
    common: list[Match] = []
    common_houses: list[Candidate] = []
    for match in matches_in(page, index, number):
        for houses in _houses(match, page, index):
            if len(houses) > _COMMON:
                common_houses += houses
            else:
                found += houses
        if match.name.things > _COMMON:
            common.append(match)
        else:
            found += [
                _at(thing, match.nats, match.spans, match.words, index)
                for thing in index.things(match.name.id, _COMMON)
                if _told(thing)
            ]
    found += _by_phone(page, index)
    found += _by_site(page, index)
    yield from found
    anchors = _anchors(found)
    if not anchors:
        return
    parts = parts_in(page, index, number)
    sought = [(match, _MOST_ANCHORS) for match in common] + [(match, _MOST_PART_ANCHORS) for match in parts]
    for match, most in sought:
        beside: dict[int, MapThing] = {}
        for anchor in anchors[:most]:
            if not anchor.lines & match.lines:
                near = index.things_near(match.name.id, anchor.lat, anchor.lon, _COMMON)
                beside.update((t.id, t) for t in near if _told(t))
        yield from (_at(thing, match.nats, match.spans, match.words, index) for thing in beside.values())
    for house in common_houses:
        if any(not anchor.lines & house.lines and _is_beside(house, anchor) for anchor in anchors):
            yield house


def _anchors(found: Sequence[Candidate]) -> list[Candidate]:
    """Candidates beside which common names are looked for, those that say most first; of each square and line one."""
    kept: dict[tuple[int, int, frozenset[int]], Candidate] = {}
    for c in sorted(found, key=lambda c: -c.nats):
        if c.nats >= _ANCHOR_NATS:
            square = (math.floor(c.lat / _BESIDE_DEGREES), math.floor(c.lon / _BESIDE_DEGREES), c.lines)
            kept.setdefault(square, c)
    return list(kept.values())[:_MOST_ANCHORS]


def _is_beside(one: Candidate, other: Candidate) -> bool:
    east = abs((one.lon - other.lon + 180.0) % 360.0 - 180.0)
    return abs(one.lat - other.lat) < _BESIDE_DEGREES and east < 2.0 * _BESIDE_DEGREES


def _told(thing: MapThing) -> bool:
    return thing.what not in _FAR_SIGNS


def _at(thing: MapThing, nats: float, spans: tuple[Span, ...], says: frozenset[str], index: PlaceIndex) -> Candidate:
    wide = _PLACE_KM if thing.what.startswith("place=") else SHOP_KM
    sigma = max(0.5 * thing.reach_km, wide)
    nats -= _NAMED_AFTER_NATS if thing.what.startswith(_NAMED_AFTER) else 0.0
    return Candidate(thing.lat, thing.lon, sigma, nats, spans, says, _label(thing), thing.what, _source(index))


def _source(index: PlaceIndex) -> str:
    return f"the map of {index.name}"


def _label(thing: MapThing) -> str:
    address = " ".join(part for part in (thing.street, thing.number) if part)
    return ", ".join(dict.fromkeys(part for part in (thing.label, address, thing.city) if part))


def _houses(match: Match, page: Page, index: PlaceIndex) -> Iterator[list[Candidate]]:
    """Houses of each number that stands beside a street's name, over or under it, or by itself."""
    line, first, _ = match.spans[0]
    last, _, stop = match.spans[-1]
    tokens = [t for t in page.lines[line] if t.end <= first][-1:] + [t for t in page.lines[last] if t.start >= stop][:2]
    runs = [[t] for t in tokens] + [list(pair) for pair in pairwise(tokens)]  # 8, and 8 к2
    runs += [page.lines[i] for i in page.beside(match.lines) if len(page.lines[i]) <= 2]
    # A number on a plate of its own, elsewhere on the front.
    alone = [line for line in page.lines if 1 <= len(line) <= 2 and line not in runs and line[0].word[:1].isdigit()]
    apart = len(runs)
    runs += alone if len(alone) <= _MOST_NUMBERS else []
    for k, run in enumerate(runs):
        number = "".join(token.word for token in run)
        if not number[:1].isdigit() or len(number) > 8:
            continue
        told = log_lr_of_number(sum(map(str.isdigit, number))) - (_APART_NATS if k >= apart else 0.0)
        nats = min(match.nats + told, MOST_LOG_LR)
        found = [(token.reading, token.start, token.end) for token in run]
        spans = tuple(merged([*match.spans, *found], page.readings))
        says = match.words | {number}
        houses = []
        for house in index.houses(match.name.id, number, _MOST_HOUSES):
            label = ", ".join(part for part in (f"{match.name.text} {house.number}", house.city) if part)
            houses.append(Candidate(house.lat, house.lon, _HOUSE_KM, nats, spans, says, label, "house", _source(index)))
        yield houses


def _by_phone(page: Page, index: PlaceIndex) -> Iterator[Candidate]:
    for i, reading in enumerate(page.readings):
        for number in _PHONE.finditer(reading.text):
            digits = "".join(filter(str.isdigit, number[0])).lstrip("0")
            things = index.with_phone(digits)
            nats = log_lr_of_phone(len(digits), len(things))
            span = (i, number.start(), number.end())
            for thing in things if len(things) <= _COMMON else ():
                yield _at(thing, nats, (span,), frozenset({digits[-7:]}), index)


def _by_site(page: Page, index: PlaceIndex) -> Iterator[Candidate]:
    for i, reading in enumerate(page.readings):
        for host in hosts_in(reading.text):
            called = host.name.removesuffix(f".{host.suffix}").rpartition(".")[2]
            things = index.with_site(host.name)  # none where many have their page
            if 0 < len(things) <= _COMMON:
                nats = log_lr_of_site(len(things), (called, *(thing.label for thing in things)))
                span = (i, host.start, host.end)
                yield from (_at(thing, nats, (span,), frozenset({host.name}), index) for thing in things)
