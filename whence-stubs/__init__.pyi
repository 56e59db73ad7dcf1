"""What a type checker sees of an installed ``whence``: PEP 561 lets packages be typed, not a single module."""

from data.errors import DatasetError as DatasetError
from data.errors import ImageError as ImageError
from data.errors import LookupFailed as LookupFailed
from data.errors import OfflineError as OfflineError
from data.errors import RequestError as RequestError
from data.errors import WeightsError as WeightsError
from data.errors import WhenceError as WhenceError
from data.version import __version__ as __version__
from fusion.album import Album as Album
from fusion.answer import Answer as Answer
from fusion.answer import Failure as Failure
from fusion.locator import Locator as Locator
from fusion.locator import locate as locate

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

def main(argv: list[str] | None = None) -> int: ...
