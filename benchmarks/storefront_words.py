"""What stands on signs beside a name: words for what a place is, worldwide brands, addresses as written there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data.partition import load_default

__all__ = ["BRANDS", "address_line", "language_of", "type_word", "wrapped"]

BRANDS: Final = (
    "Coca-Cola", "Heineken", "VISA", "Mastercard", "Langnese", "Pepsi", "Nescafé", "Western Union", "Samsung", "DHL",
    "Lavazza", "illy", "Carlsberg", "Nestlé", "Red Bull", "Marlboro", "SONY", "BOSCH", "Canon", "Nivea", "L'Oréal",
    "American Express", "Maestro", "Fanta", "Sprite", "Guinness", "Philips", "Michelin", "Castrol", "Wi-Fi",
)  # fmt: skip
"""Seen nearly everywhere: they say nothing of where a photo was taken."""

_LANGUAGES: Final = ("de", "fr", "ru", "pt")
_OF_COUNTRY: Final[Mapping[str, str]] = {
    "AT": "de", "DE": "de", "CH": "de", "LI": "de", "FR": "fr", "MC": "fr", "RU": "ru", "BR": "pt",
}  # fmt: skip
_WORDS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "supermarket": ("Supermarkt", "Supermarché", "Супермаркет", "Supermercado"),
    "convenience": ("Lebensmittel", "Alimentation", "Продукты", "Mercearia"),
    "bakery": ("Bäckerei", "Boulangerie", "Пекарня", "Padaria"),
    "butcher": ("Metzgerei", "Boucherie", "Мясо", "Açougue"),
    "clothes": ("Mode", "Mode", "Одежда", "Moda"),
    "shoes": ("Schuhe", "Chaussures", "Обувь", "Calçados"),
    "hairdresser": ("Friseur", "Coiffure", "Парикмахерская", "Cabeleireiro"),
    "florist": ("Blumen", "Fleuriste", "Цветы", "Floricultura"),
    "car_repair": ("Autowerkstatt", "Garage", "Автосервис", "Oficina"),
    "car": ("Autohaus", "Automobiles", "Автосалон", "Automóveis"),
    "books": ("Buchhandlung", "Librairie", "Книги", "Livraria"),
    "electronics": ("Elektronik", "Électronique", "Электроника", "Eletrônicos"),
    "jewelry": ("Juwelier", "Bijouterie", "Ювелирный салон", "Joalheria"),
    "optician": ("Optik", "Opticien", "Оптика", "Ótica"),
    "pharmacy": ("Apotheke", "Pharmacie", "Аптека", "Farmácia"),
    "bank": ("Bank", "Banque", "Банк", "Banco"),
    "restaurant": ("Restaurant", "Restaurant", "Ресторан", "Restaurante"),
    "cafe": ("Café", "Café", "Кафе", "Café"),
    "bar": ("Bar", "Bar", "Бар", "Bar"),
    "pub": ("Pub", "Brasserie", "Пивной бар", "Bar"),
    "fast_food": ("Imbiss", "Snack", "Бистро", "Lanchonete"),
    "hotel": ("Hotel", "Hôtel", "Гостиница", "Hotel"),
    "guest_house": ("Pension", "Chambres d'hôtes", "Гостевой дом", "Pousada"),
    "school": ("Schule", "École", "Школа", "Escola"),
    "kindergarten": ("Kindergarten", "Crèche", "Детский сад", "Creche"),
    "university": ("Universität", "Université", "Университет", "Universidade"),
    "fuel": ("Tankstelle", "Station-service", "АЗС", "Posto de gasolina"),
    "post_office": ("Post", "La Poste", "Почта", "Correios"),
    "hospital": ("Krankenhaus", "Hôpital", "Больница", "Hospital"),
    "doctors": ("Arztpraxis", "Cabinet médical", "Медицинский центр", "Clínica"),
    "dentist": ("Zahnarzt", "Dentiste", "Стоматология", "Dentista"),
    "museum": ("Museum", "Musée", "Музей", "Museu"),
    "library": ("Bibliothek", "Bibliothèque", "Библиотека", "Biblioteca"),
    "place_of_worship": ("Kirche", "Église", "Храм", "Igreja"),
    "parking": ("Parkhaus", "Parking", "Парковка", "Estacionamento"),
    "theatre": ("Theater", "Théâtre", "Театр", "Teatro"),
    "cinema": ("Kino", "Cinéma", "Кинотеатр", "Cinema"),
    "police": ("Polizei", "Police", "Полиция", "Polícia"),
}
_LONGEST: Final = 22  # characters of a line of a name, unless one word is longer


def language_of(lat: float, lon: float) -> str:
    """``"de"``, ``"fr"``, ``"ru"``, ``"pt"`` or "", by the country that has most of the cell there; degrees.

    >>> language_of(48.41, 15.60), language_of(-20.46, -54.62), language_of(40.42, -3.70)
    ('de', 'pt', '')
    """
    partition = load_default()
    return _OF_COUNTRY.get(partition.main_country[int(partition.cells_of(lat, lon)[0])], "")


def type_word(what: str, name: str, language: str) -> str:
    """The word for ``what`` (``"shop=bakery"``) in ``language``; "" where there is none or ``name`` says it.

    >>> type_word("shop=bakery", "Weber", "de"), type_word("shop=bakery", "Bäckerei Weber", "de")
    ('Bäckerei', '')
    """
    words = _WORDS.get(what.partition("=")[2])
    if words is None or language not in _LANGUAGES:
        return ""
    word = words[_LANGUAGES.index(language)]
    return "" if word.casefold() in name.casefold() else word


def address_line(street: str, number: str, language: str) -> str:
    """Street and number as they are written there.

    >>> address_line("Ringstraße", "5-7", "de"), address_line("Rue X", "3", "fr"), address_line("Rua X", "9", "pt")
    ('Ringstraße 5-7', '3 Rue X', 'Rua X, 9')
    """
    return {"fr": f"{number} {street}", "ru": f"{street}, {number}", "pt": f"{street}, {number}"}.get(
        language, f"{street} {number}"
    )


def wrapped(name: str) -> tuple[str, ...]:
    """``name`` broken over lines as signs do, none much longer than the others.

    >>> wrapped("Bäckerei Weber"), wrapped("Liechtensteinisches Landesmuseum Vaduz")
    (('Bäckerei Weber',), ('Liechtensteinisches', 'Landesmuseum Vaduz'))
    """
    words = name.split()
    if len(name) <= _LONGEST:
        return (" ".join(words),)
    goal = max(len(name) / -(-len(name) // _LONGEST), max(map(len, words)))
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= goal + 3:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(lines)
