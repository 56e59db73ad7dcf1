"""Compile the name-suggestion-index into ``assets/brands.tsv.gz``: ``python -m detectors.build_brands NSI_FOLDER``.

Sources, read at build time only (``assets/SOURCES.md`` has the commands that fetch them):

- the index (npm ``name-suggestion-index``, BSD-3): brands, operators and transit networks with the names that they
  bear, where they trade, and how often OpenStreetMap has each name;
- country-coder's borders (npm ``@rapideditor/country-coder``, ISC): what its country codes and groups hold;
- which names are words of a language, surnames or places: ``data.build_words`` (wordfreq, hunspell dictionaries) and
  the gazetteer.

A name gets *outlets*: OpenStreetMap's count, or ``DEFAULT_OUTLETS``, times how well such a thing is seen on a photo
(``VISIBILITY``), times ``ALIAS`` for a name that is not the main one, split between the firms of that name by the
photos of where they trade. Generic names ("Police") are dropped by the index's own patterns, and so are operators and
networks that bear the name of a town alone. Copies that the index makes by template (a bus network's stops, a
supermarket's chargers) are left out.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import io
import json
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.build_words import LOCAL_MENTION, Language, language_tables, phrase, word_tables
from data.folding import fold, is_han_or_kana, joined
from data.gazetteer import MAIN, Gazetteer, load_default
from detectors.brand_table import BRANDS_PATH, FORMAT, Area, BrandTable
from detectors.build_brand_areas import Areas
from detectors.places import KIND_RATE, MIN_POPULATION, SHOW_RATE
from detectors.territories import photo_shares, sign_languages

__all__ = ["build", "main"]

DEFAULT_OUTLETS = {"brands": 20.0, "operators": 10.0, "transit": 5.0}
"""Outlets of a name that OpenStreetMap has too seldom to be counted."""
ALIAS = {"main": 1.0, "translated": 0.5, "other": 0.2}
"""How often a firm's name in another language, and its short or former names, are shown beside its main one."""
ROUTE_OUTLETS = 3.0
"""A bus route is seen at its stops and on its vehicles; a line on rails at more and larger ones."""
VISIBILITY = {
    "brands/amenity/atm": 0.3, "brands/amenity/vending_machine": 0.0, "brands/amenity/parcel_locker": 0.5,
    "brands/amenity/payment_terminal": 0.1, "brands/amenity/charging_station": 0.3, "brands/advertising": 0.0,
    "brands/man_made": 0.0, "brands/amenity/fuel": 2.0, "brands/shop/supermarket": 2.0, "brands/amenity/bank": 1.5,
    "operators/amenity/police": 3.0, "operators/amenity/fire_station": 3.0, "operators/amenity/school": 0.5,
    "operators/emergency": 0.5, "operators/power": 0.02, "operators/pipeline": 0.05, "operators/man_made": 0.02,
    "operators/telecom": 0.1, "operators/advertising": 0.1, "operators/route": 0.02, "operators/boundary": 0.3,
    "operators/amenity/recycling": 0.3,
    "operators/amenity/ticket_validator": 0.1, "operators/amenity/bicycle_parking": 0.1, "operators": 1.0,
    "transit/route": ROUTE_OUTLETS,
    "transit/route/subway": 10 * ROUTE_OUTLETS,
    "transit/route/light_rail": 3 * ROUTE_OUTLETS, "transit/route/tram": 3 * ROUTE_OUTLETS,
    "transit/route/train": 3 * ROUTE_OUTLETS,
}  # fmt: skip
"""How much more often such a thing is seen than a shop, by the longest part of the index's path that is listed."""
WORD_RATE, WORD_EXPONENT = 0.1, 0.62
"""A word of languages that fill the share s of the world's signs, of frequency p in their texts, is read on
``WORD_RATE (sum of s p) ** WORD_EXPONENT`` of the photos with text. Fitted to 640 such photos of the dev sets and
travel_train, by how often they show the name of a firm that is not there: signs are flatter than texts."""
NAME_RATE, NAME_EXPONENT = 0.06, 0.75
"""The same for a proper name, with its frequency away from home."""
PHRASE_STEP, MENTION_STEP = 2.0, 0.5  # how much rarer (log10) a phrase is for each further word, as in the gazetteer
WORD_ZIPF = 2.5
CITY_POPULATION = 15_000
TOWN_POPULATION = 5_000
GERMAN_COUNTRIES = ("DE", "AT", "CH", "LI", "LU")
LONGEST_KEY = 60
_MAIN = {"brands": ("name", "brand"), "operators": ("operator",), "transit": ("network",)}
_OTHER = ("official_name", "short_name", "alt_name", "brand:short", "operator:short", "network:short")
_SILENT = frozenset({"wikidata", "type", "wikipedia", "website"})
_BRACKETS = re.compile(r"\s*[(（][^)）]*[)）]\s*")


@dataclass(frozen=True)
class _Item:
    """One firm of the index under one of its names."""

    key: str
    main: str
    words: str
    name: str
    identity: str
    path: str
    role: str
    area: int


def _key(name: str) -> str:
    return joined(fold(name))


def _is_useful(key: str) -> bool:
    letters = sum(2 if is_han_or_kana(c) else 1 for c in key if c.isalpha())
    return letters >= 3 and len(key) <= LONGEST_KEY


def _names(item: Mapping[str, Any], tree: str) -> Iterator[tuple[str, str]]:
    """Names of an entry and the role of each."""
    tags = item["tags"]
    yield from ((tags[k], "main") for k in _MAIN[tree] if k in tags)
    if not any(k in tags for k in _MAIN[tree]):
        yield _BRACKETS.sub("", item["displayName"]), "main"
    yield from ((tags[k], "other") for k in _OTHER if k in tags)
    if tree == "transit" and "operator" in tags:
        yield tags["operator"], "other"
    for key, value in tags.items():
        base, _, language = key.partition(":")
        if base in _MAIN[tree] and language and language not in _SILENT | {"short"}:
            yield value, "translated"
    yield from ((name, "other") for name in item.get("matchNames", ()))


def _items(
    index: Mapping[str, Any], generic: list[str], areas: Areas, numbers: dict[Area, int], gazetteer: Gazetteer
) -> Iterator[_Item]:
    for path, category in index.items():
        tree = path.split("/")[0]
        if tree not in _MAIN or _visibility(path) == 0.0:
            continue
        patterns = generic + category["properties"].get("exclude", {}).get("generic", [])
        meaningless = re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE)
        for item in category["items"]:
            area = None if item.get("fromTemplate") else areas.area(item["locationSet"])
            if area is None:
                continue
            number = numbers.setdefault(area, len(numbers))
            tags = item["tags"]
            firms = (tags.get(f"{k}:wikidata") for k in ("brand", "network", "operator"))
            identity = next((f for f in firms if f), "") or f"{item['displayName']} {number}"
            done: set[str] = set()
            shown = _BRACKETS.sub("", tags.get(_MAIN[tree][0], item["displayName"]))
            main = _key(next(_names(item, tree))[0])
            for spelled, role in _names(item, tree):
                for name in spelled.split(";"):
                    name = name.strip()
                    key = _key(name)
                    if key in done or not _is_useful(key) or meaningless.search(name.lower()):
                        continue
                    if tree != "brands" and _is_place(name, gazetteer):
                        continue
                    done.add(key)
                    yield _Item(key, main, fold(name), shown, identity, path, role, number)


def _is_place(name: str, gazetteer: Gazetteer) -> bool:
    """Whether ``name`` is a town's: its buses bear it too, but the reader of place names knows better where it is."""
    return any(m.kind == MAIN and m.place.population >= TOWN_POPULATION for m in gazetteer.lookup(name))


def _visibility(path: str) -> float:
    parts = path.split("/")
    known = ("/".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((VISIBILITY[p] for p in known if p in VISIBILITY), 1.0)


def _counts(folder: Path) -> dict[tuple[str, str], float]:
    """OpenStreetMap's count of each name in each category of the index."""
    out: dict[tuple[str, str], float] = defaultdict(float)
    for tree in _MAIN:
        for which in ("keep", "discard"):
            table = json.loads((folder / "dist/json/filtered" / f"{tree}_{which}.min.json").read_text("utf-8"))[which]
            for entry, count in table.items():
                category, _, name = entry.partition("|")
                out[f"{tree}/{category}", _key(name)] += count
    return out


def _outlets(items: Iterable[_Item], counts: Mapping[tuple[str, str], float], areas: list[Area]) -> list[float]:
    """Outlets of each item: its firm's count under its main name, times how often this name of it is seen."""
    items = list(items)
    # Firms of one name in one category share its count by the photos of where they trade.
    firms = {(item.path, item.main, item.identity, item.area): areas[item.area].share for item in items}
    together: dict[tuple[str, str], float] = defaultdict(float)
    for (path, main, *_), share in firms.items():
        together[path, main] += share
    out = []
    for item in items:
        count = counts.get((item.path, item.main), DEFAULT_OUTLETS[item.path.split("/")[0]])
        part = areas[item.area].share / together[item.path, item.main]
        out.append(count * part * _visibility(item.path) * ALIAS[item.role])
    return out


class _OtherReasons:
    """How often a photo with text shows a name that is a word, a surname or a place; see ``detectors.places``."""

    def __init__(self, languages: dict[str, Language], cities: set[str], gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        _, self._mention = word_tables(languages, cities)
        shares = photo_shares()
        world: dict[str, float] = defaultdict(float)
        for country, signs in sign_languages().items():
            for language, part in signs.items():
                world[language] += shares[country] * part
        # Where no dictionary tells words from names, a word counts as a name does away from its home.
        self._languages = [
            (table.common, world.get(code, 1e-3), 0.0 if table.has_dictionary else LOCAL_MENTION)
            for code, table in languages.items()
        ]

    def rate(self, name: str) -> float:
        word = 0.0
        for common, share, less in self._languages:
            zipf = max(phrase(name, common, PHRASE_STEP), common.get(joined(name), 0.0)) - less
            if zipf > 0.0:
                word += share * 10.0 ** (zipf - 9.0)
        heard = phrase(name, self._mention, MENTION_STEP)
        named = NAME_RATE * 10.0 ** (NAME_EXPONENT * (heard - 9.0)) if heard else 0.0
        matches = self._gazetteer.lookup(name)
        people = sum(KIND_RATE[m.kind] * max(m.place.population, MIN_POPULATION) for m in matches)
        read = WORD_RATE * word**WORD_EXPONENT
        rate: float = min(read + named + SHOW_RATE * people / self._gazetteer.total_population, 1.0)
        return rate


def _kind(path: str) -> str:
    tree, key, value = path.split("/")
    word = value.replace("_", " ") if value != "yes" else key.replace("_", " ")
    return f"{word} network" if tree == "transit" else word


def _packed(meta: dict[str, Any], rows: list[str]) -> bytes:
    text = "\n".join([FORMAT, json.dumps(meta, ensure_ascii=False, separators=(",", ":")), *rows]) + "\n"
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(text.encode("utf-8"))
    return stream.getvalue()


def build(folder: Path, *, borders: Path, dictionaries: Path) -> tuple[bytes, dict[str, int]]:
    """The table's bytes, and counts of what is in it.

    Args:
        folder: The index's npm package, unpacked.
        borders: country-coder's ``borders.json``.
        dictionaries: ``node_modules`` with npm's ``dictionary-xx`` packages.
    """
    gazetteer = load_default()
    read = json.loads((folder / "dist/json/nsi.min.json").read_text("utf-8"))
    generic = json.loads((folder / "dist/json/genericWords.min.json").read_text("utf-8"))["genericWords"]
    numbers: dict[Area, int] = {}
    areas = Areas(gazetteer, folder / "dist/json/featureCollection.min.json", borders)
    items = list(_items(read["nsi"], generic, areas, numbers, gazetteer))
    count = int((np.asarray(gazetteer.positions()[2]) >= CITY_POPULATION).sum())
    places = [gazetteer.place(i) for i in range(count)]
    cities = {fold(p.name) for p in places}
    languages = language_tables(
        dictionaries,
        needed={word for item in items for word in item.words.split(" ")},
        cities=cities,
        german_names={fold(p.name) for p in places if p.country in GERMAN_COUNTRIES},
    )
    reasons = _OtherReasons(languages, cities, gazetteer)
    rows, kinds = _rows(items, _outlets(items, _counts(folder), list(numbers)), numbers, reasons)
    meta = {
        "source": f"name-suggestion-index {read['_meta']['version']}",
        "rows": len(rows),
        "kinds": kinds,
        "areas": [
            [float(f"{a.share:.3g}"), " ".join(a.countries), " ".join(a.regions), a.points, int(a.world)]
            for a in numbers
        ],
        "words": "",
    }
    table = BrandTable(_packed(meta, rows))
    words = _near_words(table, cities)
    meta["words"] = base64.b64encode(np.array(sorted(words), "<u4").tobytes()).decode()
    return _packed(meta, rows), {
        "names": len(rows),
        "firms": len({i.identity for i in items}),
        "areas": len(numbers),
        "words": len(words),
    }


def _rows(
    items: list[_Item], outlets: list[float], numbers: dict[Area, int], reasons: _OtherReasons
) -> tuple[list[str], list[str]]:
    """The table's rows, sorted by key, and its kinds; ``numbers`` gains the areas of worldwide firms."""
    items, outlets = _without_branches(items, outlets, numbers)
    kinds = {kind: i for i, kind in enumerate(sorted({_kind(item.path) for item in items}))}
    firms: dict[str, int] = {}
    by_key: dict[str, list[tuple[float, _Item]]] = defaultdict(list)
    for item, count in zip(items, outlets, strict=True):
        by_key[item.key].append((count, item))
    rows = []
    for key, found in sorted(by_key.items()):
        claims: dict[int, float] = defaultdict(float)
        for count, item in found:
            claims[item.area] += count
        _, main = max(found, key=lambda pair: (pair[0] * (pair[1].role == "main"), pair[0]))
        firm = firms.setdefault(main.identity, len(firms))
        other = max(reasons.rate(words) for words in {item.words for _, item in found})
        listed = ",".join(f"{area}:{count:.2g}" for area, count in sorted(claims.items(), key=lambda c: -c[1]))
        name = " ".join(main.name.split())
        rows.append("\t".join([key, name, str(firm), f"{other:.1e}", str(kinds[_kind(main.path)]), listed]))
    return rows, list(kinds)


def _without_branches(
    items: list[_Item], outlets: list[float], numbers: dict[Area, int]
) -> tuple[list[_Item], list[float]]:
    """``items`` where each firm is either worldwide or not.

    A firm may have one entry for the world and others for some countries, in their own writing, that the former leaves
    out; or a few outlets of another kind whose place nobody wrote down. What most of its outlets say is kept. A country
    that the world leaves out is evidence only where the firm has no entry of its own.
    """
    areas = list(numbers)
    shares = photo_shares()
    at_large: dict[tuple[str, str], float] = defaultdict(float)
    branches: dict[str, set[str]] = defaultdict(set)
    for item, count in zip(items, outlets, strict=True):
        world = areas[item.area].world
        at_large[item.key, item.identity] += count if world else -count
        if not world:
            branches[item.identity].update(areas[item.area].countries)
    kept: list[tuple[_Item, float]] = []
    for item, count in zip(items, outlets, strict=True):
        area = areas[item.area]
        if area.world != (at_large[item.key, item.identity] > 0.0):
            continue
        number = item.area
        if area.world:
            gone = tuple(c for c in area.countries if c not in branches[item.identity])
            whole = Area(1.0 - sum(shares.get(c, 0.0) for c in gone), gone, world=True)
            number = numbers.setdefault(whole, len(numbers))
        kept.append((replace(item, area=number), count))
    return [item for item, _ in kept], [count for _, count in kept]


def _near_words(table: BrandTable, cities: set[str]) -> set[int]:
    """Hashes of the words of any language, and the cities, that are one slip away from a brand."""
    import wordfreq

    words = set(cities)
    for language in wordfreq.available_languages("best"):
        words |= {fold(w) for w, f in wordfreq.get_frequency_dict(language).items() if math.log10(f) + 9 >= WORD_ZIPF}
    keys = {joined(word) for word in words}
    return {zlib.crc32(key.encode()) for key in keys if table.lookup(key) is None and table.misread(key)}


def main(argv: list[str] | None = None) -> None:
    """Command line: write the table and print its hash."""
    parser = argparse.ArgumentParser(prog="python -m detectors.build_brands", description=__doc__)
    parser.add_argument("folder", type=Path, help="npm's name-suggestion-index, unpacked")
    parser.add_argument("--borders", type=Path, required=True, help="country-coder's src/data/borders.json")
    parser.add_argument("--dictionaries", type=Path, required=True, help="node_modules with npm's dictionary-xx")
    parser.add_argument("--out", type=Path, default=BRANDS_PATH)
    options = parser.parse_args(argv)
    content, counts = build(options.folder, borders=options.borders, dictionaries=options.dictionaries)
    options.out.write_bytes(content)
    print(counts, f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
