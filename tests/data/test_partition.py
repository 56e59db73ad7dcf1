from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.s2 import hard_points
from data import s2
from data.build_partition import (
    DEFAULT_SETTINGS,
    Settings,
    build,
    build_from_tables,
    ceiling,
    describe,
    nearest_regions,
)
from data.errors import DatasetError, RequestError
from data.geodesy import EARTH_RADIUS_KM, haversine_km, spherical_mean
from data.partition import DEFAULT_PATH, LEVELS, Partition, load, load_default, save
from data.partition_tree import Stretches, adaptive_classes, parent_classes, pool_classes
from data.photo_tables import Photos, read_coordinates, read_table

EARTH_KM2 = 4 * np.pi * EARTH_RADIUS_KM**2


@pytest.fixture(scope="module")
def small() -> Partition:
    """A partition of 900 photos: half of them in three cities, one on a far island, the rest anywhere."""
    random = np.random.default_rng(5)
    cities = np.repeat([[48.8566, 2.3522], [40.7128, -74.0060], [-17.73, 179.9]], 150, axis=0)
    cities += random.normal(0.0, 0.15, cities.shape)
    lat = np.concatenate([cities[:, 0], np.degrees(np.arcsin(random.uniform(-1, 1, 449))), [-54.42]])
    lon = np.concatenate([cities[:, 1], random.uniform(-180, 180, 449), [3.36]])
    return build(Photos.of_people(lat, (lon + 180.0) % 360.0 - 180.0), name="small", settings=Settings(cover_level=3))


# The rule and the look-up.


def test_every_point_of_the_earth_lies_in_the_deepest_class_around_it(partition: Partition, small: Partition) -> None:
    lat, lon = hard_points(5_000)
    for one in (partition, small):
        found = one.cells_of(lat, lon)
        assert found.dtype == np.int32
        by_hand = np.full(len(lat), -1)
        for level in range(31):
            ids = s2.cell_ids(lat, lon, level=level)
            at = np.minimum(np.searchsorted(one.cell_ids, ids), len(one) - 1)
            by_hand = np.where(one.cell_ids[at] == ids, at, by_hand)
        assert np.array_equal(found, by_hand)
        assert (found >= 0).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=60),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 8),
)
def test_the_rule_covers_the_earth_and_keeps_its_thresholds(
    points: list[tuple[float, float]], most: int, least: int, cover: int
) -> None:
    least = min(least, most)
    leaves = s2.cell_ids(*np.array(points).T)
    ids = adaptive_classes(leaves, np.ones(len(points)), t_max=most, t_min=least, max_level=12, cover_level=cover)
    stretches = Stretches.of(ids)
    assert stretches.covers_the_earth()
    counts = np.bincount(stretches.owner_of(leaves), minlength=len(ids))
    levels = s2.level_of(ids)
    assert (counts[(levels > cover) & (levels > 0)] >= least).all()
    heavy = counts > most
    # What holds more than t_max is as deep as may be, or is what its children left over.
    inside = np.bincount(parent_classes(ids) + 1, minlength=len(ids) + 1)[1:]
    assert ((levels[heavy] == 12) | (inside[heavy] > 0) | (counts[heavy] < 4 * least)).all()
    assert levels.max() <= 12


def test_photos_at_one_spot_split_down_to_the_deepest_level_only() -> None:
    leaves = s2.cell_ids(np.full(50, 10.0), np.full(50, 20.0))
    ids = adaptive_classes(leaves, np.ones(50), t_max=10, t_min=5, max_level=9, cover_level=2)
    assert s2.cell_ids(10.0, 20.0, level=9) in ids
    assert s2.level_of(ids).max() == 9


def test_thresholds_are_inclusive() -> None:
    # Two spots in two children of one cell of level 3: with one photo more the cell is split.
    spots = s2.range_min(s2.children(s2.cell_ids(10.0, 20.0, level=3)))[[0, 2]]
    for each in (5, 6):
        leaves = np.repeat(spots, each)
        rules = {"t_max": 10.0, "t_min": float(each), "max_level": 6, "cover_level": 0}
        ids = adaptive_classes(leaves, np.ones(len(leaves)), **rules)  # type: ignore[arg-type]
        if each == 5:
            # Ten are not split at any level above, so that their face is one class.
            assert s2.level_of(ids).max() == 0
        else:
            assert np.array_equal(np.sort(s2.parent(spots, 4)), ids[s2.level_of(ids) == 4])


def test_a_lone_photo_has_a_cell_of_its_neighbourhood(small: Partition) -> None:
    bouvet = int(small.cells_of(-54.42, 3.36)[0])
    assert small.people[bouvet] >= 1
    assert s2.level_of(small.cell_ids[bouvet]) >= 3
    assert haversine_km(small.lat[bouvet], small.lon[bouvet], -54.42, 3.36) < 1500


def test_classes_are_found_inside_out_by_stretches() -> None:
    face = s2.face_cells()[2]
    child = s2.children(face)[0]
    grandchild = s2.children(child)[3]
    ids = np.sort(np.array([face, child, grandchild], np.uint64))
    stretches = Stretches.of(ids)
    found = ids[stretches.owner_of(np.array([s2.range_min(child), s2.range_max(grandchild), s2.range_max(face)]))]
    assert found.tolist() == [child, grandchild, face]
    assert stretches.owner_of(s2.range_min(s2.face_cells()[[0, 3]])).tolist() == [-1, -1]
    assert not stretches.covers_the_earth()
    samples = stretches.samples(int(np.searchsorted(ids, child)), 64)
    assert (s2.parent(samples, 1) == child).all()
    assert not (s2.parent(samples, 2) == grandchild).any()
    assert set(s2.parent(samples, 2).tolist()) == set(s2.children(child)[:3].tolist())


def test_pooling_groups_what_is_light_and_leaves_what_is_heavy() -> None:
    face = s2.face_cells()[1]
    ids = np.sort(s2.children(s2.children(face)).ravel())
    weights = np.ones(16)
    weights[5] = 10.0
    nodes = pool_classes(ids, weights, threshold=4)
    assert nodes[5] == ids[5]
    assert set(nodes[:4].tolist()) == {int(s2.parent(ids[0], 1))}
    assert set(nodes[[4, 6, 7]].tolist()) == {int(face)}


# What is known about each cell.


def test_regions_of_classes_add_up_to_the_earth(partition: Partition, small: Partition) -> None:
    for one in (partition, small):
        for level in LEVELS:
            assert one.at(level).area_km2.sum() == pytest.approx(EARTH_KM2, rel=1e-6)


def test_photos_are_counted_once(small: Partition) -> None:
    assert small.people.sum() == pytest.approx(900)
    assert small.street.sum() == 0
    for level in LEVELS:
        assert small.at(level).people.sum() == pytest.approx(900)


def test_a_cell_beside_the_date_line_has_its_mean_there(small: Partition) -> None:
    taveuni = small.cells_of([-17.73, -17.73], [179.99, -179.99])
    assert (haversine_km(small.lat[taveuni], small.lon[taveuni], -17.73, 180.0) < 60).all()


def test_the_mean_and_spread_of_a_cell_are_those_of_its_photos() -> None:
    random = np.random.default_rng(11)
    lat, lon = 60.0 + random.normal(0, 0.05, 4000), 10.0 + random.normal(0, 0.1, 4000)
    one = build(
        Photos.of_people(lat, lon), name="one", settings=Settings(t_max=5000, middle=5000, coarse=5000, cover_level=4)
    )
    cell = int(one.cells_of(60.0, 10.0)[0])
    mine = one.cells_of(lat, lon) == cell
    middle = spherical_mean(lat[mine], lon[mine])
    assert haversine_km(one.lat[cell], one.lon[cell], *middle) < 0.001
    apart = haversine_km(lat[mine], lon[mine], *middle)
    own = one.area_km2[cell] / 12.0
    weight = DEFAULT_SETTINGS.own_photos
    expected = np.sqrt((np.sum(apart**2) / 2 + weight * own) / (mine.sum() + weight))
    assert one.spread_km[cell] == pytest.approx(expected, rel=1e-3)


def test_no_spread_is_ever_zero() -> None:
    spot = build(Photos.of_people(np.full(100, 1.0), np.full(100, 2.0)), name="spot", settings=Settings(max_level=30))
    assert spot.spread_km.min() >= 0.05
    assert spot.spread_km[spot.cells_of(1.0, 2.0)[0]] < 1.0


def test_a_cell_without_photos_has_a_point_of_its_own(partition: Partition, small: Partition) -> None:
    for one in (partition, small):
        empty = np.flatnonzero(one.photos == 0)
        assert empty.size > 20
        own = one.cells_of(one.lat[empty], one.lon[empty]) == empty
        # Points are rounded to 0.1 m; a sliver of a cell may lose its own to that.
        assert own.mean() > 0.99


def test_shares_say_which_countries_a_cell_lies_in(partition: Partition) -> None:
    for code, lat, lon in (
        ("ES", 40.4168, -3.7038),
        ("SG", 1.3521, 103.8198),
        ("MC", 43.7384, 7.4246),
        ("LI", 47.141, 9.5209),
        ("XK", 42.66, 21.16),
    ):
        cell = int(partition.cells_of(lat, lon)[0])
        assert partition.country_shares(code)[cell] > 0.0, code
    madrid = int(partition.cells_of(40.4168, -3.7038)[0])
    assert partition.main_country[madrid] == "ES"
    assert partition.region_share("ES.29")[madrid] == pytest.approx(1.0)
    assert not partition.country_shares("ZZ").any()


def test_masses_of_countries_and_regions_add_up(partition: Partition) -> None:
    p = np.random.default_rng(2).dirichlet(np.ones(len(partition)))
    countries, regions = partition.country_mass(p), partition.region_mass(p)
    assert sum(countries.values()) == pytest.approx(1.0, abs=1e-5)
    assert list(countries.values()) == sorted(countries.values(), reverse=True)
    for code in ("FR", "BR", "JP"):
        assert countries[code] == pytest.approx(float(p @ partition.country_shares(code)), rel=1e-5)
        assert countries[code] == pytest.approx(sum(v for k, v in regions.items() if k[:2] == code), rel=1e-5)
    with pytest.raises(RequestError, match="cells"):
        partition.country_mass(p[:-1])


def test_a_region_of_the_nearest_place_is_named() -> None:
    assert nearest_regions([37.77, 48.86], [-122.42, 2.35]).tolist() == ["US.CA", "FR.11"]
    assert nearest_regions([-89.9], [0.0])[0][:2] in {"AQ", "AR", "CL", "GS", "FK", "NZ", "AU"}


def test_sub_points_follow_the_gaussian(partition: Partition) -> None:
    lat, lon = partition.sample_points(16)
    assert lat.shape == lon.shape == (len(partition), 16)
    tame = np.flatnonzero(partition.spread_km < 200)
    apart = haversine_km(lat[tame], lon[tame], partition.lat[tame, None], partition.lon[tame, None])
    # Half the mass of a Gaussian in the plane lies within 1.1774 sigma.
    half = (apart <= 1.1774 * partition.spread_km[tame, None]).mean(axis=1)
    assert (half == 0.5).all()
    rms = np.sqrt((apart**2).mean(axis=1) / 2)
    assert rms / partition.spread_km[tame] == pytest.approx(1.0, abs=0.05)
    assert partition.sample_points(16)[0] is lat
    assert np.array_equal(partition.sample_points(1)[0][:, 0], partition.lat)
    with pytest.raises(RequestError, match="at least 1"):
        partition.sample_points(0)


def test_neighbours_lie_side_by_side(partition: Partition, small: Partition) -> None:
    for one in (partition, small, small.at("middle")):
        for index in range(0, len(one), max(1, len(one) // 25)):
            near = one.neighbours_of(index)
            assert near.size > 0
            assert index not in near
            assert (np.diff(near) > 0).all()
    madrid = int(partition.cells_of(40.4168, -3.7038)[0])
    near = partition.neighbours_of(madrid)
    assert (haversine_km(partition.lat[near], partition.lon[near], 40.4168, -3.7038) < 50).all()


# Levels.


def test_levels_nest_and_agree_with_the_finest(partition: Partition, small: Partition) -> None:
    lat, lon = hard_points(2_000)
    for one in (partition, small):
        middle, coarse = one.at("middle"), one.at("coarse")
        assert len(one) > len(middle) > len(coarse) >= 6
        fine = one.cells_of(lat, lon)
        assert np.array_equal(middle.cells_of(lat, lon), one.parents("middle")[fine])
        assert np.array_equal(coarse.cells_of(lat, lon), middle.parents("coarse")[middle.cells_of(lat, lon)])
        assert np.array_equal(middle.parents("coarse")[one.parents("middle")], one.parents("coarse"))
        assert middle.at("coarse") is coarse
        assert one.at("fine") is one
        assert (middle.level, middle.levels) == ("middle", ("middle", "coarse"))
        assert np.array_equal(np.unique(one.parents("middle")), np.arange(len(middle)))


def test_a_level_that_is_not_there_is_refused(partition: Partition) -> None:
    with pytest.raises(RequestError, match="fine, middle, coarse"):
        partition.at("finest")
    with pytest.raises(RequestError, match="middle, coarse"):
        partition.at("middle").parents("fine")


def test_shares_and_means_carry_over_to_groups(partition: Partition) -> None:
    middle = partition.at("middle")
    p = partition.photos / partition.photos.sum()
    grouped = np.bincount(partition.parents("middle"), weights=p)
    fine, coarse = partition.country_mass(p), middle.country_mass(grouped)
    assert max(abs(fine[code] - coarse.get(code, 0.0)) for code in fine) < 1e-5
    paris = int(middle.cells_of(48.8566, 2.3522)[0])
    assert haversine_km(middle.lat[paris], middle.lon[paris], 48.8566, 2.3522) < 60


def test_the_spread_of_a_group_is_that_of_its_cells_and_between_them(partition: Partition) -> None:
    coarse = partition.at("coarse")
    for group in range(0, len(coarse), 20):
        cells = np.flatnonzero(partition.parents("coarse") == group)
        photos = partition.photos[cells]
        if photos.sum() == 0:
            continue
        lat, lon = spherical_mean(partition.lat[cells], partition.lon[cells], photos)
        assert haversine_km(coarse.lat[group], coarse.lon[group], lat, lon) < 0.01
        apart = haversine_km(partition.lat[cells], partition.lon[cells], lat, lon)
        variance = np.average(partition.spread_km[cells] ** 2.0 + apart**2 / 2.0, weights=photos)
        assert coarse.spread_km[group] == pytest.approx(min(np.sqrt(variance), 2500.0), rel=1e-4)


# Identity and files.


def test_a_partition_survives_its_file(small: Partition, tmp_path: Path) -> None:
    path = tmp_path / "small.parquet"
    save(small, path)
    again = load(path)
    assert again == small
    assert hash(again) == hash(small)
    assert (again.hash, again.name, dict(again.info)) == (small.hash, "small", json.loads(json.dumps(dict(small.info))))
    for field in dataclasses.fields(Partition):
        mine, theirs = getattr(small, field.name), getattr(again, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs)
    assert again.at("coarse") == small.at("coarse") != small.at("middle")
    assert list(tmp_path.iterdir()) == [path]


def test_identity_is_content_and_not_the_name(small: Partition) -> None:
    assert dataclasses.replace(small, name="other", info={}) == small
    moved = small.lat.copy()
    moved[0] += 1e-6
    assert dataclasses.replace(small, lat=moved) != small
    assert dataclasses.replace(small, region_codes=(*small.region_codes, "ZZ.")) != small


def test_arrays_cannot_be_changed_and_are_not_shared_with_the_caller(small: Partition) -> None:
    with pytest.raises(ValueError, match="read-only"):
        small.lat[0] = 0.0
    lat = small.lat.copy()
    copy = dataclasses.replace(small, lat=lat)
    lat[0] = 55.0
    assert copy == small


def _flip_a_byte(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 0xFF
    path.write_bytes(bytes(raw))


def _change_a_value(path: Path) -> None:
    table = pq.read_table(path)
    people = table.column("people").to_numpy().copy()
    people[0] += 1
    at = table.column_names.index("people")
    pq.write_table(table.set_column(at, "people", pa.array(people)), path)


def _change_the_head(path: Path, **changes: object) -> None:
    table = pq.read_table(path)
    head = json.loads(table.schema.metadata[b"whence"]) | changes
    pq.write_table(table.replace_schema_metadata({b"whence": json.dumps(head).encode()}), path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a partition"),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        _flip_a_byte,
        _change_a_value,
        lambda path: pq.write_table(pa.table({"a": [1, 2]}), path),
        lambda path: pq.write_table(pq.read_table(path).drop_columns(["shares"]), path),
        lambda path: pq.write_table(pq.read_table(path).slice(1), path),
        lambda path: _change_the_head(path, version=2),
        lambda path: _change_the_head(path, format="other"),
        lambda path: _change_the_head(path, hash="0" * 64),
        lambda path: _change_the_head(path, region_codes=[]),
        lambda path: _change_the_head(path, region_codes=None),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_with_a_cure(
    small: Partition, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    path = tmp_path / "small.parquet"
    save(small, path)
    damage(path)
    with pytest.raises(DatasetError, match=r"whence partition build|build it again"):
        load(path)


def test_a_partition_that_cannot_be_written_says_so(small: Partition, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="choose another place"):
        save(small, tmp_path / "missing" / "small.parquet")
    with pytest.raises(DatasetError, match="holds all levels"):
        save(small.at("middle"), tmp_path / "middle.parquet")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda p: {"cell_ids": p.cell_ids[::-1], "level_ids": {}}, "ascend"),
        (lambda p: {"cell_ids": np.where(np.arange(len(p)) == 3, 2, p.cell_ids)}, "S2 cell"),
        (lambda p: {"lat": p.lat[:-1]}, "lat must be"),
        (lambda p: {"lon": np.full(len(p), np.nan)}, "lon must be"),
        (lambda p: {"lat": np.full(len(p), 91.0)}, "off the Earth"),
        (lambda p: {"spread_km": np.zeros(len(p))}, "not positive"),
        (lambda p: {"people": -p.people - 1}, "negative"),
        (lambda p: {"region_shares": p.region_shares * 2}, "sum to 1"),
        (lambda p: {"region_indices": p.region_indices + len(p.region_codes)}, "out of range"),
        (lambda p: {"region_indptr": p.region_indptr[:-1]}, "rows"),
        (lambda p: {"region_codes": tuple("US" for _ in p.region_codes)}, "US.CA"),
        (lambda p: {"level_ids": {"middle": p.cell_ids[::-1]}}, "outside its group"),
        (lambda p: {"level_ids": {"huge": p.level_ids["middle"]}}, "unknown"),
        (lambda p: _without_cell(p), "lies in no cell"),
    ],
)
def test_what_is_no_partition_is_not_constructed(
    small: Partition, change: Callable[[Partition], dict[str, object]], problem: str
) -> None:
    with pytest.raises(DatasetError, match=problem):
        dataclasses.replace(small, **change(small))


def _without_cell(partition: Partition) -> dict[str, object]:
    outermost = int(np.flatnonzero(parent_classes(partition.cell_ids) < 0)[0])
    keep = np.arange(len(partition)) != outermost
    names = ("cell_ids", "lat", "lon", "spread_km", "area_km2", "people", "street", "population")
    changes: dict[str, object] = {name: getattr(partition, name)[keep] for name in names}
    n = len(partition) - 1
    zeros = np.zeros(n, np.int32)
    return changes | {
        "region_indptr": np.arange(n + 1),
        "region_indices": zeros,
        "region_shares": np.ones(n),
        "level_ids": {},
    }


# The shipped one.


def test_the_shipped_partition_is_as_large_as_promised(partition: Partition) -> None:
    assert 10_000 <= len(partition) <= 20_000
    assert 1_000 <= len(partition.at("middle")) <= 4_000
    assert 150 <= len(partition.at("coarse")) <= 600
    assert DEFAULT_PATH.stat().st_size < 3_000_000
    assert len(partition.country_codes) > 230
    assert load_default() is partition


def test_the_shipped_partition_has_the_ceiling_that_it_states_or_more(partition: Partition, shared_data: Path) -> None:
    stated = partition.info["ceilings"]["held out of photo_coordinates_100k.csv"]["percent"]
    assert np.all(np.array(stated) >= [33, 89, 99, 99.9, 99.9])
    # On streets it beats the partition of people's photos alone (16/65/91/93 %).
    lat, lon = read_coordinates(shared_data / "streets_dev" / "labels.csv")
    assert np.all(np.array(ceiling(partition, lat, lon)[1:]) >= [30, 95, 99, 100])


def test_a_description_has_sizes_sources_and_ceilings(partition: Partition, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("name,Latitude,LONGITUDE\nMadrid,40.4168,-3.7038\nOslo,59.91,10.75\n")
    text = describe(partition, points=points)
    assert partition.hash in text
    assert f"{len(partition):,} cells" in text
    assert "photo_coordinates_100k.csv" in text
    assert "of 2 points" in text
    assert text.count("%  of") == len(partition.info["ceilings"]) + 1


# Tables.


def test_a_partition_is_built_from_tables_of_both_kinds(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    people, street = tmp_path / "people.csv", tmp_path / "street.csv"
    rows = np.column_stack([random.normal(45, 3, 400), random.normal(8, 4, 400)])
    people.write_text("LAT,LON\n" + "\n".join(f"{a},{b}" for a, b in rows))
    boxes = ["cluster_id,min_lat,min_lon,max_lat,max_lon,mean_lat,mean_lon"]
    boxes += [f"{k},{k - 1},20,{k},22,{k - 0.5},21.5" for k in range(-30, 30)]
    street.write_text("\n".join(boxes))
    built = build_from_tables([people, street], tmp_path / "mine.parquet", t_max=20, hold_out=0.2)
    assert built.name == "mine"
    assert load(tmp_path / "mine.parquet") == built
    assert built.people.sum() == pytest.approx(400)
    assert built.street.sum() == pytest.approx(60 * DEFAULT_SETTINGS.street_weight, rel=1e-5)
    assert set(built.info["ceilings"]) == {"held out of people.csv", "held out of street.csv"}
    assert [source["rows"] for source in built.info["sources"]] == [400, 60]
    assert built == build_from_tables([people, street], t_max=20, hold_out=0.0)


def test_street_boxes_are_spread_around_their_means_and_stay_inside() -> None:
    boxes = np.array([[0.0, 0.0, 10.0, 20.0], [50.0, 5.0, 50.5, 6.0]])
    means = np.array([[1.0, 10.0], [50.25, 5.5]])
    photos = Photos.of_quadtree(boxes, means, 4.0)
    assert photos.street.sum() == pytest.approx(8.0)
    assert photos.people.sum() == 0.0
    lat, lon = photos.lat.reshape(2, -1), photos.lon.reshape(2, -1)
    assert lat.mean(axis=1) == pytest.approx(means[:, 0])
    assert lon.mean(axis=1) == pytest.approx(means[:, 1])
    assert (lat >= boxes[:, [0]]).all() and (lat <= boxes[:, [2]]).all()
    assert (lon >= boxes[:, [1]]).all() and (lon <= boxes[:, [3]]).all()
    assert np.ptp(lat[0]) > 1.0
    assert np.ptp(lat[1]) > 0.3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no columns"),
        ("a,b\n1,2\n", "no columns"),
        ("lat,lon\n", "no coordinates"),
        ("lat,lon\n1\n", "no table"),
        ("lat,lon\n1,east\n", "no table"),
        ("lat,lon\n91,0\n", "not on the Earth"),
        ("lat,lon\n0,nan\n", "not on the Earth"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=problem):
        read_table(path)
    with pytest.raises(DatasetError, match="cannot read"):
        read_table(tmp_path / "missing.csv")


def test_settings_that_contradict_each_other_are_refused() -> None:
    for wrong in ({"t_min": 30}, {"t_min": 0}, {"cover_level": 20}, {"max_level": 31}, {"street_weight": 0}):
        with pytest.raises(RequestError):
            Settings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="at least one CSV"):
        build_from_tables([])
