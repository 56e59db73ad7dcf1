"""`locate`: from pixels to an answer, whatever the photo comes as."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import whence
from data.errors import ImageError, RequestError, WhenceError
from fusion.answer import Answer, Failure
from fusion.locator import Locator, offline_by_environment
from tests.fusion.parts import FixedText

PIXELS = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def locator() -> Locator:
    return Locator(ocr=FixedText(["MADRID", "cero emisiones"]))


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_path_bytes_picture_and_array_give_one_answer(locator: Locator, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png(PIXELS))
    answers = [locator.locate(source) for source in (path, str(path), png(PIXELS), Image.fromarray(PIXELS), PIXELS)]
    described = [{**answer.to_dict(), "file": None} for answer in answers]
    assert all(each == described[0] for each in described)
    assert answers[0].file == str(path) and answers[4].file is None


def test_without_a_clue_the_prior_is_returned_unchanged() -> None:
    for lines in ([], ["xq", "//", "0"]):
        answer = Locator(ocr=FixedText(lines)).locate(PIXELS)
        assert not answer.clues
        assert answer.distribution is answer.prior


def test_forged_metadata_changes_nothing(tmp_path: Path, locator: Locator) -> None:
    picture = Image.fromarray(PIXELS)
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 0.0), 3: "E", 4: (151.0, 12.0, 0.0)})
    exif[0x010E] = "Sydney Opera House"
    plain, forged = tmp_path / "a" / "photo.png", tmp_path / "b" / "photo.png"
    for path, extra in ((plain, {}), (forged, {"exif": exif})):
        path.parent.mkdir()
        picture.save(path, **extra)
    one, two = locator.locate(plain), locator.locate(forged)
    assert plain.read_bytes() != forged.read_bytes()
    assert {**one.to_dict(), "file": None} == {**two.to_dict(), "file": None}
    assert one.thumbnail == two.thumbnail and b"Sydney" not in (two.thumbnail or b"")


def test_a_bad_photo_is_a_row_and_the_batch_goes_on(locator: Locator, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a photo")
    results = list(locator.locate_many([PIXELS, broken, tmp_path / "missing.jpg", b"", PIXELS]))
    assert [type(result) for result in results] == [Answer, Failure, Failure, Failure, Answer]
    assert results[1].file == str(broken) and isinstance(results[1].error, ImageError)
    assert list(locator.locate_many([])) == []


def test_a_batch_is_lazy_and_larger_than_one_chunk(locator: Locator) -> None:
    given = iter([PIXELS] * 20)
    results = locator.locate_many(given)
    next(results)
    assert len(list(given)) == 20 - 8  # no more photos are taken in than one chunk
    assert len(list(results)) == 7


def test_constraints_move_the_answer(locator: Locator) -> None:
    assert locator.locate(PIXELS).country == "ES"
    assert locator.locate(PIXELS, within="MX").country == "MX"
    assert locator.locate(PIXELS, exclude="ES").country != "ES"
    box = locator.locate(PIXELS, within="-75,4,-73,6")
    assert box.country == "CO" and 4 <= box.lat <= 6
    with pytest.raises(RequestError):
        locator.locate(PIXELS, within="Narnia")


def test_unknown_parts_say_what_there_is() -> None:
    with pytest.raises(RequestError, match="density"):
        Locator("telepathy")
    with pytest.raises(RequestError, match="rapidocr"):
        Locator(ocr="telepathy")
    with pytest.raises(RequestError, match="auto, cpu or cuda"):
        Locator(ocr="none", device="tpu")


def test_a_missing_gpu_is_said() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(RequestError, match="--device cpu"):
        Locator(ocr="none", device="cuda")


def test_offline_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in (("1", True), ("true", True), ("0", False), ("", False), ("no", False)):
        monkeypatch.setenv("WHENCE_OFFLINE", value)
        assert offline_by_environment() is expected


def test_every_error_is_one_of_the_tree() -> None:
    for name in whence.__all__:
        value = getattr(whence, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, WhenceError)
