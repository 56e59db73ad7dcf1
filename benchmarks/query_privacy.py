"""What the gate of the look-ups lets through: names of people that pass, and names of shops and streets that do not.

People are made by ``Faker`` (PyPI, MIT; ``pip install faker``) in ten locales, its own order of names. Its lists are
where the shipped table comes from, so the figures that count are those of names whose words are held out: a quarter of
the table's words, by a hash, is taken away, and a name counts as ``partly`` unknown where one of its words is among
them and as ``wholly`` where all are. Shops and streets are all named ones of the extracts in ``shared/data/osm``; the
chains of ``detectors.brand_table`` are judged as if that table did not excuse them.

    python -m benchmarks.query_privacy --osm ../shared/data/osm
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from data.folding import fold
from detectors import person_names as reader
from detectors.brand_table import BrandTable
from detectors.person_east import is_eastern_script
from detectors.person_table import PersonNames, person_names
from fusion.lookup_privacy import askable

LOCALES = ("de_DE", "en_GB", "es_MX", "fr_FR", "it_IT", "pl_PL", "pt_BR", "ru_RU", "tr_TR", "zh_CN")
SEED = 10_004
EACH = 200
HELD_OUT = 4  # one word of so many
_KINDS = ("shop", "office", "craft", "healthcare", "tourism", "amenity", "leisure")


def people(locales: Sequence[str] = LOCALES, each: int = EACH) -> Iterator[tuple[str, str]]:
    """Locale and name, ``each`` of every locale, the same ones each time."""
    from faker import Faker  # only this script and the table's build need the package

    for locale in locales:
        fake = Faker(locale)
        fake.seed_instance(SEED)
        yield from ((locale, fake.name()) for _ in range(each))


def reduced(names: PersonNames) -> tuple[PersonNames, frozenset[str]]:
    """The table without a quarter of its words, and those words."""
    gone = frozenset(w for w in names.given | names.surnames if zlib.crc32(w.encode()) % HELD_OUT == 0)
    return PersonNames(names.given - gone, names.surnames - gone, names.syllables), gone


def _unknown(name: str, gone: frozenset[str]) -> str:
    """How many of a name's words the reduced table has lost: "", "partly" or "wholly"."""
    if is_eastern_script(name):
        parts = [part for size in (1, 2) for part in (name[:size], name[size:]) if part in person_names().surnames]
        words = [parts[0], name[len(parts[0]) :]] if parts else [name]
    else:
        words = [w for w in fold(name).split() if w in person_names().given | person_names().surnames]
    lost = [w in gone for w in words]
    return "wholly" if lost and all(lost) else "partly" if any(lost) else ""


def _report_people() -> None:
    names = list(people())
    small, gone = reduced(person_names())
    with mock.patch.object(reader, "person_names", lambda: small):
        held = [(locale, name, reader.is_person_like(name)) for locale, name in names]
    print("| locale | names | pass | words partly held out | pass | wholly held out | pass |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for locale in (*LOCALES, "all"):
        own = [name for code, name in names if locale in (code, "all")]
        cells: list[int] = [len(own), sum(not reader.is_person_like(name) for name in own)]
        for which in ("partly", "wholly"):
            of = [found for code, name, found in held if locale in (code, "all") and _unknown(name, gone) == which]
            cells += [len(of), sum(not found for found in of)]
        print(f"| {locale} | {' | '.join(map(str, cells))} |")


def _named(path: Path) -> tuple[list[str], list[str]]:
    """Names of the shops and the like in an extract, and of its streets."""
    import osmium

    shops: set[str] = set()
    streets: set[str] = set()
    for thing in osmium.FileProcessor(str(path)):
        name = thing.tags.get("name")
        if name and any(kind in thing.tags for kind in _KINDS):
            shops.add(name)
        if name and "highway" in thing.tags:
            streets.add(name)
    return sorted(shops), sorted(streets)


def _report_maps(folder: Path, *, show: bool) -> None:
    print("| extract | shops and the like | person-like | not askable | streets | person-like | not askable |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    total = [0] * 6
    refused: list[str] = []
    for path in sorted(folder.glob("*.osm*")):
        cells: list[int] = []
        for names in _named(path):
            persons = [name for name in names if reader.is_person_like(name)]
            refused += persons
            cells += [len(names), len(persons), sum(askable(name) is None for name in names)]
        total = [a + b for a, b in zip(total, cells, strict=True)]
        print(f"| {path.name.split('.')[0]} | {' | '.join(map(str, cells))} |")
    print(f"| all | {' | '.join(map(str, total))} |")
    if show:
        print("\n".join(refused))


def _report_chains() -> None:
    names = sorted({brand.name for brand in BrandTable.open().brands()})
    with mock.patch.object(reader, "_is_brand", lambda text: False):
        start = time.perf_counter()
        count = sum(reader.is_person_like(name) for name in names)
        spent = time.perf_counter() - start
    print(f"chains: {len(names)}, person-like {count} ({100.0 * count / len(names):.1f} %)")
    print(f"{1e6 * spent / len(names):.0f} microseconds a name")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--osm", type=Path, help="folder of extracts")
    parser.add_argument("--show", action="store_true", help="print the names that are refused as persons")
    options = parser.parse_args()
    _report_people()
    _report_chains()
    if options.osm is not None:
        _report_maps(options.osm, show=options.show)


if __name__ == "__main__":
    main()
