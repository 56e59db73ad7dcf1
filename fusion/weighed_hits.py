"""Hits of look-up services as evidence: what each says for its place, and lines that meet as one clue.

A hit is weighed as a thing on the local map is (``detectors.map_rates``): by the words that agree, the slips between
them, and how many bear the name. What a web page says of places is worth less: pages name many.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from data.folding import fold
from data.geodesy import haversine_km
from data.skeleton import skeleton
from detectors.base import Clue, Reading
from detectors.hits import Hit
from detectors.map_groups import SHOP_KM, Candidate, clues_of_candidates
from detectors.map_match import agreement
from detectors.map_rates import MOST_LOG_LR, log_lr, log_lr_of_number
from detectors.signs import Span
from fusion.lookup import Query
from fusion.sharing import spans_of

__all__ = ["clues_of_hits"]

_MORE_KNOWN: Final = 5  # how many times as many bear a name of which a service lists as many as it ever does
_LISTED: Final = 10
_ADDRESS_FIT: Final = 0.95
_WEB_FIT: Final = 0.99
_WEB_NATS: Final = 7.0
_OTHER_NAME_FIT: Final = 0.99  # of a name that it has beside the one that is shown: in another language, an old one
_LEAST_FIT: Final = 0.5
_SAME_KM: Final = 0.3
_TOO_WIDE_KM: Final = 30.0  # a county is no place where a sign stands


def clues_of_hits(found: Sequence[tuple[str, Query, Sequence[Hit]]], readings: Sequence[Reading]) -> list[Clue]:
    """Clues of the kind ``lookup``.

    Args:
        found: Service's name, what was asked and what came, for each query.
        readings: Of the photo, masked.
    """
    numbers = {reading.id: k for k, reading in enumerate(readings)}
    candidates: list[Candidate] = []
    for service, query, hits in found:
        spans = tuple(
            (numbers[name], start, min(end, len(readings[numbers[name]].text)))
            for name, start, end in spans_of(query.sources)
            if name in numbers
        )
        if spans:
            candidates += _candidates(service, query, hits, spans)
    return clues_of_candidates(candidates, readings)


def _candidates(service: str, query: Query, hits: Sequence[Hit], spans: tuple[Span, ...]) -> Iterator[Candidate]:
    fitting = (hit for hit in hits if hit.fit >= _LEAST_FIT or _is_at(query, hit))
    kept = [hit for hit in fitting if hit.sigma_km <= _TOO_WIDE_KM]
    known = _places(kept) * (_MORE_KNOWN if len(hits) >= _LISTED else 1)
    for hit in kept:
        told = _told(query, hit, known)
        if told is not None:
            nats, words = told
            label = ", ".join(dict.fromkeys(part for part in (hit.name, _short(hit)) if part))
            says = frozenset(map(skeleton, words))
            sigma = max(hit.sigma_km, SHOP_KM)
            yield Candidate(hit.lat, hit.lon, sigma, nats, spans, says, label, hit.what, service)


def _told(query: Query, hit: Hit, known: int) -> tuple[float, Sequence[str]] | None:
    """Nats that a hit says for its place and the words that it agrees in; None where it is no answer."""
    words = fold(query.text).split()
    if not words:
        return None
    if hit.what == "web page":
        if hit.fit < _WEB_FIT:
            return None
        return min(log_lr(words, edits=0, known=max(known, 1)) - 2.0, _WEB_NATS), words
    if query.kind == "address" or _is_at(query, hit):
        if hit.fit < _ADDRESS_FIT and not _is_at(query, hit):
            return None
        names = [word for word in words if not word[0].isdigit()] or words
        number = next((word for word in words if word[0].isdigit()), "")
        nats = log_lr(names, edits=0, known=max(known, 1))
        if number and number in fold(hit.address).split():
            nats += log_lr_of_number(sum(map(str.isdigit, number)))
        return min(nats, MOST_LOG_LR), words
    agreed = agreement(skeleton(query.text), hit.name)
    if agreed is None and hit.fit >= _OTHER_NAME_FIT:
        return log_lr(words, edits=0, known=max(known, 1)), words
    if agreed is None:
        return None
    nats = log_lr(agreed.words, edits=agreed.edits, known=max(known, 1), read=words)
    if len(agreed.words) < len(fold(hit.name).split()):
        nats += math.log(0.1)
    return nats, agreed.words


def _is_at(query: Query, hit: Hit) -> bool:
    """Whether all words of the query, a number among them, stand in the hit's address, however a street is called."""
    words = set(fold(query.text).split())
    return any(word[0].isdigit() for word in words) and len(words) > 1 and words <= set(fold(hit.address).split())


def _places(hits: Sequence[Hit]) -> int:
    """How many places the hits are at: a shop, its building and its stop are one."""
    apart: list[Hit] = []
    for hit in hits:
        if all(float(haversine_km(hit.lat, hit.lon, other.lat, other.lon)) > _SAME_KM for other in apart):
            apart.append(hit)
    return len(apart)


def _short(hit: Hit) -> str:
    """The beginning of its address: a service gives all the way up to the country."""
    parts = [part.strip() for part in hit.address.split(",")]
    return ", ".join([part for part in parts if part and part != hit.name][:3])
