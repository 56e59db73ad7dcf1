"""How countries write the numbers of their roads, and where the best known of them run.

Rates are shares of a country's road numbers on signs that are written so; the last figure of a row is how often a photo
with text shows the same characters for another reason. On 1,280 photos, 4 in 100 of those with text showed a letter or
two with one to four digits (rooms, gates, buses, plates cut in half, models), and none was a road: one letter with one
or two digits 0.001 for each letter, with three or four 0.0005, two letters 0.0002, with a hyphen a third.

Sources: national road acts and the signing manuals listed in ``detectors.sign_phrases``; European routes: UNECE,
European Agreement on Main International Traffic Arteries (AGR), annex I; Asian Highways: UNESCAP's agreement;
Interstates and US routes: FHWA's Interstate log and AASHTO's US route log; Spanish regional codes: Catalogo de la Red
de Carreteras; Brazilian state codes: DNIT.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "BRAZIL_STATES", "ELSEWHERE_E", "EUROPEAN", "EUROPEAN_RATES", "FORMS", "INTERSTATES", "NAMED",
    "SPAIN_REGIONS", "US_ROUTES", "US_STATES",
]  # fmt: skip

# (pattern of the whole designator, rates, rate of other reasons).
FORMS: tuple[tuple[str, str, float], ...] = (
    (r"A ?\d{1,2}", "DE .5 FR .35 ES .05 gb .35 IT .4 PT .4 AT .5 CH .6 NL .6 BE .4 LU .6 PL .2 HR .4 SI .5 RS .4 RO "
     ".3 "
     "BG .3 GR .3 CY .5 MA .4 TN .5 DZ .2 LT .3 LV .4 AL BA ME MK XK .1 AU .4 LK .7 KE .3 UG TZ .2 BW .6 ZW .5 NG .5 "
     "JM .6 ET .2 IM .6 JO .1 GE .05", 0.001),
    (r"A-\d{1,2}", "ES .5 KZ .2 RU .05 MK .3 BG .1 PL .03 PT .03", 0.0003),
    (r"A ?-? ?\d{3}", "gb .6 DE .15 FR .1 AU .2 KE .4 JM .1 RU .1 ES .15", 0.0005),
    (r"A ?\d{4}", "gb .5", 0.0005),
    (r"A ?\d{1,3} ?\( ?[Mm] ?\)", "GB 1", 0.00003),
    (r"AP ?-? ?\d{1,2}", "ES .4", 0.0001),
    (r"B ?\d{1,3}", "DE .6 AT .4 AU .4 gb .03 NA .5 KE .2 LK .3 CY .5 BW .3 JM .3", 0.001),
    (r"B ?\d{4}", "gb .7", 0.0005),
    (r"C ?\d{3}", "AU .4 NA .3 TN .3 KE .1", 0.0005),
    (r"D ?\d{1,2}", "CZ .5 HR .5 SK .4 FR .4", 0.001),
    (r"D ?-? ?\d{3}", "FR .7 HR .3 TR .4 GP MQ RE .3", 0.0005),
    (r"D ?\d{4}", "FR .7 HR .05", 0.0005),
    (r"G ?\d{1,4}", "CN .7", 0.0008),
    (r"S ?\d{1,2}", "PL .6 CN .4 AT .3 HU .02", 0.001),
    (r"S ?\d{3,4}", "CN .4 NL .3 DE .05", 0.0006),
    (r"DK ?\d{1,2}", "PL .1", 0.0002), (r"DW ?\d{3}", "PL .1", 0.0002),
    (r"K ?\d{4}", "DE .3", 0.0005), (r"L ?\d{2,3}", "DE .5 AT .4", 0.001), (r"L ?\d{4}", "DE .4 IE .4", 0.0005),
    (r"M ?\d{1,2}", "GB .5 IE .5 HU .6 RU .2 UA .2 BY .2 AM .3 KG .2 MD .2 ZA .3 AU .4 PK .4 ZM .3 MW .5", 0.0015),
    (r"M-\d{1,2}", "BA .5 ME .4 RU .3 AM .2 UA .3 BY .2 PK .4 RS .05", 0.0003),
    (r"[МАРН] ?-? ?\d{1,3}", "RU .8 UA .6 BY .6 KZ .4 KG .3 MD AM .1", 0.0004),
    (r"N ?\d{1,2}", "ZA .6 FR .3 BE .4 IE .6 LU .4 CH .15 MA .5 SN CI CM BJ ML BF .5 PK .3 BD .6 PH .2 MZ .5 GH .5 "
     "PT .1 "
     "NL .05 TN .2", 0.001),
    (r"N ?-\d{1,3}", "ES .6 PK .5 LU .02", 0.0003),
    (r"N ?\d{3}", "NL .6 PT .3 BE .5 FR .1 PH .4 BD .2", 0.0005),
    (r"R\.?N\.? ?-?\d{1,3}", "AR .4 MG .7 BJ CI SN ML TG GN .6 HT .6 DZ .6 FR .02", 0.0002),
    (r"R\.?P\.? ?-?\d{1,3}", "AR .5", 0.0002),
    (r"R\.?D\.? ?\d{1,4}", "FR .2", 0.0005),
    (r"R ?\d{1,3}", "ZA .5 IE .4 BE .2 MA .3 SK .2 CZ .05 JM .05 AM .05", 0.001),
    (r"S\.? ?S\.? ?\d{1,3}", "IT .7", 0.0002), (r"S\.? ?P\.? ?\d{1,3}", "IT .7", 0.0002),
    (r"S\.? ?R\.? ?\d{1,3}", "IT .2 US .4", 0.0002),
    (r"DN ?\d{1,2}[A-Z]?", "RO .8", 0.0002), (r"DJ ?\d{3}[A-Z]?", "RO .6", 0.0002),
    (r"I{1,3}/\d{2,4}", "CZ .4 SK .4", 0.0003),
    (r"I\.?C ?\d{1,2}", "PT .6", 0.001), (r"IP ?\d{1,2}", "PT .7", 0.0003),
    (r"E\.?N\.? ?\d{1,3}", "PT .5 MZ AO .3", 0.0005),
    (r"O-\d{1,2}", "TR .7", 0.0002),
    (r"Rv\.? ?\d{1,3}|Fv\.? ?\d{1,4}", "NO .3", 0.0001), (r"[Vv]t ?\d{1,2}", "FI .1", 0.0002),
    (r"NH ?-? ?\d{1,3}[A-Z]?", "IN 1 NP BT .3", 0.0002), (r"SH ?-? ?\d{1,3}", "NZ .6 IN .6 US .03 AL .5", 0.0002),
    (r"QL ?\.?\d{1,2}[A-Z]?", "VN .8", 0.0001),
    (r"BR ?-? ?\d{3}", "BR 1", 0.0001), (r"MEX ?-? ?\d{1,3}", "MX .5", 0.0001),
    (r"PE-\d{1,2}[NSA-Z]?", "PE .5", 0.0001),
    (r"AH ?\d{1,2}", "TH .1 MM .2 IN .05 PK .05 VN .05 IR .1 MN .3 JP .02 PH .05 KZ .05 LA .2 KH .2 NP .2 BD "
     ".2", 0.0003),
    # In words
    (r"(?i:rte\.?|route) ?\d{1,3}", "US .4 CA .4 HK .5 JP .05 LB .05 AU .05 FR .02", 0.001),
    (r"(?i:state route|state rte\.?|state hwy|state road) ?\d{1,3}", "US 1", 0.0001),
    (r"(?i:state highway) ?\d{1,3}", "US .5 NZ 1 IN .7", 0.0001),
    (r"(?i:hwy\.?|highway) ?\d{1,3}", "US .5 CA .9 AU .2 NZ .1 JM .1 IN .03", 0.0005),
    (r"(?i:autoroute) ?\d{1,3}", "CA .5 FR .05 CH .02", 0.0001),
    (r"(?i:ruta(?: nacional)?(?: n[º°o]\.?)?) ?\d{1,3}", "AR .5 CL .6 UY .6 CR .5 BO .4 PY .6 CO .2 VE HN .1 ES .005 "
     "MX .02", 0.0003),
    (r"(?i:rodovia br) ?-?\d{3}", "BR 1", 0.00003),
    (r"(?i:bundesstra(?:ß|ss)e) ?\d{1,3}", "DE .2 AT .2", 0.0001),
    (r"(?i:riksväg|länsväg) ?\d{1,3}", "SE .3 FI .02", 0.0001), (r"(?i:riksvei|fylkesvei) ?\d{1,4}", "NO .3", 0.0001),
    (r"(?i:rijksweg) ?[AN]?\d{1,3}", "NL .3", 0.0001), (r"(?i:highway) [A-Z]\d", "JM .1 AU .1", 0.0003),
)  # fmt: skip

NAMED: tuple[tuple[str, str, float], ...] = (
    # Searched anywhere in lines of scripts without spaces between words.
    (r"国道\d{1,3}号", "JP 1", 0.0001), (r"国道(?! ?\d+ ?号)", "CN .5 JP .3", 0.0005),
    (r"[県府都道]道\d{1,3}号", "JP 1", 0.0001),
    (r"國道", "TW 1", 0.0002), (r"省道|縣道|台\d{1,3}[甲乙丙]?線", "TW .5 CN .2", 0.0003),
    (r"국도 ?\d{0,3}|고속도로", "KR 1", 0.0001), (r"ทางหลวง", "TH .5", 0.0001), (r"כביש ?\d{1,4}", "IL 1", 0.0001),
    (r"(?i:quốc lộ) ?\d{1,2}", "VN 1", 0.0001), (r"(?i:автодорога|трасса) ?[МАР]?", "RU .5 UA .2 BY .3 KZ .5", 0.0005),
)  # fmt: skip

EUROPEAN: Mapping[int, str] = {
    1: "IE PT ES", 4: "SE FI", 5: "FR ES", 6: "NO SE", 7: "FR ES", 8: "NO FI", 9: "FR ES", 10: "NO SE", 11: "FR",
    12: "NO SE FI", 14: "NO SE", 15: "FR ES", 16: "NO SE", 17: "FR BE", 18: "NO SE FI RU", 19: "BE NL FR",
    20: "IE DK SE EE RU", 21: "FR CH", 22: "NL DE SE LV RU", 23: "FR CH", 25: "NL BE LU FR CH IT", 27: "FR CH IT",
    28: "DE PL LT RU", 29: "DE LU FR", 30: "IE NL DE PL BY RU", 31: "NL DE", 33: "IT", 34: "BE NL DE", 35: "NL DE CH "
     "IT",
    36: "DE PL", 37: "DE", 38: "UA RU KZ", 39: "NO DK", 40: "FR BE DE PL UA RU KZ UZ KG", 41: "DE CH", 42: "FR BE DE",
    43: "DE AT CH IT", 44: "FR BE LU DE", 45: "NO SE FI DK DE AT IT", 46: "FR BE", 47: "DK DE SE", 48: "DE CZ",
    49: "DE CZ AT", 50: "FR DE CZ SK UA RU", 51: "DE", 52: "FR DE AT", 53: "DE", 54: "FR DE CH", 55: "SE DK DE CZ AT "
     "IT GR",
    56: "DE AT", 57: "AT SI", 58: "AT SK UA RO MD", 59: "CZ AT SI HR", 60: "FR CH AT HU RO GE AZ", 61: "AT SI HR IT",
    62: "FR CH IT", 63: "FI", 64: "IT", 65: "SE PL CZ SK HU HR BA ME MK GR", 66: "IT AT HU", 67: "PL LT LV EE FI",
    68: "HU RO", 69: "NO", 70: "ES FR IT SI HR RS RO BG TR GE", 71: "SK HU HR", 72: "FR", 73: "HU HR BA", 74: "FR IT",
    75: "NO FI PL SK HU RS MK GR", 76: "IT", 77: "RU LV LT PL SK HU", 78: "IT", 79: "HU RO BG GR",
    80: "PT ES FR IT HR ME RS BG TR", 81: "UA RO", 82: "PT ES", 83: "BG", 84: "TR", 85: "LT BY UA RO BG GR", 86: "GR",
    87: "UA RO BG TR", 88: "TR", 89: "TR", 90: "PT ES IT GR TR", 91: "TR", 92: "GR", 94: "GR", 95: "RU BY UA", 96: "TR",
    97: "UA RU GE TR", 98: "TR", 99: "TR", 101: "RU UA", 105: "NO RU UA", 115: "RU", 117: "RU GE AM", 119: "RU AZ",
}  # fmt: skip
EUROPEAN_RATES = (
    "SE .7 NO .7 DK .5 BE .6 FI .3 PT .2 CZ SK HU RO BG GR SI HR RS BA ME MK .3 PL LT LV EE .3 AT NL .15 DE CH LU .15 "
    "IT FR ES .15 UA BY RU .2 MD .3 TR .4 GE AM AZ KZ .2 IE .03 AD AL XK KG UZ .1"
)
"""How many of the road numbers on a country's signs are European; Britain shows none."""
ELSEWHERE_E = "MY .7 AE .8 EC .5 LK .5 PH .1 LB .02 JP .3"
"""Countries outside the European network that number roads with E: expressways of Malaysia, Sri Lanka and Japan."""

_INTERSTATES = """
4 FL;5 CA OR WA;8 CA AZ;10 CA AZ NM TX LA MS AL FL;15 CA NV AZ UT ID MT;16 GA;17 AZ;19 AZ;20 TX LA MS AL GA SC;
24 IL KY TN GA;25 NM CO WY;26 TN NC SC;27 TX;29 MO IA SD ND;30 TX AR;35 TX OK KS MO IA MN;37 TX;39 IL WI;
40 CA AZ NM TX OK AR TN NC;43 WI;44 TX OK MO;45 TX;49 LA AR MO;55 LA MS TN AR MO IL;57 MO IL;59 LA MS AL GA;
64 MO IL IN KY WV VA;65 AL TN KY IN;66 VA DC;68 WV MD;69 TX KY IN MI;70 UT CO KS MO IL IN OH WV PA MD;71 KY OH;
72 IL MO;74 IL IN OH NC;75 FL GA TN KY OH MI;76 CO NE OH PA NJ;77 SC NC VA WV OH;78 PA NJ NY;79 WV PA;
80 CA NV UT WY NE IA IL IN OH PA NJ;81 TN VA WV MD PA NY;82 WA OR;83 MD PA;84 OR ID UT PA NY CT MA;
85 AL GA SC NC VA;86 ID PA NY;87 NY;88 IL NY;89 NH VT;90 WA ID MT WY SD MN WI IL IN OH PA NY MA;91 CT MA VT;
93 MA NH VT;94 MT ND MN WI IL IN MI;95 FL GA SC NC VA MD DE PA NJ NY CT RI MA NH ME;96 MI;97 MD;99 PA;105 CA;
110 CA FL;205 OR WA CA;215 CA UT;225 CO;270 MD CO IL OH MO;275 FL MI OH;280 CA NJ;285 GA;287 NJ NY;290 IL MA;294 IL;
376 PA;380 CA;395 DC VA MD FL CT ME;405 CA OR WA;410 TX;435 KS MO;465 IN;476 PA;485 NC;495 MA MD VA NY ME DE;
505 CA;580 CA;605 CA;610 TX LA;635 TX KS;680 CA IA;695 MD;710 CA;805 CA;820 TX;880 CA;980 CA
"""
_US_ROUTES = """
1 FL GA SC NC VA MD DE PA NJ NY CT RI MA NH ME;2 WA ID MT ND MN WI MI VT NH ME;
6 CA NV UT CO NE IA IL IN OH PA NY CT RI MA;11 LA MS AL TN VA PA NY;12 WA ID MT ND MN WI IL IN MI;
13 NC VA MD DE PA;17 FL GA SC NC VA;19 FL GA NC TN PA;20 OR ID MT WY NE IA IL IN OH PA NY MA;
23 FL GA NC TN KY OH MI;27 FL GA TN KY OH IN;29 FL AL GA SC NC VA MD;30 OR ID WY NE IA IL IN OH PA NJ;
31 AL TN KY IN MI;34 CO NE IA IL;36 CO KS MO IL IN OH;40 UT CO KS MO IL IN OH PA MD DE NJ;
41 FL GA TN KY IN IL WI MI;50 CA NV UT CO KS MO IL IN OH WV VA MD;51 LA MS TN KY IL WI;60 AZ NM TX OK MO IL KY VA;
61 LA MS TN AR MO IA MN WI;62 TX OK AR MO KY OH PA NY;64 AZ NM OK AR TN NC;65 LA AR MO IA MN;
66 IL MO KS OK TX NM AZ CA;70 AZ NM TX OK AR TN NC;71 LA AR MO IA MN;75 TX OK KS NE IA MN;77 TX OK KS NE SD;
80 AZ NM TX LA MS AL GA;81 TX OK KS NE SD ND;82 NM TX AR MS AL GA;83 TX OK KS NE SD ND;84 CO NM TX LA MS AL GA;
85 TX NM CO WY SD ND;87 TX CO WY MT;89 AZ UT WY ID MT;90 TX LA MS AL FL;93 AZ NV ID MT;95 CA NV OR ID AZ;
97 CA OR WA;98 MS AL FL;101 CA OR WA;129 TN NC GA;131 MI IN;160 AZ CO KS MO;163 AZ UT;180 AZ NM;191 AZ UT WY MT;
199 CA OR;202 PA DE NJ NY CT MA NH ME;285 CO NM TX;287 TX OK CO WY MT;290 TX;301 FL GA SC NC VA MD DE;
395 CA NV OR WA;441 FL GA NC TN;491 UT CO NM;501 SC NC VA;550 CO NM
"""


def _by_number(text: str) -> dict[int, tuple[str, ...]]:
    rows = (row.split() for row in text.replace("\n", "").split(";"))
    return {int(number): tuple(states) for number, *states in rows}


INTERSTATES: Mapping[int, tuple[str, ...]] = _by_number(_INTERSTATES)
"""Number of an Interstate to the states that it runs through; of those of three digits the best known ones."""
US_ROUTES: Mapping[int, tuple[str, ...]] = _by_number(_US_ROUTES)
"""Number of a US route to its states."""

US_STATES = frozenset(
    [
        "AL",
        "AK",
        "AZ",
        "AR",
        "CA",
        "CO",
        "CT",
        "DE",
        "FL",
        "GA",
        "HI",
        "ID",
        "IL",
        "IN",
        "IA",
        "KS",
        "KY",
        "LA",
        "ME",
        "MD",
        "MA",
        "MI",
        "MN",
        "MS",
        "MO",
        "MT",
        "NE",
        "NV",
        "NH",
        "NJ",
        "NM",
        "NY",
        "NC",
        "ND",
        "OH",
        "OK",
        "OR",
        "PA",
        "RI",
        "SC",
        "SD",
        "TN",
        "TX",
        "UT",
        "VT",
        "VA",
        "WA",
        "WV",
        "WI",
        "WY",
    ]
)
"""Postal codes of states; GeoNames' admin-1 codes of the United States are the same."""
BRAZIL_STATES: Mapping[str, str] = {
    "AC": "01", "AL": "02", "AP": "03", "AM": "04", "BA": "05", "CE": "06", "DF": "07", "ES": "08", "MS": "11",
    "MA": "13", "MT": "14", "MG": "15", "PA": "16", "PB": "17", "PR": "18", "PI": "20", "RJ": "21", "RN": "22",
    "RS": "23", "RO": "24", "RR": "25", "SC": "26", "SP": "27", "SE": "28", "GO": "29", "PE": "30", "TO": "31",
}  # fmt: skip
"""Prefix of a state's road to GeoNames' admin-1 code."""
SPAIN_REGIONS: Mapping[str, str] = {
    "M": "29", "C": "56", "BV": "56", "BP": "56", "GIV": "56", "LV": "56", "TV": "56", "CV": "60", "AC": "58",
    "PO": "58", "OU": "58", "VG": "58", "BI": "59", "NA": "32", "LR": "27", "AS": "34", "GC": "53", "TF": "53",
    "FV": "53", "LZ": "53", "MA": "07", "PM": "07", "EX": "57", "CM": "54", "RM": "31", "MU": "31", "AL": "51",
    "SE": "51", "HU": "51", "GR": "51", "LE": "55", "BU": "55", "VA": "55", "TO": "54",
}  # fmt: skip
"""Prefix of a regional or provincial road to GeoNames' admin-1 code, where it is one region's alone."""
