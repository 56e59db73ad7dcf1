"""Readings and clues as plain data, to be kept as JSON and made again; and files of such rows, one a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from detectors.base import Box, Clue, Evidence, PointEvidence, Reading

__all__ = ["clue_of", "clue_values", "keep_row", "kept_rows", "reading_of", "reading_values"]


def clue_values(clue: Clue) -> dict[str, Any]:
    """A clue as plain data; :func:`clue_of` makes it again."""
    evidence = clue.evidence
    return {
        "kind": clue.kind,
        "text": clue.text,
        "meaning": clue.meaning,
        "box": clue.box,
        "points_to": clue.points_to,
        "elsewhere": evidence.elsewhere,
        "countries": dict(evidence.countries),
        "regions": dict(evidence.regions),
        "points": [[p.lat, p.lon, p.sigma_km, p.log_lr] for p in evidence.points],
        "sources": evidence.sources,
        "roadside": evidence.roadside,
    }


def clue_of(values: dict[str, Any]) -> Clue:
    """The clue of :func:`clue_values`."""
    evidence = Evidence(
        values["elsewhere"],
        values["countries"],
        values["regions"],
        tuple(PointEvidence(*point) for point in values["points"]),
        tuple(values["sources"]),
        values["roadside"],
    )
    box = None if values["box"] is None else _box(values["box"])
    return Clue(values["kind"], values["text"], values["meaning"], evidence, box, tuple(values["points_to"]))


def reading_values(reading: Reading) -> list[Any]:
    """A reading as plain data; :func:`reading_of` makes it again.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> reading = Reading("r0", "Apotheke", box, 0.9, "Latn")
    >>> reading_of(reading_values(reading)) == reading
    True
    """
    r = reading
    return [r.id, r.text, r.box, r.confidence, r.script, r.engine, r.scale, r.region]


def reading_of(values: list[Any]) -> Reading:
    """The reading of :func:`reading_values`."""
    name, text, box, *rest = values
    return Reading(name, text, _box(box), *rest)


def kept_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines; none where it is not there. A line that a stop cut short is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def keep_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a file of JSON lines, after a line that was cut short on one of its own.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        if stream.tell() > 0:
            stream.seek(-1, 2)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
        stream.write(json.dumps(row, ensure_ascii=True).encode("ascii") + b"\n")


def _box(values: Any) -> Box:
    a, b, c, d = ((float(x), float(y)) for x, y in values)
    return a, b, c, d
