"""Embassies and consulates: of what country, in the languages that their plates are written in.

They stand anywhere but in the country that they name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from data.folding import fold
from detectors.lines import Token

__all__ = ["country_called", "embassy_of"]

_WORDS = frozenset(
    str.split(
        "embassy consulate commission ambassade consulat embajada consulado embaixada ambasciata consolato botschaft "
        "generalkonsulat konsulat ambassaden ambasada ambasadei velvyslanectvi veleposlanistvo nagykovetseg "
        "buyukelciligi посольство консульство генконсульство посольства kedutaan konsulat"
    )
)
_FILLERS = frozenset(
    str.split(
        "of the general generale general de du des d la le l el del di do da dos der des von van republic republik "
        "royal high honorary honoraire besar federal state democratic republique republica repubblica kingdom "
        "bundesrepublik королевства республики в permanent mission"
    )
)
# What the people of a country call their embassy in English: "French Embassy".
_ADJECTIVES = {
    "american": "US", "us": "US", "british": "GB", "french": "FR", "german": "DE", "italian": "IT", "spanish": "ES",
    "russian": "RU", "chinese": "CN", "japanese": "JP", "indian": "IN", "canadian": "CA", "australian": "AU",
    "turkish": "TR", "swiss": "CH", "swedish": "SE", "norwegian": "NO", "danish": "DK", "dutch": "NL", "polish": "PL",
    "greek": "GR", "mexican": "MX", "brazilian": "BR", "egyptian": "EG", "israeli": "IL", "korean": "KR", "thai": "TH",
}  # fmt: skip
_LOCALES = ("en", "fr", "es", "pt", "it", "de", "nl", "ru", "pl", "id", "tr")
_LONGEST = 5


def embassy_of(line: Sequence[Token]) -> tuple[str, int, int] | None:
    """The country whose embassy a line names, with the first of its words and the one after the last; or None.

    >>> from detectors.base import Reading
    >>> from detectors.lines import tokens_of
    >>> box = ((0, 0), (90, 0), (90, 20), (0, 20))
    >>> embassy_of(tokens_of(0, Reading("r0", "Ambassade de France", box, 0.99)))
    ('FR', 0, 3)
    """
    for i, token in enumerate(line):
        if token.word not in _WORDS or (token.word == "commission" and (i == 0 or line[i - 1].word != "high")):
            continue
        start = i + 1
        for start in range(i + 1, min(i + 7, len(line))):
            for size in range(min(_LONGEST, len(line) - start), 0, -1):
                words = [t.word for t in line[start : start + size]]
                code = country_called(words)
                if code:
                    return code, i, start + size
            if line[start].word not in _FILLERS:
                break
        if i and line[i - 1].word in _ADJECTIVES:
            return _ADJECTIVES[line[i - 1].word], i - 1, i + 1
    return None


def country_called(words: Sequence[str]) -> str:
    """The country whose name the folded ``words`` are, in one of eleven languages, or "".

    >>> country_called(["cote", "divoire"]), country_called(["deutschland"]), country_called(["paris"])
    ('CI', 'DE', '')
    """
    names = _countries()
    return names.get(" ".join(words)) or names.get(" ".join([_bare(words[0]), *words[1:]]), "")


def _bare(word: str) -> str:
    return word[1:] if word[:1] in "dl" else word  # d'Italie, l'Inde


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Names of countries in several languages, folded, to their codes."""
    from babel import Locale  # lazy: reads eleven languages' names, only where an embassy was read

    out = {"usa": "US", "united states of america": "US", "uk": "GB", "great britain": "GB", "korea": "KR"}
    for name in _LOCALES:
        for code, country in Locale.parse(name).territories.items():
            if len(code) == 2 and code.isalpha() and code not in ("EU", "UN", "EZ", "ZZ", "QO"):
                out.setdefault(fold(country), code)
    return out
