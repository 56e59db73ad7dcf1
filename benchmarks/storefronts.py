"""Photographs of the signs of real places: shops, addresses and streets of an OpenStreetMap extract, drawn.

What stands in front of a camera is taken from the map: a thing's name as OpenStreetMap has it, broken over lines where
it is long, now and then with the word for what it is, its street and number, its phone or its website beneath; the sign
of a neighbour within 100 m; and a worldwide brand. ``benchmarks.storefront_pictures`` draws it.

    python -m benchmarks.storefronts EXTRACT OUT [--count N] [--seed SEED] [--fonts DIR] [--grounds DIR ...]

writes the pictures, to be looked at; they are not for the repository.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.storefront_pictures import Sign, picture_of
from benchmarks.storefront_words import BRANDS, address_line, language_of, type_word, wrapped
from data.geodesy import haversine_km
from detectors.render_fonts import FONT_FOLDER
from detectors.render_text import Grounds

__all__ = ["KINDS", "Kind", "Storefront", "storefronts"]

Kind = Literal["poi", "address", "street"]
KINDS: Final = get_args(Kind)
Rng = np.random.Generator
T = TypeVar("T")

_TYPES: Final = ("shop", "amenity", "tourism", "office", "craft", "leisure", "healthcare", "historic", "railway")
_NEIGHBOUR_KM: Final = 0.1
_SAME_HOUSE_KM: Final = 0.03
_SHOWN: Final = 0.4  # how often a neighbour, a brand, an address or a line of contact is in the picture
_TYPED: Final = 0.35  # how often the word for what it is stands under a name


@dataclass(frozen=True)
class Storefront:
    """One place and the picture of its signs.

    Attributes:
        number: Of it among those of the extract and seed, from 0.
        seed: With which it was drawn.
        kind: What was taken from the map.
        what: Its tag: ``"shop=bakery"``, ``"addr"``, ``"highway=residential"``.
        lat: True latitude, degrees.
        lon: True longitude, degrees.
        signs: All that stands in the picture, its own first.
        fonts: Folder of the fonts.
        grounds: What is seen in the windows and on the walls.
    """

    number: int
    seed: int
    kind: Kind
    what: str
    lat: float
    lon: float
    signs: tuple[Sign, ...]
    fonts: Path = field(default=FONT_FOLDER, repr=False)
    grounds: Grounds | None = field(default=None, repr=False, compare=False)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of its own signs, as they are written in the picture."""
        return tuple(line for sign in self.signs if sign.whose == "own" for line in sign.lines)

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """(960, 1280, 3) uint8 RGB; drawn when first asked for, the same on the same fonts and grounds."""
        rng = np.random.default_rng([self.seed, self.number, zlib.crc32(repr(self.signs).encode())])
        return picture_of(self.signs, rng, shop=self.kind == "poi", fonts=self.fonts, grounds=self.grounds)


@dataclass(frozen=True, slots=True)
class _Thing:
    name: str
    what: str
    lat: float
    lon: float
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Map:
    pois: list[_Thing]
    houses: list[_Thing]
    streets: dict[str, list[_Thing]]

    @cached_property
    def at(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, 2) latitudes and longitudes of the things with names, and of the houses."""
        pois, houses = (np.array([(t.lat, t.lon) for t in some]).reshape(-1, 2) for some in (self.pois, self.houses))
        return pois, houses


def storefronts(
    path: Path, count: int, seed: int, *, fonts: Path = FONT_FOLDER, grounds: Grounds | None = None
) -> Iterator[Storefront]:
    """Up to ``count`` places of an extract, the same for the same seed; pictures are drawn when asked for.

    Half of them are things with a name and half are addresses, as far as there are; where one of the two is short the
    other fills up, and streets, one for each name, do where both are.

    Args:
        path: An OpenStreetMap extract that osmium reads: ``.osm.pbf``, ``.osm.gz``, ``.osm``.
        count: How many at most.
        seed: Not negative.
        fonts: Folder of fonts (``detectors.render_fonts``).
        grounds: Photos that are seen, blurred, in windows and on walls.

    Raises:
        RuntimeError: osmium cannot read ``path``.
    """
    read = _read(path)
    rng = np.random.default_rng([seed, 0])
    pois, houses = _some(read.pois, rng), _some(read.houses, rng)
    streets = [_some(read.streets[name], rng)[0] for name in _some(sorted(read.streets), rng)]
    n_houses = min(len(houses), max(count // 2, count - len(pois)))
    n_pois = min(len(pois), count - n_houses)
    chosen: list[tuple[Kind, _Thing]] = [("poi", thing) for thing in pois[:n_pois]]
    chosen += [("address", thing) for thing in houses[:n_houses]]
    chosen += [("street", thing) for thing in streets[: count - len(chosen)]]
    for number, (kind, thing) in enumerate(_some(chosen, rng)):
        own = zlib.crc32(f"{thing.name} {thing.lat:.6f} {thing.lon:.6f}".encode())  # other maps have other chances
        signs = tuple(_signs(kind, thing, read, np.random.default_rng([seed, number, own])))
        yield Storefront(number, seed, kind, thing.what, thing.lat, thing.lon, signs, fonts, grounds)


def _some(things: Sequence[T], rng: Rng) -> list[T]:
    return [things[int(k)] for k in rng.permutation(len(things))]


def _read(path: Path) -> _Map:
    import osmium  # read only where a benchmark reads a map

    found = _Map([], [], {})
    houses: set[tuple[str, str]] = set()
    for thing in osmium.FileProcessor(str(path)).with_locations():
        if not len(thing.tags):
            continue
        tags = {tag.k: tag.v for tag in thing.tags}
        if isinstance(thing, osmium.osm.Node):
            line = [(thing.location.lat, thing.location.lon)]
        elif isinstance(thing, osmium.osm.Way):
            line = [(n.location.lat, n.location.lon) for n in thing.nodes if n.location.valid()]
        else:
            continue
        if not line:
            continue
        lat, lon = (sum(values) / len(line) for values in zip(*line, strict=True))
        name = " ".join(tags.get("name", "").split())
        station = tags.get("railway") == "station"
        keys = [key for key in _TYPES if key in tags and (key != "railway" or station)]
        closed = len(line) == 1 or line[0] == line[-1]
        if name and keys and closed:
            found.pois.append(_Thing(name, f"{keys[0]}={tags[keys[0]]}", lat, lon, tags))
        house = (tags.get("addr:street", ""), tags.get("addr:housenumber", ""))
        if all(house) and house not in houses:
            houses.add(house)
            found.houses.append(_Thing(" ".join(house), "addr", lat, lon, tags))
        if name and "highway" in tags and len(line) > 1:
            piece = _Thing(name, f"highway={tags['highway']}", *_middle(line), tags)
            found.streets.setdefault(name, []).append(piece)
    return found


def _middle(line: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The point at half of a line's length."""
    points = np.array(line)
    steps = haversine_km(points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1])
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    half = walked[-1] / 2.0
    return float(np.interp(half, walked, points[:, 0])), float(np.interp(half, walked, points[:, 1]))


def _signs(kind: Kind, thing: _Thing, read: _Map, rng: Rng) -> Iterator[Sign]:
    language = language_of(thing.lat, thing.lon)
    if kind == "poi":
        yield from _of_poi(thing, read, language, rng)
    elif kind == "street":
        name = wrapped(thing.name)
        yield Sign("own", "street", name, len(name))
    else:
        street, number = wrapped(thing.tags["addr:street"]), thing.tags["addr:housenumber"]
        if rng.random() < 0.5:  # on one plate, else on two
            yield Sign("own", "street", (*street, number), len(street) + 1)
        else:
            yield Sign("own", "street", street, len(street))
            yield Sign("own", "number", (number,))
    near = [read.pois[k] for k in _near(read.at[0], thing, _NEIGHBOUR_KM) if read.pois[k].name != thing.name]
    if near and rng.random() < _SHOWN:
        other = near[int(rng.integers(len(near)))]
        word = type_word(other.what, other.name, language) if rng.random() < _TYPED else ""
        name = wrapped(other.name)
        yield Sign("neighbour", "board", (*name, word) if word else name, len(name))
    if rng.random() < _SHOWN:
        for brand in rng.choice(len(BRANDS), int(rng.integers(1, 3)), replace=False):
            yield Sign("brand", "small", (BRANDS[int(brand)],))


def _of_poi(thing: _Thing, read: _Map, language: str, rng: Rng) -> Iterator[Sign]:
    word = type_word(thing.what, thing.name, language) if rng.random() < _TYPED else ""
    told = []
    at = _address(thing, read)
    if at is not None and rng.random() < _SHOWN:
        told.append(address_line(*at, language))
    tags = thing.tags
    phone = tags.get("phone") or tags.get("contact:phone") or ""
    site = (tags.get("website") or tags.get("contact:website") or "").split("://")[-1].rstrip("/")
    told += [line for line in (phone.split(";")[0].strip(), site) if line and len(line) <= 40 and rng.random() < _SHOWN]
    name = wrapped(thing.name)
    if told and rng.random() < 0.5:  # all on one board, else on a second one at the door
        yield Sign("own", "board", (*name, *([word] if word else []), *told), len(name))
        return
    yield Sign("own", "board", (*name, word) if word else name, len(name))
    if told:
        yield Sign("own", "small", tuple(told))


def _address(thing: _Thing, read: _Map) -> tuple[str, str] | None:
    """Street and number that the map has for it, or for a house within 30 m."""
    near = _near(read.at[1], thing, _SAME_HOUSE_KM)
    for tags in (thing.tags, *(read.houses[k].tags for k in near[:1])):
        if "addr:street" in tags and "addr:housenumber" in tags:
            return tags["addr:street"], tags["addr:housenumber"]
    return None


def _near(at: NDArray[np.float64], thing: _Thing, km: float) -> list[int]:
    """Which of ``at`` (n, 2) are within ``km``, the nearest first."""
    if not len(at):
        return []
    apart = haversine_km(at[:, 0], at[:, 1], thing.lat, thing.lon)
    return [int(k) for k in np.argsort(apart, kind="stable") if apart[k] <= km]


def main(argv: Sequence[str] | None = None) -> None:
    """Draw pictures, to be looked at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extract", type=Path, metavar="EXTRACT")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fonts", type=Path, default=FONT_FOLDER)
    parser.add_argument("--grounds", type=Path, nargs="*", default=[])
    args = parser.parse_args(argv)
    from PIL import Image  # only where pictures are written

    args.out.mkdir(parents=True, exist_ok=True)
    grounds = Grounds(args.grounds)
    for shot in storefronts(args.extract, args.count, args.seed, fonts=args.fonts, grounds=grounds):
        Image.fromarray(shot.pixels).save(args.out / f"{shot.number:04d}.jpg", quality=92)
        print(f"{shot.number} {shot.kind} {shot.what} {shot.lat:.5f} {shot.lon:.5f} {shot.signs}")


if __name__ == "__main__":
    main()
