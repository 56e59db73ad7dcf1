"""Where a network runs: the names of devices, checked before anything is moved."""

from __future__ import annotations

from data.errors import RequestError

__all__ = ["require_device"]


def require_device(device: str) -> None:
    """Check that there is a device called ``device``: ``cpu``, ``cuda`` or ``cuda:NUMBER``.

    Raises:
        RequestError: There is none.

    >>> require_device("cpu")
    """
    import torch

    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or not (number or "0").isdigit():
        raise RequestError(f"unknown device {device!r}: choose cpu, cuda or cuda:NUMBER")
    if kind == "cuda" and not int(number or 0) < torch.cuda.device_count():
        raise RequestError(f"{device} was not found by this torch: choose the device cpu")
