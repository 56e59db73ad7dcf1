"""Pools of priors of known quality, made from true cells and noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.calibrate import fit_temperature, mean_nll
from backbone.mixture_fit import Chosen, Opinions, choose, fit_linear, fit_logarithmic, fit_pool
from backbone.mixture_pool import Kind, Pool, corner

CELLS = 200
Floats32 = NDArray[np.float32]
KINDS: tuple[Kind, ...] = ("linear", "logarithmic")


def normal(rows: NDArray[np.float64]) -> Floats32:
    return (rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)).astype(np.float32)


def boaster(cells: NDArray[np.int32], quality: float | NDArray[np.float64], seed: int) -> Floats32:
    """A prior that sees the true cell ``quality`` deviations above the noise of all cells, and does not know how well.

    However good it is it speaks as one of quality 1: its best power is its quality.
    """
    seen = np.random.default_rng(seed).normal(0.0, 1.0, (len(cells), CELLS))
    seen[np.arange(len(cells)), cells] += quality
    return normal(seen)


def witness(cells: NDArray[np.int32], quality: float | NDArray[np.float64], seed: int) -> Floats32:
    """A prior that sees as much and knows how well: it is calibrated."""
    said = boaster(cells, quality, seed).astype(np.float64)
    return normal(np.broadcast_to(quality, len(cells))[:, None] * said)


def true_cells(n: int, seed: int = 0) -> NDArray[np.int32]:
    return np.random.default_rng(seed).integers(0, CELLS, n).astype(np.int32)


def nll(rows: Floats32, cells: NDArray[np.int32]) -> float:
    return mean_nll(rows, cells)


def chosen(rows: list[Floats32], cells: NDArray[np.int32], scenes: NDArray[np.float64] | None = None) -> Chosen:
    return choose(Opinions(rows, cells, scenes), np.arange(len(cells)))


def test_better_priors_get_more_weight_in_both_pools() -> None:
    cells = true_cells(300)
    qualities = (3.0, 1.5, 0.3)
    boasters, witnesses = (
        Opinions([kind(cells, quality, seed) for seed, quality in enumerate(qualities)], cells)
        for kind in (boaster, witness)
    )
    for weights in (fit_linear(witnesses.own())[0], fit_logarithmic(boasters)[0]):
        assert weights[0] > weights[1] > weights[2] >= 0.0
    np.testing.assert_allclose(fit_logarithmic(boasters)[0], qualities, atol=0.3)
    # Who knows how well it sees is to be taken at its word, and what each has seen by itself adds up.
    np.testing.assert_allclose(fit_logarithmic(witnesses)[0][:2], 1.0, atol=0.15)


def test_how_often_each_prior_is_right_is_the_weight_of_a_linear_pool() -> None:
    cells, rng = true_cells(2_000), np.random.default_rng(1)
    right = rng.random(2_000) < 0.7

    def sure(where: NDArray[np.bool_]) -> Floats32:
        rows = np.full((2_000, CELLS), np.log(0.1 / CELLS))
        rows[np.arange(2_000), np.where(where, cells, rng.integers(0, CELLS, 2_000))] = np.log(0.9)
        return normal(rows)

    weights = fit_linear(Opinions([sure(right), sure(~right)], cells).own())[0]
    assert weights == pytest.approx([0.7, 0.3], abs=0.03)


def test_a_mixture_of_priors_that_know_different_things_beats_both_out_of_fold() -> None:
    cells = true_cells(200)
    rows = [witness(cells, 2.0, seed) for seed in (1, 2)]
    found = chosen(rows, cells)
    assert nll(found.log_p, cells) < min(nll(row, cells) for row in rows) - 0.3
    assert found.pool.kind == "logarithmic" and found.pool.only is None
    assert found.nll["logarithmic"] == pytest.approx(nll(found.log_p, cells))


def test_priors_of_which_one_is_right_and_knows_nothing_else_are_averaged() -> None:
    cells = true_cells(300)
    half = np.arange(300) % 2 == 0
    rows = [witness(cells, np.where(half == which, 4.0, 0.0), seed) for seed, which in enumerate((True, False))]
    # Where it sees nothing it is sure of a wrong cell, which a product would believe.
    for row, blind in zip(rows, (~half, half), strict=True):
        wrong = np.random.default_rng(5).integers(0, CELLS, 300)
        row[blind] = np.float32(np.log(1e-9))
        row[np.flatnonzero(blind), wrong[blind]] = 0.0
    found = chosen(rows, cells)
    assert found.pool.kind == "linear"
    assert found.nll["linear"] < found.nll["best"] - 1.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("photos", [3, 20, 120])
def test_it_is_never_less_likely_than_the_best_prior_on_the_photos_that_it_was_fitted_on(
    seed: int, photos: int
) -> None:
    rng = np.random.default_rng(seed)
    cells = true_cells(photos, seed)
    rows = [witness(cells, rng.uniform(0.0, 3.0), 10 * seed + k) for k in range(3)]
    rows[1] = normal(rng.uniform(0.3, 3.0) * rows[1].astype(np.float64))  # one of them is not calibrated
    found = chosen(rows, cells)
    fitted = Opinions(rows, cells).log_likelihood(found.pool)
    assert fitted >= max(-nll(row, cells) for row in rows) - 1e-6
    assert nll(found.log_p, cells) <= found.nll["best"] + 1e-6


def test_a_pool_that_came_out_worse_on_all_photos_than_on_parts_of_them_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fitted(kind: Kind, opinions: Opinions, which: NDArray[np.int64] | None = None) -> Pool:
        return Pool("linear", np.array([[0.5, 0.5]]), 20.0) if which is None else fit_pool(kind, opinions, which)

    monkeypatch.setattr("backbone.mixture_fit.fit_pool", fitted)
    cells = true_cells(60)
    found = chosen([witness(cells, 2.0, seed) for seed in (1, 2)], cells)
    assert found.pool.only == found.best and "too few" in found.why


def test_where_the_others_know_nothing_it_is_the_best_prior_to_the_last_bit() -> None:
    cells = true_cells(60)
    good = witness(cells, 2.5, 1).astype(np.float64)
    good = normal(good / fit_temperature(good.astype(np.float32), cells))
    noise = [boaster(cells, -1.0, k) for k in (2, 3)]  # the true cell is the least likely
    found = chosen([noise[0], good, noise[1]], cells)
    assert (found.best, found.pool.only) == (1, 1)
    assert "best prior" in found.why or "too few" in found.why
    np.testing.assert_allclose(found.log_p, good, atol=1e-5)


def test_twenty_photos_make_no_mad_pool() -> None:
    cells = true_cells(20)
    lucky = normal(np.full((20, CELLS), 0.0))
    lucky[np.arange(20), cells] += 0.5  # right every time, by a little
    for weights in (
        fit_logarithmic(Opinions([normal(lucky.astype(np.float64)), witness(cells, 1.0, 3)], cells)),
        fit_linear(Opinions([witness(cells, 9.0, 1), witness(cells, 1.0, 3)], cells).own()),
    ):
        assert weights.max() < 12.0
        assert weights.min() > 0.005


def test_priors_that_coincide_share_the_weight_of_one() -> None:
    cells = true_cells(150)
    good, poor = witness(cells, 2.0, 1), witness(cells, 1.0, 2)
    alone, twice = (fit_logarithmic(Opinions(rows, cells))[0] for rows in ([good, poor], [good, good, poor]))
    assert twice[0] == pytest.approx(twice[1], abs=1e-3)
    assert twice[0] + twice[1] == pytest.approx(alone[0], abs=0.05)
    shared = fit_linear(Opinions([good, good, poor], cells).own())[0]
    assert shared[0] == pytest.approx(shared[1])


def test_the_fitted_powers_are_the_best_of_their_neighbours() -> None:
    cells = true_cells(100)
    opinions = Opinions([witness(cells, 1.5, 1), witness(cells, 0.8, 2)], cells)
    powers = fit_logarithmic(opinions)

    def cost(some: NDArray[np.float64]) -> float:
        return -opinions.log_likelihood(Pool("logarithmic", some)) + 0.5 * float(((some - 0.5) ** 2).sum()) / 100

    for step in ((0.05, 0.0), (-0.05, 0.0), (0.0, 0.05), (0.0, -0.05)):
        assert cost(powers) < cost(powers + np.array([step]))


def test_the_fitted_shares_are_the_best_of_their_neighbours() -> None:
    cells = true_cells(100)
    opinions = Opinions([witness(cells, 1.5, 1), witness(cells, 1.4, 2)], cells)
    weights = fit_linear(opinions.own())

    def cost(some: NDArray[np.float64]) -> float:
        return -opinions.log_likelihood(Pool("linear", some)) - float(np.log(some).sum()) / 2 / 100

    for step in (0.03, -0.03):
        assert cost(weights) < cost(weights + np.array([[step, -step]]))


def test_a_pool_is_calibrated_after_its_weights() -> None:
    cells = true_cells(400)
    opinions = Opinions([witness(cells, 2.0, 1), witness(cells, 2.0, 2)], cells)
    pool = fit_pool("linear", opinions)
    assert pool.temperature < 0.95  # an average of calibrated priors is too unsure
    assert fit_temperature(opinions.pooled(pool, np.arange(400)), cells) == pytest.approx(1.0, abs=0.02)


# Weights by scene.


def scenes_of(n: int, seed: int = 7) -> NDArray[np.float64]:
    """Three scenes, told apart well but not for certain."""
    rng = np.random.default_rng(seed)
    sure = np.full((n, 3), 0.05)
    sure[np.arange(n), rng.integers(0, 3, n)] = 0.9
    return sure


@pytest.mark.parametrize("kind", KINDS)
def test_weights_by_scene_follow_who_is_good_where(kind: Kind) -> None:
    cells, scenes = true_cells(300), scenes_of(300)
    first, second = (np.where(scenes[:, scene] > 0.5, 3.0, 0.2) for scene in (0, 1))
    rows = [boaster(cells, quality, k) for k, quality in enumerate((first, second))]
    weights = fit_pool(kind, Opinions(rows, cells, scenes)).weights
    assert weights[0, 0] > 2 * weights[0, 1]
    assert weights[1, 1] > 2 * weights[1, 0]


def test_the_gate_is_kept_where_quality_depends_on_the_scene_and_dropped_where_it_does_not() -> None:
    cells, scenes = true_cells(300), scenes_of(300)
    in_first, in_second = scenes[:, 0] > 0.5, scenes[:, 1] > 0.5
    # Each shouts in the other's scene: what it is worth there it does not know itself.
    rows = []
    for seed, (good, bad) in enumerate(((in_first, in_second), (in_second, in_first))):
        seen = witness(cells, np.where(good, 3.0, 0.0), seed).astype(np.float64)
        loud = 2.0 * np.random.default_rng(50 + seed).normal(size=seen.shape)
        rows.append(normal(np.where(bad[:, None], loud, seen)))
    kept = chosen(rows, cells, scenes)
    assert kept.pool.gated
    gained = kept.nll[kept.pool.kind] - kept.nll[f"{kept.pool.kind} by scene"]
    assert gained > 0.1
    same = [witness(cells, 2.0, k) for k in (3, 4)]
    dropped = chosen(same, cells, scenes)
    assert not dropped.pool.gated
    assert f"{dropped.pool.kind} by scene" in dropped.nll


def test_a_scene_of_which_there_is_no_photo_has_the_weights_of_all() -> None:
    cells = true_cells(200)
    scenes = np.zeros((200, 3))
    scenes[np.arange(200), np.arange(200) % 2] = 1.0
    rows = [witness(cells, 2.0, 1), witness(cells, 1.0, 2)]
    for kind in KINDS:
        by_scene = fit_pool(kind, Opinions(rows, cells, scenes)).weights
        for_all = fit_pool(kind, Opinions(rows, cells)).weights
        np.testing.assert_allclose(by_scene[2], for_all[0], atol=0.05)


# Shapes.


def test_photos_of_one_place_choose_the_best_prior() -> None:
    cells = true_cells(50)
    rows = [witness(cells, 2.0, 1), witness(cells, 1.0, 2)]
    found = choose(Opinions(rows, cells), np.zeros(50, np.int64))
    assert found.pool.only == 0 and "one place" in found.why


def test_a_prior_that_says_the_same_of_all_photos_is_one_row() -> None:
    cells, rng = true_cells(80), np.random.default_rng(3)
    flat = normal(rng.normal(0.0, 1.0, (1, CELLS)))
    seen = witness(cells, 1.0, 2)
    short, long = chosen([flat, seen], cells), chosen([np.repeat(flat, 80, axis=0), seen], cells)
    np.testing.assert_allclose(short.pool.weights, long.pool.weights, atol=1e-6)
    np.testing.assert_allclose(short.log_p, long.log_p, atol=1e-5)
    two = chosen([flat, normal(rng.normal(0.0, 1.0, (1, CELLS)))], cells)
    assert two.log_p.shape == (80, CELLS)


def test_both_pools_hold_every_prior_and_every_temperature() -> None:
    cells = true_cells(5)
    rows = [witness(cells, 2.0, 1), witness(cells, 1.0, 2)]
    for which in (0, 1):
        assert corner(2, which).only == which
        np.testing.assert_allclose(corner(2, which).log_p(rows), rows[which], atol=1e-5)
        powers = np.zeros((1, 2))
        powers[0, which] = 0.5
        cooled = Pool("linear", corner(2, which).weights, 2.0)
        np.testing.assert_allclose(Pool("logarithmic", powers).log_p(rows), cooled.log_p(rows), atol=1e-5)
        assert cooled.only is None and Pool("logarithmic", powers).only is None


def test_a_pool_is_what_its_formula_says() -> None:
    cells, scenes = true_cells(4), scenes_of(4)
    rows = [witness(cells, 2.0, 1), witness(cells, 1.0, 2)]
    p = [np.exp(row.astype(np.float64)) for row in rows]
    weights = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])
    each = scenes @ weights
    linear = np.exp(Pool("linear", weights).log_p(rows, scenes))
    np.testing.assert_allclose(linear, each[:, :1] * p[0] + each[:, 1:] * p[1], rtol=1e-4)
    product = p[0] ** each[:, :1] * p[1] ** each[:, 1:]
    logarithmic = np.exp(Pool("logarithmic", weights).log_p(rows, scenes))
    np.testing.assert_allclose(logarithmic, product / product.sum(axis=1, keepdims=True), rtol=1e-4)
    with pytest.raises(ValueError, match="scene"):
        Pool("linear", weights).log_p(rows)


@pytest.mark.parametrize(
    ("kind", "weights", "temperature"),
    [
        ("linear", [[0.5, 0.6]], 1.0),
        ("linear", [[1.5, -0.5]], 1.0),
        ("linear", [[np.nan, 1.0]], 1.0),
        ("linear", [[0.5, 0.5]], 0.0),
        ("linear", [[0.5, 0.5]], np.inf),
        ("linear", [[]], 1.0),
        ("logarithmic", [[0.0, 0.0]], 1.0),
        ("logarithmic", [[21.0, 0.0]], 1.0),
        ("median", [[0.5, 0.5]], 1.0),
    ],
)
def test_what_is_no_pool_is_refused(kind: Kind, weights: list[list[float]], temperature: float) -> None:
    with pytest.raises(ValueError):
        Pool(kind, np.array(weights), temperature)
