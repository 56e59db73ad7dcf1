"""How prices are written: signs of currencies, what a unit buys, decimal signs, where the sign stands.

Sources: which currency a territory uses, and the decimal comma or point of its first language, are CLDR 47's (babel's
``get_territory_currencies`` and ``number_symbols``; a test compares them). ``DECIMAL_COMMA`` leaves CLDR in South
Africa, whose price tags have a point, and in a dozen small territories of mixed habits. Signs are those of the central
banks and of CLDR's narrow symbols. Units per US dollar are orders of magnitude (IMF exchange rates, mean of 2015 to
2024). How the tags of a country divide between signs, sides and endings is a judgement to a factor of two, from what
shops there do.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["AFTER", "DASHES", "DECIMAL_COMMA", "ENDINGS", "EXTRA_USERS", "PER_DOLLAR", "SIGNS"]

DECIMAL_COMMA = frozenset(
    str.split(
        "AD AL AM AO AR AT AX AZ BA BE BF BG BI BJ BL BO BR BY CD CF CG CI CL CM CO CR CU CV CY CZ DE DJ DK DZ EC "
        "EE ES FI FO FR GA GE GF GL GN GP GQ GR GW HR HT HU ID IS IT KG KZ LB LT LU LV LY MA MC MD ME MF MK ML MQ "
        "MR MU MZ NC NE NL NO PF PL PM PT PY RE RO RS RU RW SE SI SK SM SN SR ST TG TJ TM TN TR UA UY UZ VA VE VN "
        "XK YT "
    )
)
"""Countries whose price tags say 9,99; the others say 9.99."""

AFTER = frozenset(
    str.split(
        "AD AL AM AX AZ BA BG BL BY CZ DE DK DZ EE ES FI FO FR GE GF GL GP GR HR HU IS IT JP KG KR KZ LT LU LV MA "
        "MC MD ME MF MK MQ NC NO PF PL PM PT RE RO RS RU SE SI SK SM TJ TM TN TW UA UZ VA VN XK YT "
    )
)
"""Countries where the sign mostly stands after the amount (CLDR; kr and words do nearly always)."""

EXTRA_USERS: Mapping[str, Mapping[str, float]] = {
    # Beside a country's own currency: shares of its price tags (IMF, "Dollarization"; visitors' prices).
    "USD": {"KH": 0.5, "LB": 0.4, "ZW": 0.6, "BS": 0.5, "BB": 0.2, "BZ": 0.3, "KY": 0.3, "AW": 0.3, "CW": 0.3,
            "SX": 0.7, "BM": 0.3, "LR": 0.4, "CR": 0.05, "CU": 0.2, "VE": 0.5, "MX": 0.03, "PE": 0.03, "UY": 0.05},
    "EUR": {"CU": 0.05, "CH": 0.03, "BG": 0.3, "HR": 1.0, "AL": 0.1, "RS": 0.03, "CZ": 0.03, "HU": 0.03, "TR": 0.05,
            "MA": 0.03, "TN": 0.02, "BA": 0.03, "GB": 0.01},
    "BGN": {"BG": 0.7},
    "HRK": {"HR": 0.4},
    "ZAR": {"NA": 0.3, "LS": 0.5, "SZ": 0.3, "BW": 0.03},
    "INR": {"BT": 0.3, "NP": 0.1},
    "HKD": {"MO": 0.3},
    "SGD": {"BN": 0.1},
    "THB": {"LA": 0.2, "MM": 0.03, "KH": 0.02},
    "CNY": {"HK": 0.02, "MO": 0.03},
    "TRY": {"CY": 0.2, "SY": 0.1},
    "GBP": {"SH": 0.3, "FK": 0.5, "GI": 0.5},
    "AUD": {"PG": 0.02},
}  # fmt: skip

PER_DOLLAR: Mapping[str, float] = {
    "EUR": 0.9, "GBP": 0.8, "USD": 1, "CHF": 1, "CAD": 1.3, "AUD": 1.4, "NZD": 1.5, "SGD": 1.35, "BND": 1.35,
    "HKD": 7.8, "TWD": 31, "CNY": 7, "JPY": 120, "KRW": 1200, "INR": 75, "PKR": 170, "LKR": 220, "NPR": 120, "BDT": 95,
    "THB": 33, "VND": 23500, "IDR": 14500, "MYR": 4.3, "PHP": 53, "KHR": 4100, "LAK": 13000, "MMK": 1900, "MNT": 2900,
    "KZT": 420, "UZS": 10000, "KGS": 82, "TJS": 10, "AZN": 1.7, "GEL": 2.8, "AMD": 440, "RUB": 75, "UAH": 30,
    "BYN": 2.8, "MDL": 18, "PLN": 4, "CZK": 23, "HUF": 320, "RON": 4.4, "BGN": 1.75, "RSD": 108, "HRK": 6.7,
    "BAM": 1.75, "MKD": 55, "ALL": 105, "SEK": 9.5, "NOK": 9.5, "DKK": 6.7, "ISK": 130, "TRY": 15, "ILS": 3.5,
    "EGP": 22, "MAD": 9.7, "DZD": 130, "TND": 2.9, "LYD": 4.5, "SAR": 3.75, "AED": 3.67, "QAR": 3.64, "OMR": 0.385,
    "KWD": 0.305, "BHD": 0.377, "JOD": 0.71, "IQD": 1350, "IRR": 150000, "NGN": 500, "GHS": 8, "KES": 115, "TZS": 2350,
    "UGX": 3700, "RWF": 1000, "ETB": 45, "ZAR": 16, "NAD": 16, "BWP": 12, "ZMW": 17, "MWK": 950, "MZN": 63, "AOA": 550,
    "XOF": 590, "XAF": 590, "XPF": 108, "MXN": 19, "GTQ": 7.7, "HNL": 24, "NIO": 34, "CRC": 570, "PAB": 1, "CUP": 100,
    "DOP": 54, "JMD": 145, "TTD": 6.7, "BBD": 2, "BSD": 1, "XCD": 2.7, "HTG": 100, "COP": 3700, "VES": 30, "PEN": 3.6,
    "BOB": 6.9, "CLP": 780, "ARS": 200, "UYU": 39, "PYG": 6700, "BRL": 4.8, "FJD": 2.2, "PGK": 3.6, "MUR": 42,
    "YER": 250, "MOP": 8, "SDG": 300, "SCR": 14, "MGA": 4000, "LBP": 15000, "BMD": 1, "BZD": 2, "KYD": 0.83,
    "GYD": 208, "SRD": 25, "LRD": 170,
}  # fmt: skip

# A sign to the currencies that it stands for, with the share of that currency's price tags that are read so: written
# so, and read so (RapidOCR reads the euro sign as E or C in about one tag of twenty, the pound sign as E or F in as
# many, Cyrillic as the Latin letters that look alike). The last figure is how often a number has those characters
# beside it for another reason, relative to price tags.
_DOLLARS = dict.fromkeys(
    str.split("USD CAD AUD NZD MXN ARS CLP COP BMD BSD BBD BZD KYD GYD SRD LRD FJD JMD TTD XCD BND CUP"), 0.95
) | {"SGD": 0.8, "HKD": 0.7, "TWD": 0.3, "UYU": 0.8, "DOP": 0.5, "BRL": 0.05, "NAD": 0.3, "NIO": 0.2, "PAB": 0.5}
SIGNS: tuple[tuple[str, Mapping[str, float], float], ...] = (
    (r"\$", _DOLLARS, 0.06),
    (r"€|eur(?:os?)?", {"EUR": 0.95}, 0.015),
    (r"£", {"GBP": 0.93, "EGP": 0.03, "LBP": 0.02}, 0.005),
    (r"E", {"EUR": 0.04, "GBP": 0.03, "EGP": 0.01}, 0.006),
    (r"C", {"EUR": 0.02}, 0.008),
    (r"gbp", {"GBP": 0.01}, 0.002),
    (r"[¥￥]", {"JPY": 0.45, "CNY": 0.55}, 0.004),
    (r"円|圆税|円税", {"JPY": 0.45}, 0.001),
    (r"日圓|日元", {"JPY": 0.005}, 0.001),
    (r"元", {"CNY": 0.4, "TWD": 0.45, "HKD": 0.1}, 0.006),
    (r"[원윈]|₩", {"KRW": 0.95}, 0.002),
    (r"₹", {"INR": 0.6}, 0.001),
    (r"rs\.?|re\.|₨", {"INR": 0.45, "PKR": 0.9, "LKR": 0.9, "NPR": 0.8, "MUR": 0.9, "SCR": 0.3}, 0.004),
    (r"रु\.?|रू\.?", {"NPR": 0.4, "INR": 0.03}, 0.001),
    (r"৳|টাকা|tk\.?|taka", {"BDT": 0.9}, 0.002),
    (r"<rm", {"MYR": 0.97}, 0.012),
    (r"s\$", {"SGD": 0.2, "SRD": 0.03}, 0.001),
    (r"hk\$|hkd|港元|港幣", {"HKD": 0.3}, 0.001),
    (r"nt\$?|nt元", {"TWD": 0.3}, 0.001),
    (r"mop\$?", {"MOP": 0.9}, 0.001),
    (r"r\$", {"BRL": 0.95}, 0.001),
    (r"rd\$", {"DOP": 0.5}, 0.001),
    (r"a\$|aud", {"AUD": 0.01}, 0.002),
    (r"ca?\$|cad", {"NIO": 0.7, "CAD": 0.005}, 0.002),
    (r"nz\$", {"NZD": 0.01}, 0.001),
    (r"n\$", {"NAD": 0.7}, 0.001),
    (r"j\$", {"JMD": 0.1}, 0.001),
    (r"tt\$", {"TTD": 0.2}, 0.001),
    (r"\$u|u\$", {"UYU": 0.15}, 0.002),
    (r"mx?n|m\.n\.", {"MXN": 0.05}, 0.001),
    (r"pesos?", {"MXN": 0.08, "ARS": 0.04, "CLP": 0.03, "COP": 0.04, "PHP": 0.02, "DOP": 0.05, "CUP": 0.2}, 0.002),
    (r"s/\.?", {"PEN": 0.95}, 0.002),
    (r"bs\.?", {"BOB": 0.95, "VES": 0.6}, 0.006),
    (r"₡|colones", {"CRC": 0.9}, 0.001),
    (r"₲|gs\.?", {"PYG": 0.9}, 0.002),
    (r"<Q\.?", {"GTQ": 0.9}, 0.008),
    (r"<L\.?", {"HNL": 0.7}, 0.02),
    (r"kr\.?", {"SEK": 0.6, "NOK": 0.5, "DKK": 0.7, "ISK": 0.9}, 0.003),
    (r"sek", {"SEK": 0.1}, 0.003),
    (r"nok", {"NOK": 0.08}, 0.001),
    (r"dkk", {"DKK": 0.08}, 0.001),
    (r"isk", {"ISK": 0.2}, 0.001),
    (r"kč|kc", {"CZK": 0.9}, 0.002),
    (r"zł|zl|pln", {"PLN": 0.95}, 0.002),
    (r">ft\.?", {"HUF": 0.9}, 0.03),
    (r"huf", {"HUF": 0.05}, 0.001),
    (r">lei|ron", {"RON": 0.95, "MDL": 0.8}, 0.002),
    (r"лв\.?|лева|[jл][bв]\.?", {"BGN": 0.9}, 0.002),
    (r"rsd|din\.?|дин\.?", {"RSD": 0.9, "MKD": 0.03}, 0.002),
    (r">kn", {"HRK": 0.9}, 0.01),
    (r"ден\.?|mkd", {"MKD": 0.8}, 0.001),
    (r"lek[eë]?", {"ALL": 0.6}, 0.001),
    (r"chf|fr\.|sfr\.?", {"CHF": 0.9, "XPF": 0.05}, 0.001),
    (r"₽|руб\.?(?:лей)?|р\.?|p[yу][6b5б]\.?", {"RUB": 0.7, "BYN": 0.7}, 0.002),
    (r"<[PР]", {"PHP": 0.25, "BWP": 0.9}, 0.01),
    (r">[PР]", {"RUB": 0.25, "BYN": 0.1}, 0.01),
    (r"byn|бел\.? ?руб\.?", {"BYN": 0.2}, 0.001),
    (r"₴|грн\.?|uah|[гr]ph\.?", {"UAH": 0.95}, 0.001),
    (r"₸|тг\.?|тенге|tenge|kzt", {"KZT": 0.9}, 0.001),
    (r"сум|so[ʻ'’`]?m|сўм", {"UZS": 0.9}, 0.001),
    (r"сом|c0?m", {"KGS": 0.9}, 0.001),
    (r"₾|ლარი|gel", {"GEL": 0.9}, 0.001),
    (r"֏|դր\.?|amd", {"AMD": 0.9}, 0.001),
    (r"₼|azn|manat", {"AZN": 0.9}, 0.001),
    (r"₮|төг\.?|төгрөг", {"MNT": 0.9}, 0.001),
    (r"₺|tl|try", {"TRY": 0.95}, 0.003),
    (r"₪|ש[\"״]?ח|nis|ils", {"ILS": 0.95}, 0.001),
    (r"฿|บาท|baht|thb", {"THB": 0.6}, 0.001),
    (r"₫|đ|vn[đd]|đồng", {"VND": 0.7}, 0.002),
    (r"rp\.?", {"IDR": 0.97}, 0.001),
    (r"₱|php", {"PHP": 0.5}, 0.001),
    (r"៛|riels?", {"KHR": 0.4}, 0.001),
    (r"₭|ກີບ|kip", {"LAK": 0.8}, 0.001),
    (r"ကျပ်|ks\.?|kyats?|mmk", {"MMK": 0.9}, 0.002),
    (r"₦|ngn", {"NGN": 0.8}, 0.001),
    (r"<N", {"NGN": 0.3}, 0.02),
    (r"gh[₵¢sc]|₵|ghs", {"GHS": 0.9}, 0.001),
    (r"ksh?s?\.?|kes", {"KES": 0.8}, 0.001),
    (r"tshs?\.?|tzs", {"TZS": 0.7}, 0.001),
    (r"ushs?\.?|ugx", {"UGX": 0.7}, 0.001),
    (r"shs?\.?|/=", {"KES": 0.2, "TZS": 0.3, "UGX": 0.3}, 0.002),
    (r"f?rwf?", {"RWF": 0.8}, 0.001),
    (r"birr|ብር|etb", {"ETB": 0.9}, 0.001),
    (r"<R", {"ZAR": 0.95}, 0.015),
    (r"zmw|zk", {"ZMW": 0.4}, 0.001),
    (r"<K", {"ZMW": 0.5, "PGK": 0.9, "MWK": 0.3}, 0.02),
    (r"mk", {"MWK": 0.6}, 0.02),
    (r">mts?n?", {"MZN": 0.9}, 0.1),
    (r"kz", {"AOA": 0.8}, 0.005),
    (r"f\.? ?cfa|fcfa|cfa|xof|xaf", {"XOF": 0.8, "XAF": 0.8}, 0.001),
    (r"xpf", {"XPF": 0.3}, 0.001),
    (r">F", {"XOF": 0.2, "XAF": 0.2, "XPF": 0.6}, 0.03),
    (r"<F", {"GBP": 0.02, "EUR": 0.003}, 0.006),
    (r"l\.e\.?|egp", {"EGP": 0.5}, 0.003),
    (r"جنيه|ج\.?م\.?", {"EGP": 0.4, "SDG": 0.5}, 0.0003),
    (r"dhs?\.?", {"MAD": 0.7, "AED": 0.3}, 0.002),
    (r"درهم", {"MAD": 0.2, "AED": 0.1}, 0.0003),
    (r"aed", {"AED": 0.5}, 0.0005),
    (r"د\.?إ\.?", {"AED": 0.1}, 0.0001),
    (r"mad", {"MAD": 0.1}, 0.002),
    (r">da", {"DZD": 0.7}, 0.02),
    (r"دج|د\.ج\.?", {"DZD": 0.25}, 0.001),
    (r">dt|tnd", {"TND": 0.6}, 0.01),
    (r"د\.?ت\.?", {"TND": 0.3}, 0.0003),
    (r"د\.?ل\.?", {"LYD": 0.9}, 0.001),
    (r"sr|sar", {"SAR": 0.5}, 0.01),
    (r"ريال|ر\.?س\.?|﷼", {"SAR": 0.4, "QAR": 0.2, "OMR": 0.2, "YER": 0.7}, 0.0003),
    (r"qr|qar", {"QAR": 0.6}, 0.01),
    (r"ر\.?ق\.?", {"QAR": 0.2}, 0.0003),
    (r"r\.o\.?|omr", {"OMR": 0.6}, 0.003),
    (r"ر\.?ع\.?", {"OMR": 0.2}, 0.0003),
    (r"kd|kwd", {"KWD": 0.6}, 0.01),
    (r"د\.?ك\.?", {"KWD": 0.3}, 0.0003),
    (r"bd|bhd", {"BHD": 0.6}, 0.02),
    (r"د\.?ب\.?", {"BHD": 0.3}, 0.0003),
    (r"jd|jod", {"JOD": 0.5}, 0.01),
    (r"دينار", {"JOD": 0.3, "KWD": 0.05, "IQD": 0.2, "BHD": 0.1, "LYD": 0.1, "DZD": 0.05, "TND": 0.05}, 0.0003),
    (r"iqd|د\.?ع\.?", {"IQD": 0.6}, 0.001),
    (r"تومان|ریال|toman", {"IRR": 0.95}, 0.001),
    (r"l\.l\.?|ل\.?ل\.?", {"LBP": 0.5}, 0.004),
)  # fmt: skip
"""``(pattern, {currency: share of its price tags}, rate of other reasons)``. ``<`` says that it stands before the
amount
only, ``>`` after it only. Patterns with a capital letter are matched as they are, all others in any case."""

DASHES: Mapping[str, Mapping[str, float]] = {
    # Endings that stand for "and nothing more", or close a sum.
    ",-": {"NO": 0.6, "DK": 0.5, "CZ": 0.6, "NL": 0.3, "DE": 0.15, "AT": 0.15, "BE": 0.15, "CH": 0.05, "SE": 0.1,
           "FO": 0.5, "IS": 0.3, "ID": 0.25, "SK": 0.05, "HU": 0.2, "LU": 0.1, "PL": 0.05, "FI": 0.03, "HR": 0.02},
    ".-": {"CH": 0.5, "LI": 0.5, "TH": 0.3, "AT": 0.06, "DE": 0.04, "CL": 0.1, "DK": 0.1, "SE": 0.06, "FI": 0.03,
           "AR": 0.05, "HU": 0.1, "CZ": 0.05, "NO": 0.05, "UY": 0.03, "LK": 0.03, "ID": 0.05},
    ":-": {"SE": 0.6, "FI": 0.01, "AX": 0.2, "DK": 0.02, "NO": 0.03},
    "/-": {"IN": 0.5, "PK": 0.5, "BD": 0.4, "LK": 0.5, "NP": 0.4, "KE": 0.25, "TZ": 0.15, "UG": 0.15, "MV": 0.1},
    "/=": {"LK": 0.2, "KE": 0.3, "TZ": 0.5, "UG": 0.5, "RW": 0.05, "BD": 0.1, "IN": 0.02, "PK": 0.03},
}  # fmt: skip
"""Ending of a price without a currency sign, to the share of the price tags of a country that end so."""

ENDINGS: Mapping[str, float] = {",-": 0.006, ".-": 0.008, ":-": 0.002, "/-": 0.002, "/=": 0.001}
"""How often a number has such an ending for another reason, relative to price tags."""
