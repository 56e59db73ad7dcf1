"""Lines of ``whence weights list`` about the priors that are no PlaNet: the one that ships, and the user's mixtures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import WeightsError
from data.printable import encodable

__all__ = ["OwnPrior", "own_priors"]


@dataclass(frozen=True)
class OwnPrior:
    """A prior that is one file.

    Attributes:
        name: As ``--prior`` takes it.
        path: Of its file.
        shipped: Whether it came with whence.
        card: What it says of itself; None where that cannot be read.
        fault: What is wrong with it; empty where nothing is.
    """

    name: str
    path: Path
    shipped: bool
    card: Mapping[str, Any] | None
    fault: str = ""

    def row(self) -> dict[str, Any]:
        """For JSON, with the names that a model of PlaNet has."""
        folder = encodable(str(self.path.parent))
        card = None if self.card is None else dict(self.card)
        return {"name": self.name, "folder": folder, "shipped": self.shipped, "fault": self.fault or None, "card": card}


def own_priors() -> list[OwnPrior]:
    """The one that ships, then the user's mixtures by name; damaged mixtures are left out."""
    from dataclasses import asdict

    from backbone.mixture_card import installed_mixtures, mixture_path
    from backbone.pixels import SHIPPED_PATH, shipped_model

    try:
        card = asdict(shipped_model().card)
        found = [OwnPrior("pixels", SHIPPED_PATH, True, card | {"data": {"trained_on": card.pop("trained_on")}})]
    except WeightsError as error:
        found = [OwnPrior("pixels", SHIPPED_PATH, True, None, str(error))]
    return found + [
        OwnPrior(f"mixture:{name}", mixture_path(name), False, asdict(mixture))
        for name, mixture in installed_mixtures()
    ]
