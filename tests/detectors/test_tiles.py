from itertools import pairwise

import numpy as np
import pytest

from detectors.tiles import Tile, letterboxed, suppressed, tiles_of


def _covered(tiles: list[Tile], width: int, height: int) -> bool:
    seen = np.zeros((height // 10, width // 10), bool)
    for t in tiles:
        seen[t.top // 10 : (t.top + t.height) // 10, t.left // 10 : (t.left + t.width) // 10] = True
    return bool(seen.all())


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (3000, 4000), (8000, 200), (1280, 720), (12_000, 9_000)])
@pytest.mark.parametrize("most", [1, 2, 5, 14, 40])
def test_every_scale_sees_all_of_the_photo_within_the_bound(width, height, most):
    tiles = tiles_of(width, height, 640, most, 0.15)
    assert len(tiles) <= most
    assert tiles[0] == Tile(0, 0, width, height)
    for size in {(t.width, t.height) for t in tiles}:
        assert _covered([t for t in tiles if (t.width, t.height) == size], width, height)


def test_enough_tiles_show_a_large_photo_at_its_own_pixels():
    tiles = tiles_of(4000, 3000, 640, 100, 0.15)
    assert min(max(t.width, t.height) for t in tiles) == 640


def test_neighbours_overlap_so_that_what_an_edge_cuts_is_whole_in_one_of_them():
    tiles = [t for t in tiles_of(2560, 640, 640, 40, 0.15) if t.width == 640]
    starts = sorted(t.left for t in tiles)
    assert all(b - a <= 0.85 * 640 + 1 for a, b in pairwise(starts))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8000, 200), (3, 900), (640, 480)])
def test_a_letterboxed_tile_has_sides_that_the_network_takes(width, height):
    pixels = np.full((height, width, 3), 7, np.uint8)
    picture, scale = letterboxed(pixels, Tile(0, 0, width, height), 640)
    assert picture.shape[0] % 32 == 0 and picture.shape[1] % 32 == 0
    assert max(picture.shape) <= 640 and 0 < scale <= 2
    shown = max(round(height * scale), 1), max(round(width * scale), 1)
    assert (picture[: shown[0], : shown[1]] == 7).all()
    assert (picture[shown[0] :] == 114).all()


def test_of_overlapping_boxes_of_one_kind_the_surest_stays():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 10, 10], [2, 2, 5, 5], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.5, 0.9, 0.4, 0.3, 0.1], np.float32)
    kinds = np.array([0, 0, 1, 0, 0])
    assert suppressed(boxes, scores, kinds, same=0.5, within=0.8) == [1, 2, 4]


def test_no_boxes_stay_none():
    none = np.zeros((0, 4), np.float32)
    assert suppressed(none, np.zeros(0, np.float32), np.zeros(0, np.int64), same=0.5, within=0.8) == []
