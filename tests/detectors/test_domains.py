from __future__ import annotations

import math
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.gazetteer import load_default
from detectors.base import Clue, Reading
from detectors.domain_places import REGION_SUFFIXES
from detectors.domains import DomainReader, hosts_in

BOX = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))


def clue(text: str) -> Clue | None:
    found = DomainReader().clues([Reading("r0", text, BOX, 0.95)])
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("www.foo.es", "ES"),
        ("www foo.es", "ES"),
        ("wwwfoo.es", "ES"),
        ("www. foo . com . au", "AU"),
        ("www.foo,de", "DE"),
        ("WWW.FOO.PL", "PL"),
        ("http://foo.fr/carte", "FR"),
        ("www.foo.c0m.br", "BR"),
        ("www.foo.es. Tel 91 555", "ES"),
        ("info@hotel-sol.pt", "PT"),
        ("call foo.co.uk now", "GB"),
        ("minihas.hu", "HU"),
        ("www.foo.com.co", "CO"),
        ("someone@qq.com", "CN"),
        ("москва.рф", "RU"),
    ],
)
def test_a_countrys_domain_points_at_it(text: str, country: str) -> None:
    found = clue(text)
    assert found is not None
    assert found.points_to[0] == country
    assert found.evidence.countries[country] > 1.0 > 0.0 > found.evidence.elsewhere


@pytest.mark.parametrize("text", ["www.foo.com", "foo.org", "info@gmail.com", "www.foo.net", "www.foo.app"])
def test_worldwide_domains_say_nothing(text: str) -> None:
    assert clue(text) is None


@pytest.mark.parametrize(
    "text",
    ["St.Louis", "No.1", "e.g", "U.S.A.", "Dr.No", "S.Maria", "Bros.Co", "12.50", "10.30-18.00", "1.de", "foo,de",
     "photo.jpg", "README.md", "main.rs", "img.py", "Jl.Raya", "P.le", "", "..."],
)  # fmt: skip
def test_abbreviations_prices_and_files_are_no_hosts(text: str) -> None:
    assert hosts_in(text) == []


@pytest.mark.parametrize("ending", ["tv", "io", "me", "co", "ai", "fm", "ly", "to"])
def test_country_domains_of_worldwide_use_are_weak(ending: str) -> None:
    found = clue(f"www.foo.{ending}")
    assert found is not None
    assert max(found.evidence.countries.values()) <= 1.0
    assert found.evidence.elsewhere >= -0.1


def test_a_domain_of_many_countries_is_weaker_than_one_of_one() -> None:
    union, one = clue("www.foo.eu"), clue("www.foo.hu")
    assert union is not None and one is not None
    assert {"DE", "FR", "ES"} <= set(union.evidence.countries)
    assert union.evidence.countries["HU"] < one.evidence.countries["HU"]


def test_regions_and_cities_have_domains() -> None:
    catalan, berlin, california = clue("www.botiga.cat"), clue("www.laden.berlin"), clue("www.sf.ca.us")
    assert catalan is not None and berlin is not None and california is not None
    assert set(catalan.evidence.regions) == {"ES.56"}
    assert berlin.evidence.points[0].lat == pytest.approx(52.52, abs=0.05)
    assert set(california.evidence.regions) == {"US.CA"}


def test_region_codes_are_the_gazetteers() -> None:
    gazetteer = load_default()
    for code, _name in REGION_SUFFIXES.values():
        assert gazetteer.admin1_name(code) != code, code


def test_mail_addresses_are_masked_and_hosts_are_not() -> None:
    assert "@" not in (getattr(clue("info@hotel-sol.pt"), "text", ""))
    assert getattr(clue("www.hotel-sol.pt"), "text", "") == "hotel-sol.pt"


def test_the_source_names_the_characters() -> None:
    found = clue("call foo.co.uk now")
    assert found is not None and found.evidence.sources == ("r0:5-14",)


def test_a_host_counts_once() -> None:
    readings = [Reading(f"r{i}", "www.foo.es", BOX, 0.9) for i in range(3)]
    assert len(DomainReader().clues(readings)) == 1


def test_no_connection_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    from detectors import domains

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    domains._extract.cache_clear()
    assert clue("www.foo.es") is not None


@given(st.text(alphabet="wW.@,/: abceosk01", max_size=40))
def test_any_text_is_survived(text: str) -> None:
    for found in DomainReader().clues([Reading("r0", text, BOX, 0.5)]):
        assert math.isfinite(found.evidence.elsewhere)


def test_a_bare_suffix_of_a_rare_country_is_taken_for_a_misreading() -> None:
    rare, common = clue("CACORA.SS"), clue("CACORA.FR")
    assert common is not None and common.evidence.countries["FR"] > 1.5
    assert rare is None or rare.evidence.elsewhere > -0.15 > common.evidence.elsewhere
