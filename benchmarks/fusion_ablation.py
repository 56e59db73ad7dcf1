"""What each group of the ranker's columns is worth: trees that do not see it, on the simulator's test places.

    python -m benchmarks.fusion_ablation TRAINED OUT

TRAINED is a folder of ``whence train fusion``, with the examples that it kept. For each group trees are grown without
it, as many and at the temperature of the model in TRAINED, and written to OUT/GROUP, so that ``benchmarks.fusion
--ablation GROUP=OUT/GROUP`` measures them on photos. Nats a photo that the true cell misses, on photos of places that
were never trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from fusion.features import GROUPS
from fusion.ranker_model import RankerModel, load_model, save_model
from fusion.train_fusion import TEST_PLACES, FusionConfig, grow, simulated_examples


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path, metavar="TRAINED")
    parser.add_argument("out", type=Path, metavar="OUT")
    args = parser.parse_args(argv)
    model = load_model(args.trained)
    config = FusionConfig()
    examples = simulated_examples(args.trained / "examples", config)
    held = np.isin(examples.place, TEST_PLACES)
    learnt, test = examples.of(~held), examples.of(held)
    print(f"{len(learnt)} photos to learn from, {len(test)} of the test places; {machine()}")
    silent = np.zeros(len(test.gain))
    print(f"{'prior':<20}{test.losses(silent).mean():8.4f}")
    print(f"{'pool':<20}{test.losses(test.gain).mean():8.4f}")
    whole = test.losses(model.told(test.gain, test.table))
    print(f"{'ranker':<20}{whole.mean():8.4f}")
    for group in GROUPS:
        trees = grow(learnt, replace(config, without=(group,)), rounds=model.info["trees"])
        without = RankerModel(trees, model.temperature, model.pool_share, {"without": group})
        save_model(args.out / group, without)
        more = test.losses(without.told(test.gain, test.table)) - whole
        error = more.std() / np.sqrt(len(more))
        print(
            f"{'without ' + group:<20}{whole.mean() + more.mean():8.4f}  {more.mean():+.4f} +- {error:.4f}", flush=True
        )


if __name__ == "__main__":
    main()
