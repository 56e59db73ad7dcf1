"""The ranker's objective: its derivatives are those of its loss, and LightGBM minimises it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fusion.conditional_logit import ConditionalLogit, log_softmax

STARTS = np.array([0, 4, 5, 11])
TRUTH = np.array([2, 4, 10])


def loss_of(scores: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The loss written out photo by photo, as the module's docstring defines it."""
    m = STARTS[-1]
    total = 0.0
    for photo, (start, stop) in enumerate(pairwise(STARTS.tolist())):
        z = scores[start:stop] - scores[m + start : m + stop]
        weight = 1.0 if weights is None else weights[photo]
        total -= weight * (z[TRUTH[photo] - start] - np.log(np.exp(z).sum()))
    return float(total)


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1.0, 3.0])])
def test_gradient_and_hessian_are_those_of_finite_differences(weights: np.ndarray | None) -> None:
    scores = np.random.default_rng(0).normal(0.0, 2.0, 22)
    slope, curve = ConditionalLogit(STARTS, TRUTH, weights).derivatives(scores)
    step = 1e-4
    for k in range(len(scores)):
        up, down = scores.copy(), scores.copy()
        up[k] += step
        down[k] -= step
        middle = loss_of(scores, weights)
        above, below = loss_of(up, weights), loss_of(down, weights)
        assert slope[k] == pytest.approx((above - below) / (2.0 * step), abs=1e-6)
        assert curve[k] == pytest.approx((above - 2.0 * middle + below) / step**2, abs=1e-5)


def test_losses_are_minus_the_log_probability_of_the_true_rows() -> None:
    z = np.random.default_rng(1).normal(0.0, 3.0, 11)
    losses = ConditionalLogit(STARTS, TRUTH).losses(z)
    assert losses.sum() == pytest.approx(loss_of(np.concatenate([z, np.zeros(11)])))
    assert losses[1] == 0.0  # one row holds everything
    p = np.exp(log_softmax(z, STARTS))
    assert np.add.reduceat(p, STARTS[:-1]) == pytest.approx(np.ones(3))


def test_huge_logits_overflow_nowhere() -> None:
    z = np.array([1e4, -1e4, 3.0, 9e3, 0.0, *np.linspace(-2e3, 2e3, 6)])
    slope, curve = ConditionalLogit(STARTS, TRUTH).derivatives(np.concatenate([z, np.zeros(11)]))
    assert np.isfinite(slope).all() and np.isfinite(curve).all() and (curve > 0.0).all()


@pytest.mark.parametrize(("starts", "truth"), [([0, 4, 4, 11], [2, 4, 10]), ([0, 4, 5, 11], [2, 5, 10])])
def test_a_photo_without_rows_or_with_another_photos_truth_is_refused(starts: list[int], truth: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        ConditionalLogit(np.array(starts), np.array(truth))


def test_lightgbm_learns_from_the_difference_to_the_row_without_evidence() -> None:
    """Context that rows share with their bare twins cancels; evidence that tells the true row does not."""
    import lightgbm

    rng = np.random.default_rng(2)
    photos, rows = 300, 8
    m = photos * rows
    truth = np.arange(photos) * rows + rng.integers(rows, size=photos)
    context = rng.normal(size=m)
    told = rng.normal(size=m)
    told[truth] += 2.0
    table = np.stack([context, told], axis=1)
    bare = np.stack([context, np.full(m, np.nan)], axis=1)
    log_p0 = rng.normal(size=m)
    logit = ConditionalLogit(np.arange(photos + 1) * rows, truth)
    data = lightgbm.Dataset(
        np.concatenate([table, bare]), np.zeros(2 * m), init_score=np.concatenate([log_p0, np.zeros(m)])
    )
    seen: list[np.ndarray] = []

    def objective(scores: np.ndarray, _: object) -> tuple[np.ndarray, np.ndarray]:
        seen.append(scores.copy())
        return logit.derivatives(scores)

    booster = lightgbm.train({"objective": objective, "verbose": -1, "num_threads": 1}, data, num_boost_round=40)
    np.testing.assert_allclose(seen[0][:m], log_p0)  # init_score is in what the objective is shown
    s = np.asarray(booster.predict(table)) - np.asarray(booster.predict(bare))  # and not in what is predicted
    assert logit.losses(log_p0 + s).mean() < 0.6 * logit.losses(log_p0).mean()
