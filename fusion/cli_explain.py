"""``whence explain``: which part of a photo carries the answer."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from data.errors import RequestError
from data.printable import printable
from fusion.cli_arguments import Commands, add_parts, path_argument

if TYPE_CHECKING:
    from backbone.targets import Target
    from fusion.locator import Locator

__all__ = ["add_explain"]


def add_explain(commands: Commands) -> None:
    """Add the command to ``commands``."""
    explain = commands.add_parser(
        "explain",
        help="which part of a photo carries the answer",
        description="Covers one place of PHOTO after the other, answers again, and tells where that changes the answer "
        "most. Plates, phone numbers and e-mail addresses are masked in words and covered in the picture.",
    )
    explain.add_argument("photo", type=path_argument, metavar="PHOTO")
    target = explain.add_mutually_exclusive_group()
    target.add_argument(
        "--country", nargs="?", const="", metavar="ISO", help="explain this country (default: the answer's own)"
    )
    target.add_argument(
        "--cell",
        nargs="?",
        const="",
        metavar="TOKEN|LAT,LON",
        help="explain a cell: by its S2 token, by a point in it, or without a value the likeliest",
    )
    explain.add_argument(
        "--heatmap", type=path_argument, metavar="OUT.png", help="draw the photo with its heat over it"
    )
    explain.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    explain.add_argument(
        "--what",
        choices=("all", "prior"),
        default="all",
        help="explain the whole answer (all) or the visual prior alone",
    )
    add_parts(explain)
    explain.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    explain.add_argument("--offline", action="store_true", help="open no connection at all (also: WHENCE_OFFLINE=1)")
    explain.set_defaults(run=_explain)


def _explain(args: argparse.Namespace) -> int:
    from fusion.heatmap import check_heatmap_path
    from fusion.locator import Locator

    if args.heatmap is not None:
        check_heatmap_path(args.heatmap)
        if args.heatmap.exists() and args.photo.exists() and args.heatmap.samefile(args.photo):
            raise RequestError(f"{args.heatmap} is the photo itself: name another file, it is never overwritten")
    if args.photo.is_dir():
        raise RequestError(f"{args.photo} is a folder: name one photo")
    locator = Locator(
        args.prior, ocr=args.ocr, regions=args.regions, scenes=args.scenes, device=args.device,
        offline=True if args.offline else None, gallery=args.gallery, ranker=args.fusion, places=args.places,
    )  # fmt: skip
    target = _target(args, locator)
    if sys.stderr.isatty():
        print("whence: covering one place after the other, which may take a minute", file=sys.stderr)
    told = locator.explain(args.photo, target, what=args.what)
    print(told.to_json() if args.json else str(told), flush=True)
    if args.heatmap is not None:
        print(printable(f"heat map: {told.save_heatmap(args.heatmap)}"), file=sys.stderr)
    return 0


def _target(args: argparse.Namespace, locator: Locator) -> Target | str | None:
    """What is asked about; a name that is wrong is said before the photo is read."""
    from backbone.targets import cell_target, country_target

    partition = locator.prior.partition
    if args.country:
        return country_target(partition, args.country)
    if args.cell:
        return cell_target(partition, args.cell)
    return "cell" if args.cell is not None else None
