"""``whence train``: the sub-commands that rebuild weights from nothing."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from data.errors import RequestError
from fusion.cli_arguments import Commands, count_argument, path_argument
from fusion.cli_train_album import add_train_album
from fusion.cli_train_fusion import add_train_fusion
from fusion.cli_train_mixture import add_train_mixture
from fusion.cli_train_pixels import add_train_pixels

__all__ = ["add_train"]


def add_train(commands: Commands) -> None:
    """Add ``train`` and its sub-commands, one for each model."""
    train = commands.add_parser("train", help="train a visual prior, or rebuild shipped weights")
    models = train.add_subparsers(dest="model", required=True, metavar="MODEL")
    _add_prior(models)
    _add_scene_labels(models)
    add_train_album(models)
    add_train_pixels(models)
    add_train_fusion(models)
    add_train_mixture(models)
    _add_reader(models)
    _add_regions(models)
    _add_scenes(models)


def _add_prior(models: Commands) -> None:
    prior = models.add_parser(
        "prior",
        help="PlaNet, on your own photos with coordinates",
        description="Trains PlaNet and writes OUT/model, with what it is worth on photos that were held out; `whence "
        "weights add OUT/model` then makes it a prior of `locate`. Stopped and started again it goes on from its "
        "checkpoint. OUT/log.csv has the curve, OUT/unreadable.txt the photos that were left out. Under torchrun all "
        "its processes train together: torchrun --nproc-per-node 8 -m whence train prior ...",
    )
    prior.add_argument("out", type=path_argument, metavar="OUT", help="folder of log, checkpoint and model")
    prior.add_argument(
        "--photos", type=path_argument, nargs="+", required=True, metavar="SET",
        help="a folder with labels.csv, WebDataset tar shards, OSV-5M's folder, or MP-16's msgpack shards",
    )  # fmt: skip
    prior.add_argument(
        "--labels", type=path_argument, metavar="CSV", help="coordinates of SET's photos, where it has none itself"
    )
    prior.add_argument(
        "--skip-unlabelled", action="store_true", help="leave out photos without coordinates instead of refusing them"
    )
    prior.add_argument(
        "--held-out", type=_held_out, default=(0.02, None), metavar="SHARE|SET",
        help="share of the places to keep for measuring (default 0.02), or a set of its own",
    )  # fmt: skip
    prior.add_argument(
        "--held-out-labels", type=path_argument, metavar="CSV", help="coordinates of the held-out set's photos"
    )
    prior.add_argument("--partition", type=path_argument, metavar="FILE", help="cells (default: those that ship)")
    prior.add_argument("--trunk", default="inception_v3", metavar="NAME", help="inception_v3 (default), "
                       "mobilenet_v3_large, mobilenet_v3_small or tiny")  # fmt: skip
    prior.add_argument("--pixels", type=count_argument, default=None, metavar="N", help="side of what the trunk sees")
    prior.add_argument(
        "--levels", nargs="+", choices=("fine", "middle", "coarse"), default=None,
        help="levels of cells with a classifier (default: all three; with --mixture fine alone)",
    )  # fmt: skip
    prior.add_argument(
        "--smoothing-km",
        type=float,
        default=0.0,
        metavar="KM",
        help="reach of haversine-smoothed labels (default: none)",
    )
    prior.add_argument(
        "--scenes", choices=("none", "mtn", "isn"), default="none",
        help="learn kinds of scene as a second task (mtn), and have classifiers for each kind (isn)",
    )  # fmt: skip
    prior.add_argument(
        "--scene-labels", type=path_argument, metavar="CSV",
        help="kinds of scene of SET's photos: a column scene, or one each for indoor, natural and urban",
    )  # fmt: skip
    prior.add_argument(
        "--mixture", choices=("fine", "middle", "coarse"), default=None,
        help="von Mises-Fisher densities, one for each cell of a level, instead of classes",
    )  # fmt: skip
    prior.add_argument("--epochs", type=float, default=10.0, metavar="E", help="passes over the photos (default 10)")
    prior.add_argument("--batch", type=count_argument, default=256, metavar="B", help="photos in a step (default 256)")
    prior.add_argument("--rate", type=float, default=1e-3, metavar="R", help="highest learning rate (default 0.001)")
    prior.add_argument(
        "--start", choices=("nothing", "imagenet"), default="nothing",
        help="first weights of the trunk: chance, or torchvision's of ImageNet (fetched)",
    )  # fmt: skip
    prior.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    prior.add_argument("--workers", type=int, default=None, metavar="N",
                       help="processes that decode, for each that trains (default: the cores, 16 at most)")  # fmt: skip
    prior.add_argument("--precision", choices=("auto", "bf16", "float32"), default="auto")
    prior.add_argument("--compile", action=argparse.BooleanOptionalAction, default=None,
                       help="torch.compile (default: on GPUs)")  # fmt: skip
    prior.add_argument("--checkpoint-minutes", type=float, default=10.0, metavar="M")
    prior.add_argument("--seed", type=int, default=0, metavar="N")
    prior.add_argument("--name", default=None, metavar="NAME", help="of the weights (default: that of OUT)")
    prior.add_argument("--licence", default="not stated", metavar="TEXT", help="of the weights, for their card")
    prior.set_defaults(run=_train_prior)


def _add_scene_labels(models: Commands) -> None:
    labels = models.add_parser(
        "scene-labels",
        help="the kinds of scene of a set's photos, for `whence train prior --scenes`",
        description="Writes OUT.csv with how likely each photo shows an indoor, a natural or an urban scene, as a "
        "scene model says. Stopped and started again it goes on where it was.",
    )
    labels.add_argument("out", type=path_argument, metavar="OUT.csv")
    labels.add_argument("--photos", type=path_argument, nargs="+", required=True, metavar="SET")
    labels.add_argument("--labels", type=path_argument, metavar="CSV", help="coordinates of SET's photos")
    labels.add_argument("--model", default="auto", metavar="NAME", help="the scene model (default: the best at hand)")
    labels.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    labels.add_argument(
        "--workers", type=count_argument, default=2, metavar="N", help="photos that are decoded at once"
    )
    labels.set_defaults(run=_scene_labels)


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


def _add_scenes(models: Commands) -> None:
    scenes = models.add_parser(
        "scenes",
        help="what tells indoor, natural and urban photos apart",
        description="Trains the scene head on photos that were labelled by eye and writes OUT/scenes.safetensors, with "
        "its figures out of fold. backbone/assets/SOURCES.md says where its photos are from.",
    )
    scenes.add_argument("out", type=path_argument, metavar="OUT", help="folder for scenes.safetensors")
    scenes.add_argument(
        "--labels", type=path_argument, required=True, metavar="TABLE", help="benchmarks/scene_labels.tsv"
    )
    scenes.add_argument(
        "--data", type=path_argument, required=True, metavar="DIR", help="folder of the sets that it names"
    )
    scenes.add_argument(
        "--panoramas", type=path_argument, metavar="DIR", help="package/hdri of the npm package @pmndrs/assets 1.7.0"
    )
    scenes.add_argument("--seed", type=int, default=0, metavar="N")
    scenes.set_defaults(run=_train_scenes)


def _train_scenes(args: argparse.Namespace) -> int:
    import logging

    from backbone.train_scenes import train

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    print(train(args.out, args.labels, data=args.data, panoramas=args.panoramas, seed=args.seed))
    return 0


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


def _train_prior(args: argparse.Namespace) -> int:
    import logging
    import os

    from backbone.weights_card import check_name
    from data.photo_sets import Missing, concatenated, open_photo_set

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    name = args.out.resolve().name.lower() if args.name is None else args.name
    check_name(name)  # before hours of training, not after
    missing: Missing = "skip" if args.skip_unlabelled else "refuse"
    share, kept = args.held_out
    if args.labels and len(args.photos) > 1:
        raise RequestError("--labels goes with one set: train on sets that have their coordinates beside them")
    held_out = None if kept is None else open_photo_set(kept, labels=args.held_out_labels, missing=missing)
    sets = [open_photo_set(path, labels=args.labels, missing=missing) for path in args.photos]
    photos = sets[0] if len(sets) == 1 else concatenated(sets)

    from backbone.planet_config import PlanetConfig
    from backbone.scene_labels import read_scene_labels
    from backbone.train_prior import Recipe, Run, train
    from data.partition import load, load_default
    from data.partition_checks import LEVELS

    wanted = args.levels or (("fine",) if args.mixture else LEVELS)
    levels = tuple(level for level in LEVELS if level in wanted)
    config = PlanetConfig(args.trunk, args.pixels or 0, levels, scenes=args.scenes, mixture=args.mixture or "")
    if (args.scenes == "none") != (args.scene_labels is None):
        raise RequestError(
            "--scenes and --scene-labels go together: give both (`whence train scene-labels` makes some)"
        )
    scenes = None if args.scene_labels is None else read_scene_labels(args.scene_labels, photos)
    recipe = Recipe(
        epochs=args.epochs, batch=args.batch, rate=args.rate, smoothing_km=args.smoothing_km, held_out=share,
        imagenet=args.start == "imagenet", seed=args.seed,
    )  # fmt: skip
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(max(cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1), 16)
    workers = workers if args.workers is None else args.workers
    run = Run(args.device, workers, args.precision, args.compile, args.checkpoint_minutes)
    for each in sets:
        left_out = f", {each.skipped:,} without coordinates left out" if each.skipped else ""
        logging.getLogger(__name__).info("%s: %s photos%s", each.name, f"{len(each):,}", left_out)
    partition = load(args.partition) if args.partition else load_default()
    written = train(
        args.out, photos, held_out=held_out, scenes=scenes, partition=partition, config=config, recipe=recipe, run=run,
        name=name, licence=args.licence,
    )  # fmt: skip
    if os.environ.get("RANK", "0") == "0":
        print(written)
    return 0


def _scene_labels(args: argparse.Namespace) -> int:
    from backbone.scene_labels import label_scenes
    from backbone.scenes import make_scene_model
    from data.photo_sets import concatenated, open_photo_set

    if args.out.suffix.lower() != ".csv":
        raise RequestError(f"cannot write {args.out}: the labels are a CSV table, name a file that ends in .csv")
    model = make_scene_model(args.model)
    if model is None:
        raise RequestError(f"--model {args.model} names no scene model: give auto, head or clip")
    photos = concatenated([open_photo_set(path, labels=args.labels) for path in args.photos])
    lost = label_scenes(args.out, photos, model, device=args.device, workers=args.workers)
    print(f"{args.out}: {len(photos):,} photos, {lost:,} of them could not be read")
    return 0


def _held_out(said: str) -> tuple[float, Path | None]:
    """A share of the places, or the path of a set; a folder that is called like a number is a folder."""
    path = path_argument(said)
    if not path.exists():
        with suppress(ValueError):
            return float(said), None
    return 0.0, path
