"""`whence places`, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusion.cli import main
from tests.conftest import REPOSITORY
from tests.data.osm_extract import Extract


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the regions are, not made yet."""
    monkeypatch.setenv("WHENCE_PLACES", str(tmp_path / "places"))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))  # or `add` would set it for the tests that follow
    return tmp_path / "places"


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    town = Extract()
    town.node(47.14, 9.52, name="Café Burgmaier", shop="bakery", phone="+423 232 14 00")
    town.node(47.15, 9.53, name="Bar Napoli", amenity="bar", website="bar-napoli.example")
    town.node(47.16, 9.52, addr_street="Herrengasse", addr_housenumber="12")
    town.way([(47.16, 9.52), (47.161, 9.52)], name="Herrengasse", highway="residential")
    return town.write(tmp_path / "town-latest.osm")


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["places", *args])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_region_is_added_replaced_listed_told_of_and_removed(
    extract: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "list") == (0, "", "no region: `whence places add EXTRACT` adds one\n")
    for word in ("added", "replaced"):
        code, out, err = run(capsys, "add", str(extract))
        assert code == 0 and out.startswith(f"{word} town: 3 things under 3 names, 1 houses, ")
        assert "OpenStreetMap contributors" in err
    assert run(capsys, "add", str(extract), "--name", "other")[0] == 0
    code, out, err = run(capsys, "list")
    assert code == 0 and err == "" and [line.split()[0] for line in out.splitlines()] == ["other", "town"]
    code, out, err = run(capsys, "info", "town")
    assert code == 0 and err == ""
    for part in (
        "3 things",
        "from town-latest.osm, sha256",
        "47.14 to 47.16 degrees north",
        "OpenStreetMap",
        str(folder),
    ):
        assert part in out
    code, out, err = run(capsys, "remove", "town", "other", "town")
    assert code == 0 and err == "" and len(out.splitlines()) == 2
    assert not any(folder.iterdir())


def test_as_json_list_and_info_say_what_the_index_says_and_no_folder(
    extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "list", "--json") == (0, "", "")
    run(capsys, "add", str(extract))
    code, out, err = run(capsys, "list", "--json")
    assert (code, err) == (0, "") and (0, out, "") == run(capsys, "info", "town", "--json")
    told = json.loads(out)
    assert (told["name"], told["source"], told["things"], told["names"], told["houses"]) == (
        "town", "town-latest.osm", 3, 3, 1,
    )  # fmt: skip
    assert str(tmp_path) not in out and out.isascii()


@pytest.mark.parametrize(
    ("lines", "point"),
    [
        (["CAFE BURGMAIER"], "47.14000 9.52000"),
        (["BURGMAIEP"], "47.14000 9.52000"),
        (["Bar Napoli"], "47.15000 9.53000"),
        (["BARNAPOLI"], "47.15000 9.53000"),
        (["www.bar-napoli.example"], "47.15000 9.53000"),
        (["Herrengasse 12"], "47.16000 9.52000"),
        (["Tel. +423 232 14 00"], "47.14000 9.52000"),
    ],
)
def test_what_a_sign_says_is_found(
    extract: Path, capsys: pytest.CaptureFixture[str], lines: list[str], point: str
) -> None:
    run(capsys, "add", str(extract))
    code, out, err = run(capsys, "find", *lines)
    assert (code, err) == (0, "") and point in out.splitlines()[1]
    assert "the map of town" in out or "Burgmaier" in out or "Napoli" in out or "Herrengasse" in out


def test_a_phone_number_is_not_shown_again(extract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "add", str(extract))
    _, out, err = run(capsys, "find", "Tel. +423 232 14 00")
    assert "47.14000" in out and not any(part in out + err for part in ("232 14 00", "2321400", "14 00"))


def test_what_is_on_no_map_is_said_to_be_on_none(extract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "find", "Adler")
    assert code != 0 and out == "" and "no region to look in" in err
    run(capsys, "add", str(extract))
    for text in ("Nobodys Diner", "", "\x1b[2J", "\udce9"):
        assert run(capsys, "find", text) == (
            0,
            "",
            "nothing on these maps is called so, or too many things are for that to tell a place\n",
        )


def test_find_looks_in_the_regions_that_are_named(
    extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "add", str(extract))
    other = Extract()
    other.node(0.0, 0.0, name="Café Burgmaier", shop="yes")
    run(capsys, "add", str(other.write(tmp_path / "sea.osm")))
    _, out, _ = run(capsys, "find", "--places", "sea", "Café Burgmaier")
    assert "0.00000 0.00000" in out and "47.14" not in out
    _, out, _ = run(capsys, "find", "Café Burgmaier")
    assert "0.00000 0.00000" in out and "47.14" in out
    code, _, err = run(capsys, "find", "--places", "sea,moon", "Adler")
    assert code != 0 and "no region called 'moon' (at hand: sea, town)" in err


@pytest.mark.parametrize("action", ["info", "remove"])
@pytest.mark.parametrize("name", ["nowhere", "../town", "", "a b", "auto"])
def test_a_wrong_name_is_an_error_and_removes_nothing(
    extract: Path, folder: Path, capsys: pytest.CaptureFixture[str], action: str, name: str
) -> None:
    run(capsys, "add", str(extract))
    names = ["town", name] if action == "remove" else [name]
    code, out, err = run(capsys, action, *names)
    assert code == 2 and out == "" and err.startswith("whence") and "Traceback" not in err
    assert (folder / "town.places.sqlite").is_file()


def test_what_cannot_be_added_is_an_error_of_one_line(
    extract: Path, tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff" * 100)
    (tmp_path / ".osm").write_bytes(extract.read_bytes())
    for args, says in [
        ([str(tmp_path / "missing.osm")], "no such extract"),
        ([str(tmp_path)], "is a folder"),
        ([str(tmp_path / "photo.jpg")], "cannot be read as an OpenStreetMap extract"),
        ([str(tmp_path / ".osm")], "--name"),
        ([str(extract), "--name", "../x"], "a region's name is"),
        ([str(extract), "--name", "none"], "a region's name is"),
    ]:
        code, out, err = run(capsys, "add", *args)
        assert code == 2 and out == "" and says in err and len(err.splitlines()) == 1, err
    assert not folder.exists() or not any(folder.iterdir())


def test_a_damaged_region_is_told_of_and_the_others_are_listed(
    extract: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "add", str(extract))
    (folder / "broken.places.sqlite").write_bytes(b"nothing")
    code, out, err = run(capsys, "list")
    assert code == 2 and out.startswith("town ") and "broken.places.sqlite is damaged" in err
    assert run(capsys, "remove", "broken")[0] == 0 and run(capsys, "list")[0] == 0


def test_an_extract_with_an_odd_name_is_added_and_shown_without_harm(
    extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("my map (2).osm", "..odd...osm", "東京\x1b[2J.osm"):
        odd = extract.rename(tmp_path / name)
        code, out, err = run(capsys, "add", str(odd))
        assert code == 0, err
        for args in (["list"], ["list", "--json"], ["info", out.split()[1].rstrip(":")]):
            code, shown, _ = run(capsys, *args)
            assert code == 0 and "\x1b" not in shown
        extract = odd


def test_help_and_list_load_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys\nfrom fusion.cli import main\nmain(['places', 'list'])\n"
        "print(sorted({'osmium', 'torch', 'rapidfuzz', 'onnxruntime', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True,
        env={**os.environ, "WHENCE_PLACES": str(folder)},
    )  # fmt: skip
    assert done.stdout == "[]\n"
