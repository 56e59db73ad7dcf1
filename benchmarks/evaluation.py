"""Evaluates the priors that ship on the photos for measuring, with and without clues.

    python -m benchmarks.evaluation OUT [SET ...] [--data DIR] [--keep DIR] [--csv FILE]

Each set is a run of its own in ``OUT/SET``, as ``whence evaluate`` makes it, and is gone on with where it was stopped.
Photos that taught the prior ``pixels`` are answered by a fit that saw no photo within 25 km of theirs
(``benchmarks.fusion_priors``), which ``--keep`` keeps. Maps of this machine are not used.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior, PriorCard, PriorOutput
from backbone.pixels import PixelsPrior
from benchmarks.fusion_photos import COUNTRY_ONLY, FACADES_AT
from benchmarks.fusion_priors import TAUGHT, pixels_of
from data.distribution import CellDistribution
from data.images import load
from data.labelled import LabelledSet
from data.labelled_sets import open_labelled
from data.partition import Partition
from data.writing import write_whole
from fusion.evaluation.run import evaluate
from fusion.evaluation.runs import Run
from fusion.evaluation.words import in_words
from fusion.locator import Locator
from fusion.view import reduced

__all__ = ["SETS", "OutOfFold", "opened", "rows_of"]

SETS: Final = ("streets_dev", "places_dev", "shopfronts_dev", "signs_dev", "facades_test", "streets_train",
               "travel_train")  # fmt: skip
_PRIORS: Final = ("density", "density:street", "pixels")
_CITY_KM: Final = 25.0

Pixels = NDArray[np.uint8]


class OutOfFold:
    """The prior ``pixels`` for photos that taught it: what was said of each by a fit that did not see its place.

    Args:
        photos: The photos, as files.
        said: Name of each photo's file to probabilities (n,).
    """

    def __init__(self, photos: LabelledSet, said: Mapping[str, NDArray[np.float32]]) -> None:
        shipped = PixelsPrior(offline=True)
        self._partition = shipped.partition
        self.card: PriorCard = replace(
            shipped.card,
            summary=f"{shipped.card.summary}; here out of fold",
            trained_on="photos of other places, in five folds",
            sha256="",
        )
        self._said: dict[bytes, NDArray[np.float32]] = {}
        for k, file in enumerate(photos.files):
            self._said[_digest(reduced(load(photos.source(k)).pixels))] = said[Path(file).name]

    @property
    def name(self) -> str:
        """Short name."""
        return "pixels"

    @property
    def partition(self) -> Partition:
        """The shipped cells."""
        return self._partition

    def predict(self, images: Sequence[Pixels], *, device: str = "cpu") -> list[PriorOutput]:
        """What was said of each of ``images``, (H, W, 3) uint8."""
        return [PriorOutput(CellDistribution(self._partition, self._said[_digest(image)])) for image in images]


def opened(data: Path, name: str) -> LabelledSet:
    """A set, with points only where they are the photos' own."""
    if name == "facades_test":
        lat, lon, country = FACADES_AT
        photos = open_labelled(data / "facades" / "images" / "test", at=f"{lat},{lon},{country},{_CITY_KM:g}")
    else:
        photos = open_labelled(data / name)
    if name in COUNTRY_ONLY:
        nowhere = np.full(len(photos), math.nan)
        photos = replace(photos, lat=nowhere, lon=nowhere)
    return replace(photos, name=name)


def rows_of(run: Run) -> Iterator[dict[str, Any]]:
    """A row for each prior and system: the figures with the ends of their intervals, and what clues gain."""
    for one in run.summary["runs"]:
        for system, figures in one["systems"].items():
            row: dict[str, Any] = {
                "set": run.summary["dataset"]["name"], "photos": one["photos"], "failed": one["failed"],
                "places": run.summary["dataset"]["places"], "with_clue": one["with_clue"], "prior": one["prior"],
                "answer": system,
            }  # fmt: skip
            for name, figure in figures.items():
                row |= {name: figure["value"], f"{name}_low": figure["low"], f"{name}_high": figure["high"]}
            if system == "text":
                for name, told in one["gain"].items():
                    row |= dict(zip((f"gain_{name}", f"gain_{name}_low", f"gain_{name}_high"), told, strict=True))
            yield row


def main(argv: Sequence[str] | None = None) -> None:
    """Evaluate, print each run and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--keep", type=Path, help="folder of what pixels says out of fold (default: OUT/said)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--csv", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    locator = Locator("density", offline=True, places="none", workers=args.workers)
    rows: list[dict[str, Any]] = []
    for name in args.sets:
        photos = opened(args.data, name)
        priors: list[Prior | str] = list(_PRIORS)
        if name in TAUGHT:
            priors[-1] = OutOfFold(photos, pixels_of(args.data, name, args.keep or args.out / "said"))
        run = evaluate(photos, args.out / name, priors, locator=locator)
        print(in_words(run.summary), "\n", flush=True)
        rows += rows_of(run)
    if args.csv:
        write_whole(args.csv, _csv(rows).encode("utf-8"))


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _digest(view: Pixels) -> bytes:
    return blake2b(repr(view.shape).encode() + np.ascontiguousarray(view).tobytes(), digest_size=16).digest()


if __name__ == "__main__":
    main()
