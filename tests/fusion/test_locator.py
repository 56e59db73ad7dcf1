"""`locate`: from pixels to an answer, whatever the photo comes as."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import whence
from data.errors import ImageError, RequestError, WeightsError, WhenceError
from data.offline import offline_by_environment
from data.partition import Partition
from detectors.base import Clue, Evidence, Reading
from fusion.answer import Answer, Failure
from fusion.locator import Locator
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText

PIXELS = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def locator() -> Locator:
    return Locator("density", ocr=FixedText(["MADRID", "cero emisiones"]))


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
        answer = Locator("density", ocr=FixedText(lines)).locate(PIXELS)
        assert not answer.clues
        assert answer.distribution is answer.prior


def test_a_printed_position_is_the_answer_anywhere(partition: Partition) -> None:
    from data.geodesy import haversine_km

    rng = np.random.default_rng(5)
    inhabited = np.flatnonzero((partition.people + partition.street) > 0)
    tundra = Locator("density", ocr=FixedText(["70.12345N 100.12345E"])).locate(PIXELS)  # few take photos
    assert tundra.country == "RU" and haversine_km(tundra.lat, tundra.lon, 70.12345, 100.12345) < 5
    near = 0
    for i in rng.choice(inhabited, 20, replace=False).tolist():
        lat, lon = round(float(partition.lat[i]), 5), round(float(partition.lon[i]), 5)
        text = f"{abs(lat):.5f}{'N' if lat >= 0 else 'S'} {abs(lon):.5f}{'E' if lon >= 0 else 'W'}"
        answer = Locator("density", ocr=FixedText([text])).locate(PIXELS)
        near += haversine_km(answer.lat, answer.lon, lat, lon) < 5
    assert near >= 18


def test_no_part_that_a_reader_shows_leaves_unmasked() -> None:
    class Careless:
        kind = "careless"

        def clues(self, readings: Sequence[Reading]) -> list[Clue]:
            return [
                Clue("careless", "915 551 234", "call 915 551 234", Evidence(0.0, {"ES": 1.0}), None, ("915 551 234",))
            ]

    answer = Locator("density", ocr=FixedText(["x"]), clue_readers=[Careless()]).locate(PIXELS)
    assert "551 234" not in answer.to_json() + str(answer) + answer.to_html()


def test_what_a_clue_shows_is_unmasked_on_the_owners_own_screen() -> None:
    lines = ["Tel. +34 91 555 12 34", "C/ Serrano 21, Tel. 91 555 12 34", "info@hotel-sol.es"]
    masked = Locator("density", ocr=FixedText(lines)).locate(PIXELS)
    shown = Locator("density", ocr=FixedText(lines), reveal=True).locate(PIXELS)
    assert [clue.evidence for clue in shown.clues] == [clue.evidence for clue in masked.clues]
    assert "•" in str(masked) and "555 12 34" not in str(masked)
    assert "•" not in str(shown) and "+34 91 555 12 34" in str(shown)
    assert "•" not in shown.to_json()


def test_of_a_wall_of_clues_the_strongest_are_kept() -> None:
    strengths = [1.0] * 499 + [2.0]

    class Chatty:
        kind = "chatty"

        def clues(self, readings: Sequence[Reading]) -> list[Clue]:
            return [
                Clue("chatty", f"c{n}", "x", Evidence(0.0, {"ES": strength}, sources=(f"r0:{n}-{n + 1}",)))
                for n, strength in enumerate(strengths)
            ]

    answer = Locator("density", ocr=FixedText(["x"]), clue_readers=[Chatty()]).locate(PIXELS)
    assert {clue.text for clue in answer.clues} == {*(f"c{n}" for n in range(199)), "c499"}


def test_a_damaged_installation_ends_a_batch_instead_of_failing_every_photo() -> None:
    class Damaged(FixedText):
        def read(self, pixels: np.ndarray) -> list[Reading]:
            raise WeightsError("the language model is damaged: reinstall whence")

    with pytest.raises(WeightsError, match="reinstall"):
        list(Locator("density", ocr=Damaged([])).locate_many([PIXELS, PIXELS]))


def test_an_array_that_its_owner_fills_again_is_looked_at_as_it_was() -> None:
    seen: list[int] = []

    class Curious(FixedText):
        def read(self, pixels: np.ndarray) -> list[Reading]:
            seen.append(int(pixels[0, 0, 0]))
            return []

    def frames() -> Iterator[np.ndarray]:
        buffer = np.zeros((48, 64, 3), np.uint8)
        for n in range(10):
            buffer[:] = n
            yield buffer

    list(Locator("density", ocr=Curious([])).locate_many(frames()))
    assert seen == list(range(10))


def test_whatever_a_library_raises_is_a_row() -> None:
    class Broken(FixedText):
        def read(self, pixels: np.ndarray) -> list[Reading]:
            raise RuntimeError("out of luck")

    [result] = Locator("density", ocr=Broken([])).locate_many([PIXELS])
    assert isinstance(result, Failure) and isinstance(result.error, WhenceError) and "out of luck" in str(result.error)


def test_locate_opens_no_connection(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png(PIXELS))
    code = (
        "import sys\n"
        "tried = []\n"
        "names = ('socket.connect', 'socket.getaddrinfo', 'socket.sendto', 'socket.gethostbyname')\n"
        "sys.addaudithook(lambda event, args: tried.append((event, args)) if event in names else None)\n"
        "from whence import locate\n"
        f"locate({str(path)!r})\n"
        "sys.exit(str(tried) if tried else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_forged_metadata_changes_nothing(tmp_path: Path, locator: Locator) -> None:
    picture = Image.fromarray(PIXELS).resize((640, 480))
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 0.0), 3: "E", 4: (151.0, 12.0, 0.0)})
    exif[0x010E] = "Sydney Opera House"
    xmp = (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        b"<rdf:Description xmlns:exif='http://ns.adobe.com/exif/1.0/' exif:GPSLatitude='33,51S'/></rdf:RDF></x:xmpmeta>"
    )
    plain, forged = tmp_path / "a" / "photo.jpg", tmp_path / "b" / "photo.jpg"
    for path, extra in ((plain, {}), (forged, {"exif": exif, "xmp": xmp, "comment": b"Sydney Opera House"})):
        path.parent.mkdir()
        picture.save(path, quality=90, **extra)
    assert b"Sydney" in forged.read_bytes() and b"33,51S" in forged.read_bytes()
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
    with pytest.raises(RequestError, match="Narnia".upper()):
        locator.locate_many([PIXELS], within="Narnia")


def test_a_batch_takes_in_no_more_photos_than_it_works_on(locator: Locator) -> None:
    given = iter([PIXELS] * 20)
    results = locator.locate_many(given)
    next(results)
    assert len(list(given)) == 20 - 9  # those that a prior sees at once, and one more that is being read
    assert len(list(results)) == 8


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
        Locator("density", ocr="telepathy")
    with pytest.raises(RequestError, match="auto, cpu or cuda"):
        Locator("density", ocr="none", device="tpu")


def test_a_missing_gpu_is_said() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(RequestError, match="--device cpu"):
        Locator("density", ocr="none", device="cuda")


def test_offline_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in (("1", True), ("true", True), ("0", False), ("", False), ("no", False)):
        monkeypatch.setenv("WHENCE_OFFLINE", value)
        assert offline_by_environment() is expected


def test_the_parts_that_ship_need_no_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from whence import Locator\n"
        "answer = Locator(ocr='none').locate(np.zeros((64, 64, 3), np.uint8))\n"
        "assert answer.prior_name == 'pixels' and answer.visual, answer.prior_name\n"
        "assert 'torch' not in sys.modules, 'seconds and half a gigabyte'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_error_is_one_of_the_tree() -> None:
    locator = Locator("density", ocr="none")
    for bad in (b"", b"GIF89a", np.zeros((2, 2)), 3, "/", None, np.zeros((100, 100, 3), np.float32)):
        with pytest.raises(whence.WhenceError):
            locator.locate(bad)  # type: ignore[arg-type]
    for wrong in ({"within": "Narnia"}, {"within": ()}, {"exclude": ""}):
        with pytest.raises(whence.WhenceError):
            locator.locate(PIXELS, **wrong)  # type: ignore[arg-type]
    with pytest.raises(whence.WhenceError):
        Locator("density", ocr="none", utility="glory")  # type: ignore[arg-type]
