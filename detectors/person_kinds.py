"""What each word of a text may be: a given name, a surname, a title, a trade, a particle, or a word like any other.

The words that :mod:`detectors.person_names` judges together.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from data.folding import fold, joined
from data.gazetteer import load_default
from detectors.brand_table import load_default as load_brands
from detectors.language_words import sign_words
from detectors.person_table import person_names
from detectors.person_words import (
    FLOORS,
    HONOURED,
    JOINING,
    LEGAL_FORMS,
    PARTICLES,
    PLACE_NAMED,
    PLACE_NAMED_AS_PERSON,
    SAINTS,
    STRONG_TITLES,
    SURNAME_ENDINGS,
    TRADE_ENDINGS,
    TRADES,
    WEAK_TITLES,
)

__all__ = ["SHORT", "PersonWord", "is_chain", "is_common", "is_sign_word", "is_town", "person_words_of"]

SHORT = 3
"""Letters that a name, a kind of street or a word has at least, to tell anything."""
_WORD = re.compile(r"[^\W_](?:[^\s,;:/|()\[\]{}<>\"“”„«»&+*•=~\-‐–—_.]|(?<=[^\W\d_])\.(?=[^\W\d_]\.))*")
_CAMEL = re.compile(r"\b([A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,})([A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,})\b")
_ROMAN = re.compile(r"[IVX]{2,5}")
_SLIPS = str.maketrans("01358", "oiesb")
_COMMON = 3.5  # Zipf frequency of a word that is hardly a surname
_CITY = 20_000  # inhabitants of a city whose name is hardly a surname
_ENDING = 3  # letters before a surname's or a trade's end
_ARTICLES = frozenset("aeiouyld")


@dataclass(frozen=True, slots=True)
class PersonWord:
    """A word and what it may be: letters of ``kinds``.

    ``g`` given name, ``s`` surname, ``?`` unknown, ``c`` common word, ``x`` trade, ``p`` particle, ``i`` initial,
    ``n`` neither, ``w`` a word of signs as well, ``v`` of two letters,
    ``T`` strong title, ``t`` weak title, ``S`` saint, ``H`` named after the dead, ``&`` joins a firm's names.
    """

    folded: str
    kinds: str
    dotted: bool = False


def is_chain(text: str) -> bool:
    """Whether the whole of ``text`` is the name of a chain (``detectors.brand_table``).

    >>> is_chain("Giorgio Armani"), is_chain("Anna Schmidt")
    (True, False)
    """
    return load_brands().lookup(joined(fold(text))) is not None


def is_sign_word(word: str) -> bool:
    """Whether ``word`` is a usual word of shops, offices and streets in some language.

    >>> is_sign_word("CAFE"), is_sign_word("GIKS")
    (True, False)
    """
    return fold(word) in TRADES or fold(word) in _sign_words()


def is_town(text: str) -> bool:
    """Whether the whole of ``text`` is a town, a large one where a person might be called so.

    >>> is_town("Santa Maria"), is_town("Anna Schmidt")
    (True, False)
    """
    words = fold(text).split()
    names = person_names()
    called = len(words) > 1 and words[0] in names.given and words[-1] in names.surnames
    least = PLACE_NAMED_AS_PERSON if called else PLACE_NAMED
    return any(m.place.population >= least for m in load_default().lookup(text))


@functools.lru_cache(maxsize=4096)
def is_common(folded: str) -> bool:
    """Whether it is a common word or a city, and so hardly a surname that the table lacks."""
    gazetteer = load_default()
    return gazetteer.commonness(folded) >= _COMMON or any(m.place.population >= _CITY for m in gazetteer.lookup(folded))


def person_words_of(text: str) -> list[PersonWord]:
    """The words of ``text`` in order, towns of several words left out.

    >>> [(word.folded, word.kinds) for word in person_words_of("Bäckerei Hans Müller")]
    [('backerei', 'x'), ('hans', 'gs'), ('muller', 's')]
    """
    text = _without_towns(_CAMEL.sub(_parted, text))
    mixed = any(c.isupper() for c in text) and any(c.islower() for c in text)
    numbered = any(c.isdecimal() for c in text)
    out: list[PersonWord] = []
    end = 0
    for match in _WORD.finditer(text):
        if "&" in text[end : match.start()] or "+" in text[end : match.start()]:
            out.append(PersonWord("&", "&"))
        end = match.end()
        dotted = text[end : end + 1] == "." or "." in match[0]
        out += _kinds_of(match[0], dotted=dotted, mixed=mixed, numbered=numbered)
    for at in range(1, len(out)):
        if out[at].kinds == "t" and "g" in out[at - 1].kinds:
            out[at] = PersonWord(out[at].folded, "s")  # Lara Pastor
    # A saint's name is no person's.
    for at, word in enumerate(out):
        if word.kinds == "S" and at and out[at - 1].kinds not in ("x", "n", "H", "p"):
            out[at] = PersonWord(word.folded, "n")  # Main St
        elif word.kinds == "S":
            for i in range(at + 1, min(at + 3, len(out))):
                if not set(out[i].kinds) & set("gs?"):
                    break
                out[i] = PersonWord(out[i].folded, "x")
    return out


def _parted(match: re.Match[str]) -> str:
    """HansMüller as two words: OCR loses spaces. CenturyLink stays one."""
    names = person_names()
    one, other = fold(match[1]), fold(match[2])
    return f"{match[1]} {match[2]}" if one in names.given and other in names.surnames else match[0]


def _without_towns(text: str) -> str:
    """``text`` without towns of two words or three: Monte Carlo, Rio de Janeiro."""
    words = list(re.finditer(r"[^\s,;/&]+", text))
    for size in (3, 2):
        for at in range(len(words) - size + 1):
            start, end = words[at].start(), words[at + size - 1].end()
            first = fold(words[at][0])
            if first not in SAINTS and first not in PARTICLES and is_town(text[start:end]):
                return f"{text[:start]} ; {text[end:]}"
    return text


def _kinds_of(written: str, *, dotted: bool, mixed: bool, numbered: bool) -> Iterator[PersonWord]:
    names = person_names()
    letters = sum(c.isalpha() for c in written)
    if not letters or _ROMAN.fullmatch(written):
        yield PersonWord(written, "n")
        return
    if letters < len(written) and 2 * letters > len(written):
        written = "".join(c.translate(_SLIPS) if c in "01358" else c for c in written)
    for word in fold(written).split():
        if word in STRONG_TITLES and (len(word) > 1 or dotted):
            kinds = "T"
        elif numbered and word in FLOORS:
            kinds = "n"
        elif word in SAINTS:
            kinds = "S"
        elif word in WEAK_TITLES:
            kinds = "t"
        elif len(word) == 1 and written[:1].isupper() and (dotted or word not in _ARTICLES):
            kinds = "i"
        elif "." in written and all(len(part) == 1 and part.isupper() for part in written.split(".") if part):
            kinds = "i"  # J.R.
        elif word in PARTICLES and not (mixed and written[:1].isupper() and word in names.given | names.surnames):
            kinds = "p&" if word in JOINING else "p"
        elif word in JOINING:
            kinds = "&"
        elif word in LEGAL_FORMS and written.isascii() == word.isascii() and word not in names.given:
            kinds = "x"
        elif word in HONOURED:
            kinds = "H"
        elif mixed and written[:1].islower():
            kinds = "x"
        else:
            kinds = ("g" if word in names.given else "") + ("s" if word in names.surnames else "")
            signs = is_sign_word(word)
            if kinds:
                kinds += ("w" if signs else "") + ("v" if len(word) < SHORT and word.isascii() else "")
            elif signs or any(word.endswith(e) and len(word) - len(e) >= _ENDING for e in TRADE_ENDINGS):
                kinds = "x"
            elif any(word.endswith(e) and len(word) - len(e) >= _ENDING for e in SURNAME_ENDINGS):
                kinds = "s"
            elif len(word) < SHORT:
                kinds = "n"
            else:
                kinds = "c" if is_common(word) else "?"
        yield PersonWord(word, kinds, dotted)


@functools.lru_cache(maxsize=1)
def _sign_words() -> frozenset[str]:
    return frozenset(fold(word) for words in sign_words().values() for word in words)
