"""Words of official signs, units and opening hours point at the countries that use them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import Clue, Reading
from detectors.rates import evidence_of, parse_rates, tells
from detectors.sign_phrases import PHRASES, UNITS
from detectors.territories import photo_shares
from detectors.units import UnitReader

READER = UnitReader()


def sign(*lines: str, confidence: float = 0.95) -> list[Reading]:
    """Lines one below the other, as on a sign."""
    return [
        Reading(f"r{i}", text, ((0, 24 * i), (150, 24 * i), (150, 24 * i + 20), (0, 24 * i + 20)), confidence)
        for i, text in enumerate(lines)
    ]


def clues(*lines: str, confidence: float = 0.95) -> list[Clue]:
    return READER.clues(sign(*lines, confidence=confidence))


def gain(clue: Clue, country: str) -> float:
    return clue.evidence.countries.get(country, clue.evidence.elsewhere)


@pytest.mark.parametrize(
    ("lines", "country"),
    [
        (("SPEED", "LIMIT", "30"), "US"),
        (("NO PARKING ANY TIME",), "US"),
        (("NO", "PARKING", "ANY", "TIME"), "US"),
        (("TOW-AWAY ZONE",), "US"),
        (("STREET CLEANING",), "US"),
        (("YIELD",), "US"),
        (("PED XING",), "US"),
        (("PAY & DISPLAY",), "GB"),
        (("PERMIT", "HOLDERS ONLY"), "GB"),
        (("CCTV IN OPERATION",), "GB"),
        (("WRONG WAY GO BACK",), "AU"),
        (("WHEEL CLAMPING IN OPERATION",), "IE"),
        (("SPEED BREAKER AHEAD",), "IN"),
        (("HORN PLEASE",), "IN"),
        (("MAXIMUM",), "CA"),
        (("ARRÊT",), "CA"),
        (("PARE",), "BR"),
        (("ALTO",), "MX"),
        (("DUR",), "TR"),
        (("止まれ",), "JP"),
        (("前方駐車禁止",), "JP"),
        (("禁止停车",), "CN"),
        (("일방통행",), "KR"),
        (("หยุด",), "TH"),
        (("עצור",), "IL"),
        (("ایست",), "IR"),
        (("VADO PERMANENTE",), "ES"),
        (("SE RENTA",), "MX"),
        (("ALUGA-SE",), "BR"),
        (("SAUF RIVERAINS",), "FR"),
        (("ROUTE", "BARRÉE"), "FR"),
        (("ANLIEGER FREI",), "DE"),
        (("Zubringerdienst gestattet",), "CH"),
        (("Verboden toegang",), "NL"),
        (("PASSO CARRABILE",), "IT"),
        (("NIE DOTYCZY",), "PL"),
        (("Zákaz vjezdu",), "CZ"),
        (("Girilmez",), "TR"),
        (("Enskild väg",), "SE"),
        (("ΠΩΛΕΙΤΑΙ",), "GR"),
        (("DILARANG PARKIR",), "ID"),
        (("JALAN SEHALA",), "MY"),
        (("No loading and unloading",), "PH"),
        (("200 yds",), "GB"),
        (("72°F",), "US"),
        (("40 KMPH",), "IN"),
        (("19h",), "FR"),
    ],
)
def test_a_sign_belongs_to_the_country_that_has_it(lines: tuple[str, ...], country: str) -> None:
    (clue,) = clues(*lines)
    best = max(clue.evidence.countries.values())
    assert gain(clue, country) == best > 0.5 and best - clue.evidence.elsewhere > 1.0
    assert country in clue.points_to or best == min(clue.evidence.countries[c] for c in clue.points_to)


def test_arabic_stop_signs_point_at_arab_countries() -> None:
    (clue,) = clues("قف")
    assert min(gain(clue, c) for c in ("EG", "SA", "MA", "JO")) > 2.0 > 0.0 > gain(clue, "US")


def test_speeds_in_miles_are_of_few_countries_and_in_kilometres_of_the_others() -> None:
    (mph,), (kmh,) = clues("35 mph"), clues("50 km/h")
    assert gain(mph, "US") == gain(mph, "GB") > 0.8 and gain(mph, "FR") < -1.0
    assert gain(kmh, "FR") > 0.25 and gain(kmh, "US") < -1.5 and gain(kmh, "CA") == gain(kmh, "FR")


def test_opening_hours_tell_the_clock() -> None:
    (twelve,), (full,), (letter,) = clues("10am - 6pm"), clues("10:00 - 18:30"), clues("9h30-19h00")
    assert gain(twelve, "US") > 0.5 and gain(twelve, "FR") < -1.0
    assert gain(full, "FR") > 0.25 and gain(full, "US") < -1.0
    assert gain(letter, "FR") > 1.0 and gain(letter, "BR") > 1.0 and gain(letter, "DE") < 0.0


def test_a_phrase_runs_over_lines_and_lost_spaces_but_not_into_words() -> None:
    (whole,) = clues("SPEED LIMIT 30")
    (split,) = clues("SPEED", "LIMIT")
    (joined,) = clues("SPEEDLIMIT")
    assert whole.evidence.countries == split.evidence.countries == joined.evidence.countries
    assert whole.evidence.sources == ("r0:0-11",) and split.evidence.sources == ("r0:0-5", "r1:0-5")
    assert clues("SPEEDY LIMITED") == [] and clues("TOLETTA") == []
    apart = [*sign("SPEED"), Reading("r9", "LIMIT", ((900, 900), (990, 900), (990, 920), (900, 920)), 0.9)]
    assert READER.clues(apart) == []


def test_the_longest_phrase_takes_its_words() -> None:
    (clue,) = clues("NO PARKING ANY TIME")
    assert clue.text == "NO PARKING ANY TIME" and gain(clue, "GB") < gain(clue, "US") - 2.0


@pytest.mark.parametrize(
    "text",
    ["Palo Alto", "Alto", "CONTRALTO", "pare-brise", "OPEN", "HOTEL", "PARKING", "TAXI", "2019", "10.00",
     "12.05.2024", "13:45", "la durée", "Restaurant du Parc", "H1", "24h/24h/7", "", "...", "a b c", "5 kmt"],
)  # fmt: skip
def test_words_of_the_whole_world_say_nothing(text: str) -> None:
    found = clues(text)
    assert not [c for c in found if max(c.evidence.countries.values()) > 1.9], found
    if text not in ("Alto", "24h/24h/7"):
        assert found == []


def test_stop_is_no_english_word_on_a_sign() -> None:
    (clue,) = clues("STOP")
    assert clue.evidence.sources == ("r0:0-4",)
    assert gain(clue, "GR") == gain(clue, "US") and abs(gain(clue, "GR")) < 0.15
    assert gain(clue, "BR") < -1.0 and gain(clue, "TR") < -1.0
    assert clues("STOP SMOKING") == []


def test_a_sign_read_twice_counts_once() -> None:
    (clue,) = READER.clues(
        [*sign("ONE WAY"), Reading("r9", "ONE WAY", ((500, 0), (590, 0), (590, 20), (500, 20)), 0.9)]
    )
    assert clue.points_to[0] == "US"


def test_an_unsure_reading_says_less() -> None:
    (sure,), (unsure,) = clues("SAUF RIVERAINS", confidence=1.0), clues("SAUF RIVERAINS", confidence=0.3)
    assert gain(sure, "FR") > gain(unsure, "FR") and sure.evidence.elsewhere < unsure.evidence.elsewhere


def test_evidence_is_finite_and_of_mean_one() -> None:
    shares = photo_shares()
    for words, rates, noise in PHRASES:
        evidence = evidence_of(parse_rates(rates), noise, sources=("r0",))
        assert tells(evidence) or words.startswith("!"), words
        mean = sum(s * math.exp(evidence.countries.get(c, evidence.elsewhere)) for c, s in shares.items())
        assert mean == pytest.approx(1.0, abs=0.01), words
    for name, _, rates, noise in UNITS:
        assert evidence_of(parse_rates(rates), noise, sources=("r0",)).elsewhere < 0.0, name


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="no country"):
        parse_rates("XX 1")
    with pytest.raises(ValueError, match="no rate"):
        parse_rates("US 1 CA")
    with pytest.raises(ValueError, match="noise is positive"):
        evidence_of({"US": 1.0}, 0.0, sources=())


def test_long_and_mixed_lines_are_survived() -> None:
    assert len(clues("ONE WAY " * 1300)) == 1
    assert clues("9" * 10_000) == [] and clues("ab" * 5000) == []
    assert clues("\u202bقف\u202c STOP \u200b")[0].points_to
    crowd = [
        Reading(f"r{i}", "NO", ((0, 2 * i), (40, 2 * i), (40, 2 * i + 20), (0, 2 * i + 20)), 0.9) for i in range(60)
    ]
    assert READER.clues(crowd) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(alphabet="NOPARKIGTWEYLSDMkmh0123456789 ./:-°ü停", max_size=16), max_size=5))
def test_any_text_is_survived(lines: list[str]) -> None:
    for clue in clues(*lines):
        assert math.isfinite(clue.evidence.elsewhere)
