"""What each clue reader is worth, on the dev photos and on hand-written strings of the street.

    python -m benchmarks.clues [--data DIR] [--readings FILE.jsonl ...] [--sets NAME ...] [--half HALF] [--csv OUT]

For each set and each reader: how often it says something, how often the country it puts first is right where it does,
and what it adds at the truth, in bits: `log2` of the country's probability after against before, from the reader alone
with its weight in the pool; then all readers together. `at point` is the same for the mass within 25 km of the truth,
where the place is known. The prior is photo density, the same for every photo, so that only text can tell.
Readings are taken once per photo and kept in the last FILE of `--readings`; what a FILE holds is not read again. HALF
of the strings is dev, test or all. With `--show`, prints what lost bits. Distances: haversine, R = 6371.0088 km, `<=`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.fusion_photos import labelled
from benchmarks.machine import machine
from benchmarks.strings import DISTRACTOR, MOST_CERTAIN, SignText, read_strings
from data.distribution import CellDistribution
from data.geodesy import haversine_km
from data.images import load
from detectors.base import Clue, Reading
from detectors.ocr import make_reader
from detectors.script import script_of
from fusion.locator import Locator
from fusion.pool import LogLinearPool

SETS = ("shopfronts_dev", "signs_dev", "places_dev", "streets_dev", "travel_train", "facades_test")
_ALL, _NEAR_KM, _LEAST = "all", 25.0, 1e-9
_COLUMNS = ("set", "n", "reader", "fires", "first_right", "bits_where_fires", "bits", "bits_at_point", "p_truth",
            "within_25_km")  # fmt: skip


@dataclass
class Case:
    """A photo or a string: where it is, and what was read."""

    set: str
    name: str
    country: str
    at: tuple[float, float] | None
    readings: list[Reading]
    string: SignText | None = None


@dataclass
class Score:
    """What one reader, or all, made of one case."""

    fires: bool
    first: str
    p_first: float
    bits: float
    bits_at_point: float
    p_truth: float
    km: float


@dataclass
class Scored:
    """One case with the score of each reader that said something, and of all together."""

    case: Case
    scores: dict[str, Score] = field(default_factory=dict)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--readings", type=Path, nargs="*", default=[], metavar="FILE.jsonl")
    parser.add_argument("--sets", nargs="*", default=list(SETS), metavar="NAME", help="photo sets; none: strings only")
    parser.add_argument("--half", choices=("dev", "test", "all"), default="dev", help="half of the strings")
    parser.add_argument("--csv", type=Path, help="write the tables of readers to this file")
    parser.add_argument("--show", action="store_true", help="print what lost bits, and wrong strings of the dev half")
    args = parser.parse_args(argv)
    scorer = Scorer()
    cases = [*photo_cases(args.data, args.sets, args.readings), *string_cases(args.half)]
    scored = [scorer.score(case) for case in cases]
    table = reader_table(scored, scorer.kinds)
    print_readers(table)
    print_strings([row for row in scored if row.case.string is not None])
    if args.show:
        print_losses(scored)
    print(machine())
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=_COLUMNS)
            writer.writeheader()
            writer.writerows(table)


def string_cases(half: str) -> list[Case]:
    return [
        Case(f"strings_{text.half}", " / ".join(text.text), text.country, text.at, text.readings(), text)
        for text in read_strings()
        if half in ("all", text.half)
    ]


def photo_cases(data: Path, sets: Iterable[str], caches: Sequence[Path]) -> list[Case]:
    """The photos of ``sets`` with their readings, from the caches or read now and appended to the last one."""
    known: dict[tuple[str, str], list[Reading]] = {}
    for cache in caches:
        for line in cache.read_text(encoding="utf-8").splitlines() if cache.exists() else ():
            row = json.loads(line)
            known[row["set"], row["file"]] = [reading_of(values) for values in row["readings"]]
    engine = None
    out = []
    for name in sets:
        for photo in labelled(data, name):
            path = photo.path
            if (name, path.name) not in known:
                engine = engine or make_reader("rapidocr", offline=True)
                assert engine is not None
                known[name, path.name] = engine.read(load(path).pixels)
                if caches:
                    row = {"set": name, "file": path.name, "readings": [_values(r) for r in known[name, path.name]]}
                    with caches[-1].open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            out.append(Case(name, path.name, photo.country, photo.at, known[name, path.name]))
    return out


def reading_of(values: list[object]) -> Reading:
    """A reading as :func:`photo_cases` keeps it."""
    name, text, box, confidence, script, engine, scale = values
    corners = tuple((float(x), float(y)) for x, y in box)  # type: ignore[attr-defined]
    return Reading(str(name), str(text), corners, float(confidence), str(script), str(engine), float(scale))  # type: ignore[arg-type]


def _values(reading: Reading) -> list[object]:
    return [reading.id, reading.text, reading.box, reading.confidence, script_of(reading.text), reading.engine,
            reading.scale]  # fmt: skip


class Scorer:
    """Scores cases with every reader that ships."""

    def __init__(self) -> None:
        self.locator = Locator("density", ocr="none", offline=True, places="none")
        self.kinds = list(dict.fromkeys(reader.kind for reader in self.locator.clue_readers))
        self.pool = LogLinearPool()
        [output] = self.locator.prior.predict([np.zeros((32, 32, 3), np.uint8)])
        self.prior: CellDistribution = output.distribution
        self.before = self.prior.countries()

    def score(self, case: Case) -> Scored:
        """What each reader that says something makes of ``case``, and all of them together."""
        clues = self.locator.clues(case.readings)
        out = Scored(case)
        groups = {kind: [clue for clue in clues if clue.kind == kind] for kind in self.kinds}
        made = {kind: self._one(case, group) for kind, group in groups.items() if group}
        # Where one kind alone speaks, all together say the same.
        out.scores = made | {_ALL: next(iter(made.values())) if len(made) == 1 else self._one(case, clues)}
        return out

    def _one(self, case: Case, clues: Sequence[Clue]) -> Score:
        after = self.pool.fuse(self.prior, clues).posterior
        countries = after.countries()
        first = next(iter(countries))
        p, p0 = countries.get(case.country, 0.0), self.before.get(case.country, 0.0)
        bits_at_point = km = math.nan
        if case.at is not None:
            near, near0 = (max(d.mass_within(*case.at, _NEAR_KM), _LEAST) for d in (after, self.prior))
            bits_at_point = math.log2(near / near0)
            km = float(haversine_km(*after.point(), *case.at))
        bits = math.log2(max(p, _LEAST) / max(p0, _LEAST)) if case.country else math.nan
        return Score(bool(clues), first, countries[first], bits, bits_at_point, p if case.country else math.nan, km)


def reader_table(scored: Sequence[Scored], kinds: Sequence[str]) -> list[dict[str, object]]:
    """One row per set and reader, then one for all of them; cases without a country count for nothing but firing."""
    out: list[dict[str, object]] = []
    for name in dict.fromkeys(row.case.set for row in scored):
        rows = [row for row in scored if row.case.set == name and row.case.country]
        for kind in (*kinds, _ALL):
            hits = [row for row in rows if kind in row.scores and row.scores[kind].fires]
            if not hits:
                continue
            scores = [row.scores[kind] for row in hits]
            line: dict[str, object] = {
                "set": name,
                "n": len(rows),
                "reader": kind,
                "fires": len(hits),
                "first_right": round(
                    float(np.mean([s.first == r.case.country for s, r in zip(scores, hits, strict=True)])), 3
                ),
                "bits_where_fires": round(float(np.mean([s.bits for s in scores])), 3),
                "bits": round(float(np.sum([s.bits for s in scores])) / len(rows), 4),
                "p_truth": round(float(np.mean([s.p_truth for s in scores])), 3),
            }
            placed = [s for s in scores if not math.isnan(s.km)]
            if placed:
                line["bits_at_point"] = round(float(np.mean([s.bits_at_point for s in placed])), 3)
                line["within_25_km"] = round(float(np.mean([s.km <= _NEAR_KM for s in placed])), 3)
            out.append(line)
    return out


def print_readers(table: Sequence[dict[str, object]]) -> None:
    where = "first country right | bits where it fires"
    print(f"| set | n | reader | fires | {where} | bits | at point | p at truth | 25 km |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in table:
        print(f"| {' | '.join(str(row.get(column, '')) for column in _COLUMNS)} |")
    print()


def print_strings(scored: Sequence[Scored]) -> None:
    """Top-1 country of the strings, by half, continent and kind, and how certain the distractors made it."""
    texts = [(row, row.case.string) for row in scored if row.case.string is not None]
    told = [(row, text) for row, text in texts if text.kind != DISTRACTOR]
    groups = [("all", "")]
    groups += sorted({("half", text.half) for _, text in told})
    groups += sorted({("continent", text.continent) for _, text in told})
    groups += sorted({("kind", text.kind) for _, text in told})
    print("| strings | n | with a clue | first country right | bits | p at truth |")
    print("| --- | --- | --- | --- | --- | --- |")
    for what, value in groups:
        some = [row for row, text in told if what == "all" or getattr(text, what) == value]
        all_ = [row.scores[_ALL] for row in some]
        right = np.mean([row.scores[_ALL].first == row.case.country for row in some])
        cells = (
            f"{100 * np.mean([s.fires for s in all_]):.0f} %",
            f"{100 * right:.1f} %",
            f"{np.mean([s.bits for s in all_]):+.2f}",
            f"{np.mean([s.p_truth for s in all_]):.3f}",
        )
        print(f"| {what} {value} | {len(some)} | {' | '.join(cells)} |")
    lures = [row for row, text in texts if text.kind == DISTRACTOR]
    if lures:
        certain = [row for row in lures if row.scores[_ALL].p_first > MOST_CERTAIN]
        highest = max(row.scores[_ALL].p_first for row in lures)
        print(
            f"\ndistractors: {len(lures)}, a country above {100 * MOST_CERTAIN:.0f} % after {len(certain)}; "
            f"highest {highest:.2f}"
        )
        for row in certain:
            if row.case.string is not None and row.case.string.half == "dev":
                print(f"  {row.case.name}: {row.scores[_ALL].first} {row.scores[_ALL].p_first:.2f}")
    print()


def print_losses(scored: Sequence[Scored]) -> None:
    """What lost bits or is wrong; strings of the test half are only scored, never shown."""
    for row in scored:
        text, whole = row.case.string, row.scores[_ALL]
        if text is not None and (text.half == "test" or text.kind == DISTRACTOR or whole.first == row.case.country):
            continue
        if text is None and not whole.bits < -0.3:
            continue
        by = {k: (round(s.bits, 1), s.first) for k, s in row.scores.items()}
        print(row.case.set, row.case.name, row.case.country, f"p {whole.p_truth:.2f}", by)


if __name__ == "__main__":
    main()
