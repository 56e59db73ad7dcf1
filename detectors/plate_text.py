"""The characters of plates: which of them are the same on a plate, and what stands between them.

Plates of Russia, Greece or Ukraine use letters that look like Latin ones, and readers give either; umlauts lose their
dots. So a plate's text is compared *folded*: capitals, without accents, look-alikes of Cyrillic and Greek as Latin
letters, without what separates groups.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

__all__ = ["fold", "gaps"]

_LOOK_ALIKES = dict(zip("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYX", strict=True))


def fold(text: str) -> str:
    """Letters and digits of ``text`` as plates are compared: see the module's docstring.

    >>> fold("wü ab-12"), fold("А123ВС 77"), fold("品川 300 さ 12-34")
    ('WUAB12', 'A123BC77', '品川300さ1234')
    """
    return "".join(_folded(c) for c in text)


def gaps(text: str) -> tuple[str, str]:
    r"""Folded text, and for each of its characters what stands before it: a blank where nothing does.

    Of several separators the one that says most: ``/`` a new line, ``-`` any hyphen, ``.`` any dot, ``_`` a space.

    >>> gaps("B-AB 12"), gaps("AB\n12")
    (('BAB12', ' - _ '), ('AB12', '  / '))
    """
    letters: list[str] = []
    before: list[str] = []
    gap = " "
    for character in text:
        folded = _folded(character)
        if folded:
            letters.append(folded)
            before.append((gap if letters[1:] else " ") + " " * (len(folded) - 1))
            gap = " "
        else:
            kind = _kind(character)
            gap = kind if " _.-/".index(kind) > " _.-/".index(gap) else gap
    return "".join(letters), "".join(before)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if unicodedata.category(character)[0] not in "LNM":
        return ""
    out = ""
    for one in unicodedata.normalize("NFKC", character).upper():
        base = unicodedata.normalize("NFD", one)[0]
        one = base if base.isascii() else one
        if one.isascii() and not one.isalnum():
            continue
        out += _LOOK_ALIKES.get(one, one)
    return out


def _kind(character: str) -> str:
    if character in "/\n":
        return "/"
    if unicodedata.category(character) == "Pd" or character in "~=":
        return "-"
    return "_" if character.isspace() else "."
