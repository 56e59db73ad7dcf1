"""The table of given names and surnames: ``assets/person_names.txt.gz``, read at the first question.

Compiled from Faker's lists by :mod:`detectors.build_person_names`. A line is a folded word (``data.folding.fold``), a
tab and what it is: ``g`` a given name, ``s`` a surname, ``gs`` both.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.assets import read_asset
from data.errors import DatasetError

__all__ = ["FORMAT", "PERSON_NAMES", "PERSON_NAMES_SHA256", "PersonNames", "parsed", "person_names"]

PERSON_NAMES: Final = Path(__file__).parent / "assets" / "person_names.txt.gz"
PERSON_NAMES_SHA256: Final = "d477c299979bd35ab7aef2612db14c43dd754a249b0e2cee9634f78377316452"
FORMAT: Final = "whence person names 1"
_MOST_BYTES: Final = 16 << 20  # of the unpacked table; a damaged file may unpack to anything
_MOST_SYLLABLES = 3  # of a given name in Han or Hangul whose signs are counted one by one


@dataclass(frozen=True)
class PersonNames:
    """Folded words that people are called by.

    Attributes:
        given: Given names, each word of a double one by itself.
        surnames: Surnames, likewise.
        syllables: Han and Hangul signs of which given names are made.
    """

    given: frozenset[str]
    surnames: frozenset[str]
    syllables: frozenset[str]


def parsed(content: bytes, path: Path = PERSON_NAMES) -> PersonNames:
    """The table in ``content``, the file's bytes.

    Args:
        content: As read.
        path: What errors call it.

    Raises:
        DatasetError: It is no such table.
    """
    try:
        unpacker = zlib.decompressobj(wbits=31)
        lines = unpacker.decompress(content, _MOST_BYTES).decode("utf-8").split("\n")
        if not unpacker.eof or lines[0] != FORMAT:
            raise ValueError("it is cut short, far too long, or begins with another line")
        rows = [line.split("\t") for line in lines[1:] if line]
        given = frozenset(name for name, kind in rows if "g" in kind)
        surnames = frozenset(name for name, kind in rows if "s" in kind)
    except (zlib.error, ValueError) as error:
        raise DatasetError(
            f"{path} is damaged or no table of names ({error}): reinstall whence, or rebuild it with "
            "`python -m detectors.build_person_names`"
        ) from error
    short = (name for name in given if len(name) <= _MOST_SYLLABLES and all(_is_syllable(c) for c in name))
    return PersonNames(given, surnames, frozenset(c for name in short for c in name))


@functools.lru_cache(maxsize=1)
def person_names() -> PersonNames:
    """The shipped table, checked against its pinned hash.

    Raises:
        DatasetError: The file is missing, changed or damaged.

    >>> "anna" in person_names().given, "schmidt" in person_names().surnames, "hotel" in person_names().surnames
    (True, True, False)
    """
    return parsed(read_asset(PERSON_NAMES, PERSON_NAMES_SHA256))


def _is_syllable(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3"
