from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageFile, ImageOps, PngImagePlugin

from data.errors import ImageError
from data.images import FORMATS, Image, Limits, find_images, load
from data.pillow_settings import without_warnings
from data.printable import printable

RNG = np.random.default_rng(7)
# Smooth, so that lossy formats keep it; no symmetry, so that every turn shows.
_Y, _X = np.mgrid[:48, :64]
PHOTO = np.stack([2 * _Y + _X, 3 * _X, np.full_like(_X, 90)], axis=2).astype(np.uint8)


def encoded(pixels: NDArray[Any] = PHOTO, format: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    image = PILImage.fromarray(pixels)
    if mode:
        image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def exif_block(*, orientation: int | None = None, gps: bool = False) -> bytes:
    exif = PILImage.Exif()
    exif[0x010F] = "maker"
    if orientation is not None:
        exif[0x0112] = orientation
    if gps:
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.0), 3: "E", 4: (16.0, 22.0, 19.0)})
    return exif.tobytes()


def xmp_block(orientation: int) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    start = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


class TestSources:
    def test_path_bytes_pil_image_and_array_give_the_same_pixels(self, tmp_path: Path) -> None:
        path = tmp_path / "photo.png"
        path.write_bytes(encoded())
        sources: list[Any] = [str(path), path, encoded(), bytearray(encoded()), memoryview(encoded()), PHOTO]
        with PILImage.open(path) as lazy:
            sources += [lazy, PILImage.fromarray(PHOTO)]
            for source in sources:
                image = load(source)
                assert np.array_equal(image.pixels, PHOTO)
                assert (image.width, image.height) == (64, 48)
                assert image.pixels.flags.c_contiguous and image.pixels.dtype == np.uint8

    def test_the_name_is_the_path_as_it_was_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "photo.png").write_bytes(encoded())
        monkeypatch.chdir(tmp_path)
        assert load("./photo.png").name == "./photo.png"
        assert load(encoded()).name is None

    def test_an_array_is_copied(self) -> None:
        array = PHOTO.copy()
        image = load(array)
        array[:] = 0
        assert np.array_equal(image.pixels, PHOTO)

    def test_a_pil_image_keeps_its_frame_and_its_metadata(self) -> None:
        frames = [PILImage.new("RGB", (32, 32), colour) for colour in ("red", "lime")]
        out = io.BytesIO()
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
        with PILImage.open(io.BytesIO(out.getvalue())) as animation:
            animation.seek(1)
            assert load(animation).pixels[0, 0].tolist() == [0, 255, 0]
        with PILImage.open(io.BytesIO(encoded(format="TIFF", tiffinfo={700: xmp_block(6)}))) as tiff:
            load(tiff)
            assert "xmp" in tiff.info

    @pytest.mark.parametrize(
        ("source", "says"),
        [
            (np.zeros((32, 32, 3)), "uint8"),
            (np.full((32, 32, 3), np.nan, np.float32), "uint8"),
            (np.zeros((32, 32), np.uint8), "RGB"),
            (np.zeros((32, 32, 4), np.uint8), "RGB"),
            (np.zeros((1, 1, 3), np.uint8), "at least 16"),
            (np.zeros((0, 5, 3), np.uint8), "at least 16"),
            (None, "NoneType"),
            (42, "int"),
            (b"photo.jpg", "not an image"),
            ("no\0name", "cannot read"),
        ],
    )
    def test_what_cannot_be_a_photo_is_refused_with_the_reason(self, source: Any, says: str) -> None:
        with pytest.raises(ImageError, match=says):
            load(source)

    def test_an_image_is_checked_on_construction(self) -> None:
        with pytest.raises(ValueError, match="uint8"):
            Image(np.zeros((4, 4, 3), np.float32))  # type: ignore[arg-type]


class TestFormats:
    @pytest.mark.parametrize("format", [f for f in FORMATS if f != "MPO"])
    def test_every_allowed_format_is_read(self, format: str) -> None:
        options = {"lossless": True} if format == "WEBP" else {"quality": 95} if format in ("JPEG", "AVIF") else {}
        pixels = load(encoded(format=format, **options)).pixels
        assert np.abs(pixels.astype(int) - PHOTO).mean() < (20 if format == "GIF" else 4)

    def test_of_an_mpo_the_first_picture_is_read(self) -> None:
        out = io.BytesIO()
        PILImage.fromarray(PHOTO).save(
            out, "MPO", save_all=True, append_images=[PILImage.new("RGB", (64, 48), "red")], quality=95
        )
        assert np.abs(load(out.getvalue()).pixels.astype(int) - PHOTO).mean() < 4

    @pytest.mark.parametrize("format", ["PPM", "TGA", "PCX", "ICO", "JPEG2000", "EPS", "SGI"])
    def test_other_formats_are_refused_even_if_pillow_knows_them(self, format: str) -> None:
        with pytest.raises(ImageError, match="none of JPEG"):
            load(encoded(format=format))

    def test_cmyk_is_read_as_the_colours_it_means(self) -> None:
        red = PILImage.new("RGB", (32, 32), (250, 10, 10)).convert("CMYK")
        for format in ("JPEG", "TIFF"):
            out = io.BytesIO()
            red.save(out, format)
            assert np.abs(load(out.getvalue()).pixels[5, 5].astype(int) - [250, 10, 10]).max() < 8

    @pytest.mark.parametrize("format", ["PNG", "TIFF"])
    def test_sixteen_bit_gray_is_scaled_and_not_clipped(self, format: str) -> None:
        ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
        pixels = load(encoded(ramp, format)).pixels
        assert np.abs(pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1.0

    def test_sixteen_bit_colour_is_scaled_and_not_clipped(self) -> None:
        rows = [b"\0" + np.tile(np.array([65535, 32896, 257], ">u2"), 32).tobytes()] * 32
        body = zlib.compress(b"".join(rows))
        head = png_header(32, 32, 16)
        idat = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
        pixels = load(head[:33] + idat + head[-12:]).pixels
        assert pixels[9, 9].tolist() == [255, 128, 1]

    @pytest.mark.parametrize("high", [1.0, 255.0])
    def test_floating_point_is_scaled_to_its_white(self, high: float) -> None:
        ramp = np.tile(np.linspace(0, high, 64, dtype=np.float32), (32, 1))
        ramp[0, 0] = np.nan
        pixels = load(encoded(ramp, "TIFF")).pixels
        assert np.abs(pixels[1, :, 2] - np.linspace(0, 255, 64)).max() <= 1.0

    def test_floating_point_without_a_number_is_refused(self) -> None:
        with pytest.raises(ImageError, match="no finite pixel"):
            load(encoded(np.full((32, 32), np.nan, np.float32), "TIFF"))

    def test_palette_gray_and_one_bit_become_rgb(self) -> None:
        for mode in ("P", "L", "1"):
            expected = np.asarray(PILImage.fromarray(PHOTO).convert(mode).convert("RGB"))
            assert np.array_equal(load(encoded(mode=mode)).pixels, expected)

    def test_transparency_is_laid_over_white(self) -> None:
        rgba = np.zeros((32, 32, 4), np.uint8)
        rgba[:, 16:] = (10, 20, 30, 255)
        for content in (
            encoded(rgba),
            encoded(rgba, "WEBP", lossless=True),
            encoded(rgba[:, :, [0, 3]]),
            encoded(np.zeros((32, 32, 3), np.uint8) + rgba[:, :, :3], transparency=(0, 0, 0)),
            encoded(rgba, "GIF"),
        ):
            pixels = load(content).pixels
            assert pixels[4, 4].tolist() == [255, 255, 255]
            assert pixels[4, 20].max() < 40

    @pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
    def test_of_an_animation_the_first_frame_is_read(self, format: str) -> None:
        frames = [PILImage.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
        out = io.BytesIO()
        frames[0].save(out, format, save_all=True, append_images=frames[1:])
        assert np.abs(load(out.getvalue()).pixels[3, 3].astype(int) - [255, 0, 0]).max() < 3


class TestMetadata:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
    def test_each_orientation_is_turned_upright(self, format: str, orientation: int) -> None:
        # Stored as a camera held that way would: applying the inverse turn to the upright photo.
        stored = {
            1: PHOTO,
            2: PHOTO[:, ::-1],
            3: PHOTO[::-1, ::-1],
            4: PHOTO[::-1],
            5: PHOTO.transpose(1, 0, 2),
            6: np.rot90(PHOTO, 1),
            7: PHOTO[::-1, ::-1].transpose(1, 0, 2),
            8: np.rot90(PHOTO, -1),
        }[orientation]
        options: dict[str, Any] = {"exif": exif_block(orientation=orientation, gps=True)}
        if format == "WEBP":
            options["lossless"] = True
        upright = load(encoded(np.ascontiguousarray(stored), format, **options)).pixels
        assert upright.shape == PHOTO.shape
        if format == "JPEG":
            assert np.abs(upright.astype(int) - PHOTO).mean() < 4
        else:
            assert np.array_equal(upright, PHOTO)

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_the_orientation_that_xmp_claims_is_ignored(self, format: str) -> None:
        plain = load(encoded(format=format)).pixels
        if format == "PNG":
            text = PngImagePlugin.PngInfo()
            text.add_itxt("XML:com.adobe.xmp", xmp_block(6).decode())
            options: dict[str, Any] = {"pnginfo": text}
        else:
            options = {"tiffinfo": {700: xmp_block(6)}} if format == "TIFF" else {"xmp": xmp_block(6)}
        forged = encoded(format=format, **options)
        assert xmp_block(6)[:20] in forged
        assert np.array_equal(load(forged).pixels, plain)

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
    def test_forged_gps_xmp_and_comments_change_no_pixel(self, format: str) -> None:
        options: dict[str, Any] = {"exif": exif_block(gps=True), "icc_profile": b"not a profile"}
        if format == "PNG":
            text = PngImagePlugin.PngInfo()
            text.add_text("Comment", "taken in Vienna")
            options["pnginfo"] = text
        else:
            options["xmp"] = xmp_block(8)
        if format == "JPEG":
            options["comment"] = b"taken in Vienna"
        forged = encoded(format=format, **options)
        assert len(forged) > len(encoded(format=format)) + 100
        assert np.array_equal(load(forged).pixels, load(encoded(format=format)).pixels)

    @pytest.mark.parametrize(
        "exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"?" * 99]
    )
    def test_a_broken_exif_block_means_upright(self, exif: bytes) -> None:
        image = PILImage.fromarray(PHOTO)
        image.info["exif"] = exif
        assert np.array_equal(load(image).pixels, PHOTO)


class TestBadInput:
    @pytest.mark.parametrize(
        "content",
        [
            b"\0",
            b"not an image at all",
            b"GIF89a",
            b"\xff\xd8\xff",
            b"RIFF" + b"\xff" * 4 + b"WEBP",
            b"II*\0" + b"\xff" * 40,
        ],
    )
    def test_bytes_that_are_no_image_are_refused(self, content: bytes) -> None:
        with pytest.raises(ImageError):
            load(content)

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
    @pytest.mark.parametrize("part", [0.3, 0.7, 0.9])
    def test_a_truncated_file_is_refused(self, format: str, part: float) -> None:
        content = encoded(RNG.integers(0, 255, (64, 64, 3), np.uint8), format)
        with pytest.raises(ImageError, match=r"truncated|damaged"):
            load(content[: int(len(content) * part)])

    def test_a_truncated_file_is_refused_though_a_library_allowed_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        content = encoded(format="JPEG")
        with pytest.raises(ImageError, match="truncated"):
            load(content[: int(len(content) * 0.8)])
        assert ImageFile.LOAD_TRUNCATED_IMAGES is True

    @pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 2**31 - 1), (13_000, 13_000), (200_000_000, 16)])
    def test_a_bomb_is_refused_by_its_header_before_anything_is_decoded(
        self, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def decode(self: ImageFile.ImageFile) -> None:
            raise AssertionError("decoded")

        monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
        gif = encoded(format="GIF")
        gif = gif[:6] + struct.pack("<HH", min(size[0], 65535), min(size[1], 65535)) + gif[10:]
        bmp = bytearray(encoded(format="BMP"))
        bmp[18:26] = struct.pack("<ii", *size)
        for bomb in (png_header(*size), bytes(bmp), *([gif] if size[0] < 65535 else [])):
            with pytest.raises(ImageError, match=r"150 million|too large"):
                load(bomb)

    def test_a_bomb_hidden_in_the_frame_of_a_small_gif_is_refused(self) -> None:
        gif = bytearray(encoded(format="GIF"))
        at = gif.index(b"\x2c", 13 + 3 * 2 ** ((gif[10] & 7) + 1))
        gif[at + 5 : at + 9] = struct.pack("<HH", 65535, 65535)
        with pytest.raises(ImageError):
            load(bytes(gif))

    def test_a_bomb_under_pillows_cap_is_held_to_ours(self) -> None:
        with pytest.raises(ImageError, match=r"more than the 1 million.*2000 x 1000"):
            load(png_header(2000, 1000), limits=Limits(max_pixels=1_000_000))

    def test_a_hundred_megapixels_pass_without_a_warning(self) -> None:
        content = encoded(np.zeros((8_000, 12_500), np.uint8), compress_level=1)
        assert load(content).pixels.shape == (8_000, 12_500, 3)

    def test_a_file_over_the_byte_cap_is_not_read_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.jpg"
        with path.open("wb") as file:
            file.truncate(2**40)  # sparse: a terabyte that takes no room
        with pytest.raises(ImageError, match="larger than 256 MiB"):
            load(path)

    def test_one_pixel_is_too_small(self) -> None:
        with pytest.raises(ImageError, match=r"1 x 1 pixels: at least 16"):
            load(encoded(np.zeros((1, 1, 3), np.uint8)))

    def test_a_folder_a_missing_path_an_empty_file_and_a_pipe_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(ImageError, match="is a folder"):
            load(tmp_path)
        with pytest.raises(ImageError, match="no such file"):
            load(tmp_path / "nowhere.jpg")
        (tmp_path / "empty.jpg").touch()
        with pytest.raises(ImageError, match="empty"):
            load(tmp_path / "empty.jpg")
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(ImageError, match="no regular file"):
            load(tmp_path / "pipe.jpg")

    def test_an_unreadable_file_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "locked.png"
        path.write_bytes(encoded())
        path.chmod(0)
        if os.geteuid() == 0:  # root may read everything

            def refuse(*args: Any, **kwargs: Any) -> Any:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(ImageError, match="permissions"):
            load(path)

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_damaged_files_raise_image_error_or_load(self, data: st.DataObject) -> None:
        format = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"]))
        content = bytearray(encoded(format=format))
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        try:
            image = load(bytes(content), limits=Limits(max_pixels=10**6))
        except ImageError as error:
            assert str(error)
        else:
            assert image.pixels.ndim == 3


class TestFindImages:
    def test_folders_are_expanded_in_order_and_files_are_kept(self, tmp_path: Path) -> None:
        for name in ("b.JPG", "a/z.png", "a/b/c.webp", "notes.txt", ".hidden.jpg", ".git/x.jpg"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        expected = [tmp_path / name for name in ("a/b/c.webp", "a/z.png", "b.JPG")]
        assert find_images([tmp_path]) == expected
        assert find_images([str(tmp_path / "notes.txt"), tmp_path]) == [tmp_path / "notes.txt", *expected]

    def test_a_path_that_is_missing_is_kept_for_load_to_name(self, tmp_path: Path) -> None:
        assert find_images([tmp_path / "nowhere.jpg"]) == [tmp_path / "nowhere.jpg"]

    def test_a_folder_without_photos_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ImageError, match="no photo in folder"):
            find_images([tmp_path])

    def test_photos_of_formats_that_are_not_opened_are_not_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        (tmp_path / "b.nef").write_bytes(encoded(format="TIFF"))  # what a raw file shows to a reader of TIFF
        (tmp_path / "c.heic").write_bytes(encoded(format="JPEG"))  # misnamed, as some phones' exports are
        found = find_images([tmp_path])
        assert [path.name for path in found] == ["a.HEIC", "b.nef", "c.heic"]
        for path in found[:2]:
            with pytest.raises(ImageError, match="export it as JPEG"):
                load(path)
        assert load(found[2]).pixels.shape == PHOTO.shape

    def test_a_folder_inside_that_cannot_be_listed_is_kept_for_load_to_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a.jpg").touch()
        (tmp_path / "locked").mkdir()
        scan = os.scandir

        def locked(path: Any) -> Any:  # root may list everything
            if Path(path).name == "locked":
                raise PermissionError(13, "Permission denied", str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", locked)
        assert find_images([tmp_path]) == [tmp_path / "a.jpg", tmp_path / "locked"]
        with pytest.raises(ImageError, match="cannot list folder"):
            find_images([tmp_path / "locked"])

    def test_one_locked_folder_among_others_does_not_end_a_batch(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("open", "locked"):
            (tmp_path / name).mkdir()
        (tmp_path / "open" / "a.jpg").touch()
        scan = os.scandir

        def locked(path: Any) -> Any:  # root may list everything
            if Path(path).name == "locked":
                raise PermissionError(13, "Permission denied", str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", locked)
        found = find_images([tmp_path / "locked", tmp_path / "open"])
        assert found == [tmp_path / "locked", tmp_path / "open" / "a.jpg"]

    def test_a_web_address_is_not_opened(self) -> None:
        for address in ("https://example.org/a.jpg", Path("http://example.org/a.jpg")):
            with pytest.raises(ImageError, match="download the photo first"):
                load(address)

    def test_a_link_back_up_ends(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").touch()
        (tmp_path / "loop").symlink_to(tmp_path)
        assert find_images([tmp_path]) == [tmp_path / "a.jpg"]


class TestThreads:
    """Photos are decoded by several threads at once."""

    def test_two_threads_are_inside_a_decoder_at_the_same_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        both = threading.Barrier(2, timeout=20)
        decode = ImageFile.ImageFile.load

        def meet_and_decode(self: ImageFile.ImageFile) -> Any:
            both.wait()
            return decode(self)

        monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", meet_and_decode)
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(load, [encoded(), encoded()])
        assert np.array_equal(first.pixels, second.pixels)

    def test_truncated_photos_are_refused_in_all_threads_and_the_switch_is_turned_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        whole = encoded(format="JPEG")

        def refused(content: bytes) -> bool:
            try:
                load(content)
            except ImageError:
                return True
            return False

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(refused, [whole[: int(0.8 * len(whole))], whole] * 100)) == [True, False] * 100
        assert ImageFile.LOAD_TRUNCATED_IMAGES is True

    def test_warnings_are_kept_in_only_for_the_thread_that_decodes(self) -> None:
        inside, seen = threading.Event(), threading.Event()

        def decode() -> None:
            with without_warnings():
                inside.set()
                assert seen.wait(20)
                warnings.warn("of the decoder", UserWarning, stacklevel=1)  # an error here, were it let through

        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(decode)
            assert inside.wait(20)
            with pytest.raises(UserWarning, match="of another thread"):  # the tests turn warnings into errors
                warnings.warn("of another thread", UserWarning, stacklevel=1)
            seen.set()
            task.result()
        with pytest.raises(UserWarning, match="afterwards"):
            warnings.warn("afterwards", UserWarning, stacklevel=1)

    def test_large_photos_that_pillow_warns_of_load_in_threads_though_warnings_are_errors(self) -> None:
        content = encoded(np.zeros((9_600, 9_600), np.uint8), compress_level=1)
        with ThreadPoolExecutor(2) as pool:
            assert [image.width for image in pool.map(load, [content] * 2)] == [9_600] * 2


class TestUltralytics:
    """It replaces ``PIL.Image.open`` by one that installs a package when a file is no image."""

    @pytest.mark.parametrize("modules", ["data.images, ultralytics.utils", "ultralytics.utils, data.images"])
    def test_a_file_that_is_no_image_is_one_error_whichever_is_imported_first(self, modules: str) -> None:
        tries = "try:\n    data.images.load(b'no image')\nexcept data.images.ImageError as error:\n    print(error)"
        quiet = os.environ | {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0"}
        done = subprocess.run(
            [sys.executable, "-c", f"import {modules}\n{tries}"], capture_output=True, text=True, env=quiet, check=True
        )
        assert "none of JPEG" in done.stdout
        assert "requirements" not in done.stdout + done.stderr


class TestStripes:
    """A photo is converted in stripes of rows; the seams must not show."""

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_tall_photo_is_turned_whole(self, orientation: int) -> None:
        stored = RNG.integers(0, 255, (1300, 40, 3), np.uint8)
        turned = load(encoded(stored, exif=exif_block(orientation=orientation))).pixels
        with PILImage.open(io.BytesIO(encoded(stored, exif=exif_block(orientation=orientation)))) as image:
            assert np.array_equal(turned, np.asarray(ImageOps.exif_transpose(image)))

    @pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "LAB"])
    def test_every_mode_is_converted_as_in_one_piece(self, mode: str) -> None:
        image = PILImage.fromarray(RNG.integers(0, 255, (1100, 40, 3), np.uint8)).convert(mode)
        assert np.array_equal(load(image).pixels, np.asarray(image.convert("RGB")))

    def test_gray_of_many_bits_has_one_scale_from_top_to_bottom(self) -> None:
        ramp = np.linspace(-5.0, 900.0, 1200, dtype=np.float32)[:, None] * np.ones((1, 40), np.float32)
        gray = load(encoded(ramp, "TIFF")).pixels[:, 7, 0].astype(int)
        assert gray[0] == 0 and gray[-1] == 255 and (np.diff(gray) >= 0).all() and np.diff(gray).max() <= 1


def test_the_filters_of_warnings_can_still_be_handed_to_another_process() -> None:
    load(encoded())
    assert pickle.loads(pickle.dumps(warnings.filters)) == warnings.filters


class TestMemory:
    def test_a_photo_that_does_not_fit_into_memory_says_what_to_do(self, tmp_path: Path) -> None:
        path = tmp_path / "wide.png"
        path.write_bytes(encoded(np.zeros((10_000, 10_000), np.uint8), compress_level=1))
        script = """
import resource, sys
import numpy as np
from data.errors import ImageError
from data.images import load
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
for more in (10, 50, 150):  # MiB: the file of 100 million pixels fits, its gray (95) and then its colours (286) do not
    resource.setrlimit(resource.RLIMIT_AS, (used + more * 2**20, resource.getrlimit(resource.RLIMIT_AS)[1]))
    try:
        load(sys.argv[1])
    except ImageError as error:
        print(error)
"""
        if not Path("/proc/self/statm").exists():
            pytest.skip("needs Linux's /proc to set a cap on memory")
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-c", script, str(path)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        assert done.stdout.count("does not fit into memory: make it smaller") == 3


class TestHostileNames:
    @pytest.mark.parametrize("name", ["a\x1b[2Jb.jpg", "gpj\u202eexe.jpg", "a\nb\r.jpg", "caf\udce9.jpg"])
    def test_an_error_shows_a_hostile_name_escaped_and_the_photo_keeps_it(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / name
        for make in (lambda: None, lambda: path.write_bytes(b"GIF89a"), lambda: path.write_bytes(b"")):
            make()
            with pytest.raises(ImageError) as caught:
                load(path)
            assert str(caught.value).isprintable()
            assert printable(name) in str(caught.value)
        path.write_bytes(encoded())
        assert load(path).name == str(path)
