"""`whence train album`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backbone.album_weights import read_album_card
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import read_card
from backbone.train_prior import Recipe, Run, train
from data.partition import load_default
from data.photo_sets import open_photo_set
from fusion.cli import main
from tests.small_photos import photo, write_table

AT = ((48.2, 16.4), (40.4, -3.7), (-33.9, 151.2), (35.7, 139.7))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen photos, four of each place, an album for each place."""
    root = tmp_path_factory.mktemp("photos")
    write_table(root / "labels.csv", [(f"{n:02}.jpg", *AT[n // 4]) for n in range(16)])
    write_table(root / "albums.csv", [(f"{n:02}.jpg", f"walk {n // 4}") for n in range(16)], "file,album")
    for n in range(16):
        (root / f"{n:02}.jpg").write_bytes(photo(n))
    return root


@pytest.fixture(scope="module")
def prior(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe, run, config = Recipe(epochs=1, batch=8, held_out=0.0), Run("cpu"), PlanetConfig("tiny", levels=("fine",))
    out = tmp_path_factory.mktemp("prior")
    return train(
        out, open_photo_set(photos / "labels.csv"), partition=load_default(), config=config, recipe=recipe, run=run
    )


def run(*args: str) -> int:
    return main(["train", "album", *args, "--epochs", "1", "--hidden", "4", "--held-out", "0.5"])


def test_albums_become_a_model_that_locates_albums(
    photos: Path, prior: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = (
        "--prior",
        f"planet:{prior}",
        "--photos",
        str(photos / "labels.csv"),
        "--albums",
        str(photos / "albums.csv"),
    )
    assert run(str(out), *given, "--bidirectional", "--licence", "CC0") == 0
    assert capsys.readouterr().out.strip() == str(out / "model")
    card = read_album_card(out / "model", read_card(prior).sha256)
    assert card is not None and card.network.bidirectional and card.licence == "CC0" and card.data["albums"] >= 2
    pictures = [str(photos / f"{n:02}.jpg") for n in range(3)]
    assert main(["locate", "--album", *pictures, "--prior", f"planet:{out / 'model'}", "--ocr", "none", "--json"]) == 0
    assert "LSTM" in json.loads(capsys.readouterr().out)["how"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"--prior": "density"}, "density is none"),
        ({"--prior": "planet:nowhere/x"}, "nowhere"),
        ({"--photos": "nowhere"}, "nowhere"),
        ({"--albums": "nowhere.csv"}, "nowhere.csv"),
        ({"--rate": "nan"}, "rate"),
        ({"--workers": "-1"}, "workers"),
    ],
)
def test_what_makes_no_training_is_one_line_and_exit_code_two(
    changed: dict[str, str], says: str, photos: Path, prior: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "--prior": f"planet:{prior}",
        "--photos": str(photos / "labels.csv"),
        "--albums": str(photos / "albums.csv"),
    }
    args = [word for pair in (given | changed).items() for word in pair]
    assert run(str(tmp_path / "out"), *args) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("whence: ") and says in said[-1]
    assert not (tmp_path / "out").exists()
