"""What stands beside a run in its report: another run, people, and what others published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.geodesy import BANDS_KM, geoscore
from fusion.describe import distance
from fusion.evaluation.compare import Comparison, compare, paired
from fusion.evaluation.figures import gains
from fusion.evaluation.report_markup import (
    FIGURES,
    SYSTEMS,
    cell,
    definitions,
    details,
    name,
    number,
    said,
    table,
)
from fusion.evaluation.report_tables import HONEST, RECALL, WHERE, gain_cells, value_cells
from fusion.evaluation.runs import PhotoColumns, Run

__all__ = ["against_run", "beside_people", "beside_published"]

Floats = NDArray[np.float64]

_MOST_MOVED: Final = 10  # photos that are listed as nearer or farther
_OF_PEOPLE: Final = ("geoscore", *(f"within_{band:g}" for band in BANDS_KM))
_SMALLEST: Final = 1e-6  # of a difference that is one


def against_run(run: Run, other: Run) -> str:
    """What ``run`` gains over ``other``, photo by photo, prior by prior where both have one of the same name.

    Raises:
        RequestError: They share no photo, or their labels differ.
        DatasetError: The rows of one are missing or damaged.
    """
    both = [(prior, prior) for prior in run.priors if prior in other.priors]
    parts = [
        definitions([
            ("the other run", name(other.folder.resolve().name)),  # a page is passed on: no path of this machine
            ("its set", name(other.summary["dataset"]["name"])),
            ("its priors", ", ".join(map(name, other.priors))),
            ("made by", f"whence {said(other.summary['made']['whence'])}, {said(other.summary['made']['started'])}"),
        ]),
        '<p class="note">Gains are of this run over the other one, paired by photo (by what is in the file), with 95 % '
        "intervals over places; more is better, also for bits and km.</p>",
    ]  # fmt: skip
    for prior, other_prior in both or [(run.priors[0], other.priors[0])]:
        title = prior if prior == other_prior else f"{prior} against {other_prior}"
        told = {system: compare(run, other, prior=prior, other_prior=other_prior, system=system) for system in SYSTEMS}
        parts.append(f"<h3>{name(title)}</h3>{_compared(told, title)}")
        parts.append(_photo_by_photo(*paired(run, other, prior=prior, other_prior=other_prior)[:2], title))
    return "".join(parts)


def beside_people(columns: Mapping[str, PhotoColumns]) -> str:
    """Each prior's answers with clues against the guesses of people; nothing where nobody guessed.

    Args:
        columns: Prior to its photos.
    """
    rows: list[str] = []
    for prior, photos in columns.items():
        human, ours = photos.reals("human_km"), photos.systems["text"]["km"]
        both = ~np.isnan(human) & ~np.isnan(ours)
        if not both.any():
            continue
        if not rows:
            rows.append(cell("people", head="row") + cell("") + _of_km(human[both], photos.exact_km[both]))
        won, lost = int((ours[both] < human[both]).sum()), int((ours[both] > human[both]).sum())
        rows.append(
            cell(name(prior), head="row") + cell(f"{won:,} won, {lost:,} lost")
            + _of_km(ours[both], photos.exact_km[both])
        )  # fmt: skip
        gained = gains(_bare(ours), _bare(human), photos.place, photos.exact_km)
        rows.append(
            cell(f"{name(prior)} gains", head="row") + cell(f"{int(both.sum()):,} rounds") + cell("")
            + gain_cells(gained, _OF_PEOPLE)
        )  # fmt: skip
    if not rows:
        return ""
    titles = ("", "rounds", "median, km", *(FIGURES[figure].title for figure in _OF_PEOPLE))
    head = "".join(cell(title, head="col") for title in titles)
    note = (
        '<p class="note">A round is won by the nearer guess. Of several people who guessed on a photo, the first one '
        "in the set counts. Gains are paired, with 95 % intervals over places.</p>"
    )
    return note + table("Answers with clues beside people's guesses", [head], [rows])


def beside_published(summary: Mapping[str, Any]) -> str:
    """Figures that others published on the same benchmark; nothing where the set is none, or none were seen.

    Raises:
        DatasetError: The shipped table of published figures is damaged.
    """
    card = summary["dataset"]["card"]
    if card is None:
        return ""
    from fusion.evaluation.published import MEASURED, PUBLISHED, published

    rows = published(card["name"])
    if not rows:
        return ""
    known = [figure for figure in WHERE if any(figure in row.figures for row in rows)]
    titles = ("who answered", "", "photos", *(FIGURES[figure].title for figure in known))
    ours = [
        cell(f"{name(run['prior'])}, {title}", head="row") + cell(said(MEASURED)) + cell(number(run["photos"], ",d"))
        + value_cells(run["systems"][system], known, run["photos"])
        for run in summary["runs"]
        for system, title in SYSTEMS.items()
        if system == "prior" or run["with_clue"]
    ]  # fmt: skip
    theirs = [
        cell(name(row.name), head="row") + cell(f"<i>{said(PUBLISHED)}</i>", kind="published")
        + cell(number(row.photos, ",d"))
        + "".join(cell(number(row.figures.get(figure), FIGURES[figure].form)) for figure in known)
        for row in rows
    ]  # fmt: skip
    sources = "".join(
        f"<li><b>{name(row.name)}</b>: {name(row.source)}"
        + (f". Learnt from: {name(row.trained_on)}" if row.trained_on else "")
        + (f". {name(row.note)}" if row.note else "")
        + f" <small>Seen in {name(' ; '.join(row.seen_in))}</small></li>"
        for row in rows
    )
    note = (
        f'<p class="note">Rows marked “{said(PUBLISHED)}” were read in papers and code, never run here. Their '
        "protocols are their own (&lt; or &le;, radius of the Earth, photos that were missing, crops at test time, "
        "galleries that hold neighbours of the test photos), so small differences say nothing.</p>"
    )
    head = "".join(cell(title, head="col") for title in titles)
    caption = f"Figures on {card['title']}, measured here and published"
    return note + table(caption, [head], [ours, theirs]) + details("Where each was read", f"<ul>{sources}</ul>")


def _compared(told: Mapping[str, Comparison], title: str) -> str:
    one = told["text"]
    lacking = "".join(
        f", {count:,} only in {which}" for count, which in ((one.only_ours, "this run"), (one.only_theirs, "the other"))
        if count
    )  # fmt: skip
    heads = [
        cell("") + "".join(cell(words, head="colgroup", span=3) for words in SYSTEMS.values()),
        cell("figure", head="col") + "".join(cell(x, head="col") for _ in SYSTEMS for x in ("this", "other", "gain")),
    ]
    rows = []
    for figure in (*WHERE, *HONEST, *RECALL):
        if all(math.isnan(x.ours[figure].value) and math.isnan(x.theirs[figure].value) for x in told.values()):
            continue
        row = cell(FIGURES[figure].title, head="row")
        for x in told.values():
            row += "".join(value_cells({figure: asdict(side[figure])}, [figure]) for side in (x.ours, x.theirs))
            row += gain_cells(x.gain, [figure])
        rows.append(row)
    return table(f"{title}: {one.photos:,} photos that both have{lacking}", heads, [rows])


def _photo_by_photo(ours: PhotoColumns, theirs: PhotoColumns, title: str) -> str:
    """Which photos moved, and which most, by their GeoScore; by bits to the country where no point is known."""
    km, other = ours.systems["text"]["km"], theirs.systems["text"]["km"]
    by_point = bool((~np.isnan(km)).any())
    if by_point:
        moved = geoscore(km) - geoscore(other)
        show, unit = [list(map(_km, side.tolist())) for side in (km, other)], ("km here", "km there")
    else:
        bits = [-side.systems["text"]["country_bits"] for side in (ours, theirs)]
        moved = bits[1] - bits[0]
        show, unit = [[number(x, ".2f") for x in side.tolist()] for side in bits], ("bits here", "bits there")
    known = int((~np.isnan(moved)).sum())
    moved = np.where(np.isnan(moved), 0.0, moved)
    better, worse = int((moved > _SMALLEST).sum()), int((moved < -_SMALLEST).sum())
    word = "nearer" if by_point else "surer of the true country"
    lead = (
        f"<p>With clues, {better:,} of {known:,} photos are {word} than in the other run, {worse:,} are the "
        f"opposite, {known - better - worse:,} the same.</p>"
    )
    order = np.argsort(-moved, kind="stable").tolist()
    bodies = []
    for heading, some in (
        ("gained most", [k for k in order[:_MOST_MOVED] if moved[k] > _SMALLEST]),
        ("lost most", [k for k in order[: -_MOST_MOVED - 1 : -1] if moved[k] < -_SMALLEST]),
    ):
        if some:
            rows = [cell(heading, head="rowgroup", span=3, kind="prior")]
            rows += [
                cell(name(ours.file[k], 120), head="row") + cell(said(show[0][k])) + cell(said(show[1][k]))
                for k in some
            ]  # fmt: skip
            bodies.append(rows)
    if not bodies:
        return lead
    head = "".join(cell(words, head="col") for words in ("photo", *unit))
    return lead + details("The photos that moved most", table(f"{title}: photos that moved most", [head], bodies))


def _km(km: float) -> str:
    return "no answer" if math.isinf(km) else "–" if math.isnan(km) else distance(km)


def _bare(km: Floats) -> dict[str, Floats]:
    """Distances as the columns that figures are made of, of which nothing else is known."""
    nothing = np.full(len(km), np.nan)
    return {"km": km} | dict.fromkeys(
        ("right", "sure", "cell_bits", "country_bits", "within", "denser", "area_km2"), nothing
    )


def _of_km(km: Floats, exact_km: Floats) -> str:
    """Cells of the median, the GeoScore and the bands."""
    return "".join(cell(number(*told)) for told in _figures_of_km(km, exact_km))


def _figures_of_km(km: Floats, exact_km: Floats) -> Iterator[tuple[float, str]]:
    yield float(np.median(km)), ",.0f"
    yield float(geoscore(km).mean()), ",.0f"
    for band in BANDS_KM:
        known = exact_km <= band
        yield (100.0 * float((km[known] <= band).mean()) if known.any() else math.nan), ".1f"
