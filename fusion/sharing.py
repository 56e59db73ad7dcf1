"""Which clue has which characters of a photo's text, so that the same pixels are counted once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Shares", "Span", "shares_of", "spans_of"]

Span = tuple[str, int, int]
"""A reading's id and the characters of it, end excluded."""

_SOURCE = re.compile(r"^(?P<id>[^:]+)(?::(?P<start>\d+)-(?P<end>\d+))?$")
_WHOLE = 1 << 30  # end of a reading of which nothing is said but its id


@dataclass(frozen=True)
class Shares:
    """What is left to each clue, and what is nested in which.

    Attributes:
        free: Clue to the share of its readings that no clue before it has, 0 to 1.
        nested: Clue to the clues after it that have readings of it, each with the share of its own that lies there.
    """

    free: Mapping[int, float]
    nested: Mapping[int, Sequence[tuple[int, float]]]

    def alone(self, count: int) -> list[bool]:
        """For each of ``count`` clues, whether it shares no reading with another."""
        inner = {j for pairs in self.nested.values() for j, _ in pairs}
        return [k not in self.nested and k not in inner for k in range(count)]


def spans_of(sources: Sequence[str]) -> list[Span]:
    """The characters that ``sources`` name.

    >>> spans_of(["r3:5-12"])
    [('r3', 5, 12)]
    """
    out = []
    for source in sources:
        match = _SOURCE.match(source)
        if match is None or match["start"] is None:
            out.append((source, 0, _WHOLE))
        else:
            out.append((match["id"], int(match["start"]), int(match["end"])))
    return out


def shares_of(
    order: Sequence[int], spans: Sequence[Sequence[Span]], kinds: Sequence[str], kept: Callable[[str, str], float]
) -> Shares:
    """Clues take their readings in ``order``; one that finds a reading taken is nested in the last that had it.

    Args:
        order: The clues, those that take first in front.
        spans: Of each clue.
        kinds: Of each clue.
        kept: How much of a clue counts in one that holds its reading, by the kinds of the holder and of the clue; with
            0 it has nothing of that reading, and what comes after it finds the holder.

    >>> spans = [[("r0", 0, 6)], [("r0", 0, 6), ("r0", 7, 9)]]
    >>> shares = shares_of([0, 1], spans, ["place", "language"], lambda holder, kind: 1.0)
    >>> shares.free, shares.nested
    ({0: 1.0, 1: 0.5}, {0: [(1, 0.5)]})
    """
    holders: dict[str, list[tuple[int, int, int]]] = {}  # reading's id to (start, end, clue), the last holder last
    free: dict[int, float] = {}
    nested: dict[int, list[tuple[int, float]]] = {}
    for k in order:
        own = 0
        inside: dict[int, float] = {}
        taken: list[Span] = []
        for span in spans[k]:
            name, start, end = span
            held = holders.get(name, ())
            holder = next((j for low, high, j in reversed(held) if start < high and low < end), None)
            share = 1.0 if holder is None else kept(kinds[holder], kinds[k])
            if holder is None:
                own += 1
            elif share > 0.0:
                inside[holder] = inside.get(holder, 0.0) + share
            if share > 0.0:
                taken.append(span)
        for name, start, end in taken:
            holders.setdefault(name, []).append((start, end, k))
        count = len(spans[k])
        free[k] = own / count if count else 1.0
        for holder, part in inside.items():
            nested.setdefault(holder, []).append((k, part / count))
    return Shares(free, nested)
