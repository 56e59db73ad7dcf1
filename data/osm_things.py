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

__all__ = ["Thing", "things_in"]

_LARGE: Final = 1_500_000_000  # bytes of an extract: from here the nodes' positions wait on disk, 16 bytes each
_POI: Final = (
    "shop", "amenity", "tourism", "office", "craft", "leisure", "healthcare", "historic", "club", "railway",
    "public_transport", "aeroway", "place", "building", "man_made",
)  # fmt: skip
_RAILWAY: Final = ("station", "halt", "tram_stop", "subway_entrance")
_PLACES: Final = frozenset(
    ("city", "town", "village", "hamlet", "suburb", "quarter", "neighbourhood", "borough", "isolated_dwelling",
     "locality", "square", "island")
)  # fmt: skip
_NOT_SIGNED: Final = frozenset(("bench", "waste_basket", "recycling", "parking_space", "grit_bin", "vending_machine"))
_NAMES: Final = re.compile(r"(?:(?:int|alt|short|official|loc|reg)_)?name(?::[a-z]{2,3}(?:[-_]\w{2,8}){0,2})?|brand")
_PHONES: Final = ("phone", "contact:phone", "mobile", "contact:mobile", "fax", "contact:fax")
_SITES: Final = ("website", "contact:website", "url")
_MOST_NAMES: Final = 60  # of one thing: famous ones have a name in every language
_LONGEST: Final = 120  # characters of a name


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
        large = path.stat().st_size > _LARGE and scratch is not None
        storage = f"sparse_file_array,{scratch / 'nodes'}" if large and scratch is not None else "flex_mem"
        objects = osmium.FileProcessor(str(path)).with_locations(storage)
        objects = objects.with_filter(osmium.filter.EmptyTagFilter()).with_areas(
            osmium.filter.KeyFilter("name"), osmium.filter.TagFilter(("type", "multipolygon"))
        )
        for thing in objects:
            made = _thing(thing)
            if made is not None:
                yield made
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(
            f"{printable(str(path))} cannot be read as an OpenStreetMap extract ({printable(str(error))[:200]}): "
            "give a .osm.pbf, .osm or .osm.gz file, such as one of download.geofabrik.de"
        ) from error


def extract_time(path: Path) -> str:
    """When the extract was made, as its header says, or ""."""
    header = _osmium().io.Reader(str(path), _osmium().osm.NOTHING).header()
    return str(header.get("osmosis_replication_timestamp") or header.get("timestamp") or "")


def _osmium() -> Any:
    try:
        import osmium
    except ImportError as error:
        raise DatasetError("reading OpenStreetMap extracts needs pyosmium: pip install osmium") from error
    return osmium


def _thing(entity: Any) -> Thing | None:
    tags = entity.tags
    if entity.is_area():
        if entity.from_way():
            return None  # came as a way already
        nodes = [(n.lat, n.lon) for ring in entity.outer_rings() for n in ring if n.location.valid()]
        osm = f"r{entity.orig_id()}"
    elif entity.is_node():
        nodes, osm = [(entity.lat, entity.lon)], f"n{entity.id}"
    elif entity.is_way():
        nodes, osm = [(n.lat, n.lon) for n in entity.nodes if n.location.valid()], f"w{entity.id}"
    else:
        return None
    if not nodes:
        return None
    told = dict(tags) if "name" in tags or "brand" in tags or "addr:housenumber" in tags else None
    if told is None:
        return None
    if len(nodes) > 1 and nodes[0] == nodes[-1]:
        nodes.pop()
    lat, lon, reach = _middle(nodes)
    return _of_tags(told, lat, lon, reach, osm, area=not entity.is_node())


def _of_tags(tags: Mapping[str, str], lat: float, lon: float, reach: float, osm: str, *, area: bool) -> Thing | None:
    street = _clean(tags.get("addr:street") or tags.get("addr:place") or "")
    number = _clean(tags.get("addr:housenumber", ""))[:20]
    city = _clean(tags.get("addr:city", ""))
    names = tuple(_names(tags))
    kind: Literal["poi", "street", "place", "house"]
    if names and area and "highway" in tags and "name" in tags:
        kind, what = "street", f"highway={tags['highway']}"
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
    if tags.get("highway") == "bus_stop":
        return "highway=bus_stop"
    for key in _POI:
        value = tags.get(key, "")
        if not value or value in ("no", "proposed", "demolished", "razed") or value in _NOT_SIGNED:
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
    for value in values:
        for part in re.split(r"[;,]", value):
            if part := _clean(part):
                yield part


def _clean(text: str) -> str:
    return printable(" ".join(text.split()))[:_LONGEST].strip()


def _middle(nodes: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Mean latitude and longitude, and km from there to the farthest node."""
    lat = sum(a for a, _ in nodes) / len(nodes)
    base = nodes[0][1]  # across the date line the mean is taken beside the first node
    lon = base + sum((b - base + 180.0) % 360.0 - 180.0 for _, b in nodes) / len(nodes)
    lon = (lon + 180.0) % 360.0 - 180.0
    narrow = math.cos(math.radians(lat))
    reach = max(math.hypot(a - lat, ((b - lon + 180.0) % 360.0 - 180.0) * narrow) for a, b in nodes)
    return lat, lon, reach * 111.195
