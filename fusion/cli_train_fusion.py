"""``whence train fusion``: the ranker that fuses prior and clues."""

from __future__ import annotations

import argparse
import sys

from data.printable import encodable
from fusion.cli_arguments import Commands, count_argument, path_argument

__all__ = ["add_train_fusion"]


def add_train_fusion(models: Commands) -> None:
    """Add ``fusion`` to the models that ``whence train`` trains."""
    fusion = models.add_parser(
        "fusion",
        help="the ranker that fuses prior and clues, from simulated photos: the one that ships",
        description="Simulates photos, grows trees and writes OUT/fusion.txt and OUT/fusion.json for `locate "
        "--fusion OUT`. Trees and temperature are chosen out of fold, by place and by source. What was simulated is "
        "kept in OUT/examples, 250 photos at a time (20 of the drawn), so that a stopped training goes on from there. "
        "Without options it rebuilds what ships.",
    )
    fusion.add_argument("out", type=path_argument, metavar="OUT", help="folder of examples and model")
    fusion.add_argument("--photos", type=count_argument, metavar="N", help="photos simulated as text (default 16000)")
    fusion.add_argument(
        "--rendered", type=int, metavar="N", help="photos drawn and read by the real detectors on top (default 160)"
    )
    fusion.add_argument("--seed", type=int, default=0, help="of simulation and trees (default 0)")
    fusion.add_argument("--rounds", type=count_argument, metavar="N", help="trees at most (default 150)")
    fusion.add_argument(
        "--without", action="append", default=[], metavar="GROUP",
        help="columns that the trees do not see: prior, scene, pooled, readers, agreement, places, reading or lookups; "
        "may be given several times",
    )  # fmt: skip
    fusion.add_argument("--workers", type=count_argument, default=2, metavar="N", help="processes (default 2)")
    fusion.set_defaults(run=_train_fusion)


def _train_fusion(args: argparse.Namespace) -> int:
    import logging

    from fusion.train_fusion import FusionConfig, train

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    chosen = {name: getattr(args, name) for name in ("photos", "rendered", "rounds") if getattr(args, name) is not None}
    config = FusionConfig(seed=args.seed, without=tuple(args.without), workers=args.workers, **chosen)
    model = train(args.out, config)
    print(args.out)
    figures = model.info["out_of_fold"]
    print(
        f"out of fold {figures['ranker_nats']:.3f} nats miss the true cell, the pool's {figures['pool_nats']:.3f}, the "
        f"prior's {figures['prior_nats']:.3f}; use it with --fusion {encodable(str(args.out))}",
        file=sys.stderr,
    )
    return 0
