"""A mixture of priors as a prior: its members are asked, and what they say is pooled by weights that were fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior, PriorCard, PriorOutput, temperature_of
from backbone.mixture_card import MixtureCard, MixtureMember, read_mixture
from backbone.mixture_pool import Pool, log_rows
from backbone.scenes import SCENES, SceneModel, make_scene_model
from data.distribution import CellDistribution
from data.errors import WeightsError
from data.in_cell import InCell, averaged_in_cell
from data.partition import Partition, load_default
from data.printable import printable
from data.rebin import rebinned

__all__ = ["MixturePrior", "described", "require_unchanged"]

Floats = NDArray[np.float64]


class MixturePrior:
    """Priors mixed by weights that ``whence train mixture`` fitted, over the cells that ship.

    The file is read and checked now. Members are made when the first photo comes, only those that have any weight, and
    must be what they were when the weights were fitted. A prior belongs to one thread at a time, as ``Locator`` uses
    it.

    Args:
        path: Of the file, or of a folder with a ``mixture.json``.
        offline: Passed on to the members.
        make: Makes a member of its name; None for ``backbone.priors.make_prior``.

    Raises:
        WeightsError: There is no sound mixture.
    """

    def __init__(self, path: str | Path, *, offline: bool = False, make: Callable[[str], Prior] | None = None) -> None:
        self._mixture, self._sha256 = read_mixture(path)
        self._pool = self._mixture.pool()
        self._offline = offline
        self._make = make
        self._made: dict[int, Prior] = {}
        self._scenes: SceneModel | None = None

    @property
    def name(self) -> str:
        """``mixture:`` and its name."""
        return f"mixture:{self._mixture.name}"

    @property
    def partition(self) -> Partition:
        """The cells that ship: what members say about others is moved there."""
        return load_default()

    @property
    def card(self) -> PriorCard:
        """What it is made of, and what it was worth out of fold on the photos that it was fitted on."""
        card = self._mixture
        return PriorCard(
            summary=described(card),
            visual=bool(card.gate) or any(card.members[k].visual for k in self._asked()),
            trained_on=f"weights fitted on {card.data.get('photos', 'some')} photos of "
            f"{card.data.get('photos_of', 'a set that is not named')}; for its members see their own cards",
            licence=card.licence,
            accuracy=dict(card.metrics),
            sha256=self._sha256,
        )

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """One output per image (H, W, 3) uint8 RGB, in order; each member is asked once for all.

        ``embedding`` is that of the first member that gives one, ``scene`` what the weights were chosen by, or that of
        the first member that gives one. Where all weight is on one member it is that member's output.

        Raises:
            WeightsError: A member cannot be made, or has changed since the weights were fitted.
            OfflineError: A member must be fetched, and the network is forbidden.
        """
        if not images:
            return []
        asked = self._asked()
        said = {k: self._member(k).predict(images, device=device) for k in asked}
        scenes = self._scenes_of(images, said, device)
        return [self._mixed({k: said[k][i] for k in asked}, scenes[i]) for i in range(len(images))]

    def _mixed(self, said: Mapping[int, PriorOutput], scene: Mapping[str, float] | None) -> PriorOutput:
        there = {k: rebinned(output.distribution, self.partition) for k, output in said.items()}
        embedding = next((output.embedding for output in said.values() if output.embedding is not None), None)
        shown = scene or next((output.scene for output in said.values() if output.scene is not None), None)
        if self._pool.only is not None:
            return PriorOutput(there[self._pool.only], shown, embedding)
        known = None if scene is None else np.array([[scene[name] for name in SCENES]])
        weights = self._pool.of_scenes(None if known is None else known / known.sum(), 1)[0]
        part = Pool(self._pool.kind, weights[None, list(there)], self._pool.temperature)
        # One photo at a time, so that no answer depends on its neighbours in the batch.
        log_p = part.log_p([log_rows(distribution.p)[None] for distribution in there.values()])[0]
        narrowed = _narrowed(list(there.values()), weights[list(there)])
        return PriorOutput(CellDistribution.from_logits(self.partition, log_p, narrowed), shown, embedding)

    def _asked(self) -> list[int]:
        """The members that have weight, and the one that the scene comes from."""
        used = self._pool.weights.max(axis=0) > 0.0
        return [
            k for k, member in enumerate(self._mixture.members) if used[k] or self._mixture.gate == _gate_of(member)
        ]

    def _member(self, k: int) -> Prior:
        if k not in self._made:
            from backbone.priors import make_prior  # which knows this module

            member = self._mixture.members[k]
            made = make_prior(member.name, offline=self._offline) if self._make is None else self._make(member.name)
            require_unchanged(self.name, member, made)
            self._made[k] = made
        return self._made[k]

    def _scenes_of(
        self, images: Sequence[NDArray[np.uint8]], said: Mapping[int, list[PriorOutput]], device: str
    ) -> Sequence[Mapping[str, float] | None]:
        gate = self._mixture.gate
        if not gate:
            return [None] * len(images)
        source = next((k for k, member in enumerate(self._mixture.members) if gate == _gate_of(member)), None)
        if source is None:
            self._scenes = self._scenes or make_scene_model(gate, offline=self._offline)
            if self._scenes is None:
                raise WeightsError(f"{self.name} is gated by the scene model {printable(gate)}, which is none")
            return self._scenes.predict(images, device=device)
        found = [output.scene for output in said[source]]
        if any(scene is None or set(scene) != set(SCENES) for scene in found):
            raise WeightsError(
                f"{self.name} is gated by the scenes of {printable(gate.partition(':')[2])}, which gives none: fit it "
                "again (`whence train mixture`)"
            )
        return found


def described(card: MixtureCard) -> str:
    """What a mixture is, in one sentence."""
    pool = card.pool()
    if pool.only is not None:
        return f"{printable(card.members[pool.only].name)} alone, which no mixture with the others was better than"
    parts = []
    for k, member in enumerate(card.members):
        low, high = pool.weights[:, k].min(), pool.weights[:, k].max()
        parts.append(f"{printable(member.name)} ({low:.2f}{f' to {high:.2f}' if high - low > 0.005 else ''})")
    gate = f", weights by scene ({printable(card.gate)})" if card.gate else ""
    return f"{card.kind} pool of {', '.join(parts)}{gate}"


def require_unchanged(name: str, member: MixtureMember, made: Prior) -> None:
    """Check that ``made`` is the member that the weights of the mixture called ``name`` were fitted for.

    Raises:
        WeightsError: It has other weights, other cells or another temperature.
    """
    now = made.card.sha256, made.partition.hash, temperature_of(made)
    if now != (member.sha256, member.partition_hash, member.temperature):
        raise WeightsError(
            f"{printable(member.name)} has changed since the weights of {printable(name)} were fitted: fit it again "
            "(`whence train mixture`)"
        )


def _gate_of(member: MixtureMember) -> str:
    return f"member:{member.name}"


def _narrowed(said: Sequence[CellDistribution], weights: Floats) -> InCell | None:
    """Where the mass lies inside the cells: of the members, each by its share of a cell's mass.

    Mean and spread of their own Gaussians, and all their spots.
    """
    if all(distribution.in_cell is None for distribution in said):
        return None
    share = np.stack([w * distribution.p.astype(np.float64) for w, distribution in zip(weights, said, strict=True)])
    share = np.where(share.sum(axis=0) > 0, share, weights[:, None])
    share /= share.sum(axis=0)
    return averaged_in_cell([each.inside for each in said], share)
