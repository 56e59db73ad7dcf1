"""Builds ``assets/person_names.txt.gz``, given names and surnames: ``python -m detectors.build_person_names``.

Origin: the lists of names in ``Faker`` (PyPI, MIT), some 80 locales; it is needed by this script only. Names are
folded and cut into words; what is a particle ("van", "de la"), a title, a single Latin letter or holds a digit is left
out, and so are words that stand on signs far more often than in names (``NOT_NAMES``). The bytes depend on nothing but
Faker's release, which ``assets/SOURCES.md`` states.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from data.folding import fold
from detectors.person_table import FORMAT, PERSON_NAMES
from detectors.person_words import NOT_NAMES, PARTICLES, STRONG_TITLES

__all__ = ["build", "faker_names"]

_GIVEN, _SURNAMES = ("first_", "middle_name"), ("last_", "male_last", "unisex_last")
_LETTERS = 2  # a name of an alphabet has at least


def faker_names() -> dict[str, set[str]]:
    """Names as Faker writes them: ``"g"`` given ones, ``"s"`` surnames."""
    import faker.providers.person as persons  # only this script needs the package

    out: dict[str, set[str]] = {"g": set(), "s": set()}
    for locale in sorted(module.name for module in pkgutil.iter_modules(persons.__path__)):
        provider = importlib.import_module(f"{persons.__name__}.{locale}").Provider
        for attribute in dir(provider):
            kind = "g" if attribute.startswith(_GIVEN) else "s" if attribute.startswith(_SURNAMES) else ""
            value = getattr(provider, attribute)
            if kind and isinstance(value, (tuple, list, dict, set, frozenset)):
                out[kind].update(_strings(value))
    return out


def build(names: dict[str, set[str]]) -> bytes:
    """The shipped file from names as written, the same bytes for the same names."""
    kinds: dict[str, str] = {}
    for kind in ("g", "s"):
        for word in {word for name in names[kind] for word in _words(name)}:
            kinds[word] = kinds.get(word, "") + kind
    lines = [FORMAT, *(f"{word}\t{kinds[word]}" for word in sorted(kinds))]
    return gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0)


def _strings(value: Iterable[Any]) -> Iterator[str]:
    for item in value:  # of a dict the keys: the rest is how frequent each is
        if isinstance(item, str):
            yield item
        elif isinstance(item, (tuple, list)):  # Japanese names in three scripts
            yield from (part for part in item if isinstance(part, str))


def _words(name: str) -> Iterator[str]:
    for word in fold(name).split():
        long_enough = len(word) >= (1 if "\u3400" <= word[0] <= "\ud7a3" else _LETTERS)
        if long_enough and not any(c.isdigit() for c in word) and word not in PARTICLES | STRONG_TITLES | NOT_NAMES:
            yield word


def main() -> None:
    """Write the asset and print its hash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PERSON_NAMES)
    out: Path = parser.parse_args().out
    content = build(faker_names())
    out.write_bytes(content)
    print(f"{out}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
