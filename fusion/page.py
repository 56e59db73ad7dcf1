"""An answer as a page: what of it the map shows."""

from __future__ import annotations

import html
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from data import s2
from data.distribution import CellDistribution
from data.errors import RequestError, WhenceError
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import destination
from data.spot_regions import spot_countries
from data.version import __version__
from fusion.credits import lookup_lines
from fusion.describe import NOTHING_NEW, no_clue, nothing_new, radius_words, step, summary
from fusion.map import MapCell, MapClue, MapLedgerRow, choose_level, render_map

if TYPE_CHECKING:
    from detectors.base import Clue
    from fusion.album import Album
    from fusion.answer import Answer
    from fusion.ledger import LedgerRow

__all__ = ["answer_page", "check_map_path", "notebook_frame", "write_text"]

_COUNTRIES_SHOWN = 12  # of those that a clue points to
_NOTEBOOK_HEIGHT_PX = 640
_SUFFIXES = (".html", ".htm")
_NAMED_CELLS = 12  # the likeliest cells are named by their nearest place,
_NAMED_KM2 = 100_000.0  # unless they are so large that it would mislead
_LEAST_SPOT, _SPOT_CORNERS = 0.005, 36  # spots with less probability are not drawn apart from their cell


def answer_page(answer: Answer, *, notes: Sequence[str] = (), confidence: float = 0.8) -> str:
    """The answer as one self-contained HTML page; it loads nothing from anywhere.

    Args:
        answer: What is shown.
        notes: Lines below its summary.
        confidence: Of the level that is named.
    """
    levels = {name: answer.distribution.at_level(name) for name in ("fine", "middle", "coarse")}
    name, indices, note = choose_level(
        {name: level.p for name, level in levels.items()},
        {name: level.partition.area_km2 for name, level in levels.items()},
    )
    drawn = levels[name]
    corners = s2.corners(drawn.partition.cell_ids[indices])
    likeliest = indices[np.argsort(-drawn.p[indices], kind="stable")[:_NAMED_CELLS]]
    likeliest = likeliest[drawn.partition.area_km2[likeliest] <= _NAMED_KM2]
    names = dict(zip(likeliest.tolist(), _nearest_names(drawn.lat[likeliest], drawn.lon[likeliest]), strict=True))
    countries = dict(zip(indices.tolist(), drawn.main_countries(indices), strict=True))
    spots, of_spots = _spots(drawn, countries)
    cells = [
        MapCell(
            ring,
            max(float(drawn.p[i]) - of_spots.get(i, 0.0), 0.0),
            country,
            names.get(i, ""),
            area_km2=float(drawn.partition.area_km2[i]),
        )
        for (i, country), ring in zip(countries.items(), corners, strict=True)
    ]
    photo = None if answer.thumbnail is None else np.asarray(Pillow.open(io.BytesIO(answer.thumbnail)).convert("RGB"))
    return render_map(
        title=f"whence: {Path(answer.file).name if answer.file else 'photo'}",
        summary=[*summary(answer, confidence=confidence), *notes, *lookup_lines(answer)],
        point=(answer.lat, answer.lon),
        radius_km=answer.radius_km,
        cells=[*cells, *spots],
        cells_note=note,
        photo=photo,
        photo_scale=answer.thumbnail_scale,
        covered=answer.covered,
        clues=[_clue(clue) for clue in answer.clues],
        ledger=[
            MapLedgerRow(
                clue=row.clue,
                country_before=row.country_before,
                country_after=row.country_after,
                p_before=row.p_before,
                p_after=row.p_after,
                log_odds=row.log_odds,
                note=_note(row),
            )
            for row in answer.ledger
        ],
        steps=[(effect.what, step(effect)) for effect in answer.effects],
        no_clue=_sentence(no_clue(answer)),
        readings=[reading.text for reading in answer.readings],
        footer=f"whence {__version__}, prior {answer.prior_name}. A guess is a lead, never proof.",
    )


def notebook_frame(answer: Answer | Album) -> str:
    """The page inside a sandboxed frame, as a notebook shows it."""
    page = html.escape(answer.to_html(), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" style="width:100%;height:{_NOTEBOOK_HEIGHT_PX}px;border:0" '
        'title="whence: where this photo was taken"></iframe>'
    )


def check_map_path(path: Path) -> None:
    """Before photos are looked at: whether a map may be written to ``path``.

    Raises:
        RequestError: Its name does not end as a page's does, or there is no such folder.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise RequestError(f"cannot write {path}: this is a page, name a file that ends in .html or .htm")
    if not path.parent.is_dir():
        raise RequestError(f"cannot write {path}: there is no folder {path.parent}; make it first")


def write_text(path: Path, text: str) -> Path:
    """Write ``text`` to ``path`` in one step, so that a half-written file is never seen.

    Raises:
        WhenceError: If it cannot be written there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WhenceError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
    return path


def _spots(drawn: CellDistribution, countries: Mapping[int, str]) -> tuple[list[MapCell], dict[int, float]]:
    """Spots of the cells in ``countries`` as discs of two sigma, and the mass that they take from each cell."""
    if drawn.spots is None:
        return [], {}
    spots, mass = drawn.spots, drawn.p[drawn.spots.cell] * drawn.spots.share
    shown = [i for i in np.flatnonzero(mass >= _LEAST_SPOT).tolist() if int(spots.cell[i]) in countries]
    names = _nearest_names(spots.lat[shown], spots.lon[shown]) if shown else []
    lie_in = spot_countries(drawn.partition, spots, np.array(shown, np.int64), drawn.allowed)
    bearings = np.linspace(0.0, 360.0, _SPOT_CORNERS, endpoint=False)
    discs: list[MapCell] = []
    taken: dict[int, float] = {}
    for i, name, country in zip(shown, names, lie_in, strict=True):
        cell, sigma = int(spots.cell[i]), float(spots.sigma_km[i])
        ring = np.stack(destination(spots.lat[i], spots.lon[i], bearings, 2.0 * sigma), axis=1)
        label = f"a spot in {name}" if name else "a spot"
        discs.append(MapCell(ring, float(mass[i]), country or countries[cell], label, area_km2=4.0 * np.pi * sigma**2))
        taken[cell] = taken.get(cell, 0.0) + float(mass[i])
    return discs, taken


def _nearest_names(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> list[str]:
    gazetteer = load_gazetteer()
    return [gazetteer.place(number).name for number in gazetteer.nearest_ids(lat, lon).tolist()]


def _clue(clue: Clue) -> MapClue:
    evidence = clue.evidence
    favoured = [code for code, value in evidence.countries.items() if value > max(evidence.elsewhere, 0.0)]
    # In the order in which the clue's own sentence names them; then by evidence.
    named = {code: rank for rank, code in enumerate(clue.points_to)}
    favoured.sort(key=lambda code: (named.get(code, len(named)), -evidence.countries[code], code))
    likely = sorted(evidence.points, key=lambda p: -p.log_lr)
    return MapClue(
        kind=clue.kind,
        text=clue.text,
        meaning=clue.meaning,
        box=clue.box,
        points=[(p.lat, p.lon, p.sigma_km) for p in likely],
        countries=favoured[:_COUNTRIES_SHOWN],
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _note(row: LedgerRow) -> str:
    if nothing_new(row.weight, row.log_odds):
        return NOTHING_NEW
    weight = f"weight {row.weight:.2f}" if row.weight else "beside a more specific clue of the same text"
    radius = radius_words(row.radius_before_km, row.radius_after_km)
    return f"{radius}; {weight}" if radius else weight
