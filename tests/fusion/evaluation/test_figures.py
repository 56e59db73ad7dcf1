"""The figures that answers are judged by."""

import math

import numpy as np
import pytest

from data.distribution import CellDistribution
from fusion.evaluation.calibration import AREAS_KM2, abstention, covered, ece, ece_by_chance, reliability
from fusion.evaluation.figures import DRAWS, figures, gains, mean_interval, never_worse, with_intervals
from fusion.evaluation.scores import Score, Truth, columns_of, score
from tests.around_vienna import CELL, PARTITION, VIENNA, spread

TRUTH = Truth(VIENNA, "AT")


def _row(km: float, within: float = 0.0, bits: float = 0.0) -> Score:
    return Score(km, within, within, 10.0, bits, bits, 0.5, 1.0)


def test_answers_that_are_right_as_often_as_they_say_have_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.1, 1.0, 100_000)
    right = (rng.random(len(sure)) < sure).astype(float)
    assert ece(sure, right) < 0.01
    assert ece(np.minimum(1.0, sure + 0.2), right) > 0.1
    assert ece_by_chance(sure[:50]) > 3.0 * ece_by_chance(sure[:5000])


def test_calibration_error_weighs_bins_by_their_photos() -> None:
    # Three photos in two bins: {0.2, 0.4} with one right, {0.9} wrong.
    assert ece(np.array([0.9, 0.2, 0.4]), np.array([0.0, 1.0, 0.0]), bins=2) == pytest.approx((2 * 0.2 + 0.9) / 3)


def test_bits_are_those_of_the_true_cell_and_the_true_country() -> None:
    said = spread(0.125)
    worth = score(said, TRUTH)
    assert worth.cell_bits == pytest.approx(-3.0, abs=1e-4)
    assert worth.country_bits == pytest.approx(math.log2(said.countries()["AT"]))
    assert figures(columns_of([worth]))["cell_bits"] == pytest.approx(3.0, abs=1e-4)


def test_the_densest_cell_is_in_every_region_and_has_its_own_area() -> None:
    said = spread(0.5)
    worth = score(said, TRUTH)
    assert worth.denser == 0.0
    assert worth.area_km2 == pytest.approx(float(PARTITION.area_km2[CELL]), rel=1e-5)


def test_a_true_cell_that_is_excluded_is_in_no_region_and_costs_a_finite_number_of_bits() -> None:
    worth = score(spread(0.0), TRUTH)
    assert worth.denser == 1.0
    assert worth.area_km2 == math.inf
    assert worth.cell_bits == -40.0


def test_truths_drawn_from_the_answer_are_covered_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    # A few heavy cells far apart: regions of cells cannot be finer than their cells.
    p = rng.random(len(PARTITION))
    said = CellDistribution(PARTITION, (p / p.sum()).astype(np.float32))
    cells = rng.choice(len(PARTITION), 150, p=p / p.sum())
    rows = [
        score(said, Truth((float(PARTITION.lat[c]), float(PARTITION.lon[c])), ""))
        for c in cells
        if int(PARTITION.cells_of(float(PARTITION.lat[c]), float(PARTITION.lon[c]))[0]) == c
    ]
    found = figures(columns_of(rows))
    for mass in (50, 80, 95):
        assert found[f"radius_{mass}"] == pytest.approx(mass, abs=10)
        assert found[f"region_{mass}"] == pytest.approx(mass, abs=10)
    assert math.isnan(found["country"])


def test_coverage_leaves_out_what_is_not_known() -> None:
    unknown = Score(*[math.nan] * 8)
    found = figures(columns_of([_row(1.0, within=0.1), _row(1.0, within=0.6), unknown]))
    assert found["radius_50"] == found["region_50"] == 50.0
    assert covered(np.array([0.1, 0.6, np.nan]), 0.5) == 0.5


def test_recall_grows_with_the_area() -> None:
    rng = np.random.default_rng(0)
    rows = [Score(1.0, 0.1, 0.1, float(a), 0.0, 0.0, 0.5, 1.0) for a in 10.0 ** rng.uniform(2, 8, 200)]
    found = figures(columns_of(rows))
    shares = [found[f"recall_{area:.0e}".replace("e+0", "e")] for area in AREAS_KM2]
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[-1] < 100.0


def test_bands_that_the_truth_is_too_rough_for_are_not_given() -> None:
    said = spread(0.5)
    worth = score(said, Truth(VIENNA, "AT", 25.0))
    found = figures(columns_of([worth]), 25.0)
    assert math.isnan(found["within_1"]) and math.isnan(found["cell_bits"])
    assert found["within_25"] in (0.0, 100.0)
    assert "within_1" not in gains(columns_of([worth]), columns_of([worth]), np.array([0]), 25.0)


def test_gains_are_paired_by_place() -> None:
    ours = [_row(10.0, bits=-1.0), _row(10.0, bits=-1.0), _row(3000.0, bits=-2.0)]
    theirs = [_row(100.0, bits=-2.0), _row(100.0, bits=-2.0), _row(3000.0, bits=-2.0)]
    found = gains(columns_of(ours), columns_of(theirs), np.array([0, 0, 1]))
    assert found["within_25"][0] == pytest.approx(200 / 3)
    assert found["within_25"][1:] == (0.0, 100.0)  # both drawn places may be either
    assert found["cell_bits"][0] == pytest.approx(2 / 3)
    assert found["within_200"] == (0.0, 0.0, 0.0)


def test_the_promise_is_broken_by_one_band() -> None:
    assert never_worse({"within_25": (0.0, -0.9, 1.0), "geoscore": (-9.0, -9.0, -9.0)}) is True
    assert never_worse({"within_25": (0.0, -0.9, 1.0), "within_750": (2.0, -1.0, 4.0)}) is False
    assert never_worse({}) is None


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hit = 0
    for draw in range(100):
        rows = [_row(float(km)) for km in rng.exponential(1000.0, 60)]
        found = with_intervals(columns_of(rows), np.arange(60), seed=draw)
        hit += found["within_750"].low <= 100.0 * (1.0 - math.exp(-0.75)) <= found["within_750"].high
    assert 88 <= hit <= 100


def test_photos_of_one_place_make_an_interval_wider() -> None:
    rows = columns_of([_row(float(km)) for km in np.repeat([10.0, 3000.0], 50)])
    apart = with_intervals(rows, np.arange(100))["within_25"]
    together = with_intervals(rows, np.repeat(np.arange(4), 25))["within_25"]
    assert apart.value == together.value == 50.0
    assert together.high - together.low > 3.0 * (apart.high - apart.low)


def test_a_median_has_an_interval_of_what_was_seen() -> None:
    found = with_intervals(columns_of([_row(float(km)) for km in range(1, 101)]), np.arange(100))["median_km"]
    assert found.value == 50.5
    assert 35.0 < found.low < 45.0 and 55.0 < found.high < 66.0


def test_a_photo_without_an_answer_is_a_miss_and_no_distance() -> None:
    missed = Score(math.inf, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0.0)
    found = figures(columns_of([_row(10.0), missed]))
    assert found["within_2500"] == 50.0
    assert found["mean_km"] == 10.0
    assert found["geoscore"] == pytest.approx(5000.0 * math.exp(-10.0 / 1492.7) / 2)
    assert found["country"] == 50.0


def test_each_photo_counts_for_the_bands_that_its_own_place_is_known_to() -> None:
    found = figures(columns_of([_row(0.5), _row(0.5)]), np.array([0.0, 25.0]))
    assert found["within_1"] == 100.0
    worse = figures(columns_of([_row(0.5), _row(9.0)]), np.array([0.0, 25.0]))
    assert worse["within_1"] == 100.0 and worse["within_25"] == 100.0
    assert figures(columns_of([_row(0.5), _row(9.0)]))["within_1"] == 50.0


def test_a_band_takes_in_its_own_edge() -> None:
    assert figures(columns_of([_row(25.0)]))["within_25"] == 100.0
    assert figures(columns_of([_row(np.nextafter(25.0, 26.0))]))["within_25"] == 0.0


def test_nearer_is_a_gain() -> None:
    found = gains(columns_of([_row(10.0)]), columns_of([_row(30.0)]), np.array([0]))
    assert found["mean_km"][0] == 20.0 and found["geoscore"][0] > 0.0
    assert not {"radius_50", "region_50"} & set(found), "more coverage is not better"


def test_bins_leave_out_what_is_not_known() -> None:
    [one] = reliability(np.array([0.5, np.nan, 0.3]), np.array([1.0, 1.0, np.nan]))
    assert (one.said, one.true, one.photos) == (0.5, 1.0, 1)


def test_answering_only_when_sure_is_right_more_often_if_sureness_means_something() -> None:
    rng = np.random.default_rng(0)
    sure = rng.random(20_000)
    curve = abstention(sure, (rng.random(20_000) < sure).astype(float))
    shares, right = zip(*curve, strict=True)
    assert len(curve) <= 50 and shares[-1] == 1.0
    assert right[-1] == pytest.approx(0.5, abs=0.02)
    # The surest half says 0.75 on average.
    assert right[int(np.argmin(np.abs(np.array(shares) - 0.5)))] == pytest.approx(0.75, abs=0.03)


def test_photos_of_one_sureness_are_answered_together_whatever_their_order() -> None:
    sure, right = np.full(4, 0.5), np.array([1.0, 0.0, 0.0, 1.0])
    assert abstention(sure, right) == abstention(sure, right[::-1]) == [(1.0, 0.5)]
    assert abstention(np.array([np.nan]), np.array([1.0])) == []


def test_a_figure_says_of_how_many_photos_it_is() -> None:
    rows = columns_of([_row(0.5), _row(9.0), Score(*[math.nan] * 8)])
    found = with_intervals(rows, np.arange(3), np.array([0.0, 25.0, 0.0]))
    assert (found["within_1"].photos, found["within_25"].photos, found["median_km"].photos) == (1, 2, 2)
    assert found["country"].photos == 2


def test_what_is_known_of_one_place_alone_is_drawn_photo_by_photo() -> None:
    # Two places; only photos of the first are known to 1 km. Drawing places would say that nothing is uncertain.
    rows = columns_of([_row(0.5), _row(0.5), _row(9.0), _row(9.0), _row(9.0)])
    place, exact = np.array([0, 0, 0, 0, 1]), np.array([0.0, 0.0, 0.0, 0.0, 25.0])
    found = with_intervals(rows, place, exact)["within_1"]
    assert (found.value, found.low, found.high) == (50.0, 0.0, 100.0)
    median = with_intervals(rows, np.zeros(5, np.int64))["median_km"]
    assert (median.low, median.value, median.high) == (0.5, 9.0, 9.0)


def test_a_median_of_two_halves_lies_between_them_in_its_interval_too() -> None:
    rows = columns_of([_row(0.0), _row(1000.0), _row(0.0), _row(1000.0)])
    found = with_intervals(rows, np.array([0, 0, 1, 1]))["median_km"]  # whatever is drawn has as many of both
    assert (found.value, found.low, found.high) == (500.0, 500.0, 500.0)


def test_intervals_do_not_depend_on_which_figures_are_asked_for_together() -> None:
    rng = np.random.default_rng(0)
    values, place = rng.random(80), rng.integers(0, 12, 80)
    place = np.unique(place, return_inverse=True)[1]
    draws = np.random.default_rng(0).multinomial(
        place.max() + 1, np.full(place.max() + 1, 1 / (place.max() + 1)), DRAWS
    )
    weights = draws[:, place]
    low, high = np.percentile((weights @ values) / weights.sum(axis=1), [2.5, 97.5])
    assert mean_interval(values, place)[1:] == pytest.approx((low, high))


def test_calibration_is_of_the_photos_that_were_answered() -> None:
    missed = Score(math.inf, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0.0)
    found = with_intervals(columns_of([_row(10.0), missed]), np.arange(2))
    assert found["ece_country"].photos == 1 and found["country"].photos == 2


def test_answers_of_one_probability_are_calibrated_alike_in_whatever_order_they_come() -> None:
    sure, right = np.full(1000, 0.5), np.repeat([0.0, 1.0], 500)
    assert ece(sure, right) == ece(sure, right[::-1]) == 0.0
    assert ece(np.full(1000, 0.75), right) == 0.25
    mixed = np.concatenate([sure, np.full(10, 0.9)])
    shuffled = np.random.default_rng(0).permutation(1010)
    hits = np.concatenate([right, np.ones(10)])
    assert ece(mixed, hits) == pytest.approx(ece(mixed[shuffled], hits[shuffled]))
