"""EasyOCR as a text engine: selectable, for scripts that the shipped engine cannot read.

Its models are not in its package. They are fetched once, when somebody asks for this engine and a network is allowed,
into the user's cache folder; each is checked against the hash that EasyOCR pins before it is opened.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.errors import OfflineError, RequestError, WeightsError
from data.offline import offline_by_environment, quiet_libraries
from data.opencv import opencv
from data.user_folders import user_cache
from data.writing import write_whole
from detectors.ocr import Detection

if TYPE_CHECKING:
    import httpx

__all__ = ["EasyEngine", "default_folder"]

_LARGEST = 512 * 2**20  # bytes of one model
_ONE_AT_A_TIME = threading.RLock()
# What EasyOCR says when a model is not there and it may not download: the only place where it names the file it wants.
_WANTED = re.compile(r"(?:Missing|MD5 mismatch for) (?P<path>.+) and downloads disabled")


def default_folder() -> Path:
    """Where EasyOCR's models are kept: in the user's cache folder.

    Raises:
        WeightsError: There is no such folder, since there is no home folder.
    """
    folder = user_cache("easyocr")
    if folder is None:
        raise WeightsError("this user has no home folder for EasyOCR's models: set XDG_CACHE_HOME to a folder for them")
    return folder


class EasyEngine:
    """EasyOCR's detector (CRAFT) and its recogniser for some languages.

    Args:
        languages: EasyOCR's codes, such as ``("es", "en")``. One script besides Latin at a time, with English.
        offline: Open no connection: models that are not there are an error; also where ``WHENCE_OFFLINE=1``.
        folder: Where the models are; by default :func:`default_folder`.
        transport: What carries the download, for tests; by default the network.

    Raises:
        RequestError: A language that EasyOCR does not know, or languages that it cannot read together.
        OfflineError: A model is missing or damaged, and the network is forbidden.
        WeightsError: A model cannot be fetched or kept, or what came has the wrong hash.

    Source: https://github.com/JaidedAI/EasyOCR (Apache 2.0).
    """

    name = "easyocr"

    def __init__(
        self,
        languages: Sequence[str],
        *,
        offline: bool = False,
        folder: Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        offline = offline or offline_by_environment()
        quiet_libraries(offline=offline)
        opencv()  # EasyOCR imports it at once; say how to mend it before that fails
        self._reader = _open_reader(list(languages), folder or default_folder(), offline, transport)

    def detect(self, pixels: NDArray[np.uint8]) -> Detection:
        """Boxes of the text lines in ``pixels``, (H, W, 3) uint8 RGB. EasyOCR gives no map of where text may be."""
        with _quiet():
            level, free = self._reader.detect(np.ascontiguousarray(pixels), canvas_size=10**6, reformat=False)
        boxes = [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, x1, y0, y1 in level[0]] + list(free[0])
        return Detection(np.asarray(boxes, np.float32).reshape(-1, 4, 2), None)

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Text and confidence of each line image, (h, w, 3) uint8 RGB."""
        cv2 = opencv()
        read: list[tuple[str, float]] = []
        for line in lines:
            gray = cv2.cvtColor(np.ascontiguousarray(line), cv2.COLOR_RGB2GRAY)
            with _quiet():
                found = self._reader.recognize(gray, reformat=False)
            _, text, confidence = found[0] if found else (None, "", 0.0)
            read.append((str(text), min(max(float(confidence), 0.0), 1.0)))
        return read


def _open_reader(languages: list[str], folder: Path, offline: bool, transport: httpx.BaseTransport | None) -> Any:
    with _quiet():
        # Lazy: imports torch, 2 s.
        import easyocr
        import easyocr.config
    known = easyocr.config.all_lang_list
    unknown = sorted(set(languages) - set(known))
    if unknown or not languages:
        raise RequestError(
            f"EasyOCR knows no language {', '.join(unknown) or '(none was given)'}: "
            f"write easyocr:es,en with codes of {', '.join(sorted(known))}"
        )
    # Once for the detector's model and once for the recogniser's; after that the reader must open.
    for attempt in range(3):
        path_before = list(sys.path)
        try:
            with _quiet():
                return easyocr.Reader(
                    languages,
                    gpu=False,
                    model_storage_directory=str(folder),
                    user_network_directory=str(folder),
                    download_enabled=False,
                    verbose=False,
                )
        except FileNotFoundError as error:
            match = _WANTED.search(str(error))
            if match is None or attempt == 2:
                raise WeightsError(f"EasyOCR's models in {folder} do not open ({error}): delete that folder") from error
            _fetch(Path(match["path"]), offline, transport)
        except OSError as error:  # it makes the folder, even where it finds nothing in it
            raise WeightsError(
                f"EasyOCR's models in {folder} cannot be read, or the folder cannot be made ({error}): "
                "let this user write there, or set XDG_CACHE_HOME to another folder"
            ) from error
        except ValueError as error:
            raise RequestError(
                f"EasyOCR cannot read these languages together: {' '.join(map(str, error.args))}"
            ) from error
        finally:
            sys.path[:] = path_before  # it appends a folder for code of the user's own
    raise AssertionError("unreachable")


def _fetch(path: Path, offline: bool, transport: httpx.BaseTransport | None) -> None:
    """Fetch the model that belongs at ``path``, check its hash, and put it there."""
    import easyocr.config as config

    groups = (config.detection_models, *config.recognition_models.values())
    model = next((m for group in groups for m in group.values() if m["filename"] == path.name), None)
    if model is None:
        raise WeightsError(f"EasyOCR wants {path.name} and does not say where it comes from: update easyocr")
    by_hand = f"download {model['url']} and unpack {path.name} into {path.parent}"
    if offline:
        raise OfflineError(
            f"EasyOCR's model {path.name} is missing or damaged in {path.parent}, and the network is forbidden: "
            f"run once without --offline and WHENCE_OFFLINE, or {by_hand}"
        )
    import httpx

    try:
        client = httpx.Client(transport=transport, timeout=10.0, follow_redirects=True)
        with TemporaryFile() as archive, client, client.stream("GET", model["url"]) as response:
            response.raise_for_status()
            for part in response.iter_bytes():
                archive.write(part)
            with zipfile.ZipFile(archive) as packed:
                if packed.getinfo(path.name).file_size > _LARGEST:
                    raise OSError("it is larger than any of EasyOCR's models")
                content = packed.read(path.name)
    # A damaged archive raises whatever its damage leads to: a bad zip, a bad stream, an unknown method, a short read.
    except (httpx.HTTPError, OSError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError,
            RuntimeError) as error:  # fmt: skip
        raise WeightsError(
            f"cannot fetch EasyOCR's model {path.name} ({error!r}): check the network, or {by_hand}"
        ) from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != model["md5sum"]:
        raise WeightsError(
            f"what came for EasyOCR's model {path.name} has the wrong hash: try again later, or {by_hand}"
        )
    try:
        write_whole(path, content)
    except OSError as error:
        raise WeightsError(
            f"cannot keep EasyOCR's model {path.name} in {path.parent} ({error}): make room or let this user write "
            "there, or set XDG_CACHE_HOME to another folder"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """EasyOCR calls functions that torch has deprecated; that is nothing a user of ours can mend."""
    # One thread at a time: the filters are the whole process's. Torch takes all cores for one photo anyway.
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
