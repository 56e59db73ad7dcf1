"""Names the machine and the libraries beside figures that were taken there."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["libraries", "machine"]


def machine() -> str:
    """Processor, cores, system and the versions that matter, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    versions = ", ".join(f"{name} {number}" for name, number in libraries("numpy", "torch", "onnxruntime", "rapidocr"))
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}"


def libraries(*names: str) -> Iterator[tuple[str, str]]:
    """Those of ``names`` that are installed, with their versions."""
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:  # a machine that is borrowed for its GPU may have no OCR
            continue
