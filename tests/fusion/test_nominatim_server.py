"""A real Nominatim on loopback, made of Liechtenstein's extract by ``tests/servers/nominatim.sh``, finds what is there.

Setting it up takes a minute or more, so all but the script's own checks are skipped unless ``WHENCE_SERVERS`` is set:
to ``1``, or to a folder that keeps what was made for the next run. They need ``../shared`` and pyosmium; PostgreSQL,
PostGIS, osm2pgsql and Nominatim are installed by the script where they are missing and it may.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.geodesy import haversine_km

SCRIPT = Path(__file__).parents[1] / "servers" / "nominatim.sh"
ANSWERS = json.loads(Path(__file__).with_name("nominatim_answers.json").read_text(encoding="utf-8"))
NEAR_KM = 0.2
SHOPS = ("Apotheke am Postplatz", "Coop Schaan", "GMG Buchhandlung Harlekin AG", "Beck Frommelt", "Adolf's Bike Shop")
ADDRESSES = ("Landstrasse 97, Schaan", "Städtle 32, Vaduz", "Im Rietacker 6, Schaan")

Point = tuple[float, float]


def script(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What ``nominatim.sh`` said, with this interpreter to make its environment of."""
    return subprocess.run(
        ["bash", SCRIPT, *arguments],
        env=os.environ | {"PYTHON": sys.executable} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


# --- The server and what is in its extract; whatever is tried against a real Nominatim builds on `nominatim_url`


@pytest.fixture(scope="module")
def extract(shared_data: Path) -> Path:
    return shared_data / "osm" / "liechtenstein-2013-08-03.osm.pbf"


@pytest.fixture(scope="module")
def work() -> Iterator[Path]:
    wanted = os.environ.get("WHENCE_SERVERS", "")
    if wanted in ("", "0"):
        pytest.skip("a real Nominatim takes a minute or more to set up: WHENCE_SERVERS=1 runs it")
    if wanted != "1":
        yield Path(wanted)
        return
    folder = Path(tempfile.mkdtemp(prefix="whence-nominatim-"))
    folder.chmod(0o711)  # as root PostgreSQL's server is another user's
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def nominatim_url(extract: Path, work: Path) -> Iterator[str]:
    """The base URL of a Nominatim with Liechtenstein of August 2013."""
    started = script(extract, work, str(free_port()))
    if started.returncode == 69:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    url = started.stdout.strip()
    yield url
    stopped = script("stop", work)
    assert stopped.returncode == 0, stopped.stderr
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/status", trust_env=False)


@pytest.fixture(scope="module")
def places(extract: Path) -> dict[str, list[Point]]:
    """Where the extract has each name, and each address as one writes it: (latitude, longitude), degrees."""
    osmium = pytest.importorskip("osmium", reason="pyosmium, which reads the extract, is not installed")
    found: dict[str, list[Point]] = {}
    for thing in osmium.FileProcessor(extract).with_locations().with_areas():
        if thing.is_node():
            point = (thing.lat, thing.lon)
        elif thing.is_area():
            corners = [(node.lat, node.lon) for ring in thing.outer_rings() for node in ring][1:]
            point = (sum(lat for lat, _ in corners) / len(corners), sum(lon for _, lon in corners) / len(corners))
        else:
            continue
        tags = dict(thing.tags)
        address = "{} {}, {}".format(*(tags.get(f"addr:{part}") for part in ("street", "housenumber", "city")))
        for key in (tags.get("name"), address):
            found.setdefault(str(key), []).append(point)
    return found


def nearest_km(point: Point, others: list[Point]) -> float:
    return min(float(haversine_km(*point, *other)) for other in others)


# --- The server itself


def search(url: str, text: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/search", params=ANSWERS["params"] | {"q": text}, trust_env=False)
    found: list[dict[str, Any]] = answer.raise_for_status().json()
    return found


def comparable(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In one order and without numbers that depend on which of an import's threads was faster."""
    places = [{key: value for key, value in place.items() if key != "place_id"} for place in found]
    return sorted(places, key=lambda place: (str(place["osm_type"]), int(place["osm_id"])))


@pytest.mark.parametrize("text", [*SHOPS, *ADDRESSES])
def test_the_server_finds_what_the_extract_has_where_the_extract_has_it(
    nominatim_url: str, places: dict[str, list[Point]], text: str
) -> None:
    first = search(nominatim_url, text)[0]
    assert nearest_km((float(first["lat"]), float(first["lon"])), places[text]) <= NEAR_KM


def test_the_server_finds_nothing_under_a_name_that_the_extract_lacks(nominatim_url: str) -> None:
    assert search(nominatim_url, "Confiserie Sprüngli") == []


@pytest.mark.parametrize("what", ANSWERS["answers"])
def test_the_kept_answers_are_the_servers(nominatim_url: str, what: str) -> None:
    kept = ANSWERS["answers"][what]
    assert comparable(search(nominatim_url, kept["q"])) == comparable(kept["body"])


def test_a_second_start_takes_the_server_that_runs(nominatim_url: str, extract: Path, work: Path) -> None:
    process = (work / "web.pid").read_text()
    again = script(extract, work, nominatim_url.rpartition(":")[2])
    assert (again.returncode, again.stdout.strip()) == (0, nominatim_url)
    assert (work / "web.pid").read_text() == process


# --- The script's own checks, which need no server


def test_without_an_extract_a_folder_and_a_port_the_script_says_how_it_is_called(tmp_path: Path) -> None:
    for arguments in ((), ("extract.osm.pbf",), ("extract.osm.pbf", tmp_path, "http"), ("stop", tmp_path / "nowhere")):
        said = script(*arguments)
        assert (said.returncode, said.stdout) == (64, "")
        assert "usage: nominatim.sh EXTRACT WORKDIR PORT" in said.stderr


def test_an_extract_that_is_not_there_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    said = script(tmp_path / "none.osm.pbf", tmp_path / "work", "8088")
    assert said.returncode == 66
    assert "none.osm.pbf" in said.stderr
    assert not (tmp_path / "work").exists()


def test_a_folder_whose_path_the_databases_address_cannot_hold_is_refused(tmp_path: Path) -> None:
    for name in ("a folder", "semi;colon", "long" * 25):
        said = script(SCRIPT, tmp_path / name, "8088")
        assert said.returncode == 64
        assert not (tmp_path / name).exists()


def test_a_machine_that_lacks_python_is_told_apart_from_a_failure(tmp_path: Path) -> None:
    assert script(SCRIPT, tmp_path / "work", "8088", PYTHON=str(tmp_path / "python")).returncode == 69
