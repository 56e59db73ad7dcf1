"""``whence evaluate`` and ``whence report``: answers on photos whose places are known, and a page about them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import RequestError
from data.printable import printable
from fusion.cli_arguments import MOST_WORKERS, Commands, add_parts, count_argument, path_argument
from fusion.cli_lookups import add_lookups, tape_of
from fusion.cli_progress import progress_bar

if TYPE_CHECKING:
    from data.labelled import LabelledSet
    from fusion.evaluation.runs import Run

__all__ = ["add_evaluate", "add_report"]

_DRAWN = "drawn"
_DRAWN_NUMBERS = ("24", "0")  # photos and seed
_FAILURES = 5  # that are told why; the table has all


def add_evaluate(commands: Commands) -> None:
    """Add ``evaluate`` to ``commands``."""
    evaluate = commands.add_parser(
        "evaluate",
        help="measure answers on photos whose places are known",
        description="Locates every photo of DATASET with each prior, with and without clues, and writes answers, "
        "figures with their intervals, and thumbnails into a folder. Run the same command again to go on after an "
        "interruption.",
    )
    evaluate.add_argument(
        "dataset", nargs="?", metavar="DATASET", help="a folder with labels.csv (file, lat, lon, country) or "
        "rounds.csv, a table of labels, shards; im2gps, im2gps3k, yfcc4k, osv5m, mp16-val (photos in --photos or "
        "$WHENCE_BENCHMARKS/NAME); drawn, drawn:N, drawn:N:SEED (photos drawn on the spot)",
    )  # fmt: skip
    evaluate.add_argument("--list", action="store_true", help="name the known benchmarks, and where their photos are")
    evaluate.add_argument(
        "--out", type=path_argument, metavar="DIR", help="folder of the run; gone on with where it is"
    )
    evaluate.add_argument("--photos", type=path_argument, metavar="DIR", help="where the photos are")
    labels = evaluate.add_mutually_exclusive_group()
    labels.add_argument("--labels", type=path_argument, metavar="CSV", help="labels in place of the set's own")
    labels.add_argument("--at", metavar="LAT,LON,ISO,KM", help="all photos come from one place, known to KM")
    evaluate.add_argument("--limit", type=count_argument, metavar="N", help="only the first N photos")
    evaluate.add_argument("--retry-errors", action="store_true", help="do photos again whose row is an error")
    evaluate.add_argument("--workers", type=count_argument, metavar="N", help="photos decoded and read at once "
                          "(default: one a core, at most 8)")  # fmt: skip
    evaluate.add_argument(
        "--against", type=path_argument, metavar="DIR", help="compare with another run, photo by photo"
    )
    evaluate.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_parts(evaluate, several_priors=True, places="none")
    add_lookups(evaluate, dry_run=False)
    evaluate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    evaluate.add_argument("--offline", action="store_true", help="open no connection at all (also: WHENCE_OFFLINE=1)")
    evaluate.set_defaults(run=_evaluate)


def add_report(commands: Commands) -> None:
    """Add ``report`` to ``commands``."""
    report = commands.add_parser(
        "report",
        help="one page about an evaluation",
        description="Writes one HTML page about the evaluation in DIR, which opens offline and loads nothing: tables, "
        "reliability, a world map of the errors, the best and worst photos with their ledgers. Private text is "
        "covered.",
    )
    report.add_argument("folder", type=path_argument, metavar="DIR", help="what whence evaluate --out wrote")
    report.add_argument("-o", "--out", type=path_argument, metavar="PAGE.html", help="default: DIR/report.html")
    report.add_argument("--against", type=path_argument, metavar="DIR", help="compare with another run, photo by photo")
    report.set_defaults(run=_report)


def _evaluate(args: argparse.Namespace) -> int:
    if args.list:
        return _list()
    if args.dataset is None:
        raise RequestError("name a data set to evaluate on, or --list for the known benchmarks")
    if args.out is None:
        raise RequestError("name a folder for the answers and figures: --out DIR")
    from fusion.evaluation.run import Counted, evaluate
    from fusion.evaluation.runs import open_run
    from fusion.evaluation.words import in_words
    from fusion.locator import Locator

    priors = args.prior or ["auto"]
    if args.gallery is not None and len(priors) > 1:
        raise RequestError("a gallery refines one prior: give --gallery with one --prior, and a folder for each")
    against = None if args.against is None else open_run(args.against)
    photos = _opened(args)
    workers = args.workers or min(os.cpu_count() or 1, MOST_WORKERS, len(photos))
    locator = Locator(
        priors[0], ocr=args.ocr, regions=args.regions, scenes=args.scenes, device=args.device,
        offline=True if args.offline else None, workers=workers, gallery=args.gallery, ranker=args.fusion,
        places=args.places, lookups=args.web or (), contact=args.contact, tape=tape_of(args),
    )  # fmt: skip
    counted = Counted()
    total = len(photos) * len(priors)
    with progress_bar(total, shown=sys.stderr.isatty(), doing="evaluating") as advance:
        try:
            run = evaluate(
                photos, args.out, [locator.prior, *priors[1:]], locator=locator, ocr=args.ocr,
                retry_errors=args.retry_errors, counted=counted, on_row=advance,
            )  # fmt: skip
        except KeyboardInterrupt:
            print("whence: run the same command again to go on", file=sys.stderr)
            raise
    if counted.unasked:
        print(f"whence: {counted.unasked:,} answers came without a look-up, which failed: evaluate into another folder "
              "once the services answer, for what was answered is kept", file=sys.stderr)  # fmt: skip
    if args.json:
        print((run.folder / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        print(in_words(run.summary))
        if against is not None:
            print(_compared(run, against))
    for line in _failures(run):
        print(line, file=sys.stderr)
    before = f" ({counted.before:,} of {total:,} answers were there before)" if counted.before else ""
    print(
        printable(f"{args.out}: answers.parquet, summary.json{before}; whence report {args.out} makes a page"),
        file=sys.stderr,
    )
    return 2 if any(one["failed"] for one in run.summary["runs"]) else 0


def _opened(args: argparse.Namespace) -> LabelledSet:
    import numpy as np

    from data.labelled_sets import open_labelled

    name = str(args.dataset)
    if name.partition(":")[0] == _DRAWN and not Path(name).exists():
        if args.photos is not None or args.labels is not None or args.at is not None:
            raise RequestError("drawn photos have labels of their own: leave --photos, --labels and --at out")
        photos = _drawn(name, args.out)
    else:
        photos = open_labelled(name, photos=args.photos, labels=args.labels, at=args.at)
        photos = _without_thumbnails(photos, Path(name) if args.photos is None else args.photos, args.out)
    return photos if args.limit is None else photos.take(np.arange(min(args.limit, len(photos))))


def _without_thumbnails(photos: LabelledSet, folder: Path, out: Path) -> LabelledSet:
    """``photos`` of ``folder`` without the pictures that a run keeps there, which are none of the set."""
    from dataclasses import replace

    import numpy as np

    from fusion.evaluation.shown import picture_of

    try:
        inside = (
            picture_of(out, "").parent.resolve().relative_to((folder.parent if folder.is_file() else folder).resolve())
        )
    except ValueError:
        return photos
    ours = {(inside / picture_of(out, file).name).as_posix() for file in photos.files}
    photos = photos.take(np.flatnonzero([file not in ours for file in photos.files]))
    return replace(photos, left_out={file: why for file, why in photos.left_out.items() if file not in ours})


def _drawn(name: str, out: Path) -> LabelledSet:
    """Photos drawn into a folder of the run."""
    from data.labelled_sets import open_labelled
    from fusion.evaluation.drawn_set import drawn_set

    _, *numbers = name.split(":")
    if len(numbers) > 2 or not all(text.isdecimal() for text in numbers):
        raise RequestError(f"drawn photos are asked for as drawn, drawn:NUMBER or drawn:NUMBER:SEED, not {name}")
    if sys.stderr.isatty():
        print("drawing photos; what is written on them is read first, which takes some ten seconds", file=sys.stderr)
    count, seed = (int(text) for text in [*numbers, *_DRAWN_NUMBERS[len(numbers) :]])
    # A folder for each: others would take the place of the photos that a run there was made of.
    return open_labelled(drawn_set(out / f"drawn-{count}-{seed}", count=count, seed=seed))


def _list() -> int:
    from data.benchmark_cards import benchmark_folder, known_benchmarks

    for card in known_benchmarks().values():
        folder = benchmark_folder(card.name)
        here = "not on this machine" if folder is None or not folder.is_dir() else f"in {printable(str(folder))}"
        print(f"{card.name}: {card.title}; {here}")
        for title, sources in (("photos", card.photos_from), ("labels", card.labels_from)):
            for one in sources:
                print(f"  {title}: {one.text}: {one.source}")
        for part in card.layout:
            print(f"  lay out as: {part}")
    print("drawn: photos drawn on the spot, with signs of known places (drawn, drawn:NUMBER, drawn:NUMBER:SEED)")
    return 0


def _failures(run: Run) -> list[str]:
    """Why photos failed, of a few, and where the rest is; a photo that fails with each prior is named once."""
    rows = run.rows(["file", "message"]).to_pylist()
    why = {row["file"]: row["message"] for row in rows if row["message"] is not None}
    lines = [printable(f"failed: {message}") for message in list(why.values())[:_FAILURES]]
    if len(why) > _FAILURES:
        lines.append(f"failed: {len(why) - _FAILURES:,} more, see the column message of answers.parquet")
    if why:
        lines.append("photos that failed are looked at again with --retry-errors")
    return lines


def _compared(run: Run, against: Run) -> str:
    from fusion.evaluation.compare import compare
    from fusion.evaluation.words import gains_table

    told = compare(run, against)
    words = f"\nagainst {printable(str(against.folder))}, {told.photos:,} photos that both have"
    return "\n".join([f"{words}; gains, paired, with 95 % intervals:", *gains_table(told.gain)])


def _report(args: argparse.Namespace) -> int:
    from fusion.evaluation.report import write_report
    from fusion.evaluation.runs import open_run
    from fusion.page import check_map_path

    out = args.out or args.folder / "report.html"
    run = open_run(args.folder)
    check_map_path(out)
    against = None if args.against is None else open_run(args.against)
    print(printable(f"report: {write_report(run, out, against)}"), file=sys.stderr)
    return 0
