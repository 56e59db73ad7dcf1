"""Evaluates the priors that ship on the photos for measuring, with and without clues.

    python -m benchmarks.evaluation OUT [SET ...] [--read READ] [--keep DIR] [--data DIR] [--csv FILE]

Each set is a run of its own in ``OUT/SET``, as ``whence evaluate`` makes it, and is gone on with where it was stopped.
With ``--read`` the text is that which ``benchmarks.fusion_photos READ`` read once, and no thumbnails are kept. Photos
that taught the prior ``pixels`` are answered by a fit that saw no photo within 25 km of theirs
(``benchmarks.fusion_priors``), kept in ``--keep``; what it says of the others is kept there as well. Maps of this
machine are not used.
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
from data.images import ImageSource, load
from data.labelled import LabelledSet
from data.labelled_sets import open_labelled
from data.partition import Partition
from data.writing import write_whole
from fusion.clue_rows import clue_of, kept_rows, reading_of
from fusion.evaluation.run import evaluate
from fusion.evaluation.runs import Run
from fusion.evaluation.words import in_words
from fusion.locator import Locator
from fusion.view import reduced

__all__ = ["SETS", "ReadBefore", "SaidBefore", "opened", "rows_of"]

SETS: Final = ("streets_dev", "places_dev", "shopfronts_dev", "signs_dev", "facades_test", "streets_train",
               "travel_train")  # fmt: skip
_BLIND: Final = ("density", "density:street")
_CITY_KM: Final = 25.0

Pixels = NDArray[np.uint8]


class ReadBefore(Locator):
    """A locator for photos that were read before: their text and clues are those that were kept.

    Args:
        kept: File of :func:`benchmarks.fusion_photos.read_photos`.
    """

    def __init__(self, kept: Path) -> None:
        super().__init__("density", ocr="none", offline=True, places="none")
        self._kept = {row["file"]: row for row in kept_rows(kept)}

    def _see(self, source: ImageSource) -> Any:
        row = self._kept[Path(str(source)).name]
        return replace(
            super()._see(source),
            readings=[reading_of(values) for values in row["readings"]],
            clues=[clue_of(values) for values in row["clues"]],
            thumbnail=b"",  # where private text stands was not kept
        )


class SaidBefore:
    """The prior ``pixels`` with what it said before of each photo, out of fold where photos of the set taught it.

    Args:
        photos: The photos, as files.
        said: Name of each photo's file to probabilities (n,).
        out_of_fold: Whether they are by fits that did not see the photo's place.
    """

    def __init__(self, photos: LabelledSet, said: Mapping[str, NDArray[np.float32]], *, out_of_fold: bool) -> None:
        shipped = PixelsPrior(offline=True)
        self._partition = shipped.partition
        self.card: PriorCard = shipped.card
        if out_of_fold:
            words = f"{shipped.card.summary}; here out of fold"
            self.card = replace(shipped.card, summary=words, trained_on="photos of other places, in five folds")
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
    parser.add_argument("--read", type=Path, help="folder of what was read before")
    parser.add_argument("--keep", type=Path, help="folder of what pixels said before (default: OUT/said)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--csv", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    rows: list[dict[str, Any]] = []
    for name in args.sets:
        photos = opened(args.data, name)
        said = pixels_of(args.data, name, args.keep or args.out / "said")
        priors: list[Prior | str] = [*_BLIND, SaidBefore(photos, said, out_of_fold=name in TAUGHT)]
        if args.read is None:
            locator = Locator("density", offline=True, places="none", workers=args.workers)
        else:
            locator = ReadBefore(args.read / f"{name}.jsonl")
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
