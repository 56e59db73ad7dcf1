"""What the gate of the look-ups lets through: names of people that pass, and names of shops and streets that do not.

People are made by ``Faker`` (PyPI, MIT; ``pip install faker``) in ten locales, its own order of names. Its lists are
where the shipped table comes from, so the figures that count are those of names whose words are held out: a quarter of
the table's words, by a hash, is taken away, and a name counts as ``partly`` unknown where one of its words is among
them and as ``wholly`` where all are. Shops and streets are all named ones of the extracts in ``shared/data/osm``; the
chains of ``detectors.brand_table`` are judged as if that table did not excuse them. Plates are drawn from all formats
of ``detectors.plate_formats``, telephone numbers are the examples of ``phonenumbers``.

    python -m benchmarks.query_privacy --osm ../shared/data/osm
"""

from __future__ import annotations

import argparse
import random
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import numpy as np

from data.folding import fold
from detectors import person_kinds as kinds
from detectors import person_names as reader
from detectors.brand_table import BrandTable
from detectors.person_east import is_eastern_script
from detectors.person_table import PersonNames, person_names
from detectors.plate_formats import plate_formats
from fusion.lookup_privacy import askable
from fusion.slips import load_slips

LOCALES = ("de_DE", "en_GB", "es_MX", "fr_FR", "it_IT", "pl_PL", "pt_BR", "ru_RU", "tr_TR", "zh_CN")
OTHERS = (
    *(
        "nl_NL",
        "sv_SE",
        "da_DK",
        "no_NO",
        "fi_FI",
        "cs_CZ",
        "hu_HU",
        "ro_RO",
        "bg_BG",
        "hr_HR",
        "sl_SI",
        "lt_LT",
        "uk_UA",
    ),
    *(
        "el_GR",
        "hy_AM",
        "ka_GE",
        "he_IL",
        "ar_AA",
        "fa_IR",
        "hi_IN",
        "bn_BD",
        "th_TH",
        "vi_VN",
        "id_ID",
        "ja_JP",
        "ko_KR",
    ),
    *("zh_TW", "en_IN", "en_NG", "zu_ZA"),
)
SEED = 10_004
EACH = 200
HELD_OUT = 4  # one word of so many
PLATES = 20  # of each format
SEVERITY = 2.0  # of the slips: twice as many as on an ordinary sign
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

    def less() -> PersonNames:
        return small

    with mock.patch.object(reader, "person_names", less), mock.patch.object(kinds, "person_names", less):
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


def _report_others() -> None:
    """The other locales in one line: ``ta_IN``, whose people have one name each, is none of them."""
    passed: dict[str, int] = {}
    for locale, name in people(OTHERS):
        passed[locale] = passed.get(locale, 0) + (not reader.is_person_like(name))
    told = ", ".join(f"{locale} {count}" for locale, count in passed.items() if count)
    print(f"{len(OTHERS)} other locales, {EACH} names each: {sum(passed.values())} pass ({told})")


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
    with mock.patch.object(reader, "is_chain", lambda text: False):
        start = time.perf_counter()
        count = sum(reader.is_person_like(name) for name in names)
        spent = time.perf_counter() - start
    print(f"chains: {len(names)}, person-like {count} ({100.0 * count / len(names):.1f} %)")
    print(f"{1e6 * spent / len(names):.0f} microseconds a name")


def _report_plates() -> None:
    """Plates of every format of ``detectors.plate_formats``, as printed, in other spacing, and with slips of OCR."""
    rng, slips = np.random.default_rng(SEED), load_slips()
    counts: dict[str, list[int]] = {}
    for plate_format in plate_formats():
        for _ in range(PLATES):
            text = plate_format.sample(random.Random(int(rng.integers(2**32)))).replace("\n", " ")
            closed = "".join(c for c in text if c.isalnum())
            read = slips.apply(text, rng, SEVERITY)
            forms = {"as printed": text, "closed": closed, "apart": " ".join(closed), "behind a word": f"Taxi {text}"}
            if read is not None and read[0] != text:
                forms["with slips"] = read[0]
            for kind, form in forms.items():
                asked = askable(form)
                cells = counts.setdefault(kind, [0, 0])
                cells[0] += 1
                # "Taxi" alone: what was taken for a postal code was cut out.
                cells[1] += asked not in (None, "Taxi")
    print("| plates of all formats | tried | pass |")
    print("| --- | --- | --- |")
    for kind, (tried, passed) in counts.items():
        print(f"| {kind} | {tried} | {passed} |")


def _report_phones() -> None:
    """The example numbers of ``phonenumbers`` of all regions, in several ways of writing, alone and in a line."""
    import phonenumbers as pn

    tried = passed = 0
    for region in sorted(pn.SUPPORTED_REGIONS):
        for kind in (pn.PhoneNumberType.FIXED_LINE, pn.PhoneNumberType.MOBILE):
            number = pn.example_number_for_type(region, kind)
            if number is None:
                continue
            for style in (pn.PhoneNumberFormat.NATIONAL, pn.PhoneNumberFormat.INTERNATIONAL, pn.PhoneNumberFormat.E164):
                written = pn.format_number(number, style)
                for before in ("", "Tel. ", "Hotel Sol ", "Hauptstraße 5, "):
                    for form in (written, *(written.replace(" ", gap) for gap in (" / ", ".", "-", "  "))):
                        tried += 1
                        passed += askable(before + form) is not None
    print(f"telephone numbers: {tried} tried, {passed} pass")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--osm", type=Path, help="folder of extracts")
    parser.add_argument("--show", action="store_true", help="print the names that are refused as persons")
    options = parser.parse_args()
    _report_people()
    _report_others()
    _report_plates()
    _report_phones()
    _report_chains()
    if options.osm is not None:
        _report_maps(options.osm, show=options.show)


if __name__ == "__main__":
    main()
