"""Small photos and sets of them, made on the spot."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from PIL import Image as PILImage


def photo(number: int = 0, *, format: str = "JPEG", size: tuple[int, int] = (48, 32)) -> bytes:
    """A photo of one gray value, which tells it from the others: 40 + 10 * number."""
    out = io.BytesIO()
    PILImage.new("RGB", size, (40 + 10 * number,) * 3).save(out, format)
    return out.getvalue()


def number_in(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """Which ``photo`` it is."""
    return round((float(pixels.mean()) - 40.0) / 10.0)


def write_table(path: Path, rows: Iterable[Iterable[object]], header: str = "file,lat,lon") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def write_tar(path: Path, members: Mapping[str, object], *, format: int = tarfile.USTAR_FORMAT) -> Path:
    """A tar of bytes, and of JSON where a value is no bytes."""
    with tarfile.open(path, "w", format=format) as tar:
        for name, value in members.items():
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def write_msgpack(path: Path, records: Iterable[object], **options: Any) -> Path:
    path.write_bytes(b"".join(msgpack.packb(record, **options) for record in records))
    return path
