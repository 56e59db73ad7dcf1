"""Tables of words with the countries whose signs show them, as arrays over countries.

A table's row gives, out of a thousand signs of one sort (street names, institutions), how many bear the row's words:
for a language, or for a country in place of its languages. What a language's signs say counts in a country by the
language's share of the country's own signs, foreign text left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import DatasetError
from detectors.territories import photo_shares, sign_languages

__all__ = [
    "FOREIGN", "TableRow", "countries", "country_evidence", "country_weights", "nats_told", "rows_of", "shares_vector",
]  # fmt: skip

FOREIGN = 0.02
"""Of the strings of one sort on a country's signs, this share belongs to other countries, as the world's photos are."""

# Where counts of speakers with an official standing in some region mislead about the whole country's streets.
_MISCOUNTED = {("fr", "IT"): 0.01, ("de", "DK"): 0.005, ("de", "PL"): 0.005, ("es", "PY"): 0.9, ("es", "BO"): 0.9}


@dataclass(frozen=True)
class TableRow:
    """One line of a table.

    Attributes:
        words: As written in the table.
        where: The second column.
        chance: How often a photo with text shows it for another reason.
        shares: (C,) P(one of the words | a sign of that sort in the country), by ``countries()``.
    """

    words: tuple[str, ...]
    where: str
    chance: float
    shares: NDArray[np.float64]


@lru_cache(maxsize=1)
def countries() -> tuple[str, ...]:
    """Codes of all countries, in the order of every vector here."""
    return tuple(sorted(photo_shares()))


@lru_cache(maxsize=1)
def country_weights() -> NDArray[np.float64]:
    """(C,) share of the world's photos."""
    shares = photo_shares()
    return np.array([shares[c] for c in countries()])


@lru_cache(maxsize=1)
def _own_languages() -> dict[str, NDArray[np.float64]]:
    """For each language (C,) its share of the countries' own signs."""
    signs = sign_languages()
    floor: dict[str, float] = {}
    for code in {k for shares in signs.values() for k in shares}:
        # Foreign text is the same everywhere, and every language is foreign somewhere.
        floor[code] = min(shares.get(code, 0.0) for shares in signs.values())
    kept = 1.0 - sum(floor.values())

    def share(code: str, country: str) -> float:
        counted = max(signs[country].get(code, 0.0) - floor[code], 0.0) / kept
        return _MISCOUNTED.get((code, country), counted)

    return {code: np.array([share(code, c) for c in countries()]) for code in floor}


def shares_vector(weights: Mapping[str, float]) -> NDArray[np.float64]:
    """(C,) shares from shares by language (small letters) or country (capitals), a country's own taking precedence.

    Raises:
        ValueError: A key is neither.
    """
    out = np.zeros(len(countries()))
    index = {c: i for i, c in enumerate(countries())}
    own = _own_languages()
    for key, value in weights.items():
        if key.isupper() and key not in index:
            raise ValueError(f"no country has the code {key!r}")
        if not key.isupper() and key not in own:
            raise ValueError(f"no country's signs are known to be in the language {key!r}")
        if not key.isupper():
            out += value * own[key]
    for key, value in weights.items():
        if key.isupper():
            out[index[key]] = value
    return out


def rows_of(path: Path, sha256: str) -> Iterator[TableRow]:
    """The rows of a table: words, a letter, a power of ten, and shares in thousandths, tabs between.

    Raises:
        DatasetError: The file is missing, changed or damaged.
    """
    for number, line in enumerate(read_asset(path, sha256).decode("utf-8").splitlines(), 1):
        if not line or line.startswith("# "):
            continue
        try:
            words, where, power, shares = line.split("\t")
            pairs = (item.split(":") for item in shares.split())
            vector = shares_vector({key: float(value) / 1000.0 for key, value in pairs})
            # A regular expression has commas of its own.
            names = (words,) if where == "r" else tuple(w.strip() for w in words.split(","))
            yield TableRow(names, where, 10.0 ** float(power), vector)
        except ValueError as error:
            raise DatasetError(f"{path}, line {number}: {error}: reinstall whence") from error


def country_evidence(rates: NDArray[np.float64], chance: float) -> tuple[float, dict[str, float]]:
    """Log-likelihood ratios elsewhere and by country, from ``rates`` (C,): P(string | a photo with text in it).

    ``(rate + d) / (W + d)`` with ``W`` the mean of ``rates`` over the world's photos and ``d = FOREIGN W + chance``,
    how often the string stands there for another reason. Countries that it does not tell from elsewhere are left out.
    """
    world = float(rates @ country_weights())
    other = FOREIGN * world + chance
    base = math.log(world + other)
    values = np.log(rates + other) - base
    elsewhere = math.log(other) - base
    return elsewhere, {c: float(v) for c, v in zip(countries(), values, strict=True) if v > elsewhere + 0.01}


def nats_told(elsewhere: float, by_country: Mapping[str, float]) -> float:
    """How far evidence alone moves the countries from their shares of the world's photos (Kullback-Leibler)."""
    log_lr = np.array([by_country.get(c, elsewhere) for c in countries()])
    moved = country_weights() * np.exp(log_lr)
    total = float(moved.sum())
    return float((moved / total * (log_lr - math.log(total))).sum())
