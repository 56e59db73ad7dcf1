"""Place names in readings become clues that point at every place of that name, and at none for common words."""

from __future__ import annotations

import math

import pytest

from data.gazetteer import Gazetteer, Place, load_default
from data.geodesy import haversine_km
from data.partition import load_default as load_partition
from detectors.base import Box, Clue, Reading
from detectors.places import IN_COUNTRY, MIN_GAIN, PlaceReader, _meaning
from detectors.privacy import mask

# What RapidOCR reads in ultralytics' bus.jpg, Madrid.
BUS = ("M15OL/SEUILLA", "MADRID", "EMT", "Un minihás oo° cléetrieo sres plan", "pundvete", "eléctricamEMTe", "MEDS",
       "10", "cero", "emisiones")  # fmt: skip


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return load_default()


@pytest.fixture(scope="module")
def reader(gazetteer: Gazetteer) -> PlaceReader:
    return PlaceReader(gazetteer)


def at(x: float, y: float, width: float = 200, height: float = 20) -> Box:
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def lines(*texts: str, confidence: float = 0.98) -> list[Reading]:
    return [Reading(f"r{i}", text, at(10, 300 * i), confidence) for i, text in enumerate(texts)]


def gain_near(clue: Clue, lat: float, lon: float, radius_km: float = 30.0) -> float:
    near = [p.log_lr for p in clue.evidence.points if haversine_km(lat, lon, p.lat, p.lon) <= radius_km]
    return max(near, default=clue.evidence.elsewhere)


def test_the_bus_of_madrid_points_at_spain_and_its_words_at_nothing(reader: PlaceReader) -> None:
    clues = reader.clues(lines(*BUS))
    best = clues[0]
    assert best.text == "MADRID" and best.points_to[0] == "Madrid, ES" and best.evidence.sources == ("r1:0-6",)
    assert gain_near(best, 40.4168, -3.7038) > 2.5
    spoken = {source.split(":")[0] for clue in clues for source in clue.evidence.sources}
    assert spoken <= {"r0", "r1"}


@pytest.mark.parametrize("text", ["10", "Un", "plan", "cero", "emisiones", "OPEN", "HOTEL", "TAXI", "POLICE", "Post",
                                  "The", "Best", "Bar", "Nice", "Orange", "", "...", "1234567"])  # fmt: skip
def test_common_words_and_numbers_say_nothing_about_place(reader: PlaceReader, text: str) -> None:
    assert reader.clues(lines(text)) == []


@pytest.mark.parametrize(
    ("text", "lat", "lon"),
    [
        ("Welcome to Reykjavík", 64.1355, -21.8954),
        ("STUTTGART", 48.7823, 9.177),
        ("Новосибирск", 55.0415, 82.9346),
        ("Θεσσαλονίκη", 40.6436, 22.9309),
        ("札幌市", 43.0667, 141.35),
        ("ようこそ札幌へ", 43.0667, 141.35),
        ("부산", 35.1017, 129.03),
        ("HOCHIMINHCITY", 10.823, 106.6296),
        ("เชียงใหม่", 18.7904, 98.9847),
    ],
)
def test_a_city_is_recognised_in_its_own_writing(reader: PlaceReader, text: str, lat: float, lon: float) -> None:
    (clue, *_) = reader.clues(lines(text))
    assert gain_near(clue, lat, lon) == max(p.log_lr for p in clue.evidence.points) > 2.0


def test_springfield_points_to_many_places_and_to_none_alone(reader: PlaceReader) -> None:
    (clue,) = reader.clues(lines("Springfield"))
    assert 25 <= len(clue.evidence.points) <= 64
    assert gain_near(clue, 37.2153, -93.2982) > 2.0 and gain_near(clue, 39.8017, -89.6437) > 2.0
    assert clue.meaning.startswith("'Springfield' is a city in the United States; ")
    assert "more have the name, some in " in clue.meaning and len(clue.points_to) <= 5


def test_a_misread_name_counts_less_than_the_name(reader: PlaceReader) -> None:
    (exact,) = reader.clues(lines("STUTTGART"))
    (misread,) = reader.clues(lines("STUTTCART"))
    assert misread.points_to[0] == exact.points_to[0] == "Stuttgart, DE"
    assert MIN_GAIN < gain_near(misread, 48.78, 9.18) < gain_near(exact, 48.78, 9.18)
    assert misread.meaning == "'STUTTCART' may be Stuttgart, misread, a city in Germany"
    assert exact.meaning.startswith("'STUTTGART' is a city in Germany; one more has the name, in ")


def test_an_unsure_reading_counts_less(reader: PlaceReader) -> None:
    def gain(confidence: float) -> float:
        return max(
            (p.log_lr for c in reader.clues(lines("Ulm", confidence=confidence)) for p in c.evidence.points), default=0
        )

    assert gain(0.99) > gain(0.6)


def test_a_street_named_after_a_city_counts_less_than_the_city(reader: PlaceReader) -> None:
    (city,) = reader.clues(lines("Salamanca"))
    streets = reader.clues(lines("Calle de Salamanca"))
    assert gain_near(city, 40.97, -5.66) > max((gain_near(c, 40.97, -5.66) for c in streets), default=0.0) + 1.0


def test_the_longest_name_wins_and_leaves_nothing_for_its_parts(reader: PlaceReader) -> None:
    (clue,) = reader.clues(lines("SAN FRANCISCO"))
    assert clue.points_to[0] == "San Francisco, US" and clue.evidence.sources == ("r0:0-13",)


def test_a_name_on_two_stacked_lines_is_one_name(reader: PlaceReader) -> None:
    stacked = [Reading("r0", "SAN", at(60, 0, 90, 30), 0.99), Reading("r1", "FRANCISCO", at(10, 36, 200, 30), 0.99)]
    (clue,) = reader.clues(stacked)
    assert clue.points_to[0] == "San Francisco, US" and clue.evidence.sources == ("r0:0-3", "r1:0-9")
    assert clue.box == ((10, 0), (210, 0), (210, 66), (10, 66))
    apart = [stacked[0], Reading("r1", "FRANCISCO", at(10, 500, 200, 30), 0.99)]
    assert not any(c.points_to[:1] == ("San Francisco, US",) for c in reader.clues(apart))


def test_the_same_name_read_twice_is_one_clue_of_the_same_weight(reader: PlaceReader) -> None:
    (once,) = reader.clues(lines("STUTTGART"))
    (twice,) = reader.clues(lines("STUTTGART", "Stuttgart"))
    assert twice.evidence.sources == ("r0:0-9", "r1:0-9")
    assert twice.evidence.points == once.evidence.points


def test_the_photo_of_a_place_expects_its_name_no_more_often_than_it_is_read(reader: PlaceReader) -> None:
    # log_lr and elsewhere are of one likelihood: its mean over the world's photos is 1, so elsewhere is just below 0.
    for name in ("MADRID", "Reykjavik", "Springfield", "Kearny"):
        for clue in reader.clues(lines(name)):
            assert clue.evidence.elsewhere < 0.0
            assert all(p.log_lr > clue.evidence.elsewhere and math.isfinite(p.log_lr) for p in clue.evidence.points)


def test_a_list_of_far_away_places_says_less_of_each(reader: PlaceReader) -> None:
    (alone,) = reader.clues(lines("STUTTGART"))
    listed = {c.text: c for c in reader.clues(lines("STUTTGART", "REYKJAVIK", "BUENOS AIRES", "NAGOYA"))}
    assert len(listed) == 4
    assert gain_near(listed["STUTTGART"], 48.78, 9.18) < gain_near(alone, 48.78, 9.18) - 0.5
    near = {c.text: c for c in reader.clues(lines("STUTTGART", "Heilbronn"))}
    assert gain_near(near["STUTTGART"], 48.78, 9.18) == gain_near(alone, 48.78, 9.18)


def test_a_famous_name_says_little_against_other_places(reader: PlaceReader) -> None:
    # It is read elsewhere at least as often as at home, a part of it in its country; nowhere loses more than that.
    for name in ("東京都", "上海市", "TORONTO"):
        (clue,) = reader.clues(lines(name))
        assert clue.evidence.elsewhere >= math.log(0.5 * (1.0 - IN_COUNTRY)) - 1e-9


def test_a_name_is_read_more_often_in_its_own_country_than_abroad(reader: PlaceReader) -> None:
    (clue,) = reader.clues(lines("Adelaide"))
    values = clue.evidence.countries
    assert max(values, key=values.__getitem__) == "AU" and values["AU"] > 0.5 > 0.0 > clue.evidence.elsewhere
    assert max(p.log_lr for p in clue.evidence.points) > values["AU"]
    # On a list of far-away places it is nobody's own.
    clues = reader.clues(lines("Adelaide", "Toronto", "Madrid", "Santiago", "Nairobi", "Oslo"))
    assert max(c.evidence.countries["AU"] for c in clues if c.text == "Adelaide") < 0.5 * values["AU"]


def test_accents_tell_places_of_the_same_letters_apart(reader: PlaceReader) -> None:
    georgia, burgundy = (32.84, -83.63), (46.31, 4.83)
    (with_accent,) = reader.clues(lines("Mâcon"))
    assert gain_near(with_accent, *burgundy) > gain_near(with_accent, *georgia) + 1.0
    (without,) = reader.clues(lines("Macon"))  # signs in capitals leave accents out
    assert gain_near(without, *burgundy) == pytest.approx(gain_near(without, *georgia), abs=0.5)


def test_what_a_clue_shows_is_masked_and_addresses_name_no_places(reader: PlaceReader) -> None:
    (clue,) = reader.clues(lines("Stuttgart 0711 123 45 67"))
    assert clue.text == "Stuttgart" and not any(c.isdigit() for c in clue.meaning)
    assert reader.clues(lines("stuttgart@example.com", "Erika.Stuttgart @example.com")) == []
    # The letters of a plate name no town.
    assert reader.clues(lines("ULM 1234", confidence=0.999)) == []
    assert reader.clues(lines("ULM", confidence=0.999))


def test_a_sentence_about_namesakes_never_looks_like_a_plate() -> None:
    for country in load_partition().country_codes:
        for others in (1, 4, 12, 45):
            codes = ["ES", "CO", "MX", country, *["US"] * others]
            places = [Place(k, "Madrid", 40.4, -3.7, 3_000_000 // (k + 1), code) for k, code in enumerate(codes)]
            said = _meaning("MADRID", places, misread=False)
            assert mask(said) == said
