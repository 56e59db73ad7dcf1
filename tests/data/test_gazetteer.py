"""The gazetteer finds places by name and by position, and says what is wrong with a bad file."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DatasetError
from data.folding import edit_variants, fold, tokens
from data.gazetteer import (
    EXONYM,
    GAZETTEER_PATH,
    JOINED,
    MAIN,
    NATIVE,
    Gazetteer,
    NameMatch,
    country_name,
    load_default,
)
from data.geodesy import haversine_km


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return load_default()


def best(matches: list[NameMatch]) -> tuple[str, str]:
    return matches[0].place.name, matches[0].place.country


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("MÁLAGA", "malaga"),
        ("Saint-Étienne", "saint etienne"),
        ("Coeur d’Alene", "coeur dalene"),
        ("Großräschen", "grossraschen"),
        ("Tromsø", "tromso"),
        ("ŁÓDŹ", "lodz"),
        ("İSTANBUL", "istanbul"),
        ("Diyarbakır", "diyarbakir"),
        ("Đà Nẵng", "da nang"),
        ("Αθήνα", "αθηνα"),
        ("Нижний  Новгород", "нижнии новгород"),
        ("Ｔｏｋｙｏ", "tokyo"),
        ("東京都", "東京都"),
        ("ナガノ", "ナガノ"),
        ("ガ", "ガ"),
        ("กรุงเทพ", "กรุงเทพ"),
        ("दिल्ली", "दिल्ली"),
        ("مَكَّة", "مكة".replace("ك", "ک")),
        ("...", ""),
    ],
)
def test_folding_keeps_what_makes_a_name_and_drops_the_rest(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_a_folded_name_stays_as_it_is_and_is_made_of_its_tokens(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(word for word, _, _ in tokens(text))
    assert all(0 <= start < end <= len(text) for _, start, end in tokens(text))


def test_variants_cover_edits_and_ocr_confusions() -> None:
    assert {"sevila", "seviilla", "sevolla", "esvilla"} <= set(edit_variants("sevilla"))
    assert {"barcelona", "bamcelona"} & set(edit_variants("barce1ona"))
    assert "modern" in edit_variants("modem") and "clover" in edit_variants("dover")
    assert edit_variants("rome") == [] and edit_variants("東京都庁前") == []


def test_it_holds_the_places_of_geonames_ordered_by_population(gazetteer: Gazetteer) -> None:
    assert len(gazetteer) == 234_908
    _, _, population = gazetteer.positions()
    assert (np.diff(population.astype(np.int64)) <= 0).all()
    assert gazetteer.place(0).population == population[0] > 10_000_000
    with pytest.raises(IndexError):
        gazetteer.place(len(gazetteer))
    with pytest.raises(IndexError):
        gazetteer.place(-1)


@pytest.mark.parametrize(
    ("name", "place", "country", "kind"),
    [
        ("MADRID", "Madrid", "ES", MAIN),
        ("Москва", "Moscow", "RU", NATIVE),
        ("東京", "Tokyo", "JP", NATIVE),
        ("القاهرة", "Cairo", "EG", NATIVE),
        ("Αθήνα", "Athens", "GR", NATIVE),
        ("कोलकाता", "Kolkata", "IN", NATIVE),
        ("কলকাতা", "Kolkata", "IN", NATIVE),
        ("München", "Munich", "DE", NATIVE),
        ("Санкт-Петербург", "Saint Petersburg", "RU", NATIVE),
        ("Мюнхен", "Munich", "DE", EXONYM),
        ("SANFRANCISCO", "San Francisco", "US", JOINED),
        ("vaduz", "Vaduz", "LI", MAIN),
    ],
)
def test_names_in_many_scripts_find_their_place(
    gazetteer: Gazetteer, name: str, place: str, country: str, kind: int
) -> None:
    matches = gazetteer.lookup(name)
    assert best(matches) == (place, country)
    assert matches[0].kind == kind and matches[0].edits == 0
    populations = [m.place.population for m in matches]
    assert populations == sorted(populations, reverse=True)


def test_an_ambiguous_name_gives_all_of_its_places(gazetteer: Gazetteer) -> None:
    places = {m.place.id for m in gazetteer.lookup("Springfield")}
    assert len(places) >= 30
    assert {m.place.country for m in gazetteer.lookup("Madrid")} >= {"ES", "CO", "US"}


def test_one_edit_or_confusion_still_finds_the_place(gazetteer: Gazetteer) -> None:
    assert best(gazetteer.fuzzy("SEUILLA")) == ("Sevilla", "ES")
    assert best(gazetteer.fuzzy("Barce1ona")) == ("Barcelona", "ES")
    ids = [m.place.id for m in gazetteer.fuzzy("marina")]
    assert ids == sorted(ids) and len({m.name_folded for m in gazetteer.fuzzy("marina")}) > 3
    assert all(m.edits == 1 and m.name_folded != "madrid" for m in gazetteer.fuzzy("madrid"))
    assert gazetteer.fuzzy("Rom") == [] and gazetteer.fuzzy("") == []


def test_codes_numbers_and_machine_romanisations_are_no_names(gazetteer: Gazetteer) -> None:
    assert not any(m.place.name == "Madrid" and m.place.country == "ES" for m in gazetteer.lookup("MAD"))
    for junk in ("", "10", "75001", "ma de li", "mdryd", "?"):
        assert gazetteer.lookup(junk) == []


def test_common_words_are_known_as_words_and_cities_are_not(gazetteer: Gazetteer) -> None:
    for word in ("Post", "Nice", "Mobile", "Orange", "Reading", "Bar", "Un", "plan", "Cero", "Center", "Best"):
        assert gazetteer.commonness(word) >= 3.0, word
    for city in ("Madrid", "Barcelona", "Kraków", "Nagoya", "Jakarta", "東京", "Berlin", "London"):
        assert gazetteer.commonness(city) < 3.0, city
    # A kite in Spanish, bets in French, and yet cities before all.
    assert gazetteer.commonness("Milano") < 3.0 and gazetteer.commonness("Paris") < 3.0
    assert gazetteer.commonness("Nagoya") == gazetteer.commonness("Reykjavik") == 0.0
    assert gazetteer.lookup("Orange")[0].commonness == gazetteer.commonness("orange")


def test_the_nearest_place_is_the_nearest_across_the_date_line_and_at_the_poles(gazetteer: Gazetteer) -> None:
    lat, lon, _ = gazetteer.positions()
    points = [(40.4168, -3.7038), (-16.8, 179.99), (-16.8, -179.99), (90.0, 0.0), (-90.0, 12.0), (0.0, -160.0)]
    ids = gazetteer.nearest_ids([p[0] for p in points], [p[1] for p in points])
    for (a, b), number in zip(points, ids, strict=True):
        distances = haversine_km(a, b, lat, lon)
        assert distances[number] == pytest.approx(distances.min(), abs=1e-3)
    place, distance = gazetteer.nearest(40.4168, -3.7038, min_population=1_000_000)
    assert (place.name, place.country) == ("Madrid", "ES") and distance < 1.0
    assert gazetteer.nearest(40.4, -3.7, min_population=place.population)[0] == place
    assert gazetteer.nearest(40.4, -3.7, min_population=place.population + 1)[0] != place
    assert list(gazetteer.countries_of(ids[:1])) == ["ES"]
    with pytest.raises(ValueError, match="inhabitants"):
        gazetteer.nearest(0.0, 0.0, min_population=10**9)
    near = gazetteer.within(47.14, 9.52, 10.0)
    assert {"LI", "CH"} <= set(gazetteer.countries_of(near)) and len(near) == (
        haversine_km(47.14, 9.52, lat, lon) <= 10
    ).sum()


def test_regions_and_countries_have_names(gazetteer: Gazetteer) -> None:
    assert gazetteer.place(gazetteer.lookup("San Francisco")[0].place.id).admin1 == "US.CA"
    assert gazetteer.admin1_name("US.CA") == "California" and gazetteer.admin1_name("XX.00") == ""
    assert country_name("LI") == "Liechtenstein" and country_name("DE", "fr") == "Allemagne"


def test_a_suburb_has_a_small_share_of_its_surroundings(gazetteer: Gazetteer) -> None:
    shares = {m.place.admin1: m.place.local_share for m in gazetteer.lookup("Kearny")}
    assert shares["US.NJ"] < 0.05
    assert gazetteer.lookup("Reykjavik")[0].place.local_share > 0.4


def test_it_answers_from_several_threads(gazetteer: Gazetteer) -> None:
    wrong: list[object] = []

    def work(name: str, country: str) -> None:
        for _ in range(20):
            if gazetteer.lookup(name)[0].place.country != country or gazetteer.fuzzy(name + "x")[:1] == [None]:
                wrong.append(name)

    names = (("Madrid", "ES"), ("東京", "JP"), ("Hamburg", "DE"), ("Lima", "PE"))
    threads = [threading.Thread(target=work, args=pair) for pair in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_cannot_be_written_and_leaves_no_file_beside_itself() -> None:
    before = {p.name for p in GAZETTEER_PATH.parent.iterdir()}
    with Gazetteer.open() as opened:
        with pytest.raises(DatasetError):
            opened._query("DELETE FROM names")
        assert opened.lookup("Madrid")
    assert {p.name for p in GAZETTEER_PATH.parent.iterdir()} == before
    with pytest.raises(DatasetError):
        opened.lookup("Madrid")


def test_a_missing_damaged_or_foreign_file_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no gazetteer at .*reinstall"):
        Gazetteer.open(tmp_path / "none.sqlite")
    for content in (b"", b"not a database " * 100, b"SQLite format 3\0"):
        other = tmp_path / "other.sqlite"
        other.write_bytes(content)
        with pytest.raises(DatasetError, match="no SQLite file"):
            Gazetteer.open(other)
    foreign = sqlite3.connect(tmp_path / "foreign.sqlite")
    foreign.execute("CREATE TABLE names (folded TEXT)")
    foreign.close()
    with pytest.raises(DatasetError, match="no gazetteer of whence"):
        Gazetteer.open(tmp_path / "foreign.sqlite")
    damaged = tmp_path / "damaged.sqlite"
    content = GAZETTEER_PATH.read_bytes()
    damaged.write_bytes(content[:4096] + bytes(len(content) - 4096))
    with pytest.raises(DatasetError, match=r"damaged|cannot be read"):
        Gazetteer.open(damaged).lookup("Madrid")
    short = tmp_path / "short.sqlite"
    with GAZETTEER_PATH.open("rb") as source:
        short.write_bytes(source.read(5_000_000))
    with pytest.raises(DatasetError, match="truncated"):
        Gazetteer.open(short)
    older = tmp_path / "older.sqlite"
    shutil.copy(GAZETTEER_PATH, older)
    older.chmod(0o644)
    base = sqlite3.connect(older)
    base.execute("PRAGMA user_version = 99")
    base.commit()
    base.close()
    with pytest.raises(DatasetError, match="version 99"):
        Gazetteer.open(older)
