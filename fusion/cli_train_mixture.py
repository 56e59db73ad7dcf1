"""``whence train mixture``: priors mixed by weights that are fitted on held-out photos."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from data.errors import RequestError
from data.printable import printable
from fusion.cli_arguments import Commands, path_argument

if TYPE_CHECKING:
    from backbone.mixture_card import MixtureCard
    from data.photo_sets import PhotoSet

__all__ = ["add_train_mixture"]


def add_train_mixture(models: Commands) -> None:
    """Add ``mixture`` to the models that ``whence train`` trains."""
    mixture = models.add_parser(
        "mixture",
        help="a mixture of priors, weights fitted on held-out photos",
        description="Asks several priors about photos that none of them was trained on, fits how much weight each "
        "deserves, and writes the mixture: OUT/mixture.json, for `locate --prior mixture:OUT/mixture.json`, or with "
        "--name one of the user's own, for `locate --prior mixture:NAME`. Photos must be held out: of those that it "
        "was trained on a prior is too sure, and gets too much weight. Some hundred are good, of all places where it "
        "is to be used; density is a member that costs nothing. Where no mixture is better than the best prior alone, "
        "on photos of other places than those that it was fitted on, that prior is all of it. What priors say is kept, "
        "so that the same command goes on after an interruption.",
    )
    mixture.add_argument(
        "out", type=path_argument, nargs="?", metavar="OUT", help="folder of mixture.json and of what the priors say"
    )
    mixture.add_argument("--name", metavar="NAME", help="what to call it; among the user's own where OUT is not given")
    mixture.add_argument("--replace", action="store_true", help="put it in the place of one of the same name")
    mixture.add_argument(
        "--priors", required=True, metavar="NAME,NAME", help="two or more, as --prior of locate: density,planet:NAME"
    )
    mixture.add_argument(
        "--photos", type=path_argument, nargs="+", required=True, metavar="SET",
        help="held-out photos with coordinates, in the layouts of `train prior`",
    )  # fmt: skip
    mixture.add_argument("--labels", type=path_argument, metavar="CSV", help="coordinates, where SET has none itself")
    mixture.add_argument(
        "--skip-unlabelled", action="store_true", help="leave out photos without coordinates instead of refusing them"
    )
    mixture.add_argument(
        "--kept-from-training", type=float, metavar="SHARE",
        help="take only the places that `train prior --held-out SHARE` kept from training on the same SET",
    )  # fmt: skip
    mixture.add_argument(
        "--scenes", default="head", metavar="NAME",
        help="what weights may depend on, where they do better then: head (default), auto, clip, none; a prior that "
        "tells scenes itself is asked instead",
    )  # fmt: skip
    mixture.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    mixture.add_argument("--offline", action="store_true", help="open no connection")
    mixture.set_defaults(run=_train_mixture)


def _train_mixture(args: argparse.Namespace) -> int:
    import logging
    import shutil
    from pathlib import Path

    from backbone.mixture_card import MIXTURE_FILE, mixture_path, write_mixture
    from backbone.train_mixture import fit_mixture, members_called
    from backbone.weights_card import check_name
    from data.offline import offline_by_environment, quiet_libraries
    from data.photo_sets import Missing, concatenated, open_photo_set

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if args.out is None and args.name is None:
        raise RequestError("where to? Give OUT, a folder, or --name NAME for one of the user's own")
    name = args.out.resolve().name.lower() if args.name is None else args.name
    check_name(name)
    path = args.out / MIXTURE_FILE if args.out else mixture_path(name)
    if args.out is None and path.exists() and not args.replace:
        raise RequestError(f"there is a mixture called {name} already: give another --name, or --replace")
    offline = args.offline or offline_by_environment()
    quiet_libraries(offline=offline)
    priors = members_called(args.priors.split(","), offline=offline)
    missing: Missing = "skip" if args.skip_unlabelled else "refuse"
    if args.labels and len(args.photos) > 1:
        raise RequestError("--labels goes with one set: give sets that have their coordinates beside them")
    photos = concatenated([open_photo_set(each, labels=args.labels, missing=missing) for each in args.photos])
    if args.kept_from_training is not None:
        photos = _kept(photos, args.kept_from_training)

    from backbone.scenes import make_scene_model

    scenes = make_scene_model(args.scenes, offline=offline)
    if args.out is None:
        import platformdirs

        kept = Path(platformdirs.user_cache_path("whence", appauthor=False)) / "mixtures" / name
    else:
        kept = args.out / "said"
    card = fit_mixture(priors, photos, kept, name=name, scenes=scenes, device=args.device)
    write_mixture(path, card)
    if args.out is None:
        shutil.rmtree(kept, ignore_errors=True)  # with OUT the user can see it, and clear it
    print(_said(card))
    print(path)
    return 0


def _kept(photos: PhotoSet, share: float) -> PhotoSet:
    import numpy as np

    from backbone.held_out import held_out_mask
    from data.photo_sets import Subset

    if not 0.0 < share <= 1.0:
        raise RequestError("the share of --kept-from-training is a number above 0, to 1")
    which = np.flatnonzero(held_out_mask(photos.lat, photos.lon, share))
    if not len(which):
        raise RequestError(f"of {len(photos)} photos none was kept from training: give others that are held out")
    # Its own name: of these it cannot be said that a prior of the set's name was trained on them.
    return Subset(photos, which, name=f"{share:g} kept from training")


def _said(card: MixtureCard) -> str:
    """The figures, for a person."""
    nll, members = card.data["nll"], card.data["nll_of_members"]
    lines = [f"{'':<28}{'nats':>8}"]
    lines += [f"{printable(name)[:27]:<28}{value:>8.3f}" for name, value in members.items()]
    lines += [f"{name + ' pool':<28}{value:>8.3f}  out of fold" for name, value in nll.items() if name != "best"]
    from backbone.mixture import described

    lines += [f"chosen: {described(card)}", f"because {card.data['why']}"]
    m = card.metrics
    lines.append(
        f"out of fold: GeoScore {m['held_out_geoscore']:.0f} (best prior alone {m['held_out_best_geoscore']:.0f}, "
        f"density {m['held_out_density_geoscore']:.0f}), median {m['held_out_median_km']:.0f} km, inside the 50, 80, "
        f"95 % radius {100 * m['held_out_inside_half_radius']:.0f}, {100 * m['held_out_inside_80_radius']:.0f}, "
        f"{100 * m['held_out_inside_95_radius']:.0f} %"
    )
    return "\n".join(lines)
