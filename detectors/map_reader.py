"""Names, addresses, phone numbers and web sites of a photo, looked up in maps on this machine.

Every thing that a line may name is a candidate: a point with what the line says for it (``detectors.map_rates``). What
several lines say about one place adds up, since at another place each would stand there by a chance of its own: a
chemist's is found by "Apotheke" where "Herrengasse 12" is beside it. Lines that meet are one clue; so the pool does not
take them for the same thing said twice. A name that many things bear is not a candidate by itself, only beside another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from data.geodesy import EARTH_RADIUS_KM, unit_vectors
from data.osm_index import MapThing, PlaceIndex
from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.domains import hosts_in
from detectors.map_match import Match, Page, matches_in
from detectors.map_rates import MOST_LOG_LR, log_lr_of_number, log_lr_of_phone, log_lr_of_site
from detectors.privacy import mask
from detectors.sentences import quoted
from detectors.signs import Span, merged, shortened, sources

__all__ = ["MapReader"]

_COMMON = 64  # things of one name: of more none is a candidate by itself
_MOST_CANDIDATES = 1_500
_MOST_POINTS = 64
_MOST_CLUES = 8
_ANCHOR_NATS = 6.0  # beside such a candidate common names are looked for
_MOST_ANCHORS = 40
_LEAST_NATS = 3.0
_MEET_KM = 0.15
_SHOP_KM = 0.06  # from the middle of a shop to whoever photographs it
_HOUSE_KM = 0.05
_SAME_KM = 0.05
_FAR_SIGNS = ("place=city", "place=town")  # the gazetteer knows them, and how often they are named elsewhere


@dataclass(frozen=True)
class _Candidate:
    """Where a photo may have been taken, by one thing that words of it say."""

    lat: float
    lon: float
    sigma_km: float
    nats: float
    spans: tuple[Span, ...]
    says: frozenset[str]  # words of a name, a number, a phone or a site: the same said twice counts once
    label: str
    what: str

    @property
    def lines(self) -> frozenset[int]:
        return frozenset(i for i, _, _ in self.spans)


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
        page = Page(shortened(readings))
        found = [candidate for k, index in enumerate(self.indexes) for candidate in _candidates(page, index, k)]
        found = sorted(found, key=lambda c: -c.nats)[:_MOST_CANDIDATES]
        out: list[Clue] = []
        while found and len(out) < _MOST_CLUES:
            group = _Group.best_of(found)
            if group.nats < _LEAST_NATS:
                break
            out.append(_clue(group, page))
            said = frozenset(word for member in group.members for word in member.says)
            found = [c for c in found if not c.lines & group.lines and not c.says <= said]
        return out


def _candidates(page: Page, index: PlaceIndex, number: int) -> Iterator[_Candidate]:
    found: list[_Candidate] = []
    common: list[Match] = []
    for match in matches_in(page, index, number):
        found += _houses(match, page, index)
        if match.name.things > _COMMON:
            common.append(match)
        else:
            found += [
                _at(thing, match.nats, match.spans, match.words)
                for thing in index.things(match.name.id, _COMMON)
                if _told(thing)
            ]
    found += _by_phone(page, index)
    found += _by_site(page, index)
    yield from found
    anchors = sorted((c for c in found if c.nats >= _ANCHOR_NATS), key=lambda c: -c.nats)[:_MOST_ANCHORS]
    for match in common:
        beside: dict[int, MapThing] = {}
        for anchor in anchors:
            if not anchor.lines & match.lines:
                beside.update((t.id, t) for t in index.things_near(match.name.id, anchor.lat, anchor.lon) if _told(t))
        yield from (_at(thing, match.nats, match.spans, match.words) for thing in beside.values())


def _told(thing: MapThing) -> bool:
    return thing.what not in _FAR_SIGNS


def _at(thing: MapThing, nats: float, spans: tuple[Span, ...], says: frozenset[str]) -> _Candidate:
    wide = 1.0 if thing.what.startswith("place=") else 0.0
    sigma = max(_SHOP_KM, 0.5 * thing.reach_km, wide)
    return _Candidate(thing.lat, thing.lon, sigma, nats, spans, says, _label(thing), thing.what)


def _label(thing: MapThing) -> str:
    address = " ".join(part for part in (thing.street, thing.number) if part)
    return ", ".join(dict.fromkeys(part for part in (thing.label, address, thing.city) if part))


def _houses(match: Match, page: Page, index: PlaceIndex) -> Iterator[_Candidate]:
    """Houses of the number that stands beside a street's name."""
    line, first, _ = match.spans[0]
    last, _, stop = match.spans[-1]
    tokens = [t for t in page.lines[line] if t.end <= first][-1:] + [t for t in page.lines[last] if t.start >= stop][:2]
    for token in tokens:
        if not token.word[:1].isdigit() or len(token.word) > 6:
            continue
        for house in index.houses(match.name.id, token.word.upper()):
            told = log_lr_of_number(sum(c.isdigit() for c in token.word))
            nats = min(match.nats + told, MOST_LOG_LR)
            spans = tuple(merged([*match.spans, (token.reading, token.start, token.end)], page.readings))
            label = ", ".join(part for part in (f"{match.name.text} {house.number}", house.city) if part)
            yield _Candidate(house.lat, house.lon, _HOUSE_KM, nats, spans, match.words | {token.word}, label, "house")


def _by_phone(page: Page, index: PlaceIndex) -> Iterator[_Candidate]:
    for i, reading in enumerate(page.readings):
        digits = "".join(c for c in reading.text if c.isascii() and c.isdigit()).lstrip("0")
        if 7 <= len(digits) <= 15:
            for thing in index.with_phone(digits):
                yield _at(thing, log_lr_of_phone(len(digits)), ((i, 0, len(reading.text)),), frozenset({digits[-7:]}))


def _by_site(page: Page, index: PlaceIndex) -> Iterator[_Candidate]:
    for i, reading in enumerate(page.readings):
        for host in hosts_in(reading.text):
            things = index.with_site(host.name)
            for thing in things[:_COMMON]:
                yield _at(thing, log_lr_of_site(len(things)), ((i, 0, len(reading.text)),), frozenset({host.name}))


@dataclass(frozen=True)
class _Group:
    """Lines that meet at a place, and what they say there and elsewhere.

    Attributes:
        nats: What they say at their best place.
        members: The candidates that meet there, one for each line or two.
        points: Every place where some of the lines point, the best first, with what all of them say there.
    """

    nats: float
    members: Sequence[_Candidate]
    points: Sequence[tuple[float, _Candidate]]

    @property
    def lines(self) -> frozenset[int]:
        return frozenset(i for member in self.members for i in member.lines)

    @classmethod
    def best_of(cls, found: Sequence[_Candidate]) -> _Group:
        """The lines that say most together, of candidates sorted by what each says."""
        near = _near(found)
        sums = [_together(found, row) for row in near]
        best = max(range(len(found)), key=lambda k: (sum(c.nats for c in sums[k]), -found[k].sigma_km, -k))
        lines = frozenset(i for member in sums[best] for i in member.lines)
        own = [k for k, candidate in enumerate(found) if candidate.lines <= lines]
        points: list[tuple[float, _Candidate]] = []
        for k in own:
            told = sum(c.nats for c in _together(found, [j for j in near[k] if found[j].lines <= lines]))
            points.append((min(told, MOST_LOG_LR + 8.0), found[k]))
        # Of candidates that say the same of one place the narrowest is kept: a shop rather than its street.
        points.sort(key=lambda point: (-round(point[0], 3), point[1].sigma_km))
        return cls(sum(c.nats for c in sums[best]), sums[best], _apart(points))


def _near(found: Sequence[_Candidate]) -> list[list[int]]:
    """For each candidate those that it meets, itself among them, in their order."""
    vectors = unit_vectors(np.array([c.lat for c in found]), np.array([c.lon for c in found]))
    reach = np.array([c.sigma_km for c in found])
    out = []
    for k in range(len(found)):
        km = EARTH_RADIUS_KM * np.sqrt(((vectors - vectors[k]) ** 2).sum(axis=1))
        # A street meets what stands along it; how far it is from its middle does not matter.
        out.append(np.flatnonzero(km <= _MEET_KM + 2.0 * np.maximum(reach, reach[k]) - 2.0 * _SHOP_KM).tolist())
    return out


def _together(found: Sequence[_Candidate], meeting: Sequence[int]) -> list[_Candidate]:
    """Of candidates that meet, the one that says most for each line; lines that say the same count once."""
    used: set[int] = set()
    said: set[str] = set()
    kept = []
    for k in meeting:  # sorted by what they say
        if not found[k].lines & used and not found[k].says <= said:
            kept.append(found[k])
            used |= found[k].lines
            said |= found[k].says
    return kept


def _apart(points: Sequence[tuple[float, _Candidate]]) -> list[tuple[float, _Candidate]]:
    """The best points, none within ``_SAME_KM``, or within its own width, of a better one."""
    kept: list[tuple[float, _Candidate]] = []
    vectors = np.empty((0, 3))
    for told, candidate in points:
        here = unit_vectors(np.array([candidate.lat]), np.array([candidate.lon]))
        km = EARTH_RADIUS_KM * np.sqrt(((vectors - here) ** 2).sum(axis=1))
        if len(kept) < _MOST_POINTS and not (km < max(_SAME_KM, 2.0 * candidate.sigma_km)).any():
            kept.append((told, candidate))
            vectors = np.concatenate([vectors, here])
    return kept


def _clue(group: _Group, page: Page) -> Clue:
    spans = merged([span for member in group.members for span in member.spans], page.readings)
    text = " + ".join(mask(page.readings[i].text)[start:end] for i, start, end in spans)
    points = tuple(PointEvidence(c.lat, c.lon, c.sigma_km, told) for told, c in group.points if told > 0.0)
    labels = tuple(dict.fromkeys(mask(member.label) for member in group.members))
    best = group.points[0][1]
    alike = sum(told > group.points[0][0] - 1.0 for told, _ in group.points)
    kind = best.what.partition("=")[2].replace("_", " ")
    meaning = f"on the map: {quoted(mask(best.label))}" + (f" ({kind})" if kind else "")
    if len(labels) > 1:
        meaning += " beside " + " and ".join(quoted(label) for label in labels if label != mask(best.label))
    if alike > 1:
        meaning += f"; {alike} places are called so"
    return Clue(
        kind="lookup",
        text=text,
        meaning=meaning,
        evidence=Evidence(elsewhere=0.0, points=points, sources=sources(spans, page.readings)),
        box=bounding_box([page.readings[i].box for i, _, _ in spans]),
        points_to=labels[:4],
    )
