"""Whether a text names a person: such a text is never sent to anybody.

A given name and a surname beside each other are a person, with a trade or without one ("Bäckerei Hans Müller"); so is
what a title stands before ("Dr. Schmidt"), initials and a surname, and a given name with a word that is nothing else
known. A surname or a given name with a trade is a shop ("Bäckerei Müller", "Café Maria"); saints, streets, schools
named after somebody, towns and chains are none. Given names and surnames are those of Faker's 80 locales
(``detectors.person_table``), and surnames also go by their ends ("-ović", "-sson").

In doubt it is a person: a question that is not asked costs a hit, one that is asked cannot be taken back. A single
word is never one, for a name that the table knows is the name of too many; a rare surname alone on a bell is
therefore not seen as one, and neither is a name of which the table knows no part.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from data.folding import fold, joined
from data.gazetteer import load_default
from detectors.base import Reading
from detectors.brand_table import BrandTable
from detectors.language_words import sign_words
from detectors.lines import tokens_of
from detectors.person_east import is_eastern_name, is_eastern_script
from detectors.person_table import person_names
from detectors.person_words import (
    CHAINED_STREET,
    DEGREES,
    FLOORS,
    GIVEN_TITLES,
    HONOURED,
    JOINING,
    LEGAL_FORMS,
    PARTICLES,
    PATRONYMICS,
    PLACE_NAMED,
    PLACE_NAMED_AS_PERSON,
    SAINTS,
    SHORT_KINDS,
    STRONG_TITLES,
    SURNAME_ENDINGS,
    TRADE_ENDINGS,
    TRADES,
    VIETNAMESE,
    WEAK_TITLES,
)
from detectors.street_lines import street_in, street_kinds

__all__ = ["is_chain", "is_person_like", "is_sign_word", "stray_names"]

_BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_WORD = re.compile(r"[^\W_](?:[^\s,;:/|()\[\]{}<>\"“”„«»&+*•=~\-‐–—_.]|(?<=[^\W\d_])\.(?=[^\W\d_]\.))*")
_POSSESSIVE = re.compile(r"([^\W\d_]+[\s-]+[^\W\d_]+)['’´`]s\b", re.IGNORECASE)
_CAMEL = re.compile(r"\b([A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,})([A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,})\b")
_ROMAN = re.compile(r"[IVX]{2,5}")
_TURKISH = re.compile(r"[ışğİŞĞ]")  # Av. is an advocate there
_RUSSIAN = re.compile(r"(?<!\w)(?:г-н|г-жа)(?!\w)", re.IGNORECASE)
_SLIPS = str.maketrans("01358", "oiesb")
_LONGEST = 200  # characters; a longer line is a paragraph, and what it names is looked for in its beginning
_COMMON = 3.5  # Zipf frequency of a word that is hardly a surname
_CITY = 20_000  # inhabitants of a city whose name is hardly a surname
_ENDING = 3  # letters before a surname's or a trade's end
_SHORT_KIND = 3  # letters: a kind of street of fewer excuses no name, "Dr" is a doctor as well
_MOST_STREET = 2  # words of a street's name in front of its kind, of those whose kind stands behind
_TITLE_REACH = 3
_ARTICLES = frozenset("aeiouyld")


@dataclass(frozen=True, slots=True)
class _Word:
    """A word and what it may be: letters of ``kinds``.

    ``g`` given name, ``s`` surname, ``?`` unknown, ``c`` common word, ``x`` trade, ``p`` particle, ``i`` initial,
    ``n`` neither, ``w`` a word of signs as well, ``v`` of two letters,
    ``T`` strong title, ``t`` weak title, ``S`` saint, ``H`` named after the dead, ``&`` joins a firm's names.
    """

    folded: str
    kinds: str
    dotted: bool = False


def is_person_like(text: str) -> bool:
    """Whether ``text`` names a person, or may.

    Args:
        text: One line or several, as read, in any script; masked letters are no letters.

    Returns:
        True in doubt. The empty text is no person.

    Raises:
        DatasetError: A shipped table is missing or damaged.

    >>> [is_person_like(t) for t in ("Dr. med. Anna Schmidt", "MARIA GONZALEZ", "Müller, Hans", "Bäckerei Hans Müller")]
    [True, True, True, True]
    >>> [is_person_like(t) for t in ("Café Maria", "Rue Jean Jaurès", "Giorgio Armani", "Bäckerei Müller")]
    [False, False, False, False]
    """
    text = _RUSSIAN.sub("господин", text)
    text = _POSSESSIVE.sub(r"\1", unicodedata.normalize("NFKC", text)[:_LONGEST])
    if sum(c.isalpha() for c in text) < 2 or is_chain(text) or _is_town(text):
        return False
    if is_eastern_script(text):
        return is_eastern_name(text, person_names())
    rest, street = _without_street(text)
    words = _classified(rest)
    if any(_titled(words, at) for at, word in enumerate(words) if word.kinds in "Tt"):
        return True
    if DEGREES.search(rest) and any(set(word.kinds) & set("gs") for word in words):
        return True
    if any(word.kinds == "H" for word in words):
        return False
    trade = street or any(word.kinds in "xHS" for word in words)
    two = len(rest.split()) == 2  # Carole Davidson-Campbell
    return any(_names_one(run, trade=trade, whole=len(run) == len(words), two=two) for run in _runs(words))


def is_chain(text: str) -> bool:
    """Whether the whole of ``text`` is the name of a chain (``detectors.brand_table``).

    >>> is_chain("Giorgio Armani"), is_chain("Anna Schmidt")
    (True, False)
    """
    return _brands().lookup(joined(fold(text))) is not None


def is_sign_word(word: str) -> bool:
    """Whether ``word`` is a usual word of shops, offices and streets in some language.

    >>> is_sign_word("CAFE"), is_sign_word("GIKS")
    (True, False)
    """
    return fold(word) in TRADES or fold(word) in _sign_words()


def stray_names(text: str) -> bool:
    """Whether words beside an address may be whose address it is: no trade stands with them, nor are they a town's.

    >>> stray_names("Krautwurst, "), stray_names("Bäckerei Müller, "), stray_names(" Top 4, Wien")
    (True, False, False)
    """
    if is_eastern_script(text):
        return is_eastern_name(text, person_names())
    words = _classified(text)
    if any(word.kinds in ("x", "H") for word in words):
        return False
    told = (word for word in words if set(word.kinds) & set("gs?") and len(word.folded) >= _SHORT_KIND)
    return any(not load_default().lookup(word.folded) for word in told)


@functools.lru_cache(maxsize=1)
def _brands() -> BrandTable:
    return BrandTable.open()


@functools.lru_cache(maxsize=1)
def _sign_words() -> frozenset[str]:
    return frozenset(fold(word) for words in sign_words().values() for word in words)


def _is_town(text: str) -> bool:
    words = fold(text).split()
    names = person_names()
    called = len(words) > 1 and words[0] in names.given and words[-1] in names.surnames
    least = PLACE_NAMED_AS_PERSON if called else PLACE_NAMED
    return any(m.place.population >= least for m in load_default().lookup(text))


@functools.lru_cache(maxsize=4096)
def _is_common(folded: str) -> bool:
    """Whether it is a common word or a city, and so hardly a surname that the table lacks."""
    gazetteer = load_default()
    return gazetteer.commonness(folded) >= _COMMON or any(m.place.population >= _CITY for m in gazetteer.lookup(folded))


def _without_street(text: str) -> tuple[str, bool]:
    """``text`` without the name of a street in it, and whether there was one."""
    chained = CHAINED_STREET.search(text)
    if chained is not None:
        return f"{text[: chained.start()]} ; {text[chained.end() :]}", True
    reading = Reading("", text, _BOX, 1.0)
    line = tokens_of(0, reading)
    for street in street_in(line, reading):
        _, start, end = street.spans[0]
        inside = [t for t in line if start <= t.start < end and not t.word[0].isdigit()]
        if not inside:
            continue
        first = inside[0]
        ahead = (first.word in SHORT_KINDS and not _TURKISH.search(text)) or (len(inside) > 1 and _is_kind(first.word))
        if len(first.word) == 1:  # C/ Mayor and R. Augusta 25, but J. R. Smith
            ahead = text[first.end : first.end + 1] == "/" or (street.numbered and not text[:start].strip())
            if not ahead:
                continue
        if ahead or (len(inside) - 1 <= _MOST_STREET and len(inside[-1].word) >= _SHORT_KIND):
            return f"{text[:start]} ; {text[end:]}", True
    return text, False


def _is_kind(folded: str) -> bool:
    return len(folded) >= _SHORT_KIND and folded in street_kinds()


def _classified(text: str) -> list[_Word]:
    text = _without_towns(_CAMEL.sub(_parted, text))
    mixed = any(c.isupper() for c in text) and any(c.islower() for c in text)
    out: list[_Word] = []
    end = 0
    for match in _WORD.finditer(text):
        if "&" in text[end : match.start()] or "+" in text[end : match.start()]:
            out.append(_Word("&", "&"))
        end = match.end()
        dotted = text[end : end + 1] == "." or "." in match[0]
        out += _kinds_of(match[0], dotted=dotted, mixed=mixed)
    for at in range(1, len(out)):
        if out[at].kinds == "t" and "g" in out[at - 1].kinds:
            out[at] = _Word(out[at].folded, "s")  # Lara Pastor
    # A saint's name is no person's.
    for at, word in enumerate(out):
        if word.kinds == "S" and at and out[at - 1].kinds not in ("x", "n", "H", "p"):
            out[at] = _Word(word.folded, "n")  # Main St
        elif word.kinds == "S":
            for i in range(at + 1, min(at + 3, len(out))):
                if not set(out[i].kinds) & set("gs?"):
                    break
                out[i] = _Word(out[i].folded, "x")
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
            if fold(words[at][0]) not in SAINTS and _is_town(text[start:end]):
                return f"{text[:start]} ; {text[end:]}"
    return text


def _kinds_of(written: str, *, dotted: bool, mixed: bool) -> Iterator[_Word]:
    names = person_names()
    letters = sum(c.isalpha() for c in written)
    if not letters or _ROMAN.fullmatch(written):
        yield _Word(written, "n")
        return
    if letters < len(written) and 2 * letters > len(written):
        written = "".join(c.translate(_SLIPS) if c in "01358" else c for c in written)
    for word in fold(written).split():
        if word in STRONG_TITLES and (len(word) > 1 or dotted):
            kinds = "T"
        elif word in FLOORS:
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
                kinds += ("w" if signs else "") + ("v" if len(word) < _SHORT_KIND and word.isascii() else "")
            elif signs or any(word.endswith(e) and len(word) - len(e) >= _ENDING for e in TRADE_ENDINGS):
                kinds = "x"
            elif any(word.endswith(e) and len(word) - len(e) >= _ENDING for e in SURNAME_ENDINGS):
                kinds = "s"
            elif len(word) < _SHORT_KIND:
                kinds = "n"
            else:
                kinds = "c" if _is_common(word) else "?"
        yield _Word(word, kinds, dotted)


def _titled(words: Sequence[_Word], at: int) -> bool:
    """Whether the title ``words[at]`` stands before a name."""
    strong = words[at].kinds == "T"
    ahead: list[set[str]] = []
    for word in words[at + 1 : at + 1 + _TITLE_REACH]:
        kinds = set(word.kinds)
        strong |= word.kinds == "T"
        if kinds & set("xnSH&") and not kinds & set("gs"):
            break
        if not kinds <= set("Ttip"):
            ahead.append(kinds)
    if strong:
        return bool(ahead and ahead[0] & set("gs?c"))
    if len(ahead) > 1 and (ahead[0] | ahead[1]) & set("gs"):
        return True  # Miss Teresa Evans, whatever Evans is
    return bool(ahead) and words[at].folded not in GIVEN_TITLES and "s" in ahead[0] and "w" not in ahead[0]


def _runs(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    run: list[_Word] = []
    for word in words:
        if word.kinds in ("x", "n", "S", "H", "T", "t"):
            if run:
                yield run
            run = []
        else:
            run.append(word)
    if run:
        yield run


def _names_one(run: Sequence[_Word], *, trade: bool, whole: bool, two: bool) -> bool:
    """Whether words that stand together, titles, trades and saints left out, name a person."""
    names = [word for word in run if not set(word.kinds) & set("pi&")]
    firm = any("&" in word.kinds for word in run)
    initials = any(word.kinds == "i" for word in run)
    if initials and any(_with_initial(word, run, trade=trade) for word in names):
        return True
    if len(names) > 1 and any(word.folded.endswith(PATRONYMICS) and len(word.folded) > 6 for word in names):
        return True
    if not trade and not firm and any(_is_open_pair(names, at) for at in range(len(names) - 2)):
        return True
    short = whole and (two or len(names) == 2)
    if whole and 2 <= len(run) <= 4 and run[0].folded in VIETNAMESE:
        return True  # Nguyễn Văn An: what is a particle elsewhere is a name there
    return any(_is_pair(one.kinds, other.kinds, trade=trade, short=short, firm=firm) for one, other in pairwise(names))


def _is_open_pair(names: Sequence[_Word], at: int) -> bool:
    """Whether a given name and a surname stand around a word that may be either: Mario Elías Aguilar."""
    ends = {names[at].kinds, names[at + 2].kinds}
    return not any(set(end) & set("wv") for end in ends) and any("g" in a and "s" in b for a in ends for b in ends)


def _with_initial(word: _Word, run: Sequence[_Word], *, trade: bool) -> bool:
    dotted = any(w.kinds == "i" and w.dotted for w in run)
    kinds = set(word.kinds)
    if kinds & set("wv"):
        return dotted and not trade
    return bool(kinds & set("gs")) or (dotted and not trade and "?" in kinds)


def _is_pair(one: str, other: str, *, trade: bool, short: bool, firm: bool) -> bool:
    """Whether two neighbouring words are a person's, ``short`` where hardly another word stands there."""
    kinds = {*one, *other}
    weak = bool(kinds & set("wv"))
    if ("g" in one and "s" in other) or ("s" in one and "g" in other):
        return not (trade and weak)
    if trade:
        return False
    if "g" in kinds and "?" in kinds:
        return "v" not in kinds
    if "g" in kinds and "c" in kinds:
        return short and not weak
    if weak or firm:
        return False
    if one == other == "g":
        return True
    if "s" in one and "s" in other:
        return True
    return short and "s" in kinds and bool(kinds & set("?c"))
