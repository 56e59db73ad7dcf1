"""Words of official signs and units: SPEED LIMIT, GIVE WAY, PARE, mph, 9am, 19h.

Countries of one language differ in their signs: what the United States tow away, Britain clamps. The table of phrases
and its sources are in ``detectors.sign_phrases``; ``detectors.rates`` says how a rate becomes evidence. A phrase may
run over several lines of a sign, and OCR drops the spaces between its words: what counts is that it begins where a word
begins and ends where one ends. One-word signs count only where they fill their line: Alto is a word in many names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from detectors.base import Box, Clue, Evidence, Reading, bounding_box
from detectors.lines import Token, merged, neighbours, tokens_of
from detectors.privacy import mask
from detectors.rates import evidence_of, parse_rates, tells
from detectors.sentences import in_countries, quoted
from detectors.sign_phrases import PHRASES, UNITS, phrase_keys
from detectors.territories import photo_shares

__all__ = ["UnitReader"]

_MOST_WORDS = 6
_MOST_TEXT = 2000
_MOST_LINES = 4  # of one sign


@lru_cache(maxsize=1)
def _unit_patterns() -> tuple[tuple[str, re.Pattern[str], str, float], ...]:
    return tuple((name, re.compile(pattern, re.IGNORECASE), rates, noise) for name, pattern, rates, noise in UNITS)


@lru_cache(maxsize=512)
def _rates(text: str) -> dict[str, float]:
    return parse_rates(text)


@lru_cache(maxsize=1)
def _prefixes() -> frozenset[str]:
    """The first two letters of every phrase: most photos have no word that begins so."""
    return frozenset(key[:2] for key in phrase_keys()[0])


class UnitReader:
    """Finds words of official signs and units.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = UnitReader().clues([Reading("r0", "SPEED LIMIT 30", box, 0.97)])
    >>> clue.text, clue.points_to[0], clue.evidence.sources
    ('SPEED LIMIT', 'US', ('r0:0-11',))
    """

    kind = "units"

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each phrase and each unit, however often it is read."""
        out: list[Clue] = []
        seen: set[object] = set()
        for row, spans in [*self._phrases(readings), *self._unspaced(readings)]:
            if row not in seen:
                seen.add(row)
                out.extend(_phrase_clue(row, spans, readings))
        for reading in readings:
            if not any(c.isdigit() or c in "½¼¾" for c in reading.text) and len(reading.text) > 12:
                continue
            for name, pattern, rates, noise in _unit_patterns():
                match = None if name in seen else pattern.search(reading.text[:_MOST_TEXT])
                if match is not None:
                    seen.add(name)
                    out.extend(_unit_clue(name, match, rates, noise, reading))
        return out

    def _phrases(self, readings: Sequence[Reading]) -> list[tuple[int, list[Token]]]:
        """Rows of ``PHRASES`` that were read, longest first, and where."""
        keys, _ = phrase_keys()
        lines = [tokens_of(i, Reading(r.id, r.text[:_MOST_TEXT], r.box, r.confidence)) for i, r in enumerate(readings)]
        starts = {i for i, line in enumerate(lines) if any(t.word[:2] in _prefixes() for t in line)}
        if not starts:
            return []
        found: list[tuple[int, list[Token]]] = []
        chains = [list(lines[i]) for i in sorted(starts)]
        single = len(chains)
        if len(readings) > 1:
            chains += [[t for i in chain for t in lines[i]] for chain in _columns(readings, starts)]
        for number, chain in enumerate(chains):
            for at in range(len(chain)):
                key = ""
                for stop in range(at, min(at + _MOST_WORDS, len(chain))):
                    key += chain[stop].word.replace(" ", "")
                    row = keys.get(key)
                    crosses = chain[at].reading != chain[stop].reading
                    if row is not None and (number < single or crosses):
                        found.append((row, chain[at : stop + 1]))
        found.sort(key=lambda item: -sum(len(t.word) for t in item[1]))
        used: set[Token] = set()
        out = []
        for row, spans in found:
            if used.isdisjoint(spans) and ("=" not in PHRASES[row][0][:2] or _fills(spans, lines)):
                used.update(spans)
                out.append((row, spans))
        return out

    def _unspaced(self, readings: Sequence[Reading]) -> Iterator[tuple[int, list[Token]]]:
        for index, reading in enumerate(readings):
            text = reading.text[:_MOST_TEXT]
            if all(c < "\u0e00" for c in text):
                continue
            used: list[tuple[int, int]] = []
            for key, row in phrase_keys()[1]:
                at = text.find(key)
                if at >= 0 and all(at >= high or at + len(key) <= low for low, high in used):
                    used.append((at, at + len(key)))
                    yield row, [Token(key, index, at, at + len(key))]


def _columns(readings: Sequence[Reading], starts: set[int]) -> Iterator[list[int]]:
    """Lines of one sign from each of ``starts`` on: each next one below the one before, or to its right."""
    after = neighbours(readings).after
    for first in sorted(starts):
        paths = [[first]]
        for path in paths:  # grows while it is walked
            if len(path) < _MOST_LINES and len(paths) < 24:
                paths.extend([*path, j] for j in after[path[-1]] if j not in path)
            if len(path) > 1:
                yield path


def _fills(spans: Sequence[Token], lines: Sequence[Sequence[Token]]) -> bool:
    """Whether nothing but numbers stands beside the words in their lines."""
    own = set(spans)
    return all(t in own or not any(c.isalpha() for c in t.word) for s in spans for t in lines[s.reading])


def _phrase_clue(row: int, spans: Sequence[Token], readings: Sequence[Reading]) -> list[Clue]:
    words, rates, noise = PHRASES[row]
    used = list(merged(spans))
    text = " ".join(mask(readings[t.reading].text[:_MOST_TEXT])[t.start : t.end] for t in used)
    boxes = [readings[t.reading].box for t in used]
    return _clue(
        text,
        f"{quoted(text)} stands on signs in {{}}",
        evidence_of(
            _rates(rates),
            noise,
            sources=tuple(f"{readings[t.reading].id}:{t.start}-{t.end}" for t in used),
            confidence=min(readings[t.reading].confidence for t in used),
        ),
        boxes,
        always=words.startswith("!"),
    )


def _unit_clue(name: str, match: re.Match[str], rates: str, noise: float, reading: Reading) -> list[Clue]:
    start, end = match.span()
    return _clue(
        mask(reading.text[:_MOST_TEXT])[start:end].strip(),
        f"{name}, as used in {{}}",
        evidence_of(_rates(rates), noise, sources=(f"{reading.id}:{start}-{end}",), confidence=reading.confidence),
        [reading.box],
    )


def _clue(text: str, meaning: str, evidence: Evidence, boxes: Sequence[Box], *, always: bool = False) -> list[Clue]:
    if not (always or tells(evidence)):
        return []
    shares = photo_shares()
    gain = {c: shares.get(c, 0.0) * math.exp(v) for c, v in evidence.countries.items()}
    best = sorted(gain, key=lambda c: -gain[c])
    named = [c for c in best if gain[c] > 0.05 * gain[best[0]] and evidence.countries[c] > 0.0][:4]
    where = in_countries(named, more=len(evidence.countries) > len(named))
    return [
        Clue(
            kind=UnitReader.kind,
            text=text,
            meaning=meaning.format(where),
            evidence=evidence,
            box=bounding_box(boxes),
            points_to=tuple(named),
        )
    ]
