from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.earth_attributes import ATTRIBUTES, GROUPS, SCENES, SHOWN
from benchmarks.earth_canvas import uniforms
from benchmarks.earth_photos import SceneSet, contact_sheet
from benchmarks.earth_scenes import render
from benchmarks.earth_world import World, shipped_world

Attributes = NDArray[np.int8]
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def world() -> World:
    return shipped_world()


def test_pictures_do_not_depend_on_how_they_are_batched(world: World) -> None:
    attributes = world.sample(150, seed=1).attributes
    whole = render(attributes, seed=2)
    assert whole.shape == (150, 64, 64, 3)
    assert whole.dtype == np.uint8
    parts = [
        render(attributes[some], 2, index=np.arange(150)[some]) for some in (slice(0, 7), slice(7, 91), slice(91, 150))
    ]
    assert np.array_equal(whole, np.concatenate(parts))
    shuffled = np.random.default_rng(0).permutation(150)
    assert np.array_equal(whole[shuffled], render(attributes[shuffled], 2, index=shuffled))
    assert not np.array_equal(whole, render(attributes, seed=3))


def test_scenes_can_be_painted_larger(world: World) -> None:
    attributes = world.sample(12, seed=1).attributes
    small, large = (render(attributes, 2, size).astype(np.float64) for size in (64, 192))
    shrunk = large.reshape(12, 64, 3, 64, 3, 3).mean(axis=(2, 4))
    assert np.abs(shrunk - small).mean() < 15.0
    assert all(np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.85 for a, b in zip(shrunk, small, strict=True))


def test_what_cannot_be_painted_is_refused(world: World) -> None:
    attributes = world.sample(2, seed=1).attributes
    for wrong, size in ((attributes[:, :3], 64), (attributes[0], 64), (attributes, 16)):
        with pytest.raises(ValueError, match="attributes and at least 32 pixels"):
            render(wrong, 0, size)


def test_all_attributes_can_be_told_from_the_pixels(world: World) -> None:
    """So that nothing is lost: the posterior given the picture is the posterior given the attributes."""
    attributes = np.concatenate([world.sample(8, seed=21).attributes, each_value_once()])
    seen = decode(render(attributes, seed=6), seed=6)
    assert (seen == attributes).mean() >= 0.995
    for k, attribute in enumerate(ATTRIBUTES):
        assert (seen[:, k] == attributes[:, k]).mean() >= 0.95, attribute.name


def test_nuisances_are_spread_evenly_and_unrelated() -> None:
    u = uniforms(3, np.arange(4_000), 12)
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert np.abs(u.mean(axis=0) - 0.5).max() < 5 * np.sqrt(1 / 12 / 4_000)
    assert np.abs(np.corrcoef(u.T) - np.eye(12)).max() < 0.08
    assert np.abs(np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]) < 0.08
    assert abs(np.corrcoef(u[:, 0], uniforms(4, np.arange(4_000), 1)[:, 0])[0, 1]) < 0.08


def test_a_set_of_scenes_reads_as_a_set_of_photos(world: World) -> None:
    one, again, other = (SceneSet.draw(world, 30, seed) for seed in (1, 1, 2))
    assert len(one) == 30
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert SceneSet.draw(world, 30, 1, size=32).fingerprint != one.fingerprint
    assert len({one.key(i) for i in range(30)} | {other.key(i) for i in range(30)}) == 60
    assert np.array_equal(one.pixels(4, at_least=299), again.pixels(4))
    assert np.array_equal(world.partition.cells_of(one.lat, one.lon), one.scenes.cell)


def test_a_sheet_shows_scenes_from_north_to_south(world: World) -> None:
    sheet = contact_sheet(world, rows=2, columns=3)
    assert sheet.shape == (2 * 66, 3 * 66, 3)


def each_value_once() -> Attributes:
    """Scenes (16, K) that show all they can, and between them each value of each attribute."""
    kinds = [0, 1] * 5 + [2] * 6
    scenes = np.array([[kind] + [1 + i % (len(a.values) - 1) for a in ATTRIBUTES[1:]] for i, kind in enumerate(kinds)])
    attributes = scenes.astype(np.int8)
    for k, attribute in enumerate(ATTRIBUTES[1:], 1):
        attributes[[k not in _parts(kind) for kind in kinds], k] = 0
        assert set(attributes[:, k].tolist()) >= set(range(1, len(attribute.values)))
    return attributes


def _parts(kind: int) -> list[int]:
    """Columns of the attributes that a kind of scene may show."""
    return [
        k
        for k, attribute in enumerate(ATTRIBUTES[1:], 1)
        if SCENES[kind] in attribute.scenes and SHOWN[kind][GROUPS.index(attribute.group)] > 0
    ]


def decode(pixels: Pixels, seed: int) -> Attributes:
    """Attributes (n, K) of pictures whose positions and sizes are known, but in the end not their light and grain."""
    tried = [_decode_as(kind, pixels, seed) for kind in range(len(SCENES))]
    best = np.argmin([apart for _, apart in tried], axis=0)
    return np.stack([found for found, _ in tried])[best, np.arange(len(pixels))]


def _decode_as(kind: int, pixels: Pixels, seed: int) -> tuple[Attributes, NDArray[np.float64]]:
    """The nearest attributes (n, K) for one kind of scene, and how far (n,) their pictures are.

    One attribute after the other takes the value whose picture is nearest: painted in the same light at first, which
    is a quick way to a good start, and in another light at last, both pictures brought to the same mean and contrast.
    """
    n = len(pixels)
    heads = {a.group: k for k, a in reversed(list(enumerate(ATTRIBUTES)))}
    # How tall a house is comes before its roof: the two change its outline together.
    parts = sorted(_parts(kind), key=lambda k: ATTRIBUTES[k].name == "roof")
    found = np.zeros((n, len(ATTRIBUTES)), np.int8)
    found[:, 0], found[:, parts] = kind, 1
    for light in (seed, seed, seed + 1):
        wanted = _relit(pixels, light != seed)
        for k in parts:
            head = heads[ATTRIBUTES[k].group]
            apart = np.full((n, len(ATTRIBUTES[k].values)), np.inf)
            for value in range(apart.shape[1]):
                # The first of a group tells whether the group is shown; the others then have a value or have none.
                may = np.full(n, True) if head == k else (found[:, head] > 0) == (value > 0)
                trial = found[may].copy()
                trial[:, k] = value
                painted = render(trial, seed, index=np.flatnonzero(may), light_seed=light)
                apart[may, value] = np.abs(_relit(painted, light != seed) - wanted[may]).sum(axis=(1, 2, 3))
            found[:, k] = apart.argmin(axis=1)
    for head, group in ((k, group) for group, k in heads.items()):
        for k in parts:
            if ATTRIBUTES[k].group == group:
                found[:, k] *= found[:, head] > 0
    painted = _relit(render(found, seed, light_seed=seed + 1), True)
    return found, np.abs(painted - wanted).sum(axis=(1, 2, 3)).astype(np.float64)


def _relit(pixels: Pixels, wanted: bool) -> NDArray[np.float32]:
    """The values, each channel of each picture at mean 0 and deviation 1 if ``wanted``."""
    values = pixels.astype(np.float32)
    if not wanted:
        return values
    centred = values - values.mean(axis=(1, 2), keepdims=True)
    relit: NDArray[np.float32] = centred / (centred.std(axis=(1, 2), keepdims=True) + 1.0)
    return relit
