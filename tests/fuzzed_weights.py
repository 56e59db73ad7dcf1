"""Damaged and forged models for :mod:`tests.fuzzing`."""

from __future__ import annotations

import functools
import hashlib
import json
import random
import tempfile
from pathlib import Path
from typing import Any

from backbone.planet_weights import CARD_FILE, TENSORS_FILE, read_card, read_partition_of, read_tensors
from backbone.weights_store import verify
from data.errors import WeightsError
from tests.fuzzed_images import mutated

__all__ = ["hostile_weights", "weights_are_held"]

_ODD: list[Any] = [
    None, True, 0, -1, 1.5, 1e400, 2**70, "", "x" * 5000, "\ud800", "\x1b[2J", "../up", "0" * 64,
    [], [1], [[]] * 3, {}, {"a": [None]},
]  # fmt: skip


@functools.cache
def _sound() -> tuple[bytes, bytes]:
    """Card and tensors of a small model."""
    from tests.backbone.models import small_model

    with tempfile.TemporaryDirectory() as folder:
        small_model(Path(folder))
        return Path(folder, CARD_FILE).read_bytes(), Path(folder, TENSORS_FILE).read_bytes()


def _forged_header(tensors: bytes, rng: random.Random) -> bytes:
    size = int.from_bytes(tensors[:8], "little")
    header = json.loads(tensors[8 : 8 + size])
    entry = header[rng.choice(sorted(header))]
    entry[rng.choice(sorted(entry))] = rng.choice([*_ODD, [2**62, 4], [-1], [0, 2**40], "F64", "BOOL", "F4", "C64"])
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tensors[8 + size :]


def hostile_weights(rng: random.Random) -> bytes:
    """The size of a card in four bytes, the card, then tensors: of both some damaged or forged, so that pins fit."""
    card, tensors = _sound()
    way = rng.random()
    if way < 0.25:
        tensors = mutated(tensors, rng, most=rng.choice((1, 2, 8)))
    elif way < 0.5:
        tensors = _forged_header(tensors, rng)
    fields = json.loads(card) | {"sha256": hashlib.sha256(tensors).hexdigest(), "size_bytes": len(tensors)}
    if way > 0.7:
        fields[rng.choice(sorted(fields))] = rng.choice(_ODD)
    card = json.dumps(fields).encode()
    if 0.5 < way < 0.7:
        card = mutated(card, rng, most=rng.choice((1, 2, 8)))
    return len(card).to_bytes(4, "little") + card + tensors


def weights_are_held(content: bytes) -> None:
    """A ``WeightsError`` comes of it that is safe to show, or a card and tensors."""
    size = int.from_bytes(content[:4], "little")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "model")
        folder.mkdir()
        (folder / CARD_FILE).write_bytes(content[4 : 4 + size])
        (folder / TENSORS_FILE).write_bytes(content[4 + size :])
        findings = verify(folder)
        try:
            card = read_card(folder)
            tensors = read_tensors(folder, card)
            read_partition_of(folder, card)
        except WeightsError as error:
            assert findings and str(error) in findings, "it cannot be read, and verify does not say so"
        else:
            assert card.temperature > 0.0 and all(tensor.numel() >= 0 for tensor in tensors.values())
        assert all(finding.isprintable() and len(finding) < 1500 for finding in findings), findings
