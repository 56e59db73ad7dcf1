"""The trunk that both small networks stand on: the convolutions of RapidOCR's own line recogniser.

PP-OCRv6's recogniser learnt from millions of lines of photos what strokes look like. Its convolutions are kept as they
are (Apache 2.0); what is trained here are two small heads on them. A small network that began from nothing had learnt
next to nothing in the time in which these heads already read. Build time only: the shipped file holds trunk and heads
in one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError, WeightsError
from detectors.line_image import trunk_input
from detectors.line_pool import load_shard

__all__ = ["CHANNELS", "ROWS", "Seen", "TrunkRunner", "load_seen", "look", "trunk_model"]

CHANNELS, ROWS = 384, 3
"""Of the trunk's answer."""
_PER_UNIT = 16  # the answer is kept in sixteenths, -8 to 8, as int8: a tenth of a channel's spread
_WIDEST = 400  # columns of a prepared line; longer ones would pad whole batches


def trunk_model(path: Path | None = None) -> Any:
    """RapidOCR's recogniser, an ``onnx.ModelProto``, cut where its convolutions end: (n, 384, 3, width / 4).

    Raises:
        WeightsError: The ``onnx`` package is missing, or the model has another shape than the one this was written for.
    """
    try:
        import onnx
        from onnx.utils import Extractor
    except ImportError as error:
        raise WeightsError("cutting the trunk needs the onnx package: pip install 'whence[build]'") from error
    if path is None:
        from detectors.rapid import recogniser_path  # it imports the networks that are built here

        path = recogniser_path()
    model = onnx.load(path)
    pools = [node for node in model.graph.node if node.op_type == "AveragePool"]
    if len(pools) != 1:
        raise WeightsError(f"{path} is not the PP-OCRv6 small recogniser: install rapidocr 3.10")
    return Extractor(model).extract_model(["x"], [pools[0].input[0]])


class TrunkRunner:
    """Runs the trunk on prepared lines.

    Args:
        threads: Threads for one line.
    """

    def __init__(self, threads: int = 1) -> None:
        # Lazy: onnxruntime takes 0.1 s.
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        model = trunk_model().SerializeToString()
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, line: NDArray[np.float32]) -> NDArray[np.float32]:
        """(384, 3, columns) of one line as :func:`~detectors.line_image.trunk_input` makes it."""
        out: NDArray[np.float32] = self._session.run(None, {"x": line[None]})[0][0]
        return out


@dataclass(frozen=True)
class Seen:
    """What the trunk made of a shard of lines, side by side.

    Attributes:
        columns: (384 * 3, sum of columns) int8, in sixteenths.
        starts: (n + 1,) int64, where each line begins, and the end.
        texts: (n) what they say.
        scripts: (n) ISO 15924 codes they were rendered as; ``"Zyyy"`` for none.
    """

    columns: NDArray[np.int8]
    starts: NDArray[np.int64]
    texts: Sequence[str]
    scripts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def line(self, i: int) -> NDArray[np.float32]:
        """(384, 3, columns) float32 of line ``i``."""
        part = self.columns[:, self.starts[i] : self.starts[i + 1]].astype(np.float32)
        return part.reshape(CHANNELS, ROWS, -1) * np.float32(1 / _PER_UNIT)


def look(shard: Path, out: Path, runner: TrunkRunner) -> None:
    """Run the trunk on the lines of ``shard`` and keep its answers in ``out``."""
    lines = load_shard(shard)
    kept = [i for i in range(len(lines)) if lines.line(i).shape[1] <= _WIDEST]
    seen = [runner(trunk_input(lines.line(i))) * _PER_UNIT for i in kept]
    columns = [np.clip(np.rint(s), -127, 127).astype(np.int8).reshape(CHANNELS * ROWS, -1) for s in seen]
    said = json.dumps([[lines.texts[i] for i in kept], [lines.scripts[i] for i in kept]])
    partial = out.with_suffix(".part.npz")
    np.savez(
        partial,
        feat=np.concatenate(columns, axis=1),
        starts=np.cumsum([0, *(c.shape[1] for c in columns)]),
        said=np.frombuffer(said.encode(), np.uint8),
    )
    partial.replace(out)


def load_seen(path: Path) -> Seen:
    """What :func:`look` kept.

    Raises:
        DatasetError: The file is damaged.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            texts, scripts = json.loads(file["said"].tobytes())
            return Seen(file["feat"], file["starts"], texts, scripts)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path} is damaged ({error}): delete it, it is made again") from error
