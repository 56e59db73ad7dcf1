"""Candidates for where a photo was taken, by what its lines may name; lines that meet at one place become one clue.

What several lines say about one place adds up, since at another place each would stand there by a chance of its own: a
chemist's is found by "Apotheke" where "Herrengasse 12" is beside it. Lines that meet are one clue; so the pool does not
take them for the same thing said twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.geodesy import EARTH_RADIUS_KM, unit_vectors
from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.map_rates import MOST_LOG_LR
from detectors.privacy import mask
from detectors.signs import Span, merged, sources

__all__ = ["SHOP_KM", "Candidate", "clues_of_candidates"]

SHOP_KM = 0.06
"""From the middle of a shop to whoever photographs it."""
_MOST_CANDIDATES = 1_500
_MOST_POINTS = 64
_MOST_CLUES = 8
_LEAST_NATS = 3.0
_MOST_NATS = MOST_LOG_LR + 8.0  # of several lines
_MEET_KM = 0.15
_SAME_KM = 0.05


@dataclass(frozen=True)
class Candidate:
    """Where a photo may have been taken, by one thing that words of it say.

    Attributes:
        lat: Latitude, degrees.
        lon: Longitude, degrees.
        sigma_km: How far from the point a photo of it stands.
        nats: What the words say for a photo there, against anywhere else.
        spans: The words, as characters of readings.
        says: Words of a name, a number, a phone or a site: what says the same twice counts once.
        label: What it is called, with its address.
        what: Its main tag.
        source: Who knows it: "the map of krems".
    """

    lat: float
    lon: float
    sigma_km: float
    nats: float
    spans: tuple[Span, ...]
    says: frozenset[str]
    label: str
    what: str
    source: str

    @property
    def lines(self) -> frozenset[int]:
        """The readings."""
        return frozenset(i for i, _, _ in self.spans)


def clues_of_candidates(candidates: Sequence[Candidate], readings: Sequence[Reading]) -> list[Clue]:
    """Clues by places, those that say most first; lines that meet are one clue.

    Args:
        candidates: In any order.
        readings: What their spans count.
    """
    # By what tells them apart as well: in whatever order maps were opened, the same clues.
    found = sorted(candidates, key=lambda c: (-c.nats, c.sigma_km, c.spans, c.lat, c.lon, c.label))[:_MOST_CANDIDATES]
    out: list[Clue] = []
    while found and len(out) < _MOST_CLUES:
        group = _Group.best_of(found)
        if group.nats < _LEAST_NATS:
            break
        out.append(_clue(group, readings))
        said = frozenset(word for _, member in group.members for word in member.says)
        found = [c for c in found if not c.lines & group.lines and not c.says <= said]
    return out


@dataclass(frozen=True)
class _Group:
    """Lines that meet at a place, and what they say there and elsewhere.

    Attributes:
        nats: What they say at their best place.
        members: The candidates that meet there, one for each line or two, with what each adds.
        points: Every place where some of the lines point, the best first, with what all of them say there.
    """

    nats: float
    members: Sequence[tuple[float, Candidate]]
    points: Sequence[tuple[float, Candidate]]

    @property
    def lines(self) -> frozenset[int]:
        return frozenset(i for _, member in self.members for i in member.lines)

    @classmethod
    def best_of(cls, found: Sequence[Candidate]) -> _Group:
        """The lines that say most together, of candidates sorted by what each says."""
        near = _near(found)
        sums = [_together(found, k, row) for k, row in enumerate(near)]
        told = [sum(nats for nats, _ in members) for members in sums]
        best = max(range(len(found)), key=lambda k: (told[k], -found[k].sigma_km, -k))
        lines = frozenset(i for _, member in sums[best] for i in member.lines)
        # What is too much at the best place is so elsewhere: which of two says more must stay.
        excess = max(told[best] - _MOST_NATS, 0.0)
        points: list[tuple[float, Candidate]] = []
        for k, candidate in enumerate(found):
            if candidate.lines <= lines:
                meeting = [j for j in near[k] if found[j].lines <= lines]
                points.append((sum(nats for nats, _ in _together(found, k, meeting)) - excess, candidate))
        # Of candidates that say the same of one place the narrowest is kept: a shop rather than its street.
        points.sort(key=lambda point: (-round(point[0], 3), point[1].sigma_km))
        return cls(told[best], sums[best], _apart(points))


def _near(found: Sequence[Candidate]) -> list[list[int]]:
    """For each candidate those that it meets, itself among them, in their order."""
    vectors = unit_vectors(np.array([c.lat for c in found]), np.array([c.lon for c in found]))
    reach = np.array([c.sigma_km for c in found])
    out = []
    for k in range(len(found)):
        km = EARTH_RADIUS_KM * np.sqrt(((vectors - vectors[k]) ** 2).sum(axis=1))
        # A street meets what stands along it; how far it is from its middle does not matter.
        out.append(np.flatnonzero(km <= _MEET_KM + 2.0 * np.maximum(reach, reach[k]) - 2.0 * SHOP_KM).tolist())
    return out


def _together(found: Sequence[Candidate], first: int, meeting: Sequence[int]) -> list[tuple[float, Candidate]]:
    """The candidate ``first`` and of those that it meets the one that says most for each other line.

    Words that were said already do not count again: of "Herrengasse 14" beside "Herrengasse 12" the number does.

    Returns:
        What each adds, nats, and the candidate.
    """
    used: set[int] = set()
    said: set[str] = set()
    kept = []
    for k in (first, *meeting):  # sorted by what they say
        candidate = found[k]
        if candidate.lines & used or candidate.says <= said:
            continue
        letters = sum(map(len, candidate.says))
        new = sum(len(word) for word in candidate.says if word not in said)
        kept.append((candidate.nats * new / letters, candidate))
        used |= candidate.lines
        said |= candidate.says
    return kept


def _apart(points: Sequence[tuple[float, Candidate]]) -> list[tuple[float, Candidate]]:
    """The best points, none within ``_SAME_KM``, or within its own width, of a better one."""
    kept: list[tuple[float, Candidate]] = []
    vectors = np.empty((0, 3))
    for told, candidate in points:
        here = unit_vectors(np.array([candidate.lat]), np.array([candidate.lon]))
        km = EARTH_RADIUS_KM * np.sqrt(((vectors - here) ** 2).sum(axis=1))
        if len(kept) < _MOST_POINTS and not (km < max(_SAME_KM, 2.0 * candidate.sigma_km)).any():
            kept.append((told, candidate))
            vectors = np.concatenate([vectors, here])
    return kept


def _clue(group: _Group, readings: Sequence[Reading]) -> Clue:
    spans = merged([span for _, member in group.members for span in member.spans], readings)
    text = " + ".join(mask(readings[i].text)[start:end] for i, start, end in spans)
    points = tuple(PointEvidence(c.lat, c.lon, c.sigma_km, told) for told, c in group.points if told > 0.0)
    best = group.points[0][1]
    label = mask(best.label)
    labels = tuple(dict.fromkeys([label, *(mask(member.label) for _, member in group.members)]))
    alike = sum(told > group.points[0][0] - 1.0 for told, _ in group.points)
    kind = best.what.partition("=")[2].replace("_", " ")
    # Words and marks that no plate has beside its digits: masking must not take "has '1745'" for one.
    meaning = f"{best.source} shows '{label}'" + (f" ({kind})" if kind not in ("", "yes") else "")
    beside = [f"'{other}'" for other in labels[1:]]
    meaning += f" beside {', '.join(beside)}" if beside else ""
    meaning += f"; {alike} places are called so" if alike > 1 else ""
    return Clue(
        kind="lookup",
        text=text,
        meaning=mask(meaning),
        evidence=Evidence(elsewhere=0.0, points=points, sources=sources(spans, readings)),
        box=bounding_box([readings[i].box for i, _, _ in spans]),
        points_to=labels[:4],
    )
