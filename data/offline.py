"""The network forbidden: by the caller, by ``WHENCE_OFFLINE``, and to the libraries that would use it unasked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

__all__ = ["ALWAYS", "WHEN_OFFLINE", "offline_by_environment", "quiet_libraries"]

ALWAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # ultralytics: the look-up of two hosts at import, and with it telemetry and update checks. What is fetched
        # because somebody asked for it does not depend on this.
        "YOLO_OFFLINE": "1",
        # onnxruntime 1.29 and newer, on Linux and macOS: it reports models and sessions to Microsoft and keeps a number
        # for the machine in the user's cache folder. Read once, when it is imported.
        "ORT_DISABLE_TELEMETRY": "1",
        "YOLO_AUTOINSTALL": "0",  # ultralytics runs pip where it misses a package
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "DO_NOT_TRACK": "1",  # what several others heed
        "NO_ALBUMENTATIONS_UPDATE": "1",  # it asks PyPI for its newest release at import
    }
)
"""What is set whether or not the network is allowed: nobody is told what runs here, and nothing installs itself."""

WHEN_OFFLINE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "HF_HUB_OFFLINE": "1",  # huggingface_hub, and through it open_clip and timm
        "TRANSFORMERS_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }
)
"""What is set besides where the network is forbidden: what is not on this machine is an error at once."""


def offline_by_environment() -> bool:
    """Whether ``WHENCE_OFFLINE`` forbids the network: set to anything but ``0``, ``false`` or ``no``."""
    return os.environ.get("WHENCE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def quiet_libraries(*, offline: bool) -> None:
    """Silence the heavy libraries: no telemetry, update check or self-installation; no download when ``offline``.

    It sets the environment variables in :data:`ALWAYS` and :data:`WHEN_OFFLINE`, which the libraries read when they are
    imported, so it is called before the first of them is. They hold for the whole process and the processes that it
    starts; none is ever taken back, since a library that was imported has read them. Where one of the libraries was
    imported before, what it made of them is set to the same, as far as it lets itself. It imports nothing, opens
    nothing and takes microseconds, so whoever imports such a library calls it first.

    There is no switch against downloads in ultralytics, open_clip's own URLs, EasyOCR and torch.hub: they download only
    what they are asked for by name, and whence hands them files.

    Args:
        offline: Whether the network is forbidden altogether; also where ``WHENCE_OFFLINE`` says so.

    >>> quiet_libraries(offline=False)
    >>> os.environ["YOLO_OFFLINE"], os.environ["HF_HUB_DISABLE_TELEMETRY"]
    ('1', '1')
    """
    offline = offline or offline_by_environment()
    os.environ.update(ALWAYS)
    if offline:
        os.environ.update(WHEN_OFFLINE)
    for owner, name, value in (*_ALWAYS_IN_MODULES, *(_WHEN_OFFLINE_IN_MODULES if offline else ())):
        module, _, member = owner.partition(":")
        found: Any = sys.modules.get(module)
        if member:
            found = getattr(found, member, None)
        if hasattr(found, name):
            setattr(found, name, value)
    runtime: Any = sys.modules.get("onnxruntime")
    if hasattr(runtime, "disable_telemetry_events"):
        runtime.disable_telemetry_events()


# What the libraries made of those variables: module, or module:object in it, then name and value.
_ALWAYS_IN_MODULES: Final = (
    ("ultralytics.utils", "ONLINE", False),
    ("ultralytics.utils", "AUTOINSTALL", False),
    ("ultralytics.utils.checks", "ONLINE", False),  # each module has its own copy
    ("ultralytics.utils.checks", "AUTOINSTALL", False),
    ("ultralytics.utils.events", "ONLINE", False),
    ("ultralytics.utils.events:events", "enabled", False),
    ("huggingface_hub.constants", "HF_HUB_DISABLE_TELEMETRY", True),
    ("huggingface_hub.constants", "HF_HUB_DISABLE_UPDATE_CHECK", True),
)
_WHEN_OFFLINE_IN_MODULES: Final = (("huggingface_hub.constants", "HF_HUB_OFFLINE", True),)
