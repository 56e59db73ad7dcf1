from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import Clue, Reading
from detectors.territories import sign_languages
from detectors.wording import WordingReader, load_phrases

BOX = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))
READER = WordingReader()


def clues(*lines: str, confidence: float = 0.95) -> list[Clue]:
    return READER.clues([Reading(f"r{i}", text, BOX, confidence) for i, text in enumerate(lines)])


def ratio(country: str, *lines: str) -> float:
    """Sum of what all clues say for a country."""
    return sum(clue.evidence.countries.get(country, clue.evidence.elsewhere) for clue in clues(*lines))


@pytest.mark.parametrize(
    ("text", "likelier", "than"),
    [
        ("Sunrise Trading Pte Ltd", "SG", "GB"), ("Sunrise Trading Pvt. Ltd.", "IN", "GB"),
        ("Maju Jaya Sdn Bhd", "MY", "SG"), ("Acme Pty Ltd", "AU", "GB"), ("Acme (Pty) Ltd", "ZA", "AU"),
        ("Bau GmbH", "DE", "NL"), ("Budowa Sp. z o.o.", "PL", "CZ"), ("Stavby s.r.o.", "CZ", "PL"),
        ("Del Norte, S.A. de C.V.", "MX", "ES"), ("Servicios E.I.R.L.", "PE", "ES"), ("PT Maju Tbk", "ID", "MY"),
        ("ТОВ «Будова»", "UA", "RU"), ("山田工業株式会社", "JP", "CN"), ("Talho Central", "PT", "BR"),
        ("Açougue Central", "BR", "PT"), ("Llantera", "MX", "ES"), ("Botillería", "CL", "ES"),
        ("Marktgemeinde", "AT", "DE"),
        ("Bottle shop", "AU", "GB"), ("Off licence", "GB", "US"), ("SPEED LIMIT 30", "US", "GB"),
        ("Ayuntamiento de Lorca", "ES", "AR"), ("Prefeitura Municipal", "BR", "PT"), ("150/-", "IN", "US"),
        ("#05-11", "SG", "US"),
    ],
)  # fmt: skip
def test_wording_tells_countries_of_one_language_apart(text: str, likelier: str, than: str) -> None:
    assert ratio(likelier, text) > ratio(than, text) + 1.0


@pytest.mark.parametrize("text", ["Made in Germany", "Product of Italy", "Flights to Brazil"])
def test_where_goods_come_from_is_not_where_they_are(text: str) -> None:
    assert clues(text) == []


@pytest.mark.parametrize("text", ["COM", "once upon", "cep", "EXIT", "xkqzt", "as", "SA", "12:30"])
def test_words_of_other_languages_and_garbage_say_nothing(text: str) -> None:
    for clue in clues(text):
        assert max(clue.evidence.countries.values()) < 1.5


def test_a_region_is_told_from_the_rest_of_its_country() -> None:
    (clue,) = clues("Ajuntament")
    assert clue.evidence.regions["ES.56"] > clue.evidence.countries["ES"] + 1.0


def test_the_longest_phrase_counts_alone() -> None:
    (clue,) = clues("Norte S.A. de C.V.")
    assert clue.points_to[0] == "MX" and clue.evidence.sources == ("r0:6-17",)
    (clue,) = clues("Tabac Presse")
    assert clue.evidence.sources == ("r0:0-12",)


def test_spaces_that_an_engine_lost_do_not_hide_a_legal_form() -> None:
    assert ratio("MY", "Maju SdnBhd") > 2.0


def test_a_doubtful_reading_says_less() -> None:
    (sure,), (unsure,) = clues("Acme Pte Ltd"), clues("Acme Pte Ltd", confidence=0.4)
    assert sure.evidence.countries["SG"] > unsure.evidence.countries["SG"] > 0.0


def test_a_repeated_phrase_counts_once() -> None:
    assert ratio("PT", "Talho", "TALHO") == pytest.approx(ratio("PT", "Talho"))


def test_the_table_names_places_that_exist() -> None:
    known = set(sign_languages())
    for phrases in load_phrases().values():
        for phrase in phrases:
            assert phrase.places
            assert all(place[:2] in known and 0.0 < weight <= 1.0 for place, weight in phrase.places.items())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.floats(0, 1))
def test_any_text_is_survived(text: str, confidence: float) -> None:
    for clue in clues(text, confidence=confidence):
        values = [clue.evidence.elsewhere, *clue.evidence.countries.values(), *clue.evidence.regions.values()]
        assert all(math.isfinite(value) for value in values)


def test_the_letters_of_a_plate_are_no_legal_form() -> None:
    for text in ("AB 123 SL", "BA 123 AB", "PL 4567 AG"):
        assert WordingReader().clues([Reading("r0", text, BOX, 0.95)]) == []
