"""What any prior does that sees photos, and one with damaged weights may not: tried on a photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior
from backbone.checked import Proof, Proven
from data.gazetteer import country_name

__all__ = ["proofs_of"]


def proofs_of(prior: Prior, photo: NDArray[np.uint8], *, device: str = "cpu") -> list[Proof]:
    """The prior's own proofs, where it has some, and what all priors have in common.

    Args:
        prior: What is tried.
        photo: (H, W, 3) uint8 RGB, with something to see in it.
        device: ``cpu``, ``cuda`` or ``cuda:NUMBER``.

    Raises:
        WeightsError: The weights give no numbers.
        RequestError: There is no such device.
    """
    found = prior.proofs(device=device) if isinstance(prior, Proven) else []
    grey = np.full_like(photo, 128)
    first, second, of_grey = (prior.predict([seen], device=device)[0].distribution for seen in (photo, photo, grey))
    same = bool(np.array_equal(first.p, second.p)) if device == "cpu" else bool(np.allclose(first.p, second.p))
    found.append(Proof("one photo twice", "the same answer" if same else "two answers", same))
    if prior.card.visual:
        moved = float(np.abs(first.p.astype(np.float64) - of_grey.p).sum()) / 2.0
        said = f"{moved:.1%} of the probability lies elsewhere than for a grey picture"
        found.append(Proof("what it sees matters", said, moved > 0.001))
    countries = list(first.countries().items())[:3]
    said = ", ".join(f"{country_name(code) or code} {p:.0%}" for code, p in countries)
    return [*found, Proof("the sample photo", said)]
