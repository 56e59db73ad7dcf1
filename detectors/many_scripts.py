"""Joins our script classifier and line recogniser to an engine that knows Latin, Han and kana only.

Each line's script is judged from its picture. Where it is one that our recogniser reads, its reading takes the place of
the engine's, which is look-alike Latin or nothing. Where it is one that neither reads, the script itself is the answer:
a line in Thai says Thailand, whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.line_net import LineNet, LineScores
from detectors.line_reader import READER_SCRIPTS, LineReader
from detectors.script import script_of

__all__ = ["JoinConfig", "ManyScripts", "Recognised"]


class Recognised(NamedTuple):
    """What a line says: text, confidence 0 to 1, and its script where the text alone does not tell it, else ``""``."""

    text: str
    confidence: float
    script: str = ""


@dataclass(frozen=True, slots=True)
class JoinConfig:
    """When a line's script is believed. Chosen on rendered held-out lines and looked at on the dev photos.

    Attributes:
        sure: An engine's reading of at least this confidence in Han, kana or Hangul stays, unjudged.
        least_height: Lines lower than this, in pixels, are not judged: at that size scripts look alike.
        script: Probability of a script from which the engine's reading is replaced ...
        script_against: ... and where the engine read Latin letters with a confidence of at least ``latin_sure``.
        latin_sure: See there.
        reading: Least confidence of our own reading for it to be taken.
        unread: Probability from which a script that nobody reads is reported.
        unread_width: Least width of such a line, in heights: a single sign may be any picture.
        alone: A script's weight where no other line of the picture has it; each line that has it adds 1.
    """

    sure: float = 0.8
    least_height: int = 8
    script: float = 0.5
    script_against: float = 0.9
    latin_sure: float = 0.8
    reading: float = 0.5
    unread: float = 0.95
    unread_width: float = 1.5
    alone: float = 0.5


_NATIVE = ("Hani", "Hira", "Kana", "Hang", "Bopo")  # what the engine never says of lines in other scripts, when sure
_TELLING = frozenset("DFGJLQSWdfghjlqstwz")  # letters that it seldom makes of Cyrillic or Greek ones
_KEPT = ("Latn", "Hani", "Kana", "Zyyy")  # scripts of which the engine's reading is at least as good as ours


class ManyScripts:
    """Readings of an engine, mended.

    Args:
        threads: Threads for one line; None leaves it to onnxruntime.
        config: When a script is believed.

    Raises:
        WeightsError: The network is missing or not the one that was measured.
    """

    def __init__(self, *, threads: int | None = None, config: JoinConfig | None = None) -> None:
        self._config = config or JoinConfig()
        self._net = LineNet(threads=threads)
        self._reader = LineReader(self._net.tokens)

    def mended(self, lines: Sequence[NDArray[np.uint8]], read: Sequence[tuple[str, float]]) -> list[Recognised]:
        """Better readings of ``lines``, each (h, w, 3) uint8 RGB, than the engine's ``read``, where there are any."""
        out = [Recognised(text, confidence) for text, confidence in read]
        judged = [i for i, (line, engine) in enumerate(zip(lines, out, strict=True)) if self._unsure(line, engine)]
        scores = [self._net(lines[i]) for i in judged]
        likely = self._together(scores)
        for i, line_scores, p in zip(judged, scores, likely, strict=True):
            out[i] = self._one(lines[i], out[i], line_scores, p)
        return out

    def _unsure(self, line: NDArray[np.uint8], engine: Recognised) -> bool:
        """Whether the engine may have misread the line."""
        if min(line.shape[:2]) < self._config.least_height:
            return False
        if script_of(engine.text) in _NATIVE:
            return engine.confidence < self._config.sure
        letters = [c for c in engine.text if c.isascii() and c.isalpha()]
        telling = sum(c in _TELLING for c in letters)
        return not (engine.confidence >= 0.97 and len(letters) >= 3 and telling >= 0.25 * len(letters))

    def _together(self, scores: Sequence[LineScores]) -> NDArray[np.float32]:
        """Probabilities (n, scripts): lines of one picture, mostly in one script or two, vouch for each other."""
        alone = np.array([s.scripts for s in scores], np.float32).reshape(-1, len(self._net.classes))
        together = alone * (self._config.alone + alone.sum(axis=0) - alone)
        out: NDArray[np.float32] = together / together.sum(axis=1, keepdims=True)
        return out

    def _one(
        self, line: NDArray[np.uint8], engine: Recognised, scores: LineScores, likely: NDArray[np.float32]
    ) -> Recognised:
        config = self._config
        script, p = self._net.classes[int(likely.argmax())], float(likely.max())
        latin = script_of(engine.text) == "Latn" and engine.confidence >= config.latin_sure
        if script in _KEPT or p < (config.script_against if latin else config.script):
            return engine
        if script in READER_SCRIPTS:
            text, confidence = self._reader(scores.tokens, script)
            return (
                Recognised(text, confidence) if script_of(text) == script and confidence >= config.reading else engine
            )
        if p >= config.unread and line.shape[1] >= config.unread_width * line.shape[0]:
            return Recognised("", p, script)
        return engine
