"""``whence locate --web``: what is printed and asked, tapes, failures, and what is refused."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

import fusion.locator
from fusion.cli import main
from fusion.web import Limits, WebClient
from tests.fusion.fault_server import FaultServer
from tests.fusion.parts import FixedText
from tests.fusion.test_batch import photos
from tests.fusion.test_second_pass import ONE_OFF, SCHEMA, SPOT
from tests.fusion.town_server import TownServer, place

PARTS = ("--prior", "density", "--regions", "none", "--scenes", "none", "--fusion", "pool", "--places", "none")


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of the test's own, a reader that reads one name, and a client of little patience."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("WHENCE_OFFLINE", "WHENCE_CONTACT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fusion.locator, "make_reader", lambda *_, **__: FixedText([ONE_OFF]))
    quick = Limits(total_s=1.0, connect_s=0.5, read_s=0.4, retries=0)
    monkeypatch.setitem(WebClient.__init__.__kwdefaults__, "limits", quick)


@pytest.fixture
def town() -> Iterator[TownServer]:
    with TownServer() as town:
        town.places[ONE_OFF] = [place(ONE_OFF, *SPOT, "li")]
        yield town


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    [path] = photos(tmp_path / "photos", 1)
    return path


def locate(*words: object) -> int:
    return main(["locate", *PARTS, *map(str, words)])


def test_services_are_asked_and_named_in_words_and_in_json(
    town: TownServer, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locate(photo, "--web", f"nominatim={town.url('nominatim')}") == 0
    said = capsys.readouterr()
    assert f"asked nominatim: '{ONE_OFF}' (1 found)" in said.out and "OpenStreetMap" in said.out and said.err == ""
    assert locate(photo, "--json", "--web", f"nominatim={town.url('nominatim')}") == 0
    record = json.loads(capsys.readouterr().out)
    jsonschema.validate(record, SCHEMA)
    assert record["country"] == "LI" and record["lookups"][0]["query"] == ONE_OFF


def test_a_dry_run_prints_what_would_be_asked_and_opens_no_connection(
    town: TownServer, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (photo, "--dry-run", "--web", f"nominatim={town.url('nominatim')},searxng={town.url('searxng')}")
    assert locate(*words) == 0
    said = capsys.readouterr()
    assert f"nominatim: name '{ONE_OFF}'" in said.out and f"searxng: name '{ONE_OFF}'" in said.out
    assert "nothing was asked" in said.err
    assert locate(*words, "--json") == 0
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert record["file"] == str(photo) and said.err == ""
    assert [(row["service"], row["query"]) for row in record["planned"]] == [
        ("nominatim", ONE_OFF), ("searxng", ONE_OFF)
    ]  # fmt: skip
    assert record["planned"][0]["parameters"]["q"] == ONE_OFF
    assert town.asked == []


def test_a_dry_run_goes_on_after_what_is_no_photo(
    town: TownServer, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photo.parent / "zzz.jpg").write_bytes(b"no photo")
    assert locate(photo.parent, "--dry-run", "--json", "--web", f"nominatim={town.url('nominatim')}") == 2
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(row) for row in rows] == [{"file", "planned"}, {"file", "error"}]


def test_a_dry_run_needs_no_network_and_no_contact(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert locate(photo, "--dry-run", "--offline", "--web", "nominatim,overpass") == 0
    assert "https://nominatim.openstreetmap.org/search" in capsys.readouterr().out


def test_what_was_recorded_is_replayed_to_the_byte_with_the_server_gone(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = tmp_path / "run.tape"
    with TownServer() as town:
        town.places[ONE_OFF] = [place(ONE_OFF, *SPOT, "li")]
        web = f"nominatim={town.url('nominatim')}"
        assert locate(photo, "--json", "--web", web, "--record", tape) == 0
    recorded = capsys.readouterr()
    assert locate(photo, "--json", "--web", web, "--replay", tape, "--offline") == 0
    replayed = capsys.readouterr()
    assert recorded.out == replayed.out and '"country": "LI"' in recorded.out
    assert recorded.err == replayed.err == ""


@pytest.mark.parametrize("fault", ["drips-body", "malformed", "says-503", "cut-at-once", "redirects-away"])
def test_a_failed_look_up_is_a_warning_and_no_error(
    photo: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locate(photo, "--json") == 0
    bare = json.loads(capsys.readouterr().out)
    with FaultServer() as server:
        assert locate(photo, "--json", "--web", f"nominatim={server.url(fault)}") == 0
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert "whence: a look-up failed, the answer comes without it: " in said.err and "nominatim" in said.err
    assert record["lookups"] and all(row["failed"] for row in record["lookups"])
    assert {**record, "lookups": []} == bare


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--web", "nominatim=http://127.0.0.1:9", "--offline"), "which is forbidden"),
        (("--web", "google"), "there is no look-up service 'google'"),
        (("--web", ","), "no look-up service is named"),
        (("--web", ""), "names no look-up service"),
        (("--web", "nominatim"), "how to be reached"),
        (("--web", "overpass", "--contact", "nobody"), "neither an e-mail address nor a URL"),
        (("--web", "searxng"), "name one of your own"),
        (("--web", "nominatim=ftp://127.0.0.1"), "http"),
        (("--web", "nominatim=http://example.org"), "https"),
        (("--web", "nominatim=http://me:secret@127.0.0.1"), "password"),
        (("--record", "tape"), "--record goes with --web"),
        (("--replay", "tape"), "--replay goes with --web"),
        (("--dry-run",), "--dry-run goes with --web"),
        (("--web", "nominatim=http://127.0.0.1:9", "--replay", "/nowhere/tape"), "cannot replay"),
        (("--web", "nominatim=http://127.0.0.1:9", "--record", "/nowhere/tape"), "cannot record"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    photo: Path, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    assert locate(photo, *words) == 2
    said = capsys.readouterr()
    assert says in said.err and said.out == "" and len(said.err.splitlines()) == 1
    assert "secret" not in said.err
    assert sorted(path.name for path in photo.parent.iterdir()) == [photo.name], "no tape is left behind"


def test_a_batch_goes_on_after_a_failure_and_does_not_mix_with_rows_without_look_ups(
    town: TownServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    photos(folder, 3)
    (folder / "0001.jpg").write_bytes(b"no photo")
    out, web = tmp_path / "rows.jsonl", f"nominatim={town.url('nominatim')}"
    assert locate(folder, "--out", out, "--web", web) == 2
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [len(row.get("lookups", [])) for row in rows] == [1, 0, 1]
    assert town.texts == [ONE_OFF], "the second photo's comes from the cache"
    capsys.readouterr()
    assert locate(folder, "--out", out) == 2
    assert "web=nominatim=" in capsys.readouterr().err
    with FaultServer() as server:
        assert locate(folder, "--out", tmp_path / "failed.csv", "--web", f"nominatim={server.url('malformed')}") == 2
    said = capsys.readouterr().err
    assert "located 2, failed 1" in said and "a look-up failed" in said


def test_an_album_warns_of_what_failed(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(photo, tmp_path / "photos" / "again.jpg")
    with FaultServer() as server:
        assert locate(tmp_path / "photos", "--album", "--web", f"nominatim={server.url('malformed')}") == 0
    assert "a look-up failed" in capsys.readouterr().err


def test_without_web_the_client_is_not_even_imported(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("httpx", "httpcore", "fusion.web", "fusion.web_send"):
        monkeypatch.setitem(sys.modules, name, None)
    assert locate(photo) == 0
