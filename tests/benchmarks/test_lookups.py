"""What a map is worth on drawn storefronts: settings, figures and the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.lookups import SETTINGS, Setting, answers, maps_in, rows_of, settings_of, table
from benchmarks.storefront_pictures import Sign
from benchmarks.storefront_readings import REGIONS, ReadStorefront
from data.geodesy import haversine_km
from detectors.base import Clue, Evidence, PointEvidence, Reading
from fusion.evaluation.scores import Score
from fusion.ranker import make_ranker
from tests.small_map import SmallMap

KREMS = (48.4103, 15.6142)
BOX = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))


class Map:
    """A map of one shop."""

    kind = "lookup"

    def __init__(self, lat: float, lon: float) -> None:
        self._point = PointEvidence(lat, lon, 0.1, 30.0)

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        found = [reading for reading in readings if reading.text == "Mohren-Apotheke"]
        return [Clue("lookup", r.text, "x", Evidence(-3.0, points=(self._point,), sources=(r.id,))) for r in found]


def krems_alone(paths: Sequence[Path]) -> list[Map]:
    """Clue readers that know the shop where Krems is among ``paths``, and put it elsewhere where it is not."""
    return [Map(*KREMS) if any("krems" in path.name for path in paths) else Map(-20.46, -54.62)]


def shot(number: int, text: str, kind: str = "poi") -> ReadStorefront:
    reading = Reading("r0", text, BOX, 0.95, "Latn")
    signs = (Sign("own", "board", (text,)),)
    return ReadStorefront(number, kind, "amenity=pharmacy", *KREMS, signs, (reading,), (), (0.1, 1.0))


def test_the_map_of_the_region_is_asked_then_those_of_all_others() -> None:
    asked: list[list[str]] = []

    def maps(paths: Sequence[Path]) -> list[Map]:
        asked.append([path.name for path in paths])
        return []

    assert [setting.name for setting in settings_of("krems", Path("osm"), maps)] == list(SETTINGS)
    assert asked == [["krems.osm.gz"], [file for name, file in REGIONS.items() if name != "krems"]]
    assert settings_of("krems", Path("osm"), None) == [Setting("without")]


def test_a_map_that_knows_the_shop_brings_the_answer_there_and_a_wrong_one_away() -> None:
    shots = [shot(0, "Mohren-Apotheke"), shot(1, "Blumen")]
    settings = settings_of("krems", Path("osm"), krems_alone)
    found = {setting.name: answers(shots, setting, make_ranker("pool")) for setting in settings}
    assert found["with"][0].km < 1.0 < found["without"][0].km
    assert found["with"][0].cell_bits > found["without"][0].cell_bits + 5.0
    assert found["other"][0].km == pytest.approx(float(haversine_km(*KREMS, -20.46, -54.62)), rel=0.01)
    assert found["with"][1] == found["without"][1] == found["other"][1], "the map says nothing of flowers"


def told(km: float, bits: float) -> Score:
    return Score(km, 0.0, 0.0, 1.0, bits, bits, 0.5, 0.0)


def test_rows_say_what_was_gained_and_how_often_it_got_worse() -> None:
    shots = [shot(0, "a"), shot(1, "b"), shot(2, "c", "address"), shot(3, "d", "address")]
    found = {
        "without": [told(10.0, -9.0), told(10.0, -9.0), told(10.0, -9.0), told(0.05, -1.0)],
        "with": [told(0.1, -1.0), told(10.9, -9.1), told(12.0, -9.0), told(3.0, -5.0)],
    }
    rows = {(row["kind"], row["setting"]): row for row in rows_of("krems", shots, found)}
    assert set(rows) == {(kind, name) for kind in ("all", "poi", "address") for name in found}
    assert rows["all", "without"]["within_0.1"] == rows["all", "with"]["within_0.1"] == "25.0"
    assert rows["poi", "with"]["within_0.1"] == "50.0" and rows["poi", "with"]["n"] == 2
    assert rows["all", "with"]["gain_1"].startswith("0 [")
    assert rows["all", "with"]["farther"].startswith("50 ["), "900 m farther off is not counted"
    assert rows["all", "with"]["unlikelier"].startswith("50 [")
    assert rows["all", "with"]["both"].startswith("25 ["), "the fourth alone"
    assert rows["poi", "with"]["both"] == "0 [0, 0]"
    assert "farther" not in rows["all", "without"]
    said = table(list(rows.values()))
    assert said.startswith("krems\nkind") and said.count("\n") == 8


def test_extracts_are_indexed_once_and_read_signs(tmp_path: Path) -> None:
    small = SmallMap()
    small.node(*KREMS, name="Konditorei Wunderlichek", shop="pastry")
    extract = small.write(tmp_path / "krems-latest.osm")
    [reader] = maps_in(tmp_path)([extract])
    [clue] = reader.clues([Reading("r0", "Konditorei Wunderlichek", BOX, 0.95, "Latn")])
    assert "the map of krems" in clue.meaning
    extract.unlink()
    assert len(maps_in(tmp_path)([extract])) == 1, "the index is kept"
