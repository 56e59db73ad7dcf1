"""The conditional logit: the density where nothing is told, and what a few photos tell about cells nobody was in."""

from __future__ import annotations

import numpy as np
import pytest

from backbone.log_bilinear import LogBilinear, fit

RNG = np.random.default_rng(1)
CELLS = RNG.normal(size=(40, 3)).astype(np.float32)
DENSITY = RNG.dirichlet(np.ones(40))
LOG_DENSITY = np.log(DENSITY).astype(np.float32)


def drawn(count: int, seen: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Photos whose first two features say what the first two of their cell's are, and a third that says nothing."""
    rng = np.random.default_rng(2)
    p = DENSITY[:seen] / DENSITY[:seen].sum()
    cells = rng.choice(seen, count, p=p)
    noise = rng.normal(size=(count, 3)) * (0.5, 0.5, 1.0)
    features = np.concatenate([CELLS[cells, :2], np.zeros((count, 1))], axis=1) + noise
    return features.astype(np.float32), cells


def nll(log_p: np.ndarray, cells: np.ndarray) -> float:
    return float(-log_p[np.arange(len(cells)), cells].mean())


def test_what_the_features_tell_is_learnt() -> None:
    features, cells = drawn(600)
    model = fit(features[:400], (3,), cells[:400], CELLS, LOG_DENSITY, ridge=1e-3)
    log_p = model.log_p(features[400:], CELLS, LOG_DENSITY)
    assert np.exp(log_p).sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    blind = nll(np.repeat(LOG_DENSITY[None], 200, axis=0), cells[400:])
    assert nll(log_p, cells[400:]) < blind - 0.5
    assert model.weights[0, 0] > 0.5 and model.weights[1, 1] > 0.5 and abs(model.weights[2, 2]) < 0.2


def test_cells_in_which_no_photo_was_taken_are_told_by_what_they_are_like() -> None:
    features, cells = drawn(400, seen=20)
    model = fit(features, (3,), cells, CELLS, LOG_DENSITY, ridge=1e-3)
    unseen = np.arange(20, 40)
    photos = np.concatenate([CELLS[unseen, :2], np.zeros((20, 1))], axis=1).astype(np.float32)
    gain = model.log_p(photos, CELLS, LOG_DENSITY)[np.arange(20), unseen] - LOG_DENSITY[unseen]
    assert gain.mean() > 0.1 and (gain > 0.0).mean() > 0.6


def test_a_large_ridge_leaves_the_density() -> None:
    features, cells = drawn(100)
    model = fit(features, (3,), cells, CELLS, LOG_DENSITY, ridge=1e6, bias_ridge=1e6)
    assert np.exp(model.log_p(features, CELLS, LOG_DENSITY)) == pytest.approx(
        np.repeat(DENSITY[None], 100, 0), abs=1e-4
    )


def test_the_fit_is_the_minimum_of_its_loss() -> None:
    features, cells = drawn(150)
    ridge, bias_ridge = 0.01, 0.5
    model = fit(features, (3,), cells, CELLS, LOG_DENSITY, ridge=ridge, bias_ridge=bias_ridge)

    def loss(weights: np.ndarray, bias: np.ndarray) -> float:
        at = LogBilinear(model.mean, model.deviation, weights.astype(np.float32), bias.astype(np.float32))
        # Over scaled features a weight is the square root of the block's size times as large.
        cost = ridge * 3 * float((weights.astype(np.float64) ** 2).sum()) + bias_ridge * float((bias**2).sum())
        return nll(at.log_p(features, CELLS, LOG_DENSITY).astype(np.float64), cells) + cost / 2.0

    least = loss(model.weights, model.bias)
    rng = np.random.default_rng(3)
    for _ in range(20):
        turned, moved = rng.normal(size=model.weights.shape), rng.normal(size=model.bias.shape)
        assert loss(model.weights + 0.1 * turned, model.bias + 0.1 * moved) > least
    steep = 0.01
    for k in range(3):
        step = np.zeros_like(model.weights)
        step[k, k] = steep
        slope = (loss(model.weights + step, model.bias) - loss(model.weights - step, model.bias)) / (2 * steep)
        assert abs(slope) < 2e-3


def test_a_feature_that_is_the_same_everywhere_counts_for_nothing_and_far_ones_are_drawn_in() -> None:
    features, cells = drawn(100)
    features[:, 2] = 7.0
    model = fit(features, (3,), cells, CELLS, LOG_DENSITY, ridge=1e-2)
    other = features.copy()
    other[:, 2] = -1e6
    assert np.array_equal(model.directions(features), model.directions(other))
    far, farther = features[:1].copy(), features[:1].copy()
    far[0, 0], farther[0, 0] = 1e3, 1e6
    assert np.array_equal(model.directions(far), model.directions(farther))


def test_blocks_weigh_alike_however_many_features_they_have() -> None:
    features, cells = drawn(200)
    wide = np.concatenate([features, np.repeat(features[:, 2:], 50, axis=1)], axis=1)
    one = fit(wide, (3, 50), cells, CELLS, LOG_DENSITY, ridge=0.05)
    other = fit(np.concatenate([features, features[:, 2:]], axis=1), (3, 1), cells, CELLS, LOG_DENSITY, ridge=0.05)
    assert one.weights[:2] == pytest.approx(other.weights[:2], abs=0.02)
    assert one.weights[3:].sum(axis=0) == pytest.approx(other.weights[3], abs=0.02)


def test_shapes_that_do_not_fit_are_refused() -> None:
    features, cells = drawn(10)
    for blocks, ridge, some in (((2,), 1.0, cells), ((3,), 0.0, cells), ((3,), 1.0, cells[:9])):
        with pytest.raises(ValueError, match="blocks sum"):
            fit(features, blocks, some, CELLS, LOG_DENSITY, ridge=ridge)
