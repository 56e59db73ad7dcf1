"""Trains PlaNet on photos with coordinates: ``whence train prior OUT --photos SET``.

One process, or several under ``torchrun`` (DistributedDataParallel). What is learnt depends on the photos, the cells,
the network and the recipe; not on how often the training was interrupted, nor on how many processes decode. On one
processor with the same number of threads an interrupted training ends in the same weights, bit for bit; on GPUs, as
far as their libraries repeat themselves.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from backbone.calibrate import fit_temperature
from backbone.density import DensityPrior
from backbone.held_out import covered, held_out_mask, measured, shared_spots
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import write_weights
from backbone.processes import Processes
from backbone.recipe import Recipe, Run
from backbone.scenes import SCENES
from backbone.training import Training
from backbone.weights_card import WeightsCard
from data.errors import DatasetError, RequestError, WeightsError
from data.partition import Partition, load_default
from data.photo_sets import PhotoSet, Subset
from data.printable import printable

__all__ = ["Recipe", "Run", "train"]

_log = logging.getLogger(__name__)
_MOST_HELD_OUT: Final = 4_096  # photos that temperature and figures are taken on: 80 kB each on the shipped cells
_TOO_FEW: Final = 50  # photos on which a temperature means little


def train(
    out: Path,
    photos: PhotoSet,
    *,
    held_out: PhotoSet | None = None,
    scenes: NDArray[np.float32] | None = None,
    partition: Partition | None = None,
    config: PlanetConfig | None = None,
    recipe: Recipe | None = None,
    run: Run | None = None,
    name: str = "planet",
    licence: str = "not stated",
    trained_on: str = "",
) -> Path:
    """Train PlaNet and write its weights, with what they are worth on photos that were held out.

    ``out`` gets ``log.csv``, ``checkpoint.safetensors``, ``unreadable.txt`` (photos that could not be read and were
    left out) and, at the end, the folder ``model``. Started again with the same arguments it goes on from its
    checkpoint; once it has ended it only measures again.

    Args:
        out: Folder.
        photos: What to learn from; of these, places are held out by ``recipe`` where ``held_out`` is None.
        held_out: Photos to measure on and to fit the temperature on.
        scenes: (n, 3), how likely each of ``backbone.scenes.SCENES`` is for each of ``photos``, a row of NaN where that
            is not known; for a network that is taught them.
        partition: The cells; None for those that ship.
        config: The network.
        recipe: How it is learnt.
        run: How it is run.
        name: Of the weights.
        licence: Of the weights.
        trained_on: What to say about the photos; the name of the set where it is empty.

    Returns:
        The folder of the weights.

    Raises:
        DatasetError: No photo is left to train on, most of them cannot be read, or ``out`` cannot be written.
        RequestError: The device or a level is not there; the network is taught scenes and there are none, or the other
            way round; a mixture is to have smoothed labels.
        WeightsError: The card would not be sound, ImageNet's weights cannot be fetched, ``out`` holds another training,
            or the loss became no number.
    """
    partition, config = partition or load_default(), config or PlanetConfig()
    recipe, run = recipe or Recipe(), run or Run()
    said = printable(trained_on or photos.name)
    _require_card(name, licence, said, partition, config)  # before hours of training, not after
    _require_taught(photos, config, recipe, scenes)
    chosen, kept, which = _divided(photos, held_out, recipe)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot make {printable(str(out))}: {error.strerror}; give another folder") from error
    with Processes.joined(run.device) as processes:
        known = None if scenes is None else scenes[which]
        training = Training(out, chosen, kept, partition, config, recipe, run, processes, known)
        if processes.first and len(kept) < _TOO_FEW:
            _log.warning("%d held-out photos are too few to calibrate on or to measure well: hold out more", len(kept))
        shared = shared_spots(chosen, kept)
        if processes.first and shared:
            _log.warning("%d places have photos in both sets: figures on the held-out set flatter", shared)
        training.learn()
        processes.wait()
        if processes.first:
            data = {
                "trained_on": said,
                "photos": len(chosen),
                "unreadable": training.unreadable.gather(out),
                "held_out_from": printable(kept.name),
                "spots_in_both": shared,
                "recipe": asdict(recipe),
                "precision": "bf16" if training.half else "float32",
                "device": processes.description(),
                "torch": torch.__version__,
            }
            _finish(training, name, licence, data)
        processes.wait()
    return out / "model"


def _require_card(name: str, licence: str, said: str, partition: Partition, config: PlanetConfig) -> None:
    WeightsCard(
        name=name, sha256="0" * 64, size_bytes=1, partition_name=partition.name, partition_hash=partition.hash,
        config=config.to_dict(), temperature=1.0, data={"trained_on": said}, metrics={}, licence=licence,
        created_with="whence",
    )  # fmt: skip


def _require_taught(photos: PhotoSet, config: PlanetConfig, recipe: Recipe, scenes: NDArray[np.float32] | None) -> None:
    if (config.scenes == "none") != (scenes is None):
        raise RequestError(
            f"scenes are {config.scenes}, and there are {'no ' if scenes is None else ''}labels of them: give both, or "
            "neither"
        )
    if config.mixture and recipe.smoothing_km:
        raise RequestError("a mixture of densities has no labels that could be smoothed: leave smoothing out")
    if scenes is None:
        return
    rows = scenes[~np.isnan(scenes).any(axis=-1)]
    if scenes.shape != (len(photos), len(SCENES)) or (rows < 0).any() or (np.abs(rows.sum(axis=1) - 1) > 1e-3).any():
        raise RequestError(f"scenes are {len(SCENES)} probabilities for each of the {len(photos)} photos, or NaN")
    if not len(rows):
        raise RequestError("of no photo the kind of scene is known: see that the labels are of these photos")


def _divided(
    photos: PhotoSet, held_out: PhotoSet | None, recipe: Recipe
) -> tuple[PhotoSet, PhotoSet, NDArray[np.int64]]:
    """What is trained on, what is held out, and which of ``photos`` the first are."""
    chosen, kept, which = photos, held_out, np.arange(len(photos))
    if kept is None:
        out = held_out_mask(photos.lat, photos.lon, recipe.held_out)
        which = np.flatnonzero(~out)
        chosen, kept = Subset(photos, which), Subset(photos, np.flatnonzero(out))
    if len(chosen) < 2:
        raise DatasetError(f"{photos.name} leaves {len(chosen)} photos to train on: give more, or hold out fewer")
    # In an order of chance: sets are often sorted by country, and not all of them is always measured.
    order = np.random.default_rng(0).permutation(len(kept))[:_MOST_HELD_OUT]
    return chosen, Subset(kept, order), which


def _finish(training: Training, name: str, licence: str, data: dict[str, Any]) -> None:
    """Calibrate, measure and write the weights."""
    held_out, partition = training.held_out, training.partition
    log_p, indices, damaged = training.log_posteriors(held_out)
    if len(held_out) and not len(indices):
        raise DatasetError(f"none of the {len(held_out)} photos held out can be read: see that they are there")
    training.unreadable.add(damaged)
    lat, lon = held_out.lat[indices], held_out.lon[indices]
    temperature = fit_temperature(log_p, partition.cells_of(lat, lon))
    density = DensityPrior(partition).distribution
    metrics = measured(log_p, lat, lon, density, temperature=temperature)
    # How much of the world's photos come from where it has ever been shown one: a city's model knows no other.
    metrics["covered"] = covered(density, training.cells)
    data |= {"held_out_unreadable": len(damaged), "calibrated_on": len(indices)}
    try:
        write_weights(
            training.out / "model", {key: tensor.cpu() for key, tensor in training.net.state_dict().items()}, name=name,
            partition=partition, config=training.config.to_dict(), temperature=temperature, data=data, metrics=metrics,
            licence=licence,
        )  # fmt: skip
    except ValueError as error:
        raise WeightsError(f"the weights cannot be kept: {error}") from error
