"""`whence train prior`, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbone.planet_weights import read_card
from fusion.cli import main
from tests.small_photos import photo, write_table, write_tar

AT = ((48.2, 16.4), (40.4, -3.7), (-33.9, 151.2), (35.7, 139.7))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve photos with labels, one of them damaged."""
    root = tmp_path / "photos"
    rows = [(f"{n:02}.jpg", *AT[n % 4]) for n in range(12)]
    write_table(root / "labels.csv", rows)
    for n, row in enumerate(rows):
        (root / row[0]).write_bytes(photo(n) if n else b"damaged")
    return root


def run(*args: str) -> int:
    tiny = ("--trunk", "tiny", "--epochs", "1", "--batch", "6", "--workers", "0", "--device", "cpu")
    return main(["train", "prior", *args, *tiny])


def test_a_folder_of_photos_becomes_a_model(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "My-Model"
    assert run(str(out), "--photos", str(folder), "--held-out", "0", "--licence", "CC0") == 0
    assert capsys.readouterr().out.strip() == str(out / "model")
    card = read_card(out / "model")
    assert (card.name, card.licence, card.data["photos"], card.data["unreadable"]) == ("my-model", "CC0", 12, 1)
    assert (out / "unreadable.txt").read_text().split() == ["00.jpg"]


def test_several_sets_are_one_and_another_may_be_held_out(folder: Path, tmp_path: Path) -> None:
    members = {f"{n}.jpg": photo(n) for n in range(4)}
    members |= {f"{n}.json": {"lat": AT[n][0], "lon": AT[n][1]} for n in range(4)}  # type: ignore[dict-item]
    shard = write_tar(tmp_path / "shards" / "a-000.tar", members) if (tmp_path / "shards").mkdir() is None else None
    out = tmp_path / "out"
    assert run(str(out), "--photos", str(folder), str(shard), "--held-out", str(folder), "--levels", "fine") == 0
    card = read_card(out / "model")
    assert card.data["photos"] == 16 and card.metrics["held_out_photos"] == 11
    assert card.config["levels"] == ["fine"]


def test_kinds_of_scene_are_learnt_from_a_table(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "scenes.csv"
    rows = [f"{n:02}.jpg,{('urban', 'natural', '')[n % 3]}" for n in range(12)]
    table.write_text("\n".join(["file,scene", *rows, ""]), encoding="utf-8")
    taught = ("--photos", str(folder), "--held-out", "0", "--scene-labels", str(table))
    assert run(str(tmp_path / "mtn"), *taught, "--scenes", "mtn", "--levels", "fine") == 0
    assert read_card(tmp_path / "mtn" / "model").config["scenes"] == "mtn"


def test_a_mixture_of_densities_stands_instead_of_classes(folder: Path, tmp_path: Path) -> None:
    assert run(str(tmp_path / "out"), "--photos", str(folder), "--held-out", "0", "--mixture", "coarse") == 0
    config = read_card(tmp_path / "out" / "model").config
    assert (config["mixture"], config["levels"]) == ("coarse", ["fine"])


def test_photos_without_coordinates_are_refused_by_name_or_left_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "new.jpg").write_bytes(photo(3))
    write_table(folder / "labels.csv", [(f"{n:02}.jpg", *AT[n % 4]) for n in range(12)] + [("new.jpg", "", "")])
    assert run(str(tmp_path / "out"), "--photos", str(folder)) == 2
    said = capsys.readouterr().err
    assert "new.jpg" in said and "--skip-unlabelled" in said
    assert run(str(tmp_path / "out"), "--photos", str(folder), "--held-out", "0", "--skip-unlabelled") == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--photos", "nowhere"], "nowhere"),
        (["--photos", "{}", "--name", "../x"], "name"),
        (["--photos", "{}", "--pixels", "9"], "pixels"),
        (["--photos", "{}", "--levels", "coarse"], "levels"),
        (["--photos", "{}", "--held-out", "0.95"], "held out"),
        (["--photos", "{}", "--rate", "nan"], "rate"),
        (["--photos", "{}", "--partition", "none.parquet"], "none.parquet"),
        (["--photos", "{}", "--scenes", "mtn"], "--scene-labels"),
        (["--photos", "{}", "--scene-labels", "{}/labels.csv"], "--scenes"),
        (["--photos", "{}", "--scenes", "isn", "--scene-labels", "{}/labels.csv"], "no column scene"),
        (["--photos", "{}", "--mixture", "fine", "--smoothing-km", "75"], "smoothing"),
        (["--photos", "{}", "--mixture", "fine", "--levels", "fine", "coarse"], "mixture"),
    ],
)
def test_what_makes_no_training_is_one_line_and_exit_code_two(
    args: list[str], says: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(tmp_path / "out"), *(a.format(folder) for a in args)) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("whence: ") and says in said[0]
    assert not (tmp_path / "out").exists()


def test_scene_labels_come_from_the_photos_and_go_into_a_csv_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scenes.csv"
    assert main(["train", "scene-labels", str(tmp_path / "s.parquet"), "--photos", str(folder)]) == 2
    assert ".csv" in capsys.readouterr().err
    assert main(["train", "scene-labels", str(out), "--photos", str(folder), "--model", "head"]) == 0
    assert "12 photos, 1 of them" in capsys.readouterr().out
    taught = ("--photos", str(folder), "--held-out", "0", "--scene-labels", str(out), "--levels", "fine")
    assert run(str(tmp_path / "isn"), *taught, "--scenes", "isn") == 0
