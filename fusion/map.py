"""One answer as one HTML file that opens with no network.

The page carries everything in itself: Leaflet, the world's outlines, the drawn cells, the photo and the ledger. Its
content security policy lets it load nothing and run nothing but its own two scripts, named by their hashes. Data
reaches the page as escaped JSON and becomes text nodes, never markup.

Coordinates are degrees; the outlines of cells and circles come from :mod:`fusion.rings`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import DatasetError
from detectors.base import Box, scaled
from fusion.describe import distance
from fusion.map_scale import choose_level, class_labels, class_of, density_scale, percent
from fusion.rings import cell_area_km2, cell_ring, circle_ring

__all__ = ["ASSETS_SHA256", "MapCell", "MapClue", "MapLedgerRow", "choose_level", "cover", "percent", "render_map"]

_ASSETS = Path(__file__).parent / "assets"
ASSETS_SHA256: Final = MappingProxyType(
    {
        "leaflet.css": "b7fcb847cea23f0d9fa3bc37efc80d03840eda97da0613acd8eefe4b23833a5f",
        "leaflet.js": "71a189424afbf57d0be0d9ad74efce273b434c58030197924ccfe16218bda517",
        "world.json": "defd49f94fbc8e70ae9e3032edcc13e3215cf4106f029b329cef97e7eb14f9cb",
    }
)
_MAX_TEXT = 600  # characters of one string that the page shows
_MAX_READINGS = 500
_MAX_POINTS = 200  # of one clue
_PHOTO_SIDE = 1280
_PHOTO_QUALITY = 78
_COVER_COLOUR = (92, 92, 92)
# Invisible steering characters have no business in a window title, and overrides of the writing direction nowhere:
# they make a text look like another.
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True, eq=False)
class MapCell:
    """A cell to be shaded.

    Attributes:
        corners: (k, 2) corners as (latitude, longitude), in order; sides are great circles.
        p: Its probability, 0 to 1.
        country: ISO 3166-1 alpha-2 code of most of it, or "" where there is none.
        label: What to call it, such as its nearest place; may be "".
        area_km2: Area over which ``p`` is spread, which is less than the outline's where smaller cells lie inside it;
            None for the outline's.
    """

    corners: NDArray[np.float64]
    p: float
    country: str = ""
    label: str = ""
    area_km2: float | None = None

    def __post_init__(self) -> None:
        corners = np.asarray(self.corners, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
            raise ValueError(f"corners are three or more finite (lat, lon) rows, not an array of shape {corners.shape}")
        if np.abs(corners[:, 0]).max() > 90.0:
            raise ValueError("a latitude of a corner lies outside -90 to 90; are latitude and longitude swapped?")
        _check_probability("p", self.p)
        object.__setattr__(self, "corners", corners)
        if self.area_km2 is not None and not (math.isfinite(self.area_km2) and self.area_km2 > 0.0):
            raise ValueError(f"area_km2 must be positive, not {self.area_km2}")

    @property
    def own_area_km2(self) -> float:
        """The area over which ``p`` is spread."""
        return max(cell_area_km2(self.corners), 1e-6) if self.area_km2 is None else self.area_km2


@dataclass(frozen=True)
class MapClue:
    """A clue, where it stands in the photo and where it points. All texts arrive masked.

    Attributes:
        kind: Which reader found it (``"phone"``).
        text: What was read.
        meaning: One sentence for a person.
        box: Corners in pixels of the original upright photo, or None.
        points: Places it points to as (latitude, longitude, sigma_km).
        countries: ISO 3166-1 alpha-2 codes it points to, best first.
    """

    kind: str
    text: str
    meaning: str
    box: Box | None = None
    points: Sequence[tuple[float, float, float]] = ()
    countries: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.box is not None:
            _check_box(self.box)
        for lat, lon, sigma_km in self.points:
            if not (abs(lat) <= 90 and math.isfinite(lon) and math.isfinite(sigma_km) and sigma_km >= 0):
                raise ValueError(f"a clue points to (lat, lon, sigma_km >= 0), not ({lat}, {lon}, {sigma_km})")


@dataclass(frozen=True)
class MapLedgerRow:
    """What one clue moved: the answer with it against the answer without it.

    Attributes:
        clue: Index into the clues given to :func:`render_map`.
        country_before: The likeliest country without the clue.
        country_after: The likeliest country with it, which both probabilities are about.
        p_before: Probability of ``country_after`` without the clue.
        p_after: Probability of ``country_after`` with it.
        log_odds: How far the clue moved the log-odds, in nats.
        note: What else a reader must know, such as "counted together with clue 2".
    """

    clue: int
    country_before: str
    country_after: str
    p_before: float
    p_after: float
    log_odds: float
    note: str = ""

    def __post_init__(self) -> None:
        _check_probability("p_before", self.p_before)
        _check_probability("p_after", self.p_after)
        if not math.isfinite(self.log_odds):
            raise ValueError(f"log_odds must be finite, not {self.log_odds}")


def render_map(
    *,
    title: str,
    summary: Sequence[str],
    point: tuple[float, float],
    radius_km: float,
    cells: Sequence[MapCell],
    cells_note: str,
    photo: NDArray[np.uint8] | None,
    covered: Sequence[Box],
    clues: Sequence[MapClue],
    ledger: Sequence[MapLedgerRow],
    readings: Sequence[str],
    footer: str,
    photo_scale: float = 1.0,
    steps: Sequence[tuple[str, str]] = (),
    no_clue: str = "No clue points anywhere: the answer is the prior's.",
) -> str:
    """Renders an answer as one self-contained HTML page.

    Args:
        title: Heading and window title.
        summary: Lines below the heading; the first is the answer itself.
        point: (latitude, longitude) of the answer.
        radius_km: Half of the probability lies within this distance of the point.
        cells: Cells to shade, in any order.
        cells_note: What is drawn and how much of the probability it holds, as ``choose_level`` says it.
        photo: (H, W, 3) uint8 RGB, upright, or None to leave it out.
        covered: Boxes that are painted over in the photo before it is embedded.
        clues: The clues, in the order in which the page numbers them.
        ledger: What each clue moved.
        readings: All texts that were read, masked.
        footer: A line at the bottom, such as the version and the prior.
        photo_scale: Pixels of ``photo`` per pixel in which the boxes of ``covered`` and ``clues`` are given.
        steps: Name of each step of the fusion and what it did, in order.
        no_clue: What is said where there is no clue.

    Returns:
        The page, UTF-8 text.

    Raises:
        DatasetError: A shipped part of the page is missing, unreadable, damaged or another one.
        ValueError: The point, the radius, a ledger row's clue or the photo is not as said above.
    """
    lat, lon = point
    if not (abs(lat) <= 90.0 and math.isfinite(lon)):
        raise ValueError(f"not a point on the Earth: {lat}, {lon}")
    if not (math.isfinite(radius_km) and radius_km > 0.0):
        raise ValueError(f"radius_km must be positive, not {radius_km}")
    if any(not 0 <= row.clue < len(clues) for row in ledger):
        raise ValueError("a ledger row names a clue that does not exist")
    if not (math.isfinite(photo_scale) and photo_scale > 0.0):
        raise ValueError(f"photo_scale must be positive, not {photo_scale}")
    side_km, edges = density_scale([cell.p for cell in cells], [cell.own_area_km2 for cell in cells])
    data = {
        "point": [round(lat, 5), _wrap(lon)],
        "radius": f"{radius_km:,.0f} km" if radius_km >= 10 else distance(radius_km),
        "circle": _rounded(circle_ring(lat, lon, radius_km)),
        "cells": [
            _cell(cell, class_of(cell.p / cell.own_area_km2 * side_km**2, edges))
            for cell in sorted(cells, key=lambda c: -c.p)
        ],
        "classes": class_labels(edges),
        "unit": f"{side_km:,.0f} km × {side_km:,.0f} km"
        if side_km >= 1.0
        else f"{1e3 * side_km:.0f} m × {1e3 * side_km:.0f} m",
        "note": _clip(cells_note),
        "photo": None if photo is None else [photo.shape[1], photo.shape[0]],
        "covered": len(covered),
        "clues": [_clue(clue, photo_scale) for clue in clues],
        "ledger": [_ledger_row(row) for row in ledger],
        "steps": [[_clip(name, 60), _clip(told)] for name, told in steps],
        "no_clue": _clip(no_clue),
        "readings": [_clip(text) for text in readings[:_MAX_READINGS]],
        "more_readings": max(0, len(readings) - _MAX_READINGS),
    }
    parts = _static_parts() | {
        "title": _markup(_STEERING.sub(" ", title)),
        "heading": _markup(title),
        "summary": "".join(f'<p><bdi dir="auto">{_markup(line)}</bdi></p>' for line in summary),
        "photo": "" if photo is None else _source(cover(photo, [scaled(box, photo_scale) for box in covered])),
        "footer": _markup(footer),
        "data": _json(data),
    }
    template = _asset("map.html")
    # One pass: what is filled in is not looked at again, so no text can name a slot.
    return re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], template)


def cover(photo: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """A copy of ``photo`` with ``boxes`` painted over in one flat grey.

    Each box is painted a little larger than it is, since readers cut their boxes close. A flat colour is used because
    pixelated text can be read back.

    Args:
        photo: (H, W, 3) uint8 RGB.
        boxes: Four corners each, in pixels.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: The photo or a box is not as said above.
    """
    # Pillow costs a tenth of a second to import; only pages with a photo pay it.
    from PIL import Image, ImageDraw

    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or 0 in photo.shape:
        raise ValueError(f"the photo is a (H, W, 3) uint8 array, not {photo.shape} {photo.dtype}")
    image = Image.fromarray(photo)
    draw = ImageDraw.Draw(image)
    for box in boxes:
        _check_box(box)
        corners = np.array(box, dtype=np.float64)
        # In order around the middle, so that corners given crosswise leave no gap.
        corners = corners[np.argsort(np.arctan2(*(corners - corners.mean(axis=0)).T))]
        margin = 2.0 + 0.15 * float(np.hypot(*(np.roll(corners, -1, axis=0) - corners).T).min())
        outline = [(float(x), float(y)) for x, y in corners]
        draw.polygon(outline, fill=_COVER_COLOUR)
        draw.line([*outline, outline[0]], fill=_COVER_COLOUR, width=math.ceil(2.0 * margin))
        for x, y in outline:
            draw.rectangle((x - margin, y - margin, x + margin, y + margin), fill=_COVER_COLOUR)
    return np.asarray(image, dtype=np.uint8)


def _check_probability(name: str, p: float) -> None:
    if not 0.0 <= p <= 1.0 + 1e-6:
        raise ValueError(f"{name} must be a probability, not {p}")


def _check_box(box: Box) -> None:
    if len(box) != 4 or not all(len(c) == 2 and math.isfinite(c[0]) and math.isfinite(c[1]) for c in box):
        raise ValueError(f"a box is four finite (x, y) corners, not {box!r}")


def _clip(text: str, most: int = _MAX_TEXT) -> str:
    """The text as any reader can take it, or its beginning and how much more there is.

    Direction overrides go; half a surrogate pair, which UTF-8 cannot hold, becomes a replacement character.
    """
    text = _OVERRIDES.sub("", text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def _markup(text: str) -> str:
    """The text as it may stand in the page's markup."""
    return html.escape(_clip(text))


def _json(value: object) -> str:
    """JSON in ASCII that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@functools.cache
def _static_parts() -> dict[str, str]:
    """The parts of the page that no answer changes: scripts with their CSP hashes, styles, outlines."""

    def sha256(script: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") + "'"

    scripts = {"leaflet_js": _asset("leaflet.js"), "map_js": _asset("map.js")}
    styles = {"leaflet_css": _asset("leaflet.css"), "map_css": _asset("map.css")}
    return {
        **scripts,
        **styles,
        "world": _asset("world.json"),
        "script_hashes": " ".join(sha256(script) for script in scripts.values()),
    }


def _asset(name: str) -> str:
    """The text of a shipped file; those that others made are checked against their pins."""
    path = _ASSETS / name
    if name in ASSETS_SHA256:
        return read_asset(path, ASSETS_SHA256[name]).decode("utf-8")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}, a part of the map's page, cannot be read ({error}): reinstall whence") from error


def _source(photo: NDArray[np.uint8]) -> str:
    """The photo as a src attribute: at most 1280 px a side, JPEG encoded from pixels alone, so without metadata."""
    from PIL import Image

    image = Image.fromarray(photo)
    image.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=_PHOTO_QUALITY, optimize=True, progressive=True)
    return f' src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode("ascii")}"'


def _cell(cell: MapCell, colour: int) -> dict[str, Any]:
    area = cell.own_area_km2
    return {
        "ring": _rounded(cell_ring(cell.corners)),
        "p": percent(cell.p),
        "mass": float(f"{cell.p:.4g}"),
        "class": colour,
        "area": float(f"{area:.3g}"),
        "size": f"{float(f'{area:.2g}'):,.0f} km²" if area >= 9.5 else f"{area:.2g} km²",
        "country": _clip(cell.country, 60),
        "label": _clip(cell.label),
    }


def _clue(clue: MapClue, scale: float) -> dict[str, Any]:
    box = None if clue.box is None else [[round(x, 1), round(y, 1)] for x, y in scaled(clue.box, scale)]
    points = [
        {"at": [round(lat, 5), _wrap(lon)], "ring": _rounded(circle_ring(lat, lon, km)) if km > 0 else None}
        for lat, lon, km in list(clue.points)[:_MAX_POINTS]
    ]
    return {
        "kind": _clip(clue.kind, 60),
        "text": _clip(clue.text),
        "meaning": _clip(clue.meaning),
        "box": box,
        "points": points,
        "more_points": max(0, len(clue.points) - _MAX_POINTS),
        "countries": [_clip(code, 60) for code in list(clue.countries)[:300]],
    }


def _ledger_row(row: MapLedgerRow) -> dict[str, Any]:
    factor = math.exp(min(abs(row.log_odds), 50.0))
    digits = f"{factor:.1f}" if factor < 9.95 else f"{float(f'{factor:.2g}'):,.0f}" if factor < 1e6 else "1,000,000+"
    return {
        "clue": row.clue,
        "before": _clip(row.country_before, 60),
        "after": _clip(row.country_after, 60),
        "p_before": percent(row.p_before),
        "p_after": percent(row.p_after),
        "share_before": round(min(row.p_before, 1.0), 4),
        "share_after": round(min(row.p_after, 1.0), 4),
        "odds": "odds unchanged" if digits == "1.0" else f"odds {'×' if row.log_odds > 0 else '÷'} {digits}",
        "note": _clip(row.note),
    }


def _wrap(lon: float) -> float:
    """The longitude within [-180, 180)."""
    return round((lon + 180.0) % 360.0 - 180.0, 5)


def _rounded(ring: NDArray[np.float64]) -> list[list[float]]:
    """A ring for JSON: a ten-thousandth of a degree is eleven metres."""
    return [[float(a), float(b)] for a, b in np.round(ring, 4)]
