"""Where galleries live: folders of one folder, ``$WHENCE_GALLERIES`` or the system's place for a user's data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backbone.gallery_card import GalleryCard, read_gallery_card
from backbone.weights_card import check_name
from data.errors import WeightsError
from data.printable import printable
from data.user_folders import user_data

__all__ = ["InstalledGallery", "find_gallery", "galleries", "galleries_folder", "gallery_folder"]

_VARIABLE: Final = "WHENCE_GALLERIES"


@dataclass(frozen=True)
class InstalledGallery:
    """A gallery at hand.

    Attributes:
        name: Of its folder.
        folder: Where it is.
        card: What it says of itself; None where that cannot be read.
        fault: What is wrong with it and what to do, in one line; empty where nothing is.
    """

    name: str
    folder: Path
    card: GalleryCard | None
    fault: str = ""


def galleries_folder() -> Path:
    """The folder of the user's galleries, whether or not it is there: ``$WHENCE_GALLERIES``, or the system's place.

    Raises:
        WeightsError: The system has no place for it, since this user has no home folder.
    """
    folder = user_data(_VARIABLE, "galleries")
    if folder is None:
        raise WeightsError(f"this user has no home folder for galleries: set {_VARIABLE} to a folder for them")
    return folder


def gallery_folder(name: str | os.PathLike[str]) -> Path:
    """Where the gallery called ``name`` is or would be: a ``Path``, or a name with a separator in it, is a path itself.

    Raises:
        WeightsError: It can be no name, or the user has no home folder.

    >>> gallery_folder("./mine").name, gallery_folder("mine").name
    ('mine', 'mine')
    """
    text = os.fspath(name)
    if not isinstance(name, str) or any(mark in text for mark in "/\\"):
        folder = Path(text)
        check_name(folder.resolve().name)
        return folder
    check_name(text)
    return galleries_folder() / text


def find_gallery(name: str | os.PathLike[str]) -> Path:
    """The folder of the gallery called ``name``, or the path that it is.

    Raises:
        WeightsError: There is none.
    """
    folder = gallery_folder(name)
    if folder.is_dir():
        return folder
    if not isinstance(name, str) or any(mark in name for mark in "/\\"):
        raise WeightsError(f"no gallery in {printable(str(folder))}: `whence gallery build PHOTOS -o NAME` makes one")
    names = ", ".join(gallery.name for gallery in galleries()) or "none"
    raise WeightsError(
        f"no gallery is called {name} in {printable(str(folder.parent))} (at hand: {names}): "
        f"`whence gallery build PHOTOS -o {name}` makes one"
    )


def galleries() -> list[InstalledGallery]:
    """The user's galleries by name; one that is broken or not finished is there with its fault.

    A folder for galleries that does not exist holds none; one that cannot be looked into is in the list with its fault.
    """
    try:
        root = galleries_folder()
    except WeightsError:
        return []
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        fault = f"{printable(str(root))} cannot be read ({error.strerror or error}): mend that, or set {_VARIABLE}"
        return [InstalledGallery(printable(root.name), root, None, fault)]
    return [_entry(folder) for folder in folders]


def _entry(folder: Path) -> InstalledGallery:
    name = printable(folder.name)
    try:
        check_name(folder.name)
        card = read_gallery_card(folder)
    except WeightsError as error:
        return InstalledGallery(name, folder, None, str(error))
    if card.name != folder.name:
        return InstalledGallery(
            name, folder, card, f"its card calls it {card.name}: give the folder {name} that name again"
        )
    fault = "" if card.finished else f"it is not finished: run the interrupted command again, or `gallery add {name}`"
    return InstalledGallery(name, folder, card, fault)
