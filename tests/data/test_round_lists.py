"""Lists of rounds: a game made of any set, read again, with what people guessed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from data.errors import DatasetError, RequestError
from data.labelled_sets import open_labelled
from data.round_lists import write_rounds
from tests.data.test_labelled_sets import HEADER, folder_of

COLUMNS = "game,round,file,lat,lon,country,player,human_lat,human_lon\n"


def a_set(root: Path, count: int = 12) -> Path:
    rows = [f"{i}.jpg,{i},{2 * i},FR,{i / 10}" for i in range(count)] + ["unplaced.jpg,,,IT,"]
    return folder_of(root, [f"images/{i}.jpg" for i in range(count)] + ["unplaced.jpg"], HEADER + "\n".join(rows))


def test_a_set_becomes_games_of_rounds_that_open_again(tmp_path: Path) -> None:
    opened = open_labelled(a_set(tmp_path / "set"))
    path = write_rounds(opened, tmp_path / "set" / "rounds.csv", rounds=11, per_game=5, seed=3)
    again = open_labelled(path)
    assert again.groups["game"] == ("1",) * 5 + ("2",) * 5 + ("3",)
    assert again.groups["round"] == (*"12345", *"12345", "1")
    assert len(set(again.files)) == 11 and "unplaced.jpg" not in again.files
    for i, name in enumerate(again.files):
        number = int(Path(name).stem)
        assert (again.lat[i], again.lon[i], again.exact_km[i]) == (number, 2 * number, number / 10)
        assert again.source(i) == tmp_path / "set" / "images" / f"{number}.jpg"
    assert again.human is None and set(again.country) == {"FR"}
    assert again.name == "set"


def test_the_same_seed_draws_the_same_rounds_and_another_seed_others(tmp_path: Path) -> None:
    opened = open_labelled(a_set(tmp_path / "set"))
    texts = [write_rounds(opened, tmp_path / "rounds.csv", 10, seed=seed).read_bytes() for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_a_list_elsewhere_is_opened_with_the_place_of_the_photos(tmp_path: Path) -> None:
    root = a_set(tmp_path / "set")
    path = write_rounds(open_labelled(root), tmp_path / "game" / "rounds.csv", rounds=4)
    assert len(open_labelled(path, photos=root)) == 4
    with pytest.raises(DatasetError, match="none of the 4 photos"):
        open_labelled(path)
    above = write_rounds(open_labelled(root), tmp_path / "rounds.csv", rounds=4)
    assert len(open_labelled(above)) == 4  # found by the path from there


@pytest.mark.parametrize(("rounds", "per_game", "seed"), [(13, 5, 0), (0, 5, 0), (5, 0, 0), (5, 5, -1)])
def test_rounds_that_cannot_be_drawn_are_refused(tmp_path: Path, rounds: int, per_game: int, seed: int) -> None:
    opened = open_labelled(a_set(tmp_path / "set"))
    with pytest.raises(RequestError):
        write_rounds(opened, tmp_path / "rounds.csv", rounds, per_game, seed)
    assert not (tmp_path / "rounds.csv").exists()


def test_what_one_person_guessed_is_read_beside_the_truth(tmp_path: Path) -> None:
    table = COLUMNS.replace("player,", "") + "1,1,a.jpg,1,2,FR,3,4\n1,2,b.jpg,5,6,DE,,\n1,3,c.jpg,7,8,IT,99,0\n"
    opened = open_labelled(folder_of(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], table, name="rounds.csv"))
    assert opened.human is not None
    np.testing.assert_array_equal(opened.human["lat"], [3.0, np.nan, np.nan])
    np.testing.assert_array_equal(opened.human["lon"], [4.0, np.nan, np.nan])
    assert list(opened.players) == ["human"]
    assert opened.notes == ("guesses of people that are no points on the Earth are left out: 1",)
    np.testing.assert_array_equal(opened.take([2, 0]).players["human"], [[np.nan, np.nan], [3.0, 4.0]])


def test_several_players_repeat_a_photo_and_it_is_measured_once(tmp_path: Path) -> None:
    rows = "1,1,a.jpg,1,2,FR,Ada,3,4\n1,1,a.jpg,1,2,FR,Bo,5,6\n1,2,b.jpg,7,8,DE,Bo,9,10\n"
    opened = open_labelled(folder_of(tmp_path, ["a.jpg", "b.jpg"], COLUMNS + rows, name="rounds.csv"))
    assert opened.files == ("a.jpg", "b.jpg") and opened.human is not None
    assert opened.human["lat"].tolist() == [3.0, 9.0]  # the first who guessed
    np.testing.assert_array_equal(opened.players["Ada"], [[3.0, 4.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(opened.players["Bo"], [[5.0, 6.0], [9.0, 10.0]])
    again = open_labelled(write_rounds(opened, tmp_path / "again.csv", rounds=2))
    for player, guesses in again.players.items():
        for name, guess in zip(again.files, guesses, strict=True):
            np.testing.assert_array_equal(guess, opened.players[player][opened.files.index(name)])


@pytest.mark.parametrize(
    "second",
    ["1,1,a.jpg,1,2,FR,Ada,5,6", "1,1,a.jpg,1,3,FR,Bo,5,6", "2,1,a.jpg,1,2,FR,Bo,5,6", "1,1,a.jpg,1,2,FR,,5,6"],
    ids=["a player twice", "another truth", "another game", "nobody's"],
)
def test_a_photo_twice_for_any_other_reason_is_refused(tmp_path: Path, second: str) -> None:
    table = COLUMNS + f"1,1,a.jpg,1,2,FR,Ada,3,4\n{second}\n"
    with pytest.raises(DatasetError, match=r"a\.jpg more than once"):
        open_labelled(folder_of(tmp_path, ["a.jpg"], table, name="rounds.csv"))


def test_a_list_may_be_json(tmp_path: Path) -> None:
    rounds = [
        {"game": 1, "round": 1, "file": "a.jpg", "lat": 1, "lon": 2.5, "country": "FR",
         "guesses": [{"player": "Ada", "lat": 3, "lon": 4}, {"player": "Bo", "lat": 5, "lon": 6}]},
        {"game": 1, "round": 2, "file": "b.jpg", "lat": None, "lon": None, "country": "DE"},
        {"game": 1, "round": 3, "file": "c.jpg", "lat": float("inf"), "lon": 0, "guesses": []},
    ]  # fmt: skip
    root = folder_of(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], json.dumps({"rounds": rounds}), name="rounds.json")
    opened = open_labelled(root)
    assert (
        opened.files == ("a.jpg", "b.jpg") and opened.country == ("FR", "DE") and opened.groups["round"] == ("1", "2")
    )
    assert list(opened.players) == ["Ada", "Bo"] and opened.lon[0] == 2.5 and np.isnan(opened.lat[1])
    assert "not on the Earth" in opened.left_out["c.jpg"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"rounds": 3}', '{"rounds": [{"lat": 1}]}', "[" * 100_000, '{"rounds": [{"file": "a", "guesses": 1}]}',
     '{"rounds": []}'],
    ids=["empty", "no rounds", "a number", "no file", "deep", "guesses", "none"],
)  # fmt: skip
def test_json_that_is_no_list_of_rounds_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match=r"rounds\.json"):
        open_labelled(folder_of(tmp_path, ["a.jpg"], text, name="rounds.json"))


def test_the_table_is_one_that_a_spreadsheet_fills_in(tmp_path: Path) -> None:
    path = write_rounds(open_labelled(a_set(tmp_path / "set")), tmp_path / "set" / "rounds.csv", rounds=3)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[:5] == ["game", "round", "file", "lat", "lon"] and len(rows) == 3
    assert all(row["human_lat"] == row["human_lon"] == "" for row in rows)
