"""Whether a text names a person: such a text is never sent to anybody.

A given name and a surname beside each other are a person, with a trade or without one ("Bäckerei Hans Müller"); so is
what a title stands before ("Dr. Schmidt"), initials and a surname, and a given name with a word that is nothing else
known. A surname or a given name with a trade is a shop ("Bäckerei Müller", "Café Maria"); saints, streets, schools
named after somebody, towns and chains are none. Given names and surnames are those of Faker's 80 locales
(``detectors.person_table``), and surnames also go by their ends ("-ović", "-sson").

In doubt it is a person: a question that is not asked costs a hit, one that is asked cannot be taken back. A single
word is never one, for a name that the table knows is the name of too many; a rare surname alone on a bell is
therefore not seen as one, and neither is a name of which the table knows no part.

Measured (``python -m benchmarks.query_privacy``): of 2,000 names made by Faker in ten locales 11 pass, and 46 of
6,000 in thirty others. With a quarter of the table's words taken away, 11 of 808 pass of which one word is unknown,
and 67 of 74 of which every word is (Chinese names left out, whose surnames are a closed list). Of 978 named shops,
offices and public houses in seven extracts of OpenStreetMap 50 are refused, a third of them doctors and shops that do
bear a person's full name, and 28 of 2,698 streets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from data.folding import fold
from data.gazetteer import load_default
from detectors.base import Reading
from detectors.lines import tokens_of
from detectors.person_east import is_eastern_name, is_eastern_script
from detectors.person_kinds import SHORT, PersonWord, is_chain, is_common, is_sign_word, is_town, person_words_of
from detectors.person_table import person_names
from detectors.person_words import (
    CHAINED_STREET,
    DEGREES,
    GIVEN_TITLES,
    LEGAL_TAIL,
    PATRONYMICS,
    SHORT_KINDS,
    THAI_KINDS,
    TRADE_ENDINGS,
    VIETNAMESE,
    VIETNAMESE_SHORT,
)
from detectors.street_lines import street_in, street_kinds

__all__ = ["is_person_like", "stray_names"]

_BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_POSSESSIVE = re.compile(r"([^\W\d_]+[\s-]+[^\W\d_]+)['’´`]s\b", re.IGNORECASE)
_TURKISH = re.compile(r"[ışğöîûİŞĞÖ]")  # Av. is an advocate there
_VIETNAMESE_MARKS = re.compile(r"[ăơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)
_HYPHENED = re.compile(r"(?<!\w)(?:г-н|г-жа|д-р)(?!\w)", re.IGNORECASE)
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_] ){2,}[^\W\d_](?!\w)")
_LONGEST = 200  # characters; a longer line is a paragraph, and what it names is looked for in its beginning
_LEAST_JOINED = 4  # letters of either name where both are written together
_MOST_STREET = 2  # words of a street's name in front of its kind, of those whose kind stands behind
_BEFORE_NUMBER = re.compile(r"([^\W\d_]+)\.? \d")
_TITLE_REACH = 3
_SEVERAL = range(3, 6)  # words of a long name, of which hardly a shop's has as many and none that tells what it is


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
    text = _HYPHENED.sub("господин", unicodedata.normalize("NFKC", text)[:_LONGEST])
    text = _SPACED.sub(lambda m: m.group().replace(" ", ""), _POSSESSIVE.sub(r"\1", text))
    text = LEGAL_TAIL.sub(" GmbH", text)
    if sum(c.isalpha() for c in text) < 2 or is_chain(text):
        return False
    if _is_vietnamese(text):
        return True
    if is_town(text) or _are_towns(text):
        return False
    if is_eastern_script(text):
        return is_eastern_name(text, person_names())
    rest = _without_street(text)
    words = person_words_of(rest)
    if any(_titled(words, at) for at, word in enumerate(words) if word.kinds in "Tt"):
        return True
    if DEGREES.search(rest) and any(set(word.kinds) & set("gs") for word in words):
        return True
    if any(word.kinds == "H" for word in words):
        return False
    if len(words) == 1 and text.isupper() and _split(words[0].folded):
        return True
    trade = any(word.kinds in "xHS" for word in words)
    two = len(rest.split()) == 2  # Carole Davidson-Campbell
    return any(_names_one(run, trade=trade, whole=len(run) == len(words), two=two) for run in _runs(words))


def stray_names(text: str) -> bool:
    """Whether words beside an address may be whose address it is: no trade stands with them, nor are they a town's.

    >>> stray_names("Krautwurst, "), stray_names("Bäckerei Müller, "), stray_names(" Top 4, Wien")
    (True, False, False)
    """
    if is_eastern_script(text):
        return is_eastern_name(text, person_names())
    words = person_words_of(text)
    if any(word.kinds in ("x", "H") for word in words):
        return False
    told = {word.folded for word in words if set(word.kinds) & set("gs?") and len(word.folded) >= SHORT}
    told -= {fold(street) for street in _BEFORE_NUMBER.findall(text)}  # Städtle 44
    return any(not load_default().lookup(word) for word in told)


def _is_vietnamese(text: str) -> bool:
    """Nguyễn Văn An, An Nguyễn: of two to four words, of which many are particles or words elsewhere."""
    words = fold(text).split()
    if not 2 <= len(words) <= 4:
        return False
    ends = {words[0], words[-1]}
    marked = _VIETNAMESE_MARKS.search(text) is not None and not is_sign_word(words[0]) and not is_town(text)
    return not VIETNAMESE.isdisjoint(ends) or (marked and not VIETNAMESE_SHORT.isdisjoint(ends))


def _are_towns(text: str) -> bool:
    """Whether it is towns with commas between, the last of which nobody is called: Preston, Lancaster."""
    parts = text.split(",")
    return len(parts) > 1 and fold(parts[-1]) not in person_names().given and all(is_town(part) for part in parts)


def _without_street(text: str) -> str:
    """``text`` without the name of a street in it."""
    chained = CHAINED_STREET.search(text)
    if chained is not None:
        return f"{text[: chained.start()]} ; {text[chained.end() :]}"
    reading = Reading("", text, _BOX, 1.0)
    line = tokens_of(0, reading)
    for street in street_in(line, reading):
        _, start, end = street.spans[0]
        inside = [t for t in line if start <= t.start < end and not t.word[0].isdigit()]
        if not inside:
            continue
        first = inside[0]
        if len(inside) == 1 and first.word[0] in "ถซ" and not text.startswith(THAI_KINDS, first.start):
            continue
        ahead = (first.word in SHORT_KINDS and not _TURKISH.search(text)) or (len(inside) > 1 and _is_kind(first.word))
        if len(first.word) == 1:  # C/ Mayor and R. Augusta 25, but J. R. Smith
            ahead = text[first.end : first.end + 1] == "/" or (street.numbered and not text[:start].strip())
            if not ahead:
                continue
        if len(inside) == 1 and not street.numbered and first.word in person_names().surnames:
            continue  # Kate Verkade
        if not ahead and not street.numbered and len(inside) > 1 and _is_called(inside[-2].word, inside[-1].word):
            continue  # Ole Strand
        if ahead or (len(inside) - 1 <= _MOST_STREET and len(inside[-1].word) >= SHORT):
            return f"{text[:start]} ; {text[end:]}"
    return text


def _is_called(one: str, other: str) -> bool:
    return one in person_names().given and other in person_names().surnames


def _is_kind(folded: str) -> bool:
    return len(folded) >= SHORT and folded in street_kinds()


def _split(word: str) -> tuple[str, str] | None:
    """ANNASCHMIDT as a given name and a surname; None for what is a word, a town or a chain."""
    names = person_names()
    if len(word) < 2 * _LEAST_JOINED or is_sign_word(word) or is_chain(word) or is_common(word):
        return None
    if word in names.given or word in names.surnames or any(word.endswith(end) for end in TRADE_ENDINGS):
        return None
    for at in range(_LEAST_JOINED, len(word) - _LEAST_JOINED + 1):
        if word[:at] in names.given and word[at:] in names.surnames:
            return word[:at], word[at:]
    return None


def _titled(words: Sequence[PersonWord], at: int) -> bool:
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


def _runs(words: Sequence[PersonWord]) -> Iterator[list[PersonWord]]:
    run: list[PersonWord] = []
    for word in words:
        if word.kinds in ("x", "n", "S", "H", "T", "t"):
            if run:
                yield run
            run = []
        else:
            run.append(word)
    if run:
        yield run


def _names_one(run: Sequence[PersonWord], *, trade: bool, whole: bool, two: bool) -> bool:
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
    if whole and not firm and len(names) in _SEVERAL and any(_is_strong(word) for word in names):
        return True  # Emilio Bañuelos Espinoza
    short = whole and (two or len(names) == 2)
    return any(_is_pair(one.kinds, other.kinds, trade=trade, short=short, firm=firm) for one, other in pairwise(names))


def _is_open_pair(names: Sequence[PersonWord], at: int) -> bool:
    """Whether a given name and a surname stand around a word that may be either: Mario Elías Aguilar."""
    ends = {names[at].kinds, names[at + 2].kinds}
    return not any(set(end) & set("wv") for end in ends) and any("g" in a and "s" in b for a in ends for b in ends)


def _is_strong(word: PersonWord) -> bool:
    return bool(set(word.kinds) & set("gs")) and not set(word.kinds) & set("wv")


def _with_initial(word: PersonWord, run: Sequence[PersonWord], *, trade: bool) -> bool:
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
        # Szabó is a tailor as well, and Katalin is a name only: together they are a person.
        return not (trade and weak and not any("g" in kind and not set(kind) & set("wv") for kind in (one, other)))
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
