"""Albums of the rendered Earth: drawn as they say, and their best posterior exact."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from backbone.density import DensityPrior
from benchmarks.earth_album_scenes import SceneAlbums, album_log_posterior
from benchmarks.earth_attributes import ATTRIBUTES, INDEX
from benchmarks.earth_optimum import ranks_of
from benchmarks.earth_world import World
from tests.backbone.trained import small_partition


@pytest.fixture(scope="module")
def world() -> World:
    cells = small_partition()
    return World(cells, DensityPrior(cells).distribution.p)


def test_without_copies_the_best_posterior_is_the_product_of_the_photos(world: World) -> None:
    albums = SceneAlbums.draw(world, 20, 3, seed=1)
    single = world.log_posterior(albums.attributes.reshape(60, -1)).reshape(20, 3, -1).astype(np.float64)
    by_hand = single.sum(axis=1) - 2 * np.log(world.p0)
    by_hand -= np.logaddexp.reduce(by_hand, axis=1, keepdims=True)
    assert album_log_posterior(world, albums.attributes, 0.0) == pytest.approx(by_hand, abs=1e-3)


def test_with_copies_the_closed_form_is_the_sum_over_all_that_may_have_been_copied(world: World) -> None:
    """Each photo's value is either the album's base or its own: all ways are summed up one by one."""
    albums, r = SceneAlbums.draw(world, 3, 3, seed=2, copies=0.4), 0.4
    for album, said in zip(albums.attributes, album_log_posterior(world, albums.attributes, r), strict=True):
        logits = np.log(world.p0)
        for number, attribute in enumerate(ATTRIBUTES):
            p = world.table(attribute.name)  # (n_cells, values)
            seen = [int(a) for a in album[:, number] if attribute.name == "scene" or a > 0]
            total = np.zeros(len(p))
            for copied in product((True, False), repeat=len(seen)):
                chance = np.prod([r if c else 1 - r for c in copied])
                bases = {a for a, c in zip(seen, copied, strict=True) if c}
                if len(bases) < 2:  # two copies with different values cannot be
                    own = [p[:, a] for a, c in zip(seen, copied, strict=True) if not c]
                    total += chance * np.prod([np.ones(len(p)), *(p[:, b] for b in bases), *own], axis=0)
            logits = logits + np.log(total)
        logits -= np.logaddexp.reduce(logits)
        assert said == pytest.approx(logits, abs=1e-3)


@pytest.mark.parametrize("copies", [0.0, 0.5])
def test_the_best_posterior_holds_the_truth_as_often_as_it_says(world: World, copies: float) -> None:
    albums = SceneAlbums.draw(world, 500, 4, seed=3, copies=copies)
    p = np.exp(album_log_posterior(world, albums.attributes, copies).astype(np.float64))
    ranks = ranks_of(p, albums.cell, np.random.default_rng(0))
    for mass in (0.5, 0.9):
        assert np.mean(ranks <= mass) == pytest.approx(mass, abs=4 * np.sqrt(mass * (1 - mass) / 500))


def test_copies_make_photos_alike_and_leave_each_photo_as_likely_as_before(world: World) -> None:
    alone, copied = (SceneAlbums.draw(world, 2000, 2, seed=4, copies=r) for r in (0.0, 0.8))
    at = INDEX["sun"]
    alike = []
    for albums in (alone, copied):
        first, second = albums.attributes[:, 0, at], albums.attributes[:, 1, at]
        shown = (first > 0) & (second > 0)
        alike.append(np.mean(first[shown] == second[shown]))
    assert alike[1] > alike[0] + 0.1
    shares = [np.bincount(a.attributes[:, 1, at], minlength=9) / 2000 for a in (alone, copied)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_all_photos_lie_in_their_albums_cell_and_the_draw_repeats(world: World) -> None:
    albums, again = (SceneAlbums.draw(world, 30, 4, seed=5, copies=0.5) for _ in range(2))
    assert (world.partition.cells_of(albums.lat.ravel(), albums.lon.ravel()) == np.repeat(albums.cell, 4)).all()
    assert np.array_equal(albums.attributes, again.attributes)
    assert albums.paint().shape == (30, 4, 64, 64, 3)
