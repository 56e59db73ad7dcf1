from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.density import DensityPrior
from benchmarks.photo_scores import Scorer, Scores, Shrinkage, difference, fit_shrinkage, folds, places
from data.distribution import CellDistribution
from data.geodesy import geoscore, haversine_km
from data.partition import Partition, load_default

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def coarse() -> Partition:
    return load_default().at("coarse")


@pytest.fixture(scope="module")
def log_density(coarse: Partition) -> Floats:
    said = DensityPrior(coarse).predict([np.zeros((1, 1, 3), np.uint8)])[0].distribution
    found = np.log(said.p.astype(np.float64))
    return np.asarray(found - np.logaddexp.reduce(found))


def walks(seed: int = 0) -> tuple[Floats, Floats]:
    """Photos along 40 walks through the world, in no order."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-60, 70, 40), rng.uniform(-180, 180, 40)
    of = rng.permutation(np.repeat(np.arange(40), rng.integers(1, 12, 40)))
    return lat[of] + rng.normal(0, 0.1, len(of)), lon[of] + rng.normal(0, 0.1, len(of))


def test_no_place_is_in_two_folds_and_no_near_photo() -> None:
    lat, lon = walks()
    place = places(lat, lon)
    fold = folds(place, 5)
    assert all(len(set(fold[place == k])) == 1 for k in range(place.max() + 1))
    apart = fold[:, None] != fold
    assert haversine_km(lat[:, None], lon[:, None], lat, lon)[apart].min() > 25.0
    counts = np.bincount(fold, minlength=5)
    assert counts.max() - counts.min() <= 2
    assert np.array_equal(fold, folds(place, 5))


def test_photos_that_others_join_are_one_place_across_the_date_line() -> None:
    lon = np.array([179.7, 179.9, -179.9, -179.7, 10.0])  # 22 km from one to the next, 67 km from end to end
    assert places(np.zeros(5), lon).tolist() == [0, 0, 0, 0, 1]


def test_where_no_weight_is_on_the_model_density_is_all_that_is_left(coarse: Partition, log_density: Floats) -> None:
    model = np.random.default_rng(0).normal(0, 5, (7, len(coarse))).astype(np.float32)
    said = Shrinkage(1.0, 0.0)(model, log_density)
    np.testing.assert_allclose(said, np.repeat(log_density[None], 7, axis=0), atol=1e-12)


def test_where_no_weight_is_on_density_the_model_is_all_that_is_left(log_density: Floats) -> None:
    model = np.log(np.random.default_rng(0).dirichlet(np.ones(len(log_density)), 3)).astype(np.float32)
    np.testing.assert_allclose(Shrinkage(0.0, 1.0)(model, log_density), model, atol=1e-5)
    warmer = np.exp(Shrinkage(0.0, 0.5)(model, log_density))
    roots = np.sqrt(np.exp(model.astype(np.float64)))
    np.testing.assert_allclose(warmer, roots / roots.sum(axis=1, keepdims=True), atol=1e-6)


def test_a_model_that_knows_nothing_is_shrunk_away_and_one_that_knows_is_kept(log_density: Floats) -> None:
    rng = np.random.default_rng(1)
    cells = rng.choice(len(log_density), 400, p=np.exp(log_density)).astype(np.int32)
    noise = (log_density + rng.normal(0, 2, (400, len(log_density)))).astype(np.float32)
    away = fit_shrinkage(noise, log_density, cells)
    assert away.model_power < 0.1
    assert away.density_power > 0.9
    # A light that most true cells and few others show, told three times too loud: a temperature of 3 takes that back.
    lit = rng.random(noise.shape) < 0.05
    lit[np.arange(400), cells] = rng.random(400) < 0.7
    hinted = log_density + np.where(lit, np.log(0.7 / 0.05), np.log(0.3 / 0.95))
    kept = fit_shrinkage((3.0 * hinted).astype(np.float32), log_density, cells)
    assert kept.density_power < 0.2
    assert kept.model_power == pytest.approx(1 / 3, abs=0.05)


def test_a_fit_is_the_best_of_its_neighbours(log_density: Floats) -> None:
    rng = np.random.default_rng(2)
    cells = rng.integers(0, len(log_density), 120).astype(np.int32)
    model = rng.normal(0, 1, (120, len(log_density))).astype(np.float32)
    model[np.arange(120), cells] += 1.5

    def likelihood(fit: Shrinkage) -> float:
        return float(fit(model, log_density)[np.arange(120), cells].mean())

    best = fit_shrinkage(model, log_density, cells)
    for more_density, more_model in ((0.03, 0.0), (-0.03, 0.0), (0.0, 0.03), (0.0, -0.03)):
        density = min(max(best.density_power + more_density, 0.0), 1.0)
        other = Shrinkage(density, max(best.model_power + more_model, 0.0))
        assert likelihood(best) >= likelihood(other)


def test_a_paired_interval_covers_the_truth_and_is_tighter_than_an_unpaired_one() -> None:
    rng = np.random.default_rng(3)
    inside, widths = 0, []
    for _ in range(30):
        hard = rng.normal(0, 3, 200)  # what makes a photo hard for both
        gain = rng.normal(0.2, 0.5, 200)
        ours, theirs = (Scores(bits, np.ones(200), np.ones(200)) for bits in (hard + gain, hard))
        middle, low, high = difference(ours, theirs, np.arange(200), seed=int(rng.integers(1e6)))["bits"]
        assert middle == pytest.approx(gain.mean())
        inside += low <= 0.2 <= high
        widths.append(high - low)
    assert inside >= 26
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(200), rel=0.1)


def test_photos_of_one_place_do_not_count_as_many() -> None:
    gain = np.random.default_rng(4).normal(0, 1, 20)
    alone = Scores(gain, np.ones(20), np.ones(20))
    ten_each = Scores(np.repeat(gain, 10), np.ones(200), np.ones(200))
    nothing = Scores(np.zeros(20), np.ones(20), np.ones(20))
    nothing_each = Scores(np.zeros(200), np.ones(200), np.ones(200))
    few = difference(alone, nothing, np.arange(20))["bits"]
    many = difference(ten_each, nothing_each, np.repeat(np.arange(20), 10))["bits"]
    assert many == pytest.approx(few)


def test_every_figure_is_that_of_the_photos() -> None:
    rng = np.random.default_rng(5)
    scores = Scores(rng.normal(size=301), rng.gamma(1.0, 800.0, 301), rng.random(301))
    found = {name: float(figure(np.ones((1, 301)))[0]) for name, figure in scores.figures().items()}
    assert found["bits"] == pytest.approx(scores.bits.mean())
    assert found["geoscore"] == pytest.approx(geoscore(scores.km).mean())
    assert found["within_200_km"] == pytest.approx(100 * np.mean(scores.km <= 200))
    assert found["inside_80"] == pytest.approx(100 * np.mean(scores.mass <= 0.8))
    assert found["median_km"] == pytest.approx(np.median(scores.km))
    even = Scores(scores.bits[1:], scores.km[1:], scores.mass[1:])
    assert even.figures()["median_km"](np.ones((1, 300)))[0] == pytest.approx(np.median(even.km))
    # A photo that was drawn twice counts twice, one that was not drawn does not count.
    weights = np.array([rng.multinomial(300, np.full(300, 1 / 300))], np.float64)
    drawn = np.repeat(even.km, weights[0].astype(int))
    assert even.figures()["median_km"](weights)[0] == pytest.approx(np.median(drawn))


def test_points_and_masses_are_those_of_the_distribution(coarse: Partition) -> None:
    rng = np.random.default_rng(6)
    log_p = np.log(rng.dirichlet(np.full(len(coarse), 0.05), 20) + 1e-9)
    log_p -= np.logaddexp.reduce(log_p, axis=1, keepdims=True)
    lat, lon = rng.uniform(-50, 60, 20), rng.uniform(-180, 180, 20)
    scorer = Scorer(coarse)
    found = scorer.score(iter([log_p[:13], log_p[13:]]), lat, lon)
    for k, row in enumerate(log_p):
        said = CellDistribution(coarse, np.exp(row).astype(np.float32))
        point = said.point()
        km = float(haversine_km(*point, lat[k], lon[k]))
        assert found.km[k] == pytest.approx(km, abs=1e-6)
        assert found.mass[k] == pytest.approx(said.mass_within(*point, km), abs=1e-3)
        assert (found.mass[k] <= 0.5) == (km <= said.radius_km(*point, 0.5))
        of_one = scorer.score_one(said, lat[k : k + 1], lon[k : k + 1])
        assert (of_one.km[0], of_one.mass[0]) == pytest.approx((found.km[k], found.mass[k]))
        assert of_one.bits[0] == pytest.approx(found.bits[k], abs=1e-5)
        assert found.bits[k] == pytest.approx(row[coarse.cells_of(lat[k], lon[k])] / np.log(2))
