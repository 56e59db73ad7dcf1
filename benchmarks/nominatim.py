"""A real Nominatim against the local index of the same extract, on what was read in drawn pictures of its signs.

    python -m benchmarks.nominatim URL KEEP [--map FILE] [--region NAME] [--first N] [--ranker NAME] [--out FILE]

``URL`` is a server of your own, as ``tests/servers/nominatim.sh`` sets it up: some hundred queries are no use of the
public one. ``KEEP/REGION.jsonl`` holds what was read (``benchmarks.storefront_readings``). Each picture is answered
from the density prior and its text: `without` either, with the `local` index, with `nominatim` asked in a second pass,
and with `both`, where what is left open by the index is asked.

Distances are great circles on a sphere of 6371.0088 km, bands are ``<=``. ``farther`` is the share of pictures that are
more than a kilometre farther off than without. Queries are those that reached the server: a text that several
pictures show is asked once a setting. Milliseconds are of one query, from the client's call to its hits.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.machine import machine
from benchmarks.storefront_readings import REGIONS, ReadStorefront, kept_storefronts
from data.geodesy import haversine_km
from data.osm_build import build_index
from data.osm_index import PlaceIndex
from data.osm_regions import region_name
from data.writing import write_whole
from detectors.base import Clue
from detectors.map_reader import MapReader
from detectors.privacy import masked
from fusion.among_shops import among_shops
from fusion.answer import Answer
from fusion.context import Context
from fusion.ledger import point_and_radius_km
from fusion.locator import Locator
from fusion.lookup import LookupService, Query
from fusion.nominatim import Nominatim
from fusion.second_pass import SecondPass
from fusion.web import Asked, WebClient

__all__ = ["SETTINGS", "Row", "rows_of", "table"]

SETTINGS: Final = ("without", "local", "nominatim", "both")
_BANDS_KM: Final = (0.1, 1.0, 25.0)
_FARTHER_KM: Final = 1.0


class _TimedClient(WebClient):
    """Notes how long each answer from the network took."""

    def __init__(self, services: Sequence[LookupService], cache: Path) -> None:
        super().__init__(services, cache=cache)
        self.seconds: list[float] = []

    def ask(self, service: LookupService, query: Query) -> Asked | None:
        """As :meth:`WebClient.ask`."""
        begun = time.perf_counter()
        asked = super().ask(service, query)
        if asked is not None and asked.source == "network":
            self.seconds.append(time.perf_counter() - begun)
        return asked


@dataclass
class Row:
    """How a setting did.

    Attributes:
        setting: One of :data:`SETTINGS`.
        km: From the answer's point to the truth, for each picture.
        seconds: Of each query that reached the server.
        failed: Queries without an answer.
    """

    setting: str
    km: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failed: int = 0


def rows_of(shots: Sequence[ReadStorefront], url: str, index: PlaceIndex, *, ranker: str = "auto") -> list[Row]:
    """A row for each of :data:`SETTINGS`.

    Args:
        shots: What was read.
        url: Of the Nominatim.
        index: Of the same extract.
        ranker: As for :class:`Locator`.

    Raises:
        RequestError: The address is none, or is not safe.
        OfflineError: The network is forbidden.
    """
    locator = Locator("density", ocr="none", scenes="none", offline=True, ranker=ranker, places="none")
    readers = locator.clue_readers
    service = Nominatim(url)
    rows = []
    for setting in SETTINGS:
        row = Row(setting)
        locator.clue_readers = (MapReader([index]), *readers) if setting in ("local", "both") else readers
        with tempfile.TemporaryDirectory() as cache:
            client = _TimedClient([service], Path(cache))
            passes = SecondPass([service], client) if setting in ("nominatim", "both") else None
            for shot in shots:
                answer, failed = _answer(locator, shot, passes)
                row.km.append(float(haversine_km(answer.lat, answer.lon, shot.lat, shot.lon)))
                row.failed += failed
            row.seconds = client.seconds
        rows.append(row)
    return rows


def _answer(locator: Locator, shot: ReadStorefront, passes: SecondPass | None) -> tuple[Answer, int]:
    """The answer to a picture, as a locator comes to it, and how many look-ups failed."""
    [output] = locator.predict([np.zeros((8, 8, 3), np.uint8)])  # of this prior the same for every picture
    prior = output.distribution
    readings = masked(shot.readings)
    context = Context(readings, output.scene, locator.prior.name)
    seen = [*locator.clues(shot.readings), *shot.plate_clues]

    def answered(clues: Sequence[Clue]) -> Answer:
        posterior = locator.ranker.fuse(prior, among_shops(clues, prior.partition), context).posterior
        lat, lon, radius_km = point_and_radius_km(posterior, locator.utility)
        return Answer(
            None, lat, lon, radius_km, None, posterior, prior, locator.prior.name, False, clues=clues, readings=readings
        )  # fmt: skip

    answer = answered(seen)
    if passes is None:
        return answer, 0
    found = passes.run(answer, lambda clues: answered([*seen, *clues]))
    if found.clues:
        answer = answered([*seen, *found.clues])
    return answer, sum(row["failed"] is not None for row in found.rows)


def table(rows: Sequence[Row]) -> str:
    """The rows, aligned; shares in percent of the pictures."""
    base = np.array(rows[0].km)
    lines = [
        f"{'':<10} {'n':>4} {'100 m':>6} {'1 km':>6} {'25 km':>6} {'median km':>10} {'farther':>8} "
        f"{'queries a photo':>16} {'ms a query':>11} {'failed':>7}"
    ]
    for row in rows:
        km = np.array(row.km)
        shares = " ".join(f"{100.0 * np.mean(km <= band):6.1f}" for band in _BANDS_KM)
        ms = f"{1000.0 * float(np.median(row.seconds)):.0f}" if row.seconds else "-"
        lines.append(
            f"{row.setting:<10} {len(km):>4} {shares} {np.median(km):>10.3g} "
            f"{100.0 * np.mean(km > base + _FARTHER_KM):>8.1f} {len(row.seconds) / len(km):>16.2f} {ms:>11} "
            f"{row.failed:>7}"
        )
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Answer, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("--region", default="liechtenstein", choices=list(REGIONS), metavar="NAME")
    parser.add_argument("--map", type=Path, metavar="FILE", help="the extract that the server was made of")
    parser.add_argument("--first", type=int, help="answer only so many pictures")
    parser.add_argument("--ranker", default="auto")
    parser.add_argument("--out", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    extract = args.map or Path("../shared/data/osm") / REGIONS[args.region]
    shots = kept_storefronts(args.keep / f"{args.region}.jsonl")[: args.first]
    if not shots:
        parser.error(f"{args.keep / args.region}.jsonl holds no picture: python -m benchmarks.storefront_readings KEEP")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{args.region}.sqlite"
        build_index(extract, path, name=region_name(extract))
        with closing(PlaceIndex.open(path)) as index:
            rows = rows_of(shots, args.url, index, ranker=args.ranker)
    told = table(rows)
    print(told)
    if args.out is not None:
        heading = f"{machine()}\n{args.region}, ranker {args.ranker}\n\n{__doc__}"
        write_whole(args.out, f"{heading}\n{told}".encode())


if __name__ == "__main__":
    main()
