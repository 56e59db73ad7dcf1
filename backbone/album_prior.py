"""What a prior says about an album: the LSTM's answer where its weights stand beside the prior, else the product's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backbone.album_weights import AlbumCard, read_album_card, read_album_tensors
from backbone.albums import DEPENDENCY, inside_cells, multiplied
from backbone.base import Prior, PriorOutput
from backbone.density import DensityPrior
from backbone.gallery_refine import RefinedPrior
from backbone.planet import PlanetPrior
from data.distribution import CellDistribution
from data.errors import RequestError, WeightsError
from data.partition import Partition
from data.printable import printable

if TYPE_CHECKING:
    from backbone.album_net import AlbumNet

__all__ = ["AlbumPrior", "album_net"]


class AlbumPrior:
    """A prior over albums, made of a prior over photos.

    Args:
        prior: Over photos.

    Attributes:
        card: Of the LSTM beside it, or None.

    Raises:
        WeightsError: The LSTM beside it is damaged or belongs to another prior.
    """

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.card: AlbumCard | None = None
        self._folder = Path()
        planet = prior.prior if isinstance(prior, RefinedPrior) else prior
        if isinstance(planet, PlanetPrior):
            self._folder = planet.folder
            self.card = read_album_card(planet.folder, planet.card.sha256)
        self._net: AlbumNet | None = None

    @cached_property
    def base(self) -> CellDistribution:
        """The distribution before any photo is seen; for a prior that looks at no pixel, its own."""
        if isinstance(self.prior, DensityPrior):
            return self.prior.distribution
        return DensityPrior(self.prior.partition).distribution

    @property
    def dependency(self) -> float:
        """Of the discounted product: fitted on the prior's own held-out albums where there were any."""
        return DEPENDENCY if self.card is None else self.card.dependency

    def combine(self, outputs: Sequence[PriorOutput]) -> tuple[CellDistribution, str]:
        """The album's distribution from the prior's outputs for its photos, in order; and how it came about, in words.

        One photo keeps its distribution, the object itself. So does a prior that looks at no pixel.

        Raises:
            RequestError: There is no photo.
            WeightsError: The LSTM's weights are damaged or do not fit.
        """
        if not outputs:
            raise RequestError("an album without a photo says nothing: give at least one")
        photos = [output.distribution for output in outputs]
        if len(photos) == 1:
            return photos[0], "one photo"
        if not self.prior.card.visual:
            return photos[0], f"only their text and clues count: the prior {self.prior.name} looks at no pixel"
        product = f"product of {len(photos)} photos, dependency {self.dependency:.2g}"
        if self.card is not None and self.card.beats_product(len(photos)):
            return self._read(outputs), f"{self._name} over {len(photos)} photos"
        joint = multiplied(photos, self.base, self.dependency)
        if self.card is None:
            return joint, f"{product}; no LSTM weights for this prior"
        return joint, f"{product}; the {self._name} beside this prior did worse on held-out albums of this size"

    @property
    def _name(self) -> str:
        return "bidirectional LSTM" if self.card is not None and self.card.network.bidirectional else "LSTM"

    def _read(self, outputs: Sequence[PriorOutput]) -> CellDistribution:
        import torch

        from backbone.album_net import album_log_p

        card, features = self.card, [output.embedding for output in outputs]
        if card is None or any(one is None or one.shape != (card.network.features,) for one in features):
            raise WeightsError(
                f"the LSTM in {printable(str(self._folder))} does not fit the embeddings of its prior: train it again"
            )
        if self._net is None:
            self._net = album_net(self._folder, card, self.prior.partition)
        stacked = torch.from_numpy(np.stack([one for one in features if one is not None]))
        log_p = album_log_p(self._net, [stacked])[0].numpy()
        if not np.isfinite(log_p).all():
            raise WeightsError(f"the LSTM in {printable(str(self._folder))} gives no numbers: train it again")
        inside = inside_cells([output.distribution for output in outputs])
        return CellDistribution.from_logits(self.prior.partition, log_p.astype(np.float64) / card.temperature, inside)


def album_net(folder: Path, card: AlbumCard, partition: Partition) -> AlbumNet:
    """The network in ``folder`` that ``card`` describes, over the cells of ``partition``, in evaluation mode.

    Raises:
        WeightsError: The weights are damaged or do not fit the network.
    """
    import torch

    from backbone.album_net import AlbumNet

    tensors = {name: tensor.float() for name, tensor in read_album_tensors(folder, card).items()}
    with torch.device("meta"):  # the first weights need neither be made nor kept
        net = AlbumNet(card.network, len(partition))
    try:
        net.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        detail = printable(str(error).splitlines()[-1])[:200]
        raise WeightsError(
            f"the album's weights in {printable(str(folder))} do not fit the network that they describe ({detail}): "
            "train them again (`whence train album`)"
        ) from error
    return net.eval()
