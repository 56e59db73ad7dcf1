"""Peers are compared with whence on the same photos, and what they did not answer does not flatter them."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks import peers
from benchmarks.fusion_photos import ReadPhoto
from benchmarks.peers import Answers, read_answers, rows_of
from benchmarks.peers_table import ALL, ANSWERED, MISSES, OURS, SAME, standing, table
from data.errors import DatasetError
from data.geodesy import destination, haversine_km
from data.partition import load_default
from fusion.evaluation.scores import Score

LAT = np.array([48.2, 40.7, -33.9, 35.7])
LON = np.array([16.4, -74.0, 151.2, 139.7])
FILES = ["vienna.jpg", "new_york.jpg", "sydney.jpg", "tokyo.jpg"]
TABLE = "file,system,lat,lon\nvienna.jpg,a,48.2,16.4\n"


def _off(system: str, *km: float, whole: bool = False) -> Answers:
    """Answers ``km`` north of the true points, none where that is NaN."""
    lat, lon = destination(LAT, LON, 0.0, np.array(km))
    known: dict[str, NDArray[np.float64]] = {name: np.full(len(LAT), 0.5) for name in Score.__slots__}
    return Answers(system, lat, lon, known if whole else None)


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "peer_answers.csv"
    path.write_text(text)
    return path


def test_answers_come_by_system_with_nan_where_there_is_none(tmp_path: Path) -> None:
    (a, b), left = read_answers(_written(tmp_path, TABLE + "tokyo.jpg,b x,35,140\n"), FILES)
    assert (a.system, b.system, left) == ("a", "b x", [])
    assert np.array_equal(a.lat, [48.2, np.nan, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(b.lon, [np.nan, np.nan, np.nan, 140.0], equal_nan=True)


def test_a_header_that_stands_there_again_is_no_system(tmp_path: Path) -> None:
    answers, left = read_answers(_written(tmp_path, TABLE + TABLE), FILES)
    assert [each.system for each in answers] == ["a"]
    assert left == ["1 x header again", "1 x second answer"]


def test_photos_of_other_sets_and_what_is_no_point_are_told(tmp_path: Path) -> None:
    lines = "elsewhere.jpg,a,1,2\nsydney.jpg,a,,\ntokyo.jpg,a,95,0\nnew_york.jpg,a,nan,1\nnew_york.jpg,b,north\n"
    (a, b), left = read_answers(_written(tmp_path, TABLE + lines), FILES)
    assert left == ["1 x photo of another set", "4 x no point"]
    assert np.isfinite(a.lat).tolist() == [True, False, False, False]
    assert not np.isfinite(b.lat).any()


def test_the_first_of_two_answers_counts(tmp_path: Path) -> None:
    (answers,), left = read_answers(_written(tmp_path, TABLE + "vienna.jpg,a,0,0\n"), FILES)
    assert answers.lat[0] == 48.2
    assert left == ["1 x second answer"]


@pytest.mark.parametrize("text", [None, "file,system,lat\n", ""])
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "none.csv" if text is None else _written(tmp_path, text)
    with pytest.raises(DatasetError, match=r"none\.csv|no column"):
        read_answers(path, FILES)


def test_all_systems_are_measured_on_the_same_photos_and_above_zero_is_better_than_whence() -> None:
    ours = [
        _off(OURS, 2000.0, 2000.0, 2000.0, 2000.0, whole=True),
        _off("blind: b", 9000, 9000, 9000, 9000, whole=True),
    ]
    us, blind, peer = rows_of([_off("peer", 24.9, 25.1, 300.0, 3000.0)], ours, LAT, LON)
    assert [(row["system"], row["kind"], row["counted"]) for row in (us, blind, peer)] == [
        (OURS, "whence", ALL),
        ("blind: b", "blind", ALL),
        ("peer", "peer", ALL),
    ]
    assert [peer[name] for name in ("within_1", "within_25", "within_200", "within_750", "within_2500")] == [
        0.0,
        25.0,
        50.0,
        75.0,
        75.0,
    ]
    assert peer["median_km"] == pytest.approx((25.1 + 300.0) / 2)
    assert (peer["over_within_750"], peer["over_within_2500"]) == (75.0, -25.0)
    assert peer["over_mean_km"] == pytest.approx(2000.0 - 837.5)
    assert peer["over_geoscore_low"] < peer["over_geoscore"] < peer["over_geoscore_high"]
    assert blind["over_geoscore_high"] < 0.0
    assert "over_geoscore" not in us


def test_what_is_missing_is_a_miss_and_whence_is_measured_on_the_photos_answered() -> None:
    us = _off(OURS, 100.0, 9000.0, 9000.0, 9000.0, whole=True)
    _, answered, misses, same = rows_of([_off("peer", 10.0, np.nan, np.nan, np.nan)], [us], LAT, LON)
    assert [row["counted"] for row in (answered, misses, same)] == [ANSWERED, MISSES, SAME]
    assert {(row["answered"], row["photos"]) for row in (answered, misses, same)} == {(1, 4)}
    assert (answered["within_25"], misses["within_25"]) == (100.0, 25.0)
    assert answered["over_within_25"] == 100.0
    assert misses["geoscore"] == pytest.approx(answered["geoscore"] / 4)
    assert misses["median_km"] == math.inf
    assert math.isnan(misses["mean_km"]), "the mean of those answered would flatter"
    assert "over_mean_km" not in misses
    assert (same["system"], same["median_km"]) == (OURS, pytest.approx(100.0))


def test_a_system_that_answered_nothing_missed_everything() -> None:
    _, only = rows_of([_off("mute", *[np.nan] * 4)], [_off(OURS, 1.0, 1.0, 1.0, 1.0, whole=True)], LAT, LON)
    assert (only["counted"], only["answered"], only["geoscore"]) == (MISSES, 0, 0.0)


def test_the_text_says_where_whence_stands() -> None:
    better, worse = _off("better", 1.0, 1.0, 1.0, 2.0), _off("worse", *[19_000.0] * 4)
    some = _off("some of them", 1.0, np.nan, np.nan, np.nan)
    rows = list(rows_of([better, worse, some], [_off(OURS, *[900.0] * 4, whole=True)], LAT, LON))
    said = standing(rows)
    assert "beside the 2 systems that answered all 4 photos" in said
    assert "median km  900 [900, 900]            place 2 of 3\n" in said
    assert "200 km     0.0 [0.0, 0.0]            place 2 of 3, as 1 more\n" in said
    assert "GeoScore   1 ahead of whence, 1 behind it, 0 not told apart" in said
    assert "beside the 0 of them with 30 or more answers" in said, "an interval of one photo tells nothing"


def test_the_table_sets_apart_who_left_photos_out() -> None:
    peer, some = _off("peer", 1.0, 1.0, 1.0, 2.0), _off("some of them", 1.0, np.nan, np.nan, np.nan)
    lines = table(list(rows_of([some, peer], [_off(OURS, *[900.0] * 4, whole=True)], LAT, LON))).splitlines()
    at = {line.split("  ")[0]: k for k, line in reversed(list(enumerate(lines)))}
    assert at["peer"] < at[OURS] < at["some of them, of 1 answered"] < at["some of them, of all 4"]
    assert lines[at["some of them, of all 4"] + 1].startswith("  whence on the same 1")
    assert lines[-1].startswith(OURS)
    assert "bits" in "".join(lines[-8:])


def test_the_command_writes_its_text_and_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "streets_dev"
    folder.mkdir()
    for file in FILES:
        Image.new("RGB", (8, 8)).save(folder / file)
    rows = [f"{file},{lat},{lon},XX" for file, lat, lon in zip(FILES, LAT, LON, strict=True)]
    (folder / "labels.csv").write_text("\n".join(["file,lat,lon,country", *rows]) + "\n")
    _written(folder, TABLE + "file,system,lat,lon\n")
    monkeypatch.setattr(peers, "our_answers", lambda *_: [_off(OURS, *[900.0] * 4, whole=True)])
    text, out = tmp_path / "peers.txt", tmp_path / "peers.csv"
    peers.main([str(tmp_path), "--text", str(text), "--csv", str(out)])
    assert "left out of peer_answers.csv: 1 x header again" in text.read_text()
    assert "nicolas-dufour/nicolas-dufour.github.io" in text.read_text()
    with out.open() as stream:
        found = list(csv.DictReader(stream))
    assert [(row["system"], row["counted"]) for row in found] == [
        (OURS, ALL),
        ("a", ANSWERED),
        ("a", MISSES),
        (OURS, SAME),
    ]
    assert (found[2]["median_km"], found[2]["mean_km"]) == ("inf", "")


def test_whence_answers_in_the_order_of_the_files_and_blind_baselines_with_one_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = load_default()
    said = {}
    for file, lat, lon in zip(FILES, LAT, LON, strict=True):
        said[file] = np.zeros(len(partition), np.float32)
        said[file][partition.cells_of(lat, lon)] = 1.0
    photos = [
        ReadPhoto("streets_dev", tmp_path / file, "", (lat, lon), (), ())
        for file, lat, lon in zip(FILES, LAT.tolist(), LON.tolist(), strict=True)
    ]
    monkeypatch.setattr(peers, "read_photos", lambda *_: reversed(photos))
    monkeypatch.setattr(peers, "pixels_of", lambda *_: said)
    answers = {each.system: each for each in peers.our_answers(tmp_path, tmp_path, FILES)}
    assert haversine_km(answers[OURS].lat, answers[OURS].lon, LAT, LON).max() < 100.0
    assert len(set(answers["blind: density"].lat)) == 1
    assert all(each.scores is not None and np.isfinite(each.scores["cell_bits"]).all() for each in answers.values())
