"""The Hugging Face hub: what its cache on this machine holds, and whether it answers. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

__all__ = ["cached_file", "file_sha256", "hub_cache", "hub_trouble"]


def hub_cache() -> Path:
    """Where huggingface_hub keeps what it fetched, by its own environment variables.

    Raises:
        RuntimeError: This user has no home folder.
    """
    for variable, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser() / below
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "huggingface" / "hub"


def cached_file(repository: str, file: str, *, revision: str = "") -> Path | None:
    """``file`` of ``repository`` (``"owner/name"``) in the hub's cache on this machine, or None.

    Of several revisions that are there it is the one that the cache calls ``main``, as it is for the hub's own library;
    without such a name, the only one. ``revision`` is one that goes before all of these where it is there. Looks at a
    few files only.
    """
    try:
        kept = hub_cache() / f"models--{repository.replace('/', '--')}"
        if revision and (wanted := kept / "snapshots" / revision / file).is_file():
            return wanted
        snapshots = list((kept / "snapshots").iterdir())
        main = kept / "refs" / "main"
        if main.is_file():
            revision = main.read_text(encoding="ascii").strip()
            snapshots = [snapshot for snapshot in snapshots if snapshot.name == revision]
        found = [path for snapshot in snapshots if (path := snapshot / file).is_file()]
    except (OSError, RuntimeError, UnicodeDecodeError):  # no such folder, none that may be read, or no home
        return None
    return found[0] if len(found) == 1 else None


def hub_trouble() -> Exception | None:
    """What keeps the hub from answering, found out in seconds; None where it answers.

    The hub's own library tries for a minute, and says so at every try.
    """
    import httpx

    try:
        httpx.head(os.environ.get("HF_ENDPOINT") or "https://huggingface.co", timeout=10.0)
    # Besides: certificates that are not there, a proxy of an unknown kind, one of SOCKS without the package for it.
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
        return error
    return None


def file_sha256(path: Path, *, read: bool = False) -> str:
    """SHA-256 of the file at ``path``, which the hub's cache calls a large file by; ``read``: of its content for sure.

    Raises:
        OSError: It cannot be read.
    """
    blob = path.resolve().name
    if not read and re.fullmatch("[0-9a-f]{64}", blob):
        return blob
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
