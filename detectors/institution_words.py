"""Which institutions a line names: police, town halls, schools, fire services, post offices, in their languages.

``assets/institution_words.tsv`` says on which countries' signs each name stands and on which side its place does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from data.folding import fold, joined
from detectors.base import Reading
from detectors.lines import Token
from detectors.word_tables import TableRow, rows_of

__all__ = ["INSTITUTION_RATE", "Institution", "institutions_in"]

INSTITUTION_WORDS = Path(__file__).parent / "assets" / "institution_words.tsv"
INSTITUTION_WORDS_SHA256 = "e3d833bd712e5269fe11b22ae4ec31d0c37035c59ed38dc55f8ee0933bc15e12"
INSTITUTION_RATE = 0.05
"""Share of the photos with text that show a public institution's name."""
_MOST_WORDS = 5
_LONG = 8  # letters of a name that is known again without its spaces
_UNMISTAKABLE = 10  # letters of a name of several words that no other words spell
_SELDOM = 0.1  # ... which is read for another reason this much more seldom


@dataclass(frozen=True)
class Institution:
    """An institution's name in a line.

    Attributes:
        row: What the table says about it.
        first: Index of its first word in the line; for scripts without spaces that of the run it stands in.
        stop: Index after its last word.
        start: Its first character in the reading.
        end: The character after its last.
    """

    row: TableRow
    first: int
    stop: int
    start: int
    end: int


@lru_cache(maxsize=1)
def _names() -> tuple[dict[str, list[tuple[str, TableRow]]], list[tuple[str, TableRow]]]:
    """Folded names to what they are as written and the row; and names written together with others, longest first."""
    apart: dict[str, list[tuple[str, TableRow]]] = {}
    together: list[tuple[str, TableRow]] = []
    for row in rows_of(INSTITUTION_WORDS, INSTITUTION_WORDS_SHA256):
        for word in row.words:
            if row.where == "p":
                together.append((word, row))
                continue
            folded = fold(word)
            several = " " in folded and len(joined(folded)) >= _UNMISTAKABLE
            entry = word.casefold(), replace(row, chance=row.chance * _SELDOM) if several else row
            apart.setdefault(folded, []).append(entry)
            if " " in folded and len(joined(folded)) >= _LONG:
                apart.setdefault(joined(folded), []).append(entry)
    return apart, sorted(together, key=lambda item: -len(item[0]))


def _row(entries: Sequence[tuple[str, TableRow]], written: str) -> TableRow:
    """The row that is meant: that of the same accents where several names differ in nothing else, or all together."""
    if len(entries) == 1:
        return entries[0][1]
    exact = [row for word, row in entries if word == written.casefold()]
    rows = exact or list({id(row): row for _, row in entries}.values())
    shares = np.maximum.reduce([row.shares for row in rows])
    return replace(rows[0], chance=max(row.chance for row in rows), shares=shares)


def institutions_in(line: Sequence[Token], reading: Reading) -> Iterator[Institution]:
    """The institutions that a line names, the longest name where several begin or end together."""
    apart, together = _names()
    i = 0
    while i < len(line):
        for size in range(min(_MOST_WORDS, len(line) - i), 0, -1):
            entries = apart.get(" ".join(t.word for t in line[i : i + size]))
            if entries:
                row = _row(entries, reading.text[line[i].start : line[i + size - 1].end])
                yield Institution(row, i, i + size, line[i].start, line[i + size - 1].end)
                i += size - 1
                break
        i += 1
    if reading.text.isascii():
        return
    for token_index, token in enumerate(line):
        written = reading.text[token.start : token.end]
        found = next(((word, row) for word, row in together if word in written), None)
        if found is not None:
            at = token.start + written.index(found[0])
            yield Institution(found[1], token_index, token_index + 1, at, at + len(found[0]))
