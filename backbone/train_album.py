"""Trains an album's LSTM on the embeddings of a prior: ``whence train album OUT --prior planet:X --photos SET ...``.

The trunk is frozen (PlaNet, Weyand 2016, section 4): the embeddings are computed once and kept in OUT, and an
interrupted training computes only those that are missing. What is learnt then (``backbone.album_training``) takes
minutes and begins anew.

What is held out are spots of 1.2 km, by default those that were held out from the training of the prior: of photos that
it was trained on it is too sure. Half of them decide when to stop and fit the temperature and the dependency; on the
other half the LSTM is compared with the product, and the figures of the card are taken.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from backbone.album_embeddings import embeddings_of
from backbone.album_net import AlbumNet
from backbone.album_training import AlbumRecipe, Albums, album_log_ps, learn, place_of
from backbone.album_weights import ALBUM_CARD_FILE, ALBUM_TENSORS_FILE, write_album
from backbone.albums import averaged, fit_dependency, logs, pooled
from backbone.calibrate import fit_temperature, mean_nll
from backbone.density import DensityPrior
from backbone.held_out import held_out_mask
from backbone.photo_batches import held_out_batches
from backbone.planet import PlanetPrior
from backbone.planet_weights import CARD_FILE, PARTITION_FILE, TENSORS_FILE, read_card
from backbone.weights_card import finite
from data.distribution import CellDistribution
from data.errors import DatasetError
from data.geodesy import unit_vectors
from data.partition import Partition
from data.photo_sets import PhotoSet, Subset
from data.printable import printable

__all__ = ["AlbumRecipe", "of_one_place", "train_album"]

_log = logging.getLogger(__name__)
_HELD_OUT: Final = 0.1  # share of the spots, where the prior names none
_MOST_HELD_OUT: Final = 2_048  # photos of each half that are asked for alone: 80 kB each on the shipped cells
_TOO_FEW: Final = 30  # albums on which temperature and dependency mean little


def train_album(
    out: Path,
    prior: PlanetPrior,
    photos: PhotoSet,
    albums: Sequence[Sequence[int]],
    *,
    recipe: AlbumRecipe | None = None,
    device: str = "cpu",
    workers: int = 0,
    licence: str = "not stated",
    trained_on: str = "",
) -> Path:
    """Train an LSTM and write it beside a copy of its prior.

    ``out`` gets the folder ``embeddings`` (kept for the next try) and the folder ``model``: the prior's files and the
    album's, as ``planet:out/model`` or ``whence weights add`` takes them.

    Args:
        out: Folder.
        prior: Whose embeddings are read.
        photos: Photos with coordinates.
        albums: For each album its photos by number, in order. Of those that are not of one place, and of photos that
            cannot be read, the log tells how many were left out.
        recipe: How it is learnt.
        device: What the embeddings are computed on; the LSTM is trained on the processor.
        workers: Processes that decode photos.
        licence: Of the weights.
        trained_on: What to say about the photos; the name of the set where it is empty.

    Returns:
        The folder of the weights.

    Raises:
        DatasetError: Fewer than two albums of several photos are left, or ``out`` cannot be written.
        WeightsError: ``out`` holds the embeddings of others, or the loss became no number.
    """
    recipe = recipe or AlbumRecipe()
    partition = prior.partition
    cells = partition.cells_of(photos.lat, photos.lon)
    together = [np.asarray(album, np.int64) for album in albums]
    near = [album for album in together if of_one_place(partition, cells[album])]
    if len(near) < len(together):
        _log.info("%d albums left out: not of one cell and its neighbours", len(together) - len(near))
    used = np.unique(np.concatenate([*near, np.empty(0, np.int64)]))
    if not len(used):
        raise DatasetError("no album of one place is left: see that album names belong to photos of one walk")
    some = Subset(photos, used)
    rows, read = embeddings_of(
        prior, some, out / "embeddings", device=device, workers=workers,
        done=lambda count: _log.info("%d of %d embeddings", count, len(used)),
    )  # fmt: skip
    if not read.all():
        _log.info("%d photos left out: they cannot be read", int((~read).sum()))
    at = np.full(len(photos), -1)
    at[used[read]] = np.flatnonzero(read)
    order = [at[album][at[album] >= 0] for album in near]
    share, priors = _shares(prior, photos, recipe)
    held_out, half = (held_out_mask(some.lat, some.lon, part) for part in (share, share / 2))
    side = held_out.astype(np.int64) + half
    parts = _divided(order, side)
    everything = Albums(rows, cells[used], unit_vectors(some.lat, some.lon).astype(np.float32), order)
    training, judged, fitted = (replace(everything, order=part) for part in parts)
    if len(training) < 2:
        raise DatasetError(
            f"{len(training)} albums of several photos are left to train on: give more, or hold out fewer"
        )
    seen = _seen_by_prior(some, [*judged.order, *fitted.order], priors)
    # What the prior says alone first: photos that have gone since their embeddings were computed are left out there.
    (judged, own_judged), (fitted, own_fitted) = (
        _with_own(prior, some, _first_of(albums), device, workers) for albums in (judged, fitted)
    )
    if min(len(judged), len(fitted)) < _TOO_FEW:
        _log.warning(
            "%d held-out albums to fit on and %d to measure on are too few to do either well", len(fitted), len(judged)
        )
    net = learn(training, fitted, partition, recipe)
    temperature, dependency = _fitted(net, partition, fitted, own_fitted)
    metrics = _measured(net, partition, judged, own_judged, temperature, dependency)
    _log.info(", ".join(f"{name} {value:.3f}" for name, value in metrics.items()))
    data = {
        "trained_on": printable(trained_on or photos.name), "albums": len(training),
        "photos": int(sum(map(len, training.order))), "held_out_share": share, "calibrated_on": len(fitted),
        "held_out_seen_by_prior": seen, "recipe": asdict(recipe), "torch": torch.__version__,
    }  # fmt: skip
    model = _copied(prior.folder, out / "model")
    write_album(
        model, net.state_dict(), config=net.config, temperature=temperature, dependency=dependency, data=data,
        metrics=metrics, licence=licence,
    )  # fmt: skip
    return model


def of_one_place(partition: Partition, cells: NDArray[np.int32]) -> bool:
    """Whether photos of ``cells`` (k,) make an album: all in the cell that most of them are in, or in cells next to it.

    >>> from data.partition import load_default
    >>> paris, lyon = load_default().cells_of([48.857, 45.76], [2.352, 4.84])
    >>> of_one_place(load_default(), np.array([paris, paris])), of_one_place(load_default(), np.array([paris, lyon]))
    (True, False)
    """
    if not len(cells):
        return False
    place = place_of(cells)
    others = np.unique(cells[cells != place])
    return not len(others) or bool(np.isin(others, partition.neighbours_of(place)).all())


def _shares(prior: PlanetPrior, photos: PhotoSet, recipe: AlbumRecipe) -> tuple[float, float | None]:
    """The share of spots to hold out, and that which the prior's training held out of ``photos``; None if unknown."""
    data = read_card(prior.folder).data
    said = data.get("recipe")
    share = finite(said.get("held_out")) if isinstance(said, dict) else None
    if share is not None and (not 0.0 <= share <= 1.0 or data.get("held_out_from") != printable(photos.name)):
        share = None
    # The name alone may be that of another set, or of one that was given as held out.
    if share is not None and int((~held_out_mask(photos.lat, photos.lon, share)).sum()) != data.get("photos"):
        share = None
    return (share or _HELD_OUT) if recipe.held_out is None else recipe.held_out, share


def _divided(order: Sequence[NDArray[np.int64]], side: NDArray[np.int64]) -> list[list[NDArray[np.int64]]]:
    """Albums to train on, to measure on and to fit on, as ``side`` (n,) of their photos says: 0, 1 or 2.

    An album is where its first photo is, and only its photos of that side are in it; those of one photo are left out.
    """
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    for album in order:
        if len(album):
            own = album[side[album] == side[album[0]]]
            if len(own) > 1:
                parts[int(side[album[0]])].append(own)
    return parts


def _seen_by_prior(photos: PhotoSet, held_out: Sequence[NDArray[np.int64]], share: float | None) -> int | None:
    """In how many held-out albums are photos that the prior was trained on, None if unknown; with a warning."""
    if share is None:
        if held_out:
            _log.warning(
                "the prior does not say that it was trained on these photos, nor which it left out: where it knows the "
                "held-out albums, figures on them flatter"
            )
        return None
    apart = held_out_mask(photos.lat, photos.lon, share)
    seen = sum(not apart[album].all() for album in held_out)
    if seen:
        _log.warning(
            "%d of %d held-out albums have photos that the prior was trained on: figures on them flatter", seen,
            len(held_out),
        )  # fmt: skip
    return seen


def _with_own(
    prior: PlanetPrior, photos: PhotoSet, albums: Albums, device: str, workers: int
) -> tuple[Albums, list[NDArray[np.float32]]]:
    """For each album the calibrated log-probabilities (k, n) of its photos alone; and the albums, of those photos.

    A photo that cannot be read any more is in neither, nor is an album of which one photo is left.
    """
    chosen = np.unique(np.concatenate([*albums.order, np.empty(0, np.int64)]))
    some = Subset(photos, chosen)
    rows, read = np.zeros((len(some), len(prior.partition)), np.float32), np.zeros(len(photos), bool)
    for batch in held_out_batches(some, prior.pixels, batch=8, workers=workers):
        if len(batch.indices):
            log_p = prior.log_posterior(batch.pixels.movedim(-3, -1).contiguous().numpy(), device=device)[0]
            scaled = log_p.astype(np.float64) / prior.temperature
            rows[batch.indices] = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
            read[chosen[batch.indices]] = True
    order = [left for album in albums.order if len(left := album[read[album]]) > 1]
    return replace(albums, order=order), [rows[np.searchsorted(chosen, album)] for album in order]


def _begun(albums: Albums) -> tuple[Albums, list[tuple[int, int]], NDArray[np.int32]]:
    """The albums and their first 2, 4, 8, ... photos; of each the album's number and how many; and the album's cell."""
    cuts = [(a, k) for a, photos in enumerate(albums.order) for k in sorted({*_beginnings(len(photos)), len(photos)})]
    places = albums.places[[a for a, _ in cuts]] if cuts else albums.places
    return replace(albums, order=[albums.order[a][:k] for a, k in cuts]), cuts, places


def _fitted(
    net: AlbumNet, partition: Partition, albums: Albums, own: Sequence[NDArray[np.float32]]
) -> tuple[float, float]:
    """The temperature and the dependency, fitted on the albums and their beginnings."""
    begun, cuts, places = _begun(albums)
    log_p0 = logs(DensityPrior(partition).distribution.p)
    return fit_temperature(album_log_ps(net, begun), places), fit_dependency(
        [own[a][:k] for a, k in cuts], log_p0, places
    )


def _measured(
    net: AlbumNet,
    partition: Partition,
    albums: Albums,
    own: Sequence[NDArray[np.float32]],
    temperature: float,
    dependency: float,
) -> dict[str, float]:
    """Figures of albums on which nothing was fitted.

    They are of the whole albums, and, of the LSTM and the product, of beginnings of each size of which there are
    enough: ``held_out_nll_lstm_4`` is of albums of 4 to 7 photos.
    """
    begun, cuts, places = _begun(albums)
    metrics = {"held_out_albums": float(len(own))}
    if not cuts:
        return metrics
    read = album_log_ps(net, begun)
    log_p0 = logs(DensityPrior(partition).distribution.p)
    product = np.stack([pooled(own[a][:k], log_p0, dependency) for a, k in cuts]).astype(np.float32)
    sizes = np.array([2 ** (k.bit_length() - 1) for _, k in cuts])
    of_whole = np.array([k == len(albums.order[a]) for a, k in cuts])
    named = {f"_{size}": sizes == size for size in np.unique(sizes).tolist() if (sizes == size).sum() >= _TOO_FEW}
    for suffix, some in {"": of_whole, **named}.items():
        metrics[f"held_out_nll_lstm{suffix}"] = mean_nll(read[some], places[some], temperature)
        metrics[f"held_out_nll_product{suffix}"] = mean_nll(product[some], places[some])
    mean = [averaged([CellDistribution.from_logits(partition, row) for row in log_p]).p for log_p in own]
    metrics["held_out_nll_average"] = mean_nll(np.log(np.maximum(np.stack(mean), 1e-30)), albums.places)
    metrics["held_out_nll_single"] = mean_nll(
        np.concatenate(own), np.repeat(albums.places, [len(log_p) for log_p in own])
    )
    return metrics


def _beginnings(photos: int) -> list[int]:
    """Sizes of the beginnings of an album that are albums too: 2, 4, 8, ..."""
    return [2**power for power in range(1, photos.bit_length()) if 2**power < photos]


def _first_of(albums: Albums) -> Albums:
    """Those whose photos are the first few thousand, in an order of chance: sets are often sorted."""
    mask, photos = np.zeros(len(albums), bool), 0
    for which in np.random.default_rng(0).permutation(len(albums)).tolist():
        if photos + len(albums.order[which]) <= _MOST_HELD_OUT:
            mask[which], photos = True, photos + len(albums.order[which])
    return albums.only(mask)


def _copied(source: Path, target: Path) -> Path:
    """The prior's files in ``target``, and no LSTM of before."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in (ALBUM_CARD_FILE, CARD_FILE, ALBUM_TENSORS_FILE, PARTITION_FILE):
            if not (target / name).exists() or not target.samefile(source):
                (target / name).unlink(missing_ok=True)
        if not target.samefile(source):
            for name in (TENSORS_FILE, PARTITION_FILE, CARD_FILE):
                if (source / name).exists():
                    shutil.copyfile(source / name, target / name)
    except OSError as error:
        raise DatasetError(f"cannot write {printable(str(target))}: {error.strerror or error}; make room") from error
    return target
