"""Trains the ranker: ``whence train fusion OUT``.

Photos are simulated (``fusion.simulate``) and their rows kept, so that a stopped training goes on from there. Places of
two numbers of twenty are never trained on: they are the simulator's test places (``benchmarks/fusion.py``). The number
of trees and the temperature are chosen out of fold, by place and by source: every photo is scored by trees that saw no
photo of its place, and by trees that saw none of its source. The trees that are kept are grown on all of them.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError, RequestError
from data.printable import printable
from data.version import __version__
from fusion.conditional_logit import ConditionalLogit
from fusion.examples import Examples, examples_of, joined, load_examples, save_examples
from fusion.features import FEATURES, GROUPS, MONOTONE, beside_trees, without_evidence
from fusion.load_lightgbm import lightgbm
from fusion.ranker_model import RankerModel, save_model

if TYPE_CHECKING:
    from lightgbm import Booster

__all__ = ["TEST_PLACES", "FusionConfig", "grow", "simulated_examples", "temperature_of", "train"]

TEST_PLACES: Final = (18, 19)
"""Numbers of the places that are never trained on."""

_FOLDS: Final = 3
_CHUNK: Final = 250
_DRAWN_CHUNK: Final = 20
_DRAWN_SEED: Final = 1_000_000  # photos that are drawn are others than those of text
_LEAST: Final = 50  # examples
_log = logging.getLogger(__name__)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FusionConfig:
    """How the ranker is trained.

    Attributes:
        photos: Simulated photos.
        rendered: Photos that are drawn and read by the real detectors, on top.
        seed: Of simulation and trees.
        rounds: Trees at most; how many are kept is chosen out of fold.
        pool_share: ``a``: how much of the pool's evidence stands beside the trees.
        learning_rate: Of the trees.
        leaves: Of each tree.
        least_curve: Sum of the Hessian that a leaf has at least.
        ridge: Penalty on leaves' values.
        monotone: Whether columns of evidence move rows one way only.
        without: Groups of columns that the trees do not see.
        workers: Processes that simulate.
    """

    photos: int = 16_000
    rendered: int = 160
    seed: int = 0
    rounds: int = 150
    pool_share: float = 0.5
    learning_rate: float = 0.1
    leaves: int = 24
    least_curve: float = 5.0
    ridge: float = 5.0
    monotone: bool = True
    without: tuple[str, ...] = ()
    workers: int = 2

    def __post_init__(self) -> None:
        unknown = set(self.without) - set(GROUPS)
        if unknown:
            raise RequestError(f"unknown group {sorted(unknown)[0]!r}: choose of {', '.join(GROUPS)}")
        if self.photos < 1 or self.rounds < 1 or self.workers < 1 or not 0.0 <= self.pool_share <= 1.0:
            raise RequestError("photos, rounds and workers are at least 1, and the pool's share lies in [0, 1]")
        if self.rendered < 0 or self.seed < 0:
            raise RequestError("the number of drawn photos and the seed are not negative")


def train(out: Path, config: FusionConfig) -> RankerModel:
    """Simulate, grow trees, choose their number and the temperature, and write the model into ``out``.

    Raises:
        DatasetError: Too few photos are left to learn from, or ``out`` cannot be written.
    """
    started = time.monotonic()
    examples = simulated_examples(out / "examples", config)
    learnt = examples.of(~np.isin(examples.place, TEST_PLACES))
    if len(learnt) < _LEAST:
        raise DatasetError(f"{len(learnt)} photos with a clue are too few to learn from: at least {_LEAST} are needed")
    _log.info("%d photos with a clue, %d rows; %.0f s", len(learnt), len(learnt.table), time.monotonic() - started)
    rounds, temperature, figures = _out_of_fold(learnt, config)
    trees = grow(learnt, config, rounds=rounds)
    _log.info("%d trees; %.0f s in all", rounds, time.monotonic() - started)
    info = {
        "whence": __version__,
        "trained_on": f"{config.photos} simulated photos, seed {config.seed}, of which {len(learnt)} have a clue and "
        "lie in the places of training",
        "trees": rounds,
        "out_of_fold": figures,
    }
    model = RankerModel(trees, temperature, config.pool_share, info)
    save_model(out, model)
    return model


def simulated_examples(keep: Path, config: FusionConfig) -> Examples:
    """The rows of simulated photos, taken from ``keep`` as far as they are there.

    Raises:
        DatasetError: ``keep`` cannot be written, or what was written cannot be read again.
    """
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot make {printable(str(keep))}: {error.strerror}; give another folder") from error
    jobs = [
        _Job(keep / f"seed{config.seed}-{'drawn-' if drawn else ''}{start}-{stop}.npz", config.seed, start, stop, drawn)
        for count, step, drawn in ((config.photos, _CHUNK, False), (config.rendered, _DRAWN_CHUNK, True))
        for start in range(0, count, step)
        for stop in [min(start + step, count)]
    ]
    parts = {job.path: load_examples(job.path) for job in jobs}
    missing = [job for job in jobs if parts[job.path] is None]
    for done, path in enumerate(_written(missing, config.workers), start=len(jobs) - len(missing) + 1):
        parts[path] = load_examples(path)
        if parts[path] is None:
            raise DatasetError(f"{printable(str(path))} was written and cannot be read: is the disk full?")
        _log.info("%s: %d of %d", path.name, done, len(jobs))
    return joined([part for part in parts.values() if part is not None])


def grow(examples: Examples, config: FusionConfig, *, rounds: int) -> Booster:
    """LightGBM's booster of ``rounds`` trees on ``examples``."""
    library = lightgbm()
    logit = ConditionalLogit(examples.starts, examples.truth)
    both = np.concatenate([examples.table, without_evidence(examples.table)])
    beside = beside_trees(examples.gain, examples.table, config.pool_share)
    offset = np.concatenate([examples.log_p0 + beside, np.zeros(len(examples.table))])
    data = library.Dataset(
        both,
        np.zeros(len(both)),
        init_score=offset,
        feature_name=list(FEATURES),
        params={"max_bin": 127, "verbose": -1},
    )
    params: dict[str, Any] = {
        "objective": lambda scores, _: logit.derivatives(scores),
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_sum_hessian_in_leaf": config.least_curve,
        "lambda_l2": config.ridge,
        "feature_fraction": 0.6,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": config.workers,
        "verbose": -1,
    }
    if config.monotone:
        params["monotone_constraints"] = list(MONOTONE)
    if config.without:
        unseen = {name for group in config.without for name in GROUPS[group]}
        params["feature_contri"] = [0.0 if name in unseen else 1.0 for name in FEATURES]
    booster: Booster = library.train(params, data, num_boost_round=rounds)
    return booster


def temperature_of(log_p0: Floats, told: Floats, starts: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """The temperature of highest likelihood: ``log p0 + told / T``."""
    from scipy.optimize import minimize_scalar

    logit = ConditionalLogit(starts, truth)

    def cost(log_t: float) -> float:
        return float(logit.losses(log_p0 + told / math.exp(log_t)).mean())

    found = minimize_scalar(cost, bounds=(math.log(0.3), math.log(5.0)), method="bounded")
    return float(math.exp(found.x))


def _out_of_fold(examples: Examples, config: FusionConfig) -> tuple[int, float, dict[str, float]]:
    """How many trees, the temperature, and figures (nats), from photos whose places and whose sources were not seen."""
    held: list[NDArray[np.bool_]] = [examples.place % _FOLDS == k for k in range(_FOLDS)]
    sources = np.unique(examples.source)
    if len(sources) > 1:
        held += [examples.source == source for source in sources]
    steps = _steps(config.rounds)
    told = []  # of each held-out part: (steps, rows)
    parts = []
    for mask in held:
        rest, out = examples.of(~mask), examples.of(mask)
        booster = grow(rest, config, rounds=config.rounds)
        parts.append(out)
        told.append(np.stack([_told(booster, out, config, step) for step in steps]))
        _log.info("held out %d photos: %.3f nats", len(out), _mean_loss(out, told[-1][-1], 1.0))
    together = joined(parts)
    evidence = np.concatenate(told, axis=1)
    losses = [_mean_loss(together, row, 1.0) for row in evidence]
    best = int(np.argmin(losses))
    chosen = evidence[best]
    temperature = temperature_of(together.log_p0, chosen, together.starts, together.truth)
    figures = {
        "prior_nats": _mean_loss(together, np.zeros(len(chosen)), 1.0),
        "pool_nats": _mean_loss(together, together.gain, 1.0),
        "ranker_nats": _mean_loss(together, chosen, temperature),
        "photos": float(len(together)),
    }
    _log.info("trees and loss: %s", ", ".join(f"{s}: {x:.4f}" for s, x in zip(steps, losses, strict=True)))
    _log.info("out of fold: %s; T = %.3f", ", ".join(f"{k} {v:.4f}" for k, v in figures.items()), temperature)
    return steps[best], temperature, {name: round(value, 4) for name, value in figures.items()}


def _told(booster: Any, examples: Examples, config: FusionConfig, rounds: int) -> Floats:
    """(m,) the evidence term of rows after ``rounds`` trees."""
    raw = [
        np.asarray(booster.predict(table, raw_score=True, num_iteration=rounds, num_threads=config.workers), np.float64)
        for table in (examples.table, without_evidence(examples.table))
    ]
    told: Floats = beside_trees(examples.gain, examples.table, config.pool_share) + raw[0] - raw[1]
    return told


def _mean_loss(examples: Examples, told: Floats, temperature: float) -> float:
    """Nats a photo that the true cell misses."""
    return float(examples.losses(told / temperature).mean())


def _steps(rounds: int) -> list[int]:
    return sorted({max(rounds * k // 10, 1) for k in range(1, 11)})


@dataclass(frozen=True)
class _Job:
    """Photos ``start`` to ``stop - 1`` of a seed, whose rows go to ``path``."""

    path: Path
    seed: int
    start: int
    stop: int
    drawn: bool


def _written(jobs: Sequence[_Job], workers: int) -> Iterator[Path]:
    """Each file of ``jobs`` once it is there."""
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_simulate, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_simulate, jobs)


def _simulate(job: _Job) -> Path:
    from fusion.simulate import simulate
    from fusion.simulated_pictures import rendered

    count = job.stop - job.start
    if job.drawn:
        photos = rendered(count, job.seed + _DRAWN_SEED, start=job.start, keep=job.path.with_suffix(".jsonl"))
    else:
        photos = simulate(count, job.seed, start=job.start)
    save_examples(job.path, examples_of(photos))
    return job.path
