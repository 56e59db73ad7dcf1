"""What several modules of the command line share: arguments, and kinds of them for argparse's ``type``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

__all__ = ["MOST_WORKERS", "Commands", "add_parts", "confidence_argument", "count_argument", "path_argument"]

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What sub-commands are added to."""

MOST_WORKERS = 8
"""By default, photos that are in memory at once."""


def add_parts(parser: argparse.ArgumentParser, *, several_priors: bool = False, places: str = "auto") -> None:
    """Add ``--prior``, ``--gallery``, ``--ocr``, ``--fusion``, ``--places``, ``--regions`` and ``--scenes``.

    Args:
        parser: To add to.
        several_priors: ``--prior`` may be given again and again; its value is then a list, or None.
        places: What ``--places`` is by default.
    """
    parser.add_argument(
        "--prior",
        action="append" if several_priors else "store",
        default=None if several_priors else "auto",
        metavar="NAME",
        help=("may be given several times: " if several_priors else "")
        + "auto, pixels (ships), density, density:people, density:street, geoclip, clip, clip:MODEL/PRETRAINED, "
        "clip:StreetCLIP (downloaded once); planet:NAME, im2gps:NAME, mixture:NAME, pixels:FOLDER of your own (see "
        "`whence weights`, `whence gallery` and docs/priors.md)",
    )
    parser.add_argument(
        "--gallery", metavar="NAME", help="a gallery of the prior's own embedding, whose photos narrow the point"
    )
    parser.add_argument("--ocr", default="rapidocr", metavar="NAME", help="rapidocr, easyocr:es,en (languages) or none")
    parser.add_argument(
        "--fusion", default="auto", metavar="NAME", help="what fuses prior and clues: auto (the trained ranker that "
        "ships), pool (log-linear), or a folder made by `whence train fusion`",
    )  # fmt: skip
    parser.add_argument(
        "--places", default=places, metavar="NAMES", help="maps of `whence places` in which signs are looked up: auto "
        f"(all at hand), none, or their names with commas between (default {places})",
    )  # fmt: skip
    parser.add_argument(
        "--regions", choices=("auto", "none"), default="auto", help="find signs and plates (auto) or not"
    )
    parser.add_argument(
        "--scenes",
        default="auto",
        metavar="NAME",
        help="what tells indoor, natural and urban apart: head, clip, clip:MODEL/PRETRAINED, none; auto takes the "
        "smallest CLIP that is on this machine already, which costs seconds at the start, else head",
    )


def path_argument(text: str) -> Path:
    """A path that is not empty.

    Raises:
        argparse.ArgumentTypeError: It is.
    """
    if not text:  # `whence locate "$DIR"` without DIR: an empty path would be the current folder
        raise argparse.ArgumentTypeError("an empty path")
    return Path(text)


def count_argument(text: str) -> int:
    """A whole number of at least 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {text!r}")
    return value


def confidence_argument(text: str) -> float:
    """A probability between 0 and 1, both left out.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"a probability between 0 and 1, such as 0.8, not {text!r}")
    return value
