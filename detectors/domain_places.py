"""Top-level domains and the places that they stand for, where the domain's letters are not simply the country's code.

Regions are GeoNames admin-1 codes; where a city lies the gazetteer knows.
"""

from __future__ import annotations

__all__ = [
    "CITY_SUFFIXES",
    "COUNTRY_SUFFIXES",
    "GENERIC_COUNTRY_SUFFIXES",
    "HOSTS",
    "REGION_SUFFIXES",
    "SEVERAL_COUNTRIES",
]

GENERIC_COUNTRY_SUFFIXES = frozenset(
    str.split(
        "ac ag ai am as bz cc cd cf co cx dj fm ga gd gg gl gq gs im io je la lc li ly me ml mn ms mu nf nu pn pw sc "
        "sh so sr st su tc tk tl to tv vc vg vu ws"
    )
)
"""Country domains that the world uses for other things; .com.co and its like are still the country's."""

COUNTRY_SUFFIXES: dict[str, str] = {
    "uk": "GB", "su": "RU", "swiss": "CH", "kiwi": "NZ", "gov": "US", "mil": "US", "edu": "US", "ir": "IR",
    "рф": "RU", "рус": "RU", "укр": "UA", "бг": "BG", "бел": "BY", "срб": "RS", "мкд": "MK", "мон": "MN", "қаз": "KZ",
    "ею": "BG", "հայ": "AM", "გე": "GE", "ελ": "GR", "ישראל": "IL", "中国": "CN", "中國": "CN", "台湾": "TW",
    "台灣": "TW", "香港": "HK", "澳門": "MO", "新加坡": "SG", "한국": "KR", "ไทย": "TH", "ລາວ": "LA", "ලංකා": "LK",
    "இலங்கை": "LK", "சிங்கப்பூர்": "SG", "இந்தியா": "IN", "भारत": "IN", "ভারত": "IN", "ভাৰত": "IN", "ਭਾਰਤ": "IN",
    "ભારત": "IN", "ଭାରତ": "IN", "భారత్": "IN", "ಭಾರತ": "IN", "ഭാരതം": "IN", "বাংলা": "BD", "مصر": "EG",
    "السعودية": "SA", "امارات": "AE", "قطر": "QA", "عمان": "OM", "الاردن": "JO", "فلسطين": "PS", "سورية": "SY",
    "تونس": "TN", "المغرب": "MA", "الجزائر": "DZ", "موريتانيا": "MR", "السودان": "SD", "عراق": "IQ", "اليمن": "YE",
    "البحرين": "BH", "ایران": "IR", "پاکستان": "PK", "مليسيا": "MY",
}  # fmt: skip
"""Suffixes of one country that are not its ISO code."""

_EU = (
    "DE", "FR", "IT", "ES", "PL", "NL", "BE", "CZ", "AT", "SE", "GR", "PT", "HU", "RO", "BG", "SK", "IE", "LT", "LV",
    "EE", "SI", "HR", "FI", "DK", "CY", "LU", "MT",
)  # fmt: skip

SEVERAL_COUNTRIES: dict[str, tuple[str, ...]] = {
    "eu": _EU,
    "nu": ("SE", "NL", "NU", "BE", "DK"),  # "now" there; Niue sells it
    "li": ("LI", "CH"),
    "tirol": ("AT", "IT"),
}
"""Suffixes that stand in several countries, the likelier first."""

REGION_SUFFIXES: dict[str, tuple[str, str]] = {
    "cat": ("ES.56", "Catalonia"), "eus": ("ES.59", "the Basque Country"), "gal": ("ES.58", "Galicia"),
    "bzh": ("FR.53", "Brittany"), "corsica": ("FR.94", "Corsica"), "alsace": ("FR.44", "the Grand Est"),
    "scot": ("GB.SCT", "Scotland"), "wales": ("GB.WLS", "Wales"), "cymru": ("GB.WLS", "Wales"),
    "quebec": ("CA.10", "Quebec"), "bayern": ("DE.02", "Bavaria"), "nrw": ("DE.07", "North Rhine-Westphalia"),
    "saarland": ("DE.09", "Saarland"), "ruhr": ("DE.07", "the Ruhr"), "frl": ("NL.02", "Friesland"),
    "vlaanderen": ("BE.VLG", "Flanders"), "okinawa": ("JP.47", "Okinawa"), "ryukyu": ("JP.47", "Okinawa"),
    "nsw.gov.au": ("AU.02", "New South Wales"), "vic.gov.au": ("AU.07", "Victoria"),
    "qld.gov.au": ("AU.04", "Queensland"),
    "wa.gov.au": ("AU.08", "Western Australia"), "sa.gov.au": ("AU.05", "South Australia"),
    "tas.gov.au": ("AU.06", "Tasmania"), "qc.ca": ("CA.10", "Quebec"), "on.ca": ("CA.08", "Ontario"),
    "bc.ca": ("CA.02", "British Columbia"), "ab.ca": ("CA.01", "Alberta"), "mb.ca": ("CA.03", "Manitoba"),
    "sk.ca": ("CA.11", "Saskatchewan"), "ns.ca": ("CA.07", "Nova Scotia"), "nb.ca": ("CA.04", "New Brunswick"),
    "nl.ca": ("CA.05", "Newfoundland"), "pe.ca": ("CA.09", "Prince Edward Island"),
}  # fmt: skip
REGION_SUFFIXES |= {
    f"{state.lower()}.us": (f"US.{state}", state)
    for state in str.split(
        "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK "
        "OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
    )
}
"""Suffixes of a region: GeoNames admin-1 code and name."""

CITY_SUFFIXES: dict[str, tuple[str, str]] = {
    "berlin": ("Berlin", "DE"), "hamburg": ("Hamburg", "DE"), "koeln": ("Cologne", "DE"),
    "cologne": ("Cologne", "DE"), "wien": ("Vienna", "AT"), "zuerich": ("Zurich", "CH"), "paris": ("Paris", "FR"),
    "london": ("London", "GB"), "amsterdam": ("Amsterdam", "NL"), "brussels": ("Brussels", "BE"),
    "gent": ("Ghent", "BE"), "madrid": ("Madrid", "ES"), "barcelona": ("Barcelona", "ES"),
    "helsinki": ("Helsinki", "FI"), "stockholm": ("Stockholm", "SE"), "istanbul": ("Istanbul", "TR"),
    "ist": ("Istanbul", "TR"), "moscow": ("Moscow", "RU"), "москва": ("Moscow", "RU"), "nyc": ("New York City", "US"),
    "boston": ("Boston", "US"), "miami": ("Miami", "US"), "vegas": ("Las Vegas", "US"),
    "rio": ("Rio de Janeiro", "BR"), "tokyo": ("Tokyo", "JP"), "osaka": ("Osaka", "JP"), "kyoto": ("Kyoto", "JP"),
    "nagoya": ("Nagoya", "JP"), "yokohama": ("Yokohama", "JP"), "taipei": ("Taipei", "TW"), "dubai": ("Dubai", "AE"),
    "abudhabi": ("Abu Dhabi", "AE"), "capetown": ("Cape Town", "ZA"), "durban": ("Durban", "ZA"),
    "joburg": ("Johannesburg", "ZA"), "sydney": ("Sydney", "AU"), "melbourne": ("Melbourne", "AU"),
    "budapest": ("Budapest", "HU"),
}  # fmt: skip
"""Suffixes of a city: its name in the gazetteer and its country."""

HOSTS: dict[str, tuple[str, ...]] = {
    "qq.com": ("CN",), "163.com": ("CN",), "126.com": ("CN",), "sina.com": ("CN",), "naver.com": ("KR",),
    "daum.net": ("KR",), "hanmail.net": ("KR",), "rediffmail.com": ("IN",), "bigpond.com": ("AU",),
    "optusnet.com.au": ("AU",), "comcast.net": ("US",), "verizon.net": ("US",), "ukr.net": ("UA",),
    "btinternet.com": ("GB",), "gmx.net": ("DE", "AT", "CH"), "bluewin.ch": ("CH",), "telefonica.net": ("ES",),
    "eircom.net": ("IE",), "terra.com": ("BR", "ES", "MX"), "prodigy.net.mx": ("MX",), "pldt.net": ("PH",),
    "singnet.com.sg": ("SG",), "pchome.com.tw": ("TW",), "mweb.co.za": ("ZA",),
}  # fmt: skip
"""Mail hosts of one country under a suffix of none."""
