"""How clues name places to a person: countries by their names, a few of many."""

from __future__ import annotations

from collections.abc import Sequence

from data.gazetteer import Place, country_name, the_country
from detectors.privacy import MASK

__all__ = ["a_business", "a_place", "in_countries", "is_city", "of_places", "place_words", "quoted", "with_article"]

# Kinds of OpenStreetMap that are no noun for the business itself, and those that name only what it sells.
_BUSINESSES = {
    "books": "bookshop", "candles": "candle shop", "hearing aids": "hearing aid shop", "shoes": "shoe shop",
    "spices": "spice shop", "toys": "toy shop", "tyres": "tyre shop", "video games": "video game shop",
    "watches": "watch shop", "atm": "cash machine", "convenience": "convenience store", "doctors": "doctors' practice",
    "doityourself": "DIY store",
    "electrical": "electrical shop", "fast food": "fast food restaurant", "financial": "financial firm",
    "fuel": "filling station", "funeral directors": "funeral director", "gambling": "gambling hall",
    "general": "general store", "government": "government office", "insurance": "insurance company",
    "it": "IT company", "logistics": "logistics company", "lottery": "lottery shop", "massage": "massage parlour",
    "outdoor": "shop for outdoor goods", "police": "police force", "power": "power company", "services": "service area",
    "telecommunication": "telecommunication company", "telephone": "telephone company", "tiles": "tile shop",
    "townhall": "town hall", "wholesale": "wholesale store", "wlan": "wireless network",
    "works": "factory", "military": "military force", "trade": "builders' merchant", "childcare": "childcare centre",
    "dry cleaning": "dry cleaner", "interior decoration": "interior decoration shop", "union": "trade union",
    "scout": "scout association", "consulting": "consultancy", "training": "training centre", "dance": "dance school",
    "cleaning": "cleaning company", "security": "security company", "water": "water company", "gas": "gas supplier",
    "pest control": "pest control company", "residential": "housing company", "dialysis": "dialysis centre",
    "rehabilitation": "rehabilitation centre", "coworking": "coworking space", "erotic": "erotic shop",
    "pastry": "pastry shop",
}  # fmt: skip
# What a business or public body runs and is not: its name stands on them.
_RUN = {
    "aboriginal lands": "reserves", "bicycle parking": "bicycle stands", "billboard": "billboards",
    "charging station": "charging stations", "column": "advertising columns", "data center": "data centres",
    "drinking water": "drinking fountains", "exchange": "telephone exchanges", "generator": "power generators",
    "line": "power lines", "mast": "masts", "monitoring station": "monitoring stations", "national park": "parks",
    "nature reserve": "nature reserves", "parcel locker": "parcel lockers", "park": "parks", "parking": "car parks",
    "payment terminal": "payment terminals", "pipeline": "pipelines", "pitch": "sports grounds",
    "plant": "power stations", "playground": "playgrounds", "post box": "post boxes", "post depot": "post depots",
    "poster box": "poster boxes", "protected area": "protected areas", "public bookcase": "public bookcases",
    "pumping station": "pumping stations", "recycling": "recycling points", "school": "schools",
    "screen": "advertising screens", "shower": "showers", "siren": "sirens", "street cabinet": "street cabinets",
    "street lamp": "street lamps", "substation": "substations", "surveillance": "surveillance cameras",
    "survey point": "survey points", "ticket validator": "ticket validators", "toilets": "public toilets",
    "toll booth": "toll booths", "toll gantry": "toll gantries", "tracks": "railway tracks",
    "vending machine": "vending machines", "waste basket": "waste bins", "waste disposal": "waste bins",
    "waste transfer station": "waste transfer stations", "wastewater plant": "sewage works",
    "water works": "waterworks",
}  # fmt: skip
_GOODS = frozenset([
    "alcohol", "anime", "appliance", "art", "bag", "bathroom furnishing", "beauty", "bed", "bicycle", "boat",
    "camera", "cannabis", "car", "carpet", "cheese", "chocolate", "coffee", "computer", "confectionery", "craft",
    "curtain", "dairy", "fabric", "fishing", "flooring", "frame", "frozen food", "furniture", "gift", "handicraft",
    "hardware", "health food", "hifi", "household linen", "houseware", "jewelry", "kitchen", "leather", "lighting",
    "medical supply", "mobile phone", "model", "motorcycle", "music", "musical instrument", "paint", "party", "pet",
    "phone", "photo", "pottery", "printer ink", "seafood", "second hand", "stationery", "tea", "tobacco", "tractor",
    "truck", "video", "window blind", "wine",
])  # fmt: skip
_PLACES = 2
_CITY, _TOWN = 100_000, 5_000  # inhabitants


def in_countries(codes: Sequence[str], *, more: bool = False) -> str:
    """Names of countries in their order, as they stand in a sentence; with ``more``, others could be named.

    >>> in_countries(["DE", "AT", "CH"]), in_countries(["US", "CA"], more=True), in_countries(["NL"])
    ('Germany, Austria, Switzerland', 'the United States, Canada and others', 'the Netherlands')
    """
    return ", ".join(map(the_country, codes)) + (" and others" if more else "")


def place_words(name: str) -> str:
    """A place that clues point to, ``"Lyon, FR"``, with its country's name; other texts as they are.

    >>> place_words("Lyon, FR"), place_words("FR"), place_words("Chile")
    ('Lyon, France', 'France', 'Chile')
    """
    place, _, code = name.rpartition(", ")
    if not (len(code) == 2 and code.isascii() and code.isupper()):
        return name
    return f"{place}, {country_name(code)}" if place else the_country(code)


def of_places(names: Sequence[str]) -> str:
    """One place that clues point to, or the two likeliest: ``"Fürth, Germany or Furth, Austria or elsewhere"``.

    >>> of_places(["Lyon, FR"]), of_places(["Paris, FR", "Paris, US", "Paris, CA"])
    ('Lyon, France', 'Paris, France or Paris, United States or elsewhere')
    """
    return " or ".join([*map(place_words, names[:_PLACES]), *(["elsewhere"] if len(names) > _PLACES else [])])


def is_city(place: Place) -> bool:
    """Whether a person would call the place a city, by its inhabitants."""
    return place.population >= _CITY


def a_place(place: Place) -> str:
    """What a place is, by its inhabitants, and where: ``"a city in France"``, ``"a town in Spain"``."""
    size = "city" if is_city(place) else "town" if place.population >= _TOWN else "place"
    return f"a {size} in {the_country(place.country)}"


def quoted(text: str, *, several: bool = False) -> str:
    """What was read, as the subject of a sentence; ``"this"`` (or ``"these"``) where it has digits or is masked.

    Beside the short words of a sentence, letters and digits could look like a plate, and be masked.

    >>> quoted("EDEKA"), quoted("O2"), quoted("B 12, B 13", several=True)
    ("'EDEKA'", 'this', 'these')
    """
    if any(c.isdigit() or c == MASK for c in text):
        return "these" if several else "this"
    return f"'{text}'"


def with_article(noun: str) -> str:
    """``noun`` with its indefinite article, by its first letter.

    >>> with_article("supermarket"), with_article("optician"), with_article("university")
    ('a supermarket', 'an optician', 'a university')
    """
    vowel = noun[:1].lower() in "aeiou" and not noun.lower().startswith(("uni", "used", "eu", "one"))
    return f"{'an' if vowel else 'a'} {noun}"


def a_business(kind: str) -> str:
    """What a brand is, from OpenStreetMap's kind: what only names goods is a shop of them, and some run what it names.

    >>> a_business("supermarket"), a_business("fuel"), a_business("wine"), a_business("school")
    ('a supermarket', 'a filling station', 'a wine shop', 'an operator of schools')
    """
    if kind in _RUN:
        return f"an operator of {_RUN[kind]}"
    if kind in _BUSINESSES:
        return with_article(_BUSINESSES[kind])
    sold = kind in _GOODS or (kind.endswith("s") and not kind.endswith("ss"))
    return with_article(f"{kind} shop" if sold else kind)
