"""Direction signs: names and distances of one sign are resolved together; boards of far-away cities are not signs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.gazetteer import load_default
from data.geodesy import haversine_km
from detectors.base import Clue, Reading
from detectors.directions import MOST_GAIN, direction_clues
from detectors.place_words import shop_rate
from detectors.places import PlaceReader


@pytest.fixture(scope="module")
def reader() -> PlaceReader:
    return PlaceReader(load_default())


def at(x: float, y: float, width: float = 190.0, height: float = 20.0) -> tuple[tuple[float, float], ...]:
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def sign(*lines: str, step: float = 30.0) -> list[Reading]:
    return [Reading(f"r{i}", text, at(0, step * i), 0.97) for i, text in enumerate(lines)]  # type: ignore[arg-type]


def directions(reader: PlaceReader, readings: list[Reading]) -> list[Clue]:
    return [clue for clue in reader.clues(readings) if clue.kind == "direction"]


def best(clue: Clue) -> tuple[float, float]:
    point = max(clue.evidence.points, key=lambda p: p.log_lr)
    return point.lat, point.lon


@pytest.mark.parametrize(
    ("lines", "lat", "lon", "within_km"),
    [
        (("Springfield", "Chicopee"), 42.12, -72.60, 25),
        (("Springfield 12", "Chicopee 9"), 42.12, -72.60, 30),
        (("Oxford", "Swindon"), 51.65, -1.5, 40),
        (("Moscow", "Pullman"), 46.73, -117.1, 30),
        (("Pisa", "Lucca", "Livorno"), 43.7, 10.4, 30),
        (("Boston", "Manchester", "Nashua"), 42.8, -71.4, 60),
        (("Frankfurt", "Darmstadt", "Mannheim"), 49.9, 8.6, 60),
        (("LYON 120 km", "Grenoble 65 km"), 45.4, 5.4, 60),
        (("Nairobi 45 km", "Thika 12 km"), -1.1, 37.0, 40),
        (("Москва 120", "Тула 60"), 54.7, 37.5, 80),
        (("大阪 45", "京都 12"), 35.0, 135.8, 40),
        (("Cambridge 12", "Newmarket 25"), 52.2, 0.1, 40),
    ],
)
def test_a_sign_stands_near_its_places(
    reader: PlaceReader, lines: tuple[str, ...], lat: float, lon: float, within_km: float
) -> None:
    (clue,) = directions(reader, sign(*lines))
    assert haversine_km(*best(clue), lat, lon) <= within_km
    assert 2.5 <= max(p.log_lr for p in clue.evidence.points) <= MOST_GAIN and clue.evidence.elsewhere < 0.0


def test_distances_place_the_sign_on_rings_and_not_in_the_places(reader: PlaceReader) -> None:
    (clue,) = directions(reader, sign("LYON 120 km", "Grenoble 65 km"))
    lyon = haversine_km(*best(clue), 45.76, 4.84)
    grenoble = haversine_km(*best(clue), 45.18, 5.72)
    assert 60 <= lyon <= 140 and 30 <= grenoble <= 80


def test_miles_and_kilometres_differ(reader: PlaceReader) -> None:
    (km,) = directions(reader, sign("Barstow 40 km", "Las Vegas 190 km"))
    (miles,) = directions(reader, sign("Barstow 40 mi", "Las Vegas 190 mi"))
    vegas = (36.17, -115.14)
    assert haversine_km(*best(miles), *vegas) > haversine_km(*best(km), *vegas) + 15


def test_a_distance_may_stand_in_its_own_box(reader: PlaceReader) -> None:
    names = sign("Sacramento", "Reno")
    numbers = [Reading(f"n{i}", text, at(230, 30.0 * i, 40), 0.97) for i, text in enumerate(("40", "95"))]  # type: ignore[arg-type]
    (clue,) = directions(reader, names + numbers)
    assert "with distances" in clue.meaning
    assert haversine_km(*best(clue), 38.9, -121.0) < 60


def test_the_clue_uses_the_readings_of_its_names(reader: PlaceReader) -> None:
    (clue,) = directions(reader, sign("Springfield", "Chicopee"))
    assert set(clue.evidence.sources) == {"r0:0-11", "r1:0-8"} and clue.text == "Springfield + Chicopee"
    assert clue.points_to[0].endswith(", US")


@pytest.mark.parametrize(
    "lines",
    [
        ("PARIS", "LONDON", "TOKYO", "NEW YORK", "SYDNEY"),
        ("PARIS 12:30", "LONDON 11:30", "TOKYO 20:30"),
        ("BERLIN", "MOSKAU", "WIEN", "ROM", "MADRID"),
        ("Frankfurt", "Hanoi", "Bangkok", "Zurich", "Vienna"),
        ("Lincoln Washington Jackson",),
        ("Warwick", "Southampton", "Stirling"),
        ("LISBON", "BERLIN"),
        ("GENEVA", "MANCHESTER"),
        ("大安", "DAAN"),
        ("Chicopee", "Chicopee"),
        ("Chicopee",),
        ("Madrid 25",),
        ("New York 5837 km", "Tokyo 9560 km", "Sydney 16900 km"),
        ("OPEN", "HOTEL", "TAXI"),
    ],
)
def test_boards_of_far_away_cities_and_single_names_are_no_signs(reader: PlaceReader, lines: tuple[str, ...]) -> None:
    assert directions(reader, sign(*lines)) == []


def test_a_road_number_or_an_arrow_lets_places_lie_farther_apart(reader: PlaceReader) -> None:
    assert directions(reader, sign("Córdoba", "Sevilla")) == []
    (clue,) = directions(reader, sign("A-4", "Córdoba", "Sevilla"))
    assert clue.points_to[0][-2:] == "ES"
    assert clue.evidence.countries["ES"] > clue.evidence.elsewhere


def test_the_ratios_of_a_sign_are_against_all_photos_of_the_world(reader: PlaceReader) -> None:
    # Two names with distances that fit one spot: hardly anything else says so, so that elsewhere loses.
    (clue,) = directions(reader, sign("Örebro 45", "Karlstad 110"))
    assert clue.evidence.elsewhere < -1.5
    assert clue.evidence.points[0].log_lr > 6.0


def test_names_far_apart_in_the_picture_are_no_sign(reader: PlaceReader) -> None:
    assert directions(reader, sign("Springfield", "Chicopee", step=600.0)) == []


def test_a_wall_of_city_names_gives_no_certainty(reader: PlaceReader) -> None:
    wall = sign("PARIS", "LONDON", "TOKYO", "NEW YORK", "SYDNEY", "BERLIN", "MOSCOW", "DUBAI")
    for clue in reader.clues(wall):
        assert clue.kind == "place" and max(p.log_lr for p in clue.evidence.points) < 3.5
        assert clue.evidence.elsewhere > -0.2


def test_names_that_shops_bear_count_less() -> None:
    assert shop_rate("london") > shop_rate("hitachi") > 0.0 == shop_rate("chicopee")


@pytest.mark.parametrize("name", ["LONDON", "HITACHI", "BANGKOK", "Orange", "Mobile", "Nice", "Reading", "Post"])
def test_words_and_brands_give_no_certainty(reader: PlaceReader, name: str) -> None:
    assert all(p.log_lr < 6.0 for clue in reader.clues(sign(name)) for p in clue.evidence.points)


def test_long_and_mixed_lines_are_survived(reader: PlaceReader) -> None:
    many = sign(*(f"Springfield {i} km" for i in range(40)))
    assert all(math.isfinite(c.evidence.elsewhere) for c in reader.clues(many))
    assert directions(reader, sign("ירושלים 25", "תל אביב 40"))[:1] is not None
    assert direction_clues([], [], lambda lat, lon: "") == []


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.sampled_from(["Springfield 12", "Lyon", "\u200bParis", "7 km", "→ Roma 0", "Thika 99999 km"]), max_size=6
    )
)
def test_any_sign_is_survived(lines: list[str]) -> None:
    for clue in PlaceReader(load_default()).clues(sign(*lines)):
        assert all(math.isfinite(p.log_lr) for p in clue.evidence.points)
