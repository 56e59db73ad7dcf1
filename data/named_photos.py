"""Photos under a folder by the names that a table has for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from data.images import SUFFIXES
from data.photo_folders import files_under

__all__ = ["Found", "find_named"]

# What leads out of the folder, or spells a path in a second way; a backslash and a drive do so on Windows.
_CROOKED: Final = re.compile(r"(^|/)\.{0,2}(/|$)|\\|^[A-Za-z]:|\x00")
_HIDDEN: Final = re.compile(r"(^|/)\.")


@dataclass(frozen=True)
class Found:
    """A photo, or why there is none.

    Attributes:
        path: From the folder, with ``/``; empty where there is none.
        why: Empty where there is a photo.
    """

    path: str = ""
    why: str = ""


def find_named(root: Path, names: Sequence[str]) -> tuple[list[Found], list[str]]:
    """The file of each of ``names`` (n,), and the photos under ``root`` that none of them means, sorted.

    A name is a path in ``root`` or in its ``images/``. One without a folder before it may lie in any folder, if it is
    the only one that is called so; one without a photo's ending may have any. In a file's name, ``_`` may stand
    for each ``/``. Accents may be composed or not. Symbolic links are followed: who made the folder put them there.

    Raises:
        DatasetError: A folder cannot be listed.
    """
    files = [file for file in files_under(root) if not _HIDDEN.search(file)]
    places: dict[str, set[str]] = {}
    for file in files:
        path = PurePosixPath(file)
        is_photo = path.suffix.lower() in SUFFIXES
        for spelled in {file, path.name, *((str(path.with_suffix("")), path.stem) if is_photo else ())}:
            places.setdefault(unicodedata.normalize("NFC", spelled), set()).add(file)
    found: list[Found] = []
    owner: dict[str, str] = {}
    for name in names:
        one = _found(name, places)
        if one.path in owner:
            one = Found(why=f"its photo is that of {owner[one.path]} already")
        elif one.path:
            owner[one.path] = name
        found.append(one)
    unlabelled = sorted(f for f in files if f not in owner and PurePosixPath(f).suffix.lower() in SUFFIXES)
    return found, unlabelled


def _found(name: str, places: dict[str, set[str]]) -> Found:
    if _CROOKED.search(name):
        return Found(why="no plain path inside the folder (write it with / and without . or ..)")
    spelled = unicodedata.normalize("NFC", name)
    flat = spelled.replace("/", "_")  # as copies of MP-16 have it
    for wanted in dict.fromkeys((spelled, f"images/{spelled}", flat, f"images/{flat}")):
        inside = places.get(wanted, set())
        whole = [file for file in inside if unicodedata.normalize("NFC", file) == wanted]
        stems = [
            file for file in inside if unicodedata.normalize("NFC", str(PurePosixPath(file).with_suffix(""))) == wanted
        ]
        if exact := whole or stems:
            return Found(exact[0]) if len(exact) == 1 else Found(why=f"{len(exact)} photos are called so")
    anywhere = sorted(places.get(spelled, ())) if "/" not in spelled else []
    if len(anywhere) > 1:
        return Found(why=f"{len(anywhere)} photos are called so, in several folders")
    return Found(anywhere[0]) if anywhere else Found(why="no photo")
