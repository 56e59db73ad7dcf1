"""``whence gallery``: photos whose places are known, for IM2GPS and for finding the point inside a cell."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import DatasetError, RequestError, WeightsError
from data.printable import encodable, printable
from fusion.cli_arguments import Commands, count_argument, path_argument

if TYPE_CHECKING:
    from backbone.gallery_build import BuildReport
    from backbone.gallery_card import GalleryCard
    from data.photo_sets import Missing, PhotoSet

__all__ = ["add_gallery"]

_MOST_WORKERS = 8


def add_gallery(commands: Commands) -> None:
    """Add ``gallery`` and its sub-commands."""
    gallery = commands.add_parser(
        "gallery",
        help="build and change galleries of photos whose places are known",
        description="A gallery holds a vector and a place of each photo, and no pixels. It makes the prior im2gps:NAME "
        "of `locate`, and with --gallery NAME the photos of the likeliest cells narrow the point. Galleries are in "
        "$WHENCE_GALLERIES or the system's place for a user's data; a name with a separator (./NAME) is a folder.",
    )
    actions = gallery.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser(
        "build",
        help="make one of photos with coordinates; run it again to go on after an interruption",
        description="Photos that cannot be read are left out and named in the gallery's unreadable.txt. Stopped and "
        "started again it goes on from its last block.",
    )
    build.add_argument(
        "photos", type=path_argument, nargs="+", metavar="SET",
        help="a folder with labels.csv, that table, WebDataset tar shards, OSV-5M's folder, or MP-16's msgpack shards",
    )  # fmt: skip
    build.add_argument("-o", "--out", required=True, metavar="NAME", help="of the gallery")
    build.add_argument(
        "--by", default="im2gps", metavar="NAME",
        help="what photos are compared by: im2gps (default), or a prior that gives an embedding, such as planet:NAME",
    )  # fmt: skip
    _add_set_arguments(build)
    build.set_defaults(run=_build)
    add = actions.add_parser("add", help="add photos; without any, finish what was interrupted")
    add.add_argument("name", metavar="NAME")
    add.add_argument("photos", type=path_argument, nargs="*", metavar="SET")
    _add_set_arguments(add)
    add.set_defaults(run=_add)
    remove = actions.add_parser("remove", help="take photos out")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument(
        "keys", nargs="*", metavar="PHOTO", help="SET/FILE, as `info --photos` lists them, or FILE alone for any set"
    )
    remove.add_argument("--list", type=path_argument, metavar="FILE", help="a text file with such a name a line")
    remove.set_defaults(run=_remove)
    info = actions.add_parser("info", help="what a gallery holds, what was fitted on it and what it is worth")
    info.add_argument("name", metavar="NAME")
    info.add_argument("--photos", action="store_true", help="list its photos and their places as CSV")
    info.add_argument("--json", action="store_true", help="the card as one JSON object on stdout, nothing else there")
    info.set_defaults(run=_info)
    listed = actions.add_parser("list", help="the galleries at hand")
    listed.add_argument("--json", action="store_true", help="one JSON object a line on stdout, nothing else there")
    listed.set_defaults(run=_list)
    verify = actions.add_parser("verify", help="read every byte and check it; exit code 2 where something is wrong")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    verify.set_defaults(run=_verify)


def _add_set_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels", type=path_argument, metavar="CSV", help="coordinates of SET's photos, where it has none itself"
    )
    parser.add_argument(
        "--skip-unlabelled", action="store_true", help="leave out photos without coordinates instead of refusing them"
    )
    parser.add_argument("--source", default="", metavar="TEXT", help="what the photos are and where they are from")
    parser.add_argument("--licence", default="", metavar="TEXT", help="of the photos, for the card")
    parser.add_argument(
        "--workers", type=count_argument, metavar="N", help="photos decoded at once (default: one a core, at most 8)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--offline", action="store_true", help="open no connection at all (also: WHENCE_OFFLINE=1)")


def _build(args: argparse.Namespace) -> int:
    from backbone.gallery_build import build_gallery
    from backbone.gallery_embedders import make_embedder
    from backbone.gallery_store import gallery_folder
    from fusion.locator_parts import choose_device

    folder = gallery_folder(args.out)
    sets = _sets(args)
    embedder = make_embedder(args.by, offline=args.offline)
    device = choose_device(args.device, needed=args.by != "im2gps")
    with _progress(sum(len(photos) for photos in sets)) as progress:
        report = build_gallery(
            folder, sets, embedder, licence=args.licence or "not stated", source=args.source, device=device,
            workers=_workers(args), progress=progress,
        )  # fmt: skip
    return _reported(folder, report)


def _add(args: argparse.Namespace) -> int:
    from backbone.gallery_build import add_photos
    from backbone.gallery_card import read_gallery_card
    from backbone.gallery_embedders import make_embedder
    from backbone.gallery_store import find_gallery
    from fusion.locator_parts import choose_device

    folder = find_gallery(args.name)
    by = read_gallery_card(folder).embedding.name
    sets = _sets(args)
    embedder = make_embedder(by, offline=args.offline)
    device = choose_device(args.device, needed=by != "im2gps")
    with _progress(sum(len(photos) for photos in sets)) as progress:
        report = add_photos(
            folder, sets, embedder, licence=args.licence, source=args.source, device=device, workers=_workers(args),
            progress=progress,
        )  # fmt: skip
    return _reported(folder, report)


def _remove(args: argparse.Namespace) -> int:
    from backbone.gallery_build import remove_photos
    from backbone.gallery_store import find_gallery

    folder = find_gallery(args.name)
    keys = [*args.keys, *(_lines(args.list) if args.list is not None else [])]
    if not keys:
        raise RequestError("name the photos that are to go, or give a file that does with --list")
    count, unknown = remove_photos(folder, keys)
    print(f"{count} photo{'' if count == 1 else 's'} removed")
    for key in unknown[:10]:
        print(printable(f"whence: no photo in it is called {key}"), file=sys.stderr)
    if len(unknown) > 10:
        print(f"whence: and {len(unknown) - 10} more", file=sys.stderr)
    return 2 if unknown else 0


def _info(args: argparse.Namespace) -> int:
    from backbone.gallery import Gallery
    from backbone.gallery_store import find_gallery

    gallery = Gallery(find_gallery(args.name), unfinished=True)
    if args.photos:
        import csv

        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow(("key", "lat", "lon"))
        rows.writerows((gallery.key(i), gallery.lat[i], gallery.lon[i]) for i in range(len(gallery)))
        return 0
    print(json.dumps(_row(gallery.folder, gallery.card, "")) if args.json else _described(gallery.folder, gallery.card))
    return 0


def _list(args: argparse.Namespace) -> int:
    from backbone.gallery_store import galleries, galleries_folder

    found = galleries()
    for gallery in found:
        if args.json:
            print(json.dumps(_row(gallery.folder, gallery.card, gallery.fault) | {"name": gallery.name}))
        elif gallery.card is None:
            print(f"{gallery.name}\n  FAULT      {printable(gallery.fault)}")
        else:
            print(_described(gallery.folder, gallery.card, gallery.fault))
    if not found:
        print(
            printable(f"no gallery is in {galleries_folder()}: `whence gallery build PHOTOS -o NAME` makes one"),
            file=sys.stderr,
        )
    return 0


def _verify(args: argparse.Namespace) -> int:
    from backbone.gallery import Gallery
    from backbone.gallery_store import find_gallery, galleries

    wrong = False
    for name in args.names or [gallery.name for gallery in galleries()]:
        try:
            findings = Gallery(find_gallery(name), unfinished=True).verify()
        except WeightsError as error:
            findings = [str(error)]
        wrong |= bool(findings)
        for finding in findings:
            print(printable(f"whence: {name}: {finding}"), file=sys.stderr)
        if not findings:
            print(printable(f"{name}: sound"))
    return 2 if wrong else 0


def _sets(args: argparse.Namespace) -> list[PhotoSet]:
    from data.photo_sets import open_photo_set

    if args.labels is not None and len(args.photos) != 1:
        raise RequestError("--labels gives the coordinates of one set: give one")
    missing: Missing = "skip" if args.skip_unlabelled else "refuse"
    return [open_photo_set(path, labels=args.labels, missing=missing) for path in args.photos]


def _workers(args: argparse.Namespace) -> int:
    return args.workers or min(os.cpu_count() or 1, _MOST_WORKERS)


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read {path} ({error}): give a text file with a photo's name a line") from error


def _reported(folder: Path, report: BuildReport) -> int:
    from backbone.gallery_card import read_gallery_card

    said = f"{report.added} photos added, {report.known} were there already"
    if report.unreadable:
        said += f", {report.unreadable} could not be read ({folder / 'unreadable.txt'})"
    print(printable(said), file=sys.stderr)
    print(_described(folder, read_gallery_card(folder)))
    return 0


def _row(folder: Path, card: GalleryCard | None, fault: str) -> dict[str, Any]:
    from dataclasses import asdict

    told = None if card is None else asdict(card) | {"photos": card.count}
    return {"folder": encodable(str(folder)), "fault": fault or None, "card": told}


def _described(folder: Path, card: GalleryCard, fault: str = "") -> str:
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    lines = {
        "folder": printable(str(folder)),
        "photos": f"{card.count:,}, {size / 2**20:,.1f} MiB ({size / max(card.count, 1):,.0f} bytes a photo)",
        "compared by": printable(str(card.embedding)),
        "search": "all photos are compared" if card.index is None else f"index of {card.index.photos:,} photos",
        "photos from": printable("; ".join(card.sources)) or "not stated",
        "licence": printable(card.licence),
    }
    if fault or not card.finished:
        lines["FAULT"] = printable(fault or "it is not finished: run the interrupted command again")
    if card.votes:
        lines["believed"] = (
            f"{100 * card.votes['share']:.0f} % against density, {card.votes['neighbours']} nearest photos, within "
            f"{card.votes['bandwidth_km']:.0f} km"
        )
    if card.refinement:
        narrowed = min(card.refinement["narrowing"])
        lines["in cells"] = (
            "the nearest photos do not tell where in a cell" if narrowed >= 1.0
            else f"the mass narrows to {100 * narrowed:.0f} % of its width at best"
        )  # fmt: skip
    figures = {
        "held_out_points": "photos left out in turn", "held_out_geoscore": "GeoScore",
        "held_out_density_geoscore": "density's", "held_out_blind_geoscore": "without looking",
        "held_out_gain_low": "gain at least",
    }  # fmt: skip
    if card.metrics.get("held_out_gain_low", 0.0) < 0.0:
        lines["worth"] = "not shown to be better than density: expect answers near density's"
    if told := [f"{label} {card.metrics[name]:,.4g}" for name, label in figures.items() if name in card.metrics]:
        lines["measured"] = ", ".join(told)
    return "\n".join([printable(card.name), *(f"  {label:<12}{text}" for label, text in lines.items())])


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where that is a terminal; gives the function that is told how many photos are done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: Sequence[Any] = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("embedding", total=total)
        yield lambda done: bar.update(task, completed=done)
