from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks.s2 import disagreements, hard_points
from data import s2
from data.geodesy import EARTH_RADIUS_KM, haversine_km, lat_lon, spherical_mean

# All 200,000 points take half a minute: `python -m benchmarks.s2`, or this variable.
POINTS = int(os.environ.get("WHENCE_S2_POINTS", "12000"))


@pytest.fixture(scope="module")
def points() -> tuple[np.ndarray, np.ndarray]:
    return hard_points(POINTS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:future", "ignore::DeprecationWarning:past")
def test_every_function_agrees_with_s2sphere_on_random_edge_corner_and_pole_points(
    points: tuple[np.ndarray, np.ndarray],
) -> None:
    wrong = disagreements(*points)
    assert wrong == dict.fromkeys(wrong, 0)
    assert {"cell_ids", "parent 12", "token", "neighbours", "centre", "corners"} <= set(wrong)


def test_ids_of_a_level_are_parents_of_leaves(points: tuple[np.ndarray, np.ndarray]) -> None:
    leaves = s2.cell_ids(*points)
    assert s2.is_valid(leaves).all()
    assert (s2.level_of(leaves) == 30).all()
    for level in (0, 5, 13, 30):
        assert np.array_equal(s2.cell_ids(*points, level=level), s2.parent(leaves, level))


def test_shapes_are_kept() -> None:
    ids = s2.cell_ids(np.zeros((2, 1)), np.arange(3.0), level=8)
    assert ids.shape == (2, 3)
    assert s2.children(ids).shape == s2.neighbours(ids).shape == (2, 3, 4)
    assert s2.all_neighbours(ids).shape == (2, 3, 8)
    assert s2.corners(ids).shape == (2, 3, 4, 2)
    assert s2.token(ids).shape == s2.centre(ids)[0].shape == s2.area_km2(ids).shape == (2, 3)
    assert s2.cell_ids(1.0, 2.0).shape == ()
    assert s2.cell_ids([], []).shape == (0,)


def test_children_make_up_their_parent(points: tuple[np.ndarray, np.ndarray]) -> None:
    cells = s2.cell_ids(*points, level=11)[:500]
    children = s2.children(cells)
    assert (s2.parent(children, 11) == cells[:, None]).all()
    assert np.array_equal(s2.range_min(children[:, 0]), s2.range_min(cells))
    assert np.array_equal(s2.range_max(children[:, 3]), s2.range_max(cells))
    assert s2.area_km2(children).sum(axis=1) == pytest.approx(s2.area_km2(cells), rel=1e-9)


def test_the_six_faces_are_the_earth() -> None:
    faces = s2.face_cells()
    assert s2.token(faces).tolist() == ["1", "3", "5", "7", "9", "b"]
    assert s2.area_km2(faces).sum() == pytest.approx(4 * np.pi * EARTH_RADIUS_KM**2)


def test_centres_and_corners_lie_where_their_cells_do(points: tuple[np.ndarray, np.ndarray]) -> None:
    cells = s2.cell_ids(*points, level=9)[:300]
    assert np.array_equal(s2.cell_ids(*s2.centre(cells), level=9), cells)
    for cell, corners in zip(cells, s2.corners(cells), strict=True):
        middle = spherical_mean(corners[:, 0], corners[:, 1])
        assert s2.cell_ids(*middle, level=9) == cell


def test_corners_turn_counter_clockwise_seen_from_above() -> None:
    corners = s2.corners(s2.cell_ids(48.0, 11.0, level=10))
    x, y = corners[:, 1], corners[:, 0]
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0


def test_neighbours_are_mutual_and_share_two_corners(points: tuple[np.ndarray, np.ndarray]) -> None:
    cells = np.unique(s2.cell_ids(*points, level=6))[:400]
    around = s2.neighbours(cells)
    assert (s2.neighbours(around) == cells[:, None, None]).any(axis=-1).all()
    mine, theirs = s2.corners(cells)[:, None, :, None], s2.corners(around)[:, :, None, :]
    apart = haversine_km(mine[..., 0], mine[..., 1], theirs[..., 0], theirs[..., 1])
    assert ((apart < 1e-6).sum(axis=(2, 3)) == 2).all()


def test_all_neighbours_touch_and_only_a_corner_of_the_cube_has_seven() -> None:
    corner = s2.cell_ids(35.264389682754654, 44.999, level=7)
    inner = s2.cell_ids(10.0, 10.0, level=7)
    around = s2.all_neighbours([corner, inner])
    assert (around == 0).sum(axis=1).tolist() == [1, 0]
    assert len(set(around[1].tolist()) | {int(inner)}) == 9
    assert np.array_equal(around[:, :4], s2.neighbours([corner, inner]))


def test_areas_of_leaves_keep_their_digits() -> None:
    leaves = s2.cell_ids([10.0, 80.0], [20.0, -120.0])
    assert s2.area_km2(leaves) * 4.0**30 == pytest.approx(s2.area_km2(s2.parent(leaves, 16)) * 4.0**16, rel=1e-3)


def test_tokens_go_there_and_back() -> None:
    assert s2.from_token(["47e6701", "1", "b"]).tolist() == [0x47E6701 << 36, 1 << 60, 0xB << 60]
    assert str(s2.token(np.uint64(0))) == "X"
    for wrong in ("", "xyz", "0" * 17, "-1"):
        with pytest.raises(ValueError, match="token"):
            s2.from_token(wrong)


@pytest.mark.parametrize(("lat", "lon"), [(91.0, 0.0), (np.nan, 0.0), (0.0, np.inf), ([0.0, -90.1], [0.0, 0.0])])
def test_coordinates_off_the_earth_are_refused(lat: object, lon: object) -> None:
    with pytest.raises(ValueError, match="finite degrees"):
        s2.cell_ids(lat, lon)  # type: ignore[arg-type]


def test_ids_that_are_no_cells_are_refused() -> None:
    wrong = np.array([0, 2, 0xD << 60, 0xFFFFFFFFFFFFFFFF], np.uint64)
    assert not s2.is_valid(wrong).any()
    for function in (s2.centre, s2.corners, s2.children, s2.neighbours, s2.area_km2):
        for one in wrong:
            with pytest.raises(ValueError, match="not an S2 cell"):
                function(one)
    with pytest.raises(ValueError, match="no children"):
        s2.children(s2.cell_ids(0.0, 0.0))
    with pytest.raises(ValueError, match="no ancestor"):
        s2.parent(s2.face_cells(), 3)
    with pytest.raises(ValueError, match="levels 0 to 30"):
        s2.cell_ids(0.0, 0.0, level=31)


def test_a_point_and_its_image_around_the_globe_share_a_cell() -> None:
    lat, lon = np.array([12.5, -70.0]), np.array([33.25, -120.5])
    assert np.array_equal(s2.cell_ids(lat, lon, level=20), s2.cell_ids(lat, lon + 360.0, level=20))
    there = lat_lon(-np.array([[1.0, 2.0, 3.0]]))
    assert s2.parent(s2.cell_ids(*there), 0) in s2.face_cells()
