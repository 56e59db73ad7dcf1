"""A real Nominatim on loopback, made of Liechtenstein's extract by ``tests/servers/nominatim.sh``, finds what is there.

Setting it up takes a minute or more, so what asks it is skipped unless ``WHENCE_SERVERS`` is set: to ``1``, or to a
folder that keeps what was made for the next run. It needs ``../shared`` and pyosmium; PostgreSQL, PostGIS, osm2pgsql
and Nominatim are installed by the script where they are missing and it may. Three of its answers are kept in
``nominatim_answers.json``, for a client to read without a server.
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
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.density import DensityPrior
from benchmarks.storefront_readings import spelt
from benchmarks.storefronts import storefronts
from data.errors import DatasetError
from data.geodesy import haversine_km
from data.osm_build import build_index
from data.osm_index import PlaceIndex
from data.partition import Partition
from detectors.base import Reading
from fusion.locator import Locator
from fusion.lookup import Area, Query
from fusion.nominatim import Nominatim
from fusion.tape import Tape
from fusion.web import WebClient

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


# --- whence's client and the server


@pytest.fixture
def nominatim(nominatim_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nominatim:
    """The service, with a cache of the test's own and the network allowed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("WHENCE_OFFLINE", raising=False)
    return Nominatim(nominatim_url)


@pytest.fixture
def client(nominatim: Nominatim) -> WebClient:
    return WebClient([nominatim])


def around(point: Point, half: float = 0.01) -> Area:
    """``half`` a side, in degrees."""
    return point[1] - half, point[0] - half, point[1] + half, point[0] + half


@pytest.mark.parametrize("text", [*SHOPS, *ADDRESSES])
def test_the_client_finds_what_the_extract_has_and_asks_for_it_once(
    client: WebClient, nominatim: Nominatim, places: dict[str, list[Point]], text: str
) -> None:
    query = Query(text, kind="address" if text in ADDRESSES else "name", countries=("LI",))
    asked, again = client.ask(nominatim, query), client.ask(nominatim, query)
    assert asked is not None and again is not None
    first = asked.hits[0]
    assert nearest_km((first.lat, first.lon), places[text]) <= NEAR_KM
    assert (first.country, first.fit) == ("LI", 1.0)
    assert "=" in first.what and first.sigma_km <= NEAR_KM
    assert (asked.source, again.source, again.hits) == ("network", "cache", asked.hits)


def test_of_a_chain_only_the_shops_within_the_area_are_found(
    client: WebClient, nominatim: Nominatim, places: dict[str, list[Point]]
) -> None:
    # A Nominatim drops what it likes much less than its best, and it likes what lies in the area that much better:
    # "bounded=0" does not bring the other shops along.
    shops = [point for name in ("Coop", "Coop ") for point in places[name]]
    assert len(shops) == 3
    for shop in shops:
        asked = client.ask(nominatim, Query("Coop", areas=(around(shop),)))
        assert asked is not None
        assert [nearest_km((hit.lat, hit.lon), [shop]) <= NEAR_KM for hit in asked.hits] == [True]


def test_a_wrong_area_hides_nothing_and_a_wrong_country_hides_all(client: WebClient, nominatim: Nominatim) -> None:
    paris, lyon = around((48.86, 2.35)), around((45.76, 4.84))
    everywhere, elsewhere = Query("Coop", areas=(paris,)), Query("Coop", areas=(paris, lyon), countries=("FR",))
    asked, barred = client.ask(nominatim, everywhere), client.ask(nominatim, elsewhere)
    assert asked is not None and barred is not None
    assert len(asked.hits) == 3 and barred.hits == ()


def test_what_was_recorded_of_the_server_is_replayed_without_it(nominatim: Nominatim, tmp_path: Path) -> None:
    recorded = WebClient([nominatim], tape=Tape.record(tmp_path / "tape.jsonl")).ask(nominatim, Query(SHOPS[0]))
    replay = WebClient([nominatim], offline=True, tape=Tape.replay(tmp_path / "tape.jsonl"))
    replayed = replay.ask(nominatim, Query(SHOPS[0]))
    assert recorded is not None and replayed is not None
    assert (recorded.source, replayed.source) == ("network", "tape")
    assert recorded.hits == replayed.hits != ()


# --- Whole photos: drawn storefronts, read by the detectors that ship


class Kept:
    """A reader that says what was read before, so that a picture is read once for all locators."""

    name = "kept"

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        return self.readings


@dataclass(frozen=True)
class Shot:
    """A picture's truth, whether all its own lines were read as they are written, and how far off each answer is."""

    at: Point
    exact: bool
    without_km: float
    local_km: float
    nominatim_km: float
    failed: tuple[str, ...]


@pytest.fixture(scope="module")
def shots(
    nominatim_url: str, extract: Path, partition: Partition, tmp_path_factory: pytest.TempPathFactory
) -> list[Shot]:
    """Twelve places of the extract, drawn, read and located without a map, with the local index, through the server."""
    try:
        pictures = list(islice(storefronts(extract, 200, 1), 12))
        assert pictures[0].pixels.size > 0  # drawn now: without fonts it is not
    except DatasetError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("storefronts")
    build_index(extract, folder / "li.sqlite", name="li")
    index, prior, kept, found = PlaceIndex.open(folder / "li.sqlite"), DensityPrior(partition), Kept(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv("WHENCE_OFFLINE", raising=False)

        def locator(**parts: Any) -> Locator:
            own = {"ocr": kept, "regions": "none", "scenes": "none", "ranker": "pool", "places": "none"}
            return Locator(prior, **own | parts)

        looks = locator(ocr="rapidocr", regions="auto").looker
        ways = locator(), locator(places=[index]), locator(lookups=[Nominatim(nominatim_url)])
        for picture in pictures:
            at = picture.lat, picture.lon
            kept.readings = list(looks.look(picture.pixels).readings)
            answers = [way.locate(picture.pixels) for way in ways]
            off = [float(haversine_km(*at, answer.lat, answer.lon)) for answer in answers]
            read = {spelt(reading.text) for reading in kept.readings}
            failed = tuple(row["failed"] for row in answers[2].lookups if row["failed"])
            found.append(Shot(at, {spelt(line) for line in picture.lines} <= read, off[0], off[1], off[2], failed))
    index.close()
    return found


def test_storefronts_are_found_through_the_server_and_with_the_local_index_alike(shots: list[Shot]) -> None:
    assert [shot.failed for shot in shots] == [()] * len(shots)
    local, nominatim = (
        sum(km <= 1.0 for km in kms)
        for kms in ([shot.local_km for shot in shots], [shot.nominatim_km for shot in shots])
    )
    assert sum(shot.without_km <= 1.0 for shot in shots) == 0
    assert local >= 5 and nominatim >= 5, f"of {len(shots)} within a kilometre: local {local}, Nominatim {nominatim}"
    assert abs(local - nominatim) <= 3


def test_neither_is_farther_off_than_no_look_up(shots: list[Shot]) -> None:
    without = np.array([shot.without_km for shot in shots])
    for kms in ([shot.local_km for shot in shots], [shot.nominatim_km for shot in shots]):
        assert np.mean(kms) <= without.mean() and np.median(kms) <= np.median(without)


def test_of_what_was_misread_the_local_index_finds_as_many(shots: list[Shot]) -> None:
    misread = [shot for shot in shots if not shot.exact]
    assert sum(s.local_km <= 1.0 for s in misread) >= sum(s.nominatim_km <= 1.0 for s in misread)


# --- The kept answers, which need no server


@pytest.mark.parametrize(
    ("what", "name", "kind", "place", "points"),
    [
        ("shop", "TopPharm Apotheke", "amenity=pharmacy", "node/22684", [(47.1612717, 9.5089177)]),
        ("address", "Kunstmuseum Liechtenstein", "tourism=museum", "way/333", [(47.1394788, 9.5221523)]),
        (
            "chain",
            "Coop",
            "shop=supermarket",
            "node/39427",
            [(47.1984247, 9.5427201), (47.1401035, 9.520833), (47.0664053, 9.4989155)],
        ),
    ],
)
def test_a_kept_answer_is_read_as_the_places_that_are_in_it(
    what: str, name: str, kind: str, place: str, points: list[Point]
) -> None:
    kept = ANSWERS["answers"][what]
    hits = Nominatim().hits(Query(kept["q"], kind="address" if what == "address" else "name"), kept["body"])
    assert [(hit.lat, hit.lon) for hit in hits] == points
    assert {(hit.name, hit.what, hit.country, hit.fit) for hit in hits} == {(name, kind, "LI", 1.0)}
    assert hits[0].id == place
    assert hits[0].address == kept["body"][0]["display_name"]


def test_the_kept_answers_are_to_what_the_client_sends() -> None:
    for kept in ANSWERS["answers"].values():
        request = Nominatim().request(Query(kept["q"]))
        assert request is not None and request.params == ANSWERS["params"] | {"q": kept["q"]}


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
