"""The composites: what is drawn stands where its box says, and what may be unlabelled is marked."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import DatasetError
from detectors.draw_plates import LOOKS, draw_plate, random_plate
from detectors.paste_regions import paste, paste_plates
from detectors.region_data import DataConfig, crop
from detectors.region_labels import MAYBE, PLATE, SIGN, LabelledPhoto, add_maybes, read_labels, unlabelled_photos

pytest.importorskip("fontTools", reason="the build extra")


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_every_look_has_its_proportions_and_ink_on_its_ground(look):
    plate = draw_plate(look, "AB 123", _rng())
    height, width = plate.shape[:2]
    assert width / height == pytest.approx(look.aspect, rel=0.08)
    assert plate.astype(int).std() > 15


def test_one_state_of_chance_draws_one_plate():
    a, b = random_plate(_rng(3))[0], random_plate(_rng(3))[0]
    assert np.array_equal(a, b)


def test_a_box_holds_every_pixel_that_pasting_changed_and_most_of_it_is_changed():
    photo = np.full((300, 400, 3), 120, np.uint8)
    corners = np.array([[100, 120], [220, 130], [215, 165], [98, 150]], np.float32)
    out, (x0, y0, x1, y1) = paste(photo, np.full((110, 520, 3), 250, np.uint8), corners, _rng(1))
    changed = (out.astype(int) != 120).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert x0 - 8 <= columns.min() and columns.max() <= x1 + 8 and y0 - 8 <= rows.min() and rows.max() <= y1 + 8
    assert changed[int(y0) : int(y1), int(x0) : int(x1)].mean() > 0.6


def test_pasted_plates_are_where_their_boxes_are_and_clear_of_what_was_there():
    photo = np.full((416, 416, 3), 90, np.uint8)
    taken = [(100.0, 250.0, 200.0, 300.0)]
    for seed in range(6):
        out, boxes = paste_plates(photo, 3, _rng(seed), taken)
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= 416 and 0 <= y0 < y1 <= 416
            assert x1 < 100 or x0 > 200 or y1 < 250 or y0 > 300
            inside = out[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))].astype(int)
            assert (abs(inside - 90) > 3).any()


def _photo(boxes, classes) -> LabelledPhoto:
    return LabelledPhoto(Path("x.jpg"), np.array(boxes, np.float32).reshape(-1, 4), np.array(classes), (SIGN,))


def test_a_crop_keeps_boxes_on_their_things():
    pixels = np.zeros((468, 832, 3), np.uint8)
    pixels[100:140, 300:460] = 255
    photo = _photo([[300 / 832, 100 / 468, 460 / 832, 140 / 468]], [SIGN])
    seen = 0
    for seed in range(20):
        cut, boxes, classes = crop(pixels, photo, _rng(seed), DataConfig(side=256))
        assert cut.shape == (256, 256, 3)
        for (x0, y0, x1, y1), label in zip(boxes, classes, strict=True):
            if label == SIGN:
                seen += 1
                assert cut[int(y0) + 2 : int(y1) - 2, int(x0) + 2 : int(x1) - 2].mean() > 235
    assert seen >= 10


def test_what_a_crop_cuts_off_is_neither_taught_nor_denied():
    pixels = np.zeros((468, 832, 3), np.uint8)
    photo = _photo([[0, 0, 1, 1]], [SIGN])  # larger than most windows
    config = DataConfig(side=256, least=1.01)
    _, _, classes = crop(pixels, photo, _rng(), config)
    assert list(classes) == [MAYBE + SIGN]


def test_only_classes_that_are_not_labelled_get_maybes():
    text = {"x.jpg": np.array([[0.2, 0.2, 0.4, 0.3]], np.float32)}
    [photo] = add_maybes([_photo([[0.5, 0.5, 0.6, 0.6]], [SIGN])], text)
    assert list(photo.classes) == [SIGN, MAYBE + PLATE]
    assert photo.boxes[1, 0] < 0.2 and photo.boxes[1, 2] > 0.4


def test_labels_are_read_and_other_classes_left_out(tmp_path):
    for kind in ("images", "labels"):
        (tmp_path / kind / "train").mkdir(parents=True)
    Image.new("RGB", (64, 64)).save(tmp_path / "images/train/a.jpg")
    (tmp_path / "labels/train/a.txt").write_text("3 0.5 0.5 0.2 0.4\n0 0.1 0.1 0.1 0.1\n")
    [photo] = read_labels(tmp_path, {3: SIGN}, "train")
    assert photo.boxes.tolist() == [pytest.approx([0.4, 0.3, 0.6, 0.7])]
    (tmp_path / "labels/train/a.txt").write_text("3 half 0.5 0.2 0.4\n")
    with pytest.raises(DatasetError, match="malformed"):
        read_labels(tmp_path, {3: SIGN}, "train")


def test_a_folder_without_photos_is_named(tmp_path):
    with pytest.raises(DatasetError, match="no photo"):
        unlabelled_photos(tmp_path)
    with pytest.raises(DatasetError, match="no photo"):
        read_labels(tmp_path, {0: PLATE}, "train")
