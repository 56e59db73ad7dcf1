"""The set of photos that whence draws itself: signs of true places, the same at every drawing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import fusion.evaluation.drawn_set
from data.errors import DatasetError, RequestError
from data.gazetteer import load_default as load_gazetteer
from data.images import load
from data.labelled_sets import open_labelled
from fusion.evaluation.drawn_set import drawn_set
from fusion.simulate import RECIPES
from fusion.simulated_lines import MAKERS
from tests.fonts import needs_fonts

pytest.importorskip("wordfreq", reason="the simulator's words need the extra build")
pytest.importorskip("fontTools", reason="drawing signs needs the extra build")
pytestmark = needs_fonts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("drawn") / "set", count=3, seed=0)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_it_opens_as_any_folder_with_labels_does(folder: Path) -> None:
    opened = open_labelled(folder)
    assert opened.files == ("0000.jpg", "0001.jpg", "0002.jpg") and not opened.left_out and not opened.notes
    assert set(opened.groups) == {"scene", "kind"}
    assert set(opened.groups["scene"]) <= set(RECIPES) and set(opened.groups["kind"]) <= set(MAKERS)
    for i in range(3):
        assert load(opened.source(i)).pixels.shape == (720, 960, 3)
        place, _ = load_gazetteer().nearest(float(opened.lat[i]), float(opened.lon[i]))
        assert opened.country[i] == place.country


def test_every_photo_shows_a_sign(folder: Path) -> None:
    """Signs have edges that blotches and windows have not: a stroke is a dark or light line some pixels wide."""
    for path in sorted(folder.glob("*.jpg")):
        gray = load(path).pixels.astype(float).mean(axis=2)
        steps = np.abs(gray[:, 4:] - gray[:, :-4])
        assert (steps > 50).sum() > 300, path


def test_the_same_arguments_draw_the_same_bytes_and_fewer_photos_are_the_first_ones(
    folder: Path, tmp_path: Path
) -> None:
    assert contents(drawn_set(tmp_path / "again", count=3, seed=0)) == contents(folder)
    fewer, all_of_it = contents(drawn_set(tmp_path / "again", count=2, seed=0)), contents(folder)
    assert sorted(fewer) == ["0000.jpg", "0001.jpg", "labels.csv"]  # what was drawn before is gone
    assert fewer["0001.jpg"] == all_of_it["0001.jpg"] and all_of_it["labels.csv"].startswith(fewer["labels.csv"])


def test_what_is_there_is_not_drawn_again_and_what_lacks_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    with monkeypatch.context() as patch:
        patch.setattr(fusion.evaluation.drawn_set, "picture_of", None)  # calling it would fail
        drawn_set(copy, count=3, seed=0)
    for lost in ("0001.jpg", "labels.csv"):  # drawing was broken off
        (copy / lost).unlink()
        assert contents(drawn_set(copy, count=3, seed=0)) == contents(folder)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "holiday.jpg").write_bytes(b"photo")
    (tmp_path / "labelled").mkdir()
    (tmp_path / "labelled" / "labels.csv").write_text("file,lat,lon\n0000.jpg,1,2\n")
    (tmp_path / "file").write_bytes(b"")
    for name in ("mine", "labelled", "file"):
        with pytest.raises(DatasetError, match="give a new folder"):
            drawn_set(tmp_path / name, count=1)
    assert (tmp_path / "mine" / "holiday.jpg").read_bytes() == b"photo"
    assert (tmp_path / "labelled" / "labels.csv").read_text() == "file,lat,lon\n0000.jpg,1,2\n"


def test_what_makes_no_sense_or_cannot_be_drawn_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count, seed in ((0, 0), (-1, 0), (1, -1)):
        with pytest.raises(RequestError, match="a number from 1 and a seed from 0"):
            drawn_set(tmp_path / "set", count, seed)
    monkeypatch.setattr(fusion.evaluation.drawn_set, "_MOST_TRIES", 2)
    monkeypatch.setattr(fusion.evaluation.drawn_set, "is_written", lambda sign: False)
    with pytest.raises(DatasetError, match="fonts on this machine write 0 of 1 scenes: install"):
        drawn_set(tmp_path / "set", count=1)

    def without_fonttools(sign: object) -> bool:
        raise ModuleNotFoundError("No module named 'fontTools'", name="fontTools")

    monkeypatch.setattr(fusion.evaluation.drawn_set, "is_written", without_fonttools)
    with pytest.raises(DatasetError, match=r"needs fontTools: pip install 'whence\[build\]'"):
        drawn_set(tmp_path / "set", count=1)
    assert not (tmp_path / "set").exists()
