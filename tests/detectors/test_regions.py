"""The network that ships, on pictures drawn here."""

from pathlib import Path

import numpy as np
import pytest

import detectors.regions as regions_module
from data.errors import WeightsError
from detectors.regions import REGIONS_PATH, Region, RegionConfig, RegionDetector


@pytest.fixture(scope="module")
def detector() -> RegionDetector:
    return RegionDetector()


def _street(width: int, height: int, plates: list[tuple[float, float, float]], seed: int = 0) -> np.ndarray:
    """A made-up road with cars' ends that bear plates at (x, y, width), in pixels."""
    cv2 = pytest.importorskip("cv2")
    from detectors.draw_plates import LOOKS, draw_plate
    from detectors.paste_regions import paste

    rng = np.random.default_rng(seed)
    ramp = np.linspace(190, 90, height)[:, None, None]
    photo = np.clip(np.broadcast_to(ramp, (height, width, 3)) + rng.normal(0, 4, (height, width, 3)), 0, 255)
    photo = photo.astype(np.uint8)
    look = next(look for look in LOOKS if look.name == "SK")
    for x, y, wide in plates:
        car = (int(x - 1.6 * wide), int(y - 1.3 * wide)), (int(x + 1.6 * wide), int(y + 0.5 * wide))
        cv2.rectangle(photo, *car, (60, 65, 80), -1)
        cv2.rectangle(photo, (car[0][0], car[1][1] - 8), (car[1][0], car[1][1]), (25, 25, 25), -1)
        high = wide * 110 / 520
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [wide / 2, high / 2] + [x, y]
        photo, _ = paste(photo, draw_plate(look, "BA·482CK", rng), corners.astype(np.float32), rng)
    return photo


def _hit(found: list[Region], x: float, y: float, wide: float) -> bool:
    """Whether some plate has an intersection over union of 0.3 with the one at (x, y)."""
    high = wide * 110 / 520
    for left, top, right, bottom in (r.bounds for r in found if r.kind == "plate"):
        across = min(right, x + wide / 2) - max(left, x - wide / 2)
        down = min(bottom, y + high / 2) - max(top, y - high / 2)
        shared = max(across, 0) * max(down, 0)
        if shared >= 0.3 * ((right - left) * (bottom - top) + wide * high - shared):
            return True
    return False


def test_plates_are_found_where_they_are(detector: RegionDetector) -> None:
    places = [(200.0, 400.0, 110.0), (620.0, 430.0, 90.0)]
    found = detector.find(_street(832, 560, places))
    assert all(_hit(found, *place) for place in places)
    assert all(r.bounds[2] - r.bounds[0] < 250 for r in found if r.kind == "plate")


def test_tiles_find_a_plate_that_the_whole_photo_is_too_small_to_show() -> None:
    place = (1930.0, 1310.0, 30.0)
    photo = _street(2800, 2000, [place])
    assert _hit(RegionDetector().find(photo), *place)
    assert not _hit(RegionDetector(config=RegionConfig(most_tiles=1)).find(photo), *place)


@pytest.mark.parametrize("shape", [(1, 1), (200, 8000), (8000, 200), (16, 16)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_nothing_has_no_regions(detector: RegionDetector, shape: tuple[int, int], value: int) -> None:
    assert detector.find(np.full((*shape, 3), value, np.uint8)) == []


def test_noise_does_not_fill_the_list(detector: RegionDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (600, 800, 3), np.uint8)
    assert len(detector.find(noise)) <= 5


def test_the_same_pixels_give_the_same_regions(detector: RegionDetector) -> None:
    photo = _street(640, 480, [(320.0, 350.0, 100.0)])
    assert detector.find(photo) == detector.find(photo)


def test_regions_come_surest_first_inside_the_photo(detector: RegionDetector) -> None:
    found = detector.find(_street(832, 560, [(40.0, 400.0, 110.0), (800.0, 540.0, 120.0)]))
    assert [r.confidence for r in found] == sorted((r.confidence for r in found), reverse=True)
    for region in found:
        left, top, right, bottom = region.bounds
        assert 0 <= left < right <= 832 and 0 <= top < bottom <= 560


def test_a_missing_or_damaged_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions_module, "REGIONS_PATH", tmp_path / "regions.onnx")
    with pytest.raises(WeightsError, match="cannot be read"):
        RegionDetector()
    (tmp_path / "regions.onnx").write_bytes(REGIONS_PATH.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="damaged"):
        RegionDetector()


def test_the_network_is_small_enough_to_ship() -> None:
    assert REGIONS_PATH.stat().st_size <= 12 * 2**20


@pytest.mark.parametrize(
    ("kind", "box", "confidence"),
    [("car", ((0, 0), (1, 0), (1, 1), (0, 1)), 0.5), ("sign", ((0, 0), (1, 0)), 0.5), ("plate", ((0, 0),) * 4, 1.5)],
)
def test_a_region_that_makes_no_sense_is_refused(kind, box, confidence) -> None:
    with pytest.raises(ValueError, match="not"):
        Region(kind, box, confidence)


def test_a_plate_that_fills_the_picture_is_found(detector: RegionDetector) -> None:
    from detectors.draw_plates import LOOKS, draw_plate

    rng = np.random.default_rng(5)
    for name in ("SK", "GB-rear", "UA", "BR-old"):
        look = next(look for look in LOOKS if look.name == name)
        plate = draw_plate(look, "BA 482 CK", rng)
        height, width = plate.shape[:2]
        found = next(region for region in detector.find(plate) if region.kind == "plate")
        left, top, right, bottom = found.bounds
        assert (right - left) * (bottom - top) > 0.5 * width * height, name
    street = _street(832, 560, [(400.0, 430.0, 110.0)])
    assert detector.find(street) == RegionDetector(config=RegionConfig(border=0.0)).find(street)
