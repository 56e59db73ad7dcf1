"""An album as a page: the map of the joint answer, and one sheet of its photos with the clues' boxes on it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from detectors.base import Box
from fusion.answer import Answer
from fusion.page import answer_page

if TYPE_CHECKING:
    from fusion.album import Album

__all__ = ["album_page"]

_SHEET_PX: Final = 1280
_MOST: Final = 24  # photos on the sheet: more are too small to see a sign on
_GAP: Final = 6
_GROUND: Final = (244, 244, 242)


def album_page(album: Album, *, confidence: float = 0.8) -> str:
    """The album as one self-contained HTML page; it loads nothing from anywhere.

    The photos stand on one sheet under their numbers, those with a clue first where they are too many; a clue's box is
    in the photo that it is taken from.
    """
    chosen = _on_the_sheet(album)
    sheet, places = _sheet([(k, album.photos[k]) for k in chosen])
    clues = []
    for clue, photo in zip(album.clues_with_photos(), album.photo_of, strict=True):
        box = None if clue.box is None or photo not in places else _moved(clue.box, *places[photo])
        clues.append(replace(clue, box=box))
    shown = replace(album.answer, file=album.title, clues=clues, thumbnail=sheet, thumbnail_scale=1.0, covered=())
    missing = len(album.photos) - len(album.failures) - len(chosen)
    notes = album.notes()
    if missing:
        notes.append(f"{missing} photo{' is' if missing == 1 else 's are'} not on the sheet, which holds {_MOST}")
    return answer_page(shown, notes=notes, confidence=confidence)


def _on_the_sheet(album: Album) -> list[int]:
    readable = [k for k, photo in enumerate(album.photos) if isinstance(photo, Answer) and photo.thumbnail]
    telling = list(dict.fromkeys(k for k in album.photo_of if k in readable))
    return sorted([*telling, *(k for k in readable if k not in telling)][:_MOST])


def _sheet(photos: Sequence[tuple[int, object]]) -> tuple[bytes | None, dict[int, tuple[float, float, float]]]:
    """The photos in rows as a JPEG without metadata; of each where its corner is and its scale against its own pixels.

    The photos are those of the answers: private text in them is covered already.
    """
    pictures = [(k, p, Pillow.open(io.BytesIO(p.thumbnail)).convert("RGB")) for k, p in photos
                if isinstance(p, Answer) and p.thumbnail]  # fmt: skip
    if not pictures:
        return None, {}
    columns = math.ceil(math.sqrt(len(pictures)))
    side = (_SHEET_PX - _GAP * (columns + 1)) / columns
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    scales = {k: min(side / picture.width, side / picture.height) for k, _, picture in pictures}
    heights = [math.ceil(max(picture.height * scales[k] for k, _, picture in row)) for row in rows]
    sheet = Pillow.new("RGB", (_SHEET_PX, sum(heights) + _GAP * (len(rows) + 1)), _GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(max(14.0, side / 16))
    places: dict[int, tuple[float, float, float]] = {}
    top = _GAP
    for row, height in zip(rows, heights, strict=True):
        for column, (k, answer, picture) in enumerate(row):
            left = round(_GAP + column * (side + _GAP))
            size = max(1, round(picture.width * scales[k])), max(1, round(picture.height * scales[k]))
            sheet.paste(picture.resize(size, Pillow.Resampling.LANCZOS), (left, top))
            text = str(k + 1)
            box = draw.textbbox((left + 5, top + 3), text, font=font)
            draw.rectangle((left, top, box[2] + 5, box[3] + 5), fill=(30, 30, 30))
            draw.text((left + 5, top + 3), text, font=font, fill=(255, 255, 255))
            places[k] = (left, top, scales[k] * answer.thumbnail_scale)
        top += height + _GAP
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=85)
    return stream.getvalue(), places


def _moved(box: Box, left: float, top: float, scale: float) -> Box:
    a, b, c, d = ((left + x * scale, top + y * scale) for x, y in box)
    return a, b, c, d
