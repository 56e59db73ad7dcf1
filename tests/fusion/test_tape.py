"""A run that is recorded is repeated without a network and comes to the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from data.errors import DatasetError, LookupFailed, RequestError
from detectors.hits import Hit
from fusion.lookup import Query, Request
from fusion.tape import Tape
from fusion.web import Limits, WebClient
from fusion.web_pace import Clock
from tests.conftest import REPOSITORY
from tests.fusion.fault_server import FaultServer

REQUEST = Request("http://127.0.0.1/search", {"q": "Café Wolf"})


class Places:
    """A service that answers with a list of points."""

    name = "places"
    attribution = ""
    interval_s = 0.0

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def request(self, query: Query) -> Request | None:
        return Request(f"{self.base_url}/search", {"q": query.text})

    def hits(self, query: Query, body: Any) -> Sequence[Hit]:
        return [Hit(place["name"], place["lat"], place["lon"]) for place in body]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("WHENCE_OFFLINE", "WHENCE_CONTACT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def outcome(client: WebClient, service: Places, text: str) -> tuple[Hit, ...] | str:
    try:
        asked = client.ask(service, Query(text))
        return asked.hits if asked is not None else "not asked"
    except LookupFailed as error:
        return str(error)


def test_a_run_is_repeated_offline_with_its_failures(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    services = [Places(server.url(fault)) for fault in ("good", "malformed", "says-500-twice", "says-404", "good")]
    limits, clock = Limits(), Clock(sleep=lambda _: None)
    online = [
        outcome(WebClient([s], contact="me@example.org", tape=Tape.record(path), limits=limits, clock=clock), s, "Café")
        for s in services
    ]
    assert [isinstance(got, str) for got in online] == [False, True, False, True, False]
    assert server.count("good") == 1  # the second time it came from the cache, and is on the tape all the same

    asked = len(server.seen)
    monkeypatch.setenv("WHENCE_OFFLINE", "1")
    tape = Tape.replay(path)
    again = [outcome(WebClient([s], offline=True, tape=tape), s, "Café") for s in services]
    assert again == online
    assert len(server.seen) == asked
    assert b"me@example.org" not in path.read_bytes()


def test_replaying_looks_into_no_cache_and_says_so(server: FaultServer, tmp_path: Path) -> None:
    service = Places(server.url("good"))
    path = tmp_path / "run.jsonl"
    WebClient([service], tape=Tape.record(path)).ask(service, Query("Café"))
    asked = WebClient([service], tape=Tape.replay(path)).ask(service, Query("Café"))
    assert asked is not None and asked.source == "tape"
    assert "was not asked this" in str(outcome(WebClient([service], tape=Tape.replay(path)), service, "Cafe"))
    assert len(server.seen) == 1


def test_a_public_server_is_replayed_without_a_contact(tmp_path: Path) -> None:
    from fusion.nominatim import Nominatim

    path = tmp_path / "run.jsonl"
    tape = Tape.record(path)
    request = Nominatim().request(Query("Café"))
    assert request is not None
    tape.add("nominatim", request, body='[{"lat": "1", "lon": "2", "name": "Café"}]')
    asked = WebClient([Nominatim()], tape=Tape.replay(path)).ask(Nominatim(), Query("Café"))
    assert asked is not None and asked.hits[0].lat == 1.0


def test_what_came_differently_each_time_comes_so_again(tmp_path: Path) -> None:
    tape = Tape.record(tmp_path / "t")
    tape.add("a", REQUEST, failure="it was tired")
    tape.add("a", REQUEST, body="[1]")
    tape.add("b", REQUEST, body="[2]")
    tape.add("a", Request(REQUEST.url, form={"q": "Café Wolf"}), body="[3]")
    again = Tape.replay(tmp_path / "t")
    with pytest.raises(LookupFailed, match=r"^it was tired$"):
        again.play("a", REQUEST)
    assert [again.play("a", REQUEST) for _ in range(3)] == ["[1]"] * 3
    assert again.play("b", REQUEST) == "[2]"
    assert again.play("a", Request(REQUEST.url, form={"q": "Café Wolf"})) == "[3]"
    for stranger in (Request(REQUEST.url, {"q": "Cafe Wolf"}), Request(REQUEST.url + "/", {"q": "Café Wolf"})):
        with pytest.raises(LookupFailed, match="was not asked this"):
            again.play("a", stranger)


@pytest.mark.parametrize("body", ["", "é\n\u2028\ud83c\udf70\x00\t", '"\\\n', "\udcff", "x" * (2 << 20)])
def test_a_body_comes_back_byte_for_byte(body: str, tmp_path: Path) -> None:
    Tape.record(tmp_path / "t").add("a", REQUEST, body=body)
    assert Tape.replay(tmp_path / "t").play("a", REQUEST) == body.encode("utf-16", "surrogatepass").decode(
        "utf-16", "surrogatepass"
    )


def test_half_a_line_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "t"
    Tape.record(path).add("a", REQUEST, body="[1]")
    whole = path.read_bytes()
    for cut in (1, 20, len(whole.splitlines()[1])):
        path.write_bytes(whole + whole.splitlines()[1][:cut])
        assert Tape.replay(path).play("a", REQUEST) == "[1]"
        Tape.record(path).add("b", REQUEST, body="[2]")
        again = Tape.replay(path)
        assert (again.play("a", REQUEST), again.play("b", REQUEST)) == ("[1]", "[2]")
        assert path.read_bytes().startswith(whole)


def test_a_tape_whose_header_was_cut_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "t"
    Tape.record(path)
    header = path.read_bytes()
    path.write_bytes(header[:7])
    Tape.record(path).add("a", REQUEST, body="[1]")
    assert Tape.replay(path).play("a", REQUEST) == "[1]" and path.read_bytes().startswith(header)


def line(**fields: Any) -> bytes:
    whole = {"service": "a", "url": "http://a", "params": {}, "form": None, "body": "[]", **fields}
    return json.dumps(whole).encode() + b"\n"


@pytest.mark.parametrize(
    "damaged",
    [b"garbage\n", b"\n", b"[]\n", b"{}\n", b'"body"\n', b"[" * 100_000 + b"\n", b"\xff\xfe\n", line()[:-9] + b"\n",
     line(body=3), line(body=None), line(url=None), line(params=[1]), line(params={"q": 1}), line(form="x"),
     line(service=["a"])],
)  # fmt: skip
def test_a_damaged_line_is_said_with_its_number(damaged: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t"
    Tape.record(path).add("a", REQUEST, body="[1]")
    path.write_bytes(path.read_bytes() + damaged + line())
    with pytest.raises(DatasetError, match=r"line 3 of .* is damaged"):
        Tape.replay(path)


@pytest.mark.parametrize(
    "foreign",
    [b"\x89PNG\r\n\x1a\n", b'{"name": "x"}\n', b"[]\n", b"hello\nworld\n", b'{"whence-tape": 99}\n', b"[" * 5000],
)
def test_a_foreign_file_is_neither_played_nor_written_to(foreign: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(foreign)
    for use in (Tape.replay, Tape.record):
        with pytest.raises(DatasetError, match=r"no tape|another version"):
            use(path)
    assert path.read_bytes() == foreign


def test_an_empty_file_is_no_tape(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"")
    with pytest.raises(DatasetError, match="no tape"):
        Tape.replay(tmp_path / "t")


def test_a_file_that_is_not_there_or_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot replay"):
        Tape.replay(tmp_path / "none")
    for path in (tmp_path, tmp_path / "none" / "t"):
        with pytest.raises(RequestError, match="cannot record"):
            Tape.record(path)


def test_what_cannot_be_recorded_is_not_used(server: FaultServer, tmp_path: Path) -> None:
    service, path = Places(server.url("good")), tmp_path / "below" / "t"
    path.parent.mkdir()
    client = WebClient([service], tape=Tape.record(path))
    path.unlink()
    path.mkdir()
    assert "cannot be recorded" in str(outcome(client, service, "Café"))


WRITE = """
import sys
from fusion.lookup import Request
from fusion.tape import Tape
print("ready", flush=True)
sys.stdin.readline()
tape = Tape.record(sys.argv[1])
for n in range(40):
    tape.add(sys.argv[2], Request("http://a/" + str(n)), body=sys.argv[2] * 20_000)
"""


def test_threads_and_processes_record_on_one_tape(tmp_path: Path) -> None:
    path = tmp_path / "t"
    names = ["child 0", "child 1", "thread 0", "thread 1"]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path), name],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in names[:2]
    ]  # fmt: skip

    def write(name: str) -> None:
        tape = Tape.record(path)
        for n in range(40):
            tape.add(name, Request(f"http://a/{n}"), body=name * 20_000)

    for child in children:
        assert child.stdin is not None and child.stdout is not None and child.stdout.readline() == "ready\n"
        child.stdin.write("\n")
        child.stdin.flush()
    threads = [threading.Thread(target=write, args=(name,)) for name in names[2:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for child in children:
        with child:
            assert child.wait(60) == 0
    again = Tape.replay(path)
    for name in names:
        assert all(again.play(name, Request(f"http://a/{n}")) == name * 20_000 for n in range(40))
    assert [file.name for file in tmp_path.iterdir()] == ["t"]  # no lock stays behind
