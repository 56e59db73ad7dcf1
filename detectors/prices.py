"""Prices: the currency's sign, what the amount would be worth, its decimal sign and where the sign stands.

A price tag in country c is read as this text with the probability
``a_c = sum_k U_ck W_k S_c A_ck M_k`` over currencies k, where ``U_ck`` is the share of c's tags in that currency,
``W_k`` the share of its tags that are read with this sign (misreadings of the euro and pound signs included), ``S_c``
how often c puts the sign on this side, ``A_ck`` how often it writes amounts so (comma or point, cents or none), and
``M_k`` how usual an amount of that worth is on a tag: log-normal around ``TYPICAL_DOLLARS``. So "$45.00" is the United
States more than Chile, "$12.990" Chile and Colombia, and "kr 2.490" Iceland as well as Norway. ``detectors.rates``
turns ``a_c`` and the rate of other reasons into evidence. All prices with one sign are one clue, of the mean of their
rates: the tags of a shop are written by one hand. Three currencies in a photo are an exchange office and say nothing.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from detectors.base import Clue, Reading, bounding_box
from detectors.price_table import AFTER, DASHES, DECIMAL_COMMA, ENDINGS, EXTRA_USERS, PER_DOLLAR, SIGNS
from detectors.privacy import mask
from detectors.rates import evidence_of, tells
from detectors.sentences import in_countries
from detectors.territories import photo_shares

__all__ = ["Price", "PriceReader", "prices_in"]

TYPICAL_DOLLARS = 8.0
"""What a tag in the street says most often: a meal, a fruit, an hour's parking."""
SPREAD_DECADES = 0.9
"""Standard deviation of the decimal logarithm of the amounts."""
LEAST_USUAL = 0.02
HAS_CENTS = 60.0
"""Currencies with fewer units per dollar than this are written with cents."""
SIDE = 0.85
"""Of a country's tags, this share has the symbol on its usual side; words and letters stand on either."""
LETTERS_WITH_CENTS = 0.2
"""Letters beside an amount with cents are something else this much more rarely than beside a whole number."""
COMMA_FOR_POINT, POINT_FOR_COMMA = 0.06, 0.12
"""How often the comma is written, or read, in countries of the point, and the point in countries of the comma."""
BARE_RATE, BARE_NOISE = 0.25, 0.05
"""Amounts without any sign: rate of tags such as "4,50" in countries of the comma, and of other reasons for them."""
STYLE_SCALE = 0.3
"""Mean of ``S A M`` at home: rates of other reasons are relative to price tags as a whole."""
MIXED = 5.0
"""How much likelier another reason is where two currencies are read: one of them is not the country's."""
_MOST_TEXT, _MOST_PRICES = 2000, 40

_AMOUNT = re.compile(
    r"(?<!\d[.,:/\-–])(?<![\d#+])(?<!\d )"
    r"(?:\d{1,3}(?:(?P<group>[.,’' ])\d{3})(?:(?P=group)\d{3}){0,2}(?:[.,]\d\d)?|\d{1,7}(?:[.,]\d\d)?)"
    r"(?![\d%]|:(?!-)|[.,]\d|-\d| ?%)"
)
_BEFORE = re.compile(r"(?P<sign>[^\s\d,;:()（）/]{1,9}/?\.?)[ :]?$")
_AFTER = re.compile(r"^(?P<dash>[,.:][-–—]|/[-–—=])?[  ]?(?P<sign>/=|[^\s\d,;()（）/+*]{1,7})?")
_CODED = re.compile(r"[A-Z]{2,3}[$¥￥]$")
_BARE = re.compile(r"\s*\d{1,3},\d\d\s*")
_WORD_SIGNS = frozenset("元円원圆")


@dataclass(frozen=True)
class Price:
    """A price in a line of text.

    Attributes:
        sign: The sign or the ending that makes it a price, as read; "" for a bare amount.
        value: The amount.
        start: Where it begins in the line, its sign included.
        end: Where it ends.
        rates: ISO country code to ``a_c`` of the module's docstring.
        noise: The rate of other reasons for the same text.
    """

    sign: str
    value: float
    start: int
    end: int
    rates: dict[str, float]
    noise: float


@lru_cache(maxsize=1)
def _users() -> dict[str, dict[str, float]]:
    """Currency to the countries that use it, with the share of their price tags."""
    from babel.numbers import get_territory_currencies  # lazy: unpickles CLDR's tables

    out: dict[str, dict[str, float]] = {}
    for country in photo_shares():
        for currency in get_territory_currencies(country):
            out.setdefault(currency, {})[country] = 1.0
    for currency, users in EXTRA_USERS.items():
        out.setdefault(currency, {}).update(users)
    for territory in ("BG", "HR"):  # changed to the euro after CLDR's release, or shortly before it
        out["EUR"][territory] = EXTRA_USERS["EUR"][territory]
    return out


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """For each sign the sides where it may stand and what it looks like."""
    out = []
    for pattern, _, _ in SIGNS:
        sides = pattern[0] if pattern[0] in "<>" else "<>"
        body = pattern.lstrip("<>")
        flags = 0 if re.search(r"[A-Z]", body) else re.IGNORECASE
        out.append((sides, re.compile(body, flags)))
    return out


@lru_cache(maxsize=4096)
def _rows(sign: str, side: str) -> tuple[int, ...]:
    """Rows of ``SIGNS`` that ``sign`` may be, on that side (``<`` before the amount, ``>`` after)."""
    return tuple(i for i, (sides, pattern) in enumerate(_patterns()) if side in sides and pattern.fullmatch(sign))


def prices_in(text: str) -> list[Price]:
    """Prices in one line of text.

    >>> [(p.sign, p.value) for p in prices_in("Menu 9,50 € / 12,90€")]
    [('€', 9.5), ('€', 12.9)]
    >>> best = prices_in("R$ 12,90")[0].rates
    >>> max(best, key=best.get), prices_in("12:30, 10.00-18.00, No. 7, US$5"), prices_in("Rs.150/-")[0].sign
    ('BR', [], 'Rs.')
    """
    found: list[Price] = []
    for match in _AMOUNT.finditer(text[:_MOST_TEXT]):
        price = _price(text, match)
        if price is not None and (not found or price.start >= found[-1].end):
            found.append(price)
        if len(found) == _MOST_PRICES:
            break
    return found


def _price(text: str, match: re.Match[str]) -> Price | None:
    amount = match.group()
    style, value = _style(amount)
    before = _BEFORE.search(text, max(0, match.start() - 10), match.start())
    after = _AFTER.match(text[match.end() : match.end() + 9])
    assert after is not None  # every part of it is optional
    left = before["sign"] if before else ""
    right = (after["sign"] or "").rstrip(".-–")
    dash = (after["dash"] or "").replace("–", "-").replace("—", "-")
    if _CODED.search(left) and not _rows(left, "<"):
        return None  # another country's way of saying which dollar
    found: tuple[str, str, tuple[int, ...]] | None = None
    for side, run in (("<", left), (">", right)):
        for sign in _spellings(run, side):
            rows = _rows(sign, side)
            if rows and _fits(sign, side, style, value):
                found = (sign, side, rows)
                break
        if found:
            break
    if found is None:
        if dash:
            rates = (
                {c: rate * _amount_rate(c, style, 1.0) for c, rate in DASHES[dash].items()} if dash in DASHES else {}
            )
            end = match.end() + len(after["dash"])
            noise = ENDINGS.get(dash, 1.0)
            return Price(dash, value, match.start(), end, rates, noise) if rates else None
        if _BARE.fullmatch(text):
            rates = dict.fromkeys(DECIMAL_COMMA, BARE_RATE)
            return Price("", value, match.start(), match.end(), rates, BARE_NOISE)
        return None
    sign, side, rows = found
    start = text.rfind(sign, 0, match.start()) if side == "<" else match.start()
    end = match.end() if side == "<" else text.find(sign, match.end()) + len(sign)
    if dash:
        end = max(end, match.end() + len(after["dash"]))
    rates = _rates(rows, sign, side, style, value)
    if dash in DASHES:
        rates = {c: rate * (DASHES[dash].get(c, 0.0) + 0.01) * 2.0 for c, rate in rates.items()}
    noise = STYLE_SCALE * max(SIGNS[row][2] for row in rows)
    if sign[0].isalpha() and style.startswith(("cents", "group")):
        noise *= LETTERS_WITH_CENTS
    return Price(sign, value, start, end, rates, noise)


def _spellings(run: str, side: str) -> Iterator[str]:
    """``run`` itself, then the currency sign alone at its end next to the amount."""
    if not run:
        return
    yield run
    sign = run[-1] if side == "<" else run[0]
    if len(run) > 1 and (unicodedata.category(sign) == "Sc" or (side == ">" and sign in _WORD_SIGNS)):
        other = run[-2] if side == "<" else run[1]
        if not (side == "<" and other.isascii() and other.isupper()):
            yield sign


def _fits(sign: str, side: str, style: str, value: float) -> bool:
    """Whether a lone letter beside the amount may be a currency: room numbers, litres and roads have letters too."""
    if len(sign.rstrip(".")) > 1 or not sign[0].isalpha() or sign[0] >= "℀":
        return True
    if side == ">" and sign in ("P", "Р", "р", "F", "p"):
        return value >= 30.0 and value % 5 == 0
    if sign[0] == "đ":
        return True
    return style.startswith("cents")


def _style(amount: str) -> tuple[str, float]:
    """``cents,`` ``cents.`` ``group,`` ``group.`` ``spaced`` or ``whole``, and the amount's value."""
    if re.search(r"[.,]\d\d$", amount):
        whole, mark, cents = amount[:-3], amount[-3], amount[-2:]
        return f"cents{mark}", int(re.sub(r"\D", "", whole)) + int(cents) / 100.0
    digits = int(re.sub(r"\D", "", amount))
    mark = next((c for c in amount if not c.isdigit()), "")
    return (f"group{mark}" if mark in (".", ",") and mark else "spaced" if mark else "whole"), float(digits)


def _amount_rate(country: str, style: str, per_dollar: float) -> float:
    """How often ``country`` writes amounts in that style, in a currency of that worth."""
    comma = country in DECIMAL_COMMA
    cents = per_dollar < HAS_CENTS
    if style == "whole" or style == "spaced":
        return 0.35 if cents else 0.9
    mark = style[-1]
    if style.startswith("cents"):
        usual = (1.0 - POINT_FOR_COMMA if mark == "," else POINT_FOR_COMMA) if comma else (
            1.0 - COMMA_FOR_POINT if mark == "." else COMMA_FOR_POINT
        )  # fmt: skip
        return (0.65 if cents else 0.05) * usual
    grouped = (0.8 if mark == "." else 0.05) if comma else (0.9 if mark == "," else 0.05)
    return (0.2 if cents else 0.9) * grouped


def _usual(value: float, per_dollar: float) -> float:
    """How usual an amount of that worth is, 1 for the most usual."""
    z = (math.log10(max(value, 0.01) / per_dollar) - math.log10(TYPICAL_DOLLARS)) / SPREAD_DECADES
    return max(math.exp(-0.5 * z * z), LEAST_USUAL)


def _rates(rows: Sequence[int], sign: str, side: str, style: str, value: float) -> dict[str, float]:
    out: dict[str, float] = {}
    users = _users()
    for row in rows:
        for currency, written in SIGNS[row][1].items():
            per_dollar = PER_DOLLAR.get(currency, 1.0)
            usual = _usual(value, per_dollar)
            symbol = unicodedata.category(sign[0]) == "Sc" or sign[-1] == "$"
            for country, share in users.get(currency, {}).items():
                own = 0.5 if not symbol else SIDE if (country in AFTER) == (side == ">") else 1.0 - SIDE
                rate = share * written * own * usual * _amount_rate(country, style, per_dollar)
                out[country] = out.get(country, 0.0) + rate
    return out


class PriceReader:
    """Finds prices and says where they are asked.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = PriceReader().clues([Reading("r0", "Ft 1.290,-", box, 0.97), Reading("r1", "12,50 zł", box, 0.97)][1:])
    >>> clue.text, clue.points_to, clue.evidence.sources
    ('12,50 zł', ('PL',), ('r1:0-8',))
    """

    kind = "currency"

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each sign of a currency in ``readings``; none where three or more currencies are read."""
        groups: dict[object, list[tuple[Price, Reading]]] = {}
        for reading in readings:
            if not any(c.isdigit() for c in reading.text):
                continue
            for price in prices_in(reading.text):
                key = _key(price)
                groups.setdefault(key, []).append((price, reading))
        if len(groups) > 2:
            return []
        out = [_clue(group, MIXED if len(groups) > 1 else 1.0) for group in groups.values()]
        return [clue for clue in out if clue is not None]


def _key(price: Price) -> object:
    """Prices of one key are in one currency: by the country that writes it so most often."""
    shares = photo_shares()
    belief = {c: shares.get(c, 0.0) * rate for c, rate in price.rates.items()}
    return price.sign.rstrip(".").casefold() if price.sign else max(belief, key=lambda c: belief[c], default="")


def _clue(group: Sequence[tuple[Price, Reading]], factor: float) -> Clue | None:
    count = len(group)
    countries = {c for price, _ in group for c in price.rates}
    rates = {
        c: math.exp(sum(math.log(price.rates.get(c, 0.0) + 1e-6) for price, _ in group) / count) for c in countries
    }
    # Two tags with the same sign are noise less often than one.
    noise = factor * min(price.noise for price, _ in group) / math.sqrt(count)
    sources = tuple(dict.fromkeys(f"{reading.id}:{price.start}-{price.end}" for price, reading in group))
    evidence = evidence_of(rates, noise, confidence=max(r.confidence for _, r in group), sources=sources)
    if not tells(evidence):
        return None
    price, reading = max(group, key=lambda item: item[1].confidence)
    shares = photo_shares()
    gain = {c: shares.get(c, 0.0) * math.exp(v) for c, v in evidence.countries.items()}
    best = sorted(gain, key=lambda c: -gain[c])
    named = [c for c in best if gain[c] > 0.1 * gain[best[0]]][:4]
    # The whole line is masked before the price is cut out of it.
    text = mask(reading.text[:_MOST_TEXT])[price.start : price.end].strip()
    what = f"a price, and {count - 1} more," if count > 1 else "a price"
    return Clue(
        kind=PriceReader.kind,
        text=text,
        meaning=f"{what} written as in {in_countries(named)}",
        evidence=evidence,
        box=bounding_box([r.box for _, r in group]) if count == 1 else reading.box,
        points_to=tuple(named),
    )
