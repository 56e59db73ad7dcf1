"""The client of look-up services: its manners, its bounds, and what it makes of every fault."""

from __future__ import annotations

import gc
import gzip
import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from data.errors import LookupFailed, OfflineError, RequestError
from data.version import __version__
from detectors.hits import Hit
from fusion.lookup import Query, Request
from fusion.nominatim import Nominatim
from fusion.overpass import Overpass
from fusion.web import Limits, WebClient
from fusion.web_cache import AnswerCache
from fusion.web_hosts import manners_of, server_address
from fusion.web_pace import Clock, Pace
from tests.conftest import REPOSITORY
from tests.fusion.fault_server import FAULTS, GOOD, FaultServer, bomb

QUERY = Query("Café Wolf")
QUICK = Limits(total_s=6.0, connect_s=1.0, read_s=0.5)
START = 1795737600.0  # 2026-11-27 00:00 UTC


@dataclass(frozen=True)
class Listed:
    """A service that answers with a list of points."""

    base_url: str
    interval_s: float = 0.0
    name: str = "listed"
    attribution: str = ""
    post: bool = False

    def request(self, query: Query) -> Request | None:
        if self.post:
            return Request(f"{self.base_url}/search", form={"data": query.text})
        return Request(f"{self.base_url}/search", {"q": query.text})

    def hits(self, query: Query, body: Any) -> Sequence[Hit]:
        if not isinstance(body, list):
            raise LookupFailed("no list of places")
        return [Hit(place["name"], place["lat"], place["lon"]) for place in body]


@dataclass
class FakeClock:
    """A clock that goes on only when somebody sleeps."""

    now: float = START
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now, self.sleep)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("WHENCE_OFFLINE", "WHENCE_CONTACT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def kept(tmp_path: Path) -> int:
    """How many answers the cache holds."""
    path = tmp_path / "cache" / "whence" / "lookups" / "answers.sqlite"
    if not path.exists():
        return 0
    base = sqlite3.connect(path)
    try:
        return int(base.execute("SELECT COUNT(*) FROM answers").fetchone()[0])
    finally:
        base.close()


def failure(service: Listed, limits: Limits = QUICK, clock: Clock | None = None) -> str:
    """What the client says; it must say it in bounded time."""
    begun = time.monotonic()
    with pytest.raises(LookupFailed) as caught:
        WebClient([service], limits=limits, clock=clock or Clock(sleep=lambda _: None)).ask(service, QUERY)
    assert time.monotonic() - begun < 10
    return str(caught.value)


# What is asked, and how


def test_an_answer_becomes_hits_and_says_who_asked(server: FaultServer) -> None:
    service = Listed(server.url("good"))
    asked = WebClient([service], contact="me@example.org").ask(service, QUERY)
    assert asked is not None
    assert asked.hits == (Hit("Café Wolf", 47.14, 9.52),)
    assert (asked.service, asked.source, asked.request.params) == ("listed", "network", {"q": "Café Wolf"})
    [seen] = server.seen
    assert seen.headers["user-agent"] == f"whence/{__version__} (me@example.org)"
    assert (seen.method, seen.params) == ("GET", {"q": ["Café Wolf"]})
    assert set(seen.headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_a_form_is_posted(server: FaultServer) -> None:
    service = Listed(server.url("good"), post=True)
    assert WebClient([service]).ask(service, QUERY)
    [seen] = server.seen
    assert (seen.method, seen.params, seen.form) == ("POST", {}, {"data": ["Café Wolf"]})


def test_a_compressed_answer_is_read(server: FaultServer) -> None:
    service = Listed(server.url("zipped"))
    asked = WebClient([service]).ask(service, QUERY)
    assert asked is not None and asked.hits[0].name == "Café Wolf"


def test_proxies_of_the_environment_are_not_used(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    service = Listed(server.url("good"))
    assert WebClient([service]).ask(service, QUERY)


def test_cookies_are_not_sent_back(server: FaultServer) -> None:
    service = Listed(server.url("good"))
    client = WebClient([service])
    client.ask(service, Query("one"))
    client.ask(service, Query("two"))
    assert len(server.seen) == 2 and all("cookie" not in seen.headers for seen in server.seen)


def test_a_query_that_a_service_cannot_answer_is_not_asked(server: FaultServer) -> None:
    class Silent(Listed):
        def request(self, query: Query) -> Request | None:
            return None

    service = Silent(server.url("good"))
    assert WebClient([service]).ask(service, QUERY) is None
    assert server.seen == []


# Who may be asked


def test_nobody_is_asked_but_the_services_own_server(server: FaultServer) -> None:
    @dataclass(frozen=True)
    class Elsewhere(Listed):
        target: str = ""

        def request(self, query: Query) -> Request | None:
            return Request(self.target)

    base = server.url("good")
    for target in (server.url("html"), "http://127.0.0.1:9/good/search", base + "-bye/search", "https://example.org/"):
        service = Elsewhere(base, target=target)
        with pytest.raises(LookupFailed, match="another address than its own"):
            WebClient([service]).ask(service, QUERY)
    stranger = Listed(base, name="stranger")
    with pytest.raises(LookupFailed, match="none of the services"):
        WebClient([Listed(base)]).ask(stranger, QUERY)
    assert server.seen == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org", "no server's address"),
        ("example.org", "no server's address"),
        ("file:///etc/passwd", "no server's address"),
        ("https://", "names no host"),
        ("https://example.org.", "names no host"),
        ("https://exa mple.org", "no server's address"),
        ("https://example.org\r\nX: y", "no server's address"),
        ("https://example.org\\@evil.org", "no server's address"),
        ("https://[::1", "no server's address"),
        ("https://example.org:99999", "no port"),
        ("https://user:secret@example.org", "leave them out"),
        ("https://example.org/?a=b", "leave them out"),
        ("https://example.org/#a", "leave them out"),
        ("http://example.org", "unencrypted"),
        ("http://8.8.8.8", "unencrypted"),
        ("http://169.254.169.254/latest", "unencrypted"),
        ("http://[::ffff:8.8.8.8]/", "unencrypted"),
        ("http://nominatim.openstreetmap.org", "unencrypted"),
        ("http://local.evil.org", "unencrypted"),
    ],
)
def test_an_address_that_is_none_or_not_safe_is_refused(url: str, why: str) -> None:
    with pytest.raises(RequestError, match=why) as caught:
        WebClient([Listed(url)])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080/x", "http://192.168.1.5", "http://nominatim:8080",
     "http://maps.local", "http://maps.home.arpa", "https://example.org/nominatim"],
)  # fmt: skip
def test_encrypted_and_private_servers_may_be_asked(url: str) -> None:
    assert server_address(url + "/") == url


def test_a_private_name_that_stands_for_a_public_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("203.0.114.7", 80))])
    monkeypatch.setattr(socket.socket, "connect", lambda *a: asked.append(a))
    assert "outside every private network" in failure(Listed("http://nominatim"))
    assert asked == []


def test_public_servers_demand_a_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in (Nominatim(), Overpass(), Overpass("https://z.overpass-api.de/api/interpreter"),
                    Nominatim("https://NOMINATIM.openstreetmap.org")):  # fmt: skip
        with pytest.raises(RequestError, match="WHENCE_CONTACT"):
            WebClient([service])
    assert WebClient([Nominatim()], contact="https://example.org/me").agent.endswith("(https://example.org/me)")
    monkeypatch.setenv("WHENCE_CONTACT", "me@example.org")
    assert WebClient([Nominatim()]).agent.endswith("(me@example.org)")
    assert WebClient([Nominatim()], contact="you@example.org").agent.endswith("(you@example.org)")


@pytest.mark.parametrize(
    "contact", ["a@b.org\r\nX: y", "a@b.org\x00", "nobody", "me at home", "a@b.org)", "a" * 300 + "@b.org", "ä@b.org"]
)
def test_a_contact_that_is_none_is_refused(contact: str) -> None:
    with pytest.raises(RequestError, match="neither an e-mail address nor a URL"):
        WebClient([Nominatim()], contact=contact)


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(RequestError, match="same name"):
        WebClient([Nominatim("http://a"), Nominatim("http://b")])


def test_offline_nothing_is_made_that_could_ask(monkeypatch: pytest.MonkeyPatch, server: FaultServer) -> None:
    service = Listed(server.url("good"))
    with pytest.raises(OfflineError, match="network"):
        WebClient([service], offline=True)
    client = WebClient([service])
    monkeypatch.setenv("WHENCE_OFFLINE", "1")
    with pytest.raises(OfflineError, match="network"):
        WebClient([service])
    with pytest.raises(LookupFailed, match="forbids"):  # one that was made before
        client.ask(service, QUERY)
    assert server.seen == []


def test_the_client_is_light_to_import() -> None:
    code = (
        "import sys, fusion.services, fusion.web\n"
        "print([n for n in ('httpx', 'httpcore', 'filelock', 'ssl') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Faults


FAILING = {
    "hangs": "did not answer in time",
    "drips-body": "did not answer in time",
    "drips-headers": "did not answer in time",
    "says-429": "answered 429, 3 times",
    "says-429-for-an-hour": "left alone for 3600 s",
    "says-503": "answered 503, 3 times",
    "says-403": "answered 403",
    "says-404": "answered 404",
    "malformed": "no JSON",
    "deep": "no JSON",
    "huge-number": "no JSON",
    "other-json": "no list of places",
    "50-mb": "larger than",
    "50-mb-undeclared": "larger than",
    "gzip-bomb": "larger than",
    "half-a-gzip": "cut the connection, 3 times",
    "no-gzip": "no gzip",
    "brotli": "not asked for",
    "redirects-away": "another server",
    "redirects-to-another-port": "another server",
    "redirects-to-a-file": "redirects",
    "redirects-nowhere": "redirects",
    "redirects-in-circles": "more than 3 times",
    "cut-in-the-headers": "cut the connection, 3 times",
    "cut-in-the-body": "cut the connection, 3 times",
    "cut-at-once": "cut the connection, 3 times",
    "html": "not with JSON",
    "html-named-json": "no JSON",
    "latin-1": "not UTF-8",
    "utf-16": "not UTF-8",
    "no-http": "cut the connection, 3 times",
    "empty": "no JSON",
}
WORKING = {
    "raw",
    "good",
    "slow",
    "zipped",
    "says-429-once",
    "says-429-until-a-date",
    "says-500-twice",
    "redirects-here",
}


def test_every_fault_is_tried() -> None:
    assert set(FAILING) | WORKING == set(FAULTS)


@pytest.mark.parametrize("fault", FAILING)
def test_a_fault_is_a_failed_look_up_in_bounded_time_and_nothing_is_kept(
    fault: str, server: FaultServer, tmp_path: Path
) -> None:
    bomb()  # the server makes it only once, and takes a second
    limits = Limits(total_s=0.6, read_s=0.5) if fault.startswith("drips") else QUICK
    message = failure(Listed(server.url(fault)), limits)
    assert FAILING[fault] in message and ("listed" in message or fault == "other-json")
    assert kept(tmp_path) == 0
    once = 1 if "3 times" not in message or "redirects" in message else 3
    assert server.count(fault) == (4 if fault == "redirects-in-circles" else once)


def test_a_gzip_bomb_is_never_unpacked(server: FaultServer) -> None:
    bomb()
    tracemalloc.start()
    try:
        failure(Listed(server.url("gzip-bomb")))
        assert tracemalloc.get_traced_memory()[1] < 16 << 20  # one packet of it holds 60 MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("fault", ["drips-body", "drips-headers"])
def test_a_server_that_drips_meets_the_deadline(fault: str, server: FaultServer) -> None:
    # Bytes come every 50 ms: no wait for one packet is ever as long as read_s.
    begun = time.monotonic()
    failure(Listed(server.url(fault)), Limits(total_s=0.6, read_s=0.5))
    assert 0.5 < time.monotonic() - begun < 5


def test_a_server_that_says_nothing_meets_the_deadline(server: FaultServer) -> None:
    begun = time.monotonic()
    failure(Listed(server.url("hangs")), Limits(total_s=0.3, read_s=8.0))
    assert time.monotonic() - begun < 5


def test_nobody_there_and_no_such_name_are_said() -> None:
    assert "is the server running" in failure(Listed("http://127.0.0.1:9"))


def test_a_name_that_takes_long_to_look_up_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(20) and [])
    assert "in time" in failure(Listed("http://nominatim"), Limits(total_s=0.3))
    done.set()


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    both = tmp_path / "both.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "-", "-out", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    both.write_bytes(made.stdout)
    with FaultServer(both) as server:
        service = Listed(server.url("good"))
        assert "not safe (self-signed certificate" in failure(service)
        assert server.seen == []


def test_plain_http_where_tls_is_expected_is_a_failed_look_up(server: FaultServer) -> None:
    assert "not safe" in failure(Listed(server.url("good").replace("http:", "https:")))


def test_no_bytes_whatever_break_the_client(server: FaultServer) -> None:
    service = Listed(server.url("raw"))
    body = gzip.compress(GOOD)
    whole = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nRetry-After: 1\r\n"
        b"Location: /raw/search\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body
    limits, outcomes = Limits(total_s=2.0, read_s=0.5, retries=0), set()
    for seed in range(150):
        chance = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.randrange(8)] = chance.randbytes(chance.randrange(8))
        if chance.random() < 0.3:
            status = chance.choice(
                [b"100", b"101", b"204", b"206", b"301", b"303", b"304", b"407", b"418", b"599", b"999"]
            )
            damaged = damaged.replace(b"200", status, 1)
        server.raw = bytes(damaged[: chance.randrange(len(damaged))] if chance.random() < 0.3 else damaged)
        try:
            client = WebClient([service], limits=limits, clock=Clock(sleep=lambda _: None))
            asked = client.ask(service, Query(f"shop {seed}"))
            assert asked is not None and all(isinstance(hit, Hit) for hit in asked.hits)
            outcomes.add("answered")
        except LookupFailed as error:
            outcomes.add(str(error))
    assert "answered" in outcomes and len(outcomes) > 8, outcomes
    gc.collect()  # a socket that was left open is a warning, and that an error


def test_a_service_that_fails_on_what_came_costs_no_answer(server: FaultServer, tmp_path: Path) -> None:
    class Careless(Listed):
        def hits(self, query: Query, body: Any) -> Sequence[Hit]:
            raise KeyError("lat")

    service = Careless(server.url("good"))
    with pytest.raises(LookupFailed, match="listed failed on what came"):
        WebClient([service]).ask(service, QUERY)
    assert kept(tmp_path) == 0


def test_what_cannot_be_written_as_a_request_is_not_sent(server: FaultServer) -> None:
    service = Listed(server.url("good"))
    client = WebClient([service])
    for text in ("\ud800", "x" * 10_000):
        with pytest.raises(LookupFailed, match="not sent"):
            client.ask(service, Query(text))
    assert server.seen == []


# Retries and redirects


def test_what_fails_for_a_moment_is_tried_again_after_a_wait(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("says-500-twice"))
    asked = WebClient([service], clock=fake.clock()).ask(service, QUERY)
    assert asked is not None and asked.hits
    assert fake.slept == [1.0, 2.0]


@pytest.mark.parametrize(("fault", "wait_s"), [("says-429-once", 3.0), ("says-429-until-a-date", 4.0)])
def test_a_wait_that_the_server_asks_for_is_kept(fault: str, wait_s: float, server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url(fault))
    assert WebClient([service], clock=fake.clock()).ask(service, QUERY)
    assert fake.slept == [wait_s]


def test_no_wait_goes_past_the_deadline(server: FaultServer) -> None:
    fake = FakeClock()
    assert "no time left" in failure(Listed(server.url("says-429-once")), Limits(total_s=2.0), fake.clock())
    assert fake.slept == []


def test_a_server_that_wants_to_be_left_alone_is(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("says-429-for-an-hour"))
    client = WebClient([service], clock=fake.clock())
    with pytest.raises(LookupFailed, match="left alone for 3600 s"):
        client.ask(service, QUERY)
    fake.now += 3000
    with pytest.raises(LookupFailed, match="left alone for 600 s more"):
        client.ask(service, Query("another"))
    assert len(server.seen) == 1
    fake.now += 601
    with pytest.raises(LookupFailed):
        client.ask(service, QUERY)
    assert len(server.seen) == 2


def test_a_server_that_is_down_is_not_asked_for_every_query(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("cut-at-once"))
    client = WebClient([service], clock=fake.clock())
    for n in range(10):
        with pytest.raises(LookupFailed):
            client.ask(service, Query(f"shop {n}"))
    assert len(server.seen) == 9  # three queries, three tries each


def test_a_server_that_stays_down_is_left_alone_longer_each_time(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("cut-at-once"))
    client = WebClient([service], limits=Limits(retries=0), clock=fake.clock())
    for n in range(4 * 3600):  # a photo a second
        fake.now += 1.0
        with pytest.raises(LookupFailed):
            client.ask(service, Query(f"shop {n}"))
    assert len(server.seen) <= 12


def test_a_redirect_on_the_same_server_is_followed(server: FaultServer) -> None:
    for post in (False, True):
        service = Listed(server.url("redirects-here"), post=post)
        assert WebClient([service]).ask(service, QUERY)
        assert server.seen[-1].path == "/good/search" and server.seen[-1].params == {"q": ["moved"]}
        assert server.seen[-1].method == ("POST" if post else "GET")
    assert server.seen[-1].form == {"data": ["Café Wolf"]}


# The cache


def test_an_answer_is_asked_for_once(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("good"), interval_s=1.0)
    first = WebClient([service], clock=fake.clock()).ask(service, QUERY)
    again = WebClient([service], clock=fake.clock()).ask(service, QUERY)
    assert first is not None and again is not None
    assert (first.source, again.source) == ("network", "cache") and first.hits == again.hits
    assert len(server.seen) == 1 and fake.slept == []
    fake.now += 31 * 86400
    late = WebClient([service], clock=fake.clock()).ask(service, QUERY)
    assert late is not None and late.source == "network"


def test_another_query_or_server_is_another_answer(server: FaultServer) -> None:
    one, other = Listed(server.url("good")), Listed(server.url("zipped"))
    for service, query in ((one, QUERY), (one, Query("Cafe Wolf")), (other, QUERY)):
        asked = WebClient([service]).ask(service, query)
        assert asked is not None and asked.source == "network"


@pytest.mark.parametrize("damage", ["garbage", "empty", "other", "flipped", "folder"])
def test_a_damaged_cache_is_made_anew(damage: str, server: FaultServer, tmp_path: Path) -> None:
    service = Listed(server.url("good"))
    client = WebClient([service], cache=tmp_path)
    path = tmp_path / "answers.sqlite"
    client.ask(service, QUERY)
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "other":
        path.unlink()
        base = sqlite3.connect(path)
        base.execute("CREATE TABLE answers (colour TEXT)")
        base.commit()
        base.close()
    elif damage == "flipped":
        assert content.count(b"Wolf") == 1
        path.write_bytes(content.replace(b"Wolf", b"Golf"))
    else:
        path.write_bytes({"garbage": b"garbage" * 1000, "empty": b""}[damage])
    for expected in ("network", "network" if damage == "folder" else "cache"):
        asked = client.ask(service, QUERY)
        assert asked is not None and asked.hits[0].name == "Café Wolf" and asked.source == expected


def test_a_cache_that_cannot_be_written_costs_no_answer(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    service = Listed(server.url("good"))
    assert WebClient([service], cache=tmp_path / "file" / "below").ask(service, QUERY)


def test_the_oldest_answers_make_room(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path, most_bytes=1000)
    requests = [Request(f"http://a/{n}") for n in range(6)]
    for n, request in enumerate(requests):
        cache.put(request, "x" * 240, 100.0 + n)
    assert [cache.get(request, 110.0) is not None for request in requests] == [False, False, True, True, True, True]
    cache.put(Request("http://a/large"), "x" * 900, 110.0)
    assert cache.get(Request("http://a/large"), 110.0) is None


def test_an_answer_that_makes_no_sense_any_more_is_asked_for_again(server: FaultServer) -> None:
    service = Listed(server.url("good"))
    asked = WebClient([service]).ask(service, QUERY)
    assert asked is not None

    class Newer(Listed):
        strict = True

        def hits(self, query: Query, body: Any) -> Sequence[Hit]:
            if len(server.seen) == 1:
                raise LookupFailed("an older form")
            return super().hits(query, body)

    newer = Newer(server.url("good"))
    asked = WebClient([newer]).ask(newer, QUERY)
    assert asked is not None and asked.source == "network"


# The pace


def test_requests_are_an_interval_apart(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("good"), interval_s=1.0)
    client = WebClient([service], clock=fake.clock())
    for n in range(3):
        client.ask(service, Query(f"shop {n}"))
    other = WebClient([service], clock=fake.clock())
    other.ask(service, Query("shop 3"))
    assert fake.slept == [1.0, 1.0, 1.0]
    fake.now += 0.75
    other.ask(service, Query("shop 4"))
    assert fake.slept[3:] == [0.25]


def test_an_interval_is_not_waited_for_beyond_all_patience(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("good"), interval_s=3600.0)
    client = WebClient([service], clock=fake.clock())
    client.ask(service, Query("shop"))
    with pytest.raises(LookupFailed, match="once in 3600 s"):
        client.ask(service, Query("another"))
    assert fake.slept == [] and len(server.seen) == 1


def test_retries_and_redirects_keep_the_pace(server: FaultServer) -> None:
    fake = FakeClock()
    service = Listed(server.url("redirects-in-circles"), interval_s=1.0)
    failure(service, Limits(), fake.clock())
    assert len(server.seen) == 4 and fake.slept == [1.0, 1.0, 1.0]


def test_a_clock_that_jumps_costs_one_interval_at_most(tmp_path: Path) -> None:
    fake = FakeClock()
    for jump in (-40 * 86400.0, 40 * 86400.0, -1.0):
        with Pace(tmp_path, fake.clock()).turn("a:443", interval_s=1.0, per_day=None):
            pass
        fake.now += jump
        fake.slept.clear()
        with Pace(tmp_path, fake.clock()).turn("a:443", interval_s=1.0, per_day=None):
            pass
        assert sum(fake.slept) <= 1.0


def test_a_clock_that_jumps_forwards_hides_no_request_of_ones_own(tmp_path: Path) -> None:
    fake = FakeClock()
    wall = [START]
    pace = Pace(tmp_path, Clock(lambda: wall[0], lambda: fake.now, fake.sleep))
    for _ in range(2):
        with pace.turn("a:443", interval_s=1.0, per_day=None):
            pass
        wall[0] += 3600
    assert fake.slept == [1.0]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"at": "x"}', b'{"at": 1e999, "day": "", "count": 1}', b"\xff"]
)
def test_a_damaged_note_of_the_pace_costs_one_interval(content: bytes, tmp_path: Path) -> None:
    fake = FakeClock()
    with Pace(tmp_path, fake.clock()).turn("a:443", interval_s=1.0, per_day=5):
        pass
    [note] = tmp_path.glob("*.json")
    note.write_bytes(content)
    with Pace(tmp_path, fake.clock()).turn("a:443", interval_s=1.0, per_day=5):
        pass
    assert fake.slept == [1.0]


def test_a_public_server_is_asked_so_often_a_day_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # 600 times: seconds on some disks
    fake = FakeClock()
    manners = manners_of("https://nominatim.openstreetmap.org")
    assert manners is not None and (manners.interval_s, manners.per_day) == (1.0, 300)
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "whence" / "pace"
    for _ in range(manners.per_day):
        pace = Pace(cache, fake.clock())  # a process of its own each
        with pace.turn("nominatim.openstreetmap.org:443", interval_s=1.0, per_day=manners.per_day):
            pass
    client = WebClient([Nominatim()], contact="me@example.org", clock=fake.clock())
    with pytest.raises(LookupFailed, match=r"asked 300 times today.*a server of your own"):
        client.ask(Nominatim(), QUERY)
    fake.now += 86400
    with Pace(cache, fake.clock()).turn("nominatim.openstreetmap.org:443", interval_s=1.0, per_day=manners.per_day):
        pass


def test_without_a_folder_to_meet_in_a_server_with_a_pace_is_not_asked(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "cannot be written" in failure(Listed(server.url("good"), interval_s=1.0))
    with (
        pytest.raises(LookupFailed, match="folder to meet in"),
        Pace(None, Clock()).turn("a", interval_s=1, per_day=None),
    ):
        pass
    assert server.seen == []


ASK = """
import sys
from tests.fusion.test_web import Listed, Query, WebClient
service = Listed(sys.argv[1], interval_s=float(sys.argv[2]))
client = WebClient([service])
print("ready", flush=True)
sys.stdin.readline()
for n in range(int(sys.argv[4])):
    client.ask(service, Query(f"{sys.argv[3]} {n}"))
"""


def asking(url: str, interval_s: float, who: str, times: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", ASK, url, str(interval_s), who, str(times)]
    child = subprocess.Popen(words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def finish(child: subprocess.Popen[str]) -> int:
    with child:
        return child.wait(60)


def test_two_processes_and_their_threads_share_one_pace(server: FaultServer) -> None:
    url, interval_s = server.url("slow"), 0.3
    children = [asking(url, interval_s, who, 2) for who in ("one", "other")]
    service = Listed(url, interval_s=interval_s)
    client = WebClient([service])
    threads = [threading.Thread(target=client.ask, args=(service, Query(f"thread {n}"))) for n in range(2)]
    for child in children:
        go(child)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [finish(child) for child in children] == [0, 0]
    times = sorted(seen.at for seen in server.seen)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert len(times) == 6
    assert min(gaps) > 0.9 * interval_s, gaps


def test_a_process_that_is_killed_in_its_turn_blocks_nobody(server: FaultServer) -> None:
    child = asking(server.url("hangs"), 1.0, "killed", 1)
    go(child)
    while not server.seen:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    assert finish(child) == -signal.SIGKILL
    service = Listed(server.url("hangs").replace("hangs", "good"), interval_s=1.0)
    begun = time.monotonic()
    assert WebClient([service]).ask(service, QUERY)
    assert time.monotonic() - begun < 10
    assert server.seen[1].at - server.seen[0].at >= 1.0


def test_what_a_killed_process_leaves_is_waited_out(tmp_path: Path) -> None:
    fake = FakeClock()
    with Pace(tmp_path, fake.clock()).turn("a:443", interval_s=1.0, per_day=2):
        fake.now += 5  # the request takes long, and nobody knows when the server saw it
        [note] = tmp_path.glob("*.json")
        left = note.read_bytes()
    note.write_bytes(left)
    with Pace(tmp_path, fake.clock()).turn("a:443", interval_s=1.0, per_day=2):
        pass
    assert fake.slept == [1.0]
    with (
        pytest.raises(LookupFailed, match="asked 2 times today"),
        Pace(tmp_path, fake.clock()).turn("a:443", interval_s=1.0, per_day=2),
    ):
        pass


def test_who_waits_too_long_for_a_turn_goes_without(tmp_path: Path) -> None:
    pace = Pace(tmp_path, Clock(), patience_s=0.2)
    with pace.turn("a:443", interval_s=0.1, per_day=None):
        failed: list[Mapping[str, str]] = []

        def other() -> None:
            try:
                with Pace(tmp_path, Clock(), patience_s=0.2).turn("a:443", interval_s=0.1, per_day=None):
                    pass
            except LookupFailed as error:
                failed.append({"message": str(error)})

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
    assert json.dumps(failed).count("no turn in 0.2 s") == 1
