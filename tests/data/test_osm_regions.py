"""The place indexes of a machine: their names, where they are, and who else writes them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import DatasetError
from data.osm_regions import add_region, open_regions, region_name, region_path, regions, remove_region
from data.skeleton import skeleton
from tests.data.osm_extract import Extract


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHENCE_PLACES", str(tmp_path / "places"))
    return tmp_path / "places"


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return village(tmp_path / "village.osm", "Adler")


def village(path: Path, *names: str) -> Path:
    extract = Extract()
    for name in names:
        extract.node(47.0, 9.5, name=name, shop="yes")
    return extract.write(path)


def add(extract: Path, name: str) -> None:
    add_region(extract, name).close()


def test_with_no_folder_there_is_no_region(folder: Path) -> None:
    assert regions() == [] and open_regions() == () and open_regions("none") == () and not folder.exists()


def test_regions_are_added_opened_together_and_removed(tmp_path: Path, folder: Path) -> None:
    add(village(tmp_path / "a.osm", "Adler", "Linde"), "west")
    add(village(tmp_path / "b.osm", "Adler"), "east")
    assert regions() == ["east", "west"]
    for asked in ("auto", "east,west", " east , west, east", ["east", "west"]):
        opened = open_regions(asked)
        assert [index.name for index in opened] == ["east", "west"]
        assert [len(index.exact([skeleton("Adler"), skeleton("Linde")])) for index in opened] == [1, 2]
        for index in opened:
            index.close()
    assert remove_region("west") > 4096
    assert regions() == ["east"] and [path.name for path in folder.iterdir()] == ["east.places.sqlite"]


def test_a_region_that_is_added_again_is_replaced(tmp_path: Path, extract: Path) -> None:
    add(extract, "here")
    add(village(tmp_path / "new.osm", "Linde"), "here")
    [index] = open_regions("here")
    with index:
        assert index.exact([skeleton("Adler"), skeleton("Linde")]).keys() == {skeleton("Linde")}


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a b", "-a", ".a", "a\n", "x" * 65, "東" * 64, "auto", "none", "a,b", "\udce9"],
)  # fmt: skip
def test_what_can_be_no_name_is_refused_and_writes_nothing(extract: Path, folder: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="region's name is"):
        add(extract, name)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["a", "liechtenstein", "côte-d'azur".replace("'", ""), "東京", "a.b+c-d_e", "2024"])
def test_names_of_many_alphabets_are_fine(extract: Path, name: str) -> None:
    add(extract, name)
    assert regions() == [name]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("liechtenstein-latest.osm.pbf", "liechtenstein"),
        ("europe-230101.osm.pbf", "europe"),
        ("Kreis Höxter (Süd).osm.gz", "Kreis-Höxter-Süd"),
        ("../up..osm", "up"),
        (".osm.pbf", ""),
        ("東京.osm.bz2", "東京"),
        ("x" * 200 + ".osm", "x" * 64),
        ("a\x1b[2Jb.osm", "a-2Jb"),
    ],
)
def test_the_file_s_name_gives_a_name_that_is_one(extract: Path, file: str, name: str) -> None:
    assert region_name(Path(file)) == name
    if name:
        add(extract, name)


def test_files_that_are_called_like_no_region_are_not_seen(extract: Path, folder: Path) -> None:
    add(extract, "here")
    (folder / ".here.places.sqlite.partial-x").mkdir()
    (folder / "my map.places.sqlite").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    assert regions() == ["here"]


def test_a_region_that_is_not_there_is_said_with_those_that_are(extract: Path) -> None:
    add(extract, "here")
    for call in (lambda: open_regions("there"), lambda: remove_region("there"), lambda: open_regions("here,there")):
        with pytest.raises(DatasetError, match=r"no region called 'there' .at hand: here."):
            call()


def test_a_damaged_region_is_an_error_that_names_it_and_can_be_removed_or_added_again(extract: Path) -> None:
    add(extract, "good")
    add(extract, "zbad")
    for _ in range(2):
        region_path("zbad").write_bytes(b"SQLite format 3\x00 nothing else")
        with pytest.raises(DatasetError, match=r"zbad\.places\.sqlite is"):
            open_regions()
        add(extract, "zbad")
    region_path("zbad").write_bytes(b"")
    remove_region("zbad")
    assert regions() == ["good"]


def test_a_folder_that_is_a_file_is_said(extract: Path, folder: Path) -> None:
    folder.write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot be written"):
        add(extract, "here")
    assert regions() == []


def test_without_a_home_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.osm_regions.user_data", lambda *_: None)
    with pytest.raises(DatasetError, match="WHENCE_PLACES"):
        region_path("here")
    assert regions() == []


@pytest.fixture
def processes(extract: Path) -> Iterator[list[multiprocessing.Process]]:
    made = [multiprocessing.Process(target=add, args=(extract, "here")) for _ in range(2)]
    yield made
    for process in made:
        process.kill()


def test_two_processes_may_add_one_region_at_once(processes: list[multiprocessing.Process], folder: Path) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert [path.name for path in folder.iterdir()] == ["here.places.sqlite"]
    [index] = open_regions()
    index.close()
