"""What is known of a scene of the rendered Earth: where its attributes are painted, and what each is worth."""

from __future__ import annotations

import numpy as np

from benchmarks.earth_attributes import INDEX, NAMES
from benchmarks.earth_heatmaps import known_of
from benchmarks.earth_photos import SceneSet
from benchmarks.earth_scenes import render
from benchmarks.earth_world import shipped_world


def test_evidence_is_what_hiding_an_attribute_costs_and_its_place_is_where_it_is_painted() -> None:
    world = shipped_world()
    photos = SceneSet.draw(world, 6, 3)
    for index in range(len(photos)):
        known = known_of(world, photos, index)
        assert known.columns and not {INDEX["scene"], INDEX["shadow"]} & set(known.columns)
        attributes, cell = photos.scenes.attributes[index], int(photos.scenes.cell[index])
        j = int(known.exact.argmax())
        hidden = attributes.copy()
        hidden[known.columns[j]] = 0
        p = np.exp(world.log_posterior(np.stack([attributes, hidden]))[:, cell].astype(np.float64))
        odds = np.log(p) - np.log1p(-p)
        assert np.isclose(known.exact[j], odds[0] - odds[1], atol=1e-3)
        assert known.places.shape == (len(known.columns), 64, 64) and known.places.any(axis=(1, 2)).all()


def test_the_place_of_a_sign_is_small_and_holds_what_changes_with_it() -> None:
    world = shipped_world()
    photos = SceneSet.draw(world, 60, 4)
    with_sign = np.flatnonzero(photos.scenes.attributes[:, INDEX["sign"]] > 0)
    index = int(with_sign[0])
    known = known_of(world, photos, index)
    place = known.places[[NAMES[column] for column in known.columns].index("sign")]
    assert 0.001 < place.mean() < 0.1
    other = photos.scenes.attributes[index : index + 1].copy()
    other[0, INDEX["sign"]] = 1 + other[0, INDEX["sign"]] % 6
    [painted] = render(other, photos.seed, 64, np.array([index]))
    changed = (np.abs(painted.astype(int) - photos.pixels(index).astype(int)) > 6).any(axis=2)
    assert changed.any() and not (changed & ~place).any()
