"""A place known to a few hundred metres, from the words in the photo to the map."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from backbone.density import DensityPrior
from data.geodesy import haversine_km
from data.partition import Partition
from fusion.answer import Answer
from fusion.locator import Locator
from fusion.pool import LogLinearPool
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText
from tests.fusion.test_map import Elements

AT = 59.6936, 17.1310  # in a cell whose photos spread over 10 km, 6 km from its middle


@pytest.fixture(scope="module")
def stamped(partition: Partition) -> Answer:
    """The answer to a grey photo that is stamped with a position."""
    locator = Locator(ocr=FixedText(["59.6936, 17.1310"]), prior=DensityPrior(partition), ranker=LogLinearPool())
    return locator.locate(np.full((240, 320, 3), 127, np.uint8))


def test_the_answer_is_the_position_with_the_radius_that_it_is_known_to(stamped: Answer) -> None:
    assert haversine_km(stamped.lat, stamped.lon, *AT) < 0.1
    assert 0.5 < stamped.radius_km < 0.7 and 0.8 < stamped.credible_radius_km(0.8) < 1.1
    assert haversine_km(stamped.top(1)[0].lat, stamped.top(1)[0].lon, *AT) < 0.1
    schema = json.loads((REPOSITORY / "fusion" / "assets" / "answer.schema.json").read_text())
    jsonschema.validate(stamped.to_dict(), schema)


def test_the_map_draws_the_spot_apart_from_its_cell_and_counts_its_mass_once(stamped: Answer) -> None:
    data = Elements(stamped.to_html()).data()
    assert data["radius"].endswith(" m")
    assert sum(cell["mass"] for cell in data["cells"]) == pytest.approx(1.0, abs=0.05)
    first = data["cells"][0]
    assert first["mass"] > 0.8 and first["label"].startswith("a spot in ")
    assert first["area"] == pytest.approx(4.0 * np.pi * 0.5**2, rel=0.05)
    ring = np.array(first["ring"])
    assert haversine_km(ring[:, 0], ring[:, 1], *AT) == pytest.approx(1.0, abs=0.12)
