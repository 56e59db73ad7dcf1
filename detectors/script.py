"""Which script a text is written in, as an ISO 15924 code."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

__all__ = ["script_of"]

# First word of a letter's Unicode name -> ISO 15924. Python's own tables have no Script property; the names follow it.
_SCRIPT_OF_NAME = {
    "ADLAM": "Adlm",
    "ARABIC": "Arab",
    "ARMENIAN": "Armn",
    "BALINESE": "Bali",
    "BENGALI": "Beng",
    "BOPOMOFO": "Bopo",
    "CANADIAN": "Cans",
    "CHAM": "Cham",
    "CHEROKEE": "Cher",
    "CJK": "Hani",
    "COPTIC": "Copt",
    "CYRILLIC": "Cyrl",
    "DEVANAGARI": "Deva",
    "ETHIOPIC": "Ethi",
    "GEORGIAN": "Geor",
    "GREEK": "Grek",
    "GUJARATI": "Gujr",
    "GURMUKHI": "Guru",
    "HANGUL": "Hang",
    "HEBREW": "Hebr",
    "HIRAGANA": "Hira",
    "IDEOGRAPHIC": "Hani",
    "JAVANESE": "Java",
    "KANNADA": "Knda",
    "KATAKANA": "Kana",
    "KHMER": "Khmr",
    "LAO": "Laoo",
    "LATIN": "Latn",
    "MALAYALAM": "Mlym",
    "MEETEI": "Mtei",
    "MONGOLIAN": "Mong",
    "MYANMAR": "Mymr",
    "NKO": "Nkoo",
    "OL": "Olck",
    "ORIYA": "Orya",
    "SINHALA": "Sinh",
    "SUNDANESE": "Sund",
    "SYRIAC": "Syrc",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "THAANA": "Thaa",
    "THAI": "Thai",
    "TIBETAN": "Tibt",
    "TIFINAGH": "Tfng",
    "YI": "Yiii",
}


@lru_cache(maxsize=4096)
def _script_of_letter(letter: str) -> str:
    word = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return _SCRIPT_OF_NAME.get(word, "Zzzz")


def script_of(text: str) -> str:
    """ISO 15924 code of the script that most letters of ``text`` are written in.

    Japanese is answered as what most of its letters are: ``"Hira"``, ``"Kana"`` or ``"Hani"``. Where two scripts have
    equally many letters, the one that comes first in the text is given.

    Args:
        text: Any text. Digits, marks and punctuation do not count.

    Returns:
        The code; ``"Zyyy"`` (common) for a text without letters, ``"Zzzz"`` for a script that is not in the table.

    >>> script_of("Москва 24"), script_of("7-11"), script_of("ラーメン"), script_of("東京 Tokyo")
    ('Cyrl', 'Zyyy', 'Kana', 'Latn')
    """
    # Compatibility forms (full-width, ligatures, mathematical letters) count as the letters that they stand for.
    # A prolonged sound mark belongs to both kana; its name says katakana, which is right for nearly all signs.
    letters = [c for c in unicodedata.normalize("NFKC", text) if c.isalpha()]
    if not letters:
        return "Zyyy"
    return Counter(map(_script_of_letter, letters)).most_common(1)[0][0]
