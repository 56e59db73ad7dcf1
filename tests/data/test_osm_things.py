"""What is read from an extract of OpenStreetMap, and what is left out."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest

from data.errors import DatasetError
from data.osm_things import Thing, things_in
from tests.data.osm_extract import Extract


def read(extract: Extract, folder: Path) -> dict[str, Thing]:
    return {
        thing.name or f"{thing.street} {thing.number}": thing for thing in things_in(extract.write(folder / "m.osm"))
    }


def test_a_shop_has_all_its_names_once_the_local_one_first(tmp_path: Path) -> None:
    extract = Extract()
    extract.node(
        47.0, 9.5, name="Café Löwe;Löwen", name_en="Lion", name_ja="ライオン", name_ar="مقهى الأسد", name_be="Леў",
        brand="Lion", shop="bakery", phone="+423 111 22 33; +423 111 22 34", contact_phone="00423 5556677",
        website="https://loewe.li", url="loewe.example, https://b.example", addr_street="Gasse", addr_housenumber="1 a",
        addr_city="Vaduz",
    )  # fmt: skip
    [thing] = read(extract, tmp_path).values()
    assert thing.names == ("Café Löwe", "Löwen", "مقهى الأسد", "Леў", "Lion", "ライオン")
    assert (thing.kind, thing.what, thing.name, thing.osm) == ("poi", "shop=bakery", "Café Löwe", "n1")
    assert (thing.street, thing.number, thing.city) == ("Gasse", "1 a", "Vaduz")
    assert thing.phones == ("+423 111 22 33", "+423 111 22 34", "00423 5556677")
    assert thing.sites == ("https://loewe.li", "loewe.example", "https://b.example")


@pytest.mark.parametrize(
    ("tags", "what"),
    [
        ({"shop": "bakery"}, "shop=bakery"),
        ({"amenity": "cafe"}, "amenity=cafe"),
        ({"railway": "station"}, "railway=station"),
        ({"railway": "rail"}, ""),
        ({"railway": "proposed"}, ""),
        ({"highway": "bus_stop"}, "highway=bus_stop"),
        ({"place": "village"}, "place=village"),
        ({"place": "country"}, ""),
        ({"amenity": "bench"}, ""),
        ({"amenity": "bench", "historic": "memorial"}, "historic=memorial"),
        ({"shop": "no"}, ""),
        ({"shop": "vacant"}, ""),
        ({"tourism": "proposed"}, ""),
        ({"natural": "peak"}, ""),
        ({}, ""),
    ],
)
def test_what_a_sign_names_is_taken_and_nothing_else(tmp_path: Path, tags: dict[str, str], what: str) -> None:
    extract = Extract()
    extract.node(47.0, 9.5, name="Adler", **tags)
    assert [thing.what for thing in read(extract, tmp_path).values()] == ([what] if what else [])


@pytest.mark.parametrize(
    ("highway", "kind"),
    [("residential", "street"), ("footway", "street"), ("bus_stop", "poi"), ("platform", "poi"), ("services", "poi"),
     ("proposed", None), ("construction", None)],
)  # fmt: skip
def test_of_ways_with_a_name_streets_are_streets_and_those_that_are_not_there_are_none(
    tmp_path: Path, highway: str, kind: str | None
) -> None:
    extract = Extract()
    extract.way([(47.0, 9.5), (47.001, 9.5)], name="Herrengasse", highway=highway)
    assert [thing.kind for thing in read(extract, tmp_path).values()] == ([] if kind is None else [kind])


def test_a_way_stands_at_the_mean_of_its_nodes_and_a_closed_one_counts_its_first_once(tmp_path: Path) -> None:
    extract = Extract()
    extract.way([(47.0, 9.5), (47.002, 9.5)], name="Weg", highway="path")
    square = [(47.0, 9.5), (47.0, 9.504), (47.002, 9.504), (47.002, 9.5), (47.0, 9.5)]
    extract.way(square, name="Markt", amenity="marketplace")
    found = read(extract, tmp_path)
    assert (found["Weg"].lat, found["Weg"].lon) == pytest.approx((47.001, 9.5))
    assert found["Weg"].reach_km == pytest.approx(0.111, abs=0.001)
    assert (found["Markt"].lat, found["Markt"].lon) == pytest.approx((47.001, 9.502))
    half = math.hypot(0.001, 0.002 * math.cos(math.radians(47.001))) * 111.195
    assert found["Markt"].reach_km == pytest.approx(half, rel=1e-6)


def test_across_the_date_line_the_middle_is_beside_it(tmp_path: Path) -> None:
    extract = Extract()
    extract.way([(-16.8, 179.998), (-16.8, -179.996)], name="Meridian Street", highway="residential")
    [street] = read(extract, tmp_path).values()
    assert street.lon == pytest.approx(-179.999) and street.reach_km < 0.4


def test_a_multipolygon_is_one_thing_where_its_outer_ring_is_and_one_without_its_ways_is_none(tmp_path: Path) -> None:
    extract = Extract()
    corners = [(47.0, 9.5), (47.0, 9.51), (47.01, 9.51), (47.01, 9.5)]
    a, b, c, d = (extract.node(*corner) for corner in corners)
    ways = [extract.way_of([a, b, c]), extract.way_of([c, d, a])]
    number = extract.relation(ways, type="multipolygon", name="Spital", amenity="hospital")
    house = extract.relation(ways, type="multipolygon", building="yes", addr_street="Ring", addr_housenumber="3")
    extract.relation([10**8], type="multipolygon", name="Clipped", amenity="hospital")
    extract.relation(ways, type="route", name="Bus 1", amenity="none")
    found = read(extract, tmp_path)
    assert set(found) == {"Spital", "Ring 3"}
    assert (found["Spital"].lat, found["Spital"].lon) == pytest.approx((47.005, 9.505))
    assert (found["Spital"].osm, found["Ring 3"].osm) == (f"r{number}", f"r{house}")


def test_a_named_closed_way_is_read_once_though_it_is_an_area_too(tmp_path: Path) -> None:
    extract = Extract()
    extract.way([(47.0, 9.5), (47.0, 9.501), (47.001, 9.501), (47.0, 9.5)], name="Haus", building="yes")
    things = list(things_in(extract.write(tmp_path / "m.osm")))
    assert [thing.name for thing in things] == ["Haus"]


def test_a_house_needs_street_and_number_and_a_place_stands_for_a_street(tmp_path: Path) -> None:
    extract = Extract()
    extract.node(47.0, 9.5, addr_street="Ring", addr_housenumber="5")
    extract.node(47.0, 9.5, addr_place="Weiler", addr_housenumber="7")
    extract.node(47.0, 9.5, addr_housenumber="9")
    extract.node(47.0, 9.5, name="Wohnung", addr_street="Ring", addr_housenumber="6")
    found = read(extract, tmp_path)
    assert set(found) == {"Ring 5", "Weiler 7", "Ring 6"}
    assert {thing.kind for thing in found.values()} == {"house"} and {t.names for t in found.values()} == {()}


def test_names_without_content_without_end_or_with_what_nobody_sees_are_cleaned(tmp_path: Path) -> None:
    extract = Extract()
    extract.node(47.0, 9.5, name=" ; ", shop="empty")
    extract.node(47.0, 9.5, name="x" * 1000, shop="long")
    extract.node(47.0, 9.5, name="\u200fبيت\u200e\n\t Haus\u00ad\u200bmann \u202egpj", shop="marks")
    extract.node(47.0, 9.5, name="🍕 Pizza 🇮🇹", shop="emoji")
    extract.node(47.0, 9.5, name=";".join(f"N{k}" for k in range(200)), shop="many")
    found = {thing.what: thing for thing in things_in(extract.write(tmp_path / "m.osm"))}
    assert set(found) == {"shop=long", "shop=marks", "shop=emoji", "shop=many"}
    assert found["shop=long"].name == "x" * 120
    assert found["shop=marks"].name == "بيت Hausmann gpj"
    assert found["shop=emoji"].name == "🍕 Pizza 🇮🇹"
    assert len(found["shop=many"].names) == 60


def test_control_characters_that_only_a_pbf_can_hold_are_no_part_of_a_name(tmp_path: Path) -> None:
    osmium = pytest.importorskip("osmium")
    path = tmp_path / "m.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        tags = {"name": "Be\x1b[2Jck\x07", "shop": "bakery"}
        writer.add_node(osmium.osm.mutable.Node(id=1, location=(9.5, 47.0), tags=tags))
    assert [thing.name for thing in things_in(path)] == ["Be [2Jck"]


def test_ways_that_lack_nodes_stand_where_the_others_are_and_those_without_any_nowhere(tmp_path: Path) -> None:
    extract = Extract()
    extract.way([(47.0, 9.5)], missing=3, name="Cut", highway="residential")
    extract.way([], missing=2, name="Gone", highway="residential")
    found = read(extract, tmp_path)
    assert set(found) == {"Cut"} and found["Cut"].lat == pytest.approx(47.0)


def test_an_extract_with_its_ways_before_their_nodes_is_refused_rather_than_read_without_streets(
    tmp_path: Path,
) -> None:
    extract = Extract()
    for k in range(30):
        extract.way([(47.0, 9.5), (47.001, 9.5)], name=f"Street {k}", highway="residential")
    assert len(list(things_in(extract.write(tmp_path / "m.osm")))) == 30
    with pytest.raises(DatasetError, match=r"30 named ways before their nodes.*osmium sort"):
        list(things_in(extract.write(tmp_path / "m.osm", ways_first=True)))


@pytest.mark.parametrize("name", ["m.osm.gz", "m.osm.bz2", "m.osm.pbf", "m.osm.opl", "m.o5m"])
def test_what_is_no_such_file_is_said_to_be_none(tmp_path: Path, name: str) -> None:
    for content in (b"", b"PK\x03\x04 something else" * 100):
        (tmp_path / name).write_bytes(content)
        try:
            things = list(things_in(tmp_path / name))
        except DatasetError as error:
            assert "OpenStreetMap extract" in str(error) and name in str(error)
        else:
            assert not things  # osmium takes an empty file of some formats for one without objects


@pytest.mark.parametrize("form", ["osm.gz", "osm.pbf"])
def test_a_truncated_extract_is_refused(tmp_path: Path, form: str) -> None:
    osmium = pytest.importorskip("osmium")
    extract = Extract()
    for k in range(2000):
        extract.node(47.0 + k * 1e-5, 9.5, name=f"Shop {k * 7919 % 2003}", shop="yes")
    plain = extract.write(tmp_path / "m.osm")
    path = tmp_path / f"m.{form}"
    if form == "osm.gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        with osmium.SimpleWriter(str(path)) as writer:
            for entity in osmium.FileProcessor(str(plain)):
                writer.add(entity)
    assert len(list(things_in(path))) == 2000
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DatasetError, match="cannot be read as an OpenStreetMap extract"):
        list(things_in(path))


def test_a_folder_or_nothing_at_all_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.osm"):
        with pytest.raises(DatasetError, match="cannot be read"):
            list(things_in(path))


def test_a_file_that_is_called_as_osmium_calls_its_input_is_read_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    extract = Extract()
    extract.node(47.0, 9.5, name="Adler", shop="yes")
    (tmp_path / "http:").mkdir()
    extract.write(tmp_path / "http:" / "map.osm")
    assert [thing.name for thing in things_in(Path("http:/map.osm"))] == ["Adler"]


def test_a_name_that_is_longer_than_openstreetmap_allows_is_an_error_that_says_so(tmp_path: Path) -> None:
    extract = Extract()
    extract.node(47.0, 9.5, name="x" * 10_000, shop="yes")
    with pytest.raises(DatasetError, match="too long"):
        list(things_in(extract.write(tmp_path / "m.osm")))


def test_a_tag_that_is_no_utf8_spoils_no_other(tmp_path: Path) -> None:
    osmium = pytest.importorskip("osmium")
    path = tmp_path / "m.osm.pbf"
    with osmium.SimpleWriter(osmium.io.File(str(path), "pbf,pbf_compression=none")) as writer:
        for k, name in enumerate(("Adler", "Brokenname", "Linde")):
            tags = {"name": name, "shop": "bakery"}
            writer.add_node(osmium.osm.mutable.Node(id=k + 1, location=(9.5, 47.0), tags=tags))
    plain = path.read_bytes()
    assert plain.count(b"Brokenname") == 1
    path.write_bytes(plain.replace(b"Brokenname", b"Bro\xff\xfe\xfename"))
    assert [thing.name for thing in things_in(path)] == ["Adler", "Linde"]
