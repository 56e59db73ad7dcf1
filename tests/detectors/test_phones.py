from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import Clue, Reading
from detectors.phones import PhoneReader, phones_in
from detectors.territories import photo_shares

READER = PhoneReader()
BOX = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))


def clue(text: str, *, confidence: float = 0.95) -> Clue:
    (found,) = READER.clues([Reading("r0", text, BOX, confidence)])
    return found


def likeliest(text: str) -> str:
    shares = photo_shares()
    (phone,) = phones_in(text)
    return max(shares, key=lambda c: shares[c] * phone.countries.get(c, 0.0))


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+34 91 555 12 34", "ES"),
        ("Tel. +65 6533 1234", "SG"),
        ("0033 1 42 60 31 32", "FR"),
        ("+44 (0)20 7946 0123", "GB"),
        ("(415) 555-0132", "US"),
        ("415-648-2000", "US"),
        ("415.648.2000", "US"),
        ("T 4l5 648 2OOO", "US"),
        ("01 42 60 31 32", "FR"),
        ("020 7946 0123", "GB"),
        ("91 555 12 34", "ES"),
        ("8 (812) 312-12-12", "RU"),
        ("(02) 9264 1234", "AU"),
        ("98300 12345", "IN"),
        ("03-3211-1234", "JP"),
        ("(11) 3256-1234", "BR"),
        ("02 555 1234", "IT"),
        ("02-2345-6789", "TW"),
        ("(033) 2286-1000", "IN"),
    ],
)
def test_a_number_belongs_to_the_country_that_writes_it_so(text: str, country: str) -> None:
    assert likeliest(text) == country


@pytest.mark.parametrize("text", ["02-555-1234", "031-555-1234", "010-1234-5678"])
def test_hyphens_between_all_groups_speak_for_those_who_write_so(text: str) -> None:
    (phone,) = phones_in(text)
    belief = {c: photo_shares()[c] * fit for c, fit in phone.countries.items()}
    assert belief["KR"] > belief["IT"] and phone.countries["KR"] > 10.0 * phone.countries["IT"]


@pytest.mark.parametrize(
    "text",
    ["2024-05-12", "12.05.2024", "2024-05-12 13:45:10", "10.00-18.00", "1.250,00 EUR", "€ 1 250 000", "2019-2024",
     "48.20849N 16.37208E", "10", "28013", "M15OL/SEUILLA", "", "Calle 42"],
)  # fmt: skip
def test_dates_prices_and_coordinates_are_no_phones(text: str) -> None:
    assert phones_in(text) == []


def test_a_country_code_is_nearly_certain_and_a_serial_number_is_not() -> None:
    with_code, serial = clue("+34 91 555 12 34").evidence, clue("123456789").evidence
    assert with_code.points[0].log_lr > 4.0 and with_code.elsewhere < -1.5
    assert serial.points == () and serial.elsewhere > -0.3


def test_a_label_makes_a_number_surer() -> None:
    assert phones_in("Tel: 033 2282 1234")[0].reliability > phones_in("033 2282 1234")[0].reliability


def test_an_area_code_points_at_its_town() -> None:
    madrid = clue("+34 91 555 12 34").evidence.points
    assert madrid[0].lat == pytest.approx(40.42, abs=0.2) and madrid[0].lon == pytest.approx(-3.70, abs=0.2)
    assert clue("(415) 555-0132").points_to[0].startswith("San Francisco")


def test_an_area_code_of_a_state_points_at_the_state() -> None:
    evidence = clue("(512) 555-0100").evidence
    assert evidence.points or evidence.regions["US.TX"] > evidence.countries["US"]


def test_free_numbers_have_no_town() -> None:
    evidence = clue("1-800-555-0199").evidence
    assert evidence.points == () and {"US", "CA"} <= set(evidence.countries)


@pytest.mark.parametrize("text", ["+34 91 555 12 34", "(415) 555-0132", "Tel: 033 2282 1234", "0033 1 42 60 31 32"])
def test_no_subscriber_digit_is_shown(text: str) -> None:
    found = clue(text)
    shown = found.text + found.meaning + " ".join(found.points_to)
    assert len(re.findall(r"\d", shown)) <= 4
    assert "•" in found.text


def test_the_code_stays_readable() -> None:
    assert clue("+34 91 555 12 34").text == "+34 •• ••• •• ••"


def test_a_number_counts_once() -> None:
    readings = [Reading(f"r{i}", "+34 91 555 12 34", BOX, 0.9) for i in range(2)]
    assert len(READER.clues(readings)) == 1


def test_a_doubtful_reading_says_less() -> None:
    sure, unsure = clue("+34 91 555 12 34", confidence=1.0), clue("+34 91 555 12 34", confidence=0.3)
    assert sure.evidence.points[0].log_lr > unsure.evidence.points[0].log_lr
    assert sure.evidence.elsewhere < unsure.evidence.elsewhere


@settings(max_examples=15, deadline=None)
@given(st.text(alphabet="0123456789 -.()+OlTel:", max_size=24))
def test_any_text_is_survived(text: str) -> None:
    for found in READER.clues([Reading("r0", text, BOX, 0.9)]):
        assert math.isfinite(found.evidence.elsewhere)


def test_an_area_code_points_at_its_town_whatever_the_table_adds_to_its_name() -> None:
    assert clue("Tel. (11) 3256-1234").points_to[0] == "São Paulo, BR"
    assert "Seoul, KR" in clue("02-555-1234").points_to


def test_what_the_area_gains_the_rest_of_its_country_loses() -> None:
    phone, evidence = phones_in("(415) 555-0132")[0], clue("(415) 555-0132").evidence
    assert phone.countries["US"] == 1.0
    (town,) = evidence.points
    assert town.log_lr > evidence.countries["US"] + 2.0


def test_many_numbers_of_a_photo_are_no_independent_proofs() -> None:
    lines = [
        Reading(f"r{i}", text, BOX, 0.95) for i, text in enumerate(("555 1234", "555 2345", "553 9876", "554 1122"))
    ]
    shares = photo_shares()

    def of(country: str, readings: list[Reading]) -> float:
        logs = {
            c: sum(x.evidence.countries.get(c, x.evidence.elsewhere) for x in READER.clues(readings)) for c in shares
        }
        return shares[country] * math.exp(logs[country]) / sum(shares[c] * math.exp(logs[c]) for c in shares)

    assert of("IS", lines) < 3.0 * of("IS", lines[:1])
    assert len(READER.clues([Reading(f"r{i}", f"555 {1000 + 7 * i}", BOX, 0.95) for i in range(60)])) <= 8


def test_evidence_of_a_number_ranks_its_country_first() -> None:
    for text, country in (("01 42 60 31 32", "FR"), ("415.648.2000", "US"), ("+44 (0)20 7946 0123", "GB")):
        evidence, shares = clue(text).evidence, photo_shares()
        names = clue(text).points_to
        values = {c: math.exp(evidence.countries.get(c, evidence.elsewhere)) for c in shares}
        for name, point in zip(names, evidence.points, strict=False):
            values[name[-2:]] = 0.9 * values[name[-2:]] + 0.1 * math.exp(point.log_lr)
        assert max(shares, key=lambda c: shares[c] * values[c]) == country
