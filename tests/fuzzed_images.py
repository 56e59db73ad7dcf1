"""Damaged and forged image files for :mod:`tests.fuzzing`."""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image as PILImage

from data.errors import ImageError
from data.images import FORMATS, Limits, load

__all__ = ["corpus", "hostile_image", "image_is_held", "mutated"]

LIMITS = Limits(max_pixels=2_000_000)
_NUMBERS = (0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 1024, 32767, 32768, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


@functools.cache
def corpus() -> tuple[bytes, ...]:
    """Small real files: every format that may be decoded, in many of its ways of storing."""
    rng = np.random.default_rng(0)
    ramp = np.stack(np.meshgrid(np.arange(48) * 5, np.arange(40) * 6), -1)
    rgb = np.dstack([ramp, rng.integers(0, 255, (40, 48))]).astype(np.uint8)
    photo = PILImage.fromarray(rgb)
    exif = PILImage.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 30.0)}
    deep = PILImage.fromarray(np.arange(40 * 48, dtype=np.uint16).reshape(40, 48) * 30)
    floating = PILImage.fromarray(np.linspace(-3, 9, 40 * 48, dtype=np.float32).reshape(40, 48))
    alpha = PILImage.fromarray(np.dstack([rgb, ramp[..., 0].astype(np.uint8)]))

    def frames() -> list[PILImage.Image]:  # new ones each time: saving as JPEG leaves its settings in an image
        return [PILImage.new("RGB", (48, 40), colour) for colour in ("red", "lime", "blue")]

    modes: dict[str, Any] = {m: photo.convert(m) for m in ("L", "1", "P", "CMYK", "YCbCr", "LAB")}
    wanted: list[tuple[PILImage.Image, str, dict[str, Any]]] = [
        (photo.copy(), "JPEG", {"exif": exif}),
        (photo.copy(), "JPEG", {"progressive": True, "quality": 95, "subsampling": 0}),
        (photo.copy(), "JPEG", {"restart_marker_blocks": 2, "comment": b"whence", "icc_profile": b"x" * 200}),
        (modes["L"], "JPEG", {}),
        (modes["CMYK"].copy(), "JPEG", {}),
        (photo.copy(), "MPO", {"save_all": True, "append_images": frames()}),
        (photo.copy(), "PNG", {"exif": exif, "dpi": (72, 72)}),
        (alpha, "PNG", {"compress_level": 0}),
        (modes["P"].copy(), "PNG", {"transparency": 3}),
        (modes["1"], "PNG", {}),
        (deep, "PNG", {}),
        (photo.copy(), "PNG", {"save_all": True, "append_images": frames()}),
        (photo.copy(), "WEBP", {"exif": exif}),
        (alpha, "WEBP", {"lossless": True}),
        (frames()[0], "WEBP", {"save_all": True, "append_images": frames()[1:]}),
        (modes["P"].copy(), "GIF", {"interlace": 1}),
        (frames()[0], "GIF", {"save_all": True, "append_images": frames()[1:], "transparency": 0, "disposal": 2}),
        (photo.copy(), "BMP", {}),
        (modes["P"].copy(), "BMP", {}),
        (alpha, "BMP", {}),
        (deep, "TIFF", {}),
        (floating, "TIFF", {"compression": "tiff_lzw"}),
        (modes["LAB"], "TIFF", {}),
        (modes["YCbCr"], "TIFF", {}),
        (modes["1"], "TIFF", {"compression": "group4"}),
        (modes["CMYK"].copy(), "TIFF", {"compression": "packbits"}),
        (modes["P"].copy(), "TIFF", {"compression": "tiff_adobe_deflate"}),
        (photo.copy(), "TIFF", {"compression": "jpeg", "tiffinfo": {0x0112: 6}}),
        (frames()[0], "TIFF", {"save_all": True, "append_images": frames()[1:]}),
    ]
    if "AVIF" in FORMATS:
        wanted += [(photo.copy(), "AVIF", {"exif": exif}), (alpha, "AVIF", {})]
    files = []
    for image, name, options in wanted:
        out = io.BytesIO()
        image.save(out, name, **options)
        files.append(out.getvalue())
    return tuple(files)


def hostile_image(rng: random.Random) -> bytes:
    """A damaged or forged image."""
    way = rng.random()
    content = rng.choice(corpus())
    if way < 0.03:
        return content[: rng.choice((4, 8, 12, 16, 32))] + rng.randbytes(rng.randrange(2000))
    if way < 0.08:  # one format's head on another's body
        other = rng.choice(corpus())
        return content[: rng.randrange(len(content))] + other[rng.randrange(len(other)) :]
    if way < 0.45:
        content = _with_other_chunks(content, rng)
    if way < 0.15:
        content = _with_other_exif(content, rng)
    return mutated(content, rng, most=rng.choice((0, 1, 2, 4, 16)) if way < 0.45 else rng.choice((1, 2, 4, 8, 40)))


def mutated(content: bytes, rng: random.Random, *, most: int) -> bytes:
    """``content`` after up to ``most`` changes: bits, bytes, numbers, slices cut, doubled, moved, zeroed, truncated.

    Half of the changes are near the beginning, where headers are.
    """
    data = bytearray(content)
    for _ in range(rng.randint(min(most, 1), most)):
        if not data:
            break
        at = rng.randrange(min(len(data), 200)) if rng.random() < 0.5 else rng.randrange(len(data))
        length = min(1 + int(rng.expovariate(1 / 20)), len(data) - at)
        match rng.randrange(9):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1 | 2:
                data[at] = rng.randrange(256)
            case 3 | 4:
                kind = rng.choice(("<H", ">H", "<I", ">I"))
                number = struct.pack(kind, rng.choice(_NUMBERS) % 2 ** (8 * struct.calcsize(kind)))
                data[at : at + len(number)] = number
            case 5:
                del data[at : at + length]
            case 6:
                data[at:at] = data[at : at + length] * rng.choice((1, 1, 2, 50))
            case 7:
                data[at : at + length] = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
            case 8:
                if rng.random() < 0.3:
                    del data[at:]
                else:
                    other = rng.randrange(len(data))
                    data[at : at + length] = data[other : other + length]
    return bytes(data)


def _with_other_chunks(content: bytes, rng: random.Random) -> bytes:
    """The file with its parts doubled, dropped, swapped or changed inside, and put together validly again."""
    if content.startswith(b"\x89PNG"):
        head, kind = content[:8], "png"
        parts, at = [], 8
        while at + 12 <= len(content):
            (size,) = struct.unpack(">I", content[at : at + 4])
            parts.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
            at += 12 + size
    elif content.startswith(b"\xff\xd8"):
        head, kind = content[:2], "jpeg"
        parts, at = [], 2
        while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
            size = int.from_bytes(content[at + 2 : at + 4], "big")
            parts.append((content[at : at + 2], content[at + 4 : at + 2 + size]))
            at += 2 + size
        parts.append((b"", content[at:]))
    elif content.startswith(b"RIFF"):
        head, kind = content[:12], "riff"
        parts, at = [], 12
        while at + 8 <= len(content):
            (size,) = struct.unpack("<I", content[at + 4 : at + 8])
            parts.append((content[at : at + 4], content[at + 8 : at + 8 + size]))
            at += 8 + size + size % 2
    else:
        return content
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(parts))
        match rng.randrange(5):
            case 0:
                parts.insert(rng.randrange(len(parts)), parts[at])
            case 1 if len(parts) > 1:
                del parts[at]
            case 2:
                other = rng.randrange(len(parts))
                parts[at], parts[other] = parts[other], parts[at]
            case 3:
                parts[at] = (rng.choice(parts)[0], parts[at][1])
            case _:
                parts[at] = (parts[at][0], _changed_inside(parts[at], rng))
    return head + b"".join(_chunk(kind, name, body) for name, body in parts)


def _changed_inside(part: tuple[bytes, bytes], rng: random.Random) -> bytes:
    name, body = part
    if name in (b"IDAT", b"fdAT", b"iCCP", b"zTXt") and rng.random() < 0.6:  # past the checksum of zlib as well
        try:
            return zlib.compress(mutated(zlib.decompress(body), rng, most=4) * rng.choice((1, 1, 1, 500)))
        except zlib.error:
            pass
    return mutated(body, rng, most=4)


def _chunk(kind: str, name: bytes, body: bytes) -> bytes:
    if kind == "png":
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    if kind == "jpeg":
        return body if not name else name + struct.pack(">H", min(len(body) + 2, 65535)) + body
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _with_other_exif(content: bytes, rng: random.Random) -> bytes:
    """A JPEG or PNG with an EXIF block in front that is no good."""
    order = rng.choice((b"II*\0", b"MM\0*"))
    end = "<" if order[0] == 73 else ">"
    tags = b"".join(
        struct.pack(end + "HHII", rng.choice((0x0112, 0x8769, 0x8825, 0x0100, rng.randrange(65536))), rng.randrange(14),
                    rng.choice(_NUMBERS), rng.choice(_NUMBERS))
        for _ in range(rng.randrange(6))
    )  # fmt: skip
    block = order + struct.pack(end + "IH", rng.choice((8, 8, 8, 0, 2**32 - 1)), rng.choice((len(tags) // 12, 65535)))
    exif = block + tags + struct.pack(end + "I", rng.choice((0, 8, 2**31)))
    if content.startswith(b"\xff\xd8"):
        return content[:2] + _chunk("jpeg", b"\xff\xe1", b"Exif\0\0" + exif) + content[2:]
    if content.startswith(b"\x89PNG"):
        return content[:33] + _chunk("png", b"eXIf", exif) + content[33:]
    return content


def image_is_held(content: bytes, *, limits: Limits = LIMITS) -> None:
    """A photo or an ``ImageError`` comes of it, within the caps, and without using up the memory."""
    try:
        image = load(content, limits=limits)
    except ImageError as error:
        message = str(error)
        assert message.isprintable(), f"control characters in {message!r}"
        assert "memory" not in message, f"a small file fills the memory: {message}"
        return
    assert image.width * image.height <= limits.max_pixels
    assert min(image.width, image.height) >= limits.min_side
    assert image.pixels.shape == (image.height, image.width, 3)
