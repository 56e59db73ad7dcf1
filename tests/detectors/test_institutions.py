from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.gazetteer import load_default
from detectors import institution_words
from detectors.base import Clue, Reading
from detectors.embassies import country_called, embassy_of
from detectors.institutions import InstitutionReader
from detectors.lines import tokens_of
from detectors.territories import photo_shares
from detectors.word_tables import countries, rows_of
from tests.detectors.signs_read import likeliest, line_box, photo, the_clue

READER = InstitutionReader(load_default())


def clue(*lines: str, confidence: float = 0.97) -> Clue:
    return the_clue(READER, *lines, confidence=confidence)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("CARABINIERI", "IT"), ("GUARDIA CIVIL", "ES"), ("Carabineros de Chile", "CL"), ("RCMP GRC", "CA"),
        ("POLITIE", "NL"), ("Policja", "PL"), ("Rendőrség", "HU"), ("Poliția Locală", "RO"), ("Politsei", "EE"),
        ("Poliisi", "FI"), ("Lögreglan", "IS"), ("Garda Síochána", "IE"), ("Heddlu", "GB"), ("ПОЛИЦИЯ", "RU"),
        ("Поліція", "UA"), ("ΕΛΛΗΝΙΚΗ ΑΣΤΥΝΟΜΙΑ", "GR"), ("პოლიცია", "GE"), ("משטרה", "IL"), ("پلیس", "IR"),
        ("পুলিশ", "BD"), ("पुलिस", "IN"), ("प्रहरी", "NP"), ("ตำรวจ", "TH"), ("Công an phường", "VN"),
        ("Balai Polis", "MY"), ("Singapore Police Force", "SG"), ("交番", "JP"), ("경찰서", "KR"), ("公安局", "CN"),
        ("Kenya Police", "KE"), ("South African Police Service", "ZA"), ("Sheriff's Office", "US"),
        ("Gendarmerie nationale", "FR"), ("Itfaiye", "TR"), ("Correo Argentino", "AR"), ("Correios", "BR"),
        ("Vigili del Fuoco", "IT"), ("Úřad městský: Městský úřad", "CZ"), ("Mestský úrad", "SK"),
    ],
)  # fmt: skip
def test_national_institutions_say_their_country(text: str, country: str) -> None:
    assert likeliest(clue(text)) == country


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (("Policía Municipal de Pamplona",), "Pamplona, ES"),
        (("Ayuntamiento de Zaragoza",), "Zaragoza, ES"),
        (("Mairie d'Arles",), "Arles, FR"),
        (("Mairie de Lyon",), "Lyon, FR"),
        (("POLICE MUNICIPALE", "NICE"), "Nice, FR"),
        (("Stadt Graz",), "Graz, AT"),
        (("Gemeinde Vaduz",), "Vaduz, LI"),
        (("Comune di Bergamo",), "Bergamo, IT"),
        (("Câmara Municipal de Sintra",), "Sintra, PT"),
        (("Prefeitura de Curitiba",), "Curitiba, BR"),
        (("Urząd Miasta Kraków",), "Kraków, PL"),
        (("Austin Police Department",), "Austin, US"),
        (("CITY OF", "SAN FRANCISCO"), "San Francisco, US"),
        (("Brisbane City Council",), "Brisbane, AU"),
        (("Suva City Council",), "Suva, FJ"),
        (("Uppsala kommun",), "Uppsala, SE"),
        (("Konya Büyükşehir Belediyesi",), "Konya, TR"),
        (("横浜市役所",), "Yokohama, JP"),
        (("渋谷区役所",), "Shibuya, JP"),
        (("서울경찰서",), "Seoul, KR"),
        (("شرطة دبي",), "Dubai, AE"),
        (("עיריית תל אביב",), "Tel Aviv, IL"),
        (("Gobierno Autónomo Municipal de La Paz",), "La Paz, BO"),
    ],
)
def test_the_place_beside_an_institution_is_where_it_is(lines: tuple[str, ...], place: str) -> None:
    found = clue(*lines)
    assert found.points_to[0] == place
    assert found.evidence.points[0].log_lr > 5.0
    assert likeliest(found) == place[-2:]


def test_a_state_beside_an_institution_is_a_region() -> None:
    evidence = clue("Government of West Bengal").evidence
    assert list(evidence.regions) == ["IN.28"]
    assert evidence.regions["IN.28"] > evidence.countries["IN"] > evidence.elsewhere


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Embassy of France", "FR"), ("Ambassade d'Italie", "IT"), ("Embajada de la República Argentina", "AR"),
        ("Botschaft der Bundesrepublik Deutschland", "DE"), ("Consulate General of Japan", "JP"),
        ("Посольство Польши в", "PL"), ("French Embassy", "FR"), ("High Commission of India", "IN"),
    ],
)  # fmt: skip
def test_an_embassy_is_anywhere_but_in_its_country(text: str, country: str) -> None:
    found = READER.clues(photo(text))
    if text.startswith("Посольство"):  # declined: the country's name is not known in the genitive
        assert all(country not in c.evidence.countries or c.evidence.countries[country] < 0.0 for c in found)
        return
    (only,) = found
    assert only.evidence.countries == {country: pytest.approx(-3.0, abs=0.2)}
    assert 0.0 <= only.evidence.elsewhere < 0.4
    assert not only.evidence.points


@pytest.mark.parametrize(
    "text",
    [
        "POLICE", "Nice", "Madrid", "OPEN", "HOTEL", "DVD", "UBS", "Post", "123456", "", "   ", "#!?", "University",
        "City of", "the city never sleeps", "Paris Saint-Germain", "school", "A1B2C3",
    ],
)  # fmt: skip
def test_common_words_and_bare_names_say_little(text: str) -> None:
    for found in READER.clues(photo(text)):
        assert max(found.evidence.countries.values()) < 1.0


def test_a_university_on_a_shirt_is_no_certainty() -> None:
    found = clue("University of Oxford")
    shares, evidence = photo_shares(), found.evidence
    mass = {c: shares[c] * math.exp(evidence.countries.get(c, evidence.elsewhere)) for c in shares}
    for name, point in zip(found.points_to, evidence.points, strict=False):
        mass[name[-2:]] += 1e-4 * math.exp(point.log_lr)  # of the world's photos, a ten-thousandth is in Oxford
    assert max(mass.values()) / sum(mass.values()) < 0.4


def test_accents_tell_two_languages_apart() -> None:
    czech, slovak = clue("Městský úřad").evidence.countries, clue("Mestský úrad").evidence.countries
    assert czech["CZ"] > czech.get("SK", -9.0) + 2.0
    assert slovak["SK"] > slovak.get("CZ", -9.0) + 2.0
    unclear = clue("MESTSKY URAD").evidence.countries  # the accents are lost
    assert unclear["CZ"] > 2.0 and unclear["SK"] > 2.0


def test_the_name_and_its_place_are_claimed_and_nothing_else() -> None:
    assert clue("Bar de la Mairie").evidence.sources == ("r0:10-16",)
    assert clue("POLICE MUNICIPALE", "NICE").evidence.sources == ("r0:0-17", "r1:0-4")


def test_a_second_institution_adds_less() -> None:
    first, second = READER.clues(photo("Carabinieri", "", "", "", "Vigili del Fuoco"))
    assert 0.0 < second.evidence.countries["IT"] < 0.7 * first.evidence.countries["IT"]


def test_doubtful_readings_say_less() -> None:
    sure, doubtful = clue("Carabinieri"), clue("Carabinieri", confidence=0.5)
    assert doubtful.evidence.countries["IT"] < sure.evidence.countries["IT"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_text_is_read_without_error(texts: list[str]) -> None:
    for found in READER.clues(photo(*texts)):
        assert found.evidence.sources and found.points_to


def test_long_lines_and_mixed_directions_are_read_without_error() -> None:
    READER.clues(photo("Mairie de " * 1_500, "9" * 10_000, "شرطة دبي Police \u202e نيس", "Embassy of " * 1_500))
    assert clue("Ayuntamiento de Zaragoza " + "x" * 10_000).points_to[0] == "Zaragoza, ES"


def test_the_table_of_institutions_is_sound() -> None:
    rows = list(rows_of(institution_words.INSTITUTION_WORDS, institution_words.INSTITUTION_WORDS_SHA256))
    assert len(rows) > 380
    assert all(0.0 < float(row.shares.max()) <= 0.2 and 0.0 < row.chance <= 0.1 for row in rows)
    told = set().union(*({c for c, v in zip(countries(), row.shares, strict=True) if v > 0.01} for row in rows))
    assert len(told) > 150


def test_countries_are_known_in_many_languages() -> None:
    assert country_called(["deutschland"]) == "DE" and country_called(["espana"]) == "ES"
    assert country_called(["frankreich"]) == "FR" and country_called(["atlantis"]) == ""
    line = tokens_of(0, Reading("r0", "Royal Thai Embassy", line_box(0, 18), 0.9))
    assert embassy_of(line) == ("TH", 1, 3)
