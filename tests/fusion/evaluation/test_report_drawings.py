"""What a report draws stands where it should: points on their axes, truths and ways on the map, marks of gains."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fusion.evaluation.report_beside import beside_people
from fusion.evaluation.report_curves import curves_of, distances
from fusion.evaluation.report_map import map_of
from fusion.evaluation.report_markup import difference, number, table
from fusion.evaluation.report_plots import LOOKS, Axis, Line, plot
from fusion.evaluation.report_tables import gain_cells
from fusion.evaluation.runs import PhotoColumns

LEFT, RIGHT, TOP, BOTTOM = 48.0, 340.0, 10.0, 240.0
UNIT = Axis("share, %", 0.0, 1.0, [(0.0, "0"), (1.0, "100")])


def _marks(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'class="mark" transform="translate\(([\d.]+) ([\d.]+)\)', svg)]


def _line(svg: str) -> str:
    found = re.search(r'class="line" d="([^"]+)"', svg)
    assert found
    return found[1]


def _photos(km: list[float], **columns: Any) -> PhotoColumns:
    table = pa.table({name: pa.array(values, pa.float64()) for name, values in columns.items()})
    files = [f"{k}.jpg" for k in range(len(km))]
    systems: Mapping[str, Any] = {"text": {"km": np.array(km)}}
    return PhotoColumns(files, systems, np.zeros(len(km)), np.arange(len(km)), table)


def test_points_stand_on_their_axes() -> None:
    svg = plot("t", "a", UNIT, UNIT, [Line("x", [(0.0, 0.0), (0.5, 1.0), (1.0, 0.25)])])
    assert _marks(svg) == [(LEFT, BOTTOM), ((LEFT + RIGHT) / 2, TOP), (RIGHT, BOTTOM - 0.25 * (BOTTOM - TOP))]
    assert _line(svg) == "M48.0 240.0L194.0 10.0L340.0 182.5"


def test_a_logarithmic_axis_has_decades_of_one_width() -> None:
    axis = Axis("km (log)", 1.0, 100.0, [], log=True)
    assert [axis.share(value) for value in (1.0, 10.0, 100.0, 0.01, 1e6)] == pytest.approx([0.0, 0.5, 1.0, 0.0, 1.0])


def test_no_two_lines_differ_by_colour_alone() -> None:
    for part in ("colour", "dashes", "shape"):
        assert len({getattr(look, part) for look in LOOKS}) == len(LOOKS)


def test_labels_are_escaped() -> None:
    svg = plot("<b>", "<i>", Axis("<u>", 0.0, 1.0, [(0.0, "<s>")]), UNIT, [])
    assert not re.search("<[bius]>", svg) and svg.count("&lt;b&gt;") == 2


def test_photos_without_an_answer_are_within_no_distance() -> None:
    km = np.array([0.1, 100.0, math.inf, math.nan, math.inf])
    svg = distances({"x": km}, "Distances", [0])
    # Of four photos whose place is known one is at the lower end already, two are answered at all.
    assert re.fullmatch(r"M48\.0 182\.5H48\.0V182\.5H\d+\.\dV125\.0H340\.0V125\.0", _line(svg))
    assert "x: 25 % within 1 km, 25 % within 25 km, 50 % within 200 km" in svg
    assert distances({"x": np.array([math.nan])}, "Distances", [0]) == ""


def test_what_was_said_goes_to_the_right_and_what_was_true_up() -> None:
    bins = [{"said": 0.0, "true": 0.5, "photos": 4}, {"said": 1.0, "true": 0.5, "photos": 4}]
    nothing: dict[str, Any] = {"country": [], "radius": []}
    run = {
        "with_clue": 1, "recall": {"prior": [], "text": []}, "abstention": {"prior": {}, "text": {}},
        "calibration": {"prior": nothing, "text": {"country": bins, "radius": []}},
    }  # fmt: skip
    nowhere = np.array([math.nan])
    svg = curves_of(run, {"prior": nowhere, "text": nowhere})
    figure = svg[svg.index("<figure") :]
    assert figure.count("<figure") == 1 and _line(figure) == "M48.0 125.0L340.0 125.0"
    # Wilson's interval of two of four is 15 to 85 %.
    assert "M48.0 205.5V44.5" in figure and 'class="even"' in figure


def test_a_mark_stands_on_the_true_place_and_its_way_comes_from_the_guess() -> None:
    drawn = map_of(_photos([5000.0], true_lat=[10.0], true_lon=[60.0], text_lat=[-20.0], text_lon=[0.0]))
    assert re.search(r'class="truth far" d="M180\.0 -30\.0m', drawn), "three units a degree, north is up"
    found = re.search(r'class="error far" d="M([\d.-]+) ([\d.-]+)((?:l[^"]+)+)"', drawn)
    assert found and (float(found[1]), float(found[2])) == (0.0, 60.0)
    steps = np.array([step.split() for step in found[3][1:].split("l")], np.float64)
    assert steps.sum(axis=0) == pytest.approx([180.0, -90.0]) and len(steps) > 10


def test_a_way_over_the_date_line_does_not_cross_the_map() -> None:
    drawn = map_of(_photos([400.0], true_lat=[0.0], true_lon=[179.0], text_lat=[0.0], text_lon=[-179.0]))
    found = re.search(r'class="error middle" d="([^"]+)"', drawn)
    assert found and found[1].count("M") == 2
    assert max(abs(float(x)) for x, _ in re.findall(r"l([\d.-]+) ([\d.-]+)", found[1])) < 10.0


def test_errors_are_told_apart_by_their_marks_and_counted() -> None:
    drawn = map_of(
        _photos([1.0, 200.0, 201.0, 2500.0, 2501.0, math.inf, math.nan], **dict.fromkeys(
            ("true_lat", "true_lon", "text_lat", "text_lon"), [1.0] * 7))
    )  # fmt: skip
    for kind, count in (("near", 2), ("middle", 2), ("far", 1)):
        marks = re.findall(rf'class="truth {kind}" d="([^"]+)"', drawn)[-1]
        assert len(re.findall("M", marks)) == count
    assert "5 photos, with clues" in drawn and "2 are off by at most 200 km, 2 by more and at most 2,500 km, 1" in drawn
    assert map_of(_photos([math.inf])) == ""


def test_a_gain_is_marked_where_its_interval_is_on_one_side_of_zero() -> None:
    told = {"within_25": (2.0, 0.5, 4.0), "within_200": (-2.0, -4.0, -0.5), "country": (1.0, 0.0, 2.0)}
    up, down, neither, none = (gain_cells(told, [name]) for name in (*told, "radius_50"))
    assert "▲" in up and "▼" not in up and "+2.0" in up
    assert "▼" in down and "▲" not in down and "\N{MINUS SIGN}2.0" in down
    assert "▲" not in neither and "▼" not in neither and none == "<td></td>"


def test_the_nearer_guess_wins_a_round() -> None:
    photos = _photos([10.0, 20.0, math.inf, 5.0], human_km=[30.0, 10.0, 10.0, None])
    assert "1 won, 2 lost" in beside_people({"density": photos})
    assert beside_people({"density": _photos([1.0], human_km=[None])}) == ""


def test_numbers_that_are_not_known_are_dashes() -> None:
    assert number(math.nan) == number(math.inf) == difference(None) == "–"
    assert number(-0.001) == "0.0" and difference(0.04) == "0.0"


def test_a_table_is_named_by_its_caption() -> None:
    assert table('<a "b">', [], []).count("&lt;a &quot;b&quot;&gt;") == 2
