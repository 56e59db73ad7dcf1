"""Photos in: checked, upright, RGB, without metadata.

One way in for whatever a caller has: a path, bytes, a PIL image or an array. What comes out is pixels and a name. Of
the metadata only the orientation is read, out of the one EXIF tag that holds it; the rest of EXIF, XMP, IPTC, comments
and colour profiles is never looked at, so that the same pixels always give the same answer.

Caps on bytes and pixels are checked before anything is decoded. Whatever is wrong with a file, the error is an
:class:`~data.errors.ImageError` that says what and what to do.
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import UnidentifiedImageError, features

from data.errors import ImageError
from data.orientation import as_stored, orientation
from data.pillow_settings import pillow_open, whole_images_only, without_warnings
from data.printable import printable

__all__ = ["DEFAULT_LIMITS", "FORMATS", "SUFFIXES", "Image", "ImageSource", "Limits", "find_images", "load"]

ImageSource = str | os.PathLike[str] | bytes | bytearray | memoryview | PILImage.Image | NDArray[np.uint8]
"""What :func:`load` takes."""

# Pillow names of the formats that are opened; whatever else Pillow could decode is refused unread (PSD, EPS, FITS, ...
# have had their share of decoder bugs, and are no photos). MPO is a JPEG with further frames.
FORMATS: Final[tuple[str, ...]] = (
    "JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "GIF", *(("AVIF",) if features.check("avif") else ()),
)  # fmt: skip
"""Formats that may be decoded, by Pillow's names."""

SUFFIXES: Final[frozenset[str]] = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"]
    + [".avif"] * ("AVIF" in FORMATS)
)
"""File name endings, in lower case, that :func:`find_images` takes for photos in a folder."""

# Photos too, but of formats that are not opened here (Apple's, cameras' raw files, JPEG 2000 and XL): in a folder they
# are not passed over in silence, and their error says what to do.
_FOREIGN = frozenset(
    [".heic", ".heif", ".hif", ".jxl", ".jp2"]
    + [".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".raf", ".rw2", ".pef", ".srw"]
    + [".avif"] * ("AVIF" not in FORMATS)
)
_ADDRESS = re.compile(r"(?i)^https?:/+")  # a Path has one of the two slashes
_OPENERS = tuple(f for f in FORMATS if f != "MPO")  # Pillow opens an MPO as JPEG, and sees what it is then
_STRIPE = 512  # rows that are converted at a time


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photo may be at most and at least.

    Attributes:
        max_bytes: Size of the file, checked before it is read.
        max_pixels: Width times height, checked in the header before anything is decoded.
        min_side: Shorter side in pixels; below it there is nothing to see.
        max_aspect: Longer side over shorter side; no panorama comes near it.
    """

    max_bytes: int = 256 * 2**20
    max_pixels: int = 150_000_000
    min_side: int = 16
    max_aspect: int = 100

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.min_side, self.max_aspect) < 1:
            raise ValueError(f"limits must be positive, not {self}")


DEFAULT_LIMITS: Final = Limits()
"""256 MiB, 150 megapixels (a 100 megapixel panorama passes, 20,000 x 20,000 does not), 16 pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A photo, upright.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, C-contiguous.
        name: The path as it was given, or None where there was none.
    """

    pixels: NDArray[np.uint8]
    name: str | None = None

    def __post_init__(self) -> None:
        p = self.pixels
        if p.dtype != np.uint8 or p.ndim != 3 or p.shape[2] != 3 or not p.flags.c_contiguous or p.size == 0:
            raise ValueError(f"pixels must be (H, W, 3) uint8, C-contiguous, not {p.shape} {p.dtype}")

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])


def load(source: ImageSource, *, limits: Limits = DEFAULT_LIMITS, at_least: int = 0) -> Image:
    """The photo in ``source``: its first frame, upright, RGB; transparency is laid over white.

    Args:
        source: A path, the bytes of a file, a PIL image, or an (H, W, 3) uint8 RGB array, which is copied.
        limits: Caps that are checked before decoding. Pillow's own cap of 179 megapixels holds beside them.
        at_least: Whether a file that is a JPEG may be decoded at a half, a quarter or an eighth of its size, which is
            faster: at the smallest whose shorter side has so many pixels. 0: whole. All else is decoded whole.

    Raises:
        ImageError: No such file, a folder, unreadable, empty, not an image, a format that is not in :data:`FORMATS`,
            truncated or damaged, too large, too small, or nothing that can be a photo.
        ValueError: ``at_least`` is negative.

    >>> load(np.zeros((32, 48, 3), np.uint8)).pixels.shape
    (32, 48, 3)
    """
    if at_least < 0:
        raise ValueError(f"at_least must be a number of pixels or 0, not {at_least}")
    try:
        return _load(source, limits, at_least)
    except MemoryError as error:
        name = printable(str(source)) if isinstance(source, str | os.PathLike) else "the photo"
        raise ImageError(_no_memory(name)) from error


def _load(source: ImageSource, limits: Limits, at_least: int) -> Image:
    if isinstance(source, np.ndarray):
        return Image(_checked_array(source, limits))
    if isinstance(source, PILImage.Image):
        name = str(getattr(source, "filename", "") or "") or None
        # A PIL image may be an open file that is not decoded yet, so it needs the same edge as a file does.
        shown = printable(name or "the PIL image")
        with _pillow_edge(shown, limits):
            return Image(_pixels(source, shown, limits), name)
    if isinstance(source, bytes | bytearray | memoryview):
        return Image(_decode(bytes(source), "the image", limits, at_least))
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        if not isinstance(name, str):
            raise ImageError(f"{name!r} is a path of bytes: pass a str, or the bytes of the file itself")
        return Image(_decode(_read(name, limits), printable(name), limits, at_least), name)
    raise ImageError(
        f"cannot make a photo of {type(source).__name__}: pass a path, the bytes of a file, a PIL image "
        "or an (H, W, 3) uint8 array"
    )


def find_images(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Photos under ``paths``: files as they are given, folders expanded recursively, in the order of their names.

    In a folder, what counts is a file with one of :data:`SUFFIXES`, or of a photo format that is not opened here (HEIC,
    raw); hidden files and folders are left out, and folders behind symbolic links are not entered (a link may lead back
    up). A path that does not exist is kept, and so is a folder among others that holds no photo or cannot be listed:
    :func:`load` says what is wrong with it, and a batch goes on.

    Raises:
        ImageError: Nothing but a folder without a photo, or one that cannot be listed.
    """
    found: list[Path] = []
    empty: Path | None = None
    given = [*map(Path, paths)]
    for path in given:
        if not _is_folder(path):
            found.append(path)
            continue
        try:
            inside = _files_inside(path)
        except ImageError:
            if len(given) == 1:
                raise
            inside = [path]
        empty = empty or (None if inside else path)
        found += inside or [path]
    if empty is not None and found == [empty]:
        raise ImageError(
            f"no photo in folder {printable(str(empty))}: looked for files ending in {', '.join(sorted(SUFFIXES))}"
        )
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a NUL in the name, a parent that may not be entered
        return False


def _files_inside(folder: Path) -> list[Path]:
    files: list[Path] = []

    def fail(error: OSError) -> None:
        if Path(error.filename) != folder:
            files.append(Path(error.filename))
            return
        raise ImageError(
            f"cannot list folder {printable(str(error.filename))}: {error.strerror}; check its permissions"
        ) from error

    for root, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [f for f in folders if not f.startswith(".")]
        files += [
            Path(root, n) for n in names if not n.startswith(".") and Path(n).suffix.lower() in SUFFIXES | _FOREIGN
        ]
    return sorted(files)


def _read(name: str, limits: Limits) -> bytes:
    shown = printable(name)
    try:
        # Non-blocking, so that a named pipe does not hang before its kind is known; it has no effect on files.
        with open(name, "rb", opener=lambda path, flags: os.open(path, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(f"{shown} is no regular file: pass the path of a photo")
            # One byte more than allowed shows that a file is too large, and so many are set aside beforehand.
            content = file.read(min(status.st_size, limits.max_bytes) + 1)
    except FileNotFoundError as error:
        if _ADDRESS.match(name):
            shown = _ADDRESS.sub(lambda scheme: f"{scheme[0].rstrip('/')}//", shown)
            raise ImageError(f"{shown} is a web address, and none is opened: download the photo first") from error
        raise ImageError(f"no such file: {shown}") from error
    except IsADirectoryError as error:
        raise ImageError(f"{shown} is a folder, not a photo: it holds none, or expand it with find_images") from error
    except PermissionError as error:
        hint = f"may not be {'listed' if _is_folder(Path(name)) else 'read'}: check its permissions"
        raise ImageError(f"{shown} {hint}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImageError(f"cannot read {shown!r}: {printable(str(error))}") from error
    return content


def _decode(content: bytes, name: str, limits: Limits, at_least: int) -> NDArray[np.uint8]:
    if not content:
        raise ImageError(f"{name} is empty: it has no bytes")
    if len(content) > limits.max_bytes:
        raise ImageError(
            f"{name} is larger than {limits.max_bytes / 2**20:.0f} MiB: make it smaller, or raise the limit"
        )
    foreign = Path(name).suffix.lower() in _FOREIGN
    no_opener = f"{name} is of a format that is not opened here: export it as JPEG"
    with _pillow_edge(name, limits):
        try:
            image = pillow_open(io.BytesIO(content), formats=_OPENERS)
        except UnidentifiedImageError as error:
            if foreign:
                raise ImageError(no_opener) from error
            raise ImageError(
                f"{name} is not an image that can be read: it is damaged, or none of {', '.join(FORMATS)}"
            ) from error
        with image:
            if foreign and image.format == "TIFF":  # a raw file begins as a TIFF, with a thumbnail
                raise ImageError(no_opener)
            if at_least:
                _check_size(image.width, image.height, name, limits)  # the whole size, which a draft hides
                image.draft(None, (max(at_least, limits.min_side),) * 2)
            return _pixels(image, name, limits)


@contextmanager
def _pillow_edge(name: str, limits: Limits) -> Iterator[None]:
    """Turn whatever Pillow raises on hostile bytes into :class:`ImageError`, and keep its warnings in."""
    with whole_images_only(), without_warnings():
        try:
            yield
        except ImageError:
            raise
        except PILImage.DecompressionBombError as error:
            raise ImageError(_too_many_pixels(name, limits)) from error
        except MemoryError as error:
            raise ImageError(_no_memory(name)) from error
        except Exception as error:
            # Decoders index, unpack, inflate and recurse over unchecked bytes, so anything may come out of them; it
            # always means a damaged file.
            detail = printable((str(error).splitlines() or [""])[0][:200]) or type(error).__name__
            raise ImageError(f"{name} is truncated or damaged ({detail}): export or download it again") from error


def _no_memory(name: str) -> str:
    return f"{name} does not fit into memory: make it smaller, or decode fewer photos at once"


def _checked_array(array: NDArray[np.uint8], limits: Limits) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise ImageError(f"an array must be uint8 in 0..255, not {array.dtype}: scale and convert it first")
    if array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(f"an array must be (height, width, 3) RGB, not of shape {array.shape}")
    _check_size(array.shape[1], array.shape[0], "the array", limits)
    return np.array(array, order="C", copy=True)


def _too_many_pixels(name: str, limits: Limits) -> str:
    return f"{name} has more than the {limits.max_pixels / 1e6:.0f} million pixels that are allowed: make it smaller"


def _check_size(width: int, height: int, name: str, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise ImageError(f"{_too_many_pixels(name, limits)} (it has {width} x {height})")
    if min(width, height) < limits.min_side:
        raise ImageError(f"{name} has {width} x {height} pixels: at least {limits.min_side} a side show something")
    if max(width, height) > limits.max_aspect * min(width, height):
        raise ImageError(f"{name} has {width} x {height} pixels: too narrow a strip to be a photo, crop it")


def _pixels(image: PILImage.Image, name: str, limits: Limits) -> NDArray[np.uint8]:
    """Decode the current frame of ``image``; nothing is decoded before its size is known to be allowed."""
    _check_size(image.width, image.height, name, limits)
    # Pillow turns a TIFF by itself while it loads it, and by XMP where the tag is absent: keep XMP out of its sight.
    hidden: dict[str | tuple[int, int], object] = {
        key: image.info.pop(key) for key in ("xmp", "XML:com.adobe.xmp") if key in image.info
    }
    try:
        image.load()
    finally:
        image.info.update(hidden)
    _check_size(image.width, image.height, name, limits)  # some decoders learn the true size only now
    exif = image.info.get("exif")
    turn = orientation(exif) if isinstance(exif, bytes) else 1
    size = (image.width, image.height) if turn >= 5 else (image.height, image.width)
    upright = np.empty((*size, 3), np.uint8)
    pixels = as_stored(upright, turn)  # a view: what is written into it stands upright
    white = _white(image, name) if image.mode.startswith(("I", "F")) else None
    # In stripes: beside what the decoder holds and what comes out, no third copy of a large photo is ever made.
    for top in range(0, image.height, _STRIPE):
        bottom = min(top + _STRIPE, image.height)
        stripe = image.crop((0, top, image.width, bottom))
        pixels[top:bottom] = _to_rgb(stripe) if white is None else _from_deep_gray(stripe, *white)[..., None]
    return upright


def _to_rgb(image: PILImage.Image) -> NDArray[np.uint8]:
    """(h, w, 3) of any of Pillow's modes of eight bits; transparency is laid over white."""
    if image.mode != "RGB" or "transparency" in image.info:
        if image.has_transparency_data:
            layer = image.convert("RGBA")
            image = PILImage.new("RGB", image.size, "white")
            image.paste(layer, mask=layer.getchannel("A"))
        else:
            image = image.convert("RGB")
    return np.asarray(image)


def _white(image: PILImage.Image, name: str) -> tuple[float, float]:
    """The values that become black and white in gray of more than eight bits, or in floating point."""
    if image.mode.startswith("I;16"):
        # A TIFF may say that only the lower 10, 12 or 14 of the 16 bits are in use.
        return 0.0, 2.0 ** max(getattr(image, "tag_v2", {}).get(258, (16,))) - 1.0
    low, high = math.inf, -math.inf
    for top in range(0, image.height, _STRIPE):
        gray = np.asarray(image.crop((0, top, image.width, min(top + _STRIPE, image.height))))
        low = min(low, float(gray.min(initial=math.inf, where=np.isfinite(gray))))
        high = max(high, float(gray.max(initial=-math.inf, where=np.isfinite(gray))))
    if high < low:
        raise ImageError(f"{name} has no finite pixel: export it as PNG or JPEG")
    if low >= 0.0 and image.mode == "F" and high <= 1.0:
        return 0.0, 1.0
    if low >= 0.0 and high <= 65535.0:
        return 0.0, 255.0 if image.mode == "F" and high <= 255.0 else 65535.0
    return low, high


def _from_deep_gray(image: PILImage.Image, low: float, white: float) -> NDArray[np.uint8]:
    """(h, w): ``low`` to ``white`` as 0 to 255; Pillow's own conversion clips at 255."""
    gray = np.asarray(image)
    scaled = (np.where(np.isfinite(gray), gray, low).astype(np.float32) - low) * (255.0 / max(white - low, 1e-30))
    eight: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return eight
