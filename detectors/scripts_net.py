"""Which script a line of text is written in, from its picture: a small network of our own on onnxruntime."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import WeightsError
from detectors.line_image import as_float, prepared

__all__ = ["SCRIPT_WEIGHTS", "ScriptClassifier", "open_weights"]

_ASSETS = Path(__file__).parent / "assets"
SCRIPT_WEIGHTS = _ASSETS / "script.onnx", "SCRIPT_SHA256"
"""The shipped file and its sha256."""


def open_weights(path: Path, sha256: str, *, threads: int | None = None) -> tuple[Any, dict[str, Any]]:
    """An onnxruntime session of ``path`` and the JSON values kept in it.

    Args:
        path: An ONNX file.
        sha256: What its bytes must hash to; it is not opened otherwise.
        threads: Threads for one line; None leaves it to onnxruntime.

    Raises:
        WeightsError: The file is missing, has the wrong hash or does not open.
    """
    mend = "install whence again, or train anew with `whence train reader`"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"the network {path} cannot be read ({error.strerror}): {mend}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(f"the network {path} is not the one that this version was measured with: {mend}")
    # Lazy: onnxruntime takes 0.1 s.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        kept = session.get_modelmeta().custom_metadata_map
        return session, {key: json.loads(value) for key, value in kept.items()}
    except Exception as error:  # onnxruntime raises classes of its own for each way in which a file is no model
        raise WeightsError(f"the network {path} does not open ({error}): {mend}") from error


class ScriptClassifier:
    """Probability of each script for a line image.

    Args:
        threads: Threads for one line; None leaves it to onnxruntime.
        weights: ONNX file and its sha256; by default the shipped one.

    Raises:
        WeightsError: The file is missing, has the wrong hash or does not open.
    """

    def __init__(self, *, threads: int | None = None, weights: tuple[Path, str] = SCRIPT_WEIGHTS) -> None:
        self._session, kept = open_weights(*weights, threads=threads)
        self.classes: tuple[str, ...] = tuple(kept["classes"])
        """ISO 15924 codes in the order of the probabilities; ``"Kana"`` is both kana, ``"Zyyy"`` no letters."""

    def __call__(self, lines: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Probabilities (n, scripts) of line images, each (h, w, 3) uint8 RGB; one by one, whatever the batch."""
        found = [self.probabilities(as_float(prepared(line))) for line in lines]
        return np.array(found, np.float32).reshape(-1, len(self.classes))

    def probabilities(self, line: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (scripts,) of one prepared line, (32, width) float32."""
        scores = self._session.run(None, {"lines": line[None, None]})[0][0]
        out: NDArray[np.float32] = np.exp(scores - scores.max())
        return out / out.sum()
