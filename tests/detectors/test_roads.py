"""Road numbers point at the countries that write them so, and rooms and gates at none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.gazetteer import load_default
from detectors.base import Clue, Reading
from detectors.rates import parse_rates
from detectors.road_table import (
    BRAZIL_STATES,
    EUROPEAN,
    FORMS,
    INTERSTATES,
    NAMED,
    SPAIN_REGIONS,
    US_ROUTES,
    US_STATES,
)
from detectors.roads import RoadReader, roads_in
from detectors.territories import photo_shares

READER = RoadReader()


def clues(*texts: str, confidence: float = 0.95) -> list[Clue]:
    box = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))
    return READER.clues([Reading(f"r{i}", text, box, confidence) for i, text in enumerate(texts)])


def gain(clue: Clue, place: str) -> float:
    evidence = clue.evidence
    return evidence.regions.get(place, evidence.countries.get(place[:2], evidence.elsewhere))


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        (("A7 Hamburg 120 km",), ("DE", "FR", "IT", "GB")),
        (("A-7",), ("ES",)),
        (("AP-7",), ("ES",)),
        (("N-340",), ("ES",)),
        (("CV-500",), ("ES.60",)),
        (("M-30",), ("ES.29", "US.MI")),
        (("D906", "Mende 12 km"), ("FR",)),
        (("N7", "Lyon 25 km"), ("FR", "ZA", "IE", "BE")),
        (("M25", "Heathrow 12 miles"), ("GB", "IE")),
        (("A1(M)",), ("GB",)),
        (("B4100", "Banbury 3 miles"), ("GB",)),
        (("S8", "Warszawa 120 km"), ("PL",)),
        (("DK7",), ("PL",)),
        (("SS16",), ("IT",)),
        (("S.P. 5",), ("IT",)),
        (("DN1A",), ("RO",)),
        (("II/230",), ("CZ", "SK")),
        (("М-10",), ("RU", "UA", "BY")),
        (("O-4",), ("TR",)),
        (("E18", "Örebro 12 km"), ("SE", "NO")),
        (("I-80 WEST",), ("US.CA", "US.NV")),
        (("Interstate 5",), ("US.CA", "US.WA")),
        (("US-101 NORTH",), ("US.CA", "US.OR")),
        (("CA-1",), ("US.CA",)),
        (("SR 520",), ("US",)),
        (("FM 1960",), ("US.TX",)),
        (("Hwy 401",), ("CA",)),
        (("Autoroute 20",), ("CA",)),
        (("MEX 180",), ("MX",)),
        (("BR-101",), ("BR",)),
        (("SP-270",), ("BR.27",)),
        (("Ruta 5",), ("CL", "AR", "UY")),
        (("RN 7",), ("AR",)),
        (("NH 44",), ("IN",)),
        (("G4", "北京 120 km"), ("CN",)),
        (("国道1号",), ("JP",)),
        (("國道一號",), ("TW",)),
        (("QL1A",), ("VN",)),
        (("כביש 6",), ("IL",)),
        (("State Highway 1",), ("NZ",)),
        (("N2", "Durban 45 km"), ("ZA",)),
        (("E11", "Abu Dhabi 120 km"), ("AE", "MY")),
    ],
)
def test_a_number_points_at_the_countries_that_write_it_so(texts: tuple[str, ...], places: tuple[str, ...]) -> None:
    (clue,) = clues(*texts)
    for place in places:
        assert gain(clue, place) > 0.25, (place, clue)
        assert gain(clue, place) - clue.evidence.elsewhere > 0.7


def test_an_ambiguous_number_stays_ambiguous() -> None:
    (clue,) = clues("A7 Hamburg 120 km")
    values = [gain(clue, c) for c in ("DE", "FR", "IT", "GB", "CH", "AT", "NL")]
    assert max(values) - min(values) < 1.0 and gain(clue, "US") < -0.5


def test_a_known_route_names_its_states_only() -> None:
    (clue,) = clues("I-80")
    assert gain(clue, "US.NE") == gain(clue, "US.CA") > 1.0
    assert gain(clue, "US.TX") < 0.0 and gain(clue, "FR") < -1.0


def test_route_66_is_also_a_brand() -> None:
    assert all(gain(c, "US.AZ") < 1.0 and c.evidence.elsewhere > -0.3 for c in clues("ROUTE 66"))


@pytest.mark.parametrize(
    "texts",
    [("A7",), ("B4",), ("L10",), ("M14",), ("H11",), ("Room A12",), ("GATE B7",), ("A1", "A2", "A3", "A4"), ("HR2",),
     ("ROOM NO-5",), ("M-97344184026294952606",), ("FM 104",), ("2019",), ("10 AM -12 NOON",), ("5 km",), ("",),
     ("Tel. 555-0132",), ("€5",), ("COVID-19",), ("WB30AA7583",), ("MK24",), ("B4", "E3")],
)  # fmt: skip
def test_rooms_gates_and_noise_are_no_roads(texts: tuple[str, ...]) -> None:
    assert [c.text for c in clues(*texts) if max([*c.evidence.countries.values(), 0.0]) > 1.9] == []
    if texts != ("B4", "E3"):
        assert clues(*texts) == []


def test_a_doubtful_number_needs_company() -> None:
    assert clues("A7") == []
    with_distance, with_european = clues("A7", "Hamburg 120 km"), clues("A7", "E45")
    assert len(with_distance) == 1 and len(with_european) == 2
    labelled = clues("GATE A7", "Hamburg 120 km")
    assert not labelled or gain(labelled[0], "DE") < gain(with_distance[0], "DE")


def test_the_same_number_twice_counts_once_and_an_unsure_one_less() -> None:
    assert len(clues("BR-101", "BR 101")) == 1
    (sure,), (unsure,) = clues("BR-101", confidence=1.0), clues("BR-101", confidence=0.3)
    assert gain(sure, "BR") > gain(unsure, "BR") and sure.evidence.elsewhere < unsure.evidence.elsewhere


def test_sources_name_the_characters() -> None:
    (clue,) = clues("to AP-7 Barcelona")
    assert clue.evidence.sources == ("r0:3-7",)


def test_what_looks_like_a_plate_is_masked() -> None:
    (clue,) = clues("SP-270")
    assert "270" not in clue.text + clue.meaning


def test_evidence_is_finite_and_of_mean_one() -> None:
    for texts in (("A7 Hamburg 120 km",), ("AP-7",), ("E18", "Örebro 12 km"), ("BR-101",), ("国道1号",)):
        (clue,) = clues(*texts)
        mean = sum(share * math.exp(gain(clue, c)) for c, share in photo_shares().items())
        assert mean == pytest.approx(1.0, abs=0.01)


def test_the_tables_name_countries_and_regions_that_exist() -> None:
    for _, rates, noise in (*FORMS, *NAMED):
        parsed = parse_rates(rates)
        assert parsed and all(0.0 < rate <= 1.0 for rate in parsed.values()) and 0.0 < noise < 0.01, rates
    gazetteer = load_default()
    assert {c for text in EUROPEAN.values() for c in text.split()} <= set(photo_shares())
    states = {s for row in (*INTERSTATES.values(), *US_ROUTES.values()) for s in row} - {"DC"}
    assert states <= US_STATES and all(gazetteer.admin1_name(f"US.{s}") for s in US_STATES)
    assert gazetteer.admin1_name("BR." + BRAZIL_STATES["SP"]) == "Sao Paulo"
    assert gazetteer.admin1_name("ES." + SPAIN_REGIONS["CV"]) == "Valencia"
    assert all(gazetteer.admin1_name(f"BR.{code}") for code in BRAZIL_STATES.values())
    assert all(gazetteer.admin1_name(f"ES.{code}") for code in SPAIN_REGIONS.values())


def test_long_and_mixed_lines_are_survived() -> None:
    assert len(clues("BR-101 " * 1500)) == 1
    assert len(clues("BR-101 A7 12 km " * 700)) == 2
    assert len(clues(" ".join(f"BR-{n}" for n in range(100, 400)))) <= 20
    assert clues("A" * 10_000) == [] and clues("7" * 10_000) == [] and clues("A1-" * 3000) == []
    (rtl,) = clues("\u202bכביש 6 צפון\u202c")
    assert gain(rtl, "IL") > 2.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ABDEMNPRSI-–. /()0123456789kmМ国道号", max_size=14), max_size=5))
def test_any_text_is_survived(texts: list[str]) -> None:
    for clue in clues(*texts):
        assert math.isfinite(clue.evidence.elsewhere)
    for text in texts:
        for road in roads_in(text):
            assert 0 <= road.start < road.end <= len(text)
