from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from benchmarks.earth_attributes import ATTRIBUTES, INDEX, NAMES, SCENES, SHOWN
from benchmarks.earth_habits import habits_of
from benchmarks.earth_optimum import Scores, level_log_p, ranks_of, score
from benchmarks.earth_world import Scenes, World, points_in, shipped_world
from data.geodesy import within_bands
from data.partition import Partition

Floats32 = NDArray[np.float32]


@pytest.fixture(scope="module")
def world() -> World:
    return shipped_world()


@pytest.fixture(scope="module")
def many(world: World) -> Scenes:
    return world.sample(30_000, seed=11)


@pytest.fixture(scope="module")
def few(world: World) -> Scenes:
    return world.sample(1_500, seed=12)


@pytest.fixture(scope="module")
def optimum(world: World, few: Scenes) -> Scores:
    return score(world.partition, few, lambda some: world.log_posterior(few.attributes[some]))


# What is where.


def test_every_table_holds_probabilities_above_zero(world: World) -> None:
    for attribute in ATTRIBUTES:
        table = world.table(attribute.name)
        assert table.shape == (len(world.partition), len(attribute.values))
        np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-9)
        hidden = 0 if attribute.name == "scene" else 1
        assert table[:, hidden:].min() > 1e-4
        assert not table[:, :hidden].any()


def test_neighbours_look_alike(world: World) -> None:
    random = np.random.default_rng(0)
    cells = random.choice(len(world.p0), 300, p=world.p0)
    near = np.array([random.choice(world.partition.neighbours_of(int(cell))) for cell in cells])
    for name in ("sun", "land", "plants", "soil", "pole", "wall", "bollard"):
        table = world.table(name)
        apart = [
            np.abs(table[cells] - table[others]).sum(axis=1).mean() for others in (near, random.permutation(cells))
        ]
        assert apart[0] < 0.35 * apart[1], name


def test_the_sun_is_higher_and_shadows_fall_south_towards_and_beyond_the_equator(world: World) -> None:
    lat = world.partition.lat
    mean_level = world.table("sun") @ np.arange(9)
    assert np.corrcoef(np.abs(lat), mean_level)[0, 1] < -0.97
    south = world.table("shadow")[:, 2]
    assert south[lat < -20].min() > 0.9
    assert south[lat > 20].max() < 0.1
    assert 0.4 < south[np.abs(lat) < 1].mean() < 0.6


def test_people_drive_on_the_side_that_they_do() -> None:
    for country, side in {"GB": 0, "JP": 0, "IN": 0, "AU": 0, "ZA": 0, "US": 1, "DE": 1, "CN": 1, "BR": 1}.items():
        assert np.argmax(habits_of(country)["driving"]) == side


# Drawing.


def test_points_lie_in_the_very_cell_that_was_drawn(world: World, many: Scenes) -> None:
    assert np.array_equal(world.partition.cells_of(many.lat, many.lon), many.cell)


def test_a_point_is_found_in_every_cell(partition: Partition) -> None:
    cells = np.arange(len(partition), dtype=np.int32)
    lat, lon = points_in(partition, cells, np.random.default_rng(0))
    assert np.array_equal(partition.cells_of(lat, lon), cells)


def test_the_same_seed_draws_the_same_scenes(world: World) -> None:
    one, again, other = (world.sample(50, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.attributes, again.attributes)
    assert np.array_equal(one.lat, again.lat)
    assert not np.array_equal(one.cell, other.cell)


def test_cells_are_drawn_by_p0(world: World, many: Scenes) -> None:
    countries = np.array(world.partition.main_country)
    for code in ("US", "GB", "BR", "IN", "RU"):
        share = world.p0[countries == code].sum()
        seen = (countries[many.cell] == code).mean()
        assert abs(seen - share) < 4.5 * np.sqrt(share * (1 - share) / len(many))


def test_values_are_drawn_as_the_tables_say_wherever_it_is(world: World, many: Scenes) -> None:
    # Over all scenes, and weighted by where they are, so that a table that is right on average only is found out.
    weights = np.stack([np.ones(len(many)), np.sin(np.radians(many.lat)), np.sin(np.radians(many.lon))])
    for k, attribute in enumerate(ATTRIBUTES):
        shown = np.full(len(many), True) if k == 0 else many.attributes[:, k] > 0
        p = world.table(attribute.name)[many.cell[shown]]
        drawn = np.eye(len(attribute.values))[many.attributes[shown, k]]
        surplus = weights[:, shown] @ (drawn - p)
        error = np.sqrt(weights[:, shown] ** 2 @ (p * (1 - p)))
        assert (np.abs(surplus) <= 4.8 * error).all(), attribute.name


def test_what_is_hidden_depends_on_the_kind_of_scene_alone(many: Scenes) -> None:
    scene = many.attributes[:, INDEX["scene"]]
    groups = {name: np.array(SHOWN)[:, g] for g, name in enumerate(dict.fromkeys(a.group for a in ATTRIBUTES[1:]))}
    for k, attribute in enumerate(ATTRIBUTES[1:], 1):
        for s, kind in enumerate(SCENES):
            at = scene == s
            wanted = groups[attribute.group][s] * (kind in attribute.scenes)
            shown = many.attributes[at, k] > 0
            assert abs(shown.mean() - wanted) <= 4.5 * np.sqrt(wanted * (1 - wanted) / at.sum()), (attribute.name, kind)
            if 0.0 < wanted < 1.0:
                north = np.sin(np.radians(many.lat[at]))
                assert abs(((shown - wanted) * north).sum()) < 4.5 * np.sqrt(wanted * (1 - wanted) * (north**2).sum())


# The posterior.


def test_the_posterior_is_the_product_of_its_factors(world: World) -> None:
    scenes = world.sample(40, seed=5)
    found = world.log_posterior(scenes.attributes)
    assert found.dtype == np.float32
    for i, values in enumerate(scenes.attributes):
        joint = world.p0 * world.table("scene")[:, values[0]]
        for k, name in enumerate(NAMES[1:], 1):
            if values[k]:
                joint = joint * world.table(name)[:, values[k]]
        np.testing.assert_allclose(np.exp(found[i].astype(np.float64)), joint / joint.sum(), rtol=2e-4, atol=1e-12)


def test_the_posterior_expects_the_likelihood_that_it_has(optimum: Scores) -> None:
    surplus = optimum.nll["fine"] - optimum.expected
    assert abs(surplus.mean()) < 3.5 * surplus.std() / np.sqrt(len(surplus))
    assert kstest(optimum.rank, "uniform").pvalue > 0.01


@pytest.mark.parametrize("fault", ["too sure", "unsure", "a factor twice"])
def test_a_wrong_posterior_is_found_out(world: World, few: Scenes, fault: str) -> None:
    some = Scenes(few.cell[:700], few.lat[:700], few.lon[:700], few.attributes[:700])

    def wrong(part: slice) -> Floats32:
        logits = world.log_posterior(some.attributes[part])
        if fault == "a factor twice":
            only = np.zeros_like(some.attributes[part])
            only[:, 0] = some.attributes[part][:, 0]
            for name in ("sun", "bollard"):
                only[:, INDEX[name]] = some.attributes[part][:, INDEX[name]]
            logits = logits + world.log_likelihood(only)
        else:
            logits = logits * np.float32(1.25 if fault == "too sure" else 0.8)
        logits = logits - logits.max(axis=1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))

    scores = score(world.partition, some, wrong)
    surplus = scores.nll["fine"] - scores.expected
    assert abs(surplus.mean()) > 4.0 * surplus.std() / np.sqrt(len(surplus))
    assert kstest(scores.rank, "uniform").pvalue < 1e-3


def test_no_other_posterior_of_the_same_scenes_is_likelier(world: World, few: Scenes, optimum: Scores) -> None:
    def blinder(some: slice) -> Floats32:
        return world.log_posterior(_without("bollard", few.attributes[some]))

    paired = score(world.partition, few, blinder).nll["fine"] - optimum.nll["fine"]
    assert paired.mean() > 4.0 * paired.std() / np.sqrt(len(paired))


def test_the_optimum_is_good_but_leaves_doubt(world: World, optimum: Scores) -> None:
    _, _, region, country, continent = within_bands(optimum.mode_km)
    assert 0.25 < region < 0.5
    assert 0.6 < country < 0.85
    assert continent > 0.8
    blind = -(world.p0 * np.log(world.p0)).sum()
    assert blind - optimum.nll["fine"].mean() > 4.0
    assert optimum.expected.mean() > 4.0


def test_levels_hold_the_mass_of_their_cells(world: World, few: Scenes) -> None:
    log_p = world.log_posterior(few.attributes[:3])
    for level in ("middle", "coarse"):
        by_hand = np.bincount(world.partition.parents(level), weights=np.exp(log_p[1].astype(np.float64)))
        found = level_log_p(world.partition, log_p, level)
        assert found.shape == (3, len(world.partition.at(level)))
        np.testing.assert_allclose(np.exp(found[1]), by_hand, rtol=1e-4, atol=1e-12)


def test_ranks_are_masses_above_the_truth() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.25, 0.5, 0.25]])
    ranks = np.stack([ranks_of(p, np.array([1, 0], np.int32), np.random.default_rng(k)) for k in range(400)])
    assert (ranks >= 0.5).all()
    assert (ranks[:, 0] <= 0.8).all()  # equal masses share what is left
    assert ranks[:, 1].max() > 0.95


def _without(name: str, attributes: NDArray[np.int8]) -> NDArray[np.int8]:
    blind = attributes.copy()
    blind[:, INDEX[name]] = 0
    return blind
