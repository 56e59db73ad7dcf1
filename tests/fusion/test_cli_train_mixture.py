"""`whence train mixture`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backbone.held_out import held_out_mask
from backbone.mixture_card import read_mixture
from fusion.cli import main
from tests.small_photos import photo, write_table

AT = (
    (48.2, 16.4),
    (40.4, -3.7),
    (-33.9, 151.2),
    (35.7, 139.7),
    (1.3, 36.8),
    (-23.5, -46.6),
    (52.5, 13.4),
    (60.2, 24.9),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos of eight places, one of which is no photo."""
    root = tmp_path_factory.mktemp("walks")
    write_table(root / "labels.csv", [(f"{n}.jpg", *at) for n, at in enumerate(AT)])
    for n in range(len(AT)):
        (root / f"{n}.jpg").write_bytes(photo(n) if n else b"no photo")
    return root


def run(*words: str) -> int:
    return main(["train", "mixture", *words, "--offline"])


def located(prior: str, photos: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main(["locate", str(photos / "1.jpg"), "--prior", prior, "--ocr", "none", "--json"]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_photos_become_a_mixture_that_locates(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "Mine"
    words = ("--priors", "density,density:street", "--photos", str(photos))
    assert run(str(out), *words) == 0
    said = capsys.readouterr().out.strip().splitlines()
    assert said[-1] == str(out / "mixture.json")
    assert any(line.startswith("density:street") for line in said) and any("GeoScore" in line for line in said)
    card, _ = read_mixture(out)
    assert card.name == "mine" and card.data["photos"] == 7 and card.data["unreadable"] == 1
    assert card.licence == "density: CC BY 4.0; density:street: CC BY 4.0"
    assert located(f"mixture:{out}", photos, capsys)["prior"] == "mixture:mine"


def test_with_a_name_it_is_one_of_the_users_own(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ("--name", "mine", "--priors", "density,density:people", "--photos", str(photos), "--scenes", "none")
    assert run(*words) == 0
    assert not list((tmp_path / "cache").rglob("*.safetensors"))  # nobody would find it there
    capsys.readouterr()
    assert located("mixture:mine", photos, capsys)["prior"] == "mixture:mine"
    assert run(*words) == 2
    assert "already" in capsys.readouterr().err
    assert run(*words, "--replace") == 0


def test_only_places_that_were_kept_from_training_are_taken(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lat, lon = np.array(AT).T
    kept = int(held_out_mask(lat, lon, 0.5)[1:].sum())
    assert 0 < kept < 7
    words = ("--priors", "density,density:street", "--photos", str(photos), "--scenes", "none")
    assert run(str(tmp_path / "x"), *words, "--kept-from-training", "0.5") == 0
    assert read_mixture(tmp_path / "x")[0].data["photos"] in (kept, kept + 1)  # density is not asked about pixels
    assert run(str(tmp_path / "y"), *words, "--kept-from-training", "7") == 2
    assert "share" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"--priors": "density"}, "two priors or more"),
        ({"--priors": "density,auto"}, "name the priors themselves"),
        ({"--priors": "density,planet:gone"}, "no model is called gone"),
        ({"--priors": "density,what"}, "unknown prior"),
        ({"--photos": "nowhere"}, "nowhere"),
        ({"--name": "../up"}, "cannot be the name"),
        ({"--scenes": "what"}, "unknown scene model"),
    ],
)
def test_what_makes_no_mixture_is_one_line_and_exit_code_two(
    changed: dict[str, str], says: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--priors": "density,density:street", "--photos": str(photos)}
    words = [word for pair in (given | changed).items() for word in pair]
    assert run(str(tmp_path / "out"), *words) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("whence: ") and says in said[-1]
    assert not (tmp_path / "out").exists()


def test_without_a_place_to_write_to_it_asks_for_one(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--priors", "density,density:street", "--photos", str(photos)) == 2
    assert "where to?" in capsys.readouterr().err
