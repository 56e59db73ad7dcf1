"""`whence weights`, as a user types it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backbone import weights_store
from backbone.planet_weights import CARD_FILE, TENSORS_FILE
from fusion.cli import main
from tests.backbone.models import small_model
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, not made yet; nothing is shipped."""
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.setattr(weights_store, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "store"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    small_model(tmp_path / "model", data={"photos": 268, "by": "a\x1b[2Jb"}, licence="CC BY-SA 4.0\nas is")
    return tmp_path / "model"


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["weights", *args])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_with_none_at_hand_list_and_verify_say_where_they_looked(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for args in (["list"], ["list", "--json"], ["verify"]):
        code, out, err = run(capsys, *args)
        assert (
            code == 0
            and (not out or "pixels" in out.splitlines()[0])
            and f"none is in {store}, which does not exist" in err
        )


def test_a_model_is_added_listed_and_verified(model: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "add", str(model)) == (0, f"{store / 'small'}\n", "")
    assert run(capsys, "add", str(model / CARD_FILE), "--name", "other") == (0, f"{store / 'other'}\n", "")
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    assert "small\n" in out and "photos: 268" in out and "held_out_geoscore: 500" in out and "CC BY-SA 4.0" in out
    assert "\x1b" not in out and r"a\x1b[2Jb" in out and r"4.0\nas is" in out
    assert run(capsys, "verify") == (0, "other: sound\nsmall: sound\n", "")
    assert run(capsys, "verify", "small", str(model)) == (0, f"small: sound\n{model}: sound\n", "")


def test_the_list_as_json_has_all_that_the_card_says(
    model: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "add", str(model))
    (store / "broken").mkdir()
    code, out, err = run(capsys, "list", "--json")
    broken, small, pixels = map(json.loads, out.splitlines())
    assert pixels["name"] == "pixels" and pixels["shipped"] and pixels["card"]["metrics"]["held_out_gain"] > 0.0
    assert (code, err) == (0, "") and out.isascii() and "\x1b" not in out
    assert broken["name"] == "broken" and broken["card"] is None and "missing" in broken["fault"]
    card = json.loads((model / CARD_FILE).read_text())
    assert small == {
        "name": "small", "folder": str(store / "small"), "shipped": False, "fault": None,
        "card": {key: value for key, value in card.items() if key not in ("format", "version")},
    }  # fmt: skip


def test_weights_of_others_stand_in_the_list_with_their_licence(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    code, out, _ = run(capsys, "list", "--fetchable")
    assert code == 0 and "clip:ViT-L-14/laion2b_s32b_b82k\n" in out
    street = out[out.index("clip:hf-hub:geolocal/StreetCLIP") :]
    assert "not on this machine" in street and "CC BY-NC 4.0: not for commercial use" in street
    folder = tmp_path / "hub" / "models--geolocal--StreetCLIP" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    for file in ("config.json", "pytorch_model.bin"):
        (folder / file).touch()
    row = json.loads(run(capsys, "list", "--json")[1].splitlines()[-1])
    assert row["name"] == "clip:hf-hub:geolocal/StreetCLIP" and row["folder"] == str(folder)
    assert row["card"]["licence"].startswith("CC BY-NC 4.0")


def test_the_list_is_quick(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "add", str(model))
    code = (
        "import sys\nfrom fusion.cli import main\nassert main(['weights', 'list']) == 0\n"
        "from backbone.priors import make_prior\nassert make_prior('planet').name == 'planet:small'\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0 and "small" in done.stdout, done.stderr


def test_what_cannot_be_added_is_one_line_and_exit_code_2(
    model: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "add", str(model))
    for args, says in (
        ([str(model)], "already"),
        ([str(model), "--name", "../x"], "cannot be the name"),
        ([str(model), "--name", ""], "cannot be the name"),
        ([str(tmp_path / "gone")], "no whole model"),
        ([str(store)], "no whole model"),
    ):
        code, out, err = run(capsys, "add", *args)
        assert (code, out) == (2, "") and says in err and err.startswith("whence: ") and err.count("\n") == 1
    assert run(capsys, "add", str(model), "--replace") == (0, f"{store / 'small'}\n", "")


def test_verify_says_what_is_wrong_and_goes_on(model: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        run(capsys, "add", str(model), "--name", name)
    with (store / "a" / TENSORS_FILE).open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\x55")
    (store / "b" / CARD_FILE).unlink()
    for names in ([], ["a", "b", "c"], ["nowhere", "c", "a"]):
        code, out, err = run(capsys, "verify", *names)
        assert (code, out) == (2, "c: sound\n")
        assert all(line.startswith("whence: ") for line in err.splitlines()) and len(err.splitlines()) == 2
        assert "whence: a: " in err and "damaged" in err
        assert ("whence: b: there is no whole model" if "nowhere" not in names else "no model is called nowhere") in err


def test_a_model_in_the_shadow_of_a_shipped_one_is_said(
    model: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(model, tmp_path / "shipped" / "small")
    shutil.copytree(model, store / "small")
    code, out, err = run(capsys, "verify")
    assert (code, out) == (2, "small: sound\n") and "of the same name" in err
    assert "(shipped)" in run(capsys, "list")[1]


def test_a_store_that_is_a_file_is_said(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.write_text("")
    assert "cannot be read" in run(capsys, "list")[1]
    code, out, err = run(capsys, "verify")
    assert (code, out) == (2, "") and "cannot be read" in err
