"""``whence train pixels``: a conditional logit on frozen features."""

from __future__ import annotations

import argparse
import re
import sys

from data.printable import encodable
from fusion.cli_arguments import Commands, path_argument

__all__ = ["add_train_pixels"]


def add_train_pixels(models: Commands) -> None:
    """Add ``pixels`` to the models that ``whence train`` trains."""
    pixels = models.add_parser(
        "pixels",
        help="a conditional logit on frozen features, from some hundred photos: the prior that ships",
        description="Writes OUT/pixels.safetensors for `locate --prior pixels:OUT`. Features of the photos are "
        "computed once and kept in OUT. Temperature and figures are out of fold, by place.",
    )
    pixels.add_argument("out", type=path_argument, metavar="OUT", help="folder of features and model")
    pixels.add_argument(
        "--photos", type=path_argument, required=True, action="append", metavar="SET",
        help="photos with coordinates, as `train prior`; may be given several times",
    )  # fmt: skip
    pixels.add_argument(
        "--skip-unlabelled", action="store_true", help="leave out photos without coordinates instead of refusing them"
    )
    pixels.add_argument(
        "--features", default="lite", metavar="NAME",
        help="lite (ships), or inception_v3, mobilenet_v3_large, mobilenet_v3_small with torchvision's ImageNet "
        "weights (downloaded once)",
    )  # fmt: skip
    pixels.add_argument(
        "--cells", choices=("shipped", "geoclip"), default="shipped", help="what is known of the cells: as in the "
        "prior that ships, or computed anew by GeoCLIP's location encoder (the extra geoclip)",
    )  # fmt: skip
    pixels.add_argument("--ridge", type=_positive, metavar="R", help="default 0.005")
    pixels.add_argument("--name", metavar="NAME", help="of the model (default: that of OUT)")
    pixels.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for the features")
    pixels.add_argument("--licence", default="not stated", metavar="TEXT", help="of the weights, for their card")
    pixels.add_argument("--trained-on", default="", metavar="TEXT", help="of the photos, for the card")
    pixels.set_defaults(run=_train_pixels)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
    return value


def _train_pixels(args: argparse.Namespace) -> int:
    import logging

    from backbone.frozen_features import make_features
    from backbone.pixels_file import read_model
    from backbone.train_pixels import RIDGE, train
    from data.partition import load_default
    from data.photo_sets import Missing, concatenated, open_photo_set

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    missing: Missing = "skip" if args.skip_unlabelled else "refuse"
    sets = [open_photo_set(path, missing=missing) for path in args.photos]
    components = None
    if args.cells == "geoclip":
        from backbone.cell_features import location_components
        from backbone.train_pixels import COMPONENTS

        components = location_components(load_default(), COMPONENTS)
    name = args.name or re.sub("[^a-z0-9._-]+", "-", args.out.resolve().name.lower()).strip("-._")[:64] or "pixels"
    file = train(
        args.out, concatenated(sets), make_features(args.features), components=components, ridge=args.ridge or RIDGE,
        device=args.device, name=name, licence=args.licence, trained_on=args.trained_on,
    )  # fmt: skip
    figures = read_model(file)[0].card.metrics
    print(file)
    print(
        f"GeoScore {figures['held_out_geoscore']:.0f} out of fold, the density prior's "
        f"{figures['held_out_density_geoscore']:.0f}; use it with --prior pixels:{encodable(str(args.out))}",
        file=sys.stderr,
    )
    return 0
