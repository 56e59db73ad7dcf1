"""A run as one HTML page that opens offline: tables, plots, a map of errors, the best and the worst photos.

The page loads nothing and runs nothing: it has no script, and its content security policy lets it show only its own
style sheet and pictures that stand in it. Whatever comes from a set is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from data.errors import DatasetError, WhenceError
from data.printable import printable
from fusion.evaluation.report_beside import against_run, beside_people, beside_published
from fusion.evaluation.report_curves import curves_of, distances
from fusion.evaluation.report_head import foot, lead, priors_table, protocol, set_told, warnings
from fusion.evaluation.report_map import land, map_of
from fusion.evaluation.report_markup import cell, details, name, said, table
from fusion.evaluation.report_photos import answers_of, best_and_worst, card
from fusion.evaluation.report_plots import legend
from fusion.evaluation.report_tables import HONEST, RECALL, WHERE, figures_table, groups_of, kinds_table
from fusion.evaluation.rows import COLUMNS
from fusion.evaluation.runs import PhotoColumns, Run, photo_columns
from fusion.page import write_text

__all__ = ["report_page", "write_report"]

_ASSETS: Final = Path(__file__).parent.parent / "assets"
_HEAVY: Final = ("answer", "kinds", "settings")  # columns that are not needed of every photo
_FAILED: Final = 50  # photos without an answer that are listed

Rows = Mapping[str, list[dict[str, Any]]]
Photos = Mapping[str, PhotoColumns]


def write_report(run: Run, path: Path, against: Run | None = None) -> Path:
    """Write :func:`report_page` to ``path``; it appears there whole or not at all.

    Args:
        run: What it is about.
        path: Of the page.
        against: Another run on photos of the same set, to compare with photo by photo.

    Raises:
        DatasetError: What is in a run's folder is damaged, or a shipped part of the page is.
        RequestError: The runs share no photo, or their labels differ.
        WhenceError: The page cannot be written there.
    """
    return write_text(path, report_page(run, against))


def report_page(run: Run, against: Run | None = None) -> str:
    """The report as HTML; arguments and errors as of :func:`write_report`."""
    try:
        return _page(run, against)
    except WhenceError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DatasetError(
            f"{printable(str(run.folder))} holds a damaged evaluation, or one of another version of whence "
            f"({type(error).__name__}: {printable(str(error))[:200]}): run the same whence evaluate command again"
        ) from error


def _page(run: Run, against: Run | None) -> str:
    summary = run.summary
    light = run.rows([column for column in COLUMNS if column not in _HEAVY])
    photos = {prior: photo_columns(light, prior) for prior in run.priors}
    rows = {prior: columns.table.to_pylist() for prior, columns in photos.items()}
    sections: list[tuple[str, str, str]] = [
        ("set", "The set", set_told(summary)),
        ("figures", "Figures", _figures(summary)),
        ("against", "Against another run", "" if against is None else against_run(run, against)),
        ("published", "Published figures", beside_published(summary)),
        ("people", "Against people", beside_people(photos)),
        ("curves", "Curves", _of_each(run, lambda one: curves_of(one, _kms(photos[one["prior"]])), _overview(photos))),
        ("map", "Where the errors are", _of_each(run, lambda one: map_of(photos[one["prior"]]))),
        ("clues", "What clues are worth", _kinds(summary)),
        ("groups", "Groups", _of_each(run, groups_of, _GROUPS)),
        ("photos", "Best and worst photos", _photos(run, rows)),
        ("failed", "Photos without an answer", _failures(rows)),
        ("protocol", "How it was measured", protocol(summary) + priors_table(summary)),
    ]
    shown = [section for section in sections if section[2]]
    style = _asset("report.css")
    parts = {
        "style_hash": base64.b64encode(hashlib.sha256(f"\n{style}\n".encode()).digest()).decode("ascii"),
        "style": style,
        "title": said(f"whence: evaluation of {summary['dataset']['name']}"),
        "heading": f"Evaluation of {name(summary['dataset']['name'])}",
        "lead": lead(summary),
        "warnings": warnings(summary),
        "contents": "".join(f'<li><a href="#{key}">{title}</a></li>' for key, title, _ in shown),
        "sections": "".join(
            f'<section aria-labelledby="{key}"><h2 id="{key}">{title}</h2>{content}</section>'
            for key, title, content in shown
        ),
        "land": land(),
        "foot": foot(summary),
    }
    # One pass: what is filled in is not looked at again, so no text can name a slot.
    return re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], _asset("report.html"))


def _figures(summary: Mapping[str, Any]) -> str:
    note = (
        '<p class="note">In brackets: 95 % bootstrap intervals over places. “Clues gain” is the difference photo by '
        "photo, more is always better (bits and km saved count as gains); ▲ and ▼ mark those whose interval lies on "
        "one side of zero. “of 35” under a figure: known of so many photos only. –: not known.</p>"
    )
    about = (
        '<p class="note">Bits missed: minus log2 of the probability of the true country or cell, less is better. The '
        "radius (around the point) and the region (smallest set of cells) of 80 % should hold 80 % of the true places. "
        "Recall: true places in the smallest region of an area.</p>"
    )
    tables = [
        figures_table(summary, "Point and country", WHERE),
        figures_table(summary, "Probabilities: bits, calibration, coverage", HONEST),
        figures_table(summary, "Recall by area", RECALL),
    ]
    return note + tables[0] + (about if any(tables[1:]) else "") + "".join(tables[1:])


def _of_each(run: Run, content: Callable[[Mapping[str, Any]], str], before: str = "") -> str:
    """A folded part for each prior, the first unfolded; the content alone where there is but one."""
    parts = [(one["prior"], content(one)) for one in run.summary["runs"]]
    parts = [(prior, told) for prior, told in parts if told]
    if not parts:
        return ""
    if len(parts) == 1:
        return before + parts[0][1]
    return before + "".join(details(name(prior), told, opened=k == 0) for k, (prior, told) in enumerate(parts))


def _kms(columns: PhotoColumns) -> dict[str, Any]:
    return {system: one["km"] for system, one in columns.systems.items()}


def _overview(photos: Photos) -> str:
    """Distances of all priors with clues in one plot, where there are several."""
    if len(photos) < 2:
        return ""
    kms = {prior: columns.systems["text"]["km"] for prior, columns in photos.items()}
    drawn = distances(
        {printable(prior): km for prior, km in kms.items()}, "Distances, all priors with clues", range(len(kms))
    )
    entries = [(name(prior), k) for k, prior in enumerate(kms)]
    return f'{legend(entries)}<div class="plots">{drawn}</div>' if drawn else ""


_GROUPS: Final = (
    '<p class="note">Groups of few photos say little: no intervals are given here. A photo with clues of several kinds '
    "is in the group of each.</p>"
)


def _kinds(summary: Mapping[str, Any]) -> str:
    tables = "".join(map(kinds_table, summary["runs"]))
    note = (
        '<p class="note">Bits of the true country and the true cell: “without it”, what the answer loses when all '
        "clues of the kind are taken away and the others stay; “alone”, what they add to the prior by themselves. "
        "Means over the photos that have such a clue, with 95 % intervals over places; below zero they mislead on "
        "average.</p>"
    )
    return note + tables if tables else ""


def _photos(run: Run, rows: Rows) -> str:
    ends = {prior: best_and_worst(some) for prior, some in rows.items()}
    wanted = {
        (prior, rows[prior][k]["file"]) for prior, (best, worst) in ends.items() for k in (*best, *worst)
    }  # fmt: skip
    if not wanted:
        return ""
    answers = answers_of(run, wanted)

    def cards(prior: str, some: Sequence[int]) -> str:
        drawn = "".join(card(run.folder, rows[prior][k], answers.get((prior, rows[prior][k]["file"]))) for k in some)
        return f'<div class="photos">{drawn}</div>'

    def folded() -> Iterator[str]:
        for prior, (best, worst) in ends.items():
            for word, some in (("best", best), ("worst", worst)):
                if some:
                    yield details(f"{name(prior)}: the {len(some)} {word}", cards(prior, some))

    note = (
        '<p class="note">By distance with clues, or by the probability of the true country where no point is known. '
        "Private text (plates, telephones, addresses of e-mail) is covered in pictures and masked in texts.</p>"
    )
    return note + "".join(folded())


def _failures(rows: Rows) -> str:
    failed: dict[tuple[str, str], list[str]] = {}  # a photo that no prior could have is told once
    for some in rows.values():
        for row in some:
            if row["error"]:
                failed.setdefault((row["file"], row["message"] or row["error"]), []).append(row["prior"])
    if not failed:
        return ""
    head = "".join(cell(title, head="col") for title in ("photo", "prior", "what is wrong"))
    body = [
        cell(name(file, 120), head="row")
        + cell("all" if len(priors) == len(rows) else ", ".join(map(name, priors)))
        + cell(name(message))
        for (file, message), priors in list(failed.items())[:_FAILED]
    ]
    more = f" (the first {_FAILED} of {len(failed):,})" if len(failed) > _FAILED else ""
    return table(f"They count as misses{more}", [head], [body], kind="texts")


def _asset(file: str) -> str:
    path = _ASSETS / file
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}, a part of the report, cannot be read ({error}): reinstall whence") from error
