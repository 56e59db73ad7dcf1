"""RapidOCR as a text engine: the one that ships. Its models come inside its package; nothing is ever downloaded.

The recogniser (PP-OCRv6 small) reads Latin, Chinese and Japanese, and Greek poorly. It does not know Cyrillic, Arabic,
Hangul or the scripts of India: there it reads nothing, or Latin letters that look alike. :mod:`detectors.many_scripts`
mends its readings of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.assets import check_asset
from data.errors import WeightsError
from data.offline import quiet_libraries
from data.opencv import opencv
from detectors.many_scripts import ManyScripts, Recognised
from detectors.ocr import Detection

__all__ = ["MODELS_SHA256", "RapidEngine", "detector_path", "recogniser_path"]

_DETECTOR, _RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
# As in rapidocr 3.10.0, whose default_models.yaml names the same: `rapidocr/models` is checked when it is opened.
MODELS_SHA256: Final = MappingProxyType(
    {
        _DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        _RECOGNISER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    }
)


class RapidEngine:
    """PP-OCRv6 small on onnxruntime: a DB text detector and an SVTR line recogniser.

    Args:
        threads: Threads for one picture; None leaves it to onnxruntime, which takes one per core.
        many_scripts: Also judge each line's script, and read Cyrillic, Greek, Bengali and Devanagari with our own
            network.

    Raises:
        WeightsError: The installed package does not have the models inside, or they or our network are damaged
            or others.

    Source: https://github.com/RapidAI/RapidOCR, models https://github.com/PaddlePaddle/PaddleOCR (both Apache 2.0).
    """

    name = "rapidocr"

    def __init__(self, *, threads: int | None = None, many_scripts: bool = True) -> None:
        opencv()  # RapidOCR imports it at once; say how to mend it before that fails
        quiet_libraries(offline=False)  # onnxruntime reports what it runs unless told not to before its import
        # Lazy: rapidocr, onnxruntime and shapely take 0.6 s.
        from rapidocr import RapidOCR

        quiet_libraries(offline=False)  # and on Windows unless told after it

        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",  # its own logger only; "no text found" is no warning
                "Global.use_cls": False,
                # With a path given, RapidOCR never looks whether to download.
                "Det.model_path": str(_model(_DETECTOR)),
                "Rec.model_path": str(_model(_RECOGNISER)),
                "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
            }
        )
        # The two stages are taken apart: detection runs on enlarged parts, recognition on lines of the photo itself.
        self._detector: Any = self._engine._load_det_model()  # type: ignore[no-untyped-call]
        self._others = ManyScripts(threads=threads) if many_scripts else None

    def detect(self, pixels: NDArray[np.uint8]) -> Detection:
        """Boxes of the text lines in ``pixels``, (H, W, 3) uint8 RGB, and how much each place looks like text."""
        cv2 = opencv()
        height, width = pixels.shape[:2]
        grid = max(round(width / 32), 1) * 32, max(round(height / 32), 1) * 32  # what the network can halve five times
        # The network saw BGR in -1..1 when it was trained.
        blob = cv2.resize(pixels, grid).transpose(2, 0, 1)[None, ::-1] * np.float32(2 / 255) - np.float32(1)
        heat = self._detector.session(np.ascontiguousarray(blob))  # (1, 1, h, w) float32 in 0..1
        boxes, _ = self._detector.postprocess_op(heat, (height, width))
        return Detection(np.asarray(boxes, np.float32).reshape(-1, 4, 2), heat[0, 0])

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> list[Recognised]:
        """Text, confidence and, where only that is known, the script of each line image, (h, w, 3) uint8 RGB."""
        if not lines:
            return []
        read = self._engine.recognize_txt([np.ascontiguousarray(line[:, :, ::-1]) for line in lines])
        pairs = zip(read.txts or (), read.scores or (), strict=True)
        found = [(text, min(max(float(score), 0.0), 1.0)) for text, score in pairs]
        return self._others.mended(lines, found) if self._others else [Recognised(*one) for one in found]


def detector_path() -> Path:
    """Where the installed package has its text detector.

    Raises:
        WeightsError: It is not there.
    """
    return _model(_DETECTOR)


def recogniser_path() -> Path:
    """Where the installed package has its line recogniser.

    Raises:
        WeightsError: It is not there.
    """
    return _model(_RECOGNISER)


def _model(name: str) -> Path:
    package = find_spec("rapidocr")
    path = Path(package.origin or "").parent / "models" / name if package else Path(name)
    cure = "pip install --force-reinstall --no-deps 'rapidocr>=3.10,<3.11'"
    check_asset(path, MODELS_SHA256[name], error=WeightsError, cure=cure)
    return path
