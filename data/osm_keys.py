"""What things of the map are looked up by beside their names: phone numbers, web sites, house numbers, squares.

Indexes are written and asked with the same functions.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

__all__ = ["host_of", "house_numbers", "phone_digits", "phone_key", "same_phone", "spot_of", "spots_around"]

_PHONE_DIGITS: Final = 7
_CALLED: Final = re.compile(r"(?:\(\s*)?\+?[(\d][\d\s()./·–-]*")  # no further than a word: "ext. 12"
_TRUNK: Final = re.compile(r"\(\s*0\s*\)")
# Country codes of two digits; those of one are 1 and 7, and all others have three (ITU-T E.164).
_TWO: Final = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98"
)
_LEAST_INTERNATIONAL: Final = 11  # digits, with a zero that is dialled inside the country only
_HOST: Final = re.compile(r"(?:[a-z]+://)?(?:www\d?\.)?([^\s/?#:@]+\.(?:[^\W\d_]{2,}|xn--[a-z0-9-]+))(?:[/?#:]|$)")
# Hosts where many have their page: the host alone tells nothing of whose it is.
_PAGES: Final = """
facebook.com fb.com fb.me instagram.com twitter.com x.com youtube.com youtu.be tiktok.com linkedin.com vk.com ok.ru t.me
wa.me whatsapp.com linktr.ee tripadvisor.com booking.com airbnb.com google.com maps.google.com goo.gl maps.app.goo.gl
g.page business.site sites.google.com wikipedia.org bit.ly foursquare.com yelp.com openstreetmap.org
pinterest.com wixsite.com jimdo.com
"""
_SHARED: Final = frozenset(_PAGES.split())
_SHARED_UNDER: Final = ("facebook.com", "wikipedia.org", "vk.com")  # de-de.facebook.com
_MOST_PARTS: Final = 12  # of a list of house numbers
_LATIN: Final = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")  # Cyrillic capitals that print as Latin ones
_ROWS: Final = 18_000  # squares from pole to pole
_COLUMNS: Final = 36_000


def spot_of(lat: float, lon: float) -> int:
    """Number of the square of a hundredth of a degree that a point lies in."""
    row, column = _square(lat, lon)
    return row * _COLUMNS + column


def spots_around(lat: float, lon: float) -> list[int]:
    """Numbers of the square that a point lies in and of those next to it, across the date line too, ascending.

    >>> len(spots_around(47.0, 9.5)), spot_of(47.0, -180.0) in spots_around(47.0, 179.999)
    (9, True)
    """
    row, column = _square(lat, lon)
    rows = range(max(row - 1, 0), min(row + 1, _ROWS) + 1)
    return sorted({r * _COLUMNS + (column + b) % _COLUMNS for r in rows for b in (-1, 0, 1)})


def _square(lat: float, lon: float) -> tuple[int, int]:
    return math.floor((lat + 90.0) * 100.0), math.floor(((lon + 180.0) % 360.0) * 100.0) % _COLUMNS


def phone_digits(text: str) -> str:
    """The digits of a phone number, in ASCII, without the zeros in front.

    Nor with a zero behind the country's code, which only the country itself dials, where ``+`` or ``00`` tells of one.

    >>> phone_digits("+43 (0)2732 / 12 34-56"), phone_digits("02732 123456 ext. 9"), phone_digits("٠٢ ١٢٣٤٥٦٧")
    ('432732123456', '2732123456', '21234567')
    """
    found = _CALLED.search("".join(_ascii(c) for c in text))
    if found is None:
        return ""
    digits = re.sub(r"\D", "", _TRUNK.sub("", found[0]))
    international = "+" in found[0] or digits.startswith("00")
    digits = digits.lstrip("0")
    return _without_trunk(digits) if international else digits


def _ascii(c: str) -> str:
    value = unicodedata.decimal(c, None)
    return c if value is None else str(value)


def _without_trunk(digits: str) -> str:
    """Without a zero behind a country's code, where the number is long enough to have one."""
    if len(digits) < _LEAST_INTERNATIONAL or digits[0] in "17":
        return digits
    at = 2 if digits[:2] in _TWO.split() else 3
    return digits[:at] + digits[at + 1 :] if digits[at] == "0" else digits


def phone_key(text: str) -> str:
    """The last seven digits of a phone number, which are the same however it is dialled; "" where it has fewer.

    >>> phone_key("+423 / 232-14.00"), phone_key("110")
    ('2321400', '')
    """
    digits = phone_digits(text)
    return digits[-_PHONE_DIGITS:] if len(digits) >= _PHONE_DIGITS else ""


def same_phone(asked: str, known: str) -> bool:
    """Whether two numbers may be one: the digits of the shorter are the end of the longer.

    Args:
        asked: As ``phone_digits`` gives them; it may be a country's code and a zero though no ``+`` tells of it.
        known: The same, of a map.

    >>> same_phone("2732123456", "432732123456"), same_phone("4302732123456", "432732123456")
    (True, True)
    >>> same_phone("3125551234", "12125551234")
    False
    """
    for digits in {asked, _without_trunk(asked)}:
        shorter, longer = sorted((digits, known), key=len)
        if len(shorter) >= _PHONE_DIGITS and longer.endswith(shorter):
            return True
    return False


def host_of(site: str) -> str:
    """The host of a web address without ``www.``, or ""; also "" where many have their pages on it.

    >>> host_of("https://www.Hotel-Post.at/de?x=1"), host_of("hotel-post.at"), host_of("none")
    ('hotel-post.at', 'hotel-post.at', '')
    >>> host_of("https://www.facebook.com/hotel.post"), host_of("http://xn--80aswg.xn--p1ai/")
    ('', 'сайт.рф')
    """
    match = _HOST.match(site.strip().lower())
    host = match[1] if match else ""
    if "xn--" in host:
        try:
            host = host.encode("ascii").decode("idna")
        except UnicodeError:
            return ""
    shared = host in _SHARED or any(host.endswith(f".{under}") for under in _SHARED_UNDER)
    return "" if shared else host


def house_numbers(text: str) -> list[str]:
    """The numbers of a house as they are asked for: each of a list, and a range's both ends beside it.

    >>> house_numbers("12 a"), house_numbers("3;5, 7"), house_numbers("12-16"), house_numbers("25А к2") == ["25AK2"]
    (['12A'], ['3', '5', '7'], ['12-16', '12', '16'], True)
    """
    found: dict[str, None] = {}
    for part in re.split(r"[;,]", text)[:_MOST_PARTS]:
        number = re.sub(r"\s+", "", part).upper().translate(_LATIN)
        if not number:
            continue
        found[number] = None
        ends = re.split("[-–—/]", number)
        if len(ends) == 2 and all(re.fullmatch(r"\d{1,5}[^\W\d_]?", end) for end in ends) and "/" not in number:
            found.update(dict.fromkeys(ends))
    return list(found)
