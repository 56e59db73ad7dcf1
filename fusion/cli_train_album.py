"""``whence train album``: an LSTM over the embeddings of a trained prior."""

from __future__ import annotations

import argparse
import sys

from data.errors import RequestError
from fusion.cli_arguments import Commands, count_argument, path_argument

__all__ = ["add_train_album"]


def add_train_album(models: Commands) -> None:
    """Add ``album`` to the models that ``whence train`` trains."""
    album = models.add_parser(
        "album",
        help="an LSTM over albums, on the embeddings of a trained PlaNet",
        description="Trains an LSTM that reads an album's photos in order, on top of a PlaNet that stays as it is, and "
        "writes OUT/model: that PlaNet with the LSTM beside it, for `locate --album --prior planet:OUT/model` or "
        "`whence weights add OUT/model`. An album is photos of one cell and those next to it. Embeddings are computed "
        "once and kept in OUT.",
    )
    album.add_argument("out", type=path_argument, metavar="OUT", help="folder of embeddings and model")
    album.add_argument("--prior", required=True, metavar="planet:NAME", help="planet:NAME, or planet:FOLDER")
    album.add_argument(
        "--photos", type=path_argument, required=True, metavar="SET", help="photos with coordinates, as `train prior`"
    )
    album.add_argument("--labels", type=path_argument, metavar="CSV", help="coordinates, where SET has none itself")
    album.add_argument(
        "--albums", type=path_argument, required=True, metavar="CSV",
        help="columns file and album (or sequence, as OSV-5M has), in the order in which the photos were taken",
    )  # fmt: skip
    album.add_argument(
        "--skip-unlabelled", action="store_true", help="leave out photos without coordinates instead of refusing them"
    )
    album.add_argument("--bidirectional", action="store_true", help="read each album from both ends")
    album.add_argument(
        "--shuffled", action="store_true", help="the photos' order means nothing: draw a new one each pass"
    )
    album.add_argument("--hidden", type=count_argument, default=256, metavar="N", help="units (default 256)")
    album.add_argument("--epochs", type=count_argument, default=60, metavar="E", help="most passes (default 60)")
    album.add_argument("--rate", type=float, default=3e-3, metavar="R", help="highest learning rate (default 0.003)")
    album.add_argument("--smoothing-km", type=float, default=0.0, metavar="KM",
                       help="reach of haversine-smoothed labels (default: none)")  # fmt: skip
    album.add_argument(
        "--held-out", type=float, metavar="SHARE",
        help="share of the places to keep for stopping and measuring (default: those that the prior's own training "
        "kept, where SET is what it was trained on, else 0.1)",
    )  # fmt: skip
    album.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for the embeddings")
    album.add_argument("--workers", type=int, default=0, metavar="N", help="processes that decode photos (default 0)")
    album.add_argument("--seed", type=int, default=0, metavar="N")
    album.add_argument("--licence", default="not stated", metavar="TEXT", help="of the weights, for their card")
    album.set_defaults(run=_train_album)


def _train_album(args: argparse.Namespace) -> int:
    import logging

    from backbone.planet import PlanetPrior
    from backbone.priors import make_prior
    from data.photo_albums import read_albums
    from data.photo_sets import Missing, open_photo_set

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    prior = make_prior(args.prior)
    if not isinstance(prior, PlanetPrior):
        raise RequestError(f"an LSTM reads the embeddings of a PlaNet, and {args.prior} is none: give planet:NAME")
    if args.workers < 0:
        raise RequestError("the number of workers cannot be negative")
    missing: Missing = "skip" if args.skip_unlabelled else "refuse"
    photos = open_photo_set(args.photos, labels=args.labels, missing=missing)
    found = read_albums(args.albums, photos)

    from backbone.train_album import AlbumRecipe, train_album

    recipe = AlbumRecipe(
        hidden=args.hidden, bidirectional=args.bidirectional, epochs=args.epochs, rate=args.rate,
        smoothing_km=args.smoothing_km, shuffled=args.shuffled, held_out=args.held_out, seed=args.seed,
    )  # fmt: skip
    logging.getLogger(__name__).info(
        "%d photos, %d albums; %d rows name no photo of the set", len(photos), len(found.albums), found.unknown
    )
    print(
        train_album(
            args.out, prior, photos, found.albums, recipe=recipe, device=args.device, workers=args.workers,
            licence=args.licence,
        )
    )  # fmt: skip
    return 0
