"""The small network of our own that judges a line's script and reads it, on onnxruntime.

It stands on the convolutions of RapidOCR's recogniser (Apache 2.0), with two heads that ``detectors.train_reader``
trained.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from data.errors import WeightsError
from data.offline import quiet_libraries
from detectors.line_image import prepared, trunk_input

__all__ = ["WEIGHTS", "LineNet", "LineScores"]

WEIGHTS = (
    Path(__file__).parent / "assets" / "reader.onnx",
    "8a9f244cfece9411e04f3c9730230d13942a26e1e78d3b512ece8f181f4a7346",
)
"""The shipped file and its sha256."""


@dataclass(frozen=True, slots=True)
class LineScores:
    """What the network says about one line.

    Attributes:
        scripts: (scripts,) float32, probability of each of :attr:`LineNet.classes`.
        tokens: (columns, tokens + 1) float32, scores of the tokens from left to right; 0 is the blank.
    """

    scripts: NDArray[np.float32]
    tokens: NDArray[np.float32]


class LineNet:
    """Scores of line images, one by one.

    Args:
        threads: Threads for one line; None leaves it to onnxruntime.
        weights: ONNX file and its sha256; by default the shipped one.

    Raises:
        WeightsError: The file is missing, has the wrong hash or does not open.
    """

    def __init__(self, *, threads: int | None = None, weights: tuple[Path, str] = WEIGHTS) -> None:
        self._session, kept = _opened(*weights, threads=threads)
        self.classes: tuple[str, ...] = tuple(kept["classes"])
        """ISO 15924 codes in the order of the probabilities; ``"Kana"`` is both kana, ``"Zyyy"`` no letters."""
        self.tokens: tuple[str, ...] = tuple(kept["tokens"])
        """The alphabet, in visual order (see :mod:`detectors.reader_alphabet`)."""

    def __call__(self, line: NDArray[np.uint8]) -> LineScores:
        """Scores of one line image, (h, w, 3) uint8 RGB."""
        return self.scores(prepared(line))

    def scores(self, grey: NDArray[np.uint8]) -> LineScores:
        """Scores of one prepared line, (32, width) uint8."""
        scripts, tokens = self._session.run(["scripts", "tokens"], {"x": trunk_input(grey)[None]})
        p = np.exp(scripts[0] - scripts[0].max())
        return LineScores(p / p.sum(), tokens[0])


def _opened(path: Path, sha256: str, *, threads: int | None) -> tuple[Any, dict[str, Any]]:
    """An onnxruntime session of ``path`` and the JSON values kept in it."""
    mend = "reinstall whence, or train it anew with `whence train reader`"
    content = read_asset(path, sha256, error=WeightsError, cure=mend)
    quiet_libraries(offline=False)  # onnxruntime reports what it runs unless told not to before its import
    # Lazy: onnxruntime takes 0.1 s.
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        kept = session.get_modelmeta().custom_metadata_map
        return session, {key: json.loads(kept[key]) for key in ("classes", "tokens")}
    except Exception as error:  # onnxruntime raises classes of its own for each way in which a file is no model
        raise WeightsError(f"the network {path} does not open ({error}): {mend}") from error
