"""What in a text is nobody else's business, whatever its words: handles, paths, places as numbers, dates, accounts.

Patterns only; names of people are ``detectors.person_names``' part, plates, phone numbers and e-mail addresses
``detectors.privacy``'s, and :mod:`fusion.lookup_privacy` asks all of them.
"""

from __future__ import annotations

import re
from typing import Final

from data.folding import is_han_or_kana, tokens
from detectors.coordinates import fixes_in
from detectors.person_kinds import is_chain, is_sign_word
from detectors.privacy import MASK, mask

__all__ = [
    "has_account",
    "has_code",
    "has_date",
    "has_path",
    "has_position",
    "is_addressed",
    "is_masked",
    "is_plate_with_slips",
]

_FILES: Final = (
    "jpe?g|png|gif|heic|heif|tiff?|webp|bmp|raw|cr[23]|nef|arw|dng|orf|rw2|mp[34]|m4[av]|mov|avi|mkv|wav|pdf|docx?|xlsx?|"
    "pptx?|txt|rtf|csv|json|xml|html?|php|aspx?|zip|rar|7z|exe|apk|gpx|kml|kmz|svg|psd|eps|bak|tmp|log|db|ini"
)
_PATH = re.compile(
    rf"\w ?\. ?(?:{_FILES})(?!\w)"
    r"|[\\_]"  # a sign's name has neither
    r"|\w:/|(?:^|\s)[~.]{0,2}/\w|://|^//"
    r"|(?<!\w)(?:home|users?|var|usr|mnt|media|tmp|etc|opt|dcim|pictures|downloads|documents|storage|sdcard|volumes)/"
    # photo.example/with/a/path, example.com?x=1, example.com:8080
    r"|[^\W_]\.[^\W\d_]{2,}(?:/\S|\?\S|:\d)|\w=\w"
    r"|(?<!\w)(?:img|dscn?|dscf|pxl|mvimg|vid|gopr|dji|pano|imgp|screenshot|image|photo|scan)[ \-]?\d{3,}",
    re.IGNORECASE,
)
_HANDLE = re.compile(
    r"[@＠]|#[^\W\d]|[(\[{<]\s?(?:at|ät|arroba|affe|et)\s?[)\]}>]|\bat\b.{1,40}\b(?:dot|punkt|punto)\b"
    # an e-mail address whose @ was read as another sign
    r"|\w[©®€]\w+ ?\.|(?:e-?mail|correo)\b\W{0,3}\w|(?:whatsapp|telegram|instagram|facebook|insta|fb|tiktok)\s?[:/]"
    r"|^\W*(?:insta|instagram|tiktok|snapchat)\s\w",
    re.IGNORECASE,
)
_NUMBER = r"[-+−]?\d{1,3}[.,]\d{2,}"
_POSITION = re.compile(
    rf"{_NUMBER}\s?[°º˚]?\s?[NSEWO]?\s?[,;/ |]\s?{_NUMBER}"
    r"|[-+−]?\d{1,3}\.\d+\s?[,;/|]\s?[-+−]?\d{1,3}\.\d+"
    r"|\d[.,]\d{4,}|\d\s?[°º˚]|\d\s?[′″]|\d\s?['’´]\s?\d|\d\"\s?[NSEWO]?"
    r"|(?<!\w)\d{1,3}\s?[NS]\W{0,3}\d{1,3}\s?[EWO](?!\w)|(?<!\w)[NS]\s?\d{1,3}\W{0,3}[EWO]\s?\d{1,3}(?!\w)"
    r"|(?<!\w)\d{1,3} \d{1,2}(?: \d{1,2}(?:[.,]\d+)?| ?[.,]\d+)? ?[NSEWO](?!\w)"
    r"|(?<!\w)[NSEWO] ?\d{1,3} \d{1,2}\.\d+"
    r"|(?<!\w)(?:lat|lon|lng|latitude|longitude|geo|gps|utm|mgrs|plus ?code)\W{0,3}[-+]?[\d?]"
    # plus codes, with the town behind them or without
    r"|(?<![\w+])(?:[23456789CFGHJMPQRVWX]{2}){2,4}\s?\+\s?[23456789CFGHJMPQRVWX]{2,3}(?!\w)"
    # UTM and MGRS: 33U 601234, 33UXP0123
    r"|(?<!\w)\d{1,2}\s?[C-HJ-NP-X]\s?(?:[A-HJ-NP-Z]{2}\s?\d{2,}|\d{5,})",
    re.IGNORECASE,
)
# Three words with dots between, as what3words writes a place; ends that a domain has are none of its words.
_THREE_WORDS = re.compile(r"(?:///\s?)[^\W\d_]+[.。・]|(?<![\w.])[^\W\d_]{3,}\.[^\W\d_]{3,}\.[^\W\d_]{4,}(?![\w.])")
_MIXED = re.compile(r"(?<![^\W_])[A-Za-z0-9]{5,}(?![^\W_])")
_MONTHS: Final = (
    "jan(?:uary|uar|uari|vier|eiro|ner|\\.)?|feb(?:ruary|ruar|ruari|rero|braio|\\.)?|f[ée]v(?:rier|ereiro)?|"
    "mar(?:ch|s|zo|ço|t|\\.)?|märz|maart|apr(?:il|ile|\\.)?|avril|abr(?:il)?|may|mai|mayo|maio|maggio|mei|jun[ei]?|juin|"
    "junio|junho|giugno|jul[yi]?|juil(?:let)?|julio|julho|luglio|aug(?:ust|ustus)?|août|agosto|ago|sep(?:t|tember|"
    "tembre|tiembre)?|setembro|settembre|o[ck]t(?:ober|obre|ubre)?|outubro|ottobre|nov(?:ember|embre|iembre|embro)?|"
    "de[czs](?:ember|embre)?|diciembre|dicembre|dezembro|январ[яь]|феврал[яь]|марта?|апрел[яь]|мая|июн[яь]|июл[яь]|"
    "августа?|сентябр[яь]|октябр[яь]|ноябр[яь]|декабр[яь]|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|"
    "września|października|listopada|grudnia|ocak|şubat|mart|nisan|mayıs|haziran|temmuz|ağustos|eylül|ekim|kasım|aralık"
)
_TIME = re.compile(
    r"(?<!\d)(?:1[5-9]|20)\d\d\s?([-/.])\s?\d{1,2}\s?\1\s?\d{1,2}(?!\d)"
    r"|(?<!\d)\d{1,2}\s?([-/.])\s?\d{1,2}\s?\2\s?(?:\d\d)?\d\d(?!\d)"
    r"|(?<!\d)\d{1,2}\.\s?\d{1,2}\.(?!\d)"
    r"|(?<!\d)\d{1,2}\s?[:h]\s?[0-5]\d(?!\d)|(?<!\w)(?!24\s?h)\d{1,2}\s?(?:[ap]\.?\s?m\.?|uhr|h|hrs)(?!\w)"
    r"|(?<!\d)[012]?\d[.:][0-5]\d\s?[-–—]\s?[012]?\d"
    r"|\d\s?[年月日時时年월일시](?:\s?\d|$)|\d\s?[年月]|(?<!\d)\d{8}(?!\d)",
    re.IGNORECASE,
)
_DATE = re.compile(
    rf"(?<!\w)\d{{1,2}}(?:st|nd|rd|th)?[.,]?\s?(?:de |of |di )?(?:{_MONTHS})\.?,?"
    r"(?:\s?(?:de |del |of )?'?\d{2,4}\b|\s*$)"
    rf"|(?<!\w)(?:{_MONTHS})\.?\s?\d{{1,2}}(?:st|nd|rd|th)?(?!\w)"
    rf"|(?<!\w)(?:{_MONTHS})\.?\s(?:de )?(?:19|20)\d\d(?!\w)",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(
    r"(?<!\w)(?:kto|konto(?:nr|nummer)?|account|acc?t|a/c|iban|bic|swift|blz|cuenta|conta|compte|conto|rek|reknr|"
    r"сч[её]т|р/с|бик|инн|кпп|огрн|vat|uid|ust-?id(?:nr)?|siret|siren|cnpj|cpf|nif|cif|nit|rut|ruc|rfc|p\.? ?iva|gstin|"
    r"ssn|passport|ausweis|card|visa|mastercard|kvk|ico|dic)(?!\w)[^\w]{0,3}(?:no|nr|number|n[º°])?\W{0,3}\w*\d"
    r"|(?<!\w)(?:iban|bic|swift)(?!\w)"
    r"|(?<!\w)[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,}"
    # "Tel", "Fax": a short number beside it has too few digits to be seen by itself
    r"|(?<!\w)(?:tel[eé]?f?(?:ono|one|efon|on)?|phone|ph|fax|mob(?:ile|il)?|handy|cell?|hotline|call|anruf|тел(?:ефон)?|"
    r"т|факс|моб|τηλ|tlf|tfn|puh|gsm|whatsapp|هاتف|تلفون|تليفون|טל|טלפון|โทร|फोन|电话|電話|전화|☎|✆|📞)"
    r"\W{0,4}\d",
    re.IGNORECASE,
)
# What stands before a person's name and nothing else, or before a secret.
_ADDRESSED = re.compile(
    r"(?<!\w)(?:c/o|z\.? ?hd\.?|attn|in (?:loving )?memor(?:y|iam)|r\.? ?i\.? ?p\.?(?= )|ruhe in frieden|"
    r"my name is|mein name ist|ich hei(?:ss|ß)e|je m['’]appelle|me llamo|mi nombre es|mi chiamo|meu nome é|меня зовут|"
    r"happy birthday|alles gute|joyeux anniversaire|feliz cumplea[nñ]os|feliz anivers[aá]rio|buon compleanno)(?!\w)"
    r"|(?<!\w)(?:passwor[dt]|passwd|kennwort|contrase[nñ]a|mot de passe|senha|пароль|"
    r"(?:wi-?fi|wlan)[ -]?(?:key|code|pass\w*|schl[uü]ssel))(?!\w)|密码|密碼|パスワード|비밀번호",
    re.IGNORECASE,
)
_LOOKALIKES = str.maketrans("OQDILZSBG", "000112586")
_CONFUSABLE = re.compile(r"(?<![^\W_])[OQDILZSBG]{3,}(?![^\W_])")

_PLATE = re.compile(r"[A-Z]{1,3}(?:[ .·:-][A-Z]{1,3})?[ .·:-]?\d{1,6}(?:[ .·:-]?[A-Z]{1,3})?|\d{1,4}[ .·:-]?[A-Z]{1,3}")

_NUMBERS = re.compile(r"\d+(?:[.,/&'-]\d+)*")
_ORDINAL = re.compile(r"24h|\d{1,4}(?:st|nd|rd|th|e|er|re|a|o|h|s|er|ème|i|й|я|ая|ой)")
_BESIDE = re.compile(r"([^\W\d_]+)\W{0,3}\d|\d\W{0,3}([^\W\d_]+)")
_VOWEL = re.compile(r"[AEIOUYÄÖÜÅØÆÁÉÍÓÚАЕЁИОУЫЭЮЯІЇЄΑΕΗΙΟΥΩ]")
_SHORT, _LONGEST_GROUP = 3, 5  # letters


def is_masked(text: str) -> bool:
    """Whether ``text`` holds what is masked in every output, or the mask itself.

    >>> is_masked("Taxi +34 91 123 45 67"), is_masked("Taxi •••"), is_masked("Taxi Madrid")
    (True, True, False)
    """
    return MASK in text or mask(text) != text


def has_path(text: str) -> bool:
    """Whether it holds a file's name, a path, a handle, an e-mail address read badly, or a URL with a path.

    >>> [has_path(t) for t in ("IMG_1234.jpg", "/home/anna", "example.com/menu", "info (at) sol.es", "hotel-sol.es")]
    [True, True, True, True, False]
    """
    return _PATH.search(text) is not None or _HANDLE.search(text) is not None


def has_position(text: str) -> bool:
    """Whether it holds coordinates, or a code that stands for a position.

    >>> [has_position(t) for t in ("48.2, 16.37", "N 48 12.509", "8FWR5H4F+2X", "filled.count.soap", "www.sol.es")]
    [True, True, True, True, False]
    """
    if fixes_in(text) or _POSITION.search(text) or _THREE_WORDS.search(text):
        return True
    # A geohash changes between letters and digits: u2edk8n2x.
    return any(_changes(m.group()) >= 2 for m in _MIXED.finditer(text))


def has_date(text: str, *, street: bool = False) -> bool:
    """Whether it holds a date or a time; a year alone is none.

    Args:
        text: The text.
        street: It begins as a street's name does, which may be a date in words: Place du 8 Mai 1945.

    >>> [has_date(t) for t in ("12.03.2024", "Mo-Fr 8:00", "12 March 2024", "2024年3月", "Est. 1874", "Studio 54")]
    [True, True, True, True, False, False]
    """
    return _TIME.search(text) is not None or (not street and _DATE.search(text) is not None)


def has_account(text: str) -> bool:
    """Whether it holds the number of an account, a card, a firm or a passport, or a short telephone number.

    >>> [has_account(t) for t in ("IBAN AT61", "Kto. 1234", "Tel. 112", "Telekom Shop")]
    [True, True, True, False]
    """
    return _ACCOUNT.search(text) is not None


def is_addressed(text: str) -> bool:
    """Whether it says that a person's name follows, or a password.

    >>> [is_addressed(t) for t in ("c/o Krautwurst", "Happy Birthday Gottfried", "WLAN Passwort: sonne", "Memory Lane")]
    [True, True, True, False]
    """
    return _ADDRESSED.search(text) is not None


def is_plate_with_slips(text: str) -> bool:
    """Whether it is a plate once letters that OCR takes for digits are digits.

    >>> is_plate_with_slips("KR OIZBS"), is_plate_with_slips("HUGO BOSS")
    (True, False)
    """
    # A whole group of such letters is needed: any word has some.
    slipped = _CONFUSABLE.sub(lambda m: m.group().translate(_LOOKALIKES), text)
    return slipped != text and (mask(slipped) != slipped or _PLATE.fullmatch(slipped) is not None)


def has_code(text: str) -> bool:
    """Whether its letters and digits stand together as on a plate and not as in a name; no chain's name has a code.

    Names have one number, and beside it words: Studio 54, 24h Shop. Digits inside a word, a few capitals or letters of
    a script without capitals beside a number, and several groups of capitals without a vowel are codes.

    >>> [has_code(t) for t in ("PRYL-38", "XS8 L365", "93 تونس 28", "MP LO", "Studio 54", "CAFE 21", "24h Bar")]
    [True, True, True, True, False, False, False]
    """
    if is_chain(text):
        return False
    words = [text[start:end] for _, start, end in tokens(text)]
    letters = [w for w in words if not any(c.isdecimal() for c in w)]
    if not any(c.isdecimal() for c in text):
        short = len(letters) > 1 and all(len(w) <= _SHORT and w.isupper() for w in letters)
        loose = sum(len(w) == 1 for w in letters) > 1 and not any(len(w) > _SHORT for w in letters)
        mute = bool(letters) and all(len(w) <= _LONGEST_GROUP and w.isupper() and not _VOWEL.search(w) for w in letters)
        return loose or mute or (short and any(len(w) == 1 or not _VOWEL.search(w) for w in letters))
    if any(_is_mixed(w) for w in words) or len(_NUMBERS.findall(text)) > 1:
        return True
    return any(_is_group(m[1] or m[2]) for m in _BESIDE.finditer(text))


def _is_mixed(word: str) -> bool:
    return any(c.isdecimal() for c in word) and any(c.isalpha() for c in word) and not _ORDINAL.fullmatch(word)


def _is_group(word: str) -> bool:
    """Whether letters beside a number are those of a plate."""
    if any(is_han_or_kana(c) for c in word):
        return False
    cased = word.upper() != word.lower()
    if len(word) <= _SHORT:
        return word.isupper() or not cased
    # A small letter among capitals is a slip.
    capitals = cased and 2 * sum(c.isupper() for c in word) >= len(word)
    return len(word) <= _LONGEST_GROUP and capitals and not is_sign_word(word)


def _changes(word: str) -> int:
    shapes = "".join("9" if c.isdigit() else "L" for c in word)
    return shapes.count("L9") + shapes.count("9L")
