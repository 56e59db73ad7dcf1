"""A look-up service of one's own: a few lines make one, and whatever it does wrong costs the look-up and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from backbone.density import DensityPrior
from data.errors import LookupFailed, RequestError
from data.partition import Partition
from detectors.hits import Hit
from fusion.locator import Locator
from fusion.lookup import LookupService, Query, Request
from fusion.web import WebClient
from tests.fusion.fault_server import FaultServer
from tests.fusion.parts import FixedText

SIGN = "Burgmaier Zwölfhaus"


class Guide:
    """What the documentation shows: all that a service has to have."""

    name, attribution, interval_s = "guide", "© Guide", 0.0

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def request(self, query: Query) -> Request | None:
        return Request(f"{self.base_url}/find", {"q": query.text})

    def hits(self, query: Query, body: Any) -> Sequence[Hit]:
        return [Hit(query.text, place["lat"], place["lon"]) for place in body]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("WHENCE_OFFLINE", "WHENCE_CONTACT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def url() -> Iterator[str]:
    with FaultServer() as server:
        yield server.url("good")


def odd(url: str, **members: Any) -> LookupService:
    """A guide some of whose members are others."""
    return cast(LookupService, type("Odd", (Guide,), members)(url))


def test_a_service_of_ones_own_is_asked_and_credited(url: str, partition: Partition) -> None:
    locator = Locator(
        DensityPrior(partition), ocr=FixedText([SIGN]), regions="none", scenes="none", places="none",
        lookups=[Guide(url)],
    )  # fmt: skip
    answer = locator.locate(np.zeros((400, 300, 3), np.uint8))
    assert (round(answer.lat, 1), round(answer.lon, 1)) == (47.1, 9.5)
    assert [(row["service"], row["query"], row["found"]) for row in answer.lookups] == [("guide", SIGN, 1)]
    assert list(answer.attributions) == ["© Guide"] and "© Guide" in answer.to_html()


def raises(self: Guide, *of: Any) -> Any:
    raise ValueError("not so")


def gives(what: Any) -> Any:
    return lambda self, *of: what(self) if callable(what) else what


WRONG: Mapping[str, Mapping[str, Any]] = {
    "fails on asking": {"request": raises},
    "fails on reading": {"hits": raises},
    "asks with a text": {"request": gives(lambda self: self.base_url)},
    "asks of nobody": {"request": gives(Request(cast(str, None)))},
    "asks with bytes": {"request": gives(lambda self: Request(self.base_url, {"q": cast(str, b"x")}))},
    "asks with nothing": {"request": gives(lambda self: Request(self.base_url, cast(Any, None)))},
    "posts a text": {"request": gives(lambda self: Request(self.base_url, form=cast(Any, "q=x")))},
    "finds nothing at all": {"hits": gives(None)},
    "finds numbers": {"hits": gives([1, 2])},
    "finds what has no name": {"hits": gives([Hit(cast(str, None), 47.0, 9.0)])},
    "finds without an end": {"hits": lambda self, *of: iter(int, 1)},
}


@pytest.mark.parametrize("fault", WRONG)
def test_whatever_a_service_does_wrong_is_a_failed_look_up(fault: str, url: str) -> None:
    service = odd(url, **WRONG[fault])
    with pytest.raises(LookupFailed, match="guide failed on"):
        WebClient([service]).ask(service, Query(SIGN))


def test_numbers_among_the_parameters_are_sent_as_texts(url: str) -> None:
    service = odd(url, request=lambda self, query: Request(f"{self.base_url}/find", {"limit": cast(str, 5)}))
    asked = WebClient([service]).ask(service, Query(SIGN))
    assert asked is not None and asked.request.params == {"limit": "5"}


def test_hits_without_an_end_are_cut_and_their_texts_can_be_shown(url: str) -> None:
    evil = Hit("\x1b[2JBar\n", 47.0, 9.0, what="shop=\x07", address="\u202egpj" * 1000, country="Austria", id="\r\n")

    def endless(self: Guide, *of: Any) -> Iterable[Hit]:
        while True:
            yield evil

    service = odd(url, hits=endless)
    asked = WebClient([service]).ask(service, Query(SIGN))
    assert asked is not None and len(asked.hits) == 100
    hit = asked.hits[0]
    assert hit.name.isprintable() and hit.what.isprintable() and hit.address.isprintable() and hit.id == ""
    assert len(hit.address) <= 400 and hit.country == ""
    fine = Hit("Café Wolf", 47.0, 9.0, what="amenity=cafe", address="Städtle 9, Vaduz", country="LI", id="node/1")
    assert WebClient([plain := odd(url, hits=gives([fine]))]).ask(plain, Query("x")) == replace(
        asked, hits=(fine,), source="network", request=Request(f"{url}/find", {"q": "x"})
    )


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"name": ""}, "no name"), ({"name": "\x1b[2J"}, "no name"), ({"name": None}, "no name"),
        ({"interval_s": "1"}, "interval_s"), ({"interval_s": float("nan")}, "interval_s"),
        ({"interval_s": -1.0}, "interval_s"), ({"attribution": None}, "attribution"),
    ],
)  # fmt: skip
def test_a_service_without_its_particulars_is_refused(members: dict[str, Any], why: str, url: str) -> None:
    with pytest.raises(RequestError, match=why):
        WebClient([odd(url, **members)])


@pytest.mark.parametrize("fault", WRONG)
def test_whatever_a_service_does_wrong_costs_no_answer(fault: str, url: str, partition: Partition) -> None:
    locator = Locator(
        DensityPrior(partition), ocr=FixedText([SIGN]), regions="none", scenes="none", places="none",
        lookups=[odd(url, **WRONG[fault])],
    )  # fmt: skip
    answer = locator.locate(np.zeros((400, 300, 3), np.uint8))
    assert answer.lookups and all(row["failed"] for row in answer.lookups)
