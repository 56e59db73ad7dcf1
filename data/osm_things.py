"""What an OpenStreetMap extract has that a sign may name: shops, amenities, stations, streets, houses, places.

pyosmium streams the file, so memory does not grow with it but for the positions of its nodes, which go to disk where
the extract is large (``_LARGE``). A way stands at the mean of its nodes; a street's pieces come one by one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from data.errors import DatasetError
from data.printable import printable

__all__ = ["Thing", "extract_time", "things_in"]

_LARGE: Final = 1_500_000_000  # bytes of an extract: from here the nodes' positions wait on disk, 16 bytes each,
_DENSE: Final = 30_000_000_000  # ... and from here 8 bytes for each number that a node may have
_TELLING: Final = ("name", "brand", "addr:housenumber")  # keys; without one of them nothing is named
_POI: Final = (
    "shop", "amenity", "tourism", "office", "craft", "leisure", "healthcare", "historic", "club", "railway",
    "public_transport", "aeroway", "place", "building", "man_made",
)  # fmt: skip
_STOPS: Final = ("bus_stop", "platform", "services", "rest_area")  # no streets, though they have that key
_RAILWAY: Final = ("station", "halt", "tram_stop", "subway_entrance")
_NOT_THERE: Final = frozenset(
    ("no", "proposed", "planned", "construction", "disused", "abandoned", "vacant", "demolished", "razed", "removed")
)
_PLACES: Final = frozenset(
    ("city", "town", "village", "hamlet", "suburb", "quarter", "neighbourhood", "borough", "isolated_dwelling",
     "locality", "square", "island")
)  # fmt: skip
_NOT_SIGNED: Final = frozenset(("bench", "waste_basket", "recycling", "parking_space", "grit_bin", "vending_machine"))
_NAMES: Final = re.compile(r"(?:(?:int|alt|short|official|loc|reg)_)?name(?::[a-z]{2,3}(?:[-_]\w{2,8}){0,2})?|brand")
_PHONES: Final = ("phone", "contact:phone", "mobile", "contact:mobile", "fax", "contact:fax")
_SITES: Final = ("website", "contact:website", "url")
_FEW: Final = 20  # ways without a node: clipped extracts have some
_MOST_NAMES: Final = 60  # of one thing: famous ones have a name in every language
_LONGEST: Final = 120  # characters of a name
_UNSEEN: Final = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Thing:
    """One named thing of the map, or a house with its number.

    Attributes:
        kind: ``"poi"``, ``"street"`` (one piece of it), ``"place"`` or ``"house"``.
        what: Its main tag: ``"shop=bakery"``.
        name: As people there call it; of a house "".
        names: All its names and its brand, each once, ``name`` first.
        lat: Latitude, degrees.
        lon: Longitude, degrees.
        reach_km: From its middle to its farthest node, km.
        street: Of its address, or "".
        number: Of the house, or "".
        city: Of its address, or "".
        phones: Digits as they are tagged.
        sites: Web addresses as they are tagged.
        osm: ``"n123"``, ``"w123"`` or ``"r123"``.
    """

    kind: Literal["poi", "street", "place", "house"]
    what: str
    name: str
    names: tuple[str, ...]
    lat: float
    lon: float
    reach_km: float = 0.0
    street: str = ""
    number: str = ""
    city: str = ""
    phones: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    osm: str = ""


def things_in(path: Path, scratch: Path | None = None) -> Iterator[Thing]:
    """The things of an extract, in the file's order: ``.osm.pbf``, ``.osm``, ``.osm.gz``, ``.osm.bz2``, ``.o5m``.

    Args:
        path: The extract.
        scratch: Folder for the positions of the nodes of a large extract; None keeps them in memory.

    Raises:
        DatasetError: It cannot be read, or osmium is not installed.
    """
    osmium = _osmium()
    try:
        # An absolute path: osmium takes "-" for its input and "http:..." for an address.
        objects = osmium.FileProcessor(str(path.absolute())).with_locations(_storage(path.stat().st_size, scratch))
        objects = objects.with_filter(osmium.filter.KeyFilter(*_TELLING)).with_areas(
            osmium.filter.KeyFilter(*_TELLING), osmium.filter.TagFilter(("type", "multipolygon"))
        )
        placed = nowhere = 0
        for thing in objects:
            nodes, osm = _nodes(thing)
            if thing.is_way():
                placed, nowhere = placed + bool(nodes), nowhere + (not nodes)
            if nodes and (made := _thing(_tags(thing), nodes, osm)) is not None:
                yield made
        if nowhere > max(placed, _FEW):
            raise DatasetError(
                f"{printable(str(path))} has {nowhere:,} named ways before their nodes, or without any: "
                "`osmium sort` puts them in order"
            )
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(
            f"{printable(str(path))} cannot be read as an OpenStreetMap extract ({printable(str(error))[:200]}): "
            "give a .osm.pbf, .osm, .osm.gz or .osm.bz2 file, such as one of download.geofabrik.de"
        ) from error


def extract_time(path: Path) -> str:
    """When the extract was made, as its header says, or "".

    Raises:
        DatasetError: It has no header that can be read.
    """
    osmium = _osmium()
    try:
        with osmium.io.Reader(str(path.absolute()), osmium.osm.NOTHING) as reader:
            header = reader.header()
            return _clean(header.get("osmosis_replication_timestamp") or header.get("timestamp") or "")
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"the header of {printable(str(path))} cannot be read ({printable(str(error))})") from error


def _storage(size: int, scratch: Path | None) -> str:
    """Where osmium keeps the positions of nodes, for an extract of so many bytes."""
    if scratch is None or size < _LARGE:
        return "flex_mem"
    return f"{'dense' if size > _DENSE else 'sparse'}_file_array,{scratch / 'nodes'}"


def _osmium() -> Any:
    try:
        import osmium
    except ImportError as error:
        raise DatasetError("reading OpenStreetMap extracts needs pyosmium: pip install osmium") from error
    return osmium


def _nodes(entity: Any) -> tuple[list[tuple[float, float]], str]:
    """Latitude and longitude of each node of something, as far as they are known, and what OpenStreetMap calls it."""
    if entity.is_node():
        where = entity.location
        return ([(where.lat, where.lon)] if where.valid() else []), f"n{entity.id}"
    if entity.is_way():
        return [(n.lat, n.lon) for n in entity.nodes if n.location.valid()], f"w{entity.id}"
    if entity.is_area() and not entity.from_way():  # that of a way came as a way
        return [(n.lat, n.lon) for ring in entity.outer_rings() for n in ring if n.location.valid()], (
            f"r{entity.orig_id()}"
        )
    return [], ""


def _tags(entity: Any) -> dict[str, str]:
    try:
        return dict(entity.tags)
    except UnicodeDecodeError:  # a text that some editor broke names nothing
        return {}


def _thing(tags: Mapping[str, str], nodes: list[tuple[float, float]], osm: str) -> Thing | None:
    if len(nodes) > 1 and nodes[0] == nodes[-1]:
        nodes.pop()
    lat, lon, reach = _middle(nodes)
    return _of_tags(tags, lat, lon, reach, osm, area=not osm.startswith("n"))


def _of_tags(tags: Mapping[str, str], lat: float, lon: float, reach: float, osm: str, *, area: bool) -> Thing | None:
    street = _clean(tags.get("addr:street") or tags.get("addr:place") or "")
    number = _clean(tags.get("addr:housenumber", ""))[:20]
    city = _clean(tags.get("addr:city", ""))
    names = tuple(_names(tags))
    kind: Literal["poi", "street", "place", "house"]
    way = tags.get("highway", "") if area and tags.get("name") else ""
    if names and way and way not in _NOT_THERE and way not in _STOPS:
        kind, what = "street", f"highway={way[:40]}"
    elif names and (what := _what(tags)):
        kind = "place" if what.startswith("place=") else "poi"
    elif street and number:
        kind, what, names = "house", "house", ()
    else:
        return None
    phones = tuple(_split(tags.get(key, "") for key in _PHONES))
    sites = tuple(_split(tags.get(key, "") for key in _SITES))
    name = names[0] if names else ""
    return Thing(kind, what, name, names, lat, lon, reach, street, number, city, phones, sites, osm)


def _what(tags: Mapping[str, str]) -> str:
    """The tag that says what a named thing is, or "" where it is none that a sign names."""
    if tags.get("highway") in _STOPS:
        return f"highway={tags['highway']}"
    for key in _POI:
        value = tags.get(key, "")
        if not value or value in _NOT_THERE or value in _NOT_SIGNED:
            continue
        if (key == "railway" and value not in _RAILWAY) or (key == "place" and value not in _PLACES):
            continue
        return f"{key}={value[:40]}"
    return ""


def _names(tags: Mapping[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    keys = sorted((key for key in tags if _NAMES.fullmatch(key)), key=lambda key: (key != "name", key == "brand", key))
    for key in keys:
        for part in tags[key].split(";"):
            name = _clean(part)
            if name and name not in seen and len(seen) < _MOST_NAMES:
                seen.add(name)
                yield name


def _split(values: Iterator[str]) -> Iterator[str]:
    for value in filter(None, values):
        for part in re.split(r"[;,]", value):
            if part := _clean(part):
                yield part


def _clean(text: str) -> str:
    """In one line, without what nobody sees: mappers paste marks of the writing direction and soft hyphens."""
    if text.isprintable() and "  " not in text:  # nearly all
        return text[:_LONGEST].strip()
    return " ".join(_CONTROLS.sub(" ", _UNSEEN.sub("", text[: 10 * _LONGEST])).split())[:_LONGEST].strip()


def _middle(nodes: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Mean latitude and longitude, and km from there to the farthest node."""
    if len(nodes) == 1:
        return *nodes[0], 0.0
    lat = sum(a for a, _ in nodes) / len(nodes)
    base = nodes[0][1]  # across the date line the mean is taken beside the first node
    lon = base + sum((b - base + 180.0) % 360.0 - 180.0 for _, b in nodes) / len(nodes)
    lon = (lon + 180.0) % 360.0 - 180.0
    narrow = math.cos(math.radians(lat))
    reach = max(math.hypot(a - lat, ((b - lon + 180.0) % 360.0 - 180.0) * narrow) for a, b in nodes)
    return lat, lon, reach * 111.195
