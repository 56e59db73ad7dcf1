"""Clues of several photos of one place as one album's evidence: what several photos show counts once.

An album counts a clue as often as the one photo does that shows it most. Two clues of different photos are the same
where they are of one kind and

- come from the same text, or texts that differ by slips of the reader, in what was read or in the clue itself (a text
  with masked characters is the same as none: two phone numbers look alike once they are masked), or
- say the very same about places (two phone numbers of one area), or
- are of a kind that tells the habit of a whole country (:data:`HABITS`), and favour mostly the same places: at least
  half of all the places that either favours, where a place is favoured with half of the most that the clue says. Here
  the strongest of those that are the same decides, not any of them: with one for Spain or Mexico between them, one for
  Spain and one for Mexico still contradict each other.

The last is a rule about dependency: five texts in Spanish are one fact about the place, its language, and whatever else
put a Spanish text there, such as a restaurant, puts several. So the album has the photo that says it most strongly, and
the others add nothing; a text in Catalan beside them is another fact.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import combinations
from typing import Final

from data.folding import fold, joined
from detectors.base import Clue, Reading
from detectors.privacy import MASK
from fusion.evidence import strength
from fusion.sharing import Span, spans_of

__all__ = ["HABITS", "SharedClue", "shared_clues", "shared_readings"]

HABITS: Final = frozenset({"currency", "domain", "language", "phone", "plate", "script", "units", "wording"})
"""Kinds of clue that tell what is common all over a country, not one place in it."""

_ALIKE: Final = 0.85  # of the letters of two texts that are the same in order: a slip or two in a name
_SHORTEST: Final = 5  # letters of a text in which a slip is told from another word
_MOST_COMMON: Final = 0.5  # of the places that two clues favour
_MOST: Final = 2_000  # clues that are compared with each other: the strongest
_DIGITS: Final = re.compile(r"\d+")


@dataclass(frozen=True, eq=False)
class SharedClue:
    """A clue of an album.

    Attributes:
        clue: As the photo that says it most strongly has it; its sources name readings of the whole album.
        photo: Which photo that is, from 0.
        seen_in: All photos that show it, ascending.
    """

    clue: Clue
    photo: int
    seen_in: tuple[int, ...]


def shared_clues(photos: Sequence[tuple[Sequence[Clue], Sequence[Reading]]]) -> list[SharedClue]:
    """The clues of an album, each as often as the one photo has it that shows it most; see the module's docstring.

    Of one photo all clues come back, in order.

    Args:
        photos: Clues and readings of each photo.
    """
    places = _album_readings([readings for _, readings in photos])
    clues = [
        _Clue(number, replace(clue, evidence=replace(clue.evidence, sources=_renamed(clue, number, places[number]))))
        for number, (found, _) in enumerate(photos)
        for clue in found
    ]
    if len(clues) > _MOST:
        strongest = sorted(range(len(clues)), key=lambda k: (-clues[k].strength, k))[:_MOST]
        clues = [clues[k] for k in sorted(strongest)]
    out: list[tuple[int, SharedClue]] = []
    for group in _groups(clues):
        of_photo: dict[int, list[int]] = defaultdict(list)
        for k in group:
            of_photo[clues[k].photo].append(k)
        most = max(of_photo, key=lambda photo: (sum(clues[k].strength for k in of_photo[photo]), -photo))
        seen_in = tuple(sorted(of_photo))
        out += [(k, SharedClue(clues[k].clue, most, seen_in)) for k in of_photo[most]]
    return [shared for _, shared in sorted(out, key=lambda item: item[0])]


class _Clue:
    """A clue of one photo, with what it is compared by, each made once."""

    def __init__(self, photo: int, clue: Clue) -> None:
        self.photo, self.clue = photo, clue
        self.strength = strength(clue.evidence)
        self.text = _Text(clue.text)
        self.spans = spans_of(clue.evidence.sources)
        evidence = clue.evidence
        points = {f"{p.lat:.2f} {p.lon:.2f}": p.log_lr for p in evidence.points}
        told = {**evidence.countries, **evidence.regions, **points}
        least = max([0.0, *told.values()]) / 2
        self.favoured = frozenset(place for place, value in told.items() if value >= least and value > 0.0)
        self.says = (round(evidence.elsewhere, 3), *sorted((place, round(value, 3)) for place, value in told.items()))

    def same_as(self, other: _Clue) -> bool:
        """Whether both come from one sign, or say the very same."""
        return self.says == other.says or self.text.same_as(other.text) or _overlap(self.spans, other.spans)

    def same_habit_as(self, other: _Clue) -> bool:
        """Whether both favour mostly the same places."""
        either = len(self.favoured | other.favoured)
        return either > 0 and len(self.favoured & other.favoured) >= _MOST_COMMON * either

    @property
    def rank(self) -> tuple[object, ...]:
        """The strongest first; of equally strong ones the same, in whatever order the photos come."""
        return -round(self.strength, 9), self.text.letters, self.says


class _Text:
    """A text as it is compared: case, accents and spaces do not count."""

    def __init__(self, text: str) -> None:
        self.letters = joined(fold(text))
        self.masked = MASK in text
        self.digits = _DIGITS.findall(text)
        # A slip spares the beginning or the end: what shares neither need not be compared letter by letter.
        self.ends = {f"^{self.letters[:3]}", f"{self.letters[-3:]}$"} if self.letters else set()

    def same_as(self, other: _Text) -> bool:
        """Whether they are one text but for slips; numbers must be the same (road 3 is not road 8) and not masked."""
        if self.masked or other.masked or not self.letters or self.digits != other.digits:
            return False
        if self.letters == other.letters:
            return True
        if min(len(self.letters), len(other.letters)) < _SHORTEST or not (self.ends & other.ends):
            return False
        matcher = SequenceMatcher(None, self.letters, other.letters, autojunk=False)
        return matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE


def _groups(clues: Sequence[_Clue]) -> list[list[int]]:
    """The clues in groups of the same, in whatever order they come."""
    parent = list(range(len(clues)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    of_kind: dict[str, list[int]] = defaultdict(list)
    for k, each in enumerate(clues):
        of_kind[each.clue.kind].append(k)
    for kind, members in of_kind.items():
        for a, b in combinations(members, 2):
            if clues[a].photo != clues[b].photo and root(a) != root(b) and clues[a].same_as(clues[b]):
                parent[max(root(a), root(b))] = min(root(a), root(b))
        if kind not in HABITS:
            continue
        leaders: list[int] = []
        for k in sorted(members, key=lambda k: clues[k].rank):
            if root(k) in map(root, leaders):
                continue
            leader = next((one for one in leaders if clues[one].same_habit_as(clues[k])), None)
            if leader is None:
                leaders.append(k)
            else:
                parent[root(k)] = root(leader)
    groups: dict[int, list[int]] = defaultdict(list)
    for k in range(len(clues)):
        groups[root(k)].append(k)
    return list(groups.values())


def shared_readings(photos: Sequence[Sequence[Reading]], clues: Sequence[SharedClue]) -> list[Reading]:
    """The album's readings, named as the sources of its clues: a line of text that several photos show is there once.

    Of masked lines, which look alike, there are those that ``clues`` came of.

    Args:
        photos: Each photo's readings.
        clues: What :func:`shared_clues` makes of them.
    """
    told = {span[0] for one in clues for span in spans_of(one.clue.evidence.sources)}
    found: dict[str, Reading] = {}
    for readings, names in zip(photos, _album_readings(photos), strict=True):
        for reading in readings:
            name = names[reading.id]
            if name in told or MASK not in reading.text:
                found.setdefault(name, replace(reading, id=name))
    return list(found.values())


def _album_readings(photos: Sequence[Sequence[Reading]]) -> list[dict[str, str]]:
    """For each photo its readings' ids to the album's: one line of text in several photos has one id.

    Two readings of one photo are never one.
    """
    known: dict[str, list[tuple[str, _Text]]] = defaultdict(list)  # by beginnings and ends
    out = []
    for number, readings in enumerate(photos):
        names: dict[str, str] = {}
        taken: set[str] = set()
        for reading in readings:
            text = _Text(reading.text)
            found = (
                n for key in sorted(text.ends) for n, other in known[key] if n not in taken and text.same_as(other)
            )
            name = next(found, f"{number}/{reading.id}")
            if name == f"{number}/{reading.id}":
                for key in text.ends:
                    known[key].append((name, text))
            taken.add(name)
            names[reading.id] = name
        out.append(names)
    return out


def _renamed(clue: Clue, photo: int, names: dict[str, str]) -> tuple[str, ...]:
    def of_album(source: str) -> str:
        name, colon, span = source.partition(":")
        return names.get(name, f"{photo}/{name}") + colon + span

    return tuple(map(of_album, clue.evidence.sources))


def _overlap(one: Sequence[Span], other: Sequence[Span]) -> bool:
    return any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in one for b in other)
