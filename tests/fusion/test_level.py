"""The finest place that an answer vouches for: street, city, region, country, continent."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from data.continents import CONTINENT_NAMES, CONTINENTS, continent_mass
from data.distribution import CellDistribution, InCell
from data.errors import RequestError
from data.partition import Partition
from fusion.answer import Answer
from fusion.cli import main
from fusion.describe import level_words
from fusion.level import LEVELS, city_at, level_of
from fusion.locator import Locator
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText

SCHEMA = json.loads((REPOSITORY / "fusion" / "assets" / "answer.schema.json").read_text())
GREY = np.full((240, 320, 3), 127, np.uint8)
MADRID = (40.4168, -3.7038)


def around(partition: Partition, lat: float, lon: float, spread_km: float, elsewhere: float = 0.0) -> CellDistribution:
    """All mass in the cell of the point, spread by so much around it, but for a share in Auckland."""
    here, there = partition.cells_of(np.array([lat, -36.85]), np.array([lon, 174.76])).tolist()
    p = np.zeros(len(partition), np.float32)
    p[here], p[there] = 1.0 - elsewhere, elsewhere
    lats, lons, spread = partition.lat.copy(), partition.lon.copy(), partition.spread_km.astype(np.float64)
    lats[here], lons[here], spread[here] = lat, lon, spread_km
    return CellDistribution(partition, p, InCell(lats, lons, spread))


def test_every_country_of_the_partition_has_a_continent(partition: Partition) -> None:
    assert {code for code in partition.country_codes if code not in CONTINENTS} == set()
    assert set(CONTINENTS.values()) == set(CONTINENT_NAMES)
    told = {"RU": "EU", "TR": "AS", "EG": "AF", "CY": "EU", "GE": "AS", "MX": "NA", "PA": "NA", "TL": "OC", "XK": "EU"}
    assert {code: CONTINENTS[code] for code in told} == told


@pytest.mark.parametrize(("spread_km", "level"), [(0.2, "street"), (5.0, "city")])
def test_mass_near_the_point_is_a_street_or_a_city(partition: Partition, spread_km: float, level: str) -> None:
    found = level_of(around(partition, *MADRID, spread_km), *MADRID)
    assert found is not None and (found.level, found.code) == (level, "ES")
    assert found.probability >= 0.8
    assert "Spain" in str(found) and level in str(found)
    assert level != "city" or found.name == "Madrid"


def test_confidence_asks_for_a_coarser_place(partition: Partition) -> None:
    distribution = around(partition, *MADRID, 5.0, elsewhere=0.3)
    fine, none = level_of(distribution, *MADRID, 0.6), level_of(distribution, *MADRID, 0.8)
    assert fine is not None and fine.level == "city" and fine.probability == pytest.approx(0.7, abs=0.02)
    assert none is None  # a third lies on the other side of the Earth


def test_many_cells_are_a_region_a_country_or_a_continent(partition: Partition) -> None:
    def spread_over(belongs: np.ndarray) -> CellDistribution:
        return CellDistribution(partition, (belongs / belongs.sum()).astype(np.float32))

    def share(start: str) -> np.ndarray:
        return partition.mean_over_regions(np.array([code.startswith(start) for code in partition.region_codes]))

    bavaria = level_of(spread_over(share("DE.02") > 0.999), 48.9, 11.4)
    assert bavaria is not None and (bavaria.level, bavaria.name, bavaria.code) == ("region", "Bavaria", "DE.02")
    assert str(bavaria) == "the region Bavaria, Germany"
    brazil = level_of(spread_over(share("BR.") > 0.999), -10.0, -52.0)
    assert brazil is not None and (brazil.level, brazil.name, brazil.code) == ("country", "Brazil", "BR")
    south = level_of(
        spread_over((share("BR.") > 0.999) | (share("AR.") > 0.999) | (share("PE.") > 0.999)), -10.0, -52.0, 0.9
    )
    assert south is not None and (south.level, south.name, south.code) == ("continent", "South America", "SA")
    assert level_of(CellDistribution(partition, np.full(len(partition), 1 / len(partition), np.float32)), 0, 0) is None


def test_no_region_is_named_where_the_gazetteer_knows_none(partition: Partition) -> None:
    gibraltar = level_of(around(partition, 36.14, -5.35, 60.0), 36.14, -5.35, 0.3)
    assert gibraltar is None or not gibraltar.code.endswith((".", ".00"))
    singapore = np.array([code in ("SG.", "SG.00") for code in partition.region_codes])
    cells = partition.mean_over_regions(singapore) > 0.6
    if cells.any():
        found = level_of(CellDistribution(partition, (cells / cells.sum()).astype(np.float32)), 20.0, 20.0, 0.6)
        assert found is not None and found.level == "country" and found.code == "SG"


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [
        (51.376, -0.098, "London"),  # Croydon
        (51.030, 6.984, "Leverkusen"),  # Cologne is larger, and 11 km away
        (32.720, -117.160, "San Diego"),  # Tijuana, in another country, is larger
        (47.593, 7.611, "Weil am Rhein"),  # Basel lies in Switzerland
    ],
)
def test_a_point_belongs_to_its_city(lat: float, lon: float, name: str) -> None:
    city = city_at(lat, lon)
    assert city is not None and city.name == name


def test_a_point_far_from_any_place_is_in_no_city_nor_street(partition: Partition) -> None:
    desert = (24.0, 5.0)
    assert city_at(*desert) is None
    found = level_of(around(partition, *desert, 0.2), *desert)
    assert found is not None and found.level in ("region", "country") and found.code[:2] == "DZ"


@pytest.mark.parametrize(
    ("stamp", "within", "exclude", "codes"),
    [
        ("48.5734N 7.7521E", "DE", None, set()),  # in Strasbourg: nothing of the spot lies in Germany
        ("47.5596N 7.5886E", None, "CH", {"DE", "FR"}),  # in Basel
        ("25.7617N 80.1918W", None, "US", set()),  # in Miami: no other country within 25 km
    ],
)
def test_no_city_is_named_in_a_country_that_is_ruled_out(
    stamp: str, within: str | None, exclude: str | None, codes: set[str]
) -> None:
    locator = Locator("density", ocr=FixedText([stamp]), scenes="none")
    answer = locator.locate(GREY, within=within, exclude=exclude)
    level = answer.level(0.5)
    near = level is not None and level.level in ("street", "city")
    assert near == bool(codes)
    assert not near or (level is not None and level.code in codes)
    assert level is None or level.level == "continent" or level.code[:2] in answer.countries


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.2, 80.0, float("nan")])
def test_a_confidence_lies_between_none_and_all(confidence: float) -> None:
    answer = Locator("density", ocr=FixedText([])).locate(GREY)
    with pytest.raises(RequestError, match="between 0 and 1"):
        answer.level(confidence)
    with pytest.raises(RequestError):
        answer.to_dict(confidence=confidence)


@pytest.fixture(scope="module")
def stamped() -> Answer:
    return Locator("density", ocr=FixedText(["48.20849N 16.37208E"])).locate(GREY)


def test_the_level_is_in_words_json_and_on_the_map(stamped: Answer) -> None:
    level = stamped.level()
    assert level is not None and LEVELS.index(level.level) <= LEVELS.index("city")
    assert level_words(stamped) in str(stamped) and ", Austria (within" in level_words(stamped)
    assert level_words(stamped, 0.3) in stamped.to_html(confidence=0.3)
    told = stamped.to_dict(confidence=0.3)
    jsonschema.validate(told, SCHEMA)
    assert (told["level"]["code"], told["level"]["confidence"]) == ("AT", 0.3)
    nowhere = Locator("density", ocr=FixedText([])).locate(GREY)
    jsonschema.validate(nowhere.to_dict(), SCHEMA)
    assert nowhere.to_dict()["level"] is None
    assert "sure of no place to 80 %, not even of a continent" in str(nowhere)
    assert "99.9999 %" in level_words(stamped, 0.999999) and "100 %" not in level_words(stamped, 0.999999)


def test_the_words_say_how_far_the_likeliest_continent_falls_short() -> None:
    answer = Locator("density", ocr=FixedText([])).locate(GREY)
    most = next(iter(continent_mass(answer.countries).values()))
    words = level_words(answer, most + 1e-9)
    told = float(words.rsplit("(", 1)[1].split()[-2])
    assert words.startswith("sure of no place") and 0.0 <= 100 * most - told < 0.1


def test_the_command_takes_a_confidence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    photo = tmp_path / "grey.png"
    Image.fromarray(GREY).save(photo)
    words = ["locate", str(photo), "--prior", "density", "--ocr", "none", "--scenes", "none"]
    assert main([*words, "--within", "ES", "--confidence", "0.95"]) == 0
    assert "at least 95 % sure of the country Spain" in capsys.readouterr().out
    assert main([*words, "--within", "ES", "--out", str(tmp_path / "r.csv")]) == 0
    assert "country,Spain," in (tmp_path / "r.csv").read_text()
    for wrong in ("0", "1", "80", "x"):
        with pytest.raises(SystemExit):
            main([*words, "--confidence", wrong])
        assert "between 0 and 1" in capsys.readouterr().err
