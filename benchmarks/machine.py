"""Names the machine under a table of figures."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["gpu", "machine", "with_deviation"]


def machine() -> str:
    """Processor, cores, system and the versions that matter, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    libraries = ", ".join(_versions("numpy", "torch", "onnxruntime", "rapidocr"))
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {libraries}"


def with_deviation(values: Sequence[float]) -> str:
    """Mean and the standard deviation between runs, for a table; one run has none.

    >>> with_deviation([1.0, 2.0]), with_deviation([1.5])
    (' 1.500±0.707', ' 1.500      ')
    """
    mean = sum(values) / len(values)
    return f"{mean:6.3f}" + (f"±{statistics.stdev(values):.3f}" if len(values) > 1 else " " * 6)


def gpu() -> str:
    """The GPU that torch sees first, its memory and the CUDA that torch was built for; or that there is none."""
    import torch  # takes seconds, which most benchmarks need not wait for

    if not torch.cuda.is_available():
        return "no GPU"
    memory = torch.cuda.get_device_properties(0).total_memory
    return f"{torch.cuda.get_device_name(0)} ({memory / 2**30:.0f} GiB), CUDA {torch.version.cuda}"


def _versions(*names: str) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:  # a machine that is borrowed for its GPU may have no OCR
            continue
