"""The index of a map: what is asked of it, how it is built, and what damages it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data import osm_build
from data.errors import DatasetError
from data.osm_build import build_index
from data.osm_index import MapThing, PlaceIndex
from data.skeleton import skeleton
from tests.conftest import REPOSITORY
from tests.data.osm_extract import Extract

LAT, LON = 47.14, 9.52


def town() -> Extract:
    """One of everything."""
    extract = Extract()
    extract.node(
        LAT, LON, name="Café Burgmaier", name_ru="Кафе Бургмайер", shop="bakery", brand="Burgi", phone="+423 232 14 00",
        website="https://www.burgmaier.li/de", addr_street="Herrengasse", addr_housenumber="12 a", addr_city="Vaduz",
    )  # fmt: skip
    extract.node(LAT + 0.05, LON, name="Hotel Adler", tourism="hotel", phone="+43 (0)5522 / 123 456-7")
    extract.node(LAT + 0.1, LON, name="Gasthof Adler", amenity="restaurant", website="facebook.com/adler")
    extract.node(LAT + 0.1, LON + 0.1, name="東京食堂", name_en="Tokyo Diner", amenity="restaurant")
    extract.node(LAT, LON + 0.2, name="Bar Napoli", amenity="bar", website="http://xn--e1afmkfd.xn--p1ai")
    extract.node(LAT, LON + 0.2, addr_street="Herrengasse", addr_housenumber="14;16")
    extract.node(LAT, LON + 0.3, addr_street="Nur Häuser", addr_housenumber="1-5")
    for k in range(3):  # one street in three pieces, and another of its name far off
        start = LON + 0.003 * k
        extract.way([(LAT, start), (LAT, start + 0.003)], name="Herrengasse", highway="residential")
    extract.way([(LAT + 0.3, LON), (LAT + 0.3, LON + 0.001)], name="Herrengasse", highway="residential")
    for k in range(300):
        extract.node(LAT - 0.01 * k, LON, name="Spar", shop="supermarket")
    extract.node(-16.8, 179.9999, name="Dateline Shop", shop="yes")
    return extract


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    build_index(town().write(folder / "town.osm"), folder / "town.sqlite", name="town")
    return folder / "town.sqlite"


@pytest.fixture
def index(built: Path) -> Iterator[PlaceIndex]:
    with PlaceIndex.open(built) as opened:
        yield opened


def labels(things: list[MapThing]) -> list[str]:
    return [thing.label for thing in things]


def bearers(index: PlaceIndex, name: str, limit: int = 64) -> list[MapThing]:
    key = skeleton(name)
    found = index.exact([key])
    return index.things(found[key].id, limit) if found else []


@pytest.mark.parametrize(
    "read",
    [
        "Café Burgmaier",
        "CAFE BURGMAIER",
        "CAFEBURGMAIER",
        "Cafe Burgmaier",
        "Burgi",
        "Кафе Бургмайер",
        "KAФE БУPГMAЙEP",
    ],
)
def test_a_thing_is_found_by_each_of_its_names_however_it_is_set(index: PlaceIndex, read: str) -> None:
    [thing] = bearers(index, read)
    assert (thing.label, thing.what, thing.osm) == ("Café Burgmaier", "shop=bakery", "n1")
    assert (thing.lat, thing.lon) == pytest.approx((LAT, LON), abs=1e-6)
    assert (thing.street, thing.number, thing.city) == ("Herrengasse", "12 a", "Vaduz")


def test_names_without_spaces_between_words_and_of_other_scripts_are_found(index: PlaceIndex) -> None:
    assert labels(bearers(index, "東京食堂")) == labels(bearers(index, "TOKYO DINER")) == ["東京食堂"]
    assert labels(bearers(index, "BARNAPOLI")) == labels(bearers(index, "Bar Napoli")) == ["Bar Napoli"]
    assert bearers(index, "Nobody's") == [] and index.exact([]) == {}


def test_more_keys_than_a_query_may_have_are_looked_up(index: PlaceIndex) -> None:
    keys = [f"nothing{k}" for k in range(2500)]
    assert set(index.exact([*keys, skeleton("Hotel Adler")])) == {skeleton("Hotel Adler")}


@pytest.mark.parametrize("read", ["BURGMAIEP", "BUPGMAIEP", "8URGMA1ER", "CAFEBURGMAIEN", "Cafe Burqmaier", "Burgmaer"])
def test_a_name_with_a_slip_or_two_resembles_it(index: PlaceIndex, read: str) -> None:
    found = index.alike([skeleton(word) for word in read.split()])
    assert found[0].text == "Café Burgmaier"


def test_what_resembles_nothing_finds_nothing(index: PlaceIndex) -> None:
    for keys in ([], [""], ["ab"], ["zzzyx"], ['"; DROP TABLE name; --'], ["a\x00b\x00c"], ["*" * 50], ["x" * 100_000]):
        assert index.alike(keys) == []


def test_a_chain_bears_one_name_and_the_one_beside_a_point_is_found(index: PlaceIndex) -> None:
    [name] = index.exact([skeleton("SPAR")]).values()
    assert name.things == 300 and len(index.things(name.id)) == 64 and len(index.things(name.id, 1000)) == 300
    near = index.things_near(name.id, LAT - 1.0, LON)
    assert 1 <= len(near) <= 3 and all(abs(thing.lat - (LAT - 1.0)) < 0.0201 for thing in near)
    assert index.things_near(name.id, LAT + 5.0, LON) == []


@pytest.mark.parametrize("lon", [179.9999, -179.9999, 180.0, -180.0])
def test_near_is_near_across_the_date_line_too(index: PlaceIndex, lon: float) -> None:
    [name] = index.exact([skeleton("Dateline Shop")]).values()
    assert labels(index.things_near(name.id, -16.8, lon)) == ["Dateline Shop"]
    assert index.things_near(name.id, 90.0, lon) == index.things_near(name.id, -90.0, lon) == []


def test_pieces_of_a_street_are_one_and_a_street_of_its_name_far_off_is_another(index: PlaceIndex) -> None:
    far, near = sorted(bearers(index, "Herrengasse"), key=lambda thing: -thing.lat)
    assert near.what == "highway=residential" and near.lon == pytest.approx(LON + 0.0045, abs=1e-5)
    assert near.reach_km == pytest.approx(0.0045 * 75.64, rel=0.01)
    assert far.lat == pytest.approx(LAT + 0.3) and far.reach_km < 0.05


def test_houses_are_found_by_street_and_number_also_of_lists_and_ranges(index: PlaceIndex) -> None:
    [street] = index.exact([skeleton("HERRENGASSE")]).values()
    assert street.things == 2
    [house] = index.houses(street.id, "12A")
    assert (house.lat, house.lon) == pytest.approx((LAT, LON)) and house.city == "Vaduz"
    assert [h.number for h in index.houses(street.id)] == ["12A", "14", "16"]
    [only] = index.exact([skeleton("Nur Häuser")]).values()
    assert only.things == 0 and [len(index.houses(only.id, n)) for n in ("1", "5", "1-5", "3")] == [1, 1, 1, 0]
    assert index.houses(street.id, "99") == []


@pytest.mark.parametrize(
    "said", ["+423 232 14 00", "00423 2321400", "232 14 00", "(+423) 232-14-00", "Tel. 232 14 00", "+٤٢٣ ٢٣٢١٤٠٠"]
)
def test_a_phone_number_is_found_however_it_is_written(index: PlaceIndex, said: str) -> None:
    assert labels(index.with_phone(said)) == ["Café Burgmaier"]


@pytest.mark.parametrize("said", ["05522 123456-7", "+43 5522 1234567", "+43 (0) 5522 123 45 67", "43055221234567"])
def test_a_zero_that_only_the_country_dials_makes_no_difference(index: PlaceIndex, said: str) -> None:
    assert labels(index.with_phone(said)) == ["Hotel Adler"]


@pytest.mark.parametrize(
    "said", ["+423 232 14 01", "+41 44 232 14 00", "+43 6522 1234567", "06522 1234567", "21400", "", "Spar", "2" * 40]
)
def test_another_number_is_another_ones(index: PlaceIndex, said: str) -> None:
    assert index.with_phone(said) == []


@pytest.mark.parametrize("said", ["burgmaier.li", "WWW.BURGMAIER.LI", "http://burgmaier.li/kontakt", "burgmaier.li:80"])
def test_a_site_is_found_by_its_host(index: PlaceIndex, said: str) -> None:
    assert labels(index.with_site(said)) == ["Café Burgmaier"]


def test_hosts_are_whole_also_those_of_other_alphabets_and_such_as_many_share_tell_nothing(index: PlaceIndex) -> None:
    assert labels(index.with_site("пример.рф")) == ["Bar Napoli"]
    for said in ("maier.li", "burgmaier.li.evil.example", "facebook.com", "de-de.facebook.com", "", "nonsense"):
        assert index.with_site(said) == []


def test_a_name_of_one_letter_or_of_pictures_is_not_looked_up(tmp_path: Path) -> None:
    extract = Extract()
    for name in ("X", "🍕🍕", "!!!", "AB"):
        extract.node(LAT, LON, name=name, shop="yes")
    meta = build_index(extract.write(tmp_path / "m.osm"), tmp_path / "i", name="m")
    assert (meta["things"], meta["names"]) == (4, 1)


def test_an_index_may_be_asked_from_several_threads(index: PlaceIndex) -> None:
    def ask(k: int) -> list[str]:
        return labels(bearers(index, "Hotel Adler" if k % 2 else "Bar Napoli"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == [["Bar Napoli"], ["Hotel Adler"]] * 100


def test_the_same_extract_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build_index(built.with_name("town.osm"), tmp_path / "again", name="town")
    assert (tmp_path / "again").read_bytes() == built.read_bytes()


def test_the_index_says_where_it_is_from_but_not_in_which_folder_it_lay(index: PlaceIndex, built: Path) -> None:
    meta = index.meta
    assert (index.name, meta["source"], meta["houses"], len(meta["sha256"])) == ("town", "town.osm", 6, 64)
    assert "OpenStreetMap" in meta["attribution"] and str(built.parent).encode() not in built.read_bytes()
    assert meta["box"] == pytest.approx([LON, -16.8, 179.9999, LAT + 0.3], abs=1e-3)


def test_an_extract_that_names_nothing_or_is_none_leaves_nothing(tmp_path: Path) -> None:
    empty = Extract()
    empty.node(LAT, LON, name="Bank", amenity="bench")
    empty.write(tmp_path / "empty.osm")
    (tmp_path / "bad.osm.pbf").write_bytes(b"nothing")
    for extract, says in ((tmp_path / "empty.osm", "names no place"), (tmp_path / "bad.osm.pbf", "cannot be read"),
                          (tmp_path / "none.osm", "no such extract"), (tmp_path, "is a folder")):  # fmt: skip
        with pytest.raises(DatasetError, match=says):
            build_index(extract, tmp_path / "out" / "i", name="i")
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_build_that_fails_leaves_the_index_that_was_there(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "i"
    shutil.copy(built, out)
    (tmp_path / "bad.osm").write_text("<osm version='0.6'><node id='1'")
    with pytest.raises(DatasetError):
        build_index(tmp_path / "bad.osm", out, name="i")
    assert out.read_bytes() == built.read_bytes() and sorted(p.name for p in tmp_path.iterdir()) == ["bad.osm", "i"]


def test_a_build_that_is_interrupted_leaves_nothing(built: Path, tmp_path: Path) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(built.with_name("town.osm"), tmp_path / "i", name="i", advance=interrupt)
    assert not any(tmp_path.iterdir())


_SLOW = """
import sys, time
from pathlib import Path
from data.osm_build import build_index
def advance(count):
    print("begun", flush=True)
    time.sleep(60)
build_index(Path(sys.argv[1]), Path(sys.argv[2]), name="town", advance=advance)
"""


@pytest.fixture
def killed(built: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A build that has begun and waits."""
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW, str(built.with_name("town.osm")), str(tmp_path / "i")],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def test_a_build_that_is_killed_harms_no_index_and_the_next_clears_up(
    killed: subprocess.Popen[str], built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osm_build, "_YOUNG_SECONDS", -1.0)
    shutil.copy(built, tmp_path / "i")
    extract = built.with_name("town.osm")
    build_index(extract, tmp_path / "i", name="town")
    [running] = tmp_path.glob(".i.partial-*")  # what runs is not cleared away
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert running.is_dir() and (tmp_path / "i").read_bytes() == built.read_bytes()
    build_index(extract, tmp_path / "i", name="town")
    assert [path.name for path in tmp_path.iterdir()] == ["i"]


def _build(extract: Path, out: Path) -> None:
    build_index(extract, out, name="town")


def test_two_builds_of_one_index_at_once_both_succeed(built: Path, tmp_path: Path) -> None:
    processes = [
        multiprocessing.get_context("fork").Process(target=_build, args=(built.with_name("town.osm"), tmp_path / "i"))
        for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "i").read_bytes() == built.read_bytes() and [p.name for p in tmp_path.iterdir()] == ["i"]


def test_who_reads_an_index_while_it_is_replaced_goes_on_reading_the_old_one(built: Path, tmp_path: Path) -> None:
    shutil.copy(built, tmp_path / "i")
    with PlaceIndex.open(tmp_path / "i") as index:
        other = Extract()
        other.node(0.0, 0.0, name="Anders", shop="yes")
        build_index(other.write(tmp_path / "o.osm"), tmp_path / "i", name="town")
        assert labels(bearers(index, "Hotel Adler")) == ["Hotel Adler"]
    with PlaceIndex.open(tmp_path / "i") as index:
        assert bearers(index, "Hotel Adler") == [] and labels(bearers(index, "Anders")) == ["Anders"]


def test_a_folder_that_cannot_be_written_is_said(built: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot be written"):
        build_index(built.with_name("town.osm"), tmp_path / "file" / "i", name="i")
    (tmp_path / "folder").mkdir(mode=0o500)
    if not os.access(tmp_path / "folder", os.W_OK):  # root may write anywhere
        with pytest.raises(DatasetError, match="cannot be written"):
            build_index(built.with_name("town.osm"), tmp_path / "folder" / "i", name="i")


_FULL = """
import resource, signal, sys
from pathlib import Path
from data.errors import DatasetError
from data.osm_build import build_index
import osmium
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    build_index(Path(sys.argv[1]), Path(sys.argv[2]), name="town")
except DatasetError as error:
    print(error)
"""


def test_where_no_more_can_be_written_the_error_says_so_and_nothing_is_left(built: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(built.with_name("town.osm")), str(tmp_path / "i")],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "cannot be written" in done.stdout and "room on the disk" in done.stdout
    assert not any(tmp_path.iterdir())


def ask_everything(path: Path) -> None:
    with PlaceIndex.open(path) as index:
        index.alike(["burgmaier"])
        for name in index.exact([skeleton(n) for n in ("Spar", "Herrengasse", "Hotel Adler")]).values():
            index.things(name.id, 1000)
            index.things_near(name.id, LAT, LON)
            index.houses(name.id)
        index.with_phone("+423 232 14 00")
        index.with_site("burgmaier.li")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_an_index_that_was_cut_short_is_said_to_be_damaged(built: Path, tmp_path: Path, share: float) -> None:
    whole = built.read_bytes()
    (tmp_path / "i").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DatasetError, match=r"damaged|cut short|no place index"):
        ask_everything(tmp_path / "i")
    if share >= 0.1:  # it is said at once, not by the first question that meets the end
        with pytest.raises(DatasetError, match=r"damaged|cut short"):
            PlaceIndex.open(tmp_path / "i")


def test_an_index_with_pages_overwritten_is_an_error_of_ours_or_none(built: Path, tmp_path: Path) -> None:
    whole = built.read_bytes()
    faults = 0
    for page in range(1, len(whole) // 4096):
        (tmp_path / "i").write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        try:
            ask_everything(tmp_path / "i")
        except DatasetError as error:
            assert "damaged" in str(error)
            faults += 1
    assert faults >= 5


def test_other_files_are_no_index(built: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other") as base:
        base.execute("CREATE TABLE name(id, key, text, things)")
    base.close()
    (tmp_path / "text").write_text("not at all " * 1000)
    shutil.copy(built, tmp_path / "newer")
    base = sqlite3.connect(tmp_path / "newer")
    base.execute("PRAGMA user_version = 99")
    base.close()
    shutil.copy(built, tmp_path / "silent")
    base = sqlite3.connect(tmp_path / "silent", isolation_level=None)
    base.execute("DELETE FROM meta WHERE key = 'things'")
    base.close()
    for name, says in {
        "other": "is no place index", "text": "is damaged", "newer": "another version of whence",
        "silent": "does not say its things", "none": "no place index at", ".": "no place index",
    }.items():  # fmt: skip
        with pytest.raises(DatasetError, match=says):
            PlaceIndex.open(tmp_path / name)


def test_the_index_is_opened_for_reading_only(index: PlaceIndex, built: Path) -> None:
    before = built.read_bytes(), built.stat().st_mtime
    ask_everything(built)
    with pytest.raises(DatasetError, match="readonly"):
        index._query("DELETE FROM name")
    assert (built.read_bytes(), built.stat().st_mtime) == before
    assert {path.name for path in built.parent.iterdir()} == {"town.osm", "town.sqlite"}


def test_a_street_name_of_many_towns_is_a_street_in_each(tmp_path: Path) -> None:
    extract = Extract()
    for k in range(1000):
        lat, lon = LAT + 0.05 * (k // 10), LON + 0.0008 * (k % 10)
        extract.way([(lat, lon), (lat, lon + 0.0008)], name="Hauptstraße", highway="residential")
    meta = build_index(extract.write(tmp_path / "m.osm"), tmp_path / "i", name="m")
    assert (meta["things"], meta["names"]) == (100, 1)
