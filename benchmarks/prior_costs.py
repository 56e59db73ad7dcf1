"""What a prior costs on this machine's processor, measured in a process of its own.

    python -m benchmarks.prior_costs NAME PHOTO [PHOTO ...]
    python -m benchmarks.prior_costs --geoclip PHOTO [PHOTO ...]

prints one JSON object: seconds until the first answer, the median seconds of the answers after it (a photo each, pixels
in memory), the same over the seconds of a fixed piece of arithmetic that runs before each answer, and the peak memory.
The ratio is what compares runs: a machine that does other work as well slows both.

``--geoclip`` sets our ``geoclip`` prior beside the package's own ``predict``, of the same weights: the true
architecture, CLIP's weights from chance. Both read the photo's file; they take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from data.images import load

if TYPE_CHECKING:
    from backbone.geoclip_prior import GeoClipPrior

__all__ = ["beside_the_package", "cost", "measured_apart", "peak_mib"]

_SIDE = 768  # of the two matrices whose product is the piece of arithmetic
_TOP = 5  # places that the package is asked for; it scores all either way


def measured_apart(*words: str) -> dict[str, float]:
    """What this module prints for these words, run in a process of its own.

    Raises:
        RuntimeError: The process failed; with the last line that it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.prior_costs", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["the process failed"])[-1])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def cost(name: str, photos: Sequence[Path]) -> dict[str, float]:
    """Cost of the prior called ``name``; the first photo warms up."""
    from backbone.priors import make_prior

    images = [load(path).pixels for path in photos]
    start = time.perf_counter()
    prior = make_prior(name, offline=True)
    prior.predict(images[:1])
    first = time.perf_counter() - start
    runs = [(_taken(_arithmetic), _taken(lambda image=image: prior.predict([image]))) for image in images[1:]]  # type: ignore[misc]
    return {
        "first_s": first,
        "wall_s": statistics.median(wall for _, (wall, _) in runs),
        "cpu_s": statistics.median(cpu for _, (_, cpu) in runs),
        "ratio": statistics.median(cpu / reference for (_, reference), (_, cpu) in runs),
        "peak_mib": peak_mib(),
    }


def beside_the_package(package: Any, ours: GeoClipPrior, photos: Sequence[Path]) -> dict[str, float]:
    """Seconds a photo of the package's ``predict`` and of our prior on the same weights; the first photo warms up.

    ``..._s`` are seconds by the clock, ``..._cpu_s`` of the processor, of which ``times_faster`` is the ratio: they say
    the same on a machine that does other work. ``gallery_cpu_s`` is what the package's encoding of its gallery takes,
    which it does at every call; ``ours_first_cpu_s`` is our first answer, with all places encoded where none was kept.
    """
    import torch

    with torch.no_grad():
        package.predict(str(photos[0]), _TOP)
        _, first = _taken(lambda: ours.predict([load(photos[0]).pixels]))
        runs = []
        for path in photos[1:]:
            of_package = _taken(lambda path=path: package.predict(str(path), _TOP))  # type: ignore[misc]
            of_ours = _taken(lambda path=path: ours.predict([load(path).pixels]))  # type: ignore[misc]
            runs.append((of_package, of_ours))
        _, gallery = _taken(lambda: package.location_encoder(package.gps_gallery))
    return {
        "package_s": statistics.median(wall for (wall, _), _ in runs),
        "ours_s": statistics.median(wall for _, (wall, _) in runs),
        "package_cpu_s": statistics.median(cpu for (_, cpu), _ in runs),
        "ours_cpu_s": statistics.median(cpu for _, (_, cpu) in runs),
        "gallery_cpu_s": gallery,
        "times_faster": statistics.median(package / ours for (_, package), (_, ours) in runs),
        "ours_first_cpu_s": first,
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    """Most memory that this process has held, in MiB.

    On Linux of this program alone: what ``getrusage`` says may be that of the process that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 1024)


def _taken(do: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    return time.perf_counter() - wall, time.process_time() - cpu


def _arithmetic() -> object:
    square = np.ones((_SIDE, _SIDE), np.float32)
    return square @ square


def main(argv: Sequence[str] | None = None) -> int:
    """Print the costs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="+", metavar="NAME|PHOTO")
    parser.add_argument("--geoclip", action="store_true", help="our geoclip beside the package's; every word a photo")
    args = parser.parse_args(argv)
    if not args.geoclip:
        print(json.dumps(cost(args.words[0], [Path(word) for word in args.words[1:]])))
        return 0
    from backbone.geoclip_network import from_package, random_package
    from backbone.geoclip_prior import GeoClipPrior

    package = random_package(0)
    with TemporaryDirectory(prefix="geoclip-") as folder:
        ours = GeoClipPrior(network=from_package(package, "random"), folder=Path(folder), temperature=1.0)
        print(json.dumps(beside_the_package(package, ours, [Path(word) for word in args.words])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
