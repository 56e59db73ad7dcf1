"""Signs looked up in a map: what is found, what meets, and what it is worth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from data.geodesy import haversine_km
from data.osm_index import PlaceIndex
from detectors.base import Clue, Reading
from detectors.map_reader import MapReader
from tests.small_map import SmallMap

TOWN = (48.41, 15.60)
FAR = (48.80, 15.20)
ADLER = (48.4101, 15.6010)
CHEMIST = (48.4120, 15.6030)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PlaceIndex:
    small = SmallMap()
    small.node(
        *ADLER, name="Gasthof Burgmaier", tourism="hotel", phone="+43 2732 555123", website="https://www.burgmaier.at/x"
    )
    small.node(*CHEMIST, name="Apotheke", amenity="pharmacy", addr__street="Herrengasse", addr__housenumber="12")
    small.node(*FAR, name="Apotheke", amenity="pharmacy")
    small.node(48.5, 15.5, name="Apotheke", amenity="pharmacy")
    small.node(48.4300, 15.6500, name="Konditorei Wunderlichek", shop="pastry")
    small.node(48.4302, 15.6502, name="Schlüsseldienst Quirlbach", craft="key_cutter")
    small.way([(48.412, 15.602), (48.412, 15.604)], name="Herrengasse", highway="residential")
    small.way([(48.800, 15.200), (48.800, 15.202)], name="Herrengasse", highway="residential")
    small.node(48.8002, 15.2010, addr__street="Herrengasse", addr__housenumber="3", addr__city="Farndorf")
    small.node(48.3, 15.3, name="東京", shop="books")
    small.node(48.31, 15.31, name="Бурмистрово", shop="books")
    small.node(*TOWN, name="Krems", place="town")
    for k in range(80):
        small.node(48.0 + 0.01 * k, 15.0, name="Kettenmarkt", shop="supermarket")
    small.node(CHEMIST[0] + 0.0003, CHEMIST[1], name="Kettenmarkt", shop="supermarket")
    return small.index(tmp_path_factory.mktemp("map"))


def reading(k: int, text: str, *, top: float | None = None, confidence: float = 0.95, region: str = "") -> Reading:
    y = 200.0 * k if top is None else top
    box = ((10.0, y), (410.0, y), (410.0, y + 40.0), (10.0, y + 40.0))
    return Reading(f"r{k}", text, box, confidence, "Latn", region=region)


def found(index: PlaceIndex, *lines: str) -> list[Clue]:
    return MapReader([index]).clues([reading(k, line) for k, line in enumerate(lines)])


def best(clue: Clue) -> tuple[float, float]:
    point = max(clue.evidence.points, key=lambda p: p.log_lr)
    return point.lat, point.lon


def nats(clue: Clue) -> float:
    return max(point.log_lr for point in clue.evidence.points)


def near(at: Sequence[float], where: Sequence[float], km: float = 0.1) -> bool:
    return float(haversine_km(at[0], at[1], where[0], where[1])) < km


@pytest.mark.parametrize(
    "text",
    ["Gasthof Burgmaier", "GASTHOF BURGMAIER", "GasthofBurgmaier", "Gasthof Burgmaler", "Gasth0f Burgmaler",
     "Gasthof  Burgmair", "Burgmaier", "Willkommen Gasthof Burgmaier"],
)  # fmt: skip
def test_a_one_off_name_is_found_however_it_was_read(index: PlaceIndex, text: str) -> None:
    [clue] = found(index, text)
    assert clue.kind == "lookup" and near(best(clue), ADLER)
    assert nats(clue) > 8.0
    assert "the map of small shows 'Gasthof Burgmaier" in clue.meaning and "(hotel)" in clue.meaning


def test_slips_and_missing_words_make_it_less_sure(index: PlaceIndex) -> None:
    whole, slip, part, beside = (
        nats(found(index, text)[0])
        for text in ("Gasthof Burgmaier", "Gasthof Burgmait", "Burgmaier", "Welcome Gasthof Burgmaier")
    )
    assert whole > slip and whole > part and whole > beside


@pytest.mark.parametrize("text", ["Gasthof", "Hotel Sonne", "Burg", "Apot", "xq", "12", "", "Welcome to our shop"])
def test_what_the_map_does_not_have_says_nothing(index: PlaceIndex, text: str) -> None:
    assert found(index, text) == []


def test_a_common_word_says_little_and_points_at_all_that_bear_it(index: PlaceIndex) -> None:
    [clue] = found(index, "Apotheke")
    assert len(clue.evidence.points) == 3 and nats(clue) < 8.0
    assert "3 places are called so" in clue.meaning


def test_clues_that_meet_find_one_of_many(index: PlaceIndex) -> None:
    [clue] = found(index, "Apotheke", "Herrengasse 12")
    assert near(best(clue), CHEMIST)
    alone = nats(found(index, "Apotheke")[0])
    others = [p for p in clue.evidence.points if not near((p.lat, p.lon), CHEMIST, 0.3)]
    assert nats(clue) > max(p.log_lr for p in others) + 3.0 and nats(clue) > alone + 5.0
    assert set(clue.evidence.sources) == {"r0:0-8", "r1:0-14"}


def test_a_house_number_beside_its_street_finds_the_house(index: PlaceIndex) -> None:
    [clue] = found(index, "Herrengasse 3")
    assert near(best(clue), (48.8002, 15.2010)) and "Herrengasse 3, Farndorf" in clue.meaning
    [over] = MapReader([index]).clues([reading(0, "Herrengasse", top=0.0), reading(1, "3", top=50.0)])
    assert near(best(over), (48.8002, 15.2010))


def test_a_chain_is_found_only_beside_something_else(index: PlaceIndex) -> None:
    assert found(index, "Kettenmarkt") == []
    [clue] = found(index, "Kettenmarkt", "Herrengasse 12")
    assert near(best(clue), CHEMIST) and "Kettenmarkt" in clue.text


def test_neighbours_meet(index: PlaceIndex) -> None:
    [clue] = found(index, "Konditorei Wunderlichek", "Schlüsseldienst Quirlbach")
    assert nats(clue) > nats(found(index, "Konditorei Wunderlichek")[0])


def test_what_is_said_twice_counts_once(index: PlaceIndex) -> None:
    once, twice = found(index, "Gasthof Burgmaier"), found(index, "Gasthof Burgmaier", "GASTHOF BURGMAIER")
    assert len(twice) == 1 and nats(twice[0]) == pytest.approx(nats(once[0]), abs=1e-9)


def test_names_of_two_places_far_apart_are_two_clues(index: PlaceIndex) -> None:
    clues = found(index, "Gasthof Burgmaier", "Konditorei Wunderlichek")
    assert len(clues) == 2 and {clue.evidence.sources[0][:2] for clue in clues} == {"r0", "r1"}


def test_a_name_over_two_lines_is_one(index: PlaceIndex) -> None:
    [clue] = MapReader([index]).clues([reading(0, "Konditorei", top=0.0), reading(1, "Wunderlichek", top=55.0)])
    assert len(clue.evidence.sources) == 2 and near(best(clue), (48.43, 15.65))


@pytest.mark.parametrize("text", ["Tel. 02732/555123", "+43 2732 555-123", "Call (0043) 2732 555 123 now"])
def test_a_phone_number_finds_its_owner_and_is_masked(index: PlaceIndex, text: str) -> None:
    [clue] = found(index, text)
    assert near(best(clue), ADLER) and nats(clue) > 12.0
    assert "555" not in clue.text + clue.meaning + "".join(clue.points_to)


def test_another_phone_number_finds_nothing(index: PlaceIndex) -> None:
    assert found(index, "Tel. 02732/555124", "+1 2732 999 5123") == []


def test_a_web_site_finds_its_owner(index: PlaceIndex) -> None:
    [clue] = found(index, "www.burgmaier.at")
    assert near(best(clue), ADLER)


@pytest.mark.parametrize(
    ("text", "at"), [("東京", (48.3, 15.3)), ("БУРМИСТРОВО", (48.31, 15.31)), ("БУPMИCTPOBO", (48.31, 15.31))]
)
def test_every_script_is_looked_up(index: PlaceIndex, text: str, at: tuple[float, float]) -> None:
    clues = found(index, text)
    assert not clues or near(best(clues[0]), at)
    assert clues or len(text) < 3  # two characters say too little


def test_towns_are_left_to_the_gazetteer(index: PlaceIndex) -> None:
    assert found(index, "Krems") == []


def test_an_unsure_reading_says_less(index: PlaceIndex) -> None:
    [sure] = MapReader([index]).clues([reading(0, "Gasthof Burgmaier", confidence=0.99)])
    [unsure] = MapReader([index]).clues([reading(0, "Gasthof Burgmaier", confidence=0.3)])
    assert nats(sure) > nats(unsure)


def test_several_regions_are_one_search(index: PlaceIndex, tmp_path: Path) -> None:
    small = SmallMap()
    small.node(10.0, 10.0, name="Gasthof Burgmaier", tourism="hotel")
    other = small.index(tmp_path, "other")
    [clue] = MapReader([index, other]).clues([reading(0, "Gasthof Burgmaier")])
    assert {round(p.lat) for p in clue.evidence.points} == {48, 10}
    assert MapReader([]).clues([reading(0, "Gasthof Burgmaier")]) == []


def small_reader(folder: Path, small: SmallMap, name: str = "other") -> MapReader:
    return MapReader([small.index(folder, name)])


@pytest.mark.parametrize("text", ["808", "1010", "505", "1516"])
def test_a_number_is_no_name_whose_letters_look_so(tmp_path: Path, text: str) -> None:
    small = SmallMap()
    for k, name in enumerate(("Bob", "Lolo", "SOS", "1516")):
        small.node(48.0 + k, 15.0, name=name, amenity="bar")
    reader = small_reader(tmp_path, small)
    assert reader.clues([reading(0, text)]) == []
    assert len(reader.clues([reading(0, "L0LO")])) == 1


def test_a_page_at_a_platform_does_not_tell_whose(tmp_path: Path) -> None:
    small = SmallMap()
    small.node(48.0, 15.0, name="Gasthof Quirl", tourism="hotel", website="https://www.facebook.com/quirl")
    small.node(48.1, 15.0, name="Gasthof Zwirl", tourism="hotel", website="https://de-de.facebook.com/zwirl")
    reader = small_reader(tmp_path, small)
    assert reader.clues([reading(0, "www.facebook.com"), reading(1, "de-de.facebook.com")]) == []


def test_the_site_of_a_chain_says_no_more_than_its_name(tmp_path: Path) -> None:
    small = SmallMap()
    small.node(48.0, 15.0, name="McDonald's", amenity="fast_food", website="https://www.mcdonalds.com/at")
    small.node(49.0, 15.0, name="Gasthof Quirl", tourism="hotel", website="https://www.quirl.at")
    reader = small_reader(tmp_path, small)
    [name], [site] = reader.clues([reading(0, "McDonald's")]), reader.clues([reading(0, "www.mcdonalds.com")])
    assert nats(site) < nats(name) + 2.0
    [own] = reader.clues([reading(0, "Tel. 12 www.quirl.at")])
    assert nats(own) > nats(site) + 8.0
    assert own.text == "quirl.at" and own.evidence.sources == ("r0:12-20",)


def test_a_number_or_site_of_many_points_at_none_of_them(tmp_path: Path) -> None:
    small = SmallMap()
    for k in range(70):
        tags = {"phone": "+43 800 555999", "website": "filiale.at"}
        if k < 20:
            tags["phone"] += ";+43 800 555888"
        small.node(48.0 + 0.1 * k, 15.0, name=f"Filiale {k}", shop="yes", **tags)
    small.node(47.0, 15.0, name="Gasthof Quirl", tourism="hotel", phone="+43 800 555777")
    reader = small_reader(tmp_path, small)
    assert reader.clues([reading(0, "0800 555999"), reading(1, "www.filiale.at")]) == []
    [few], [one] = reader.clues([reading(0, "0800 555888")]), reader.clues([reading(0, "0800 555777")])
    assert len(few.evidence.points) == 20 and nats(few) < nats(one) - 2.0


def test_a_house_in_a_common_street_is_found_only_beside_something_else(tmp_path: Path) -> None:
    small = SmallMap()
    for k in range(100):
        lat = 40.0 + 0.1 * k
        small.way([(lat, 12.0), (lat, 12.001)], name="Hauptstraße", highway="residential")
        small.node(lat, 12.0005, addr__street="Hauptstraße", addr__housenumber="5")
    small.node(49.0002, 12.0005, name="Gasthof Quirl", tourism="hotel")
    reader = small_reader(tmp_path, small)
    assert reader.clues([reading(0, "Hauptstraße 5")]) == []
    [clue] = reader.clues([reading(0, "Hauptstraße 5"), reading(1, "Gasthof Quirl")])
    assert near(best(clue), (49.0, 12.0005)) and "Hauptstraße 5" in clue.meaning


def test_a_chain_is_found_beside_any_of_many_streets_of_a_name(tmp_path: Path) -> None:
    small = SmallMap()
    for k in range(60):
        small.way([(40.0 + 0.1 * k, 12.0), (40.0 + 0.1 * k, 12.001)], name="Quirlgasse", highway="residential")
    for k in range(80):
        small.node(40.0 + 0.1 * k, 20.0, name="Kettenmarkt", shop="supermarket")
    small.node(45.9003, 12.0005, name="Kettenmarkt", shop="supermarket")
    [clue] = small_reader(tmp_path, small).clues([reading(0, "Kettenmarkt"), reading(1, "Quirlgasse")])
    assert near(best(clue), (45.9003, 12.0005)) and "Kettenmarkt" in clue.text


def test_of_a_second_house_in_the_street_only_the_number_counts(tmp_path: Path) -> None:
    small = SmallMap()
    small.way([(48.7, 15.7), (48.7006, 15.7)], name="Herrengasse", highway="residential")
    for k, number in enumerate(("12", "14", "16")):
        small.node(48.7 + 0.0003 * k, 15.7, addr__street="Herrengasse", addr__housenumber=number)
    reader = small_reader(tmp_path, small)
    [one] = reader.clues([reading(0, "Herrengasse 12")])
    [three] = reader.clues([reading(k, f"Herrengasse {number}") for k, number in enumerate((12, 14, 16))])
    assert nats(one) + 1.0 < nats(three) < nats(one) + 8.0


def test_where_more_lines_meet_stays_likelier_though_evidence_has_an_end(tmp_path: Path) -> None:
    small = SmallMap()
    names = ("Gasthof Burgmaier", "Konditorei Wunderlichek", "Schlüsseldienst Quirlbach", "Optik Zwirnhuber")
    for lat, borne in ((48.0, names), (49.0, names[:3])):
        for k, name in enumerate(borne):
            small.node(lat + 0.0001 * k, 15.0, name=name, shop="yes")
    [clue] = small_reader(tmp_path, small).clues([reading(k, name) for k, name in enumerate(names)])
    there = [max(p.log_lr for p in clue.evidence.points if round(p.lat) == lat) for lat in (48, 49)]
    assert there[0] > there[1] + 8.0 and there[0] <= 32.0


def test_a_neighbour_that_says_less_is_no_second_place(tmp_path: Path) -> None:
    small = SmallMap()
    small.node(48.0, 15.0, name="Quirl Zwirnhuber", amenity="pharmacy")
    small.node(48.0012, 15.0, name="Zwirnhuber", shop="yes")
    [clue] = small_reader(tmp_path, small).clues([reading(0, "Quirl Zwirnhuber")])
    assert near(best(clue), (48.0, 15.0), 0.01)
    assert all(p.log_lr < nats(clue) - 1.0 for p in clue.evidence.points if p.lat > 48.0005)


def test_a_name_that_is_a_number_is_legible_in_the_sentence(tmp_path: Path) -> None:
    small = SmallMap()
    small.node(48.0, 15.0, name="1745 Quirlbach", amenity="cafe")
    small.node(48.0002, 15.0, name="1812 Zwirnhuber", amenity="bar")
    [clue] = small_reader(tmp_path, small).clues([reading(0, "1745 Quirlbach"), reading(1, "1812 Zwirnhuber")])
    assert "'1745 Quirlbach'" in clue.meaning and "'1812 Zwirnhuber'" in clue.meaning
    assert "•" not in clue.meaning


def test_what_stands_on_a_plate_is_not_looked_up(index: PlaceIndex) -> None:
    assert MapReader([index]).clues([reading(0, "Gasthof Burgmaier", region="plate")]) == []


def test_the_order_of_maps_and_lines_does_not_matter(index: PlaceIndex, tmp_path: Path) -> None:
    small = SmallMap()
    small.node(10.0, 10.0, name="Gasthof Burgmaier", tourism="hotel")
    small.node(10.5, 10.0, name="Apotheke", amenity="pharmacy")
    other = small.index(tmp_path, "other")
    lines = [reading(k, text) for k, text in enumerate(("Apotheke", "Gasthof Burgmaier", "Herrengasse 12"))]
    assert MapReader([index, other]).clues(lines) == MapReader([other, index]).clues(lines)
    points = [{(p.lat, p.log_lr) for c in MapReader([index, other]).clues(o) for p in c.evidence.points}
              for o in (lines, lines[::-1])]  # fmt: skip
    assert points[0] == points[1]


def test_odd_text_is_no_trouble(index: PlaceIndex) -> None:
    odd = ["", "a", "1", "\u0301" * 40, "\u202e\u200f", "٠٢٧٣٢٥٥٥١٢٤", "x" * 300, "🙂" * 9, "ab " * 200, "½ ﷺ İI ẞ"]
    assert MapReader([index]).clues([reading(k, text) for k, text in enumerate(odd)]) == []
    [clue] = found(index, "\u200f\u202e Burgmaier \u0301")
    assert clue.text.startswith("Burgmaier")


def test_a_page_of_text_takes_no_time(index: PlaceIndex) -> None:
    MapReader([index]).clues([reading(0, "Gasthof")])  # what is loaded once
    lines = [reading(k, f"Apotheke Herrengasse {k} Gasthof und Konditorei zum goldenen Adler") for k in range(400)]
    heap = [reading(k, f"Gasthof Konditorei {k}x", top=40.0 * (k % 2)) for k in range(200)]
    start = time.process_time()
    assert len(MapReader([index]).clues(lines)) <= 8
    assert len(MapReader([index]).clues(heap)) <= 8
    assert time.process_time() - start < 2.5


def test_a_word_of_a_name_that_tells_little_counts_beside_an_address(tmp_path: Path) -> None:
    small = SmallMap()
    small.node(*CHEMIST, name="TopPharm Apotheke", amenity="pharmacy")
    for at in (CHEMIST, FAR):
        small.node(at[0] + 0.0003, at[1], addr__street="Herrengasse", addr__housenumber="12")
    index = small.index(tmp_path)
    assert found(index, "Apotheke") == []
    here = [p.log_lr for p in found(index, "Herrengasse 12")[0].evidence.points]
    assert len(here) == 2
    [clue] = found(index, "Apotheke", "Herrengasse 12")
    assert near(best(clue), CHEMIST) and "TopPharm Apotheke" in clue.meaning
    assert nats(clue) > max(here) + 1.0
