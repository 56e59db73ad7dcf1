"""Names of chains, operators and networks are evidence for where they trade; those of worldwide firms are none."""

from __future__ import annotations

import gzip
import hashlib
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DatasetError
from data.geodesy import haversine_km
from detectors import brands as brands_module
from detectors.base import Box, Clue, Reading
from detectors.brand_table import BRANDS_PATH, BRANDS_SHA256, FORMAT, Brand, BrandTable
from detectors.brands import BrandReader
from fusion.pool import RELIABILITY


@pytest.fixture(scope="module")
def table() -> BrandTable:
    return BrandTable.open()


@pytest.fixture(scope="module")
def reader(table: BrandTable) -> BrandReader:
    return BrandReader(table)


def at(x: float, y: float, width: float = 200, height: float = 20) -> Box:
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def lines(*texts: str, confidence: float = 0.99) -> list[Reading]:
    return [Reading(f"r{i}", text, at(10, 300 * i), confidence) for i, text in enumerate(texts)]


def gain_in(clue: Clue, country: str) -> float:
    return clue.evidence.countries.get(country, clue.evidence.elsewhere)


def gain_near(clue: Clue, lat: float, lon: float) -> float:
    near = [p.log_lr for p in clue.evidence.points if haversine_km(lat, lon, p.lat, p.lon) < 40.0]
    return max(near, default=clue.evidence.elsewhere)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Walgreens", "US"),
        ("BIEDRONKA", "PL"),
        ("Monoprix", "FR"),
        ("FairPrice", "SG"),
        ("NTUC FAIRPRICE", "SG"),
        ("Pão de Açúcar", "BR"),
        ("COOP PRONTO", "CH"),
        ("Canadian Tire", "CA"),
        ("SYNDICATE BANK", "IN"),
        ("Dan Murphy's", "AU"),
        ("Пятёрочка", "RU"),
        ("ПЯТЕРОЧКА", "RU"),
        ("АТБ-маркет", "UA"),
        ("ローソンストア100", "JP"),
        ("ファミリーマート", "JP"),
        ("全聯福利中心", "TW"),
        ("이마트", "KR"),
        ("Μασούτης", "GR"),
        ("שופרסל דיל", "IL"),
    ],
)
def test_a_national_chain_points_at_its_country(reader: BrandReader, text: str, country: str) -> None:
    (clue,) = reader.clues(lines(text))
    assert clue.kind == "brand" and clue.points_to[0] == country
    assert gain_in(clue, country) > 1.0 > 0.0 > clue.evidence.elsewhere
    other = "NZ" if country != "NZ" else "FI"
    assert gain_in(clue, other) < 0.0


@pytest.mark.parametrize("text", ["McDonald's", "STARBUCKS", "KFC", "ZARA", "Burger King", "H&M", "Lidl", "SHELL"])
def test_a_worldwide_brand_says_nothing(reader: BrandReader, text: str) -> None:
    assert reader.clues(lines(text)) == []


@pytest.mark.parametrize(
    "text",
    ["Orange", "Target", "Boots", "Total", "Post", "Subway", "Apple", "Star", "Market", "Central", "Mobile", "Express",
     "Fresh", "Park", "Police", "School", "Pharmacy", "Bank", "Hotel", "OPEN", "Bar", "Paris", "Smith", "Metro", "ATM",
     "the", "in", "A", "", "...", "365", "1234567"],
)  # fmt: skip
def test_names_that_are_words_surnames_or_places_do_not_shout(reader: BrandReader, text: str) -> None:
    for clue in reader.clues(lines(text)):
        assert clue.evidence.elsewhere > -0.5, clue.meaning


def test_a_citys_network_says_more_than_a_countrys_chain_and_a_continents_says_less(reader: BrandReader) -> None:
    (city,) = reader.clues(lines("SEPTA"))
    assert gain_near(city, 39.95, -75.17) > 3.0 and city.evidence.elsewhere < 0.0
    assert city.points_to == ("US",)
    (country,) = reader.clues(lines("Walgreens"))
    assert gain_near(city, 39.95, -75.17) > gain_in(country, "US") + 1.0
    (many,) = reader.clues(lines("Kaufland"))
    assert len(many.evidence.countries) > 4
    assert gain_in(reader.clues(lines("Biedronka"))[0], "PL") > gain_in(many, "DE") > 0.0


def test_a_network_of_a_region_points_at_the_region(reader: BrandReader) -> None:
    (clue,) = reader.clues(lines("RATP"))
    assert clue.evidence.regions["FR.11"] > clue.evidence.countries["FR"] > clue.evidence.elsewhere
    assert clue.evidence.regions["FR.11"] > 2.5


def test_a_brand_that_leaves_out_a_country_speaks_against_it(reader: BrandReader, table: BrandTable) -> None:
    brand = table.lookup("carrefourexpress")
    assert brand is not None
    (area,) = (claim.area for claim in brand.claims)
    assert area.world and "US" in area.countries and 0.5 < area.share < 1.0
    (clue,) = reader.clues(lines("CARREFOUR EXPRESS"))
    assert gain_in(clue, "US") < -1.0 < 0.0 < clue.evidence.elsewhere
    assert "everywhere but in the United States" in clue.meaning and clue.points_to == ()


@pytest.mark.parametrize(
    ("read", "name"),
    [("Walqreens", "Walgreens"), ("BIEORONKA", "Biedronka"), ("Пятерочкв", "Пятёрочка"),
     ("WALGREENSS", "Walgreens"), ("Canadian Tlre", "Canadian Tire")],
)  # fmt: skip
def test_a_misread_name_counts_less_than_the_name(reader: BrandReader, read: str, name: str) -> None:
    (slip,), (exact,) = reader.clues(lines(read)), reader.clues(lines(name))
    assert slip.points_to[0] == exact.points_to[0] and "misread" in slip.meaning
    country = exact.points_to[0]
    assert 0.0 < gain_in(slip, country) < gain_in(exact, country)
    assert exact.evidence.elsewhere < slip.evidence.elsewhere < 0.0


@pytest.mark.parametrize("town", ["Lublin", "Oxford", "Aachen", "Strasbourg"])
def test_a_town_whose_buses_bear_its_name_is_left_to_the_reader_of_places(table: BrandTable, town: str) -> None:
    brand = table.lookup(town.lower())
    assert brand is None or not brand.kind.endswith("network")


def test_a_word_is_no_misread_brand(reader: BrandReader, table: BrandTable) -> None:
    assert table.is_word("target") or table.lookup("target") is not None
    words = ("dinner", "arrival", "Ireland", "Denver", "Dublin", "supermarket", "poster", "Simpson", "restaurant")
    assert [c.meaning for w in words for c in reader.clues(lines(w)) if "misread" in c.meaning] == []


def test_spelling_and_spaces_do_not_matter(reader: BrandReader) -> None:
    found = [reader.clues(lines(text)) for text in ("Family Dollar", "FAMILYDOLLAR", "family-dollar", "FamilyDollar")]
    assert len({(c.points_to, round(gain_in(c, "US"), 6)) for (c,) in found}) == 1


def test_a_name_on_two_stacked_lines_is_one_name(reader: BrandReader) -> None:
    stacked = [Reading("r0", "FAMILY", at(60, 0, 90, 30), 0.99), Reading("r1", "DOLLAR", at(50, 36, 110, 30), 0.99)]
    (clue,) = reader.clues(stacked)
    assert clue.points_to[0] == "US" and clue.evidence.sources == ("r0:0-6", "r1:0-6")


def test_the_longest_name_wins_and_a_name_in_a_run_without_spaces_is_found(reader: BrandReader) -> None:
    (clue,) = reader.clues(lines("WELLS FARGO BANK"))
    assert clue.evidence.sources == ("r0:0-16",) and clue.points_to[0] == "US"
    (inner,) = reader.clues(lines("ファミリーマート新宿店"))
    assert inner.points_to[0] == "JP" and inner.evidence.sources == ("r0:0-8",)


def test_the_same_firm_twice_is_one_clue_of_the_same_weight(reader: BrandReader) -> None:
    (once,) = reader.clues(lines("Walgreens"))
    (twice,) = reader.clues(lines("Walgreens", "WALGREENS"))
    assert twice.evidence.countries == once.evidence.countries
    assert twice.evidence.sources == ("r0:0-9", "r1:0-9")


def test_a_name_inside_a_sentence_and_an_unsure_reading_count_less(reader: BrandReader) -> None:
    (whole,) = reader.clues(lines("Safeway"))
    (part,) = reader.clues(lines("we walked past Safeway and then"))
    (unsure,) = reader.clues(lines("Safeway", confidence=0.3))
    assert gain_in(part, "US") < gain_in(whole, "US") and gain_in(unsure, "US") < gain_in(whole, "US")


def test_evidence_is_one_likelihood_whose_mean_over_the_photos_is_one(reader: BrandReader) -> None:
    from detectors.territories import photo_shares

    for text in ("Walgreens", "BIEDRONKA", "Canadian Tire", "Syndicate Bank", "Kaufland"):
        (clue,) = reader.clues(lines(text))
        mean = sum(share * math.exp(gain_in(clue, c)) for c, share in photo_shares().items())
        assert mean == pytest.approx(1.0, abs=0.05), text


def test_garbage_says_nothing_or_next_to_nothing(reader: BrandReader) -> None:
    garbage = ("xq7zzt", "ﷺﷺﷺ", "\u200b\u200b", "�����", "lIlIlIlI", "۝۝", "aaaaaaaaaaaaaaaa", "((((", "\x00\x01")
    assert reader.clues(lines(*garbage, confidence=0.5)) == []
    assert reader.clues([]) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6))
def test_any_text_is_survived_and_evidence_is_finite(texts: list[str]) -> None:
    for clue in BrandReader(_shared()).clues(lines(*texts, confidence=0.9)):
        assert all(map(math.isfinite, [clue.evidence.elsewhere, *clue.evidence.countries.values()]))


_TABLES: list[BrandTable] = []


def _shared() -> BrandTable:
    if not _TABLES:
        _TABLES.append(BrandTable.open())
    return _TABLES[0]


class _Counting(BrandTable):
    exact = fuzzy = 0

    def lookup(self, key: str) -> Brand | None:
        self.exact += 1
        return super().lookup(key)

    def misread(self, key: str) -> list[Brand]:
        self.fuzzy += 1
        return super().misread(key)


@pytest.mark.parametrize("text", ["walgreenz " * 1000, "x" * 10_000, "ローソン" * 2500, "a b " * 2500, "ש" * 10_000])
def test_a_line_of_ten_thousand_characters_takes_a_bounded_number_of_look_ups(text: str) -> None:
    counting = _Counting(BRANDS_PATH.read_bytes())
    clues = BrandReader(counting).clues([Reading(f"r{i}", text, at(10, 300 * i), 0.9) for i in range(3)])
    assert len(clues) <= 1
    assert counting.exact <= brands_module.LONGEST_WINDOW * brands_module.MOST_TOKENS + brands_module.MOST_PARTS
    assert counting.fuzzy <= brands_module.FUZZY_LOOKUPS


def test_a_wall_of_brands_of_many_countries_is_sure_of_none(reader: BrandReader) -> None:
    names = ("Walgreens", "Biedronka", "Monoprix", "ファミリーマート", "Canadian Tire", "Пятёрочка", "Syndicate Bank")
    clues = reader.clues(lines(*names))
    assert len(clues) == len(names)
    countries = {c for clue in clues for c in clue.evidence.countries}
    totals = sorted(sum(gain_in(clue, c) for clue in clues) for c in countries)
    assert totals[-1] < 2.0


def test_what_a_clue_shows_is_masked_and_a_plate_is_no_brand(reader: BrandReader) -> None:
    (clue,) = reader.clues(lines("Walgreens (415) 867-5309"))
    assert clue.text == "Walgreens" and "867" not in clue.meaning + clue.text
    assert reader.clues(lines("walgreens@example.com")) == []
    assert reader.clues(lines("ZVV")) and reader.clues(lines("ZVV 1234")) == []


def test_the_pool_knows_brands_and_takes_their_words_before_place_names() -> None:
    order = list(RELIABILITY)
    assert 0.5 < RELIABILITY["brand"] <= 1.0
    assert order.index("domain") < order.index("brand") < order.index("place")


def test_the_shipped_table_is_the_pinned_one_and_small() -> None:
    content = BRANDS_PATH.read_bytes()
    assert hashlib.sha256(content).hexdigest() == BRANDS_SHA256
    assert BRANDS_SHA256 in (BRANDS_PATH.parent / "SOURCES.md").read_text("utf-8")
    assert len(content) < 3 << 20 and len(_shared()) > 40_000


def test_a_damaged_or_foreign_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = BRANDS_PATH.read_bytes()
    head = f"{FORMAT}\n".encode()
    meta = b'{"rows":1,"kinds":["shop"],"words":"","areas":[[0.5,"FR","",[],0]]}\n'
    bad = {
        "missing": None,
        "empty": b"",
        "cut": content[: len(content) // 2],
        "text": b"no table",
        "foreign": gzip.compress(b"another format\n{}\n"),
        "no meta": gzip.compress(head + b"[]\n"),
        "not utf-8": gzip.compress(head + b"\xff\xfe\n"),
        "too few rows": gzip.compress(head + meta),
        "row without columns": gzip.compress(head + meta + b"key\n"),
        "share": gzip.compress(head + meta.replace(b"0.5", b"7.0") + b"abcd\tAbcd\t0\t0\t0\t0:1\n"),
    }
    for name, damaged in bad.items():
        file = tmp_path / f"{name}.gz"
        if damaged is not None:
            file.write_bytes(damaged)
        with pytest.raises(DatasetError, match="reinstall"):
            BrandTable.open(file)
    good = tmp_path / "good.gz"
    good.write_bytes(
        gzip.compress(head + meta + b"abcd\tAbcd\t0\t0\t0\t0:1\nefgh\tE\t0\t0\t0\t9:1\n".replace(b"x", b""))
    )
    with pytest.raises(DatasetError):
        BrandTable.open(good)  # two rows where one was promised
    good.write_bytes(gzip.compress(head + meta + b"abcd\tAbcd\t0\t0\t0\t9:1\n"))
    with pytest.raises(DatasetError, match="reinstall"):
        BrandTable.open(good).lookup("abcd")  # an area that is not there
    shipped = tmp_path / "brands.tsv.gz"
    shipped.write_bytes(gzip.compress(gzip.decompress(content)))  # a good table, but not the one that was pinned
    monkeypatch.setattr("detectors.brand_table.BRANDS_PATH", shipped)
    monkeypatch.setattr("detectors.brands.load_default", BrandTable.open)  # what other tests opened is kept
    with pytest.raises(DatasetError, match="reinstall"):
        BrandReader().clues(lines("Walgreens"))
