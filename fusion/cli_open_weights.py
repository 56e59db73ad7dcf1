"""Lines of ``whence weights list`` about CLIP's weights, which are others' and lie in the Hugging Face hub's cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.printable import encodable, printable

__all__ = ["OpenWeights", "open_weights"]


@dataclass(frozen=True)
class OpenWeights:
    """Weights of CLIP that can be asked for by name.

    Attributes:
        name: As ``--prior`` takes it.
        path: Of their file; None where they are fetched when they are asked for.
        trained_on: What they were trained on.
        licence: Theirs.
    """

    name: str
    path: Path | None
    trained_on: str
    licence: str

    def row(self) -> dict[str, Any]:
        """For JSON, with the names that a model of our own has."""
        folder = None if self.path is None else encodable(str(self.path.parent))
        card = {"data": {"trained_on": self.trained_on}, "licence": self.licence}
        return {"name": self.name, "folder": folder, "shipped": False, "fault": None, "card": card}

    def described(self) -> str:
        """For a person."""
        where = "not on this machine: fetched when it is asked for" if self.path is None else str(self.path)
        lines = {"file": where, "trained on": self.trained_on, "licence": self.licence}
        return printable(self.name) + "".join(f"\n  {label:<11}{printable(text)}" for label, text in lines.items())


def open_weights(*, fetchable: bool) -> list[OpenWeights]:
    """Those that we know and that are on this machine; ``fetchable``: the others too."""
    from backbone.clip_licences import STREETCLIP, data_of, licence_of
    from backbone.clip_network import KNOWN, cached_weights

    found = [(name, cached_weights(name)) for name in (*KNOWN, STREETCLIP)]
    return [
        OpenWeights(f"clip:{name}", path, data_of(name), licence_of(name))
        for name, path in found
        if fetchable or path is not None
    ]
