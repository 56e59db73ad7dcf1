"""The hand-written strings of `strings.tsv`: text of the street, each with the country where it stands."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detectors.base import Reading
from detectors.script import script_of

__all__ = ["DISTRACTOR", "MOST_CERTAIN", "SignText", "read_strings"]

TABLE = Path(__file__).parent / "strings.tsv"
DISTRACTOR = "distractor"
MOST_CERTAIN = 0.6
"""After a distractor no country may be more probable than this."""
_CONFIDENCE = 0.95  # what an engine says of a line that it read well
_HEIGHT, _LETTER = 40.0, 22.0  # pixels of the lines that the strings would be


@dataclass(frozen=True)
class SignText:
    """One row of the table.

    Attributes:
        text: The lines of one sign.
        country: ISO 3166-1 alpha-2 code; empty for a distractor.
        at: ``(lat, lon)`` where the place is that sharp, else None.
        kind: What the text mainly tests.
        continent: ``AF``, ``AS``, ``EU``, ``NA``, ``OC`` or ``SA``; empty for a distractor.
        source: Where the fact can be looked up.
    """

    text: tuple[str, ...]
    country: str
    at: tuple[float, float] | None
    kind: str
    continent: str
    source: str

    @property
    def half(self) -> str:
        """``"dev"`` or ``"test"``: fixed by a hash of the text, so that no new row moves an old one."""
        digest = hashlib.sha256("\n".join(self.text).encode()).digest()
        return "dev" if digest[0] % 2 == 0 else "test"

    def readings(self) -> list[Reading]:
        """The lines as an engine would have read them, one below the other."""
        out = []
        for row, line in enumerate(self.text):
            top, right = 1.25 * _HEIGHT * row, _LETTER * len(line)
            box = ((0.0, top), (right, top), (right, top + _HEIGHT), (0.0, top + _HEIGHT))
            out.append(Reading(f"r{row}", line, box, _CONFIDENCE, script_of(line), "table"))
        return out


def read_strings(path: Path = TABLE) -> Iterator[SignText]:
    """The rows of the table at ``path``."""
    with path.open(newline="", encoding="utf-8") as stream:
        lines = (line for line in stream if not line.startswith("#"))
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            lat, _, lon = row["at"].partition(",")
            yield SignText(
                tuple(row["text"].split("\\n")),
                row["country"],
                (float(lat), float(lon)) if lat else None,
                row["kind"],
                row["continent"],
                row["source"],
            )
