"""Markup of a report: text of strangers made safe, numbers, tables that scroll in a box of their own."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from data.geodesy import BANDS_KM
from data.printable import printable

__all__ = [
    "FIGURES", "SYSTEMS", "Column", "bracket", "cell", "definitions", "details", "difference", "name", "number", "said",
    "table",
]  # fmt: skip

SYSTEMS: Final = {"prior": "prior alone", "text": "with clues"}
_MOST_TEXT: Final = 600  # characters of one string that the page shows


@dataclass(frozen=True, slots=True)
class Column:
    """How a figure is shown.

    Attributes:
        title: Its heading, with the unit.
        form: Format of its value.
    """

    title: str
    form: str = ".1f"


FIGURES: Final = {
    **{f"within_{band:g}": Column(f"within {band:,g}\N{NO-BREAK SPACE}km,\N{NO-BREAK SPACE}%") for band in BANDS_KM},
    "median_km": Column("median, km", ",.0f"),
    "mean_km": Column("mean, km", ",.0f"),
    "geoscore": Column("GeoScore, 0\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}5000", ",.0f"),
    "country": Column("country right,\N{NO-BREAK SPACE}%"),
    "region": Column("region right,\N{NO-BREAK SPACE}%"),
    "city": Column("city right,\N{NO-BREAK SPACE}%"),
    "country_bits": Column("bits missed, country", ".2f"),
    "cell_bits": Column("bits missed, cell", ".2f"),
    "ece_country": Column("calibration error, country", ".3f"),
    "ece_chance": Column("of that by chance", ".3f"),
    **{
        f"radius_{mass}": Column(f"{mass}\N{NO-BREAK SPACE}% radius holds,\N{NO-BREAK SPACE}%") for mass in (50, 80, 95)
    },
    **{
        f"region_{mass}": Column(f"{mass}\N{NO-BREAK SPACE}% region holds,\N{NO-BREAK SPACE}%") for mass in (50, 80, 95)
    },
    **{
        f"recall_1e{power}": Column(f"in {area} km²,\N{NO-BREAK SPACE}%")
        for power, area in ((3, "1,000"), (4, "10,000"), (5, "100,000"), (6, "1 million"), (7, "10 million"))
    },
}
"""Name of a figure of ``summary.json`` to how it is shown."""


def said(text: object, most: int = _MOST_TEXT) -> str:
    r"""Text of a stranger as it may stand in markup: nothing of it is a tag, none of it steers what shows it.

    >>> print(said("</script><b>\u202egpj.exe"))
    &lt;/script&gt;&lt;b&gt;\u202egpj.exe
    """
    shown = printable(str(text))
    if len(shown) > most:
        shown = f"{shown[:most]}… ({len(shown) - most:,} more characters)"
    return html.escape(shown)


def name(text: object, most: int = _MOST_TEXT) -> str:
    """Text of a stranger inside a line of ours, kept apart from its direction of writing."""
    return f'<bdi dir="auto">{said(text, most)}</bdi>'


def number(value: float | None, form: str = ".1f") -> str:
    """A number, or a dash where it is not known; no minus before zero.

    >>> number(-0.04), number(None), number(1234.5, ",.0f")
    ('0.0', '–', '1,234')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = format(value, form)
    return text.removeprefix("-") if not text.strip("-0.,") else text.replace("-", "\N{MINUS SIGN}")


def difference(value: float | None, form: str = ".1f") -> str:
    """A number with its sign.

    >>> difference(2.5), difference(0.0), difference(-3.0)
    ('+2.5', '0.0', '−3.0')
    """
    text = number(value, form)
    return f"+{text}" if value is not None and value > 0.0 and text.strip("0.,–") else text


def bracket(low: float | None, high: float | None, form: str = ".1f", *, signed: bool = False) -> str:
    """An interval as a small line of its own, or nothing where it is not known."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    show = difference if signed else number
    return f"<small>[{show(low, form)}, {show(high, form)}]</small>"


def cell(content: str, *, head: str = "", span: int = 1, kind: str = "") -> str:
    """A cell of a table.

    Args:
        content: Markup.
        head: ``"row"``, ``"col"``, ``"rowgroup"`` or ``"colgroup"`` where it heads those.
        span: Columns that it takes.
        kind: Its class.
    """
    tag = "th" if head else "td"
    attributes = (f' scope="{head}"' if head else "") + (f' colspan="{span}"' if span > 1 else "")
    attributes += f' class="{kind}"' if kind else ""
    return f"<{tag}{attributes}>{content}</{tag}>"


def table(caption: str, heads: Sequence[str], bodies: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """A table in a box that scrolls sideways by itself, by the keyboard as well.

    Args:
        caption: Plain text, which names the box too.
        heads: Rows of the head, each the markup of its cells.
        bodies: Groups of such rows.
        kind: Class of the table.
    """
    head = "".join(f"<tr>{row}</tr>" for row in heads)
    body = "".join(f"<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody>" for rows in bodies)
    named = f' class="{kind}"' if kind else ""
    return (
        f'<div class="box" role="group" tabindex="0" aria-label="{said(caption)}">'
        f"<table{named}><caption>{said(caption)}</caption>"
        f"<thead>{head}</thead>{body}</table></div>"
    )


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, both markup; those that are nothing are left out."""
    rows = "".join(f"<div><dt>{title}</dt><dd>{content}</dd></div>" for title, content in pairs if content)
    return f"<dl>{rows}</dl>"


def details(title: str, content: str, *, opened: bool = False) -> str:
    """A part that is folded up until it is asked for; both markup."""
    return f"<details{' open' if opened else ''}><summary>{title}</summary>{content}</details>"
