"""One spelling for a name however it is written: the key of the gazetteer, and its single-edit neighbours.

``fold`` decides what counts as the same name: case, width, diacritics of alphabetic scripts, vowel points of Arabic
and Hebrew, apostrophes and punctuation do not; combining vowel signs of Indic scripts, Thai, kana voicing marks and
everything in Han do. In Cyrillic, й folds to и and ё to е as well: capitals on signs and OCR drop those marks.
"""

from __future__ import annotations

import functools
import re
import unicodedata

__all__ = ["edit_variants", "fold", "is_han_or_kana", "joined", "tokens"]

# Letters that Unicode does not decompose, and letters that Arabic-script languages write in two ways.
_LETTERS = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n", "ə": "e", "æ": "ae",
        "œ": "oe", "þ": "th", "ĸ": "k", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ґ": "г", "ي": "ی", "ى": "ی", "ك": "ک",
        "ـ": None, "\u200c": None, "\u200d": None,
    }
)  # fmt: skip
# Deleted rather than turned into a space: OCR drops them as often as it reads them (O'Fallon, Hawaiʻi, Sant Celoni's).
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘`´ʼʻʾʿ·׳״ʹ′"))
# Letters, digits, apostrophes inside words, and the combining marks that \w leaves out.
_WORD = re.compile(
    r"[\w'’‘`´ʼʻʾʿ·׳״ʹ′\u200c\u200d\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f"
    r"\u0670\u06d6-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0900-\u0963\u0966-\u0dff\u0e00-\u0e4e\u0e50-\u0eff"
    r"\u0f71-\u0fbc\u1000-\u109f\u135d-\u135f\u1780-\u17d3\u3099\u309a]+"
)
# Scripts whose combining marks are dropped, as ranges of their base letters.
_MARKLESS = ((0x0041, 0x024F), (0x0370, 0x052F), (0x0590, 0x06FF), (0x0700, 0x074F), (0x1E00, 0x1FFF))
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_ALPHABETS = (
    _LATIN,
    "абвгдежзиклмнопрстуфхцчшщъыьэюяієјљњћџ",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنهویة",
    "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆև",
)
# What OCR takes for one another in Latin capitals and lower case, in both directions.
_CONFUSIONS = (
    ("0", "o"), ("1", "l"), ("1", "i"), ("i", "l"), ("rn", "m"), ("5", "s"), ("8", "b"), ("vv", "w"), ("cl", "d"),
    ("6", "g"), ("2", "z"), ("4", "a"), ("ii", "u"), ("ri", "n"), ("nn", "m"),
)  # fmt: skip


def _strip_marks(text: str) -> str:
    out: list[str] = []
    strips = False
    for c in unicodedata.normalize("NFD", text):
        if unicodedata.category(c) == "Mn":
            if not strips:
                out.append(c)
            continue
        code = ord(c)
        strips = any(low <= code <= high for low, high in _MARKLESS)
        out.append(c)
    return unicodedata.normalize("NFC", "".join(out))


def _fold_word(word: str) -> str:
    if word.isascii():
        return word.lower().translate(_APOSTROPHES).replace("_", " ").strip()
    plain = unicodedata.normalize("NFKC", word).casefold().translate(_APOSTROPHES).translate(_LETTERS)
    return _strip_marks(plain).replace("_", " ").translate(_LETTERS).strip()


def tokens(text: str) -> list[tuple[str, int, int]]:
    """Folded words of ``text`` with the characters ``[start, end)`` of ``text`` that each came from.

    >>> tokens("Plaza, MÁLAGA!")
    [('plaza', 0, 5), ('malaga', 7, 13)]
    """
    found = ((_fold_word(m.group()), m.start(), m.end()) for m in _WORD.finditer(text))
    # Compatibility forms may fold to several words: ¼ to 1 and 4.
    return [(" ".join(_WORD.findall(word)), start, end) for word, start, end in found if _WORD.search(word)]


@functools.lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """``text`` as the gazetteer spells it: folded words with single spaces between.

    >>> fold("  Saint-Étienne "), fold("L'Aquila"), fold("GROẞ-Łódź"), fold("東京"), fold("Нижний")
    ('saint etienne', 'laquila', 'gross lodz', '東京', 'нижнии')
    """
    return " ".join(word for word, _, _ in tokens(text))


def joined(folded: str) -> str:
    """``folded`` without its spaces, the way OCR reads tightly set capitals (``"sanfrancisco"``)."""
    return folded.replace(" ", "")


def is_han_or_kana(char: str) -> bool:
    """Whether ``char`` is written without spaces between words: Han, hiragana or katakana."""
    code = ord(char)
    return 0x3040 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code < 0x32000


def edit_variants(folded: str) -> list[str]:
    """Every string one edit away from ``folded``, without ``folded`` itself, in no particular order.

    An edit is a letter dropped, added, changed or swapped with its neighbour, or an OCR confusion (0/o, rn/m, cl/d).
    Letters come from the alphabet that most of the name is written in. Names of fewer than five letters, and names
    in scripts without a small alphabet, have no variants: nearly every one of them would be another word.

    >>> variants = edit_variants("seuilla")
    >>> "sevilla" in variants, "seuilla" in variants, "seul" in variants
    (True, False, False)
    >>> edit_variants("rome"), edit_variants("東京都庁前駅")
    ([], [])
    """
    letters = sum(c.isalpha() for c in folded)
    counts = [sum(c in alphabet for c in folded) for alphabet in _ALPHABETS]
    if letters < 5 or 2 * max(counts) < letters:
        return []
    alphabet = _ALPHABETS[counts.index(max(counts))]
    variants: set[str] = set()
    for i in range(len(folded) + 1):
        head, tail = folded[:i], folded[i:]
        variants.update(head + c + tail for c in alphabet + " ")
        if tail:
            variants.add(head + tail[1:])
            variants.update(head + c + tail[1:] for c in alphabet + " ")
        if len(tail) > 1:
            variants.add(head + tail[1] + tail[0] + tail[2:])
    if alphabet is _LATIN:
        for one, other in _CONFUSIONS:
            for old, new in ((one, other), (other, one)):
                at = folded.find(old)
                while at >= 0:
                    variants.add(folded[:at] + new + folded[at + len(old) :])
                    at = folded.find(old, at + 1)
    variants.discard(folded)
    return [v for v in variants if v == v.strip() and "  " not in v]
