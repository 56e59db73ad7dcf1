"""whence tells where a photograph was taken, how sure that is, and from which clues.

>>> from whence import locate
>>> answer = locate("photo.jpg")            # doctest: +SKIP
>>> answer.country, answer.radius_km        # doctest: +SKIP
('ES', 8.9)
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.errors import (
        DatasetError,
        ImageError,
        LookupFailed,
        OfflineError,
        RequestError,
        WeightsError,
        WhenceError,
    )
    from fusion.album import Album
    from fusion.answer import Answer, Failure
    from fusion.locator import Locator, locate

__all__ = [
    "Album",
    "Answer",
    "DatasetError",
    "Failure",
    "ImageError",
    "Locator",
    "LookupFailed",
    "OfflineError",
    "RequestError",
    "WeightsError",
    "WhenceError",
    "__version__",
    "locate",
]

_ROOMS = {  # and how the docstring of each begins
    "data": "The Earth and the files",
    "backbone": "Pixels to a distribution over cells",
    "detectors": "Pixels to clues",
    "fusion": "Prior and clues to an answer",
}
_HOME = {
    "Album": "fusion.album",
    **dict.fromkeys(("Answer", "Failure"), "fusion.answer"),
    **dict.fromkeys(("Locator", "locate"), "fusion.locator"),
    **{name: "data.errors" for name in __all__ if name.endswith(("Error", "Failed"))},
}


def _require_own_rooms() -> None:
    """Raise ImportError where another package called ``data``, ``fusion``, ... would be imported instead of ours."""
    here = Path(__file__).resolve().parent
    for room, says in _ROOMS.items():
        spec = importlib.util.find_spec(room)
        found = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if found != here / room:
            raise ImportError(
                f"whence needs its own package {room!r} in {here}, but Python finds {found or 'none'} first. "
                "Run from another folder, or install whence in an environment without that package."
            )
        if not (found / "__init__.py").read_text(encoding="utf-8", errors="replace").startswith(f'"""{says}'):
            raise ImportError(
                f"{found} is not whence's own any more: another package was installed over it. "
                "Install whence in an environment of its own (python3 -m venv)."
            )


_require_own_rooms()

from data.version import __version__  # noqa: E402 - only after the check above is `data` ours


def __getattr__(name: str) -> Any:
    # Lazy, so that `import whence` stays quick: names are looked up in their rooms when first used.
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'whence' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def main(argv: list[str] | None = None) -> int:
    """The command ``whence``; returns its exit code."""
    from fusion.cli import main as run

    return run(argv)


if __name__ == "__main__":
    raise SystemExit(main())
