"""The command ``whence``: ``demo``, ``locate``, ``explain``, ``blur``, ``partition``, ``train``, ``weights``, ...

Exit codes: 0 all went well; 2 something could not be done, said on stderr (or as a row with ``--json``); 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import RequestError, WhenceError
from data.printable import printable
from data.version import __version__
from fusion.cli_arguments import MOST_WORKERS, add_parts, confidence_argument, count_argument, path_argument
from fusion.cli_evaluate import add_evaluate, add_report
from fusion.cli_explain import add_explain
from fusion.cli_gallery import add_gallery
from fusion.cli_lookups import add_lookups, print_plan, tape_of, warn_of_failures
from fusion.cli_places import add_places
from fusion.cli_progress import progress_bar
from fusion.cli_train import add_train
from fusion.cli_weights import add_weights

if TYPE_CHECKING:
    from fusion.answer import Answer, Failure
    from fusion.locator import Locator

__all__ = ["main"]

_DEMO_MAP = "whence-demo.html"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with ``argv`` (default: the process's) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # File names and signs may hold letters that the terminal's encoding lacks: show them escaped, never fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(_joined(sys.argv[1:] if argv is None else argv))
    try:
        run: Callable[[argparse.Namespace], int] = args.run
        return run(args)
    except WhenceError as error:
        print(f"whence: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("whence: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`whence ... | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2 if getattr(args, "out", None) else 0  # but the result file is not finished


def _joined(argv: Sequence[str]) -> list[str]:
    """``argv`` with ``--within -9.5,36,...`` joined by ``=``: argparse takes a value with a minus for an option.

    The same for ``--cell -33.9,151.2`` and ``--at``.
    """
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] in ("--within", "--cell", "--at") and word[:1] == "-" and word[1:2].isdigit():
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="whence",
        description="Tells where a photograph was taken, how sure that is, and from which clues. "
        "A guess is a lead, never proof.",
    )
    parser.add_argument("--version", action="version", version=f"whence {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="locate a sample photo, offline, and write its map")
    demo.add_argument("--json", action="store_true", help="print the answer as JSON")
    demo.add_argument("--map", type=Path, default=Path(_DEMO_MAP), metavar="OUT.html", help=f"default: {_DEMO_MAP}")
    demo.set_defaults(run=_demo)

    locate = commands.add_parser(
        "locate",
        help="locate photos",
        description="Locate photos. Only pixels are looked at: metadata is never read for the answer. "
        "Nothing is looked up on a network unless --web names services.",
    )
    locate.add_argument("photos", nargs="+", type=path_argument, metavar="PHOTO_OR_FOLDER")
    locate.add_argument("--offline", action="store_true", help="open no connection at all (also: WHENCE_OFFLINE=1)")
    locate.add_argument("--json", action="store_true", help="one JSON object a line on stdout, nothing else there")
    locate.add_argument(
        "--out", type=Path, metavar="FILE", help="write a row a photo to FILE.csv, .jsonl or .parquet as it goes; run "
        "the same command again to go on after an interruption"
    )  # fmt: skip
    locate.add_argument(
        "--album", action="store_true", help="the photos were taken at one place, in the order given (in a folder: of "
        "their names): one answer for all"
    )  # fmt: skip
    locate.add_argument("--retry-errors", action="store_true", help="with --out: do photos again whose row is an error")
    locate.add_argument(
        "--workers",
        type=count_argument,
        metavar="N",
        help="photos decoded and read at once (default: one a core, at most 8)",
    )
    locate.add_argument(
        "--map",
        type=Path,
        metavar="OUT.html",
        help="write a map; with several photos OUT-NUMBER-NAME.html, with --album one",
    )
    locate.add_argument(
        "--top", type=count_argument, default=5, metavar="K", help="cells and countries to list (default 5)"
    )
    locate.add_argument(
        "--confidence", type=confidence_argument, default=0.8, metavar="P", help="name the finest of street, city, "
        "region, country and continent with at least this probability (default 0.8)"
    )  # fmt: skip
    add_parts(locate)
    locate.add_argument(
        "--reveal",
        action="store_true",
        help="show all text and clues, plates too, unmasked in words, JSON, tables and maps: for your own eyes",
    )
    add_lookups(locate)
    locate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    locate.add_argument(
        "--within", action="append", metavar="ISO|BBOX", help="a country (ES) or a box (west,south,east,north)"
    )
    locate.add_argument("--not", dest="exclude", action="append", metavar="ISO", help="a country where it is not")
    locate.set_defaults(run=_locate)

    blur = commands.add_parser(
        "blur",
        help="write a photo with its licence plates filled in",
        description="Writes PHOTO to OUT.jpg with licence plates, and whatever reads like one, filled with one colour. "
        "No metadata is written. A plate may be missed: look at the result before you publish it.",
    )
    blur.add_argument("photo", type=path_argument, metavar="PHOTO")
    blur.add_argument("out", type=path_argument, metavar="OUT.jpg")
    blur.add_argument("--ocr", default="rapidocr", metavar="NAME", help="rapidocr, easyocr:es,en (languages) or none")
    blur.add_argument("--offline", action="store_true", help="open no connection at all (also: WHENCE_OFFLINE=1)")
    blur.set_defaults(run=_blur)

    partition = commands.add_parser("partition", help="build or describe a partition of the Earth into cells")
    actions = partition.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="build one from photo coordinates (CSV with latitude and longitude)")
    build.add_argument("tables", nargs="+", type=Path, metavar="CSV")
    build.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.parquet")
    build.add_argument("--t-max", type=count_argument, default=None, metavar="N", help="split cells with more photos")
    build.add_argument("--t-min", type=count_argument, default=None, metavar="N", help="merge cells with fewer photos")
    build.add_argument("--name", default=None, help="name of the partition (default: the file's)")
    build.set_defaults(run=_partition_build)
    info = actions.add_parser("info", help="cells, levels and the ceiling of a perfect classifier")
    info.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: the shipped partition")
    info.add_argument("--points", type=Path, metavar="CSV", help="measure the ceiling on these coordinates instead")
    info.set_defaults(run=_partition_info)

    add_explain(commands)
    add_train(commands)
    add_weights(commands)
    add_gallery(commands)
    add_places(commands)
    add_evaluate(commands)
    add_report(commands)
    return parser


def _demo(args: argparse.Namespace) -> int:
    from fusion.demo import sample_photo
    from fusion.locator import Locator
    from fusion.page import check_map_path

    check_map_path(args.map)
    photo = sample_photo()
    answer = Locator(places="none", offline=True).locate(photo)
    written = answer.save_map(args.map)
    print(answer.to_json() if args.json else str(answer))
    print(f"map: {written}", file=sys.stderr)
    return 0


def _locate(args: argparse.Namespace) -> int:
    from data.images import find_images
    from fusion.locator import Locator
    from fusion.page import check_map_path

    if args.map is not None:
        check_map_path(args.map)
    if args.album and args.out is not None:
        raise RequestError("--album gives one answer for all photos, --out writes a row a photo: use --json")
    photos = find_images(args.photos)
    workers = args.workers or min(os.cpu_count() or 1, MOST_WORKERS, len(photos))
    offline = True if args.offline else None
    if args.reveal and (args.out or args.map or args.json):
        print("whence: --reveal: what is written shows private text; keep it to yourself", file=sys.stderr)
    locator = Locator(
        args.prior, ocr=args.ocr, regions=args.regions, scenes=args.scenes, reveal=args.reveal, device=args.device,
        offline=offline, workers=workers, gallery=args.gallery, ranker=args.fusion,
        places=args.places, lookups=args.web or (), contact=args.contact, tape=tape_of(args),
    )  # fmt: skip
    if args.retry_errors and args.out is None:
        raise RequestError("--retry-errors goes with --out FILE")
    if args.dry_run:
        return print_plan(locator, photos, _within(args.within), args.exclude, as_json=args.json)
    run = _locate_album if args.album else _locate_one_by_one if args.out is None else _locate_into_file
    within, exclude = _within(args.within), None if args.exclude is None else ",".join(args.exclude)
    return run(args, locator, photos, within, exclude)


def _locate_one_by_one(
    args: argparse.Namespace, locator: Locator, photos: list[Path], within: str | None, exclude: str | None
) -> int:
    several = len(photos) > 1
    failed = 0
    with progress_bar(len(photos), shown=several and sys.stderr.isatty()) as advance:
        for index, result in enumerate(locator.locate_many(photos, within=within, exclude=exclude), start=1):
            failed += _report(result, args, index if several else None)
            advance()
    return 2 if failed else 0


def _locate_album(
    args: argparse.Namespace, locator: Locator, photos: list[Path], within: str | None, exclude: str | None
) -> int:
    with progress_bar(len(photos), shown=sys.stderr.isatty()) as advance:

        def taken() -> Iterator[Path]:
            for photo in photos:
                advance()
                yield photo

        album = locator.locate_album(taken(), within=within, exclude=exclude)
    warn_of_failures(album.answer)
    if args.json:
        told = album.to_json(top=args.top, confidence=args.confidence)
    else:
        told = album.describe(countries=args.top, confidence=args.confidence)
    print(told, flush=True)
    if args.map is not None:
        print(printable(f"map: {album.save_map(args.map, confidence=args.confidence)}"), file=sys.stderr)
    return 2 if album.failures else 0


def _locate_into_file(
    args: argparse.Namespace, locator: Locator, photos: list[Path], within: str | None, exclude: str | None
) -> int:
    from fusion.answer import Answer, Failure
    from fusion.batch import Tally, locate_into, settings_of

    tally = Tally()
    numbers = count(1)
    with progress_bar(len(photos), shown=sys.stderr.isatty()) as advance:

        def shown(result: Answer | Failure | None) -> None:
            index = next(numbers)
            if result is not None and (args.json or args.map is not None or isinstance(result, Failure)):
                _report(result, args, index)
            elif isinstance(result, Answer):
                warn_of_failures(result)
            advance()

        try:
            settings = settings_of(
                locator, ocr=args.ocr, within=within, exclude=exclude, top=args.top, confidence=args.confidence
            )
            locate_into(
                args.out, photos, locator, settings=settings, within=within, exclude=exclude, top=args.top,
                confidence=args.confidence, retry_errors=args.retry_errors, tally=tally, on_result=shown,
            )  # fmt: skip
        except KeyboardInterrupt:
            print("whence: run the same command again to go on", file=sys.stderr)
            raise
        finally:
            if tally != Tally():
                print(printable(f"{args.out}: {tally}"), file=sys.stderr)
    return 2 if tally.failed or tally.failed_before else 0


def _within(values: list[str] | None) -> str | None:
    if not values:
        return None
    boxes = [value for value in values if any(c.isdigit() for c in value)]
    if boxes and len(values) > 1:
        raise RequestError("--within takes several countries or one box, not both")
    return ",".join(values)


def _report(result: Answer | Failure, args: argparse.Namespace, index: int | None) -> int:
    """Print one result, ``index`` is its number in a batch; returns 1 for a failure, else 0."""
    from fusion.answer import Answer
    from fusion.describe import describe, line

    if not isinstance(result, Answer):
        if args.json:
            print(result.to_json(), flush=True)
        else:
            print(f"whence: {printable(str(result.error))}", file=sys.stderr)
        return 1
    warn_of_failures(result)
    if args.json:
        print(result.to_json(top=args.top, confidence=args.confidence), flush=True)
    elif args.out is None:
        words = describe(result, countries=args.top, confidence=args.confidence) if index is None else line(result)
        print(words, flush=True)
    if args.map is not None:
        path = args.map if index is None else _map_path(args.map, index, result)
        print(printable(f"map: {result.save_map(path, confidence=args.confidence)}"), file=sys.stderr)
    return 0


def _map_path(out: Path, index: int, answer: Answer) -> Path:
    """A path of its own for each photo of a batch; the number keeps photos of one name in two folders apart."""
    return out.with_name(f"{out.stem}-{index:04d}-{Path(answer.file or 'photo').stem}{out.suffix}")


def _blur(args: argparse.Namespace) -> int:
    from detectors.blur import blur_photo
    from detectors.ocr import make_reader

    count = blur_photo(args.photo, args.out, reader=make_reader(args.ocr, offline=args.offline))
    areas = (
        f"{count} area{'s' if count > 1 else ''} filled where a plate is or may be"
        if count
        else "nothing found to fill"
    )
    print(printable(f"{args.out}: {areas}; look at it before you publish it"), file=sys.stderr)
    return 0


def _partition_build(args: argparse.Namespace) -> int:
    from data.build_partition import build_from_tables, describe

    print(describe(build_from_tables(args.tables, args.out, name=args.name, t_max=args.t_max, t_min=args.t_min)))
    return 0


def _partition_info(args: argparse.Namespace) -> int:
    from data.build_partition import describe
    from data.partition import load, load_default

    print(describe(load(args.file) if args.file else load_default(), points=args.points))
    return 0
