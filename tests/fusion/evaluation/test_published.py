"""The field's published figures: what may stand in the table, and how it stands beside what was measured."""

import csv
import math
from io import StringIO

import pytest

from data.errors import DatasetError
from fusion.evaluation.published import (
    FIGURES,
    MEASURED,
    PUBLISHED,
    PUBLISHED_PATH,
    beside,
    parse,
    published,
)

BANDS = ("within_1", "within_25", "within_200", "within_750", "within_2500")


def _changed(**changes: str) -> str:
    """The shipped table with other values in its row of TransLocator on Im2GPS."""
    lines = list(csv.DictReader(StringIO(PUBLISHED_PATH.read_text("utf-8"))))
    line = next(x for x in lines if (x["system"], x["set"]) == ("TransLocator", "im2gps"))
    line.update(changes)
    out = StringIO()
    writer = csv.DictWriter(out, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def test_systems_of_the_field_are_there_with_their_figures() -> None:
    rows = {(row.system, row.variant, row.set): row for row in published()}
    planet = rows["PlaNet", "", "im2gps"]
    assert [planet.figures[band] for band in BANDS] == [8.4, 24.5, 37.6, 53.6, 71.3]
    assert (planet.photos, planet.year) == (237, 2016)
    assert rows["GeoCLIP", "", "im2gps3k"].figures["within_1"] == 14.11
    assert rows["OSV-5M baseline", "", "osv5m"].figures["geoscore"] == 3361
    assert rows["PLONK", "RFM S2", "osv5m"].figures["mean_km"] == 1069


def test_the_duel_of_planet_and_people_is_recorded_with_both_medians() -> None:
    medians = {row.system: row.figures["median_km"] for row in published("geoguessr") if "duel" in row.variant}
    assert medians == {"PlaNet": 1131.7, "ten well-travelled people": 2320.75}
    assert all("28" in row.note for row in published("geoguessr") if "duel" in row.variant)


def test_every_row_says_whose_figures_they_are_and_where_they_were_read() -> None:
    for row in published():
        assert row.source, row
        assert all(address.startswith(("https://", "github-file:")) for address in row.seen_in), row
        assert set(row.figures) <= set(FIGURES), row


def test_documents_that_disagree_have_a_row_each_and_a_note() -> None:
    rows = [row for row in published("im2gps") if row.system == "CPlaNet"]
    assert sorted(row.figures["within_200"] for row in rows) == [46.4, 46.6]
    assert all(row.note for row in rows)


def test_rows_are_of_the_set_that_was_asked_for_oldest_first() -> None:
    rows = published("yfcc4k")
    assert {row.set for row in rows} == {"yfcc4k"}
    assert [row.year for row in rows] == sorted(row.year for row in rows)
    assert published("my own photos") == []


def test_a_caller_cannot_change_what_the_next_one_gets() -> None:
    published("im2gps").clear()
    assert published("im2gps")


def test_measured_figures_come_first_and_published_ones_are_marked_as_such() -> None:
    rows = beside({"within_25": 12.0, "within_750": math.nan, "cell_bits": 3.0}, "im2gps3k", name="whence pixels")
    assert (rows[0].name, rows[0].measured, rows[0].text) == ("whence pixels", True, MEASURED)
    assert dict(rows[0].figures) == {"within_25": 12.0}
    assert len(rows) > 30
    assert all((row.measured, row.text) == (False, PUBLISHED) and row.row is not None for row in rows[1:])


def test_published_rows_without_a_common_figure_are_left_out() -> None:
    names = [row.name for row in beside({"geoscore": 1000.0}, "osv5m")]
    assert "OSV-5M baseline (2024)" in names
    assert "Pinpoint (2026)" not in names


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"within_25": "64.7"}, "within_25 \\(64.7\\) is above within_200 \\(64.6\\)"),
        ({"within_2500": "186.7"}, "within_2500 is 186.7, no percentage"),
        ({"country": "101"}, "country is 101, no percentage"),
        ({"within_1": "x"}, "within_1 is 'x'"),
        ({"within_1": "nan"}, "within_1 is 'nan'"),
        ({"median_km": "-1"}, "median_km is '-1'"),
        ({"geoscore": "5001"}, "geoscore is 5001, above 5000"),
        ({"source": ""}, "no source"),
        ({"seen_in": " "}, "no seen_in"),
        ({"set": ""}, "no set"),
        ({"year": "22"}, "year is 22"),
        (dict.fromkeys(BANDS, ""), "no figure"),
        ({"system": "SemP", "variant": "s2 (M, f*)"}, "SemP / s2 \\(M, f\\*\\) / im2gps stands there twice"),
    ],
)
def test_a_damaged_row_is_named(changes: dict[str, str], said: str) -> None:
    with pytest.raises(DatasetError, match=f"{said}.*: reinstall whence"):
        parse(_changed(**changes))


def test_a_table_without_a_column_or_with_a_short_line_is_refused() -> None:
    text = PUBLISHED_PATH.read_text("utf-8")
    with pytest.raises(DatasetError, match="no column seen_in"):
        parse(text.replace("seen_in", "seen", 1))
    with pytest.raises(DatasetError, match="line 2: too few columns"):
        parse(text.splitlines()[0] + "\nPlaNet,,2016,im2gps,237,8.4\n")
