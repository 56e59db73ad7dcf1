"""JPEGs decoded at a half, a quarter or an eighth of their size: the same photo, with the same checks, only sooner."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from data.errors import ImageError
from data.images import Limits, load
from tests.data.test_images import encoded, exif_block

_Y, _X = np.mgrid[:480, :640].astype(np.float64)
# Waves of several lengths, edges, and a little noise: what there is in photos; no symmetry, so that every turn shows.
SCENE = np.clip(
    np.stack(
        [110 + 60 * np.sin(_X / 23) + 0.1 * _Y, 90 + 50 * np.cos(_Y / 7) + 0.1 * _X, 60 + 100 * (_X + 2 * _Y > 700)],
        axis=2,
    )
    + np.random.default_rng(1).normal(0, 4, (480, 640, 1)),
    0,
    255,
).astype(np.uint8)


def reduced(pixels: np.ndarray[Any, np.dtype[np.uint8]], times: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(PILImage.fromarray(pixels).reduce(times), np.float64)


@pytest.mark.parametrize(
    ("at_least", "times"),
    [(0, 1), (1, 8), (60, 8), (61, 4), (120, 4), (121, 2), (240, 2), (241, 1), (480, 1), (9999, 1)],
)
def test_the_smallest_size_is_taken_whose_shorter_side_is_long_enough(at_least: int, times: int) -> None:
    pixels = load(encoded(SCENE, "JPEG", quality=90), at_least=at_least).pixels
    assert pixels.shape == (480 // times, 640 // times, 3)


@pytest.mark.parametrize("times", [2, 4, 8])
@pytest.mark.parametrize(
    "options",
    [{"quality": 92}, {"quality": 75}, {"quality": 90, "progressive": True}, {"quality": 90, "subsampling": 0}],
)
def test_the_pixels_are_those_of_the_whole_photo_reduced(times: int, options: dict[str, Any]) -> None:
    content = encoded(SCENE, "JPEG", **options)
    expected = reduced(load(content).pixels, times)
    found = load(content, at_least=480 // times).pixels.astype(np.float64)
    apart = np.abs(found - expected)
    assert apart.mean() < 3.0 and np.percentile(apart, 99) < 25.0
    # The measure can tell: the same photo moved by a pixel is further off.
    assert np.abs(np.roll(found, 1, axis=1) - expected).mean() > 2 * apart.mean()


def test_a_side_that_does_not_divide_is_rounded_up() -> None:
    assert load(encoded(SCENE[:477, :601], "JPEG"), at_least=60).pixels.shape == (477 // 4 + 1, 601 // 4 + 1, 3)
    assert load(encoded(SCENE[:473, :601], "JPEG"), at_least=59).pixels.shape == (473 // 8 + 1, 601 // 8 + 1, 3)


@pytest.mark.parametrize("turn", range(1, 9))
def test_it_stands_upright_all_the_same(turn: int) -> None:
    content = encoded(SCENE, "JPEG", quality=92, exif=exif_block(orientation=turn, gps=True))
    whole, small = load(content).pixels, load(content, at_least=120).pixels
    assert small.flags.c_contiguous and small.shape == (whole.shape[0] // 4, whole.shape[1] // 4, 3)
    assert np.abs(small - reduced(whole, 4)).mean() < 3.0


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_print_colours_are_drafted_too(mode: str) -> None:
    content = encoded(SCENE, "JPEG", mode=mode, quality=92)
    small = load(content, at_least=120).pixels
    assert small.shape == (120, 160, 3) and np.abs(small - reduced(load(content).pixels, 4)).mean() < 3.0


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_other_formats_are_decoded_whole(format: str) -> None:
    assert load(encoded(SCENE, format), at_least=60).pixels.shape == (480, 640, 3)


def test_the_first_frame_of_several_in_one_jpeg_is_drafted() -> None:
    out = io.BytesIO()
    PILImage.fromarray(SCENE).save(
        out, "MPO", save_all=True, append_images=[PILImage.fromarray(255 - SCENE)], quality=92
    )
    small = load(out.getvalue(), at_least=120).pixels
    assert small.shape == (120, 160, 3) and np.abs(small - reduced(SCENE, 4)).mean() < 5.0


def test_a_path_is_read_as_bytes_are_and_what_is_no_file_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(SCENE, "JPEG"))
    np.testing.assert_array_equal(load(path, at_least=120).pixels, load(path.read_bytes(), at_least=120).pixels)
    with PILImage.open(path) as image:
        assert load(image, at_least=120).pixels.shape == (480, 640, 3) and image.size == (640, 480)
    assert load(SCENE, at_least=120).pixels.shape == (480, 640, 3)


class TestChecks:
    @pytest.mark.parametrize("progressive", [False, True])
    def test_a_jpeg_that_is_cut_short_is_refused_wherever(self, progressive: bool) -> None:
        content = encoded(SCENE, "JPEG", quality=90, progressive=progressive)
        for share in (0.1, 0.3, 0.6, 0.9, 0.97):
            for at_least in (0, 60, 240):
                with pytest.raises(ImageError, match=r"truncated or damaged|not an image"):
                    load(content[: int(share * len(content))], at_least=at_least)

    def test_caps_hold_for_the_whole_size_and_not_for_the_draft(self) -> None:
        content = encoded(SCENE, "JPEG")
        with pytest.raises(ImageError, match="more than the 0 million pixels"):
            load(content, limits=Limits(max_pixels=640 * 480 - 1), at_least=60)
        with pytest.raises(ImageError, match="at least 500 a side"):
            load(content, limits=Limits(min_side=500), at_least=60)
        with pytest.raises(ImageError, match="too narrow"):
            load(encoded(SCENE[:20], "JPEG"), limits=Limits(max_aspect=31), at_least=1)

    def test_a_draft_is_never_smaller_than_a_photo_may_be(self) -> None:
        assert load(encoded(SCENE[:40, :40], "JPEG"), at_least=1).pixels.shape == (20, 20, 3)

    def test_a_negative_size_is_no_wish(self) -> None:
        with pytest.raises(ValueError, match="at_least"):
            load(SCENE, at_least=-1)
