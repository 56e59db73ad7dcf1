from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import Reading
from detectors.coordinates import CoordinateReader, fixes_in

VIENNA = (48.2085, 16.3721)
SAN_FRANCISCO = (37.7749, -122.4194)


def line(text: str, *, id: str = "r0", x: float = 0.0, y: float = 0.0, confidence: float = 0.95) -> Reading:
    return Reading(id, text, ((x, y), (x + 200, y), (x + 200, y + 20), (x, y + 20)), confidence)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("48.20849N 16.37208E", VIENNA),
        ("N48.20849 E16.37208", VIENNA),
        ("N48.20849E16.37208", VIENNA),
        ("N:48.20849 E:16.37208", VIENNA),
        ("E16.37208 N48.20849", VIENNA),
        ("48.20849°N 16.37208°E", VIENNA),
        ("N 48°12'30.5\" E 16°22'19.5\"", VIENNA),
        ("48°12′30″N 16°22′19″E", VIENNA),
        ("48 12 30 N 16 22 19 E", VIENNA),
        ("N48 12.509 E16 22.325", VIENNA),
        ("4812.5090N 01622.3250E", VIENNA),
        ("48,20849 N 16,37208 E", VIENNA),
        ("Lat: 48.20849 Lon: 16.37208", VIENNA),
        ("LAT N48.2084 / LON E16.3720", VIENNA),
        ("lat=48.20849 lng=16.37208", VIENNA),
        ("48.20849, 16.37208", VIENNA),
        ("+48.2084+016.3720", VIENNA),
        ("54KM/H N48.208490 E16.372080 2019/01/02 12:00:00", VIENNA),
        ("48.208N,16.372E ALT 170m", VIENNA),
        ("Breite 48,20849 N Länge 16,37208 O", VIENNA),
        ("Latitude: 37.7749 Longitude: -122.4194", SAN_FRANCISCO),
        ("N 37° 46' 29.6\" W 122° 25' 9.8\"", SAN_FRANCISCO),
        ("37 46.494N 122 25.163W", SAN_FRANCISCO),
        ("W122.4194 N37.7749", SAN_FRANCISCO),
        ("S33.8688 E151.2093", (-33.8688, 151.2093)),
        ("-33.86880, 151.20930", (-33.8688, 151.2093)),
    ],
)
def test_a_layout_is_read(text: str, place: tuple[float, float]) -> None:
    fixes = fixes_in(text)
    assert len(fixes) == 1
    assert fixes[0].lat == pytest.approx(place[0], abs=0.002)
    assert fixes[0].lon == pytest.approx(place[1], abs=0.002)


@pytest.mark.parametrize(
    "text",
    [
        "N48.2O849 E16.372O8",
        "LAT:48.20849 LONG:l6.37208",
        "48o12'30\"N 16o22'19\"E",
        "48012'30\"N 016022'19\"E",
        "N48.20849 E l6.37208",
    ],
)
def test_slips_of_the_ocr_are_undone(text: str) -> None:
    (fix,) = fixes_in(text)
    assert (fix.lat, fix.lon) == pytest.approx(VIENNA, abs=0.002)


@pytest.mark.parametrize(
    "text",
    [
        "0.00000N 0.00000E",
        "N0.0000 E0.0000",
        "95.2084N 16.3720E",
        "N48.2084 E191.3720",
        "48°75'10\"N 16°22'19\"E",
        "12:30:15 54 KM/H",
        "2024-05-12 13:45:10",
        "12.50 13.90",
        "$12.5000, 13.9000",
        "10.00-18.00",
        "Route N10 E5",
        "S 10.50 E 20",
        "1.5 km E 2.3 km",
        "21.5° 23.5°",
        "48.2085",
        "Calle de Alcalá 42",
        "",
    ],
)
def test_other_numbers_are_no_place(text: str) -> None:
    assert fixes_in(text) == []


def test_the_letter_o_is_east_or_west() -> None:
    assert {round(f.lon, 2) for f in fixes_in("40.4168N 3.7038O")} == {3.70, -3.70}
    assert [round(f.lon, 2) for f in fixes_in("Latitud 40.4168 N Longitud 3.7038 O")] == [-3.70]


def test_a_missing_hemisphere_is_left_open() -> None:
    fixes = fixes_in("48.20849° 16.37208°")
    assert len(fixes) == 4
    assert sum(f.weight for f in fixes) == pytest.approx(1.0)
    assert max(fixes, key=lambda f: f.weight).lat > 0


def test_two_neighbouring_lines_make_one_position() -> None:
    clues = CoordinateReader().clues([line("LAT N48.2084", id="a"), line("LON E16.3720", id="b", y=22.0)])
    assert len(clues) == 1
    assert set(clues[0].evidence.sources) == {"a", "b"}
    assert clues[0].evidence.points[0].lat == pytest.approx(48.2084)


def test_lines_far_apart_make_none() -> None:
    assert CoordinateReader().clues([line("LAT N48.2084", id="a"), line("LON E16.3720", id="b", y=400.0)]) == []


def test_sigma_follows_the_printed_digits() -> None:
    assert fixes_in("N48.20849 E16.37208")[0].sigma_km == 0.5
    assert fixes_in("Lat 48.2 Lon 16.3")[0].sigma_km == pytest.approx(5.56, abs=0.01)


def test_evidence_is_strong_finite_and_weaker_for_doubtful_readings() -> None:
    (sure,) = CoordinateReader().clues([line("N48.20849 E16.37208", confidence=1.0)])
    (unsure,) = CoordinateReader().clues([line("N48.20849 E16.37208", confidence=0.4)])
    assert sure.evidence.points[0].log_lr > 10
    assert sure.evidence.elsewhere == pytest.approx(math.log(0.05))
    assert sure.evidence.elsewhere < unsure.evidence.elsewhere < 0


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))
def test_what_is_printed_is_read_back(lat: float, lon: float) -> None:
    text = f"{abs(lat):.5f}{'N' if lat >= 0 else 'S'} {abs(lon):.5f}{'E' if lon >= 0 else 'W'}"
    fixes = fixes_in(text)
    if abs(lat) <= 0.01 and abs(lon) <= 0.01:
        assert fixes == []
    else:
        assert len(fixes) == 1
        assert (fixes[0].lat, fixes[0].lon) == pytest.approx((lat, lon), abs=1e-5)


@given(st.text(max_size=40))
def test_any_text_is_survived(text: str) -> None:
    for fix in fixes_in(text):
        assert abs(fix.lat) <= 90 and abs(fix.lon) <= 180 and fix.sigma_km >= 0.5
