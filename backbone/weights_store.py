"""The models at hand: those shipped with whence, and the user's own.

A shipped model is a folder ``backbone/assets/<name>``; the user's are folders of one folder, ``$WHENCE_WEIGHTS`` or the
system's place for a user's data. A model goes by the name of its folder.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backbone.album_weights import (
    ALBUM_CARD_FILE,
    ALBUM_TENSORS_FILE,
    read_album_card,
    read_album_tensors,
)
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import (
    CARD_FILE,
    PARTITION_FILE,
    TENSORS_FILE,
    WeightsCard,
    check_tensors,
    read_card,
    read_partition_of,
    read_tensors,
    write_card,
)
from backbone.weights_card import brief, check_name
from data.errors import WeightsError
from data.printable import printable
from data.user_folders import user_data

__all__ = ["SHIPPED", "InstalledWeights", "add", "find", "installed", "user_folder", "verify"]

SHIPPED: Final = Path(__file__).parent / "assets"

_VARIABLE: Final = "WHENCE_WEIGHTS"
_PATIENCE_S: Final = 60.0  # while another process adds a model
_NEW, _OLD = ".new-", ".old-"  # a model on its way in or out; while the lock is held


@dataclass(frozen=True)
class InstalledWeights:
    """A model at hand.

    Attributes:
        name: Of its folder.
        folder: Where it is.
        shipped: Whether it came with whence.
        card: What it says of itself; None where that cannot be read.
        fault: What is wrong with it and what to do, in one line; empty where nothing is. The content of the tensors is
            not looked at for this: :func:`verify` does.
    """

    name: str
    folder: Path
    shipped: bool
    card: WeightsCard | None
    fault: str = ""


def user_folder() -> Path:
    """The folder of the user's own models, whether or not it is there: ``$WHENCE_WEIGHTS``, or the system's place.

    Raises:
        WeightsError: The system has no place for it, since this user has no home folder.
    """
    folder = user_data(_VARIABLE, "weights")
    if folder is None:
        raise WeightsError(f"this user has no home folder for models: set {_VARIABLE} to a folder for them")
    return folder


def installed() -> list[InstalledWeights]:
    """All models at hand, the shipped ones first, each kind by name; one that is broken is there with its fault.

    A folder for the user's models that cannot be looked into stands in the list with its fault too. One that does not
    exist holds no models.
    """
    shipped = [_entry(folder, shipped=True) for folder in _folders(SHIPPED) if (folder / CARD_FILE).exists()]
    try:
        root = user_folder()
    except WeightsError:
        return shipped
    try:
        folders = _folders(root)
    except OSError as error:
        fault = (
            f"the folder of the user's models {_shown(root)} cannot be read ({error.strerror or error}): "
            f"mend that, or set {_VARIABLE} to another folder"
        )
        return [*shipped, InstalledWeights(printable(root.name), root, False, None, fault)]
    taken = {model.name for model in shipped}
    own = [_entry(folder, shipped=False) for folder in folders]
    return shipped + [
        dataclasses.replace(
            model, fault=f"whence ships a model of the same name, which is used instead: rename {_shown(model.folder)}"
        )
        if model.name in taken
        else model
        for model in own
    ]


def find(name: str) -> Path:
    """The folder of the model called ``name``, a shipped one before one of the user's; it may be broken.

    Raises:
        WeightsError: There is none of that name, or it can be no name.
    """
    check_name(name)
    models = installed()
    for model in models:
        if model.name == name:
            return model.folder
    names = ", ".join(model.name for model in models) or "none"
    try:
        root = user_folder()
        where = f"{_shown(root)}{'' if root.is_dir() else ' (which is no folder)'}"
    except (OSError, WeightsError):
        where = "the user's folder"
    raise WeightsError(f"no model is called {name} in {where} (at hand: {names}): add it with `whence weights add`")


def verify(model: str | Path) -> list[str]:
    """What is wrong with a model, each in a line that says what to do; an empty list where nothing is.

    Looks at the card and the network that it describes, the tensors' sha256, whether they can be read and are finite,
    the partition, and an album's LSTM where one stands beside it.

    Args:
        model: The name of one at hand, or the path of a folder, which is a ``Path`` or has a separator in it.

    Raises:
        WeightsError: No model at hand has that name.
    """
    folder = (
        find(model)
        if isinstance(model, str) and os.sep not in model and model not in (".", "..")
        else _folder_of(model)
    )
    try:
        card = read_card(folder)
    except WeightsError as error:
        return [str(error)]
    findings = []
    try:
        PlanetConfig.from_dict(card.config)
    except WeightsError as error:
        findings.append(str(error))
    try:
        findings += _unsound_tensors(folder, card)
    except WeightsError as error:
        findings.append(str(error))
    try:
        read_partition_of(folder, card)
    except WeightsError as error:
        findings.append(str(error))
    try:
        album = read_album_card(folder, card.sha256)
        if album is not None:
            read_album_tensors(folder, album)
    except WeightsError as error:
        findings.append(str(error))
    return findings


def add(source: str | Path, *, name: str | None = None, replace: bool = False) -> Path:
    """Check a model and copy it into the user's folder, where it appears whole or not at all; returns its folder.

    Of a process that is killed between taking the replaced model away and putting the new one there, the next ``add``
    brings the replaced one back.

    Args:
        source: Its folder, or the ``planet.json`` in it.
        name: What to call it; by default what its card says. The copy's card says the new name.
        replace: Put it in the place of a model of the same name.

    Raises:
        WeightsError: It is not sound, there is one of that name, or the user's folder cannot be written.
    """
    source = _folder_of(source)
    if findings := verify(source):
        raise WeightsError(findings[0])
    card = read_card(source)
    name = card.name if name is None else name
    check_name(name)
    card = dataclasses.replace(card, name=name)
    root = user_folder()
    target = root / name
    if (SHIPPED / name / CARD_FILE).exists():
        raise WeightsError(f"whence ships a model called {name}: give another name with --name")
    try:
        with _locked(root):
            _tidy(root)
            if not replace and os.path.lexists(target):
                raise WeightsError(
                    f"there is a model called {name} in {_shown(root)} already: give another name with --name, or "
                    "replace that one with --replace"
                )
            try:
                _put(source, card, root)
            finally:
                with suppress(OSError):  # what it leaves then is for the next time
                    _tidy(root)
    except OSError as error:
        raise WeightsError(
            f"cannot add the model {name} to {_shown(root)} ({error.strerror or error}): make room or let this "
            f"user write there, or set {_VARIABLE} to another folder"
        ) from error
    return target


def _folder_of(source: str | Path) -> Path:
    if not str(source):
        raise WeightsError("an empty path: give the folder of a model")
    path = Path(source)
    return path.parent if path.name == CARD_FILE else path


def _folders(root: Path) -> list[Path]:
    """The folders in ``root`` by name, hidden ones left out; none where there is no such folder."""
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []


def _entry(folder: Path, *, shipped: bool) -> InstalledWeights:
    card, fault = None, ""
    try:
        check_name(folder.name)
        card = read_card(folder)
        PlanetConfig.from_dict(card.config)
        check_tensors(folder, card, size_only=True)
        read_partition_of(folder, card)
    except WeightsError as error:
        fault = str(error)
    return InstalledWeights(printable(folder.name), folder, shipped, card, fault)


def _unsound_tensors(folder: Path, card: WeightsCard) -> list[str]:
    tensors = read_tensors(folder, card)
    if not tensors:
        return [f"{_shown(folder / TENSORS_FILE)} holds no tensor: train that model again"]
    broken = [
        key
        for key, tensor in tensors.items()
        if (tensor.is_floating_point() or tensor.is_complex())
        # Torch asks this of no float of 8 bits; a double, though, must not overflow on the way to a float.
        and not (tensor.float() if tensor.element_size() == 1 else tensor).isfinite().all()
    ]
    if not broken:
        return []
    more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
    said = f"values of the tensor {brief(broken[0])}{more} are not finite"
    return [f"{_shown(folder / TENSORS_FILE)}: {said}: train that model again"]


def _put(source: Path, card: WeightsCard, root: Path) -> None:
    """Copy the model in ``source`` to its place in ``root``; the lock is held."""
    made, target = root / f"{_NEW}{card.name}", root / card.name
    made.mkdir()
    for file in (TENSORS_FILE, PARTITION_FILE, ALBUM_TENSORS_FILE, ALBUM_CARD_FILE):
        if file == TENSORS_FILE or (source / file).exists():
            _copy(source / file, made / file)
    write_card(made, card)
    # What is put there is what was checked, though the source may have changed meanwhile.
    check_tensors(made, card)
    read_partition_of(made, card)
    if os.path.lexists(target):
        target.rename(root / f"{_OLD}{card.name}")
    made.rename(target)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written)
        written.flush()
        os.fsync(written.fileno())


def _tidy(root: Path) -> None:
    """Take away what an ``add`` left, and bring back what one took away without a replacement; the lock is held."""
    for path in list(root.iterdir()):
        if path.name.startswith(_NEW):
            _remove(path)
        elif path.name.startswith(_OLD):
            place = root / path.name.removeprefix(_OLD)
            if os.path.lexists(place):
                _remove(path)
            else:
                path.rename(place)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    root.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(root / ".lock").acquire(timeout=_PATIENCE_S)
    except Timeout as error:
        raise WeightsError(
            f"another process has been adding a model to {_shown(root)} for {_PATIENCE_S:.0f} s: wait for it"
        ) from error
    with held:
        yield


def _shown(path: Path) -> str:
    return printable(str(path))
