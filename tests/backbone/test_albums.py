"""Distributions of several photos of one place, taken together."""

from __future__ import annotations

import numpy as np
import pytest

from backbone.albums import averaged, effective_photos, fit_dependency, logs, multiplied, pooled
from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.errors import RequestError
from data.in_cell import InCell
from data.partition import Partition
from data.spots import Spots
from tests.backbone.trained import small_partition


@pytest.fixture(scope="module")
def cells() -> Partition:
    return small_partition()


@pytest.fixture(scope="module")
def base(cells: Partition) -> CellDistribution:
    return DensityPrior(cells).distribution


def some(cells: Partition, seed: int, sharp: float = 2.0) -> CellDistribution:
    logits = sharp * np.random.default_rng(seed).normal(size=len(cells))
    return CellDistribution.from_logits(cells, logits)


@pytest.mark.parametrize("dependency", [0.0, 0.3, 1.0])
def test_one_photo_comes_back_as_it_is(cells: Partition, base: CellDistribution, dependency: float) -> None:
    photo = some(cells, 1)
    assert multiplied([photo], base, dependency) is photo
    assert averaged([photo]) is photo


def test_copies_of_one_photo_that_depend_wholly_are_that_photo(cells: Partition, base: CellDistribution) -> None:
    photo = some(cells, 1)
    for copies in (2, 7):
        assert multiplied([photo] * copies, base, 1.0).p == pytest.approx(photo.p, rel=1e-5)
        assert np.array_equal(averaged([photo] * copies).p, photo.p)


def test_independent_photos_are_multiplied_by_the_rule_of_bayes(cells: Partition, base: CellDistribution) -> None:
    one, other = some(cells, 1), some(cells, 2)
    by_hand = one.p.astype(np.float64) * other.p / base.p
    assert multiplied([one, other], base, 0.0).p == pytest.approx(by_hand / by_hand.sum(), rel=1e-5)


def test_the_mean_is_the_mean(cells: Partition) -> None:
    one, other = some(cells, 1), some(cells, 2)
    assert averaged([one, other]).p == pytest.approx((one.p + other.p) / 2, rel=1e-6)


@pytest.mark.parametrize("dependency", [0.0, 0.3, 1.0])
def test_photos_that_say_nothing_give_the_shared_prior_itself(base: CellDistribution, dependency: float) -> None:
    copy = CellDistribution(base.partition, base.p.copy())
    assert multiplied([copy, base, copy], base, dependency) is base


def test_photos_that_say_nothing_only_weaken_the_one_that_does(cells: Partition, base: CellDistribution) -> None:
    photo = some(cells, 1)
    assert multiplied([photo, base], base, 0.0).p == pytest.approx(photo.p, rel=1e-5)
    assert multiplied([photo, base], base, 0.5).entropy() > photo.entropy()


def test_the_order_does_not_matter_to_the_last_bit(cells: Partition, base: CellDistribution) -> None:
    photos = [some(cells, seed) for seed in range(7)]
    for order in (photos[::-1], photos[3:] + photos[:3]):
        assert np.array_equal(multiplied(order, base, 0.3).p, multiplied(photos, base, 0.3).p)
        assert np.array_equal(averaged(order).p, averaged(photos).p)


def test_more_dependency_is_less_certainty(cells: Partition, base: CellDistribution) -> None:
    photos = [some(cells, seed, 1.0) for seed in range(5)]
    entropies = [multiplied(photos, base, dependency).entropy() for dependency in (0.0, 0.25, 0.5, 1.0)]
    assert entropies == sorted(entropies) and entropies[0] < entropies[-1] - 0.5


def test_a_zero_of_one_photo_forbids_nothing_and_one_of_all_does(cells: Partition, base: CellDistribution) -> None:
    def only(*at: int) -> CellDistribution:
        p = np.zeros(len(cells), np.float32)
        p[list(at)] = 1.0 / len(at)
        return CellDistribution(cells, p)

    apart = multiplied([only(3), only(9)], base, 0.0)
    assert np.isfinite(apart.p).all() and apart.p[[3, 9]].sum() > 0.99
    for_three = multiplied([only(3, 9)] * 5 + [only(9)], only(3, 9, 11), 0.0)
    assert for_three.p[9] > 0.99 and for_three.p[3] < 1e-6 and for_three.p[5] == 0.0


def test_another_partition_no_photo_and_an_odd_dependency_are_refused(
    cells: Partition, base: CellDistribution, density: CellDistribution
) -> None:
    photo = some(cells, 1)
    for refused in (
        lambda: multiplied([photo, density], base),
        lambda: multiplied([photo, photo], density),
        lambda: averaged([photo, density]),
        lambda: averaged([]),
        lambda: multiplied([], base),
        lambda: multiplied([photo, photo], base, 1.1),
        lambda: multiplied([photo], base, -0.1),
        lambda: effective_photos(0, 0.5),
    ):
        with pytest.raises(RequestError):
            refused()


def test_the_dependency_of_held_out_albums_is_found(cells: Partition, base: CellDistribution) -> None:
    """Photos that are independent given the place get a low one, copies of one photo a high one."""
    rng = np.random.default_rng(5)
    log_p0 = np.log(base.p.astype(np.float64))
    truth = rng.choice(len(cells), 300, p=base.p / base.p.sum(dtype=np.float64))

    def photo(cell: int) -> np.ndarray:
        # One of 12 sights, each of which a cell shows with a chance of its own: the exact posterior of who sees it.
        table = np.random.default_rng(1).dirichlet(np.full(12, 0.4), len(cells))
        logits = log_p0 + np.log(table[:, rng.choice(12, p=table[cell])])
        return logits - np.logaddexp.reduce(logits)

    independent = [np.stack([photo(c) for _ in range(2 + n % 4)]) for n, c in enumerate(truth.tolist())]
    copies = [np.stack([photo(c)] * (2 + n % 4)) for n, c in enumerate(truth.tolist())]
    assert fit_dependency(independent, log_p0, truth) < 0.1
    assert fit_dependency(copies, log_p0, truth) > 0.9
    assert fit_dependency([], log_p0, truth[:0], expected=0.4) == 0.4
    assert fit_dependency([album[:1] for album in copies], log_p0, truth, expected=0.4) == 0.4
    with pytest.raises(ValueError, match="cells"):
        fit_dependency(copies, log_p0, truth[:3])


def test_the_product_in_logarithms_sums_to_one(cells: Partition, base: CellDistribution) -> None:
    log_p = np.log(np.stack([some(cells, seed).p for seed in range(3)]).astype(np.float64))
    assert np.exp(pooled(log_p, np.log(base.p.astype(np.float64)), 0.4)).sum() == pytest.approx(1.0)


def test_what_is_fitted_is_what_answers_also_beneath_what_a_probability_counts_for(
    cells: Partition, base: CellDistribution
) -> None:
    photos = [some(cells, seed, 40.0) for seed in range(3)]
    log_p = logs(np.stack([photo.p for photo in photos]))
    assert log_p.min() < np.log(1e-30)
    answer = multiplied(photos, base, 0.3)
    assert np.exp(pooled(log_p, logs(base.p), 0.3)) == pytest.approx(answer.p, rel=1e-5, abs=1e-12)
    clamped = np.maximum(log_p, np.log(1e-12))
    assert pooled(log_p, logs(base.p), 0.3) == pytest.approx(pooled(clamped, logs(base.p), 0.3))
    truth = np.array([int(answer.p.argsort()[-2])])
    fitted = [fit_dependency([said], logs(base.p), truth) for said in (log_p, clamped)]
    assert fitted[0] == fitted[1] != fit_dependency([], logs(base.p), truth[:0])


def test_an_album_keeps_the_spots_of_its_photos_each_with_its_photos_share(
    cells: Partition, base: CellDistribution
) -> None:
    plain, other = some(cells, 1), some(cells, 2)
    at = float(cells.lat[3]), float(cells.lon[3])
    spot = Spots(np.array([3]), *(np.array([x]) for x in (*at, 0.1, 0.8)))
    own = InCell(cells.lat, cells.lon, cells.spread_km.astype(np.float64), spot)
    known = CellDistribution(cells, plain.p, own)
    for joint in (averaged([known, other]), multiplied([other, known], base)):
        assert joint.spots is not None and joint.spots.share.tolist() == [pytest.approx(0.4)]
        assert (joint.spots.lat[0], joint.spots.lon[0]) == at
        assert (joint.spread_km == cells.spread_km).all()
