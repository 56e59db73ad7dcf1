"""What clues say to a person: countries by their names, in words that nothing masks."""

from __future__ import annotations

import pytest

from data.gazetteer import load_default
from data.partition import load_default as load_partition
from detectors.base import Clue, Reading
from detectors.privacy import mask
from detectors.readers import default_clue_readers
from detectors.script import script_of
from detectors.sentences import a_business, in_countries, place_words, quoted, with_article

READERS = default_clue_readers(load_default())


def clues(*texts: str) -> dict[str, Clue]:
    """The strongest clue of each kind in these lines."""
    readings = [
        Reading(f"r{k}", text, ((9.0, 30.0 * k), (200.0, 30.0 * k), (200.0, 30.0 * k + 20), (9.0, 30.0 * k + 20)), 0.99,
                script_of(text))
        for k, text in enumerate(texts)
    ]  # fmt: skip
    found: dict[str, Clue] = {}
    for reader in READERS:
        for clue in reader.clues(readings):
            found.setdefault(clue.kind, clue)
    return found


@pytest.mark.parametrize(
    ("texts", "kind", "sentence"),
    [
        (["Fußgängerzone"], "language", "'Fußgängerzone' is German: Germany, Austria, Switzerland, Denmark and others"),
        (["Fußgängerzone"], "wording", "'Fußgängerzone' is a word of Germany"),
        (["Fußgängerzone"], "units", "'Fußgängerzone' stands on signs in Germany, Austria"),
        (["EDEKA"], "brand", "'EDEKA' is a supermarket of Germany"),
        (["Biedronka"], "brand", "'Biedronka' is a supermarket in Poland, Slovakia"),
        (["Lyon"], "place", "'Lyon' is a city in France"),
        (["Wien"], "place", "'Wien' is Vienna, a city in Austria"),
        (["Mairie de Lyon"], "institution", "'Mairie de Lyon' is an institution of Lyon, France"),
        (["Rathaus"], "institution", "'Rathaus' is what an institution is called in Germany, Austria, Liechtenstein"),
        (
            ["Embassy of France"],
            "institution",
            "'Embassy of France' is an embassy or consulate of France, which stands",
        ),
        (["Müllerstr. 5, 80331 München"], "address", "an address in Munich, Germany"),
        (["A7", "Lyon 12 km"], "road", "a road number as in Germany, the United Kingdom, France, Italy and others"),
        (["25 mph"], "units", "miles per hour, as used in the United States, the United Kingdom and others"),
        (["9,50 €"], "currency", "a price written as in France, Germany, Spain, Italy"),
        (["$ 3.99", "$ 4.99"], "currency", "a price, and 1 more, written as in the United States, Canada, Australia"),
        (["+34 91 555 12 34"], "phone", "a phone number of Madrid, Spain, with its country code"),
        (["Müller GmbH"], "wording", "'GmbH' is a legal form or tax number of companies in Germany, "),
        (["SPEED LIMIT", "mph"], "wording", "'SPEED LIMIT, mph' are words of the United States"),
        (
            ["Lyon 12", "Mâcon 50", "Paris 450"],
            "direction",
            "a sign names Lyon + Mâcon + Paris with distances: it stands",
        ),
        (["www.panaderia-sol.es"], "domain", ".es belongs to Spain"),
        (["www.visit.london"], "domain", ".london is the domain of London, United Kingdom"),
        (["www.stmi.bayern"], "domain", ".bayern is the domain of Bavaria, Germany"),
        (["Bayern"], "place", "'Bayern' is a name of Aschaffenburg, a town in Germany; 2 more have the name there"),
        (["Kenya"], "wording", "'Kenya' is the name of Kenya"),
        (["Royal Mail"], "wording", "'Royal Mail' is a public body, name or word of the United Kingdom"),
        (["Ministry of Education"], "brand", "'Ministry of Education' is an operator of schools in Kenya, "),
    ],
)
def test_a_clue_says_what_a_person_would_say(texts: list[str], kind: str, sentence: str) -> None:
    clue = clues(*texts)[kind]
    assert clue.meaning.startswith(sentence)
    assert mask(clue.meaning) == clue.meaning


def test_no_sentence_names_a_country_by_its_code() -> None:
    for code in load_partition().country_codes:
        assert code not in in_countries([code]).split() and place_words(f"Town, {code}") != f"Town, {code}"


def test_what_has_digits_is_not_repeated_beside_other_words() -> None:
    assert quoted("EDEKA") == "'EDEKA'" and quoted("3M") == "this" and quoted("•• ab") == "this"
    clue = clues("Motel 6")["brand"]
    assert clue.meaning.startswith("this is a motel in the United States") and mask(clue.meaning) == clue.meaning


def test_businesses_are_called_by_what_they_are() -> None:
    told = {
        "supermarket": "a supermarket", "fuel": "a filling station", "wine": "a wine shop", "shoes": "a shoe shop",
        "clothes": "a clothes shop", "atm": "a cash machine", "university": "a university", "optician": "an optician",
        "post box": "an operator of post boxes", "water works": "an operator of waterworks",
    }  # fmt: skip
    assert {kind: a_business(kind) for kind in told} == told
    assert with_article("ice cream") == "an ice cream"
