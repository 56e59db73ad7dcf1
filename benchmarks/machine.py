"""Names the machine under a table of figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from fusion.evaluation.machine import machine

__all__ = ["gpu", "machine", "with_deviation"]


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
