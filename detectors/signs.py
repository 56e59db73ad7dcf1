"""What the readers of addresses and institutions share: evidence over several lines, told strongest first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.base import Evidence, PointEvidence, Reading
from detectors.lines import Token
from detectors.territories import photo_shares

__all__ = [
    "Sign", "doubt", "likely", "merged", "parted", "ranked", "shortened", "sources", "stacked", "strength",
    "weakened",
]  # fmt: skip

_LONGEST_LINE = 300  # characters of a line that are looked at; longer ones are no signs
_MOST_LINES = 200  # of a photo; pages of text are none either
_DOUBT = 20.0  # chance reads a word this much oftener, times the engine's doubt
_PARTING = re.compile(r"[,;|()\[\]:•·*]|\s[-–—/]\s|\.\s?[-–]")
_SHOWN = 4
_NUMBER = re.compile(r"\d(?:[ .-]?\d){4,}")

Span = tuple[int, int, int]
"""Index of a reading, first character, character after the last."""


@dataclass(frozen=True)
class Sign:
    """Evidence and the characters that it came from.

    Attributes:
        evidence: Where it points; its sources are not filled in yet.
        spans: Readings by index and characters of them.
        meaning: One sentence for a person.
        points_to: Short names of places, best first.
    """

    evidence: Evidence
    spans: tuple[Span, ...]
    meaning: str
    points_to: tuple[str, ...]


def shortened(readings: Sequence[Reading]) -> list[Reading]:
    """The first lines of a photo, the first few hundred characters of each."""
    return [
        r if len(r.text) <= _LONGEST_LINE else replace(r, text=r.text[:_LONGEST_LINE]) for r in readings[:_MOST_LINES]
    ]


def doubt(reading: Reading) -> float:
    """How much likelier it is that a line says something by chance, from the engine's own confidence."""
    return 1.0 + _DOUBT * (1.0 - reading.confidence)


def parted(reading: Reading, one: Token, other: Token) -> bool:
    """Whether a comma or the like stands between two words of a reading."""
    return _PARTING.search(reading.text, one.end, other.start) is not None


def stacked(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    """Pairs of lines, the second right below the first as the first is slanted: plates are seen from the side."""
    if len(readings) < 2:
        return []
    corners = np.array([r.box for r in readings], np.float64)  # (n, 4, 2)
    centre, along = corners.mean(axis=1), corners[:, 1] - corners[:, 0]
    width = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1.0)
    height = np.maximum([r.height for r in readings], 1.0)
    along = along / width[:, None]
    away = centre[None] - centre[:, None]  # [i, j] from i to j
    across = np.abs((away * along[:, None]).sum(axis=2))
    under = away[..., 1] * along[:, None, 0] - away[..., 0] * along[:, None, 1]
    mean = 0.5 * (height[:, None] + height)
    below = (under > 0.4 * mean) & (under < 1.9 * mean) & (across < 0.5 * np.maximum(width[:, None], width))
    below &= np.maximum(height[:, None], height) < 2.0 * np.minimum(height[:, None], height)
    return [(int(i), int(j)) for i, j in np.argwhere(below)]


def merged(spans: Iterable[Span], readings: Sequence[Reading]) -> list[Span]:
    """Spans by line, those that touch or have no letter and digit between them made one; lone marks stay alone."""
    out: list[Span] = []
    for i, start, end in sorted(set(spans)):
        if out and out[-1][0] == i:
            last = out[-1]
            text = readings[i].text
            mark = not any(c.isalnum() for c in text[last[1] : last[2]])
            if not mark and (start <= last[2] or not any(c.isalnum() for c in text[last[2] : start])):
                out[-1] = (i, last[1], max(end, last[2]))
                continue
        out.append((i, start, end))
    return out


def sources(spans: Iterable[Span], readings: Sequence[Reading]) -> tuple[str, ...]:
    """``spans`` as sources of evidence, long numbers apart from words: another reader may have taken only those.

    >>> box = ((0, 0), (90, 0), (90, 20), (0, 20))
    >>> sources([(0, 0, 15)], [Reading("r0", "P.O. Box 123456 X", box, 0.9)])
    ('r0:0-8', 'r0:9-15')
    """
    out = []
    for i, start, end in spans:
        text, at = readings[i].text, start
        cuts = [cut for m in _NUMBER.finditer(text, start, end) for cut in m.span()]
        for stop in (*cuts, end):
            part = text[at:stop]
            kept = part.strip(" ,;-–")
            if kept:
                low = at + part.index(kept)
                out.append(f"{readings[i].id}:{low}-{low + len(kept)}")
            at = stop
    return tuple(dict.fromkeys(out))


def strength(evidence: Evidence) -> float:
    """The log-likelihood ratio at the best place, nats."""
    return max(
        [*evidence.countries.values(), *evidence.regions.values(), *(p.log_lr for p in evidence.points)], default=0.0
    )


def weakened(evidence: Evidence, factor: float) -> Evidence:
    """``evidence`` with ``factor`` times its log-likelihood ratios."""
    return Evidence(
        elsewhere=factor * evidence.elsewhere,
        countries={c: factor * v for c, v in evidence.countries.items()},
        regions={c: factor * v for c, v in evidence.regions.items()},
        points=tuple(PointEvidence(p.lat, p.lon, p.sigma_km, factor * p.log_lr) for p in evidence.points),
        sources=evidence.sources,
    )


def ranked(signs: Sequence[Sign], factor: float) -> list[Sign]:
    """``signs`` from the strongest on, each ``factor`` times as heavy as the one before, the same meaning once."""
    out: dict[str, Sign] = {}
    for sign in sorted(signs, key=lambda s: -strength(s.evidence)):
        if sign.meaning not in out:
            evidence = weakened(sign.evidence, factor ** len(out)) if out else sign.evidence
            out[sign.meaning] = Sign(evidence, sign.spans, sign.meaning, sign.points_to)
    return list(out.values())


def likely(by_country: Mapping[str, float]) -> tuple[str, ...]:
    """The few countries that gain, by what they have then of the world's photos."""
    shares = photo_shares()
    top = max(by_country.values(), default=0.0)
    gaining = (c for c, v in by_country.items() if v >= 0.5 * top and v > 0.0)
    return tuple(sorted(gaining, key=lambda c: -shares.get(c, 0.0) * math.exp(by_country[c]))[:_SHOWN])
