"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write ``path`` so that it appears complete or not at all, whoever else writes it at the same time.

    Its folder is made where there is none.

    Raises:
        OSError: It cannot be written; what stood there before is untouched.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())  # a name must not reach the disk before what it names
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
