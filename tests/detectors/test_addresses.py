from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DatasetError
from data.gazetteer import load_default
from detectors import postal, street_lines
from detectors.addresses import AddressReader
from detectors.base import Clue, Reading
from detectors.postal import codes_in, postal_countries
from detectors.territories import photo_shares
from detectors.word_tables import countries, rows_of, shares_vector
from tests.detectors.signs_read import likeliest, line_box, photo, the_clue

READER = AddressReader(load_default())


def clue(*lines: str, confidence: float = 0.97) -> Clue:
    return the_clue(READER, *lines, confidence=confidence)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Calle de Alcalá, 42", "ES"),
        ("C/ Serrano 21", "ES"),
        ("12 bis, rue de Rivoli", "FR"),
        ("RueEugèneBoudin", "FR"),
        ("Via Garibaldi, 12", "IT"),
        ("Bahnhofstraße 7", "DE"),
        ("Praça da República 3", "PT"),
        ("Kerkstraat 12", "NL"),
        ("Storgatan 14", "SE"),
        ("Vesterbrogade 3", "DK"),
        ("Mannerheimintie 5", "FI"),
        ("ul. Długa 5", "PL"),
        ("Rákóczi út 12", "HU"),
        ("Strada Lipscani nr. 12", "RO"),
        ("Brīvības iela 55", "LV"),
        ("Vilniaus gatvė 10", "LT"),
        ("Slovenska cesta 12", "SI"),
        ("улица Ленина, 5", "RU"),
        ("вул. Хрещатик, 22", "UA"),
        ("Οδός Ερμού 12", "GR"),
        ("Atatürk Caddesi No: 12", "TR"),
        ("רחוב הרצל 5", "IL"),
        ("شارع التحرير", "EG"),
        ("خیابان ولیعصر", "IR"),
        ("महात्मा गांधी मार्ग", "IN"),
        ("মিরপুর রোড", "BD"),
        ("Galle Mawatha 12", "LK"),
        ("ถนนสุขุมวิท", "TH"),
        ("Đường Lê Lợi", "VN"),
        ("Jl. Sudirman No. 5", "ID"),
        ("Lorong Haji Taib", "MY"),
        ("Blk 55 Clementi Ave 3 #05-11", "SG"),
        ("南京东路100号", "CN"),
        ("中山路二段", "TW"),
        ("道玄坂2丁目", "JP"),
        ("세종대로 110", "KR"),
        ("Carrera 7 # 32-16", "CO"),
        ("Jirón de la Unión 300", "PE"),
        ("Rua Augusta, 1500", "BR"),
        ("W 42nd St", "US"),
        ("P.O. Box 4432, Uhuru Highway", "KE"),
        ("Lange Straat", "ZA"),
    ],
)
def test_a_street_says_the_country(text: str, country: str) -> None:
    # Of two countries that name streets alike the one with more photos leads: the other must be close behind.
    found = clue(text)
    values = found.evidence.countries
    assert values[country] > found.evidence.elsewhere + 1.0
    assert values[country] >= max(values.values()) - 1.6
    assert country in found.points_to or values[country] > 0.0


@pytest.mark.parametrize(
    ("lines", "town"),
    [
        (("Calle Mayor 5", "28013 Madrid"), "Madrid, ES"),
        (("F-75001 Paris",), "Paris, FR"),
        (("12 rue de Rivoli, 75004 Paris",), "Paris, FR"),  # not Rivoli in Italy
        (("Hauptstr. 12, 10115 Berlin",), "Berlin, DE"),
        (("Mozartgasse 4", "8010 Graz"), "Graz, AT"),
        (("1012 AB Amsterdam",), "Amsterdam, NL"),
        (("ul. Floriańska 10", "31-021 Kraków"), "Kraków, PL"),
        (("221B Baker Street", "London NW1 6XE"), "London, GB"),
        (("Via Roma 12", "20121 Milano (MI)"), "Milan, IT"),
        (("San Francisco, CA 94103",), "San Francisco, US"),
        (("Springfield, IL 62701",), "Springfield, US"),
        (("Toronto, ON M5V 2T6",), "Toronto, CA"),
        (("Rua XV de Novembro, 50 - Curitiba - PR",), "Curitiba, BR"),
        (("Kolkata - 700 091",), "Kolkata, IN"),
        (("SINGAPORE 238823",), "Singapore, SG"),
        (("George Street", "Sydney NSW 2000"), "Sydney, AU"),
    ],
)
def test_a_town_beside_its_postal_code_or_state_is_a_point(lines: tuple[str, ...], town: str) -> None:
    found = clue(*lines)
    assert found.points_to[0] == town
    assert likeliest(found) == town[-2:]
    assert found.evidence.points[0].log_lr > 3.0


def test_a_street_s_name_is_not_its_town() -> None:
    found = clue("Rua Augusta, 1200")  # nor is the house number Augusta's postal code
    assert likeliest(found) in ("BR", "PT") and not found.evidence.points


@pytest.mark.parametrize("plate", ["KL 1234 SA", "TX 1234 SA"])
def test_a_plate_is_no_address(plate: str) -> None:
    assert all(not found.evidence.points for found in READER.clues(photo(plate)))


def test_springfield_in_illinois_is_no_other_springfield() -> None:
    (point,) = clue("Springfield, IL 62701").evidence.points
    assert (point.lat, point.lon) == pytest.approx((39.8, -89.6), abs=0.2)


def test_the_kind_and_the_name_on_two_slanted_lines_are_one_street() -> None:
    upper = Reading("r0", "AVENUE", ((575.0, 88.0), (662.0, 64.0), (662.0, 93.0), (575.0, 117.0)), 0.95)
    lower = Reading("r1", "des AMERIQUES", ((524.0, 131.0), (719.0, 81.0), (719.0, 122.0), (524.0, 172.0)), 0.95)
    (found,) = READER.clues([upper, lower])
    assert found.evidence.sources == ("r0:0-6", "r1:0-13")
    assert likeliest(found) == "FR"


def test_house_numbers_tell_countries_of_one_language_apart() -> None:
    before, after = clue("12, rue de la Gare"), clue("rue de la Gare 12")
    assert likeliest(before) == "FR"
    france, belgium = after.evidence.countries["FR"], after.evidence.countries["BE"]
    assert belgium - france > 2.0


@pytest.mark.parametrize(
    "text",
    [
        "28013", "94103", "1234 5678", "2024-05-12 13:45", "PARIS 2024", "2019 Paris", "$ 12345", "555-0132",
        "ONE WAY", "ROAD CLOSED", "on the road again", "DRIVE THRU", "NO THROUGH ROAD", "FOOD COURT",
        "SUR PLACE ET À EMPORTER", "1000 KG", "iPhone 15 Pro", "ABC 1234", "0123456789", "", " ", "!!!", "10:30-18:00",
    ],
)  # fmt: skip
def test_what_is_no_address_says_nothing(text: str) -> None:
    assert READER.clues(photo(text)) == []


def test_a_town_whose_codes_begin_otherwise_is_believed_less() -> None:
    right, wrong = clue("08013 Barcelona"), READER.clues(photo("28013 Barcelona"))
    assert right.points_to[0] == "Barcelona, ES"
    assert all(p.log_lr < right.evidence.points[0].log_lr - 1.0 for c in wrong for p in c.evidence.points)


def test_a_list_of_branches_points_less_than_one_address() -> None:
    texts = ["10115 Berlin", "75001 Paris", "20121 Milano"]
    alone = max(clue(text).evidence.points[0].log_lr for text in texts)
    apart = [Reading(f"r{i}", text, line_box(4 * i, 20), 0.97) for i, text in enumerate(texts)]
    clues = READER.clues(apart)
    assert len(clues) == 3
    assert max(c.evidence.points[0].log_lr for c in clues) < alone - 0.8


def test_a_year_beside_a_town_is_hardly_a_postal_code() -> None:
    assert clue("1000 Brussel").points_to == ("Brussels, BE",)
    assert READER.clues(photo("1990 Brussel")) == []


def test_a_court_of_law_is_no_street() -> None:
    assert READER.clues(photo("Purba Medinipur District Court")) == []
    assert clue("12 Hampton Court").evidence.countries["US"] > 0.3


def test_a_second_street_adds_less_than_the_first() -> None:
    first, second = READER.clues(photo("Rue de la Paix", "", "", "Rue Saint-Honoré"))
    assert 0.0 < second.evidence.countries["FR"] < 0.7 * first.evidence.countries["FR"]


def test_the_same_address_twice_is_one() -> None:
    assert len(READER.clues(photo("Calle Mayor 5", "", "", "CALLE MAYOR 5"))) == 1


def test_doubtful_readings_say_less() -> None:
    sure, doubtful = clue("ul. Długa 5"), clue("10 Downing St SW1A 2AA", confidence=0.97)
    assert sure.evidence.countries["PL"] > 2.0
    low = clue("10 Downing St SW1A 2AA", confidence=0.5)
    assert low.evidence.countries["GB"] < doubtful.evidence.countries["GB"]


def test_codes_with_letters_say_their_country_alone() -> None:
    for text, country in (("SW1A 1AA", "GB"), ("K1A 0B1", "CA"), ("F-75001", "FR"), ("01310-100", "BR")):
        assert likeliest(clue(text)) == country, text


def test_a_code_without_its_space_may_be_a_serial_number() -> None:
    spaced, closed = clue("SW1A 1AA").evidence.countries["GB"], clue("SW1A1AA").evidence.countries["GB"]
    assert closed < spaced - 0.8


def test_the_words_and_long_numbers_of_an_address_are_sources_of_their_own() -> None:
    assert clue("Calle Mayor 5, 28013 Madrid").evidence.sources == ("r0:0-13", "r0:15-20", "r0:21-27")


def test_evidence_is_finite_everywhere_and_names_known_countries() -> None:
    for lines in (("Calle Mayor 5", "28013 Madrid"), ("〒150-0043", "渋谷区道玄坂2丁目"), ("Blk 123 #05-11",)):
        evidence = clue(*lines).evidence
        values = [evidence.elsewhere, *evidence.countries.values(), *(p.log_lr for p in evidence.points)]
        assert all(math.isfinite(v) and -10.0 < v < 40.0 for v in values)
        assert set(evidence.countries) <= set(photo_shares())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_text_is_read_without_error(texts: list[str]) -> None:
    for found in READER.clues(photo(*texts)):
        assert found.evidence.sources and found.points_to


def test_long_lines_and_many_lines_are_read_in_part() -> None:
    long = "Calle Mayor 5, 28013 Madrid " * 400
    assert len(long) > 10_000
    assert clue(long).points_to[0] == "Madrid, ES"
    assert READER.clues(photo("1" * 10_000, "12 34 5 " * 2_000, "ا" * 10_000, "Rue " * 3_000)) is not None
    rng = random.Random(1)
    page = ["".join(rng.choice("abcd 123,.-") for _ in range(30)) for _ in range(600)]
    READER.clues(photo(*page))


def test_right_to_left_marks_and_zero_width_letters_do_no_harm() -> None:
    assert likeliest(clue("\u202bרחוב הרצל 5\u202c")) == "IL"
    READER.clues(photo("Ca\u200blle Mayor\u200d 5", "\u202e2310 ellac"))


def test_all_postal_patterns_compile_and_fit_their_countries() -> None:
    table = postal_countries()
    assert len(table) > 170 and set(table) <= set(countries())
    assert table["GB"].pattern.fullmatch("SW1A 1AA") and not table["GB"].pattern.fullmatch("12345")
    assert table["US"].fits_region("94103", "US.CA") == 1.0 > table["US"].fits_region("94103", "US.NY")
    assert {c.text for c in codes_in("H-1051 Budapest")} == {"1051"}


def test_the_table_of_streets_is_sound() -> None:
    rows = list(rows_of(street_lines.STREET_WORDS, street_lines.STREET_WORDS_SHA256))
    assert len(rows) > 300
    assert all(row.shares.shape == (len(countries()),) and 0.0 < row.chance < 0.1 for row in rows)
    assert all(float(row.shares.max()) <= 1.0 and float(row.shares.max()) > 0.0 for row in rows)


def test_a_country_takes_precedence_over_its_languages() -> None:
    vector = dict(zip(countries(), shares_vector({"fr": 0.5, "CA": 0.01}), strict=True))
    assert vector["FR"] > 0.4 and vector["CA"] == 0.01
    with pytest.raises(ValueError, match="XQ"):
        shares_vector({"XQ": 1.0})


def test_damaged_tables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "streets.tsv"
    changed.write_bytes(street_lines.STREET_WORDS.read_bytes() + b"x")
    with pytest.raises(DatasetError, match="damaged"):
        list(rows_of(changed, street_lines.STREET_WORDS_SHA256))
    codes = tmp_path / "codes.json"
    codes.write_text(json.dumps({}))
    monkeypatch.setattr(postal, "POSTAL_CODES", codes)
    postal_countries.cache_clear()
    try:
        with pytest.raises(DatasetError, match="damaged"):
            postal_countries()
    finally:
        postal_countries.cache_clear()
