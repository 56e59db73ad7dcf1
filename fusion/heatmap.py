"""Draws an explanation: the photo, dimmed, with its heat over it, a legend and the strongest places named.

The colours run two ways from nothing. What carries the target goes from clear over red to pale yellow, what speaks
against it from clear over blue to pale cyan: either way lighter and more solid with every step, so that strength is
seen without knowing the colours, and told apart by those who do not tell red from green.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from data.errors import RequestError, WhenceError
from data.printable import printable
from data.writing import write_whole
from detectors.base import bounds
from fusion.coverings import LEAST_NATS
from fusion.describe import percent
from fusion.explain_words import effect, quoted, title

if TYPE_CHECKING:
    from fusion.explain import Explanation, Part

__all__ = ["check_heatmap_path", "coloured", "draw_heatmap", "write_heatmap"]

_PHOTO_PX: Final = (480, 960)  # longer side of the photo as it is drawn: small ones are enlarged
_LEAST_WIDTH: Final = 560  # of the picture: a narrow photo stands in the middle of it
_LEAST_SCALE: Final = 0.1  # nats at the end of the scale where nothing moves the target by more
_NAMED: Final = 5
_MARGIN, _LINE, _LETTERS, _HEADING, _BAR = 14, 20, 14, 17, 14  # pixels
_FONTS: Final = ("DejaVuSans.ttf", "Arial.ttf", "arial.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf")
_PLAIN: Final = MappingProxyType({"•": "*", "…": "..."})
_PAPER, _INK, _GREY = (250, 250, 250), (25, 25, 25), (105, 105, 105)
_DIM: Final = 0.65  # of the photo's light that is left

# Colours (r, g, b) at equal steps of strength.
_FOR: Final = np.array([(120, 10, 20), (190, 25, 20), (230, 80, 15), (250, 150, 30), (255, 210, 90), (255, 245, 180)])
_AGAINST: Final = np.array(
    [(15, 30, 110), (20, 65, 165), (30, 115, 205), (70, 165, 230), (130, 210, 245), (205, 245, 255)]
)


def check_heatmap_path(path: Path) -> None:
    """Before the photo is looked at: whether a heat map may be written to ``path``.

    Raises:
        RequestError: Its name does not end in .png, it is a folder, or there is no such folder.
    """
    if path.suffix.lower() != ".png":
        raise RequestError(f"cannot write {path}: a heat map is a picture, name a file that ends in .png")
    if not path.parent.is_dir():
        raise RequestError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise RequestError(f"cannot write {path}: it is a folder; name a file in it")


def write_heatmap(told: Explanation, path: Path) -> Path:
    """Draw ``told``, write it to ``path`` in one step, without any metadata, and return the path.

    Raises:
        RequestError: As :func:`check_heatmap_path`.
        WhenceError: It cannot be written there.
    """
    check_heatmap_path(path)
    stream = io.BytesIO()
    Pillow.fromarray(draw_heatmap(told)).save(stream, "PNG", optimize=True)
    try:
        write_whole(path, stream.getvalue())
    except OSError as error:
        raise WhenceError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
    return path


def draw_heatmap(told: Explanation) -> NDArray[np.uint8]:
    """The whole picture (H, W, 3) RGB: title, photo with heat, scale, and the strongest places by their numbers."""
    with Pillow.open(io.BytesIO(told.picture)) as opened:
        photo = opened.convert("RGB")
    longer = max(photo.size)
    enlarged = min(max(longer, _PHOTO_PX[0]), _PHOTO_PX[1]) / longer
    size = max(round(photo.width * enlarged), 1), max(round(photo.height * enlarged), 1)
    peak = max(float(np.abs(told.heat).max()), _LEAST_SCALE)
    heat = told.heat if _two_ways(told.heat, peak) else np.maximum(told.heat, 0.0)  # no colour that the scale lacks
    shown = _overlay(photo.resize(size, Pillow.Resampling.BICUBIC), heat, peak)
    named = _named(told.parts)
    _frame(shown, named, told.picture_scale * enlarged)

    width = max(size[0], _LEAST_WIDTH) + 2 * _MARGIN
    heading, above, below = _rows(told, named, peak, width - 2 * _MARGIN)
    height = 3 * _MARGIN + _LINE * len(heading + above) + size[1] + _BAR + _LINE + 8 + _LINE * len(below) + _MARGIN
    sheet = Pillow.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    y = _MARGIN
    for line in heading:
        draw.text((_MARGIN, y), line, _INK, font=_font(_HEADING))
        y += _LINE
    for line in above:
        draw.text((_MARGIN, y), line, _GREY, font=_font(_LETTERS))
        y += _LINE
    y += _MARGIN // 2
    sheet.paste(shown, ((width - size[0]) // 2, y))
    y += size[1] + _MARGIN
    y = _scale(sheet, draw, y, told.heat, peak)
    for line in below:
        draw.text((_MARGIN, y), line, _INK, font=_font(_LETTERS))
        y += _LINE
    return np.asarray(sheet)


def coloured(strength: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colours (..., 3), 0 to 255, and how solid they are (...), 0 to 1, of strengths from -1 to 1; clear at 0."""
    size = np.clip(np.abs(strength), 0.0, 1.0)
    steps = np.linspace(0.0, 1.0, len(_FOR))
    arms = [np.stack([np.interp(size, steps, table[:, c]) for c in range(3)], axis=-1) for table in (_FOR, _AGAINST)]
    colours = np.where((strength >= 0.0)[..., None], arms[0], arms[1])
    return colours.astype(np.float32), (0.9 * np.sqrt(size)).astype(np.float32)


def _overlay(photo: Pillow.Image, heat: NDArray[np.float32], peak: float) -> Pillow.Image:
    """The photo in dimmed grey with the heat over it."""
    light = np.asarray(photo.convert("L"), np.float32)[:, :, None]
    grey = light * np.float32(_DIM)
    sized = np.asarray(Pillow.fromarray(heat).resize(photo.size, Pillow.Resampling.BILINEAR), np.float32)
    colours, solid = coloured(sized / np.float32(peak))
    # The photo stays to be seen through the heat: its light and shade are kept in part.
    texture = np.float32(0.75) + light * np.float32(0.25 / 255.0)
    mixed = grey * (1.0 - solid[:, :, None]) + colours * texture * solid[:, :, None]
    return Pillow.fromarray(np.clip(np.rint(mixed), 0, 255).astype(np.uint8))


def _named(parts: Sequence[Part]) -> list[Part]:
    """The places that move the target most, either way."""
    moving = [part for part in parts if abs(part.drop) >= LEAST_NATS]
    return sorted(moving, key=lambda part: -abs(part.drop))[:_NAMED]


def _frame(shown: Pillow.Image, named: Sequence[Part], scale: float) -> None:
    """Frames and numbers of the named places; a number stands where it hides no other, if there is room."""
    draw = ImageDraw.Draw(shown)
    font, taken = _font(_LETTERS - 1), list[tuple[float, float, float, float]]()
    for k, part in enumerate(named, start=1):
        left, top, right, bottom = (value * scale for value in bounds(part.box))
        left, top = max(left - 2, 0.0), max(top - 2, 0.0)
        right, bottom = min(right + 2, shown.width - 1.0), min(bottom + 2, shown.height - 1.0)
        if right <= left or bottom <= top:
            continue
        draw.rectangle((left, top, right, bottom), outline=(255, 255, 255), width=1)
        wide, high = 6 + draw.textlength(str(k), font=font), _LETTERS + 3
        corners = [
            (x, y) for y in (top - high, bottom + 1, top) for x in (left, right - wide, left - wide - 1, right + 1)
        ]
        labels = [
            (x, y, x + wide, y + high)
            for x, y in corners
            if 0 <= x <= shown.width - wide and 0 <= y <= shown.height - high
        ]
        free = [at for at in labels if not any(_meet(at, other) for other in taken)]
        label = next(iter([*free, *labels]), (0.0, 0.0, wide, float(high)))
        taken.append(label)
        draw.rectangle(label, fill=(255, 255, 255))
        draw.text((label[0] + 3, label[1]), str(k), _INK, font=font)


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _rows(told: Explanation, named: Sequence[Part], peak: float, width: int) -> tuple[list[str], list[str], list[str]]:
    """The heading, lines above the photo and lines below the scale, none wider than ``width`` pixels."""
    heading = _shown(title(told)).replace("what carries", "What carries", 1)
    without = "" if told.without_text is None else f"without any text {percent(told.without_text)}; "
    above = [f"{without}prior {_shown(told.prior_name)}"]
    colours = "red to yellow: carries it, covering this place lowers its odds"
    if _two_ways(told.heat, peak):
        colours += "; blue to cyan: speaks against it"
    above.append(colours)
    below = [_of_scale(told, peak)]
    for k, part in enumerate(named, start=1):
        what = f"'{_shown(quoted(part.text))}'" if part.text else f"this {part.kind}"
        below.append(f"{k}  {what}: {effect(told, part)}")
    if not named:
        below.append(f"No place by itself moves it by {LEAST_NATS:g} nats.")
    return _wrapped([heading], width, _HEADING), _wrapped(above, width, _LETTERS), _wrapped(below, width, _LETTERS)


def _wrapped(lines: Sequence[str], width: int, size: int) -> list[str]:
    """``lines`` broken between words so that letters of ``size`` fit into ``width`` pixels; longer words are cut."""
    font, out = _font(size), list[str]()
    for line in lines:
        row = ""
        for word in line.split(" "):
            longer = f"{row} {word}" if row else word
            if font.getlength(longer) <= width:
                row = longer
                continue
            out += [row] if row else []
            row = word
            while font.getlength(row) > width and len(row) > 1:
                kept = next((k for k in range(len(row) - 1, 1, -1) if font.getlength(row[:k]) <= width), 1)
                out.append(row[:kept])
                row = row[kept:]
        out.append(row)
    return out


def _of_scale(told: Explanation, peak: float) -> str:
    """What the end of the scale means for the target's probability."""
    strongest = float(told.heat.flat[int(np.abs(told.heat).argmax())])
    if abs(strongest) < _LEAST_SCALE:
        at = f"it stays at {percent(told.probability)}"
        return f"No place moves it by {_LEAST_SCALE:g} nats: whatever is covered, {at}."
    odds = told.log_odds - strongest
    left = float(1.0 / (1.0 + np.exp(-odds)))
    each = " Lines, signs and areas below are covered whole, each by itself." if told.parts else ""
    return (
        f"The strongest place is worth {strongest:+.1f} nats, the mean of the windows over it: without so much, "
        f"{percent(told.probability)} would be {percent(left)}.{each}"
    )


def _two_ways(heat: NDArray[np.float32], peak: float) -> bool:
    """Whether enough speaks against the target to be seen."""
    return float(heat.min()) < -0.02 * peak


def _scale(sheet: Pillow.Image, draw: ImageDraw.ImageDraw, y: int, heat: NDArray[np.float32], peak: float) -> int:
    """The bar of colours with its ends in nats; returns where the next line goes."""
    two = _two_ways(heat, peak)
    width = sheet.width - 2 * _MARGIN
    strength = np.linspace(-1.0 if two else 0.0, 1.0, width, dtype=np.float32)
    colours, solid = coloured(strength)
    bar = np.float32(110 * _DIM) * (1.0 - solid[:, None]) + colours * solid[:, None]
    sheet.paste(Pillow.fromarray(np.repeat(np.rint(bar).astype(np.uint8)[None], _BAR, axis=0)), (_MARGIN, y))
    y += _BAR + 2
    font = _font(_LETTERS - 2)
    ends = [(0.0, "0"), (1.0, f"+{peak:.2g} nats of log-odds")]
    ends = [(-1.0, f"-{peak:.2g}"), *ends] if two else ends
    for at, label in ends:
        x = _MARGIN + (at - strength[0]) / (1.0 - strength[0]) * width
        wide = draw.textlength(label, font=font)
        x = min(max(x - wide / 2, _MARGIN), sheet.width - _MARGIN - wide)
        draw.text((x, y), label, _GREY, font=font)
    return y + _LINE + 6


def _shown(text: str) -> str:
    """``text`` with what the font has no letters for without its accents, or else as dots."""
    return "".join(_letter(c) for c in printable(text))


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    for form in (character, unicodedata.normalize("NFKD", character)[:1], _PLAIN.get(character, "")):
        if form and (form.isascii() or _glyph(form) != _glyph("\U0010ffff")):
            return form
    return "·"


def _glyph(character: str) -> tuple[tuple[int, int], bytes]:
    mask = _font(_LETTERS).getmask(character)
    return mask.size, bytes(mask)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of the system with many letters; else Pillow's own, which has hardly more than ASCII."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
