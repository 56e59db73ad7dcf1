"""What clues are worth: bits that add up, letters that count once, and no plate shown anywhere."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from data.images import load
from data.partition import load_default
from fusion.evaluation.drawn_set import _SALT, drawn_set
from fusion.locator import Locator
from fusion.simulate import scene_of
from tests.notebooks.conftest import NOTEBOOKS, Executed, execute
from tests.small_photos import photo, write_table

NAME = "clues"
SEED, COUNT = 5, 5  # as in the notebook


@pytest.fixture
def results(executed: Callable[[str], Executed]) -> dict:
    return executed(NAME).results


def told_bits(results: dict) -> list[float]:
    """What all clues of each photo are worth to its true country."""
    prior, text = (results["bits"][system] for system in ("prior", "text"))
    return [b - a for a, b in zip(prior, text, strict=True)]


def test_kinds_are_means_over_the_photos_that_have_them(results: dict) -> None:
    assert results["drawn"] and len(results["rows"]) == COUNT and len(results["kinds"]) >= 4
    for kind, one in results["kinds"].items():
        having = [row[kind] for row in results["rows"] if kind in row]
        assert one["photos"] == len(having) and one["clues"] == sum(row["clues"] for row in having)
        for name in ("country_bits", "alone_country_bits", "cell_bits", "alone_cell_bits"):
            assert one[name][0] == pytest.approx(np.mean([row[name] for row in having]), rel=1e-4, abs=1e-6)
        assert one["helped"] == pytest.approx(100 * np.mean([row["country_bits"] > 0 for row in having]))
    assert any(row[kind]["country_bits"] < 0 for row in results["rows"] for kind in row)  # some speak against the truth


def test_a_photo_without_a_clue_gains_nothing(results: dict) -> None:
    bits = told_bits(results)
    assert {bool(row) for row in results["rows"]} == {True, False}
    for row, gained in zip(results["rows"], bits, strict=True):
        assert (gained != 0.0) == bool(row)


def test_letters_count_once_and_signs_count_each(results: dict) -> None:
    chances, weights = results["chances"], results["weights"]
    once = weights["the sign"]
    assert 0.0 in once and max(once) > 0.0
    assert chances["its clues given twice"] == pytest.approx(chances["the sign"], rel=1e-9)
    assert sum(weights["its clues given twice"]) == pytest.approx(sum(once))
    assert results["before"] < chances["the sign"] < chances["two such signs"] < 1.0


def test_ledgers_weigh_clues_by_what_is_left_of_their_text(results: dict) -> None:
    ledgers = results["ledgers"]
    assert len(ledgers) == 2 and all(0.0 <= weight <= 1.0 for row in ledgers.values() for weight in row)
    assert any(0.0 in row for row in ledgers.values())  # clues that share a text with a more specific one


# ------------------------------------------------------------------------------------------------------- no plate shown


def bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).upper()


@pytest.fixture(scope="module")
def locator() -> Locator:
    return Locator("density", scenes="none", places="none")


@pytest.fixture(scope="module")
def drawn(locator: Locator, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The photos that the notebook draws, and what stands on the plates in them that the text reader can read."""
    folder = drawn_set(tmp_path_factory.mktemp("drawn") / "set", COUNT, SEED)
    plates = []
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            number = int(row["made_by"].rpartition(" ")[2])
            scene = scene_of(np.random.default_rng([SEED, number, _SALT]), load_default())
            texts = [bare(plate.text) for plate in scene.plates if plate.real]
            if texts:
                read = {bare(reading.text) for reading in locator.read(load(folder / row["file"]).pixels)}
                plates += [text for text in texts if text in read]
    return folder, plates


def test_no_plate_stands_in_any_output(executed: Callable[[str], Executed], drawn: tuple[Path, list[str]]) -> None:
    came, (_, plates) = executed(NAME), drawn
    assert plates  # else nothing is tested
    written = (came.folder.parent / "out.ipynb").read_text(encoding="utf-8")
    outputs = [output for cell in json.loads(written)["cells"] for output in cell.get("outputs", ())]
    for output in outputs:
        output.get("data", {}).pop("image/png", None)
    shown = bare(json.dumps(outputs, ensure_ascii=False))
    assert "LANGUAGE" in shown
    assert not [plate for plate in plates if plate in shown]
    assert any(set(text) <= {"•", " "} and "plate" in words for text, words in came.results["pieces"])


def test_no_plate_can_be_read_in_what_was_cut_out(
    executed: Callable[[str], Executed], drawn: tuple[Path, list[str]], locator: Locator
) -> None:
    came, (_, plates) = executed(NAME), drawn
    pictures = came.plots[-2:]  # after the plots of bits
    read = {bare(reading.text) for picture in pictures for reading in locator.read(picture)}
    assert any("BLOCUL" in text for text in read)  # the reader can read what the pictures show
    assert plates and not [plate for plate in plates if any(plate in text for text in read)]


def test_ones_own_photos_may_have_no_clue_at_all(tmp_path: Path, executed: Callable[[str], Executed]) -> None:
    folder = tmp_path / "photos"
    write_table(folder / "labels.csv", [("0.jpg", "AT"), ("1.jpg", "ES"), ("2.jpg", "FR")], header="file,country")
    for k in range(3):
        (folder / f"{k}.jpg").write_bytes(photo(k, size=(96, 64)) if k != 1 else b"damaged")
    came = execute(NOTEBOOKS / f"{NAME}.ipynb", tmp_path / "run", {"WHENCE_NOTEBOOK_PHOTOS": str(folder)})
    assert not came.results["drawn"] and came.results["rows"] == [{}, {}, {}]
    assert "no clue was found" in came.printed and "Warning" not in came.complained


def test_a_sign_that_is_read_is_shown_beside_what_it_tells(results: dict) -> None:
    pieces = dict(map(tuple, results["pieces"]))
    assert "institution" in pieces["Greenpoint FIRE DEPARTMENT"]


def test_covered_pictures_are_what_is_cut_from(drawn: tuple[Path, list[str]], locator: Locator) -> None:
    """The crops come of the thumbnail: in it the plate that was read is one grey."""
    folder, _ = drawn
    answer = locator.locate(folder / "0004.jpg")
    picture = np.asarray(PILImage.open(io.BytesIO(answer.thumbnail or b"")).convert("RGB"), np.float64)
    [plate] = [reading for reading in answer.readings if reading.region == "plate"]
    (x0, y0), _, (x1, y1), _ = ((round(x), round(y)) for x, y in plate.box)
    assert picture[y0:y1, x0:x1].std(axis=(0, 1)).max() < 5.0
