"""The best and the worst photos of a report: picture, truth, guess, and what each clue did."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from data.errors import DatasetError
from data.gazetteer import country_name
from data.pillow_settings import pillow_open
from data.printable import printable
from fusion.describe import coordinates, distance, effect, percent
from fusion.evaluation.journal import TABLE
from fusion.evaluation.report_markup import definitions, name, said
from fusion.evaluation.runs import Run
from fusion.evaluation.shown import MOST, best_first, picture_of
from fusion.ledger import LedgerRow

__all__ = ["answers_of", "best_and_worst", "card"]

_SIDE_PX: Final = 480  # of a picture in the page
_QUALITY: Final = 72
_LEDGER_ROWS: Final = 8
_FIELDS: Final = tuple(one.name for one in fields(LedgerRow))


def best_and_worst(rows: Sequence[Mapping[str, Any]], most: int = MOST) -> tuple[list[int], list[int]]:
    """Indices of the best rows, best first, and of the worst, worst first, ``most`` of each at most and none twice.

    Ranked as thumbnails are (``fusion.evaluation.shown``); rows with an error, or without a truth, are in neither.
    """
    ranked = [
        (rank, k) for k, row in enumerate(rows) if not row["error"] and (rank := best_first(row)) is not None
    ]  # fmt: skip
    order = [k for _, k in sorted(ranked)]
    best = order[: min(most, (len(order) + 1) // 2)]
    return best, order[: -min(most, len(order) - len(best)) - 1 : -1]


def answers_of(run: Run, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The answers, read from JSON, of the (prior, file) pairs that are ``wanted``.

    Raises:
        DatasetError: The table is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = run.folder / TABLE
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    try:
        with pq.ParquetFile(path) as file:  # a part at a time: answers of a large set would fill the memory
            for batch in file.iter_batches(1024, columns=["prior", "file", "answer"]):
                keys = list(zip(batch.column("prior").to_pylist(), batch.column("file").to_pylist(), strict=True))
                for k, key in enumerate(keys):
                    if key in wanted and batch.column("answer")[k].is_valid:
                        found[key] = json.loads(batch.column("answer")[k].as_py())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"{printable(str(path))} is missing or damaged: run whence evaluate again") from error
    return found


def card(folder: Path, row: Mapping[str, Any], answer: Mapping[str, Any] | None) -> str:
    """One photo as a figure.

    Args:
        folder: Of the run.
        row: Of the table.
        answer: As JSON has it, None where there is none.
    """
    facts = definitions([
        ("true place", _truth(row)),
        ("guess", _guess(row, answer)),
        ("off by", "" if row["text_km"] is None else _off(row)),
        ("half of the probability within", said(distance(row["text_radius_km"]))),
        ("likeliest country", _likeliest(row)),
        ("probability of the true country", _chance(row)),
    ])  # fmt: skip
    return (
        f'<figure class="photo">{_picture(folder, row["file"])}<figcaption>'
        f"<h4>{name(row['file'], 120)}</h4>{facts}{_ledger(answer)}{_credits(answer)}</figcaption></figure>"
    )


def _truth(row: Mapping[str, Any]) -> str:
    words = []
    if row["true_city"]:
        words.append(name(row["true_city"]))
    elif row["true_country"]:
        words.append(said(country_name(row["true_country"])))
    if row["true_lat"] is not None:
        exact = f" (known to {row['exact_km']:g} km)" if row["exact_km"] else ""
        words.append(said(coordinates(row["true_lat"], row["true_lon"]) + exact))
    return "<br>".join(words)


def _guess(row: Mapping[str, Any], answer: Mapping[str, Any] | None) -> str:
    near = f"near {name(answer['place'])}<br>" if answer and answer["place"] else ""
    return near + said(coordinates(row["text_lat"], row["text_lon"]))


def _likeliest(row: Mapping[str, Any]) -> str:
    right = {1.0: ", right", 0.0: ", wrong"}.get(row["text_country_right"], "")
    return f"{said(country_name(row['text_country']))}, {said(percent(row['text_country_p']))}{right}"


def _off(row: Mapping[str, Any]) -> str:
    now, before = distance(row["text_km"]), distance(row["prior_km"])
    return f"<b>{said(now)}</b>" + ("" if now == before else f" ({said(before)} by the prior alone)")


def _chance(row: Mapping[str, Any]) -> str:
    if row["text_country_bits"] is None:
        return ""
    now, before = (percent(2.0 ** row[f"{system}_country_bits"]) for system in ("text", "prior"))
    return said(now) + ("" if now == before else f" ({said(before)} by the prior alone)")


def _ledger(answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return '<p class="note">Its answer is not in the table.</p>'
    if not answer["ledger"]:
        read = len(answer["readings"])
        text = f"{read} line{'' if read == 1 else 's'} of text read" if read else "no text read"
        return f'<p class="note">No clue ({text}): the answer is the prior\'s.</p>'
    items = []
    for row in answer["ledger"][:_LEDGER_ROWS]:
        clue = answer["clues"][row["clue"]]
        quoted = "" if clue["text"] in clue["meaning"] else f"“{name(clue['text'], 80)}” "
        moved = effect(LedgerRow(**{key: row[key] for key in _FIELDS if key in row})).replace("->", "→")
        items.append(
            f"<li><b>{name(clue['kind'], 40)}</b> {quoted}{name(clue['meaning'], 300)}"
            f'<span class="moved">{said(moved)}</span></li>'
        )
    more = len(answer["ledger"]) - _LEDGER_ROWS
    if more > 0:
        items.append(f"<li>and {more} more</li>")
    return f'<ol class="ledger">{"".join(items)}</ol>'


def _credits(answer: Mapping[str, Any] | None) -> str:
    """Whose maps and services the answer rests on."""
    credits = answer["attributions"] if answer else []
    return f'<p class="note">Map data: {name("; ".join(map(str, credits)))}</p>' if credits else ""


def _picture(folder: Path, file: str) -> str:
    """The thumbnail, encoded anew from its pixels: nothing but an image gets into the page."""
    from PIL import Image

    path = picture_of(folder, file)
    try:
        with pillow_open(path, formats=("JPEG",)) as opened:
            opened.draft("RGB", (_SIDE_PX, _SIDE_PX))
            picture = opened.convert("RGB")
    except FileNotFoundError:
        return '<p class="missing">no thumbnail was kept</p>'
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return '<p class="missing">its thumbnail is damaged</p>'
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    width, height = picture.size
    return f'<img alt="photo {said(file, 120)}" width="{width}" height="{height}" src="data:image/jpeg;base64,{data}">'
