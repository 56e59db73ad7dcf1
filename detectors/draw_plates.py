"""Licence plates as they look: ground, band, border and text, drawn flat and sharp for composites.

A :class:`PlateLook` is a way of looking, not a format to read by: it needs the proportions, colours and the rhythm of
letters and digits that make people take a rectangle for a plate. Texts are random and belong to nobody's car except by
chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from detectors.render_fonts import FONT_FOLDER

__all__ = ["LOOKS", "PlateLook", "draw_plate", "random_plate"]

Colour = tuple[int, int, int]
_WHITE, _BLACK, _YELLOW, _BLUE = (245, 245, 242), (18, 18, 20), (248, 200, 20), (10, 50, 160)
_GREY, _RED, _GREEN, _NAVY = (190, 192, 194), (180, 20, 30), (10, 100, 60), (20, 30, 90)


@dataclass(frozen=True, slots=True)
class PlateLook:
    """How plates of one kind look.

    Attributes:
        name: Who has such plates: an ISO 3166-1 code and, after a hyphen, the kind.
        patterns: Texts: ``A`` a Latin capital, ``0`` a digit, ``|`` the next line, other characters as they stand.
        aspect: Width over height.
        ground: Colour behind the text.
        ink: Colour of the text and the border.
        band: Colour of a band at the left, or None.
        band_right: Colour of a band at the right, or None.
        band_top: Colour of a band along the top, or None.
        code: What stands in the left band.
        above: Words that may stand small over the text, one of them is taken.
        below: Words that may stand small under the text.
        lower: Colour of the lower end of a ground that changes from top to bottom, or None.
        weight: How often it is taken.
    """

    name: str
    patterns: tuple[str, ...]
    aspect: float
    ground: Colour = _WHITE
    ink: Colour = _BLACK
    band: Colour | None = None
    band_right: Colour | None = None
    band_top: Colour | None = None
    code: str = ""
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    lower: Colour | None = None
    weight: float = 1.0


def _eu(name: str, *patterns: str, weight: float = 1.0, code: str = "") -> PlateLook:
    return PlateLook(name, patterns, 520 / 110, band=_BLUE, code=code or name[:2], weight=weight)


LOOKS: Sequence[PlateLook] = (
    _eu("DE", "A:AA 0000", "AA:AA 000", "AAA:A 000", weight=2, code="D"),
    _eu("SK", "AA·000AA", weight=2), _eu("CZ", "0A0 0000"), _eu("PL", "AA 00000", "AAA 0A00"),
    _eu("HU", "AAA-000", code="H"), _eu("AT", "A·00000A", "AA·000AA", code="A"), _eu("RO", "A 000 AAA", "AA 00 AAA"),
    _eu("BG", "AA 0000 AA"), _eu("ES", "0000 AAA", code="E"), _eu("PT", "AA·00·AA", "00·00·AA", code="P"),
    _eu("GR", "AAA·0000"), _eu("FI", "AAA-000"), _eu("SE", "AAA 000", code="S"), _eu("DK", "AA 00 000"),
    PlateLook("FR", ("AA-000-AA",), 4.73, band=_BLUE, band_right=_BLUE, code="F", weight=2),
    PlateLook("IT", ("AA 000AA",), 4.73, band=_BLUE, band_right=_BLUE, code="I", weight=2),
    PlateLook("EU-square", ("AA 00|000 AA", "AAA|0000"), 1.35, band=_BLUE, code="D", weight=1.5),
    PlateLook("GB-rear", ("AA00 AAA",), 4.68, ground=_YELLOW, weight=2),
    PlateLook("GB-front", ("AA00 AAA",), 4.68, band=_BLUE, code="GB", weight=1.5),
    PlateLook("GB-square", ("AA00|AAA",), 1.4, ground=_YELLOW),
    PlateLook("NL", ("AA-000-A", "00-AAA-0", "0-AAA-00"), 4.73, ground=_YELLOW, band=_BLUE, code="NL", weight=1.5),
    PlateLook("LU", ("AA 0000",), 4.73, ground=_YELLOW, band=_BLUE, code="L"),
    PlateLook("BE", ("0-AAA-000",), 4.73, ink=(140, 25, 45), band=_BLUE, code="B"),
    PlateLook("CH", ("AA·000000", "AA·0000"), 4.6), PlateLook("NO", ("AA 00000",), 4.73, band=_BLUE, code="N"),
    PlateLook("UA", ("AA 0000 AA",), 4.64, band=_BLUE, code="UA", weight=1.5),
    PlateLook("RU", ("A 000 AA  00", "A 000 AA 000"), 4.64, below=("", ""), weight=2),
    PlateLook("TR", ("00 AAA 000", "00 AA 0000"), 4.73, band=_BLUE, code="TR", weight=1.5),
    PlateLook("US-plain", ("0AAA000", "AAA-0000", "AAA 000", "000 AAA", "AA 00000"), 2.0,
              above=("California", "TEXAS", "Ohio", "VIRGINIA", "Oregon", "NEVADA"),
              below=("", "dmv.ca.gov"), weight=4),
    PlateLook("US-blue", ("AAA 0000", "AAA-0000", "000-AAA"), 2.0, ink=_NAVY,
              above=("NEW YORK", "ILLINOIS", "MICHIGAN", "Maryland", "IDAHO"),
              below=("EMPIRE STATE", "Land of Lincoln"),
              lower=(190, 205, 235), weight=3),
    PlateLook("US-green", ("AAA 000", "000·AAA", "AAA 0000"), 2.0, ink=_GREEN,
              above=("Vermont", "COLORADO", "WASHINGTON"), below=("", "Green Mountain State"), weight=2),
    PlateLook("US-red", ("AAA 0000", "0AA A00"), 2.0, ink=_RED, above=("Georgia", "MASSACHUSETTS", "Kansas"),
              below=("Peach State", "The Spirit of America"), lower=(240, 215, 190), weight=2),
    PlateLook("US-yellow", ("AAA 0000", "000 AAA"), 2.0, ground=_YELLOW, ink=_NAVY, above=("NEW MEXICO", "New York"),
              below=("Land of Enchantment", "EMPIRE STATE"), weight=1.5),
    PlateLook("US-dark", ("AAA-000", "AA 00000"), 2.0, ground=_NAVY, ink=_WHITE, above=("Alaska", "Kentucky")),
    PlateLook("CA", ("AAAA 000", "AA0 00A", "AAA-0000"), 2.0, ink=_NAVY, above=("ONTARIO", "Québec", "Beautiful"),
              below=("YOURS TO DISCOVER", "Je me souviens", "British Columbia"), weight=2),
    PlateLook("MX", ("AAA-000-A", "AAA-00-00"), 2.0, ink=_GREEN, above=("JALISCO", "CDMX", "PUEBLA", "NUEVO LEÓN"),
              below=("TRASERA", "DELANTERA"), weight=1.5),
    PlateLook("BR-old", ("AAA·0000", "AAA-0000"), 3.08, ground=_GREY, above=("SP-SAO PAULO", "RS-PORTO ALEGRE",
              "PR-CURITIBA", "MG-BELO HORIZONTE"), weight=4),
    PlateLook("BR-taxi", ("AAA-0000",), 3.08, ground=(170, 30, 35), ink=_WHITE, above=("RJ-RIO DE JANEIRO",),
              weight=0.7),
    PlateLook("BR-mercosur", ("AAA0A00",), 3.08, band_top=_BLUE, code="BRASIL", weight=2),
    PlateLook("AR", ("AA 000 AA",), 3.08, band_top=_BLUE, code="REPUBLICA ARGENTINA", weight=1),
    PlateLook("AR-old", ("AAA 000",), 2.3, ground=_BLACK, ink=_WHITE, above=("ARGENTINA",)),
    PlateLook("CL", ("AAAA·00",), 2.8, below=("CHILE",)), PlateLook("CO", ("AAA·000",), 2.06, ground=_YELLOW,
              below=("BOGOTA D.C.", "MEDELLIN"), weight=1.2),
    PlateLook("AU", ("AAA·00A", "000·AAA", "0AA 0AA"), 2.78, below=("VICTORIA", "QUEENSLAND"), ink=_NAVY),
    PlateLook("AU-yellow", ("AAA 00A",), 2.78, ground=_YELLOW, below=("NEW SOUTH WALES",)),
    PlateLook("ZA", ("AAA 000 AA", "AA 00 AA AA"), 4.7, ink=_NAVY), PlateLook("KE", ("AAA 000A",), 4.7),
    PlateLook("NG", ("AAA-000AA",), 2.2, ink=_NAVY, above=("LAGOS", "ABUJA"), below=("CENTRE OF EXCELLENCE",)),
    PlateLook("IN", ("AA 00 AA 0000",), 4.17, weight=1.5), PlateLook("IN-taxi", ("AA 00 AA 0000",), 4.17,
              ground=_YELLOW),
    PlateLook("IN-square", ("AA 00 A|0000", "AA 00 AA|0000"), 1.7, weight=1.2),
    PlateLook("ID", ("A 0000 AAA",), 3.2, ground=_BLACK, ink=_WHITE, below=("00·00",)),
    PlateLook("MY", ("AAA 0000",), 4.2, ground=_BLACK, ink=_WHITE), PlateLook("SG", ("AAA 0000 A",), 4.2, ground=_BLACK,
              ink=_WHITE),
    PlateLook("CN", ("京A·00000", "粤A·A0000", "沪A·00A00", "川A·000A0"), 3.14, ground=(20, 70, 170),
              ink=_WHITE, weight=2),
    PlateLook("CN-new", ("京A A00000", "粤A A00000"), 3.4, ground=(220, 240, 225), lower=(110, 200, 130)),
    PlateLook("JP", ("品川 500|さ 00-00", "横浜 300|た 00-00", "なにわ 330|す 00-00"), 2.0, ink=(0, 95, 70), weight=2),
    PlateLook("JP-kei", ("足立 580|あ 00-00", "神戸 480|い 00-00"), 2.0, ground=_YELLOW),
    PlateLook("KR", ("00가 0000", "000나 0000", "00 머 0000"), 4.73), PlateLook("TW", ("AAA-0000",), 2.4),
    PlateLook("TH", ("กข 0000", "0กค 000"), 2.3, below=("กรุงเทพมหานคร", "เชียงใหม่")),
    PlateLook("VN", ("00A-000.00",), 4.3), PlateLook("VN-square", ("00A-A0|000.00",), 1.4),
    PlateLook("PH", ("AAA 0000",), 2.8), PlateLook("LK", ("AAA-0000",), 4.2),
    PlateLook("IL", ("000-00-000", "00-000-00"), 4.6, ground=_YELLOW, band=_BLUE, code="IL"),
    PlateLook("SA", ("0000 AAA|٣٢٥٨ ح ب ر", "AAA 0000|ا ب ح ٧٤١٢"), 2.1), PlateLook("AE", ("A 00000", "0 00000"), 4.4),
    PlateLook("EG", ("٢٣٨٤ ن ط ج", "٥٧٦ ر ق س"), 2.1, band_top=(60, 140, 210), code="EGYPT   مصر"),
    PlateLook("MA", ("00000 أ 6",), 4.6),
    PlateLook("KZ", ("000 AAA 00",), 4.64, band=(60, 160, 200)),
    PlateLook("GE", ("AA-000-AA",), 4.64, band=_BLUE, code="GE"), PlateLook("IR", ("00ب000 00",), 4.7, band=_BLUE),
)  # fmt: skip
"""What is drawn; shapes and colours from common knowledge of what these plates look like."""

_FACES = (
    "LiberationSansNarrow-Bold.ttf", "LiberationSans-Bold.ttf", "DejaVuSansCondensed-Bold.ttf",
    "LiberationMono-Bold.ttf",
    "NotoSans-Bold.ttf", "DejaVuSansMono-Bold.ttf", "NotoSansMono-Bold.ttf", "LiberationSansNarrow-Regular.ttf",
)  # fmt: skip
_OTHER_FACES = ("NotoSansCJK-Bold.ttc", "NotoSansThai-Bold.ttf", "NotoNaskhArabic-Bold.ttf")
_HEIGHT = 110  # pixels of a plate as it is drawn


@lru_cache(maxsize=1)
def _font_files(folder: Path = FONT_FOLDER) -> dict[str, Path]:
    found = {path.name: path for path in sorted(folder.rglob("*.tt?"))}
    if not any(name in found for name in _FACES):
        raise DatasetError(f"no font to write plates with under {folder}: install fonts-liberation and fonts-dejavu")
    return found


@lru_cache(maxsize=256)
def _font(name: str, size: int):  # type: ignore[no-untyped-def]
    # Lazy: Pillow's FreeType binding is only needed to train.
    from PIL import ImageFont

    return ImageFont.truetype(str(_font_files()[name]), size)


def _face_for(text: str, rng: np.random.Generator) -> str:
    files = _font_files()
    letters = [ord(c) for c in text if ord(c) > 0x2FF]
    if letters:
        first = letters[0]
        name = _OTHER_FACES[1 if 0xE00 <= first < 0xE80 else 2 if 0x600 <= first < 0x700 else 0]
        if name in files:
            return name
    there = [name for name in _FACES if name in files]
    return there[int(rng.integers(len(there)))]


def random_plate(rng: np.random.Generator, looks: Sequence[PlateLook] = LOOKS) -> tuple[NDArray[np.uint8], PlateLook]:
    """A plate in one of ``looks``, (h, w, 3) uint8 RGB, with random letters and digits, and which look it is."""
    weights = np.array([look.weight for look in looks])
    look = looks[int(rng.choice(len(looks), p=weights / weights.sum()))]
    pattern = look.patterns[int(rng.integers(len(look.patterns)))]
    return draw_plate(look, _filled(pattern, rng), rng), look


def _filled(pattern: str, rng: np.random.Generator) -> str:
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    take = {"A": lambda: letters[int(rng.integers(len(letters)))], "0": lambda: str(rng.integers(10))}
    return "".join(take[c]() if c in take else c for c in pattern)


def draw_plate(look: PlateLook, text: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """``text`` on a plate of ``look``: (110, w, 3) uint8 RGB, w by the look's proportions; ``|`` parts its lines."""
    # Lazy: see _font.
    from PIL import Image, ImageDraw

    height, width = _HEIGHT, max(round(_HEIGHT * look.aspect * rng.uniform(0.95, 1.05)), 40)
    canvas = Image.new("RGB", (width, height), look.ground)
    draw = ImageDraw.Draw(canvas)
    if look.lower is not None:
        for y in range(height):
            mixed = tuple(round(a + (b - a) * y / height) for a, b in zip(look.ground, look.lower, strict=True))
            draw.line([(0, y), (width, y)], fill=mixed)
    if look.name.startswith("US") and rng.random() < 0.5:  # a picture in the middle
        tint = tuple(int(c) for c in rng.integers(120, 240, 3))
        x, r = width * rng.uniform(0.2, 0.8), height * rng.uniform(0.2, 0.6)
        draw.ellipse([x - r, height / 2 - r / 2, x + r, height / 2 + r / 2], fill=tint)
    left, right, top, bottom = 0.03 * width, 0.97 * width, 0.08 * height, 0.92 * height
    if look.band is not None:
        draw.rectangle([0, 0, 0.42 * height, height], fill=look.band)
        _write(draw, look.code, (0.04 * height, 0.60 * height, 0.38 * height, 0.95 * height), _WHITE, rng)
        draw.ellipse([0.08 * height, 0.12 * height, 0.34 * height, 0.38 * height], outline=_YELLOW, width=4)
        left = 0.42 * height + 0.02 * width
    if look.band_right is not None:
        draw.rectangle([width - 0.42 * height, 0, width, height], fill=look.band_right)
        _write(draw, str(rng.integers(10, 99)), (width - 0.4 * height, 0.6 * height, width, 0.95 * height), _WHITE, rng)
        right = width - 0.42 * height - 0.02 * width
    if look.band_top is not None:
        draw.rectangle([0, 0, width, 0.26 * height], fill=look.band_top)
        _write(draw, look.code, (0.1 * width, 0.02 * height, 0.9 * width, 0.24 * height), _WHITE, rng)
        top = 0.3 * height
    if look.above:
        word = look.above[int(rng.integers(len(look.above)))]
        _write(draw, word, (0.2 * width, 0.03 * height, 0.8 * width, 0.24 * height), look.ink, rng)
        top = 0.27 * height
    if look.below and (word := look.below[int(rng.integers(len(look.below)))]):
        _write(draw, word, (0.2 * width, 0.82 * height, 0.8 * width, 0.97 * height), look.ink, rng)
        bottom = 0.79 * height
    lines = text.split("|")
    step = (bottom - top) / len(lines)
    for i, line in enumerate(lines):
        box = (left, top + i * step + 0.02 * height, right, top + (i + 1) * step - 0.02 * height)
        _write(draw, line.replace("·", " • ").replace(":", " "), box, look.ink, rng)
    if rng.random() < 0.7:
        draw.rounded_rectangle([1, 1, width - 2, height - 2], 8, outline=look.ink, width=int(rng.integers(2, 5)))
    return np.asarray(canvas)


def _write(draw, text: str, box: tuple[float, float, float, float], ink: Colour, rng: np.random.Generator) -> None:  # type: ignore[no-untyped-def]
    """``text`` as large as ``box`` (left, top, right, bottom) lets it be, in its middle."""
    if not text.strip():
        return
    left, top, right, bottom = box
    face = _face_for(text, rng)
    probe = draw.textbbox((0, 0), text, font=_font(face, 100))
    wide, high = max(probe[2] - probe[0], 1), max(probe[3] - probe[1], 1)
    size = max(int(100 * min((right - left) / wide, (bottom - top) / high)), 5)
    x0, y0, x1, y1 = draw.textbbox((0, 0), text, font=_font(face, size))
    place = ((left + right - x0 - x1) / 2, (top + bottom - y0 - y1) / 2)
    draw.text(place, text, fill=ink, font=_font(face, size))
