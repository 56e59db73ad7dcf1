import os

import numpy as np
import pytest
from PIL import Image

from data.errors import ImageError, RequestError
from detectors.base import Reading
from detectors.blur import blur_photo, filled, plate_boxes
from detectors.regions import Region


def _box(x0, y0, x1, y1):
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


class _Finds:
    """A detector that finds given plates."""

    def __init__(self, *boxes):
        self.boxes = boxes

    def find(self, pixels):
        return [Region("plate", box, 0.9) for box in self.boxes]


class _Reads:
    name = "test"

    def __init__(self, *readings):
        self.readings = readings

    def read(self, pixels):
        return list(self.readings)


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (120, 200, 3), np.uint8)
    exif = Image.Exif()
    exif[0x010E] = "a description"
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).save(path, exif=exif, comment=b"a comment")
    return path


def test_nothing_of_a_plate_is_left():
    pixels = np.random.default_rng(1).integers(0, 255, (100, 200, 3), np.uint8)
    box = _box(50, 40, 110, 60)
    out = filled(pixels, [box])
    inside = out[40:60, 50:110].reshape(-1, 3)
    assert (inside == inside[0]).all()
    other = pixels.copy()
    other[40:60, 50:110] = 255 - other[40:60, 50:110]
    assert np.array_equal(filled(other, [box]), out), "the picture must not depend on what the plate said"
    assert np.array_equal(out[:30], pixels[:30]) and np.array_equal(out[:, 130:], pixels[:, 130:])


@pytest.mark.parametrize(
    "box", [_box(-50, -50, -10, -10), _box(0, 0, 200, 100), _box(190, 90, 400, 400), _box(5, 5, 5, 5)]
)
def test_boxes_at_and_beyond_the_edges_do_no_harm(box):
    pixels = np.zeros((100, 200, 3), np.uint8)
    assert filled(pixels, [box]).shape == pixels.shape


def test_plates_found_and_plates_read_are_both_filled():
    read = Reading("r1", "B-AB 1234", _box(1, 1, 9, 3), 0.9)
    sign = Reading("r2", "BAKERY", _box(1, 5, 9, 8), 0.9)
    regions = [Region("plate", _box(20, 20, 40, 30), 0.5), Region("sign", _box(50, 50, 90, 90), 0.9)]
    assert plate_boxes(regions, [read, sign]) == [_box(20, 20, 40, 30), _box(1, 1, 9, 3)]


def test_the_result_has_no_metadata_and_the_plate_is_gone(photo, tmp_path):
    out = tmp_path / "out.jpg"
    assert blur_photo(photo, out, detector=_Finds(_box(40, 40, 120, 60)), reader=_Reads()) == 1
    with Image.open(out) as image:
        assert not image.getexif() and "comment" not in image.info and "icc_profile" not in image.info
        assert np.asarray(image)[45:55, 50:110].std() < 4
    assert b"description" not in out.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_a_plate_that_was_found_twice_is_one_area(photo, tmp_path):
    twice, other = (_box(40, 40, 90, 60), _box(80, 42, 120, 60), _box(38, 41, 90, 60)), _box(150, 90, 180, 100)
    nowhere = _box(300, 300, 340, 320)
    assert blur_photo(photo, tmp_path / "out.jpg", detector=_Finds(*twice, nowhere, other)) == 2


def test_an_upright_photo_is_written_for_one_that_lay_on_its_side(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "side.jpg"
    Image.new("RGB", (200, 100)).save(path, exif=exif)
    blur_photo(path, tmp_path / "out.jpg", detector=_Finds())
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.size == (100, 200)


def test_the_photo_itself_is_never_overwritten(photo, tmp_path):
    before = photo.read_bytes()
    link, hard = tmp_path / "link.jpg", tmp_path / "hard.jpg"
    link.symlink_to(photo)
    os.link(photo, hard)
    for out in (photo, link, hard, tmp_path / "." / "photo.jpg"):
        with pytest.raises(RequestError, match="itself"):
            blur_photo(photo, out, detector=_Finds())
    assert photo.read_bytes() == before


def test_what_cannot_be_done_is_said(photo, tmp_path):
    with pytest.raises(RequestError, match="ends in"):
        blur_photo(photo, tmp_path / "out.gif", detector=_Finds())
    with pytest.raises(RequestError, match="no folder"):
        blur_photo(photo, tmp_path / "none" / "out.jpg", detector=_Finds())
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(RequestError, match="folder"):
        blur_photo(photo, tmp_path / "folder.jpg", detector=_Finds())
    with pytest.raises(ImageError):
        blur_photo(tmp_path / "missing.jpg", tmp_path / "out.jpg", detector=_Finds())
    assert not (tmp_path / "out.jpg").exists()
