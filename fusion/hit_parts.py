"""What the services share in reading strangers' JSON: texts, numbers and points that are such, or nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from data.folding import fold, joined
from data.printable import printable
from detectors.privacy import MASK

__all__ = ["agreement", "asked_text", "country_of", "number", "osm_id", "point", "shown", "words_agreement"]

_LONGEST_NAME = 120  # characters compared; the names of places are shorter
_MOST_NAMES = 60
_MOST_WORDS = 30


def asked_text(text: str, longest: int = 200) -> str | None:
    r"""``text`` of a query as it may be sent: one line of up to ``longest`` characters; None where that is nothing.

    None, too, where something in it was masked: what is private stays here, and the rest alone is no name.

    >>> asked_text(" Café\n Sol "), asked_text("••• Bar"), asked_text(" - ")
    ('Café Sol', None, None)
    """
    text = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", " ", text[:2000]).split())
    text = text[:longest].rstrip()
    return text if MASK not in text and any(c.isalnum() for c in text) else None


def shown(value: Any, longest: int = 200) -> str:
    """``value`` as a text of one line without a character that steers a terminal; "" where it is no text."""
    if not isinstance(value, str):
        return ""
    return printable(" ".join(value[: 4 * longest].split()))[:longest]


def number(value: Any) -> float | None:
    """``value``, a JSON number or a text that holds one, or None; never NaN or infinite.

    >>> number("9.51"), number(3), number("NaN"), number("1e999"), number(True), number(10**400)
    (9.51, 3.0, None, None, None, None)
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | str)
        or (isinstance(value, str) and len(value) > 40)
    ):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def point(lat: Any, lon: Any) -> tuple[float, float] | None:
    """Latitude and longitude in degrees; None where they are not a point on the Earth, or are 0, 0.

    >>> point("47.1", "9.5"), point(91, 0), point(0, 0), point(None, 1)
    ((47.1, 9.5), None, None, None)
    """
    north, east = number(lat), number(lon)
    if north is None or east is None or not (abs(north) <= 90.0 and abs(east) <= 180.0):
        return None
    return (north, east) if north or east else None  # 0, 0 is what software says that knows no place


def country_of(value: Any) -> str:
    """A country's ISO 3166-1 alpha-2 code in capitals, or "".

    >>> country_of("li"), country_of("Liechtenstein"), country_of(None)
    ('LI', '', '')
    """
    return value.upper() if isinstance(value, str) and re.fullmatch("[A-Za-z]{2}", value) else ""


def osm_id(kind: Any, number: Any) -> str:
    """What OpenStreetMap calls a thing, or "".

    >>> osm_id("node", 12), osm_id("planet", 12), osm_id("way", True), osm_id("way", 10**30)
    ('node/12', '', '', '')
    """
    known = kind in ("node", "way", "relation") and type(number) is int and 0 < number < 2**63
    return f"{kind}/{number}" if known else ""


def agreement(text: str, names: Iterable[str]) -> float:
    """How well ``text`` agrees with the best of ``names``, 0 to 1, however they are written; spaces do not count.

    Twice the characters that stand in both in the same order, by all characters of both: 1 where the folded texts are
    the same. In time that strangers' texts cannot make long, which ``difflib``'s is not.

    >>> agreement("BACKEREI HUBER", ["Bäckerei Huber"]), round(agreement("Huber", ["Bäckerei Huber"]), 2)
    (1.0, 0.56)
    """
    from rapidfuzz.distance import Indel  # only where something was looked up

    own = joined(fold(text[:_LONGEST_NAME]))
    best = 0.0
    for name, _ in zip(names, range(_MOST_NAMES), strict=False):
        other = joined(fold(name[:_LONGEST_NAME]))
        if own and other:
            best = max(best, Indel.normalized_similarity(own, other))
    return best


def words_agreement(text: str, other: str) -> float:
    """How well the words of ``text`` stand in ``other``, 0 to 1, in any order: the mean of each one's best match.

    >>> words_agreement("Herrengasse 12", "12, Herrengasse, Vaduz, Liechtenstein"), words_agreement("Gasse", "")
    (1.0, 0.0)
    """
    own, others = fold(text[:400]).split()[:_MOST_WORDS], fold(other[:400]).split()[: 2 * _MOST_WORDS]
    if not own or not others:
        return 0.0
    best = [max(1.0 if a == b else _likeness(a, b) for b in others) for a in own]
    return sum(best) / len(best)


def _likeness(one: str, other: str) -> float:
    if one.isdigit() or other.isdigit():  # a house number is the same or another
        return 0.0
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(one, other))
