"""`whence weights check`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backbone import weights_store
from backbone.checked import Proof, checks_folder, kept_checks
from backbone.density import DensityPrior
from fusion.cli import main
from tests.small_photos import photo, write_table


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, not made yet; nothing is shipped."""
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.setattr(weights_store, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "store"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = [(f"{i:02}.jpg", rng.uniform(-50, 60), rng.uniform(-170, 170)) for i in range(24)]
    (tmp_path / "set").mkdir()
    for i, (name, _, _) in enumerate(rows):
        (tmp_path / "set" / name).write_bytes(photo(i % 20))
    write_table(tmp_path / "set" / "labels.csv", rows)
    return tmp_path / "set"


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["weights", *args])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_what_was_loaded_is_said_and_nothing_is_kept_without_photos(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", "density")
    assert (code, err) == (0, "")
    assert "licence     CC BY 4.0" in out and "ok    one photo twice: the same answer" in out
    assert "told  the sample photo: " in out
    assert not checks_folder().exists()


def test_with_photos_figures_are_kept_and_listed(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", "density", "--photos", str(photos))
    assert code == 0 and "density (checked)" in out and "24 of 24 photos" in err and "  temperature 1\n" in out
    [check] = kept_checks()
    assert check.name == "density" and check.photos == "set, 24 photos"
    assert check.figures["held_out_gain"] == 0.0  # beside itself
    code, out, _ = run(capsys, "list")
    assert code == 0 and "density (checked)" in out and "held_out_gain: 0" in out and "set, 24 photos" in out
    _, out, _ = run(capsys, "list", "--json")
    assert json.loads(out.splitlines()[-1])["checked"]["name"] == "density"


def test_json_is_one_object_and_nothing_else(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "density:people", "--photos", str(photos), "--json")
    said = json.loads(out)
    assert code == 0 and said["prior"] == "density:people" and said["check"]["figures"]["held_out_points"] == 24
    assert {proof["what"] for proof in said["proofs"]} >= {"one photo twice", "the sample photo"}


def test_weights_that_are_not_true_are_said_to_be_wrong_and_are_not_measured(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        DensityPrior, "proofs", lambda self, device="cpu": [Proof("table", "is another\x1b[2J", False)], raising=False
    )
    code, out, err = run(capsys, "check", "density", "--photos", str(photos))
    assert code == 2 and r"WRONG table: is another\x1b[2J" in out
    assert err == "whence: density: these are not its true weights: nothing was measured\n"
    assert kept_checks() == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check", "nothing"], "unknown prior"),
        (["check", "density", "--labels", "x.csv"], "--photos"),
        (["check", "density", "--photos", "/no/such/folder"], "check the path"),
        (["check", "density", "--device", "tpu"], "unknown device"),
        (["check", "planet"], "no sound weights"),
    ],
)
def test_what_cannot_be_checked_is_one_line(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *args)
    assert code == 2 and out == "" and said in err and err.count("\n") == 1
