"""Two runs on the same photos, paired: what one gains over the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.errors import RequestError
from data.printable import printable
from fusion.evaluation.figures import Figure, gains, with_intervals
from fusion.evaluation.rows import SYSTEMS
from fusion.evaluation.runs import PhotoColumns, Run

__all__ = ["Comparison", "compare", "paired"]


@dataclass(frozen=True)
class Comparison:
    """What one run's answers gain over another's on the photos that both have.

    Attributes:
        photos: How many that are.
        only_ours: Photos that only the first has.
        only_theirs: Photos that only the second has.
        ours: Figures of the first on them.
        theirs: Figures of the second.
        gain: Name of a figure to the difference and the ends of its paired 95 % interval; more is always better.
    """

    photos: int
    only_ours: int
    only_theirs: int
    ours: Mapping[str, Figure]
    theirs: Mapping[str, Figure]
    gain: Mapping[str, tuple[float, float, float]]


def compare(
    ours: Run, theirs: Run, *, prior: str | None = None, other_prior: str | None = None, system: str = "text"
) -> Comparison:
    """What ``ours`` gains over ``theirs``, paired by photo; intervals are drawn over places.

    Photos are paired by what is in them, so two copies of a set under other names compare; a photo that was resized or
    encoded anew is another one.

    Args:
        ours: A run.
        theirs: Another, or the same with another prior.
        prior: Of ``ours``; the first where none is named.
        other_prior: Of ``theirs``; the first where none is named.
        system: ``"text"`` for the answers with clues, ``"prior"`` for those of the visual prior alone.

    Raises:
        RequestError: There is no such prior or system, the runs share no photo, or their labels differ.
    """
    if system not in SYSTEMS:
        raise RequestError(f"unknown system {system!r}: choose one of {', '.join(SYSTEMS)}")
    a, b, only_ours, only_theirs = paired(ours, theirs, prior=prior, other_prior=other_prior)
    return Comparison(
        len(a),
        only_ours,
        only_theirs,
        with_intervals(a.systems[system], a.place, a.exact_km),
        with_intervals(b.systems[system], a.place, a.exact_km),
        gains(a.systems[system], b.systems[system], a.place, a.exact_km),
    )


def paired(
    ours: Run, theirs: Run, *, prior: str | None = None, other_prior: str | None = None
) -> tuple[PhotoColumns, PhotoColumns, int, int]:
    """The photos that both runs have, in one order, and how many only the first and only the second has.

    Args:
        ours: A run.
        theirs: Another.
        prior: Of ``ours``; the first where none is named.
        other_prior: Of ``theirs``; the first where none is named.

    Raises:
        RequestError: There is no such prior, the runs share no photo, or their labels differ.
    """
    a, b = ours.photos(prior), theirs.photos(other_prior)
    keys_a, keys_b = ([*zip(x.texts("sha256"), x.file, strict=True)] for x in (a, b))
    by_hash: dict[tuple[str, str], list[int]] = {}
    used: set[int] = set()
    for k, (sha, file) in enumerate(keys_b):
        by_hash.setdefault((sha, ""), []).append(k)
        by_hash.setdefault((sha, file), []).append(k)
    pairs = []
    for k, (sha, file) in enumerate(keys_a):
        # Of copies inside one set the one of the same name.
        found = [j for key in ((sha, file), (sha, "")) for j in by_hash.get(key, []) if sha and j not in used]
        if found:
            used.add(found[0])
            pairs.append((k, found[0]))
    if not pairs:
        raise RequestError(
            f"{printable(str(ours.folder))} and {printable(str(theirs.folder))} share no photo: compare runs on one set"
        )
    chosen_a, chosen_b = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    a, b = a.take(chosen_a), b.take(chosen_b)
    ours_at, theirs_at = (np.array([x.reals("true_lat"), x.reals("true_lon"), x.exact_km]) for x in (a, b))
    same = np.isclose(ours_at, theirs_at, rtol=0.0, atol=1e-6, equal_nan=True).all(axis=0)
    same &= np.array(a.texts("true_country")) == np.array(b.texts("true_country"))
    if not same.all():
        more = int((~same).sum()) - 1
        raise RequestError(
            f"the two runs have different labels for {printable(a.file[int(np.argmin(same))])}"
            f"{f' and {more:,} more' if more else ''}: evaluate both on the same labels"
        )
    return a, b, len(keys_a) - len(pairs), len(keys_b) - len(pairs)
