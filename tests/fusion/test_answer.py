"""The answer: its ledger, its JSON, its words."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from fusion.answer import Answer, Failure
from fusion.describe import coordinates, distance, percent
from fusion.ledger import LedgerRow
from fusion.locator import Locator
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText

SCHEMA = json.loads((REPOSITORY / "fusion" / "assets" / "answer.schema.json").read_text())
GREY = np.full((240, 320, 3), 127, np.uint8)


@pytest.fixture(scope="module")
def spanish() -> Answer:
    """What `Locator` says of a photo in which these lines were read."""
    lines = ["FARMACIA", "cero emisiones", "MADRID", "Tel. 915 551 234", "1234 BCD", "maria.garcia@garcia-lopez.es"]
    return Locator(ocr=FixedText(lines)).locate(GREY)


def test_the_answer_fits_its_schema(spanish: Answer) -> None:
    jsonschema.validate(spanish.to_dict(), SCHEMA)
    jsonschema.validate(json.loads(spanish.to_json(top=2)), SCHEMA)
    assert len(spanish.to_dict(top=2)["top"]) == 2


def test_a_failure_fits_the_schema_and_a_wrong_answer_does_not(spanish: Answer) -> None:
    jsonschema.validate(Failure("a.jpg", ValueError("no")).to_dict(), SCHEMA)
    for change in ({"lat": 91.0}, {"country": "Spain"}, {"extra": 1}, {"radius_km": 0}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spanish.to_dict() | change, SCHEMA)


def test_spanish_text_leads_to_spain_and_the_ledger_says_so(spanish: Answer) -> None:
    assert spanish.country == "ES" and spanish.countries["ES"] > 0.8
    assert len(spanish.ledger) == len(spanish.clues) >= 3
    assert [row.clue for row in spanish.ledger] == list(range(len(spanish.clues)))
    moved = [abs(row.log_odds) for row in spanish.ledger]
    assert moved == sorted(moved, reverse=True) and moved[0] > 0.3
    assert all(row.country_after == "ES" for row in spanish.ledger)
    assert {"place", "language"} <= {clue.kind for clue in spanish.clues}


def test_the_ledger_compares_with_the_answer_of_the_other_clues() -> None:
    row = LedgerRow.compare(3, {"US": 0.7, "ES": 0.1}, {"ES": 0.6, "US": 0.3}, 0.8)
    assert (row.clue, row.country_before, row.country_after, row.p_before, row.p_after) == (3, "US", "ES", 0.1, 0.6)
    assert row.log_odds == pytest.approx(np.log(0.6 / 0.4) - np.log(0.1 / 0.9))


def test_private_text_is_masked_everywhere(spanish: Answer) -> None:
    shown = spanish.to_json() + str(spanish) + spanish.to_html() + repr(spanish.readings) + repr(spanish.clues)
    for private in ("915 551 234", "915551234", "551 234", "1234 BCD", "maria", "garcia", "lopez"):
        assert private not in shown
    assert "MADRID" in shown
    assert len(spanish.covered) == 3  # phone, plate, e-mail: painted over in the picture too


def test_the_radius_holds_half_of_the_probability(spanish: Answer) -> None:
    mass = spanish.distribution.mass_within(spanish.lat, spanish.lon, spanish.radius_km)
    assert mass == pytest.approx(0.5, abs=0.02)
    assert spanish.credible_radius_km(0.8) >= spanish.radius_km


def test_the_words_name_country_prior_and_reasons(spanish: Answer) -> None:
    text = str(spanish)
    assert "Spain" in text and "prior: pixels (what the picture looks like)" in text and "because" in text
    silent = str(Locator("density", ocr="none").locate(GREY))
    assert "no visual model was used" in silent
    assert "no clue" in silent and "no certain country" in silent


def test_words_never_claim_certainty_or_nothing() -> None:
    assert percent(0.9995) == "over 99.9 %"
    assert percent(1e-9) == "under 0.1 %" and percent(1 - 1e-9) == "over 99.9 %"
    assert [distance(km) for km in (0.004, 0.45, 7.123, 43.0, 982.7, 12345.0)] == [
        "10 m", "450 m", "7.1 km", "43 km", "980 km", "12,000 km",
    ]  # fmt: skip
    assert coordinates(-33.8688, 151.2093) == "33.869 S 151.209 E"


def test_a_notebook_shows_the_map_in_a_sandboxed_frame(spanish: Answer) -> None:
    frame = spanish._repr_html_()
    assert frame.startswith("<iframe") and 'sandbox="allow-scripts"' in frame and "<script" not in frame


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "no certain country"),
        (["FARMACIA cero emisiones", "www.ayuntamiento.es"], "very likely in Spain"),
        (["48.20849N 16.37208E"], "probably near"),
    ],
)
def test_the_first_words_say_how_sure_it_is(lines: list[str], words: str) -> None:
    answer = Locator("density", ocr=FixedText(lines)).locate(GREY)
    assert words in str(answer).splitlines()[1], str(answer)
