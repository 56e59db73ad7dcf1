"""Lists of rounds of a guessing game: which photo is shown when, and what people guessed.

A list is a CSV table with a header, a row for each photo of each player:

    game, round, file, lat, lon[, country][, precision_km][, player, human_lat, human_lon]

or a JSON file with the same, a list of guesses in each round:

    {"rounds": [{"game": 1, "round": 1, "file": "a.jpg", "lat": 48.9, "lon": 2.3, "country": "FR",
                 "guesses": [{"player": "Ada", "lat": 50.1, "lon": 8.7}]}]}

``game`` and ``round`` are any texts, ``file`` is a path from the list's folder (or from ``photos``), ``lat`` and
``lon`` are the true point in degrees, ``human_lat`` and ``human_lon`` the guess. A photo is in one round only; the
guesses of several players repeat its row. ``data.labelled_sets.open_labelled`` reads both.

The default is the duel of PlaNet's paper (Weyand, Kostrikov, Philbin: PlaNet - Photo Geolocation with Convolutional
Neural Networks, ECCV 2016): 50 rounds against 10 people, five for each.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Final

import numpy as np

from data.errors import DatasetError, RequestError
from data.labelled import LabelledSet
from data.printable import printable
from data.writing import write_whole

__all__ = ["write_rounds"]

_COLUMNS: Final = ("game", "round", "file", "lat", "lon", "country", "precision_km", "player", "human_lat", "human_lon")


def write_rounds(
    labelled: LabelledSet, path: str | os.PathLike[str], rounds: int = 50, per_game: int = 5, seed: int = 0
) -> Path:
    """Draw photos of a set whose point is known and write them as a list of rounds, for people to fill in.

    Photos come in a random order, each at most once. Those in the list's folder are named by their path from there;
    others by their name in the set, so that the list is opened with ``photos`` saying where they are. Guesses that the
    set knows are written too, else the columns of the guesses stay empty. The same arguments give the same bytes.

    Args:
        labelled: The set; its photos must be files.
        path: Of the CSV table, which is replaced.
        rounds: How many photos.
        per_game: How many rounds a game has; the last one may have fewer.
        seed: Not negative.

    Returns:
        The path.

    Raises:
        RequestError: Fewer than one round, a negative seed, or more rounds than photos whose point is known.
        DatasetError: Its photos are in shards, or the table cannot be written.
    """
    path = Path(path)
    placed = np.flatnonzero(np.isfinite(labelled.lat))
    if rounds < 1 or per_game < 1 or seed < 0:
        raise RequestError(f"rounds need at least one of them and of a game's, and a seed of 0 or more, not {seed}")
    if rounds > len(placed):
        raise RequestError(
            f"{labelled.name} has {len(placed)} photos whose point is known, fewer than {rounds} rounds: ask for fewer"
        )
    chosen = np.random.default_rng(seed).permutation(placed)[:rounds].tolist()
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number, index in enumerate(chosen):
        row = [number // per_game + 1, number % per_game + 1, _name(labelled, index, path.parent)]
        row += [float(labelled.lat[index]), float(labelled.lon[index]), labelled.country[index]]
        row.append(float(labelled.exact_km[index]))
        guesses = {
            player: guess[index] for player, guess in labelled.players.items() if np.isfinite(guess[index]).all()
        }
        for player, (lat, lon) in guesses.items():
            writer.writerow([*row, player, float(lat), float(lon)])
        if not guesses:
            writer.writerow([*row, "", "", ""])
    try:
        write_whole(path, held.getvalue().encode())
    except OSError as error:
        raise DatasetError(f"cannot write {printable(str(path))}: {error.strerror or error}; check the path") from error
    return path


def _name(labelled: LabelledSet, index: int, folder: Path) -> str:
    source = labelled.source(index)
    if not isinstance(source, Path):
        raise DatasetError(f"the photos of {labelled.name} are in shards: unpack them, as a list of rounds names files")
    try:
        # Not resolved: images/ may be a link to another disk, and is read by its name here.
        inside, base = (Path(os.path.abspath(where)) for where in (source, folder))  # noqa: PTH100
        return inside.relative_to(base).as_posix()
    except ValueError:
        return labelled.files[index]
