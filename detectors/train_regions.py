"""Trains the detector of signs and plates with ultralytics, and exports it as ONNX: ``whence train regions OUT``.

It starts from one of three: the trunk of RapidOCR's text detector (``text``), COCO weights of YOLO11n, fetched from
their authors (``coco``), or nothing (``nothing``). It learns in stages of growing crops, each for its share of the
time, and goes on from its last epoch when it was stopped. Curves are kept as CSV, one file a stage.

Only this module and :mod:`detectors.region_net` import ultralytics.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import DatasetError, OfflineError, RequestError
from data.offline import offline_by_environment, quiet_libraries
from detectors.region_data import DataConfig, Sources, build

__all__ = ["STAGES", "STARTS", "Stage", "train"]

STARTS = ("text", "coco", "nothing")
"""What the weights start as."""
_EPOCH = 600  # crops between two checkpoints
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training.

    Attributes:
        side: Pixels of the crops that are learnt from.
        share: Of the time.
        rate: Rate of learning at its start; it falls to a twentieth.
        frozen: Whether the trunk keeps its weights.
        mosaic: Share of crops that are put together from four.
        trunk_rate: The trunk's rate of learning, as a share of the rest's.
    """

    side: int
    share: float
    rate: float
    frozen: bool = False
    mosaic: float = 0.3
    trunk_rate: float = 1.0


STAGES: dict[str, Sequence[Stage]] = {
    "text": (
        Stage(256, 0.15, 2e-3, frozen=True),
        Stage(320, 0.5, 1e-3, mosaic=0.2, trunk_rate=0.3),
        Stage(416, 0.35, 5e-4, mosaic=0.0, trunk_rate=0.5),
    ),
    "coco": (Stage(320, 0.5, 1e-3), Stage(416, 0.5, 6e-4, mosaic=0.2)),
    "nothing": (Stage(320, 0.7, 2e-3, mosaic=0.5), Stage(416, 0.3, 8e-4, mosaic=0.2)),
}
"""The stages of each start."""


def train(
    out: Path,
    sources: Sources,
    *,
    minutes: float,
    start: str = "text",
    weights: Path | None = None,
    data: DataConfig | None = None,
    stages: Sequence[Stage] | None = None,
    batch: int = 8,
    workers: int = 1,
    device: str = "cpu",
    seed: int = 0,
) -> Path:
    """Make the data set, train, and export.

    Args:
        out: Folder of the data set, checkpoints, curves and ``regions.onnx``.
        sources: Photos that may be trained on.
        minutes: Time for learning; the data set takes some minutes more.
        start: One of :data:`STARTS`.
        weights: A checkpoint of YOLO11n for ``coco``; None fetches it. Only weights are taken from it.
        data: How the data set is made.
        stages: Other stages than the start's own.
        batch: Crops in a batch.
        workers: Processes that read crops.
        device: ``"cpu"`` or ``"0"`` for the first GPU.
        seed: Source of chance.

    Returns:
        The ONNX file.

    Raises:
        RequestError: There is no such start.
        DatasetError: A folder has no photos, or no font is installed.
        OfflineError: COCO weights were asked for and cannot be had.
    """
    if start not in STARTS:
        raise RequestError(f"there is no start {start!r}: it is one of {', '.join(STARTS)}")
    if not minutes > 0:
        raise RequestError(f"minutes must be positive, not {minutes!r}")
    out.mkdir(parents=True, exist_ok=True)
    _prepare_ultralytics(out)
    from detectors.export_regions import export

    described = build(out / "data", sources, config=data, seed=seed)
    stages = stages or STAGES[start]
    first = _first_weights(start, weights, out)
    whole = sum(stage.share for stage in stages)
    for number, stage in enumerate(stages):
        budget = minutes * 60 * stage.share / whole
        first = _run(out, number, stage, described, start, first, budget, batch, workers, device, seed)
    return export(first or out, out / "regions.onnx")


def _prepare_ultralytics(out: Path) -> None:
    """No telemetry, no update checks, and its settings beside the checkpoints instead of in the user's home."""
    os.environ.setdefault("YOLO_CONFIG_DIR", str(out.resolve()))
    quiet_libraries(offline=False)
    # Lazy: two seconds.
    from ultralytics.utils import SETTINGS

    quiet_libraries(offline=False)  # what it made of the variables
    if SETTINGS.get("sync"):
        SETTINGS.update({"sync": False})


def _first_weights(start: str, weights: Path | None, out: Path) -> Path | None:
    """The checkpoint to begin with: COCO weights, or None.

    Raises:
        OfflineError: They cannot be had.
    """
    if start != "coco":
        return None
    if weights is not None:
        if not weights.is_file():
            raise DatasetError(f"there is no file {weights}: leave --weights out to fetch YOLO11n's own")
        return weights
    kept = out / "yolo11n.pt"
    if kept.is_file():
        return kept
    cure = "train with --start text or --start nothing, or give the file with --weights"
    if offline_by_environment():
        raise OfflineError(f"COCO weights have to be fetched, and WHENCE_OFFLINE forbids the network: {cure}")
    from ultralytics.utils.downloads import attempt_download_asset

    try:
        attempt_download_asset(kept)
    except Exception as error:  # whatever its downloader raises
        raise OfflineError(f"COCO weights cannot be fetched ({type(error).__name__}): {cure}") from error
    return kept


def _run(
    out: Path,
    number: int,
    stage: Stage,
    described: Path,
    start: str,
    first: Path | None,
    seconds: float,
    batch: int,
    workers: int,
    device: str,
    seed: int,
) -> Path:
    """One stage; returns its best checkpoint."""
    from detectors.region_trainer import MANY, RegionTrainer, spent

    folder = out / f"stage{number}"
    last, best, spent_in = folder / "weights/last.pt", folder / "weights/best.pt", folder / "spent.json"
    if not last.exists():
        spent_in.unlink(missing_ok=True)
    before = spent(spent_in)
    if before >= seconds:
        return best if best.exists() else last
    settings: dict[str, Any] = {
        "task": "detect", "mode": "train", "model": "yolo11n.yaml", "data": str(described), "imgsz": stage.side,
        "epochs": MANY, "batch": batch, "nbs": batch, "workers": workers,
        "device": device, "project": str(out.resolve()), "name": folder.name, "exist_ok": True,
        "pretrained": str(first) if first else False, "optimizer": "AdamW", "lr0": stage.rate, "lrf": 0.05,
        "warmup_epochs": 1.0, "warmup_bias_lr": 0.0, "weight_decay": 0.01, "patience": MANY, "seed": seed,
        "freeze": [0] if stage.frozen else None, "mosaic": stage.mosaic, "close_mosaic": 0, "scale": 0.4,
        "degrees": 2.0, "fliplr": 0.3, "hsv_v": 0.5, "translate": 0.15, "erasing": 0.0,
        "amp": device != "cpu", "channels_last": device != "cpu", "plots": False, "save_dir": str(folder),
        "deterministic": False,
    }  # fmt: skip
    if before:
        settings["resume"] = str(last)
    _log.info("stage %d: crops of %d pixels, %.1f minutes", number, stage.side, (seconds - before) / 60)
    RegionTrainer(
        start=start, trunk_rate=stage.trunk_rate, epoch=_EPOCH, seconds=seconds, spent_in=spent_in, overrides=settings
    ).train()
    return best if best.exists() else last
