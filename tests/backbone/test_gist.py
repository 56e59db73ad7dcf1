"""Gist, colours and patch words: what a photo looks like, in numbers that can be checked."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.colour import colour_grid, colour_histogram, lab
from backbone.gist import GistConfig, gist
from backbone.patch_words import PatchWords


def grating(angle_deg: float, cycles_a_pixel: float, side: int = 128) -> NDArray[np.uint8]:
    """Stripes whose brightness changes along ``angle_deg``, 0 to the right, 90 down."""
    down, across = np.mgrid[:side, :side]
    along = across * np.cos(np.radians(angle_deg)) + down * np.sin(np.radians(angle_deg))
    return np.asarray((127.0 + 100.0 * np.sin(2.0 * np.pi * cycles_a_pixel * along)).round(), np.uint8)


def photo(seed: int = 0, shape: tuple[int, int] = (96, 128)) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.integers(0, 256, (shape[0] // 8, shape[1] // 8, 3)), np.ones((8, 8, 1)))
    return np.asarray(np.clip(coarse + rng.normal(0, 12, coarse.shape), 0, 255), np.uint8)


@pytest.mark.parametrize("scale", range(3))
@pytest.mark.parametrize("k", range(8))
def test_a_grating_is_seen_by_the_filter_of_its_scale_and_orientation(scale: int, k: int) -> None:
    seen = gist(grating(-180.0 * k / 8, 0.3 / 1.85**scale)).reshape(28, 16).mean(axis=1)
    assert int(seen.argmax()) == 8 * scale + k


def test_what_is_in_one_part_of_the_picture_is_in_its_blocks() -> None:
    picture = np.full((128, 128), 127, np.uint8)
    picture[:64, 64:] = grating(0.0, 0.15)[:64, 64:]
    blocks = gist(picture).reshape(28, 4, 4).sum(axis=0)
    assert blocks[:2, 2:].min() > 5.0 * blocks[2:, :2].max()


def test_a_flat_picture_has_no_structure_and_brightness_hardly_matters() -> None:
    assert gist(np.full((50, 70, 3), 90, np.uint8)).max() < 1e-3
    dark = np.asarray(photo() // 2, np.uint8)
    assert np.linalg.norm(gist(dark) - gist(photo())) < 0.1 * np.linalg.norm(gist(photo()))


@pytest.mark.parametrize("shape", [(16, 16, 3), (1, 900, 3), (900, 2, 3), (33, 47)])
def test_any_shape_has_a_descriptor_of_the_same_length(shape: tuple[int, ...]) -> None:
    config = GistConfig(64, (6, 6), 2)
    described = gist(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), config)
    assert described.shape == (config.size,) == (48,) and described.dtype == np.float32
    assert np.isfinite(described).all() and described.min() >= 0.0


def test_sides_that_cannot_be_cut_are_refused() -> None:
    for side, orientations, blocks in ((100, (8,), 3), (128, (), 4), (8, (8,), 4), (128, (8, 0), 4)):
        with pytest.raises(ValueError, match=r"orientation|cannot be cut"):
            GistConfig(side, orientations, blocks)


def test_a_descriptor_takes_milliseconds() -> None:
    picture = photo(0, (960, 1280))
    gist(picture)
    start = time.process_time()
    for _ in range(5):
        gist(picture)
    assert (time.process_time() - start) / 5 < 0.1  # 12 ms on an idle core


def test_colours_are_those_of_the_standard() -> None:
    primaries = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [119, 119, 119]], np.uint8)
    expected = [[53.2, 80.1, 67.2], [87.7, -86.2, 83.2], [32.3, 79.2, -107.9], [50.0, 0.0, 0.0]]
    assert lab(primaries) == pytest.approx(np.array(expected), abs=0.2)


def test_colours_are_found_where_they_are() -> None:
    picture = np.zeros((90, 120, 3), np.uint8)
    picture[:45] = (100, 150, 255)
    grid = colour_grid(picture)
    assert grid.shape == (4, 4, 6) and grid[0, :, 2].max() < -30.0 and np.abs(grid[3]).max() < 1e-3
    shares = colour_histogram(picture)
    assert shares.sum() == pytest.approx(1.0) and shares.max() == pytest.approx(0.5)


@pytest.fixture(scope="module")
def words() -> PatchWords:
    return PatchWords.learn([photo(k) for k in range(12)], words=16, side=64, seed=1)


def test_words_tell_where_in_the_picture_they_are(words: PatchWords) -> None:
    picture = np.full((64, 64, 3), 128, np.uint8)
    picture[:16] = photo(20, (64, 64))[:16]
    described = words.describe(picture)
    assert described.shape == (4, 16) and described.dtype == np.float32 and described.min() >= 0.0
    assert described[2] == pytest.approx(described[3], abs=1e-4)
    assert not np.allclose(described[0], described[3], atol=0.1)


def test_the_same_photos_and_seed_give_the_same_words(words: PatchWords) -> None:
    again = PatchWords.learn([photo(k) for k in range(12)], words=16, side=64, seed=1)
    assert np.array_equal(again.words, words.words)
    assert np.array_equal(again.describe(photo(5)), words.describe(photo(5)))


def test_whitened_patches_vary_alike_in_all_directions(words: PatchWords) -> None:
    from backbone.gist import squeezed
    from backbone.patch_words import _even, _patches

    drawn = np.concatenate([_even(_patches(squeezed(photo(k), 64), 6, 1).reshape(-1, 108)) for k in range(12)])
    before, after = (np.linalg.eigvalsh(np.cov(x.T))[1:] for x in (drawn, (drawn - words.mean) @ words.whitening))
    assert after.max() < 1.5 and after.max() / np.median(after) < before.max() / np.median(before) / 3
