"""Whether the environment forbids the network; one reading of ``WHENCE_OFFLINE`` for every room."""

from __future__ import annotations

import os

__all__ = ["offline_by_environment"]


def offline_by_environment() -> bool:
    """Whether ``WHENCE_OFFLINE`` forbids the network: set to anything but ``0``, ``false`` or ``no``."""
    return os.environ.get("WHENCE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")
