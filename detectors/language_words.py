"""Where the language model's words come from, and what OCR does to them. Used by ``detectors.build_language`` only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from detectors.script import script_of

__all__ = ["SIGN_WORDS", "SIGN_WORDS_SHA256", "Slips", "WordList", "noise_words", "sign_words", "word_lists"]

SIGN_WORDS = Path(__file__).parent / "assets" / "language.sign_words.tsv"
SIGN_WORDS_SHA256: Final = "459edd9f9779a79ba0cf836a5fefc4d9bf7f3588c650014080c6ea04565342e6"
_WORDFREQ = {"sr": "sh"}  # Serbian and Croatian are one list there, in Latin letters
_SIMPLEMMA = ("gl", "et", "sq", "sw", "ga", "cy", "lb")
_HUNSPELL = ("eu", "fo", "af", "uz", "be", "kk", "mn", "ne")
_CLDR = {"sh": "hr", "zh": "zh"}
_LIST_SIZE = 40_000
_FLATTENING = 0.6  # signs use rare words (nouns) more evenly than running text does
_FLAT_FREQUENCY = 2e-6  # what a word of a dictionary without frequencies counts as
_MAJOR = ("en", "es", "fr", "de", "it", "pt", "ru", "ar", "hi")
_SHARES = {"words": 0.80, "cldr": 0.06, "signs": 0.14}

# Brands stand in every country; what they are called says nothing.
BRANDS = """adidas nike puma reebok samsung sony panasonic toshiba lg huawei xiaomi oppo vivo nokia motorola apple
google android microsoft intel hp dell lenovo asus acer canon nikon epson xerox brother philips siemens bosch
braun coca cola pepsi fanta sprite nestle nescafe lavazza illy segafredo heineken carlsberg tuborg budweiser corona
guinness stella
artois becks amstel tiger asahi kirin singha chang mcdonalds mcdonald's burger king kfc subway starbucks costa pizza hut
dominos dunkin wendys hyatt hilton marriott sheraton novotel ibis mercure accor radisson ramada bmw audi mercedes benz
volkswagen vw toyota honda nissan mazda suzuki hyundai kia ford chevrolet opel renault peugeot citroen fiat skoda seat
volvo lexus jeep tesla iveco man scania daf shell bp esso mobil total texaco chevron exxon agip eni omv lukoil repsol
cepsa petronas visa mastercard maestro amex paypal western union moneygram dhl ups fedex tnt dpd gls ikea zara h&m c&a
mango gap levis lacoste hugo boss gucci prada armani chanel dior hermes rolex omega swatch tissot cartier louis vuitton
lidl aldi spar carrefour auchan tesco metro billa rewe penny vodafone orange tmobile telekom airtel digicel mtn facebook
instagram whatsapp twitter youtube tiktok wifi gps atm tv dvd cd usb dj vip hsbc citibank santander bbva unicredit ing
axa allianz generali zurich amazon ebay netflix uber bolt nivea loreal colgate oral gillette dove pampers kodak fuji
fujifilm pirelli michelin goodyear bridgestone dunlop continental castrol makita hilti stihl honda yamaha kawasaki
ducati vespa piaggio ktm msi lg nec jvc haribo milka oreo lays pringles redbull monster lipton danone yoplait"""


@dataclass(frozen=True)
class WordList:
    """The words of one language.

    Attributes:
        language: CLDR code.
        words: (n,) folded words.
        p: (n,) probability that a sign shows each.
        always: (n,) bool, words that are never held out: sign words and the commonest three hundred.
        coverage: How much of what signs say in the language the list has; 0.2 where there is no dictionary.
    """

    language: str
    words: list[str]
    p: NDArray[np.float64]
    always: NDArray[np.bool_]
    coverage: float = 1.0


def word_lists(script: str, languages: Sequence[str], dictionaries: Path) -> list[WordList]:
    """One list per language of ``script``; ``dictionaries`` holds hunspell's ``<language>.dic``."""
    signs = sign_words()
    frequencies = {code: _frequencies(code, script, dictionaries) for code in languages if code not in _LOOKS_LATIN}
    major = {code: frequencies[code] for code in languages if code in _MAJOR}
    english = _cldr("en", script) if script == "Latn" else frozenset()
    lists = []
    for code in languages:
        if code in _LOOKS_LATIN:
            lists.append(_misread_list(code, dictionaries))
            continue
        kept = {w: f for w, f in frequencies[code].items() if not _is_foreign(w, f, code, major)}
        ranked = sorted(kept, key=lambda w: -kept[w])[:_LIST_SIZE]
        p_words = np.array([kept[w] for w in ranked]) ** _FLATTENING
        cldr = sorted(w for w in _cldr(code, script) if code == "en" or w not in english)
        on_signs = sorted(set(signs.get(_sign_key(code, script), [])))
        p: dict[str, float] = {}
        has_list = len(ranked) > 0
        for words, weights, share in (
            (ranked, p_words, _SHARES["words"]),
            (cldr, np.ones(len(cldr)), _SHARES["cldr"] if has_list else 0.65),
            (on_signs, np.ones(len(on_signs)), _SHARES["signs"] if has_list else 0.35),
        ):
            for word, weight in zip(words, weights / max(weights.sum(), 1e-9), strict=True):
                p[word] = p.get(word, 0.0) + share * float(weight)
        total = sum(p.values())
        words = list(p)
        always = np.isin(words, [*ranked[:300], *on_signs]) if has_list else np.isin(words, on_signs)
        print(f"  {code}: {len(ranked)} listed, {len(cldr)} of CLDR, {len(on_signs)} of signs", flush=True)
        lists.append(WordList(code, words, np.array(list(p.values())) / total, always, 1.0 if has_list else 0.2))
    return lists


def _misread_list(code: str, dictionaries: Path) -> WordList:
    """What an engine that knows only Latin letters makes of the words of another script."""
    sources = {"~Cyrl": ("Cyrl", ("ru", "ru", "ru", "uk", "bg", "sr")), "~Grek": ("Grek", ("el",))}
    script, languages = sources[code]
    rng = np.random.default_rng(len(code) + ord(code[1]))
    letters = _LOOKS_LATIN[code]
    p: dict[str, float] = {}
    for language, words in zip(languages, word_lists(script, languages, dictionaries), strict=True):
        del language
        for i in rng.choice(len(words.words), size=12_000, p=words.p):
            # Small letters and capitals look alike in these scripts, but for a few.
            options = (letters.get(c, c).split("|") for c in words.words[i])
            word = "".join(o[int(rng.integers(len(o)))] for o in options)
            if script_of(word) == "Latn":
                p[word] = p.get(word, 0.0) + 1.0
    total = sum(p.values())
    return WordList(code, list(p), np.array(list(p.values())) / total, np.zeros(len(p), dtype=np.bool_))


def _is_foreign(word: str, frequency: float, code: str, major: dict[str, dict[str, float]]) -> bool:
    """Whether ``word`` stands in the list because texts quote another language: far commoner there."""
    return any(
        other != code and listed.get(word, 0.0) > (6.0 if other == "en" else 12.0) * frequency
        for other, listed in major.items()
    )


def _frequencies(code: str, script: str, dictionaries: Path) -> dict[str, float]:
    import wordfreq  # the build extra

    source = _WORDFREQ.get(code, code)
    if source in wordfreq.available_languages("best"):
        best = wordfreq.get_frequency_dict(source, "best")
        raw = {w: best[w] for w in sorted(best, key=lambda w: -best[w])[: 2 * _LIST_SIZE]}
    elif code in _SIMPLEMMA:
        from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory

        raw = dict.fromkeys(DefaultDictionaryFactory().get_dictionary(code), _FLAT_FREQUENCY)
    elif code in _HUNSPELL:
        lines = (dictionaries / f"{code}.dic").read_text(encoding="utf-8-sig").splitlines()[1:]
        raw = dict.fromkeys((re.split(r"[/\t]", line)[0] for line in lines), _FLAT_FREQUENCY)
    else:
        raw = {}
    if len(set(raw.values())) == 1:
        raw = {w: raw[w] for w in sorted(raw)[:: max(1, len(raw) // _LIST_SIZE)]}
    out: dict[str, float] = {}
    for words, frequency in raw.items():
        # Names are capitalised in dictionaries; abbreviations and affixes are no words.
        for word in _clean(words, code, script):
            out[word] = max(out.get(word, 0.0), frequency)
    return out


def _clean(words: str, code: str, script: str) -> list[str]:
    from detectors.language_model import fold_word

    out = []
    for word in re.split(r"[\s_\-/(),.]+", words):
        if code == "sr":
            word = _transliterate(word, _SERBIAN)
        elif code == "uz" and script == "Latn":
            word = _transliterate(word, _UZBEK)
        word = fold_word(word).strip("'")
        if (
            len(word) >= 2
            and script_of(word) == script
            and all(c.isalpha() or c in "'·\u200c" or unicodedata.category(c)[0] == "M" for c in word)
        ):
            out.append(word)
    return out


def _cldr(code: str, script: str) -> frozenset[str]:
    """Months, days, countries and languages in the language itself."""
    from babel import Locale

    locale = Locale.parse({"sh": "hr", "uz": "uz_Cyrl" if script == "Cyrl" else "uz"}.get(code, code))
    texts = [*locale.territories.values(), *locale.languages.values()]
    for names in (locale.months, locale.days):
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                texts += list(names[context][width].values())
    return frozenset(w for t in texts for w in _clean(str(t), "", script))


def sign_words() -> dict[str, list[str]]:
    """Language to the words of its streets and shops, from the table that ships."""
    from detectors.language_model import words_of

    text = read_asset(SIGN_WORDS, SIGN_WORDS_SHA256).decode()
    lines = (line.split("\t") for line in text.splitlines() if line[:1] != "#")
    return {code: words_of(words) for code, words in lines}


def _sign_key(code: str, script: str) -> str:
    return "" if code == "uz" and script == "Cyrl" else code


def _paired(theirs: str, ours: str) -> dict[str, str]:
    return dict(zip(theirs.split(), ours.split(), strict=True))


_SERBIAN = _paired(
    "a b v g d đ e ž z i j k l lj m n nj o p r s t ć u f h c č dž š",
    "а б в г д ђ е ж з и ј к л љ м н њ о п р с т ћ у ф х ц ч џ ш",
)
_UZBEK = _paired(
    "а б в г д е ё ж з и й к л м н о п р с т у ф х ц ч ш ъ ь э ю я ў қ ғ ҳ",
    "a b v g d e yo j z i y k l m n o p r s t u f x s ch sh ' _ e yu ya o' q g' h",
)


# What each letter is taken for, several where engines differ.
_LOOKS_LATIN = {
    "~Cyrl": _paired(
        "а б в г д е ё ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ы ь э ю я і ї є ј љ њ ђ ћ џ",
        "a b|6|g|5 b r|f|t|i d|a|n|l e e x|k|m 3|s|e n|h|u|m n|h|u k n|a|l m h o n|t|ii p c t|t|m y|v o|p x u|l|ll "
        "4|h|y|u w|m|ii|iii w|u|ll b bi|bl|bh b 3|s io|ho|ko r|a|s i i e|c j jb|b hb|h h h u",
    ),
    "~Grek": _paired(
        "α ά β γ δ ε έ ζ η ή θ ι ί ϊ κ λ μ ν ξ ο ό π ρ σ ς τ υ ύ φ χ ψ ω ώ",
        "a a|á b r|y|i a|d e e|é z h|n h|n o|0 i i|í i k a|l m|u n|v e|s o o|ó n|t|m p e|s|z|o s|c t y|u y|u o x y|w "
        "w|o|n w|ó",
    ),
}


def _transliterate(word: str, letters: dict[str, str]) -> str:
    word = word.lower()
    two = re.compile("|".join(sorted(letters, key=len, reverse=True)))
    changed: str = two.sub(lambda m: letters[m.group()], word)
    return changed.replace("_", "")


class Slips:
    """What OCR and sign painters do to words: dropped diacritics, look-alike letters, lost and doubled letters."""

    _LOOK_ALIKE: ClassVar[dict[str, str]] = {
        "o": "0ca", "l": "1it", "i": "l1j", "e": "co", "c": "eo", "a": "oe", "n": "rhu", "m": "n", "u": "vn", "s": "5z",
        "b": "8h6", "g": "9q6", "t": "fl", "r": "nt", "h": "nb", "d": "ao", "q": "gp", "v": "yu", "w": "v", "y": "v",
        "z": "2s", "f": "t", "k": "h", "p": "n", "j": "i",
    }  # fmt: skip

    def __init__(self, rng: np.random.Generator, lists: Sequence[WordList]) -> None:
        self._rng = rng
        self.letters = sorted({c for words in lists for w in words.words[:2000] for c in w if c.isalpha()})

    def light(self, word: str) -> str:
        """``word`` as a sign shows it: mostly right, often without its diacritics, now and then with a slip."""
        draw = self._rng.random()
        if draw < 0.22:
            word = plain(word)
        if draw > 0.90 and len(word) >= 4:
            word = self._slip(word)
        return word

    def heavy(self, word: str) -> str:
        """Garbage that once was ``word``: half of its letters wrong, or a short piece of it."""
        for _ in range(max(2, len(word) // 2)):
            word = self._slip(word) if self._rng.random() < 0.5 else self._random_slip(word)
        return word

    def _slip(self, word: str) -> str:
        if not word:
            return word
        i = int(self._rng.integers(len(word)))
        draw = self._rng.random()
        if draw < 0.6 and word[i] in self._LOOK_ALIKE:
            options = self._LOOK_ALIKE[word[i]]
            return word[:i] + options[int(self._rng.integers(len(options)))] + word[i + 1 :]
        if draw < 0.85:
            return word[:i] + word[i + 1 :]
        return word[:i] + word[i] + word[i:]

    def _random_slip(self, word: str) -> str:
        i = int(self._rng.integers(len(word) + 1))
        letter = self.letters[int(self._rng.integers(len(self.letters)))]
        if self._rng.random() < 0.5:
            letter = "etaoinsrldcump"[int(self._rng.integers(14))] if "e" in self.letters else letter
        return word[:i] + letter + word[i + (self._rng.random() < 0.7) :]


def plain(word: str) -> str:
    """``word`` without diacritics, as capitals often are."""
    special = str.maketrans(
        {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "p", "ß": "ss"}
    )
    decomposed = unicodedata.normalize("NFD", word.translate(special))
    # Only Latin, Greek and Cyrillic marks are dropped in print; elsewhere a mark is a vowel.
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f"))


def noise_words(
    lists: Sequence[WordList], script: str, count: int, rng: np.random.Generator, slips: Slips
) -> list[str]:
    """``count`` strings that belong to no language of ``script``."""
    every = [str(w) for words in lists for w in rng.choice(words.words, size=3000, p=words.p)]
    pairs: dict[str, list[str]] = {}
    for word in every:
        for a, b in zip(f"^{word}", f"{word}$", strict=True):
            pairs.setdefault(a, []).append(b)
    common = [c for word in every for c in word if c.isalpha()]
    brands = BRANDS.split()
    latin = script == "Latn"

    def one(kind: float) -> str:
        if kind < 0.30:
            return slips.heavy(str(every[int(rng.integers(len(every)))]))
        if kind < 0.42:  # a piece from the middle of a word, as a tile's edge cuts it
            word = every[int(rng.integers(len(every)))]
            length = int(rng.integers(2, 5))
            start = int(rng.integers(0, max(1, len(word) - length)))
            return word[start : start + length]
        if kind < 0.58:
            return "".join(common[int(i)] for i in rng.integers(len(common), size=int(rng.integers(2, 9))))
        if kind < 0.70 and latin:  # acronyms
            pool = "bcdfghjklmnpqrstvwxz" if rng.random() < 0.5 else "abcdefghijklmnoprstuvwxyz"
            return "".join(pool[int(i)] for i in rng.integers(len(pool), size=int(rng.integers(2, 6))))
        if kind < 0.80:  # serial numbers, plates
            word = "".join(common[int(i)] for i in rng.integers(len(common), size=int(rng.integers(2, 6))))
            for _ in range(int(rng.integers(1, 4))):
                i = int(rng.integers(len(word) + 1))
                word = word[:i] + "0" + word[i:]
            return word
        if kind < 0.88 and latin:
            return brands[int(rng.integers(len(brands)))]
        letter, word = "^", ""  # pronounceable in no language in particular: invented names
        while len(word) < 12:
            letter = pairs[letter][int(rng.integers(len(pairs[letter])))]
            if letter == "$":
                break
            word += letter
        return word

    out: list[str] = []
    while len(out) < count:
        word = one(float(rng.random()))
        if sum(c.isalpha() for c in word) >= 2:
            out.append(word)
    return out
