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
from fusion.conditional_logit import ConditionalLogit
from fusion.examples import Examples
from fusion.features import GROUPS, beside_trees
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
    print(f"{'prior':<20}{loss(test, silent).mean():8.4f}")
    print(f"{'pool':<20}{loss(test, test.gain).mean():8.4f}")
    whole = loss(test, told(model, test))
    print(f"{'ranker':<20}{whole.mean():8.4f}")
    for group in GROUPS:
        trees = grow(learnt, replace(config, without=(group,)), rounds=model.info["trees"])
        without = RankerModel(trees, model.temperature, model.pool_share, {"without": group})
        save_model(args.out / group, without)
        more = loss(test, told(without, test)) - whole
        error = more.std() / np.sqrt(len(more))
        print(
            f"{'without ' + group:<20}{whole.mean() + more.mean():8.4f}  {more.mean():+.4f} +- {error:.4f}", flush=True
        )


def told(model: RankerModel, examples: Examples) -> np.ndarray:
    """(m,) the evidence term of the rows."""
    beside = beside_trees(examples.gain, examples.table, model.pool_share)
    return np.asarray((beside + model.scores(examples.table)) / model.temperature, np.float64)


def loss(examples: Examples, told: np.ndarray) -> np.ndarray:
    """(p,) nats that the true cell of each photo misses."""
    losses = ConditionalLogit(examples.starts, examples.truth).losses(examples.log_p0 + told)
    return np.asarray(losses - examples.inside, np.float64)


if __name__ == "__main__":
    main()
