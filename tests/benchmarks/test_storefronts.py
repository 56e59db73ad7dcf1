"""Pictures of the signs of real places: what is taken from a map, how it is drawn, and that it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.storefront_pictures import Sign, picture_of
from benchmarks.storefront_readings import ReadStorefront, lines_read, read_storefronts
from benchmarks.storefronts import Storefront, storefronts
from data.opencv import opencv
from detectors.base import Reading
from detectors.paste_regions import paste
from detectors.render_fonts import FONT_FOLDER
from fusion.locator import Locator
from tests.fonts import needs_fonts

pytest.importorskip("osmium", reason="maps are read with osmium")
pytest.importorskip("fontTools", reason="drawing signs needs the extra build")
pytestmark = needs_fonts

LAT, LON = 48.41, 15.60
STEP = 0.0001  # of latitude: 11 m


def node(number: int, north: float, tags: dict[str, str]) -> str:
    """A node so many steps north of the middle."""
    inner = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
    return f'<node id="{number}" lat="{LAT + north * STEP:.7f}" lon="{LON}" version="1">{inner}</node>'


def way(number: int, nodes: Sequence[int], tags: dict[str, str]) -> str:
    """A way along ``nodes``."""
    refs = "".join(f'<nd ref="{n}"/>' for n in nodes)
    inner = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
    return f'<way id="{number}" version="1">{refs}{inner}</way>'


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bakery with a house beside it, a pharmacy 55 m off, a museum 111 m from that, a school, two streets."""
    things = [
        node(1, 0, {"name": "Bäckerei  Weber", "shop": "bakery", "phone": "+43 2732 55501"}),
        node(2, 2, {"addr:street": "Marktgasse", "addr:housenumber": "7"}),
        node(7, 2.5, {"addr:street": "Marktgasse", "addr:housenumber": "7"}),
        node(3, 5, {"name": "Mohren-Apotheke", "amenity": "pharmacy"}),
        node(4, 15, {"name": "Museum", "tourism": "museum"}),
        node(5, 901, {"name": "Nameless kind", "barrier": "gate"}),
        node(6, 902, {"amenity": "bench"}),
        *(node(10 + k, 2000 + north, {}) for k, north in enumerate((0, 2, 4, 2))),
        *(node(20 + k, 3000 + north, {}) for k, north in enumerate((0, 30, 40))),
        way(1, (10, 11, 12, 13, 10), {"name": "Volksschule", "amenity": "school"}),
        way(2, (20, 21, 22), {"name": "Lange Gasse", "highway": "residential"}),
        way(3, (21, 22), {"name": "Lange Gasse", "highway": "residential"}),
        way(4, (10, 11), {"name": "Fallen Shop", "shop": "open line"}),
        way(5, (20, 999), {"name": "Half Street", "highway": "residential"}),
    ]
    path = tmp_path_factory.mktemp("map") / "town.osm"
    path.write_text(f'<osm version="0.6" generator="test">{"".join(things)}</osm>', encoding="utf-8")
    return path


def all_of(town: Path, seed: int = 1, count: int = 50) -> list[Storefront]:
    return list(storefronts(town, count, seed))


def own_texts(town: Path, name: str) -> set[str]:
    """What stands on the own signs of one place, over many seeds."""
    shots = [shot for seed in range(40) for shot in all_of(town, seed) if name in " ".join(shot.lines)]
    return {line for shot in shots for line in shot.lines}


class TestWhatIsTaken:
    def test_named_things_houses_and_streets_are_taken_where_they_are(self, town: Path) -> None:
        found = {(shot.kind, shot.what): shot for shot in all_of(town)}
        expected = {
            ("poi", "shop=bakery"): 0,
            ("poi", "amenity=pharmacy"): 5,
            ("poi", "tourism=museum"): 15,
            ("poi", "amenity=school"): 2001.6,  # the mean of its way's nodes, the first of which closes it
            ("address", "addr"): 2,
            ("street", "highway=residential"): None,
        }
        assert set(found) == set(expected), "no bench, no gate, no open way, one sample a street, no half of one"
        for key, north in expected.items():
            if north is not None:
                assert found[key].lat == pytest.approx(LAT + north * STEP, abs=1e-6)
                assert found[key].lon == pytest.approx(LON, abs=1e-6)

    def test_a_street_is_taken_once_at_the_middle_of_one_of_its_pieces(self, town: Path) -> None:
        streets = [[shot for shot in all_of(town, seed) if shot.kind == "street"] for seed in range(8)]
        assert all(len(some) == 1 for some in streets)
        middles = {round((some[0].lat - LAT) / STEP, 2) for some in streets}
        assert middles == {3020.0, 3035.0}, "by length, not by nodes: 20 of 40 steps, or 5 of the last 10"

    def test_half_are_houses_as_far_as_there_are(self, town: Path) -> None:
        kinds = [shot.kind for shot in all_of(town, count=4)]
        assert sorted(kinds) == ["address", "poi", "poi", "poi"], "one house; named things fill up before streets do"
        assert len(all_of(town, count=2)) == 2

    def test_the_same_seed_takes_the_same_and_another_does_not(self, town: Path) -> None:
        assert all_of(town, 3) == all_of(town, 3)
        assert all_of(town, 3) != all_of(town, 4)

    def test_a_shop_tells_its_name_and_sometimes_its_type_its_house_and_its_phone(self, town: Path) -> None:
        assert own_texts(town, "Weber") == {"Bäckerei Weber", "Marktgasse 7", "+43 2732 55501"}
        assert own_texts(town, "Mohren") == {"Mohren-Apotheke"}, "the house is 33 m away; the name has the word"
        assert own_texts(town, "Volksschule") == {"Volksschule"}

    def test_an_address_is_its_street_and_its_number(self, town: Path) -> None:
        shots = [shot for seed in range(20) for shot in all_of(town, seed) if shot.kind == "address"]
        assert {shot.lines for shot in shots} == {("Marktgasse", "7")}
        assert {len([s for s in shot.signs if s.whose == "own"]) for shot in shots} == {1, 2}, "on one plate or on two"

    def test_a_neighbour_is_within_100_m_and_brands_are_of_the_world(self, town: Path) -> None:
        shots = [shot for seed in range(40) for shot in all_of(town, seed)]
        beside = {(shot.what, sign.lines[0]) for shot in shots for sign in shot.signs if sign.whose == "neighbour"}
        assert beside == {
            ("shop=bakery", "Mohren-Apotheke"),
            ("amenity=pharmacy", "Bäckerei Weber"),
            ("addr", "Bäckerei Weber"),
            ("addr", "Mohren-Apotheke"),
        }
        branded = np.mean([any(sign.whose == "brand" for sign in shot.signs) for shot in shots])
        assert 0.3 < branded < 0.5


class TestPictures:
    def test_a_picture_has_the_size_of_a_phones_and_is_the_same_each_time(self, town: Path) -> None:
        [first, *_] = all_of(town)
        [again, *_] = all_of(town)
        assert first.pixels.shape == (960, 1280, 3) and first.pixels.dtype == np.uint8
        assert np.array_equal(first.pixels, again.pixels)
        assert not np.array_equal(first.pixels, replace(first, seed=2).pixels)

    def test_every_sign_is_drawn_inside_the_picture_and_apart_from_the_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        placed: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []

        def pasting(photo: Any, thing: Any, corners: Any, *rest: Any) -> Any:
            placed.append(corners)
            return paste(photo, thing, corners, *rest)

        monkeypatch.setattr("benchmarks.storefront_pictures.paste", pasting)
        walls = [Sign("own", "street", ("Marktgasse",)), Sign("own", "number", ("7",)), Sign("own", "number", ("9",)),
                 Sign("own", "street", ("Ringstraße",)), Sign("own", "number", ("11",))]  # fmt: skip
        shops = [Sign("own", "board", ("Gasthof Adler",)), Sign("neighbour", "board", ("Spar",)),
                 Sign("brand", "small", ("VISA",)), Sign("brand", "small", ("DHL",))]  # fmt: skip
        for seed in range(3):
            for signs in (walls, shops):
                placed.clear()
                picture_of(signs, np.random.default_rng(seed), shop=signs is shops, fonts=FONT_FOLDER)
                assert len(placed) >= 3
                for k, corners in enumerate(placed):
                    assert (corners > 0).all() and (corners < [1280, 960]).all()
                    for other in placed[:k]:
                        assert opencv().intersectConvexConvex(corners, other)[0] == 0.0

    def test_letters_that_no_font_has_are_left_out(self) -> None:
        for lines in (
            ("\ue000",),
            ("\u1820\u182f",),
            ("Spar", "\ue000"),
        ):  # no letter; a script that nobody draws; in part
            assert np.array_equal(drawn([Sign("own", "number", lines)]), drawn([]))


def drawn(signs: Sequence[Sign]) -> Any:
    """A front with a shop."""
    return picture_of(signs, np.random.default_rng(1), shop=True, fonts=FONT_FOLDER)


class TestReading:
    def test_what_is_drawn_is_read_once_and_kept(self, town: Path, tmp_path: Path) -> None:
        shots = [shot for shot in all_of(town) if shot.what == "amenity=pharmacy"]
        kept = tmp_path / "town.jsonl"
        locator = Locator("density", scenes="none", offline=True, ranker="pool", workers=8)
        [read] = read_storefronts(shots, kept, locator)
        assert "Mohren-Apotheke" in [reading.text for reading in read.readings]
        assert (read.kind, read.lat, read.lon, read.signs) == ("poi", shots[0].lat, shots[0].lon, shots[0].signs)
        length = kept.stat().st_size
        locator.looker = None  # type: ignore[assignment]  # whatever is read again fails
        assert list(read_storefronts(shots, kept, locator)) == [read]
        assert kept.stat().st_size == length
        other = replace(shots[0], signs=(Sign("own", "board", ("Adler",)),))
        with pytest.raises(AttributeError):
            list(read_storefronts([other], kept, locator))

    def test_lines_are_counted_as_read_exactly_within_one_edit_or_not(self) -> None:
        box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
        readings = tuple(
            Reading(f"r{k}", text, box, 0.9) for k, text in enumerate(("ADLER  Apotheke", "Ringstr. 6", "Kramsa"))
        )
        signs = (Sign("own", "board", ("Adler Apotheke", "Ringstr. 5", "Krems")), Sign("brand", "small", ("VISA",)))
        shot = ReadStorefront(0, "poi", "shop=x", LAT, LON, signs, readings, (), (0.0, 0.0))
        assert lines_read([shot, shot]) == (6, 2, 4)
