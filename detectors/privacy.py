"""Masking of what may identify a person: licence plates, phone numbers and e-mail addresses.

A text is first turned into its *shape*, one character for each of its own: ``L`` for a letter or mark of any script,
``9`` for a number of any script, the rest as it is. What is clearly something else (coordinates printed by a dashcam,
dates, times, prices, measures) is set aside; then whatever has the shape of something private is masked. In doubt it
is masked: the readers of phone numbers, domains and coordinates work on the unmasked text, so masking costs legibility
and no evidence of theirs. The reader of place names sees the masked text: the letters of a plate name no town.

What it cannot see: a plate of digits only (Luxembourg), and one whose halves were read as two separate lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from detectors.base import Reading

__all__ = ["MASK", "hidden", "is_sensitive", "mask", "masked"]

MASK = "•"
"""What stands for each letter and digit that was masked."""

_GAP = r"[ .·:|_'\-]{1,3}"
_WORD = re.compile(r"[L9]+")
_JOIN = re.compile(_GAP)

# "+34 91 123 45 67", "(415) 555-0100", "555.0100", "5550100": at least seven digits.
_PHONE = re.compile(r"\+?(?:[ (]{0,2}9)(?:[ ().\-/·,]{0,3}9){6,}")
# "1-800-FLOWERS": a number spelled out in letters.
_SPELLED_PHONE = re.compile(r"(?<![L9])(?:9-)?999-L[L\-]{5,8}L?(?![L9])")
_RUN = re.compile(r"9{7,}")
# No address is longer than 254 characters; without a bound, a long line without a space takes quadratic time.
_EMAIL = re.compile(r"[^\s@]{1,254} ?@ ?[^\s@,;]+")
_COUNTRY_DOMAIN = re.compile(r"\.[a-z]{2}\W{0,9}$", re.IGNORECASE)

_HEMISPHERE = r"(?:[NSEWO](?![^\W\d_]))"
_DECIMAL = r"[-+−]?\d{1,3}[.,]\d{2,}•*"
_COORDINATES = (
    # 48.20849N, N48.20849, N: 48.20849, 48.20849°N, Lat 48.20849, Longitude: -16.37208, E 016.37208
    rf"(?<![^\W_])(?:lat|lon|lng|long|latitude|longitude)\W{{0,3}}[NSEWO]?\W{{0,3}}{_DECIMAL} ?°?",
    rf"(?<![^\W_])[NSEWO]\W{{0,2}}{_DECIMAL}(?!\d)",
    rf"(?<![^\W_]){_DECIMAL} ?[°º˚]? ?{_HEMISPHERE}",
    rf"(?<![^\W_]){_DECIMAL} ?[°˚]",
    # 48°12'30.5"N, N 48° 12.509', and without its degree sign after a hemisphere: N 48 12.509
    rf"(?:(?<![^\W_])[NSEWO]\W{{0,2}})?(?<!\d)\d{{1,3}} ?[°º˚*] ?\d{{1,2}}(?:[.,]\d+)?•*(?: ?['’′´`] ?"
    rf"(?:\d{{1,2}}(?:[.,]\d+)?•*)? ?(?:[\"”″]|['’′´`]{{2}})?)?(?: ?{_HEMISPHERE})?",
    r"(?<![^\W_])[NSEWO] ?\d{1,3} \d{1,2}\.\d{2,}•*(?!\d)",
    # 4812.5090N, E01622.3250: degrees and minutes as a receiver writes them
    r"(?<![^\W_])[NSEWO] ?\d{4,5}\.\d{3,}•*(?!\d)",
    rf"(?<![^\W_])\d{{4,5}}\.\d{{3,}}•* ?{_HEMISPHERE}",
    # 48.20849, 16.37208
    r"(?<![\w.,+])[-+−]?(?:[1-8]?\d|90)\.\d{4,}•* ?[ ,;/] ?[-+−]?(?:1[0-7]\d|180|\d{1,2})\.\d{4,}•*(?![.,]?\d)",
)
_YEAR = r"(?:1[5-9]|20)\d\d"
_MONTH, _DAY, _HOUR = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])", r"(?:[01]?\d|2[0-4])"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MEASURES = "km/h|kmh|kph|km|mph|mi|mm|cm|m2|m²|ft|kg|gr|ml|cl|lt|min|hrs|hr|kw|kwh|mhz|ghz|fps|gb|tb|mb|mp|px|pcs"
_MONEY = r"[$€£¥₹₽₩฿₫₺₴₪₱]|usd|eur|gbp|chf|rmb|inr|idr|rs\.?|rp\.?|kr\.?|zł|kč|ft\.?"
# "GA 482 KR" is a plate, whatever KR is worth: no price or measure follows a group of capitals.
_NO_LETTERS_BEFORE = "".join(rf"(?<!\b(?-i:[A-Z]{{{k}}})[ ·-])" for k in (1, 2, 3))
_NO_DIGIT_BEFORE = r"(?<!\d)(?<!\d\W)(?<!\d\W\W)(?<!\d\W\W\W)"  # what follows is no part of a longer number
# Currencies whose letters stand on plates too: with two decimals it is a price.
_LETTERS = (
    "rm|s\\$|r\\$|nt\\$|hk\\$|a\\$|nz\\$|c\\$|us\\$|s/|bs|lei|leu|den|din|km|lv|sfr|fr|zar|r|q|l|ksh|tsh|ush|tk|"
    "myr|sgd|hkd|twd|thb|vnd|krw|jpy|cny|cad|aud|nzd|brl|mxn|ars|clp|cop|pen|sek|nok|dkk|isk|czk|huf|ron|bgn|try|tl|"
    "rub|uah|грн|руб|лв|ден|дин|kzt|aed|sar|qar|omr|kwd|bhd|jod|ils|nis|egp|mad|dh|dhs|pkr|lkr|bdt|npr|php|kes|tzs|ugx"
)
_CLEAR = (
    # Dates, years and times. A digit or a hyphen at either end would make a longer number of it.
    rf"(?<![\d\-.]){_YEAR}([-/.]){_MONTH}\1{_DAY}(?![\d\-])",
    rf"(?<![\d\-.]){_DAY}([-/.]){_MONTH}\2{_YEAR}(?![\d\-])",
    rf"(?<![\d\-.]){_MONTH}([-/.]){_DAY}\3{_YEAR}(?![\d\-])",
    rf"(?<![\d\-.(+]){_YEAR} ?[-–/] ?{_YEAR}(?![\d\-])",
    rf"(?<![^\W_])(?:est|since|anno|año|desde|depuis|dal|seit|{_MONTHS})\b\.? ?{_YEAR}(?![\w\-])",
    rf"(?<![\d\-.:])(?<!\d ){_HOUR}[:h][0-5]\d(?::[0-5]\d)?(?: ?[ap]\.?m\.?(?!\w))?(?![\w:.\-])",
    rf"(?<![\d\-.:])(?<!\d ){_HOUR}\.[0-5]\d(?: ?[ap]\.?m\.?(?!\w))?(?![\w:.\-]| \d)",
    rf"(?<![\d\-.:]){_HOUR}(?::[0-5]\d)? ?[ap]\.?m\.?(?!\w)",
    rf"(?<![\d\-.:]){_HOUR}[:.][0-5]\d ?[-–] ?{_HOUR}[:.][0-5]\d(?![\w:.\-])",
    # Prices and measures
    rf"(?<![^\W_])(?:{_MONEY}) ?\d{{1,6}}(?:[.,]\d{{2,3}})*(?![\w\-]| \d)",
    rf"{_NO_LETTERS_BEFORE}(?<![\w.,\-])(?<!\d )\d{{1,6}}(?:[.,]\d{{2,3}})* ?(?:{_MONEY})(?![\w\-])",
    rf"{_NO_DIGIT_BEFORE}(?<![^\W_])(?:{_LETTERS}) ?\d{{1,4}}[.,]\d\d(?![\w\-]|\W{{1,3}}\d)",
    rf"{_NO_DIGIT_BEFORE}(?<![\w+(])\d{{1,4}}[.,]\d\d ?(?:{_LETTERS})(?![\w\-]|\W{{1,3}}\d)",
    rf"{_NO_LETTERS_BEFORE}(?<![\w.,\-])(?<!\d )\d{{1,4}}(?:[.,]\d{{1,2}})? ?(?:{_MEASURES})(?![^\W_])",
    # Ordinals, house numbers, and a state with its postal code as the end of an address
    r"(?<![^\W_])\d{1,3}(?:st|nd|rd|th)(?![^\W_])",
    r"(?<![^\W_])n[º°] ?\d{1,5}(?![\w\-]| \d)",
    r"(?<=,) ?[A-Z]{2} \d{5}(?![\w\-])",
)
_NOT_PRIVATE = re.compile("|".join((*_COORDINATES, *_CLEAR)), re.IGNORECASE)

# Short words that stand beside a number of up to three digits on signs: a bus, a road, a house, an opening hour.
_SIGN_WORDS = re.compile(
    "ave|av|st|rd|dr|ln|hwy|rte|rt|us|sr|km|no|nr|bus|via|rua|rue|cra|cll|jl|jln|de|la|el|of|or|and|tel|fax|"
    f"mon|tue|wed|thu|fri|sat|sun|{_MONTHS}",
    re.IGNORECASE,
)
_ROAD = re.compile(r"L{1,2}9{1,3}")


def mask(text: str) -> str:
    """``text`` with whatever looks like a plate, a phone number or an e-mail address masked letter by letter.

    Spaces and punctuation stay, so that the shape is seen; of an e-mail address a country's domain stays as well.
    Coordinates as dashcams print them are evidence and stay, to six decimals.

    Args:
        text: Any text, in any script.

    Returns:
        A text of the same length. Masking it again changes nothing, and it has no run of seven digits.

    >>> mask("Taxi 1234 ABC, tel. +34 91 123 45 67")
    'Taxi •••• •••, tel. +•• •• ••• •• ••'
    >>> mask("info@hotel-sol.es"), mask("N48.20849 E16.37208, A7, 28013")
    ('••••@•••••-•••.es', 'N48.20849 E16.37208, A7, 28013')
    """
    # Masking one thing can uncover another (its neighbour was part of a longer word), so go on until nothing changes;
    # each round masks at least one character more, so it ends.
    while True:
        hidden = sorted(set(_private_positions(text)))
        if not hidden:
            return text
        characters = list(text)
        for i in hidden:
            characters[i] = MASK
        text = "".join(characters)


def masked(readings: Sequence[Reading]) -> list[Reading]:
    """Copies of ``readings`` with their texts masked; what stands on a plate is masked wholly, whatever its shape."""
    return [
        replace(reading, text=hidden(reading.text) if reading.region == "plate" else mask(reading.text))
        for reading in readings
    ]


def hidden(text: str) -> str:
    """``text`` with every letter, mark and digit masked.

    >>> hidden("AB 12-C")
    '•• ••-•'
    """
    return "".join(MASK if shape in "L9" else character for character, shape in zip(text, _shape(text), strict=True))


def is_sensitive(text: str) -> bool:
    """Whether :func:`mask` would mask anything in ``text``.

    >>> is_sensitive("B-AB 123"), is_sensitive("Calle de Alcalá, 42")
    (True, False)
    """
    return any(True for _ in _private_positions(text))


def _shape(text: str) -> str:
    """One character for each of ``text``: L letter or mark, 9 number, space, hyphen; the rest as it is."""
    return "".join(map(_shape_of, text))


def _shape_of(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LM":
        return "L"
    if category[0] == "N":
        return "9"
    if category == "Pd" or character == "−":
        return "-"
    if category[0] in "ZC":  # separators and control characters
        return " "
    return character


def _private_positions(text: str) -> Iterator[int]:
    """Positions of the letters and digits that have to be masked, some of them more than once."""
    shape = _shape(text)
    for start, stop in _private_spans(text, shape):
        yield from (i for i in range(start, stop) if shape[i] in "L9")


def _private_spans(text: str, shape: str) -> Iterator[tuple[int, int]]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        country = _COUNTRY_DOMAIN.search(text, match.start(), match.end())
        yield match.start(), country.start() if country else match.end()

    kept = list(shape)
    for match in _NOT_PRIVATE.finditer(text):
        kept[match.start() : match.end()] = "\0" * (match.end() - match.start())
    rest = "".join(kept)

    for pattern in (_PHONE, _SPELLED_PHONE):
        for match in pattern.finditer(rest):
            yield match.span()
            rest = rest[: match.start()] + "\0" * (match.end() - match.start()) + rest[match.end() :]
    yield from _plate_spans(text, rest)
    # Whatever was set aside: six decimals of a degree are a hand's breadth, the seventh has no use.
    for match in _RUN.finditer(shape):
        yield match.start() + 6, match.end()


def _plate_spans(text: str, shape: str) -> Iterator[tuple[int, int]]:
    """Spans of one to five neighbouring short words that mix letters and digits as a licence plate does."""
    group: list[tuple[int, int]] = []
    for match in _WORD.finditer(shape):
        word = match.span()
        if not _is_plate_word(text[word[0] : word[1]], shape[word[0] : word[1]]):
            group = []
            continue
        if group and not _JOIN.fullmatch(shape, group[-1][1], word[0]):
            group = []
        group = [*group[-4:], word]
        # Every way to take the last few words of the group: a plate may follow a house number.
        for first in range(len(group)):
            spans = group[first:]
            # Such a word stands before its number, or right behind it; after letters and a number it ends a plate.
            near = spans if len(spans) <= 2 else spans[:1]
            signs = any(_SIGN_WORDS.fullmatch(text, a, b) for a, b in near)
            words = [shape[a:b] for a, b in spans]
            if _is_plate(words) and not (signs and "".join(words).count("9") <= 3):
                yield group[first][0], word[1]


def _is_plate_word(word: str, shape: str) -> bool:
    letters = shape.count("L") - sum(unicodedata.combining(c) != 0 for c in word)
    if "9" not in shape:
        # Plates are printed in capitals: "Via" and "Rua" are words, "VIA" might not be.
        titled = letters >= 3 and word[0].isupper() and word[1:].islower()
        return letters <= 3 and not titled
    if "L" not in shape:
        return len(shape) <= 6
    return len(shape) <= 10


def _is_plate(words: list[str]) -> bool:
    joined = "".join(words)
    if "L" not in joined or "9" not in joined:
        return False
    if len(words) > 1 and all(_ROAD.fullmatch(word) for word in words):
        return False
    # Up to ten where letters and digits alternate, as in KA 05 MH 1234.
    alternations = joined.count("L9") + joined.count("9L")
    return 5 <= len(joined) <= (10 if alternations >= 2 else 8)
