"""Maps on this machine in a whole answer: found without a network, credited, and named in a batch's settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backbone.density import DensityPrior
from data.geodesy import haversine_km
from data.osm_index import PlaceIndex
from data.partition import Partition
from fusion.batch import settings_of
from fusion.locator import Locator
from tests.fusion.parts import FixedText
from tests.small_map import SmallMap

PIXELS = np.zeros((400, 300, 3), np.uint8)
SPOT = (48.41, 15.61)


@pytest.fixture
def index(tmp_path: Path) -> PlaceIndex:
    small = SmallMap()
    small.node(*SPOT, name="Konditorei Wunderlichek", shop="pastry")
    return small.index(tmp_path, "x12")  # a name that looks like a plate, and is masked in sentences


def locator(partition: Partition, text: str, *places: PlaceIndex) -> Locator:
    return Locator(
        DensityPrior(partition), ocr=FixedText([text]), regions="none", scenes="none", places=places, offline=True
    )  # fmt: skip


def test_a_sign_on_a_map_places_the_photo_and_the_map_is_credited(partition: Partition, index: PlaceIndex) -> None:
    without = locator(partition, "Konditorei Wunderlichek").locate(PIXELS)
    answer = locator(partition, "Konditorei Wunderlichek", index).locate(PIXELS)
    off = [float(haversine_km(a.lat, a.lon, *SPOT)) for a in (without, answer)]
    assert off[0] > 10.0 and off[1] < 0.1 and answer.radius_km < 0.2 and answer.country == "AT"
    assert without.attributions == [] and answer.attributions == [index.meta["attribution"]]
    assert (
        "OpenStreetMap" in str(answer) and "OpenStreetMap" in answer.to_html() and "OpenStreetMap" in answer.to_json()
    )
    assert answer.lookups == () and "OpenStreetMap" not in str(without)


def test_what_is_not_on_the_map_changes_nothing_and_owes_nothing(partition: Partition, index: PlaceIndex) -> None:
    without, answer = (locator(partition, "Bäckerei Sonne", *maps).locate(PIXELS) for maps in ((), (index,)))
    assert np.array_equal(without.distribution.p, answer.distribution.p) and answer.attributions == []


def test_an_album_credits_the_map_too(partition: Partition, index: PlaceIndex) -> None:
    album = locator(partition, "Konditorei Wunderlichek", index).locate_album([PIXELS, PIXELS + 1])
    assert album.answer.attributions == [index.meta["attribution"]]


def test_an_explanation_credits_the_map_that_it_rests_on(partition: Partition, index: PlaceIndex) -> None:
    told = locator(partition, "Konditorei Wunderlichek", index).explain(PIXELS)
    credit = index.meta["attribution"]
    assert told.attributions == (credit,) and f"map data: {credit}" in str(told)
    assert told.to_dict()["attributions"] == [credit]
    bare = locator(partition, "MADRID", index).explain(PIXELS)
    assert bare.attributions == () and "map data" not in str(bare)


def test_tables_of_other_maps_do_not_go_on(partition: Partition, index: PlaceIndex) -> None:
    assert "places=x12@" in settings_of(locator(partition, "x", index))
    assert "places" not in settings_of(locator(partition, "x"))
