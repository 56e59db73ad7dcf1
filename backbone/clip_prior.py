"""Where a photo was taken by CLIP, zero-shot: how near it is to the names of countries, regions and cities.

The sentences are in :mod:`backbone.clip_places`, the equation is in :mod:`backbone.clip_cells`. Radford et al. (2021)
asked CLIP for countries (Country211); asking for the country first and for its cities afterwards is from StreetCLIP
(Haas, Alberti, Skreta 2023).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.checked import Proof, read_check
from backbone.clip_cells import Evidence, PlaceTree
from backbone.clip_licences import data_of, licence_of
from backbone.clip_network import DEFAULT, ClipNetwork, load_network
from backbone.clip_places import COUNTRY_FORMS, named_places
from backbone.clip_scenes import ClipScenes
from backbone.clip_texts import default_folder, image_embeddings, text_embeddings
from backbone.devices import check_device
from data.distribution import CellDistribution
from data.errors import RequestError, WeightsError
from data.gazetteer import load_default as load_gazetteer
from data.partition import Partition, load_default

if TYPE_CHECKING:
    from backbone.clip_places import NamedPlaces

__all__ = ["UNFITTED", "ClipPrior"]

UNFITTED: Final = 2.0
"""The temperature where none was fitted: chosen to be cautious, without true weights to fit it on.

At 1 the probabilities are as sure as CLIP's own scale makes them, about right for objects (Minderer et al. 2021);
places are told apart less well, and the same photo is asked three times, for its country, region and city.
"""

_CAPITALS: Final = (
    ("Madrid", "ES"), ("Paris", "FR"), ("Berlin", "DE"), ("Rome", "IT"), ("Lisbon", "PT"), ("Athens", "GR"),
    ("Warsaw", "PL"), ("Vienna", "AT"), ("Stockholm", "SE"), ("Moscow", "RU"), ("Kyiv", "UA"), ("Ankara", "TR"),
    ("Cairo", "EG"), ("Nairobi", "KE"), ("Tokyo", "JP"), ("Seoul", "KR"), ("Beijing", "CN"), ("Hanoi", "VN"),
    ("Bangkok", "TH"), ("New Delhi", "IN"), ("Canberra", "AU"), ("Ottawa", "CA"), ("Lima", "PE"), ("Santiago", "CL"),
)  # fmt: skip


class ClipPrior:
    """A prior that asks CLIP for the names of places; its network is loaded now, the names are read once and kept.

    A prior belongs to one thread at a time, as ``Locator`` uses it.

    Args:
        name: ``MODEL/PRETRAINED`` of open_clip, or ``hf-hub:OWNER/NAME``.
        network: A network that is loaded already, instead.
        partition: The cells; None for the shipped ones.
        temperature: What similarities are divided by; None for the one that ``whence weights check`` fitted and kept
            for these weights, and where there is none for :data:`UNFITTED`.
        neutral: Photos (H, W, 3) uint8 RGB from all over the world. Some names are near to every photo; the mean
            similarity of a name with these photos is subtracted where there are any (Zhao et al. 2021, who calibrate a
            language model so). None are shipped, and what it gains was not measured.
        offline: Open no connection.
        folder: Where text embeddings are kept; None for :func:`backbone.clip_texts.default_folder`.

    Raises:
        RequestError: open_clip knows no such model or weights, or the temperature is not above 0.
        OfflineError: The weights are not on this machine and the network is forbidden.
        WeightsError: They cannot be fetched, are damaged, or are of a kind that cannot be read.
    """

    def __init__(
        self,
        name: str = DEFAULT,
        *,
        network: ClipNetwork | None = None,
        partition: Partition | None = None,
        temperature: float | None = None,
        neutral: Sequence[NDArray[np.uint8]] = (),
        offline: bool = False,
        folder: Path | None = None,
    ) -> None:
        self._network = load_network(name, offline=offline) if network is None else network
        self._partition = load_default() if partition is None else partition
        self._check = (
            read_check(self.name, self._network.sha256, partition_hash=self._partition.hash)
            if temperature is None and self._network.sha256 and not len(neutral)
            else None
        )
        fitted = UNFITTED if self._check is None else self._check.temperature
        self._temperature = _checked(fitted if temperature is None else temperature)
        self._asked = _Asked(self._network, self._partition, default_folder() if folder is None else folder, neutral)

    @property
    def name(self) -> str:
        """``clip:`` and the name of the network."""
        return f"clip:{self._network.name}"

    @property
    def partition(self) -> Partition:
        """The cells it speaks about."""
        return self._partition

    @property
    def temperature(self) -> float:
        """What similarities are divided by."""
        return self._temperature

    @property
    def card(self) -> PriorCard:
        """What it is, whose the weights are, and what a kept check has measured."""
        fitted = "temperature not fitted" if self._check is None else f"temperature fitted on {self._check.photos}"
        return PriorCard(
            summary=f"CLIP ({self._network.name}) asked for the names of countries, regions and cities; {fitted}",
            visual=True,
            trained_on=f"{data_of(self._network.name)}; names of GeoNames (CC BY 4.0)",
            licence=licence_of(self._network.name),
            accuracy={} if self._check is None else dict(self._check.figures),
            sha256=self._network.sha256,
        )

    def at_temperature(self, temperature: float) -> ClipPrior:
        """The same prior, with the same network and names, at another temperature; what was measured is not said.

        Raises:
            RequestError: It is not a finite number above 0.
        """
        other = copy.copy(self)
        other._temperature, other._check = _checked(temperature), None
        return other

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """One output per image (H, W, 3) uint8 RGB, in order.

        ``embedding`` is CLIP's of the photo (d,), of length 1; ``scene`` is what :class:`ClipScenes` makes of it.
        On a processor each photo is seen by itself, so that its answer does not depend on its neighbours in the batch.

        Raises:
            RequestError: There is no such device.
            WeightsError: The weights give no numbers.
        """
        if not len(images):
            return []
        seen = self.scores(images, device=device)
        scenes = self._asked.scenes.scenes_of(seen, device=device)
        return [
            PriorOutput(CellDistribution.from_logits(self._partition, self._log_p(row)), scene=scene, embedding=row)
            for row, scene in zip(seen, scenes, strict=True)
        ]

    def scores(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        """CLIP's unit embeddings (b, d) of ``images``, from which :meth:`log_p` goes on."""
        check_device(device)
        seen = image_embeddings(self._network, images, device=device)
        self._asked.read(device)
        return seen

    def log_p(self, scores: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
        """Log-probabilities (n,) of the cells for the photo with this embedding (d,), at ``temperature``."""
        return self._log_p(scores, temperature).astype(np.float32)

    def evidence(self, embedding: NDArray[np.float32]) -> Evidence:
        """Scaled similarities of the photo with this unit embedding (d,) to the names of countries, regions, cities.

        Raises:
            WeightsError: The weights give no numbers.
        """
        return self._asked.evidence(embedding)

    @property
    def tree(self) -> PlaceTree:
        """What makes cells of that evidence."""
        return self._asked.tree

    def proofs(self, *, device: str = "cpu") -> list[Proof]:
        """What true weights do and random ones do not: a learnt scale, and capitals near to their countries."""
        countries, _, _ = self._asked.read(device)
        codes = self._partition.country_codes
        asked = [(city, code) for city, code in _CAPITALS if code in codes]
        proofs = [
            Proof(
                "the scale of similarities, which begins at 14 and is learnt up to 100",
                f"{self._network.logit_scale:.1f}",
                self._network.logit_scale > 20.0,
            )
        ]
        if asked:
            sentences = [[form.format(city) for form in COUNTRY_FORMS] for city, _ in asked]
            cities = text_embeddings(self._network, sentences, folder=None, device=device)
            nearest = (cities @ countries.T).argmax(axis=1)
            right = sum(codes[k] == code for k, (_, code) in zip(nearest.tolist(), asked, strict=True))
            said = f"{right} of {len(asked)}"
            proofs.append(Proof("capitals whose name is nearest to their country's", said, 2 * right >= len(asked)))
        return proofs

    def _log_p(self, embedding: NDArray[np.float32], temperature: float | None = None) -> NDArray[np.float64]:
        t = self._temperature if temperature is None else _checked(temperature)
        return self._asked.tree.log_p(self._asked.evidence(embedding), t)


class _Asked:
    """A network and the names it is asked for: shared by one prior at several temperatures."""

    def __init__(
        self,
        network: ClipNetwork,
        partition: Partition,
        folder: Path | None,
        neutral: Sequence[NDArray[np.uint8]],
    ) -> None:
        self._network, self._partition, self._folder, self._neutral = network, partition, folder, neutral
        self.scenes = ClipScenes(network=network, folder=folder)
        self._texts: tuple[NDArray[np.float32], ...] = ()
        self._usual: tuple[NDArray[np.float64], ...] = ()

    @cached_property
    def places(self) -> NamedPlaces:
        return named_places(self._partition, load_gazetteer())

    @cached_property
    def tree(self) -> PlaceTree:
        return PlaceTree(self._partition, self.places)

    def read(self, device: str) -> tuple[NDArray[np.float32], ...]:
        """Unit embeddings (things, d) of the names of countries, regions and cities."""
        if not self._texts:
            places = self.places
            every = (places.country_sentences(), places.region_sentences(), places.city_sentences())
            self._texts = tuple(
                text_embeddings(self._network, sentences, folder=self._folder, device=device) for sentences in every
            )
            if len(self._neutral):
                mean = image_embeddings(self._network, self._neutral, device=device).mean(axis=0, dtype=np.float64)
                self._usual = tuple(_similar(texts, mean) for texts in self._texts)
        return self._texts

    def evidence(self, embedding: ArrayLike) -> Evidence:
        near = [_similar(texts, embedding) for texts in self.read("cpu")]
        if self._usual:
            near = [values - usual for values, usual in zip(near, self._usual, strict=True)]
        countries, regions, cities = (self._network.logit_scale * values for values in near)
        if not all(np.isfinite(values).all() for values in (countries, regions, cities)):
            raise WeightsError(
                f"the weights of clip:{self._network.name} give no numbers: delete them and fetch them again"
            )
        return Evidence(countries, regions, cities)


def _similar(texts: NDArray[np.float32], embedding: ArrayLike) -> NDArray[np.float64]:
    """Cosines (things,) of the names with one photo: by itself, so that its neighbours do not matter."""
    if not len(texts):
        return np.zeros(0)
    return (texts @ np.asarray(embedding, np.float32)).astype(np.float64)


def _checked(temperature: float) -> float:
    if not (math.isfinite(temperature) and temperature > 0.0):
        raise RequestError(f"a temperature is a finite number above 0, not {temperature}")
    return float(temperature)
