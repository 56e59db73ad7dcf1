"""The table of plate formats says what real plates look like, and takes nothing else for one."""

from __future__ import annotations

import random
import re
import string
from collections import Counter

import pytest

from data.gazetteer import load_default
from detectors import plate_formats as module
from detectors.plate_formats import CONTINENTS, PlateFormat, plate_codes, plate_formats
from detectors.plate_text import fold, gaps
from detectors.territories import photo_shares

COLOURS = {"black", "white", "yellow", "blue", "green", "red", "grey", "orange", "cyan", "*"}


def of(country: str) -> list[PlateFormat]:
    return [row for row in plate_formats() if row.country == country]


def told(country: str, text: str) -> set[str]:
    """Regions of the variants of the country's formats that fit ``text``."""
    folded = fold(text)
    return {
        variant.region
        for row in of(country)
        if row.matches(text)
        for variant in row.variants()
        if len(variant.slots) == len(folded) and all(c in s for c, s in zip(folded, variant.slots, strict=True))
    }


@pytest.mark.parametrize("row", plate_formats(), ids=lambda row: f"{row.country}-{row.pattern}")
def test_every_example_and_every_sample_matches_its_row(row: PlateFormat) -> None:
    assert row.matches(row.example), row
    rng = random.Random(row.pattern)
    for _ in range(10):
        assert row.matches(row.sample(rng))
    assert row.matches(row.example.lower()) and not row.matches(row.example + "XX9XX")


def test_at_least_sixty_countries_on_all_continents() -> None:
    countries = {row.country for row in plate_formats()}
    assert len(countries) >= 60
    assert countries == {c for codes in CONTINENTS.values() for c in codes.split()}
    assert all(len(countries & set(codes.split())) >= 5 for codes in CONTINENTS.values())
    assert countries <= set(photo_shares())
    assert len({row.region for row in of("US")}) == 51 and len({row.region for row in of("CA")}) == 13


@pytest.mark.parametrize("shapes_first", [False, True])
def test_no_pattern_is_a_catch_all(shapes_first: bool) -> None:
    rng = random.Random(1)
    both = string.ascii_uppercase + string.digits
    texts = [
        "".join(rng.choice(rng.choice((string.ascii_uppercase, string.digits)) if shapes_first else both)
                for _ in range(rng.randint(4, 8)))
        for _ in range(1000)
    ]  # fmt: skip
    fits = {(row.country, row.pattern): {t for t in texts if row.regex.fullmatch(t)} for row in plate_formats()}
    assert max(map(len, fits.values())) < 0.05 * len(texts)
    for country in {country for country, _ in fits}:
        most = 0.17 if country == "US" else 0.08
        assert len(set().union(*(f for (c, _), f in fits.items() if c == country))) < most * len(texts), country
    assert len(set().union(*fits.values())) < 0.4 * len(texts)


@pytest.mark.parametrize("text", ["", "1", "7", "42", "OPEN", "SALE", "QWERTYUIOP", "+34911234567"])
def test_words_and_short_numbers_are_no_plates(text: str) -> None:
    assert not any(row.matches(text) for row in plate_formats())


def test_every_region_is_in_the_gazetteer() -> None:
    known = load_default()._region_names  # of some regions it knows the places and no name
    named = [code.region for codes in plate_codes().values() for code in codes if code.region]
    named += [row.region for row in plate_formats() if row.region]
    assert [code for code in named if code not in known] == []
    named_share = sum(bool(load_default().admin1_name(code)) for code in named) / len(named)
    assert named_share > 0.9
    for (country, _), codes in plate_codes().items():
        assert all(code.region[:2] in ("", country) for code in codes)


@pytest.mark.parametrize(
    ("country", "text", "region"),
    [("DE", "M AB 123", "DE.02"), ("DE", "WOB VK 482", "DE.06"), ("DE", "B XY 1234", "DE.16"),
     ("PL", "KR 48213", "PL.77"), ("PL", "WX 4K821", "PL.78"), ("UA", "AX 4821 KT", "UA.07"),
     ("TR", "34 AB 123", "TR.34"), ("TR", "06 KDB 48", "TR.68"), ("CN", "粤B·48213", "CN.30"),
     ("CN", "京N·K4821", "CN.22"), ("GB", "SD68 KWT", "GB.SCT"), ("GB", "CD68 KWT", "GB.WLS"),
     ("GB", "LD68 KWT", "GB.ENG"), ("IN", "KA 05 MK 4821", "IN.19"), ("MX", "UKB-482-D", "MX.22"),
     ("RU", "K482TB 77", "RU.48"), ("RU", "А482ТВ 178", "RU.66"), ("RO", "CJ 48 KDB", "RO.13"),
     ("CH", "ZH 482137", "CH.ZH"), ("AT", "W 48213C", "AT.09"), ("IE", "182-KY-4821", "IE.M"),
     ("BG", "CB 4821 KT", "BG.42"), ("HR", "ZG 482-KD", "HR.21"), ("SK", "BA-482KD", "SK.02"),
     ("CZ", "4T2 8173", "CZ.85"), ("KZ", "482 KDB 02", "KZ.02"), ("JP", "品川 348/さ 48-21", "JP.40"),
     ("US", "7KDB482", "US.CA"), ("US", "KD4 B8T", "US.MO"), ("CA", "CKDB-482", "CA.08"),
     ("AU", "1DKB·482", "AU.08"), ("ZA", "DK 48 BT GP", "ZA.06"), ("EC", "PKD-4821", "EC.18"),
     ("ID", "DK 4821 KD", "ID.02"), ("MY", "WKD 4821", "MY.14"), ("VN", "30A-482.13", "VN.01")],
)  # fmt: skip
def test_the_text_tells_the_region(country: str, text: str, region: str) -> None:
    assert region in told(country, text)
    assert len(told(country, text) - {""}) <= 4


def test_never_used_letters_do_not_match() -> None:
    for country, text in [("FR", "AO-123-BC"), ("IT", "AI 123BC"), ("GB", "LD68 KQT"), ("ES", "1234 ABC"),
                          ("SE", "QAB 123"), ("NL", "AA-123-B"), ("RU", "D123BC 77")]:  # fmt: skip
        assert not any(row.matches(text) for row in of(country) if row.share > 0.1), (country, text)


def test_rows_are_complete_and_name_their_source() -> None:
    for row in plate_formats():
        assert row.source and row.band in {"none", "eu", "left", "both", "top"}
        assert row.shape in {"long", "mid", "us", "square", "-"}
        assert row.band == "none" or row.band_text
        assert {c for pair in row.colours for c in pair} <= COLOURS and all(a != b or a == "*" for a, b in row.colours)
        assert not row.beside or row.sample_beside(random.Random(0))
        assert not re.search(r"[1-9]", row.name.partition(":")[2])
    totals = Counter[str]()
    for row in plate_formats():
        totals[row.country] += row.share  # type: ignore[assignment]
    assert all(abs(total - 1.0) < 1e-9 for total in totals.values())


def test_variants_of_a_format_share_its_plates() -> None:
    for row in (*of("DE"), *of("FR"), *of("JP")):
        variants = list(row.variants())
        assert sum(v.weight for v in variants) == pytest.approx(1.0)
        assert all(len(v.slots) == len(v.before) and all(v.slots) for v in variants)


def test_separators_are_told_apart() -> None:
    assert gaps("AB-12·34 5\n6") == ("AB123456", "  - . _/")
    assert gaps(" - ") == ("", "") and gaps("") == ("", "")


def test_a_damaged_table_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    from data.errors import DatasetError

    monkeypatch.setattr(module, "FORMATS_SHA256", "0" * 64)
    with pytest.raises(DatasetError, match="damaged"):
        plate_formats.__wrapped__()
