"""What is read in photos that may be trained on: the rates that the simulator's recipes and noise are set by.

    python -m benchmarks.clue_rates KEEP [SET ...]

``KEEP`` holds what was read (``benchmarks.fusion_photos``). Printed are: how many photos show any text and any clue;
fifths of the confidence of readings that no clue came of, and of those that one did; and of readings of a confidence
below 0.8, most of which are no text: their scripts, lengths and letters (``fusion.simulated_lines.noise``). Clues by
kind, and how often each is right, stand in the table of ``benchmarks.fusion_features``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.fusion_features import Seen, real

__all__ = ["main"]

_SETS: Final = ("travel_train", "streets_train")
_FIFTHS: Final = (0, 20, 40, 60, 80, 100)
_DOUBTFUL: Final = 0.8
_MASK: Final = "•"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("sets", nargs="*", default=list(_SETS), metavar="SET")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    args = parser.parse_args(argv)
    for line in rates([photo for name in args.sets for photo in real(args.data, args.keep, name)]):
        print(line)


def rates(photos: Sequence[Seen]) -> list[str]:
    """The rates in ``photos``, a line each."""
    named = {id(p): {s.partition(":")[0] for clue in p.clues for s in clue.evidence.sources} for p in photos}
    lines = [(r, r.id in named[id(p)]) for p in photos for r in p.readings if r.region != "plate" and r.text]
    told, silent = ([r.confidence for r, tells in lines if tells == wanted] for wanted in (True, False))
    noise = [r for r, _ in lines if r.confidence < _DOUBTFUL and _MASK not in r.text]
    letters = Counter(c for r in noise for c in r.text if c != " ")
    counts = [len(p.readings) for p in photos if p.readings]
    return [
        f"photos            {len(photos)}, with text {100 * np.mean([bool(p.readings) for p in photos]):.0f} %, with a "
        f"clue {100 * np.mean([bool(p.clues) for p in photos]):.0f} %",
        f"lines             where any: {_at(counts)}",
        f"confidence        of lines with a clue: {_at(told)}",
        f"                  of lines without one: {_at(silent)}",
        f"doubtful lines    {len(noise)}; scripts {dict(Counter(r.script for r in noise).most_common(6))}",
        f"                  letters a line {dict(sorted(Counter(len(r.text) for r in noise).items()))}",
        f"                  letters {' '.join(f'{c}{n}' for c, n in letters.most_common(60))}",
    ]


def _at(values: Sequence[float]) -> str:
    return " / ".join(f"{x:.2f}" for x in np.percentile(values or [0.0], _FIFTHS)) + " (0/20/40/60/80/100 %)"


if __name__ == "__main__":
    main()
