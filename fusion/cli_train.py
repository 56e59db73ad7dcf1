"""``whence train``: the sub-commands that rebuild weights from nothing."""

from __future__ import annotations

import argparse
import sys

from fusion.cli_arguments import Commands, count_argument, path_argument

__all__ = ["add_train"]


def add_train(commands: Commands) -> None:
    """Add ``train`` and its sub-commands, one for each model."""
    train = commands.add_parser("train", help="rebuild shipped weights from nothing (needs the extra `build`)")
    models = train.add_subparsers(dest="model", required=True, metavar="MODEL")
    _add_reader(models)
    _add_regions(models)


def _add_reader(models: Commands) -> None:
    reader = models.add_parser(
        "reader",
        help="the script classifier and the reader of Cyrillic, Greek, Bengali and Devanagari lines",
        description="Renders lines of text with the fonts of this machine, trains two heads on RapidOCR's recogniser, "
        "and writes OUT/reader.onnx. Stopped and started again it goes on from its checkpoints.",
    )
    reader.add_argument("out", type=path_argument, metavar="OUT", help="folder of checkpoints and of reader.onnx")
    reader.add_argument("--minutes", type=count_argument, default=90, metavar="N", help="time for both (default 90)")
    reader.add_argument(
        "--pool", type=path_argument, metavar="DIR", help="folder of rendered lines (default: OUT/pool)"
    )
    reader.add_argument(
        "--lines", type=count_argument, default=60_000, metavar="N", help="most lines of each in the pool"
    )
    reader.add_argument(
        "--grounds",
        type=path_argument,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="photos to write on, besides plain colours",
    )
    reader.add_argument("--seed", type=int, default=0, metavar="N")
    reader.set_defaults(run=_train_reader)


def _add_regions(models: Commands) -> None:
    regions = models.add_parser(
        "regions",
        help="the detector of storefront signs and licence plates",
        description="Cuts and draws a data set, trains with ultralytics, and writes OUT/regions.onnx. Stopped and "
        "started again it goes on from its last epoch. OUT/stage*/results.csv has the curves.",
    )
    regions.add_argument(
        "out", type=path_argument, metavar="OUT", help="folder of data set, checkpoints and regions.onnx"
    )
    regions.add_argument(
        "--facades", type=path_argument, required=True, metavar="DIR", help="signs: images/ and labels/train"
    )
    regions.add_argument(
        "--plates", type=path_argument, required=True, metavar="DIR", help="plates: images/ and labels/"
    )
    regions.add_argument(
        "--streets", type=path_argument, nargs="+", default=[], metavar="DIR", help="photos without labels"
    )
    regions.add_argument("--minutes", type=count_argument, default=75, metavar="N", help="time to learn (default 75)")
    regions.add_argument(
        "--start", choices=("text", "coco", "nothing"), default="text",
        help="first weights: a text detector's trunk, YOLO11n's of COCO (fetched), or none",
    )  # fmt: skip
    regions.add_argument(
        "--weights", type=path_argument, metavar="FILE", help="YOLO11n's COCO weights, instead of fetching them"
    )
    regions.add_argument("--device", default="cpu", metavar="NAME", help="cpu, or 0 for the first GPU")
    regions.add_argument("--workers", type=int, default=1, metavar="N", help="processes that read pictures (default 1)")
    regions.add_argument("--seed", type=int, default=0, metavar="N")
    regions.set_defaults(run=_train_regions)


def _train_reader(args: argparse.Namespace) -> int:
    import logging

    from detectors.train_reader import train

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    pool = args.pool or args.out / "pool"
    written = train(args.out, minutes=args.minutes, pool=pool, grounds=args.grounds, lines=args.lines, seed=args.seed)
    print(written if written else f"not finished: run the same command again, {args.out} has the checkpoints")
    return 0


def _train_regions(args: argparse.Namespace) -> int:
    import logging

    from detectors.region_data import Sources
    from detectors.train_regions import train

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    sources = Sources(args.facades, args.plates, tuple(args.streets))
    written = train(
        args.out, sources, minutes=args.minutes, start=args.start, weights=args.weights, device=args.device,
        workers=args.workers, seed=args.seed,
    )  # fmt: skip
    print(written)
    return 0
