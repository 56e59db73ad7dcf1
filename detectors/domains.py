"""Web and mail addresses: a country's domain is evidence for it, a city's for a point, ``.com`` is none.

What is a suffix comes from the public suffix list inside ``tldextract``; no newer list is fetched. OCR puts spaces
around dots, reads commas for them and drops the one behind ``www``; a name and a suffix alone are believed only where
they fill a line, since "St.Louis" and "No.1" have dots too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from data.gazetteer import Gazetteer, Place, load_default
from detectors.base import Clue, Evidence, PointEvidence, Reading
from detectors.domain_places import (
    CITY_SUFFIXES,
    COUNTRY_SUFFIXES,
    GENERIC_COUNTRY_SUFFIXES,
    HOSTS,
    REGION_SUFFIXES,
    SEVERAL_COUNTRIES,
)
from detectors.privacy import mask
from detectors.sentences import in_countries, place_words
from detectors.territories import photo_shares

__all__ = ["DomainReader", "Host", "hosts_in"]

_AT_HOME = 0.5  # of the addresses on a country's signs, this share ends in its own domain
_ABROAD = 0.02  # ... and this share in foreign ones', spread as the world's photos are
_ABROAD_LEAST = 0.0001  # ... and in that of a country without photos
_BY_CHANCE = 0.002  # of misread texts that end in a country's domain, this share ends in a given one
_GENERIC_ABROAD = 0.01  # the same for country domains that the world uses for other things (.tv, .io)
_GENERIC_CAP = 1.0  # nats at most for those
_CITY_SIGMA_KM = 20.0
_POINT_SHARE = 0.05  # of the addresses on a city's signs, this share ends in the city's domain
_REGION_SHARE = 0.1

_MOST_LABELS = 12  # of one host; every prefix of them may be tried

_LABEL = r"[^\W_](?:[^\W_]|-(?!\s)){0,62}"
_DOT = r"(?:\s?[.,·]\s?)"
_TIGHT = r"[.,·]"
_MARKED = re.compile(
    rf"(?:(?P<scheme>https?\s?:?\s?[/\\]{{1,2}}\s?)|(?P<www>(?<![^\W_])w{{3}}(?:\s?[.,·]\s?|\s|(?=[^\W_])))|(?P<at>@\s?))"
    rf"(?:w{{3}}{_DOT})?(?P<host>{_LABEL}(?:{_DOT}{_LABEL})+)",
    re.IGNORECASE,
)
_BARE = re.compile(rf"\s*(?P<host>{_LABEL}(?:{_TIGHT}{_LABEL})+)(?:/\S*)?\s*", re.IGNORECASE)
_INNER = re.compile(rf"(?<![\w@.-])(?P<host>{_LABEL}(?:{_TIGHT}{_LABEL}){{2,}})(?![\w@-])", re.IGNORECASE)
# Endings that are words: "walk.in", "plaza.de".
_WORD_ENDINGS = frozenset(str.split("am at be by de do es et id in is it la me my no se si so to us"))
# Endings that files have as often as hosts.
_FILE_ENDINGS = frozenset(str.split("ai app cc ml mov pl ps py rs sh so st zip md do la"))


@dataclass(frozen=True)
class Host:
    """A host name found in a line.

    Attributes:
        name: Normalised: lower case, dots only, without ``www``.
        suffix: Its public suffix.
        start: Where it begins in the line.
        end: Where it ends.
        reliability: How surely it is a host name that was read rightly, 0 to 1.
    """

    name: str
    suffix: str
    start: int
    end: int
    reliability: float


@lru_cache(maxsize=1)
def _extract() -> Callable[[str], tuple[str, str]]:
    import tldextract  # lazy: parses the suffix list

    # No suffix_list_urls and no cache: neither the network nor the disk is touched.
    extractor = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)

    def domain_and_suffix(host: str) -> tuple[str, str]:
        found = extractor(host)
        return found.domain, found.suffix

    return domain_and_suffix


def hosts_in(text: str) -> list[Host]:
    """Host names in one line of text, OCR's slips undone.

    >>> [h.name for h in hosts_in("www. minihas ,es")], [h.name for h in hosts_in("wwwfoo.co.uk")]
    (['minihas.es'], ['foo.co.uk'])
    >>> [h.suffix for h in hosts_in("info@bar.com.au")], hosts_in("St.Louis"), hosts_in("e.g. No.1")
    (['com.au'], [], [])
    """
    if not any(c in text for c in ".,·"):
        return []
    found = []
    for match in _MARKED.finditer(text):
        host = _host(match, 0.90 if match["at"] else 0.95)
        if host is not None:
            found.append(host)
    if found:
        return found
    whole = _BARE.fullmatch(text)
    if whole is not None:
        host = _host(whole, 0.75 if whole["host"].islower() else 0.5)
        if host is not None and _is_plausible(whole["host"], host):
            return [replace(host, reliability=0.6 * host.reliability) if host.suffix in _WORD_ENDINGS else host]
    return list(_inner_hosts(text))


def _inner_hosts(text: str) -> Iterator[Host]:
    """Hosts among other words: only unmistakable ones, with a suffix of two parts (``foo.co.uk``)."""
    for match in _INNER.finditer(text):
        host = _host(match, 0.85)
        if host is not None and "." in host.suffix and _is_plausible(match["host"], host):
            yield host


def _host(match: re.Match[str], reliability: float) -> Host | None:
    name = re.sub(r"\s", "", _before_next_sentence(match["host"]).lower())
    name = re.sub(r"[,·]", ".", name).removeprefix("www.")
    for candidate in _repairs(name):
        # A marked host may run on into the next words ("www.foo.es. Tel"); drop labels until a suffix ends it.
        labels = candidate.split(".")[:_MOST_LABELS]
        for stop in range(len(labels), 1, -1):
            domain, suffix = _extract()(".".join(labels[:stop]))
            if suffix and len(domain) >= 2 and any(c.isalpha() for c in domain):
                start = match.start("host")
                slip = 0.9 if candidate != name or stop < len(labels) else 1.0
                return Host(".".join(labels[:stop]), suffix, start, match.end("host"), reliability * slip)
    return None


def _before_next_sentence(written: str) -> str:
    """``written`` up to a stop that ends a sentence: ``"foo.es. Tel"`` but not ``"foo . com . au"``."""
    for match in re.finditer(r"[.,·]\s+(?=[^\W\d_a-z])", written):
        before = re.sub(r"\s", "", written[: match.start()].lower())
        if not written.isupper() and "." in before and _extract()(before)[1]:
            return written[: match.start()]
    return written


def _repairs(name: str) -> Iterator[str]:
    yield name
    head, _, tail = name.partition(".")
    mended = tail.replace("0", "o").replace("1", "l").replace("corn", "com")
    if mended != tail:
        yield f"{head}.{mended}"


def _is_plausible(written: str, host: Host) -> bool:
    """Whether a host without ``www`` or ``@`` looks like one, and not like an abbreviation or a file."""
    ending = re.split(r"[.,·]", written)[-1]
    domain = host.name.removesuffix("." + host.suffix).rpartition(".")[2]
    letters = sum(c.isalpha() for c in domain)
    titled = ending[:1].isupper() and not ending.isupper()
    return (
        letters >= 3
        and letters * 2 >= len(domain)
        and "," not in written
        and not titled
        and ending.lower() not in _FILE_ENDINGS
    )


class DomainReader:
    """Finds web and mail addresses that belong to a country, a region or a city.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = DomainReader().clues([Reading("r0", "www.panaderia-sol.es", box, 0.97)])
    >>> clue.points_to, clue.evidence.sources
    (('ES',), ('r0:4-20',))
    """

    kind = "domain"

    def __init__(self, gazetteer: Gazetteer | None = None) -> None:
        """Args: gazetteer: where cities lie; the shipped one, opened when first needed, where None."""
        self._gazetteer = gazetteer

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each different host that points somewhere."""
        out = []
        seen: set[str] = set()
        for reading in readings:
            for host in hosts_in(reading.text):
                clue = self._clue(host, reading) if host.name not in seen else None
                seen.add(host.name)
                if clue is not None:
                    out.append(clue)
        return out

    def _clue(self, host: Host, reading: Reading) -> Clue | None:
        reliability = host.reliability * (0.4 + 0.6 * reading.confidence)
        sources = (f"{reading.id}:{host.start}-{host.end}",)
        top = host.suffix.rpartition(".")[2]

        def clue(meaning: str, evidence: Evidence, points_to: tuple[str, ...]) -> Clue:
            shown = mask(reading.text)[host.start : host.end]  # an address is known as one only whole
            return Clue("domain", shown, meaning, evidence, reading.box, points_to)

        for suffix in (host.suffix, top):
            if suffix in CITY_SUFFIXES:
                name, country = CITY_SUFFIXES[suffix]
                city = self._city(name, country)
                if city is None:
                    return None
                # Photos of one city are a share of the world's near 1/300; abroad its domain hardly stands on a sign.
                gain, elsewhere = _ratios(reliability, _POINT_SHARE, _POINT_SHARE / 300, 1 / 300)
                point = PointEvidence(city.lat, city.lon, _CITY_SIGMA_KM, gain)
                evidence = Evidence(elsewhere, points=(point,), sources=sources)
                where = f"{name}, {country}"
                return clue(f".{suffix} is the domain of {place_words(where)}", evidence, (where,))
            region = REGION_SUFFIXES.get(suffix)
            if region is not None:
                code, name = region
                share = 0.1 * photo_shares().get(code[:2], 1e-4)  # a region is taken as a tenth of its country
                gain, elsewhere = _ratios(reliability, _REGION_SHARE, _REGION_SHARE / 100, share)
                evidence = Evidence(elsewhere, regions={code: gain}, sources=sources)
                where = f"{name}, {code[:2]}"
                return clue(f".{suffix} is the domain of {place_words(where)}", evidence, (where,))
        home = HOSTS.get(host.name) or SEVERAL_COUNTRIES.get(top) or _country_of(top)
        if not home:
            return None
        shares = photo_shares()
        share = sum(shares.get(c, 0.0) for c in home)
        generic = top in GENERIC_COUNTRY_SUFFIXES and "." not in host.suffix and host.name not in HOSTS
        at_home = _AT_HOME / len(home) ** 0.5  # an address for many countries is each one's second choice
        gain, elsewhere = _ratios(
            reliability, at_home, _GENERIC_ABROAD if generic else _ABROAD * share + _ABROAD_LEAST, share
        )
        if generic:
            gain, elsewhere = min(gain, _GENERIC_CAP), max(elsewhere, -0.1)
        names = in_countries(home[:3], more=len(home) > 3)
        meaning = (
            f".{host.suffix} is used in {names}" if len(home) > 1 or generic else f".{host.suffix} belongs to {names}"
        )
        if host.name in HOSTS:
            meaning = f"{host.name} is used in {names}"
        return clue(meaning, Evidence(elsewhere, dict.fromkeys(home, gain), sources=sources), home[:4])

    def _city(self, name: str, country: str) -> Place | None:
        if self._gazetteer is None:
            self._gazetteer = load_default()
        places = [m.place for m in self._gazetteer.lookup(name) if m.place.country == country]
        return max(places, key=lambda p: p.population, default=None)


def _country_of(top: str) -> tuple[str, ...]:
    """The country of a top-level domain; ISO 3166-1 codes are domains, but for a few."""
    if top in COUNTRY_SUFFIXES:
        return (COUNTRY_SUFFIXES[top],)
    code = top.upper()
    return (code,) if len(top) == 2 and top.isascii() and code in photo_shares() else ()


def _ratios(reliability: float, at_home: float, abroad: float, share: float) -> tuple[float, float]:
    """Log-likelihood ratios at home and elsewhere, against the world's photos.

    A misread address says nothing, which keeps both finite. A rare country's domain is a misreading more often than a
    common one's: chance strikes all suffixes alike.
    """
    background = share * at_home + (1.0 - share) * abroad
    reliability = reliability * background / (reliability * background + (1.0 - reliability) * _BY_CHANCE)
    return (
        math.log(reliability * at_home / background + 1.0 - reliability),
        math.log(reliability * abroad / background + 1.0 - reliability),
    )
