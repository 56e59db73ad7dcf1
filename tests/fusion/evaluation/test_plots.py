"""Plots: what is drawn is what was given, it reads in grey, and no line runs across the whole map."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

from data.geodesy import BANDS_KM, destination, haversine_km, unit_vectors
from fusion.build_map_assets import encode_arc
from fusion.evaluation.outlines import decode_arc, land_rings
from fusion.evaluation.plots import (
    STYLES,
    bands_plot,
    curve_plot,
    error_map,
    great_circle,
    intervals_plot,
    new_axes,
    reliability_plot,
    style,
)

matplotlib.use("Agg")

SHARES = {
    name: np.array([[k + 5.0 * b, k + 5.0 * b - 2, k + 5.0 * b + 3] for b in range(5)])
    for k, name in enumerate(["prior", "with clues", "density"], 3)
}


@pytest.fixture(autouse=True)
def figures_closed() -> Iterator[None]:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def drawn(ax) -> np.ndarray:
    stream = io.BytesIO()
    ax.figure.savefig(stream, format="png")
    return np.asarray(Image.open(stream).convert("RGB"), np.float64)


def luminance(colour: str) -> float:
    """Relative luminance (0 to 1) as WCAG has it."""
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def all_plots():
    bins = np.array([[0.2, 0.25, 20], [0.7, 0.6, 20]])
    yield bands_plot(SHARES, title="t")
    yield reliability_plot({"prior": bins, "with clues": bins + np.array([0.05, 0.02, 0])})
    yield curve_plot({"a": ([1, 2], [3, 4]), "b": ([1, 2], [4, 3])}, x_label="area (km²)", y_label="share (%)")
    yield intervals_plot({"phone": (1.0, 0.5, 1.5), "language": (0.2, -0.1, 0.4)}, x_label="bits")
    yield error_map([[48.2, 16.4], [-33.9, 151.2]], [[40.4, -3.7], [35.7, 139.7]])


def test_importing_the_plots_imports_no_matplotlib() -> None:
    code = "import sys, fusion.evaluation.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_plot_has_labelled_axes_and_letters_of_ten_points_and_more() -> None:
    for ax in all_plots():
        drawn(ax)
        assert ax.get_xlabel()
        texts = [*ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label, ax.title]
        texts += [*ax.get_legend().get_texts()] if ax.get_legend() else []
        assert min(text.get_fontsize() for text in texts) >= 10.0


def test_no_series_rests_on_its_colour_alone() -> None:
    for looks in (STYLES[:4], STYLES):
        assert len({look.marker for look in looks}) == len({look.line for look in looks}) == len(looks)
    # The first four, which hardly a plot exceeds, stand out from white paper even in grey.
    assert all(1.05 / (luminance(look.colour) + 0.05) > 3.0 for look in STYLES[:4])


def test_the_house_style_is_left_behind() -> None:
    before = matplotlib.rcParams["font.size"]
    with style():
        assert matplotlib.rcParams["font.size"] >= 10
    for _ in all_plots():
        assert matplotlib.rcParams["font.size"] == before


def test_bands_are_drawn_as_given_with_their_intervals() -> None:
    ax = bands_plot(SHARES)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(SHARES)
    assert [label.get_text().split(" km")[0] for label in ax.get_xticklabels()] == [f"{band:g}" for band in BANDS_KM]
    for bars, rows in zip(ax.containers, SHARES.values(), strict=True):
        line, _, (upright,) = bars
        np.testing.assert_allclose(line.get_ydata(), rows[:, 0])
        ends = np.array([segment[:, 1] for segment in upright.get_segments()])
        np.testing.assert_allclose(ends, rows[:, 1:])


def test_a_band_without_an_interval_has_its_point() -> None:
    rows = np.array([[k, np.nan, np.nan] for k in range(5)], float)
    [bars] = bands_plot({"few photos": rows}).containers
    np.testing.assert_allclose(bars[0].get_ydata(), rows[:, 0])
    assert all(np.ptp(segment[:, 1]) == 0 for segment in bars[2][0].get_segments())


def test_reliability_has_the_intervals_of_wilson() -> None:
    ax = reliability_plot({"prior": [[0.3, 0.25, 40], [0.9, 1.0, 25]]})
    [bars] = ax.containers
    np.testing.assert_allclose(bars[0].get_xdata(), [30.0, 90.0])
    for segment, (right, n) in zip(bars[2][0].get_segments(), [(10, 40), (25, 25)], strict=True):
        wilson = binomtest(right, n).proportion_ci(method="wilson")
        np.testing.assert_allclose(segment[:, 1], [100 * wilson.low, 100 * wilson.high], atol=1e-6)


def test_the_first_of_several_values_stands_on_top() -> None:
    ax = intervals_plot({"phone": (1.0, 0.5, 1.5), "language": (0.2, -0.1, 0.4)}, x_label="bits")
    at = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert at["phone"] > at["language"]
    [bars] = ax.containers
    np.testing.assert_allclose(bars[0].get_xdata(), [1.0, 0.2])


def test_points_alone_are_not_joined_and_axes_may_be_logarithmic() -> None:
    ax = curve_plot({"a": ([1, 2, 3], [1, 10, 100])}, x_label="round", y_label="km", log_y=True, joined=False)
    [line] = ax.get_lines()
    assert line.get_linestyle() == "None" and line.get_marker() == "o" and ax.get_yscale() == "log"


def test_curves_are_told_apart_without_colours() -> None:
    first, second = curve_plot({"a": ([1], [1]), "b": ([1], [2])}, x_label="x", y_label="y").get_lines()
    assert first.get_linestyle() != second.get_linestyle() and first.get_marker() != second.get_marker()
    # Points that lie on each other are both seen: the second is hollow.
    over = curve_plot({"a": ([1], [1]), "b": ([1], [1])}, x_label="x", y_label="y", joined=False).get_lines()
    assert over[1].get_markerfacecolor() == "none" != over[0].get_markerfacecolor()


def test_a_plot_goes_into_the_axes_that_it_is_given() -> None:
    ax = new_axes(4, 3)
    assert error_map([[0, 0]], [[10, 10]], ax=ax) is ax


# ------------------------------------------------------------------------------------------------ maps


def test_outlines_decode_to_what_was_coded() -> None:
    points = np.random.default_rng(0).integers(-72_000, 72_000, (500, 2))
    np.testing.assert_array_equal(decode_arc(encode_arc(points)), points)


def test_land_is_where_it_is() -> None:
    from matplotlib.path import Path

    def on_land(lat: float, lon: float) -> bool:
        return any(Path(ring).contains_point((lon + turn, lat)) for ring in land_rings() for turn in (-360, 0, 360))

    for lat, lon in ((48.2, 16.4), (-25.0, 135.0), (64.8, -18.5), (66.0, 179.0), (66.0, -173.0), (-80.0, 0.0)):
        assert on_land(lat, lon), (lat, lon)
    for lat, lon in ((0.0, -30.0), (0.0, 179.9), (-55.0, 0.0), (40.0, -40.0)):
        assert not on_land(lat, lon), (lat, lon)


def test_the_shortest_way_is_a_great_circle_from_end_to_end() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        lat, lon = np.degrees(np.arcsin(random.uniform(-1, 1, 2))), random.uniform(-180, 180, 2)
        parts = great_circle((lat[0], lon[0]), (lat[1], lon[1]), step_deg=0.5)
        way = np.concatenate(parts)
        np.testing.assert_allclose(way[[0, -1]], np.stack([lon, lat], axis=1)[[0, 1]], atol=1e-6)
        length = haversine_km(way[:-1, 1], way[:-1, 0], way[1:, 1], way[1:, 0]).sum()
        np.testing.assert_allclose(length, haversine_km(lat[0], lon[0], lat[1], lon[1]), rtol=2e-3)


def test_no_way_runs_across_the_whole_map() -> None:
    for start, end in (((10, 170), (-20, -160)), ((60, -179), (61, 179)), ((5, 180), (5, -170)), ((80, 90), (80, -90))):
        for part in great_circle(start, end, step_deg=0.5):
            assert np.abs(np.diff(part[:, 0])).max(initial=0.0) <= 180.0
    parts = great_circle((0, 178), (0, -178))
    assert [part[[0, -1], 0].tolist() for part in parts] == [[178.0, 180.0], [-180.0, -178.0]]


def test_a_way_meets_the_date_line_where_its_great_circle_does() -> None:
    start, end = (10.0, 170.0), (-20.0, -160.0)
    first, second = great_circle(start, end, step_deg=5.0)
    assert first[-1, 1] == second[0, 1]
    across = np.cross(*unit_vectors(*np.array([start, end]).T))
    off = np.arcsin(unit_vectors(first[-1, 1], 180.0) @ across / np.linalg.norm(across))
    assert abs(np.degrees(off)) < 0.1


def test_a_point_and_its_antipode_have_a_way() -> None:
    assert len(np.concatenate(great_circle((10.0, 20.0), (10.0, 20.0)))) >= 2
    way = np.concatenate(great_circle((10.0, 20.0), (-10.0, -160.0)))
    np.testing.assert_allclose(way[-1], [-160.0, -10.0], atol=1e-6)


def test_the_map_draws_each_pair_and_leaves_unknown_ones_out() -> None:
    truth = [[48.2, 16.4], [np.nan, np.nan], [10.0, 170.0]]
    guess = [[40.4, -3.7], [0.0, 0.0], [-20.0, -160.0]]
    ax = error_map(truth, guess)
    land, ways, true, said = ax.collections
    assert len(land.get_paths()) > 300
    assert len(ways.get_segments()) == 3  # one whole way, and one in two parts
    np.testing.assert_allclose(true.get_offsets(), [[16.4, 48.2], [170.0, 10.0]])
    np.testing.assert_allclose(said.get_offsets(), [[-3.7, 40.4], [-160.0, -20.0]])
    assert drawn(ax).std() > 5


def test_a_map_shows_what_lies_far_south_and_may_be_empty() -> None:
    assert error_map([[-75.0, 0.0]], [[-60.0, 0.0]]).get_ylim()[0] == -90
    assert error_map([[-33.0, 0.0]], [[20.0, 0.0]]).get_ylim()[0] == -60
    drawn(error_map(np.zeros((0, 2)), np.zeros((0, 2))))


def test_a_destination_is_at_the_end_of_its_way() -> None:
    lat, lon = destination(0.0, 179.0, 90.0, 500.0)
    parts = great_circle((0.0, 179.0), (float(lat), float(lon)))
    assert len(parts) == 2 and parts[-1][-1, 0] == pytest.approx(float(lon))
