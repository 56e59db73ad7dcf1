"""How an album's LSTM is learnt from embeddings: windows of albums, early stopping on albums that were held out.

At each pass every album gives one window of its photos, of a length drawn from 1 up to its own (24 at most), so that
one network serves short albums and long ones; each photo's own cell is the target at that photo, as in PlaNet (Weyand,
Kostrikov, Philbin 2016, section 4).
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from backbone.album_net import AlbumNet, album_log_p
from backbone.album_weights import AlbumConfig
from backbone.calibrate import fit_temperature, mean_nll
from backbone.hierarchy import class_prior, haversine_targets
from data.errors import RequestError, WeightsError
from data.partition import Partition

__all__ = ["AlbumRecipe", "Albums", "album_log_ps", "learn", "place_of"]

_log = logging.getLogger(__name__)
_LONGEST: Final = 24  # photos of a window; PlaNet's sequences have 24 or 25
_AT_ONCE: Final = 1_024  # photos of albums whose answers are computed together, or one album
_CLIP: Final = 1.0  # largest norm of a step's gradient


@dataclass(frozen=True, slots=True)
class AlbumRecipe:
    """How it is learnt; with the embeddings it fixes the result.

    Attributes:
        hidden: Units of the LSTM, in each direction.
        bidirectional: Whether it also reads the album from its end.
        dropout: Share of the LSTM's outputs that are left out in training.
        epochs: Most passes over the albums.
        patience: Passes without a better likelihood of the held-out albums after which it stops.
        batch: Albums in a step.
        rate: Highest learning rate of AdamW; it falls by a cosine over ``epochs``.
        weight_decay: AdamW's.
        smoothing_km: ``tau`` of haversine-smoothed labels (PIGEON: 75); 0 for plain cross-entropy.
        shuffled: Draw a new order of each album's photos at each pass, where their order means nothing.
        held_out: Share of the places whose photos are not trained on; None for what was held out from the training of
            the prior beneath, where that was of the same photos, else a tenth.
        seed: Source of chance.

    Raises:
        RequestError: A value is none of these.
    """

    hidden: int = 256
    bidirectional: bool = False
    dropout: float = 0.2
    epochs: int = 60
    patience: int = 6
    batch: int = 64
    rate: float = 3e-3
    weight_decay: float = 0.05
    smoothing_km: float = 0.0
    shuffled: bool = False
    held_out: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("hidden", 1, 65_536), ("dropout", 0, 0.95), ("epochs", 1, 1e5), ("patience", 1, 1e5), ("batch", 1, 1e6),
            ("rate", 1e-9, 10), ("weight_decay", 0, 10), ("smoothing_km", 0, 20_000), ("held_out", 0, 0.9),
            ("seed", 0, 2**31),
        ):  # fmt: skip
            value = getattr(self, name)
            if name == "held_out" and value is None:
                continue
            if not least <= value <= most:
                raise RequestError(f"{name.replace('_', ' ')} must be from {least:g} to {most:g}, not {value}")


@dataclass(frozen=True, eq=False)
class Albums:
    """Albums as the network sees them.

    Attributes:
        embeddings: (n, d) float32 of photos.
        cells: (n,) the cell of each photo.
        points: (n, 3) float32 unit vectors of where each was taken.
        order: For each album its photos, as indices into these, in order; at least one.
    """

    embeddings: NDArray[np.float32]
    cells: NDArray[np.int32]
    points: NDArray[np.float32]
    order: Sequence[NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def places(self) -> NDArray[np.int32]:
        """(m,) the cell of each album: that of most of its photos, of the earliest where several have as many."""
        return np.array([place_of(self.cells[photos]) for photos in self.order], np.int32)

    def only(self, mask: NDArray[np.bool_]) -> Albums:
        """Those of the albums that ``mask`` (m,) names."""
        order = [album for album, chosen in zip(self.order, mask.tolist(), strict=True) if chosen]
        return Albums(self.embeddings, self.cells, self.points, order)


def learn(
    training: Albums,
    held_out: Albums,
    partition: Partition,
    recipe: AlbumRecipe,
    *,
    on_pass: Callable[[int, float, float], None] = lambda epoch, loss, nll: None,
) -> AlbumNet:
    """The network as it was after the pass that made the held-out albums likeliest, in evaluation mode.

    Without held-out albums, as it is after all passes.

    Args:
        training: What is learnt from.
        held_out: What decides when to stop.
        partition: The cells.
        recipe: How.
        on_pass: Called after each pass with its number, its mean loss and the held-out albums' negative log-likelihood
            at the temperature that suits them (NaN without any), both in nats.

    Raises:
        WeightsError: The loss is no number any more.
    """
    torch.manual_seed(recipe.seed)
    config = AlbumConfig(training.embeddings.shape[1], recipe.hidden, recipe.bidirectional, recipe.dropout)
    net = AlbumNet(config, len(partition))
    seen = training.embeddings[np.concatenate(training.order)]
    net.mean.copy_(torch.from_numpy(seen.mean(axis=0)))
    net.scale.copy_(torch.from_numpy(np.maximum(seen.std(axis=0), 1e-6)))
    prior = class_prior(partition, training.cells[np.concatenate(training.order)])
    with torch.no_grad():
        net.head.bias.copy_(torch.from_numpy(prior).clamp_min(1e-12).log())
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=recipe.rate,
    )
    per_pass = math.ceil(len(training) / recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs * per_pass)
    centres = torch.from_numpy(partition.vectors.astype(np.float32))
    best, best_state, since = math.inf, copy.deepcopy(net.state_dict()), 0
    for epoch in range(recipe.epochs):
        net.train()
        torch.manual_seed(int(np.random.SeedSequence((recipe.seed, epoch)).generate_state(1)[0]))
        loss = 0.0
        for embeddings, lengths, photos in _windows(training, recipe, epoch):
            targets = torch.from_numpy(training.cells[photos].astype(np.int64))
            if recipe.smoothing_km:
                targets = haversine_targets(torch.from_numpy(training.points[photos]), centres, recipe.smoothing_km)
            inside = torch.arange(embeddings.shape[1]) < lengths[:, None]
            step_loss = functional.cross_entropy(net(embeddings, lengths)[inside], targets)
            optimiser.zero_grad(set_to_none=True)
            step_loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), _CLIP)
            optimiser.step()
            schedule.step()
            loss += float(step_loss.detach()) / per_pass
        if not math.isfinite(loss):
            raise WeightsError(f"the loss is no number any more at pass {epoch + 1}: begin anew with a lower rate")
        nll = math.nan
        if len(held_out):
            log_p = album_log_ps(net.eval(), held_out)
            nll = mean_nll(log_p, held_out.places, fit_temperature(log_p, held_out.places))
        _log.info("pass %d of at most %d: loss %.3f, held-out albums %.3f nats", epoch + 1, recipe.epochs, loss, nll)
        on_pass(epoch, loss, nll)
        since += 1
        if nll < best or math.isnan(nll):
            best, best_state, since = nll, copy.deepcopy(net.state_dict()), 0
        if since >= recipe.patience:
            break
    net.load_state_dict(best_state)
    return net.eval()


def album_log_ps(net: AlbumNet, albums: Albums) -> NDArray[np.float32]:
    """What ``net`` says about each album: (m, n) log-probabilities, not yet calibrated."""
    found = np.empty((len(albums), net.head.out_features), np.float32)
    for chosen in _together([len(photos) for photos in albums.order]):
        some = [torch.from_numpy(albums.embeddings[albums.order[which]]) for which in chosen]
        found[chosen] = album_log_p(net, some).numpy()
    return found


def _together(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Albums by number in batches of about as long ones, each padded to no more than ``_AT_ONCE`` photos, or alone."""
    chosen: list[int] = []
    for which in sorted(range(len(lengths)), key=lambda which: lengths[which]):
        if chosen and (len(chosen) + 1) * lengths[which] > _AT_ONCE:
            yield chosen
            chosen = []
        chosen.append(which)
    if chosen:
        yield chosen


def place_of(cells: NDArray[np.int32]) -> int:
    """The cell that most of ``cells`` (k,) are; of several, the one that comes first."""
    found, first, counts = np.unique(cells, return_index=True, return_counts=True)
    return int(found[np.lexsort((first, -counts))[0]])


def _windows(albums: Albums, recipe: AlbumRecipe, epoch: int) -> Iterator[tuple[Tensor, Tensor, NDArray[np.int64]]]:
    """Embeddings (b, k, d), lengths (b,) and photos in order, of all albums once: a window of each."""
    rng = np.random.default_rng((recipe.seed, epoch))
    ways = rng.permutation(len(albums))
    for start in range(0, len(ways), recipe.batch):
        chosen = []
        for which in ways[start : start + recipe.batch].tolist():
            photos = albums.order[which]
            length = int(rng.integers(1, min(len(photos), _LONGEST), endpoint=True))
            begin = int(rng.integers(0, len(photos) - length, endpoint=True))
            chosen.append(rng.permutation(photos)[:length] if recipe.shuffled else photos[begin : begin + length])
        lengths = torch.tensor([len(photos) for photos in chosen])
        padded = np.zeros((len(chosen), int(lengths.max()), albums.embeddings.shape[1]), np.float32)
        for row, photos in zip(padded, chosen, strict=True):
            row[: len(photos)] = albums.embeddings[photos]
        yield torch.from_numpy(padded), lengths, np.concatenate(chosen)
