"""What the real detectors read in the pictures of ``benchmarks.storefronts``, kept so that it is read once.

    python -m benchmarks.storefront_readings KEEP [--data DIR] [--regions NAME ...] [--count N] [--first N]
                                             [--seed SEED] [--fonts DIR] [--grounds DIR ...]

Reading takes seconds a picture. Each is a line of ``KEEP/REGION.jsonl``: its truth, its signs, and the readings as they
are, unmasked, for they are of drawn signs; the file is not for the repository all the same. A picture is read again
where its signs are others; delete a file after a change to the fonts, the drawing or the detectors.
"""

from __future__ import annotations

import argparse
import os
import time
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks.reader import distance
from benchmarks.storefront_pictures import Sign
from benchmarks.storefronts import KINDS, Storefront, storefronts
from detectors.base import Clue, Reading
from detectors.render_fonts import FONT_FOLDER
from detectors.render_text import Grounds
from fusion.clue_rows import clue_of, clue_values, keep_row, kept_rows, reading_of, reading_values
from fusion.locator import Locator

__all__ = ["REGIONS", "ReadStorefront", "kept_storefronts", "lines_read", "read_storefronts", "spelt"]

REGIONS: Final[Mapping[str, str]] = {
    "liechtenstein": "liechtenstein-2013-08-03.osm.pbf",
    "monaco": "monaco.osm.gz",
    "krems": "krems.osm.gz",
    "moscow": "moscow.osm.gz",
    "campo-grande": "campo-grande.osm.gz",
}
"""Name to the extract's file."""


@dataclass(frozen=True)
class ReadStorefront:
    """A picture's truth, and what was read in it.

    Attributes:
        number: Of it in its region.
        kind: ``"poi"``, ``"address"`` or ``"street"``.
        what: Its tag.
        lat: True latitude, degrees.
        lon: True longitude, degrees.
        signs: All that was to be drawn.
        readings: Unmasked.
        plate_clues: What was taken for licence plates says so much.
        seconds: That drawing and reading took.
    """

    number: int
    kind: str
    what: str
    lat: float
    lon: float
    signs: tuple[Sign, ...]
    readings: tuple[Reading, ...]
    plate_clues: tuple[Clue, ...]
    seconds: tuple[float, float]

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of its own signs."""
        return tuple(line for sign in self.signs if sign.whose == "own" for line in sign.lines)


def read_storefronts(
    shots: Iterable[Storefront], kept: Path, locator: Locator | None = None
) -> Iterator[ReadStorefront]:
    """What is read in ``shots``, read now where the file ``kept`` does not hold it.

    Args:
        shots: The places.
        kept: A file of JSON lines, of one extract and seed.
        locator: What reads; None for the detectors that ship.

    Raises:
        DatasetError: There are no fonts.
        OSError: ``kept`` cannot be written.
    """
    known = {(row["seed"], row["number"]): row for row in kept_rows(kept)}
    for shot in shots:
        written = zlib.crc32(repr([shot.kind, shot.lat, shot.lon, shot.signs]).encode())
        row = known.get((shot.seed, shot.number))
        if row is None or row["written"] != written:
            locator = locator or _locator()
            row = _read(shot, locator) | {"written": written}
            keep_row(kept, row)
        yield _of_row(row)


def kept_storefronts(kept: Path) -> list[ReadStorefront]:
    """What the file ``kept`` holds, as it was read: no picture is drawn for it, nor held against its place."""
    return [_of_row(row) for row in kept_rows(kept)]


def _locator() -> Locator:
    # As if as many photos were read at once as there are cores: with one thread, which waits for no other, a picture
    # costs half of the time of the processor.
    return Locator("density", scenes="none", offline=True, ranker="pool", places="none", workers=os.cpu_count() or 1)


def _read(shot: Storefront, locator: Locator) -> dict[str, Any]:
    start = time.process_time()
    pixels = shot.pixels
    drawn = time.process_time()
    looked = locator.looker.look(pixels)
    clues = locator.looker.plates.clues(looked.plates) if locator.looker.plates is not None else []
    return {
        "seed": shot.seed,
        "number": shot.number,
        "kind": shot.kind,
        "what": shot.what,
        "lat": shot.lat,
        "lon": shot.lon,
        "signs": [asdict(sign) for sign in shot.signs],
        "readings": [reading_values(reading) for reading in looked.readings],
        "plate_clues": [clue_values(clue) for clue in clues],
        "seconds": [round(drawn - start, 3), round(time.process_time() - drawn, 3)],
    }


def _of_row(row: Mapping[str, Any]) -> ReadStorefront:
    return ReadStorefront(
        row["number"],
        row["kind"],
        row["what"],
        row["lat"],
        row["lon"],
        tuple(Sign(sign["whose"], sign["look"], tuple(sign["lines"]), sign["large"]) for sign in row["signs"]),
        tuple(reading_of(values) for values in row["readings"]),
        tuple(clue_of(values) for values in row["plate_clues"]),
        tuple(row["seconds"]),
    )


def spelt(text: str) -> str:
    """``text`` as it is compared: composed, in small letters, with single spaces.

    >>> spelt("ÉCOLE  DE Musique")
    'école de musique'
    """
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def lines_read(shots: Sequence[ReadStorefront]) -> tuple[int, int, int]:
    """How many lines of their own signs there are, how many of them were read exactly, and within one edit."""
    lines = exact = nearly = 0
    for shot in shots:
        read = [spelt(reading.text) for reading in shot.readings]
        for line in map(spelt, shot.lines):
            least = min((distance(line, text) for text in read), default=len(line))
            lines, exact, nearly = lines + 1, exact + (least == 0), nearly + (least <= 1)
    return lines, exact, nearly


def main(argv: Sequence[str] | None = None) -> None:
    """Read what is not kept yet, and say how well it was read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/osm"))
    parser.add_argument("--regions", nargs="*", default=list(REGIONS), choices=list(REGIONS), metavar="NAME")
    parser.add_argument("--count", type=int, default=200, help="places a region")
    parser.add_argument("--first", type=int, help="read only so many of them, the same for every region")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fonts", type=Path, default=FONT_FOLDER)
    parser.add_argument("--grounds", type=Path, nargs="*", default=[], help="folders of photos seen in the windows")
    args = parser.parse_args(argv)
    locator = _locator()
    grounds = Grounds(args.grounds)
    for name in args.regions:
        shots = storefronts(args.data / REGIONS[name], args.count, args.seed, fonts=args.fonts, grounds=grounds)
        read = list(read_storefronts(islice(shots, args.first), args.keep / f"{name}.jsonl", locator))
        print(f"{name}: {_said(read)}", flush=True)


def _said(read: Sequence[ReadStorefront]) -> str:
    kinds = ", ".join(f"{sum(shot.kind == kind for shot in read)} {kind}" for kind in KINDS)
    lines, exact, nearly = lines_read(read)
    draw, look = (sum(shot.seconds[k] for shot in read) / max(len(read), 1) for k in (0, 1))
    share = f"{exact / max(lines, 1):.1%} of {lines} own lines exact, {nearly / max(lines, 1):.1%} within one edit"
    return f"{len(read)} ({kinds}); {share}; {draw:.2f} s drawn, {look:.2f} s read"


if __name__ == "__main__":
    main()
