"""Names of devices that networks run on."""

from __future__ import annotations

from data.errors import RequestError

__all__ = ["check_device"]


def check_device(device: str) -> None:
    """Check that ``device`` is ``cpu``, ``cuda`` or ``cuda:NUMBER``, and there. Imports torch for ``cuda`` alone.

    Raises:
        RequestError: There is no such device.

    >>> check_device("cpu")
    >>> check_device("gpu")
    Traceback (most recent call last):
    data.errors.RequestError: unknown device 'gpu': choose cpu, cuda or cuda:NUMBER
    """
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or not (number or "0").isdigit():
        raise RequestError(f"unknown device {device!r}: choose cpu, cuda or cuda:NUMBER")
    if kind == "cuda":
        import torch

        if not int(number or 0) < torch.cuda.device_count():
            raise RequestError(f"{device} was not found by this torch: choose the device cpu")
