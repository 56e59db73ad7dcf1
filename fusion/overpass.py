"""Overpass: what OpenStreetMap has under a name inside a few boxes (https://wiki.openstreetmap.org/wiki/Overpass_API)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data.errors import LookupFailed
from detectors.hits import Hit
from fusion.hit_parts import agreement, asked_text, country_of, osm_id, point, shown
from fusion.lookup import Area, Query, Request
from fusion.web_hosts import manners_of, server_address

__all__ = ["MOST_SQUARE_DEGREES", "Overpass"]

MOST_SQUARE_DEGREES = 4.0
"""All boxes of one query together; a name in more takes a public server longer than it is given."""

_LIMIT = 60
_MOST_BOXES = 6
_LEAST_LETTERS = 3  # fewer stand in half of all names
_LONGEST_NAME = 60
# What a thing is, by the first of these keys that it has.
_KINDS = (
    "shop", "amenity", "tourism", "office", "craft", "healthcare", "leisure", "historic", "railway", "aeroway",
    "public_transport", "place", "highway", "waterway", "natural", "boundary", "landuse", "building",
)  # fmt: skip
# How far from its point a photo of it stands, km; what is not here is no larger than a house and its surroundings.
_SIGMA_KM = {
    "place=city": 5.0, "place=town": 2.0, "place=village": 1.0, "place=suburb": 1.0, "place=island": 5.0, "place": 0.5,
    "highway": 0.5, "waterway": 5.0, "natural": 1.0, "boundary": 10.0, "landuse": 0.5, "aeroway=aerodrome": 1.5,
    "amenity=university": 0.5,
}  # fmt: skip


class Overpass:
    """Names inside the boxes around the likeliest cells.

    Args:
        base_url: Of the interpreter.

    Raises:
        RequestError: The address is none, or is not safe.

    >>> query = Query("O'Neill", areas=((9.5, 47.1, 9.6, 47.2),))
    >>> print(Overpass("http://127.0.0.1/api/interpreter").request(query).form["data"])
    [out:json][timeout:8][maxsize:67108864];
    (
    nwr["name"~"O.{0,5}Neill",i](47.100000,9.500000,47.200000,9.600000);
    );
    out center tags 60;
    """

    name = "overpass"
    attribution = "© OpenStreetMap contributors, ODbL 1.0"

    def __init__(self, base_url: str = "https://overpass-api.de/api/interpreter") -> None:
        self._base_url = server_address(base_url)

    @property
    def base_url(self) -> str:
        """Of the interpreter."""
        return self._base_url

    @property
    def interval_s(self) -> float:
        """1 on the public servers, 0 on one's own."""
        manners = manners_of(self._base_url)
        return manners.interval_s if manners is not None else 0.0

    def request(self, query: Query) -> Request | None:
        """Everything whose name holds the text, whatever its case, in as many of the first areas as fit.

        None where the query is an address, has no area, its first area is larger than :data:`MOST_SQUARE_DEGREES`, or
        the text has fewer than three letters: those stand in half of all names.
        """
        text = asked_text(query.text, _LONGEST_NAME)
        boxes = _boxes(query.areas)
        if text is None or not boxes or query.kind != "name":
            return None
        pattern = _pattern(text)
        if pattern is None:
            return None
        lines = [f'nwr["name"~"{pattern}",i]({s:.6f},{w:.6f},{n:.6f},{e:.6f});' for w, s, e, n in boxes]
        # The server gives up before the client does, so that it says so.
        ql = "\n".join(["[out:json][timeout:8][maxsize:67108864];", "(", *lines, ");", f"out center tags {_LIMIT};"])
        return Request(self._base_url, form={"data": ql})

    def hits(self, query: Query, body: Any) -> Sequence[Hit]:
        """The things found, the best fit first; what has no point on the Earth or no name is left out.

        Raises:
            LookupFailed: ``body`` holds no list of elements, or says that the query was not finished.
        """
        if not isinstance(body, Mapping) or not isinstance(body.get("elements"), list):
            raise LookupFailed(
                "Overpass answered something else than a list of elements: is this an interpreter's address?"
            )
        if "error" in shown(body.get("remark"), 400).lower():
            raise LookupFailed("Overpass did not finish: it is busy, or the boxes hold too much; try again later")
        found = (_hit(query, element) for element in body["elements"][:_LIMIT])
        return sorted((hit for hit in found if hit is not None), key=lambda hit: -hit.fit)


def _boxes(areas: Sequence[Area]) -> list[Area]:
    """The first areas, those across the date line in two, until the next would be too much."""
    out: list[Area] = []
    total = 0.0
    for area in areas:
        parts = list(_halves(area))
        total += sum((east - west) * (north - south) for west, south, east, north in parts)
        if total > MOST_SQUARE_DEGREES or len(out) + len(parts) > _MOST_BOXES:
            break
        out += parts
    return out


def _halves(area: Area) -> Iterator[Area]:
    west, south, east, north = area
    if not (-90.0 <= south < north <= 90.0 and -180.0 <= west <= 180.0 and -180.0 <= east <= 180.0):
        return
    if west < east:
        yield area
    elif west > east:
        yield from (half for half in ((west, south, 180.0, north), (-180.0, south, east, north)) if half[0] < half[2])


def _pattern(text: str) -> str | None:
    """A POSIX extended regular expression for ``text`` that holds nothing but its letters, digits and our own signs.

    All else stands for any few characters, so that no quote, backslash or operator of a stranger's text is ever part of
    a query, and an apostrophe is found however it is written. Letters outside ASCII are given in both cases: the flag
    for that knows only ASCII on some servers.
    """
    out: list[str] = []
    letters, gap = 0, ""
    for c in unicodedata.normalize("NFC", text):
        category = unicodedata.category(c)
        if category[0] not in "LMN":
            gap = ".{0,5}" if gap == ".{0,5}" or c != " " else " "
            continue
        out += [gap, _letter(c)] if out else [_letter(c)]
        letters, gap = letters + 1, ""
    return "".join(out) if letters >= _LEAST_LETTERS else None


def _letter(c: str) -> str:
    lower, upper = c.lower(), c.upper()
    both = not c.isascii() and lower != upper and (lower + upper).isalpha()
    return f"({lower}|{upper})" if both else c


def _hit(query: Query, element: Any) -> Hit | None:
    if not isinstance(element, Mapping) or not isinstance(tags := element.get("tags"), Mapping):
        return None
    centre = element.get("center", element)
    spot = point(centre.get("lat"), centre.get("lon")) if isinstance(centre, Mapping) else None
    name = shown(tags.get("name"))
    if spot is None or not name:
        return None
    kind = next((key for key in _KINDS if shown(tags.get(key), 40)), "")
    what = f"{kind}={shown(tags[kind], 40)}" if kind else ""
    names = [shown(value) for key, value in tags.items() if (isinstance(key, str) and "name" in key) or key == "brand"]
    return Hit(
        name=name,
        lat=spot[0],
        lon=spot[1],
        sigma_km=_SIGMA_KM.get(what, _SIGMA_KM.get(kind, 0.1)),
        what=what,
        address=_address(tags),
        country=country_of(tags.get("addr:country")),
        id=osm_id(element.get("type"), element.get("id")),
        fit=agreement(query.text, names),
    )


def _address(tags: Mapping[str, Any]) -> str:
    street = " ".join(filter(None, (shown(tags.get("addr:street")), shown(tags.get("addr:housenumber"), 20))))
    town = " ".join(filter(None, (shown(tags.get("addr:postcode"), 20), shown(tags.get("addr:city")))))
    return ", ".join(filter(None, (street, town)))
