"""The gate in front of every look-up: what may be asked of a service, and nothing else.

Never in a query: what is on a number plate or looks like one, telephone numbers, e-mail addresses, names of people,
coordinates, file names and paths, handles, dates, numbers of accounts, passwords. A text that holds any of it is not
asked at all: a part of it would be a guess at where the private part ends. The one thing that is cut out is the postal
code of an address, where it has the shape of a plate (SW1A 2AA). What two lines say only together is
:mod:`fusion.private_lines`' part.

What comes out is one line of letters as a sign has them: no control characters, no marks of direction, no quotes or
brackets, and nothing at a word's beginning that a search engine takes for a command (``!``, ``:``, ``<``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from data.folding import fold, is_han_or_kana
from detectors.addresses import AddressReader
from detectors.base import Reading
from detectors.lines import tokens_of
from detectors.person_names import is_person_like, stray_names
from detectors.postal import codes_in
from detectors.privacy import MASK, mask
from detectors.street_lines import street_in, street_kinds
from fusion.private_marks import (
    has_account,
    has_code,
    has_date,
    has_path,
    has_position,
    is_addressed,
    is_masked,
    is_plate_with_slips,
)

__all__ = ["LEAST_LETTERS", "MOST_CHARACTERS", "askable", "askable_address", "cleaned"]

MOST_CHARACTERS = 80
"""A longer line is a paragraph, and is not asked."""
LEAST_LETTERS = 4
"""A shorter name is too many things; a Han or Hangul sign counts as two."""
_MOST_DIGITS = 4  # of a name: Studio 54, Café 1900
_MOST_DATE_DIGITS = 6  # Place du 8 Mai 1945
_MOST_ADDRESS_DIGITS = 14
_DIGITS = re.compile(r"\d+")
_COUNTED = re.compile(r"(?:№|\b(?:no|nr|n[º°])\b\.?)\s?\d{1,4}(?!\d)", re.IGNORECASE)
_LONG_RUN = re.compile(r"\d{5,}")
_WORD = re.compile(r"[^\W\d_]+")
_BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_BRACKETS = re.compile(r"[\"“”„«»‹›`(){}\[\]<>|~^*=%$§¤•¬¦]+")
_COMMANDS = re.compile(r"(?:(?<=\s)|^)[^\w\s&#№+'’\-/@\\.]+(?=\S)")
_NUMERO = "\ue000"  # of the private use area: normalisation leaves it alone
_ENDS = " ,;:-–—/.'’&+#·?!"
_READER = AddressReader()


@dataclass(frozen=True, slots=True)
class _Address:
    """Where the parts of an address stand in a text: characters ``[start, end)``."""

    streets: tuple[tuple[int, int], ...]
    parts: tuple[tuple[int, int], ...]
    codes: tuple[tuple[int, int], ...]


def askable(text: str, *, region: str = "") -> str | None:
    """``text`` as it may be asked of a service, or None where it may not.

    Args:
        text: A name or an address, as read.
        region: ``Reading.region``: what stands on a plate is never asked.

    Returns:
        At most ``MOST_CHARACTERS`` characters. Asking again changes nothing.

    Raises:
        DatasetError: A shipped table is missing or damaged.

    >>> askable("  Bäckerei «Müller» "), askable("Bäckerei Hans Müller"), askable("Pizzeria Roma, Tel. 1234")
    ('Bäckerei Müller', None, None)
    >>> askable("W-12345 X", region="plate"), askable("48.20849, 16.37208"), askable("12 Rue Jean Jaurès, 75001 Paris")
    (None, None, '12 Rue Jean Jaurès, 75001 Paris')
    """
    if region == "plate" or MASK in text:
        return None
    plain, clean = _plain(text), cleaned(text)
    if not _fits(clean) or _is_private(plain) or _is_private(clean):
        return None
    address = _address_in(clean)
    if address is not None:
        return _asked_address(clean, address)
    if (
        is_masked(plain)
        or is_masked(clean)
        or has_date(clean, street=_begins_as_street(clean))
        or not _is_name(clean)
        or is_person_like(clean)
    ):
        return None
    return clean


def askable_address(text: str, *, region: str = "") -> str | None:
    """The same for an address: a street's name, or a postal code and its town; None for what is none.

    It may hold a house number, a postal code and the name that a street has of a person, but no person beside it.

    >>> askable_address("Martin-Luther-Straße 5, 1010 Wien"), askable_address("Hans Müller, Hauptstraße 5")
    ('Martin-Luther-Straße 5, 1010 Wien', None)
    >>> askable_address("10 Downing St, London SW1A 2AA"), askable_address("Hotel Sol")
    ('10 Downing St, London', None)
    """
    return askable(text, region=region) if _address_in(cleaned(text)) is not None else None


def cleaned(text: str) -> str:
    r"""``text`` in one line, without what is no letter of a name; cleaning again changes nothing.

    >>> cleaned("!bang \u202eHotel\u202c\n“Sol”"), cleaned("Ｈｏｔｅｌ Ｓｏｌ")
    ('bang Hotel Sol', 'Hotel Sol')
    """
    before = None
    while before != text:
        before = text
        text = " ".join(_BRACKETS.sub(" ", _plain(text)).split())
        text = _COMMANDS.sub("", text).strip(_ENDS)
    return text


def _plain(text: str) -> str:
    """One line of the usual characters, punctuation and all: what tells a handle or a path is still there."""
    # NFKC makes "No16" of №16.
    text = unicodedata.normalize("NFKC", text.replace("№", _NUMERO)).replace(_NUMERO, "№")
    return " ".join("".join(_kept(c) for c in text).split())


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if character == "№":
        return character
    if category in ("Cf", "Co", "Cs", "Cn"):
        return ""
    if category in ("Cc", "Zs", "Zl", "Zp", "So", "Sk"):
        return character if character in "°©®☎" else " "  # told apart later: coordinates, bad e-mail addresses
    return character


def _fits(text: str) -> bool:
    letters = sum(2 if is_han_or_kana(c) or "\uac00" <= c <= "\ud7a3" else 1 for c in text if c.isalpha())
    return letters >= LEAST_LETTERS and len(text) <= MOST_CHARACTERS


def _is_private(text: str) -> bool:
    return has_path(text) or has_position(text) or has_account(text) or is_addressed(text) or is_plate_with_slips(text)


def _is_name(text: str) -> bool:
    """Whether its numbers are those of a name, and a word stands beside them."""
    most = _MOST_DATE_DIGITS if _begins_as_street(text) else _MOST_DIGITS
    digits = _digits(text)
    words = (m.group() for m in _WORD.finditer(text))
    if not _begins_as_street(text) and has_code(text):
        return False
    if any(
        len(m.group()) == _MOST_DIGITS and not _is_year(m.group()) for m in _DIGITS.finditer(_COUNTED.sub("", text))
    ):
        return False  # Hotel Sol 7012 may be a telephone's
    return digits == 0 or (digits <= most and any(_fits(word) for word in words))


def _address_in(text: str) -> _Address | None:
    """The address in a cleaned text; None where it has no street and no postal code with its town."""
    reading = Reading("r", text, _BOX, 1.0)
    streets = tuple(
        (start, end) for street in street_in(tokens_of(0, reading), reading) for _, start, end in street.spans
    )
    parts = list(streets)
    for clue in _READER.clues([reading]):
        for source in clue.evidence.sources:
            _, _, span = source.partition(":")
            start, _, end = span.partition("-")
            if end:
                parts.append((int(start), int(end)))
    if not parts:
        return None
    return _Address(streets, tuple(parts), tuple((code.start, code.end) for code in codes_in(text)))


def _asked_address(text: str, address: _Address) -> str | None:
    hidden = mask(text)
    if hidden != text:
        codes = tuple((start, end) for start, end in address.codes if MASK in hidden[start:end])
        shorter = cleaned(_without(text, codes))
        return None if MASK in _without(hidden, codes) or shorter == text else askable(shorter)
    rest = _without(text, address.parts)
    if has_date(_without(text, address.streets), street=_begins_as_street(text)):
        return None
    known = (*address.codes, *address.streets)
    if any(not any(a <= m.start() and m.end() <= b for a, b in known) for m in _LONG_RUN.finditer(text)):
        return None
    if _digits(text) > _MOST_ADDRESS_DIGITS or not _is_rest(rest):
        return None
    # A name beside a street alone is a church in it; beside a house it may be who lives there.
    located = any(c.isdecimal() for start, end in address.parts for c in text[start:end])
    return None if is_person_like(text) or (located and stray_names(rest)) else text


def _is_year(digits: str) -> bool:
    return 1500 <= int(digits) <= 2100


def _begins_as_street(text: str) -> bool:
    first = next(iter(fold(text).split()), "")
    return len(first) > 1 and first in street_kinds()


def _is_rest(rest: str) -> bool:
    """Whether what stands beside an address has few digits, of a floor or a door, and no code."""
    digits = _digits(rest)
    return digits == 0 or (digits <= _MOST_DIGITS and not has_code(rest))


def _digits(text: str) -> int:
    return sum(c.isnumeric() and not is_han_or_kana(c) for c in text)


def _without(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    characters = list(text)
    for start, end in spans:
        characters[start:end] = " " * (end - start)
    return "".join(characters)
