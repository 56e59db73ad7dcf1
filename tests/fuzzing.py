"""Hostile inputs for every way into whence: what makes them, what must hold, and the command that runs them for long.

    python -m tests.fuzzing --minutes 10 [TARGET ...]

An input is bytes, made from a seed alone, so that a seed or a saved file reproduces a fault. A :class:`Target` has a
maker, a check that raises when something does not hold, and a name. To add one, write both and put a line into
:data:`TARGETS`. ``tests/test_fuzzing.py`` runs the first few seeds of every target; the command goes on for as long as
it is told, in a process of its own for each target, with a cap on memory, so that an input that kills the process or
hangs is found as well.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzzed_images import hostile_image, image_is_held
from tests.fuzzed_partitions import hostile_partition, partition_is_held
from tests.fuzzed_readings import hostile_readings, readings_are_held
from tests.fuzzed_results import hostile_results, results_are_held
from tests.fuzzed_weights import hostile_weights, weights_are_held

__all__ = ["TARGETS", "Target", "main", "run_seeds"]


@dataclass(frozen=True)
class Target:
    """A way into whence.

    Attributes:
        name: What the command calls it.
        make: A hostile input; the generator is all that it may draw from.
        check: Feeds an input in, and raises when anything but the errors that are promised comes out.
        seconds: One input may take at most so long in the long run.
    """

    name: str
    make: Callable[[random.Random], bytes]
    check: Callable[[bytes], None]
    seconds: float = 10.0


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("images", hostile_image, image_is_held),
        Target("readings", hostile_readings, readings_are_held, seconds=60.0),
        Target("partitions", hostile_partition, partition_is_held),
        Target("results", hostile_results, results_are_held),
        Target("weights", hostile_weights, weights_are_held),
    )
}
"""All targets by name."""

_MEMORY = 6 * 2**30  # of address space; numpy, pyarrow and their threads reserve 2 GiB before they do anything


class _TooSlow(BaseException):
    """Not an Exception: what is under test turns those into errors of its own."""


def run_seeds(target: Target, seeds: Sequence[int]) -> None:
    """Check ``target`` with the inputs of ``seeds``.

    Raises:
        AssertionError: With the seed that shows the fault.
    """
    for seed in seeds:
        content = target.make(random.Random(seed))
        try:
            target.check(content)
        except Exception as error:
            raise AssertionError(f"target {target.name}, seed {seed}: {error!r}") from error


def _work(target: Target, first: int, until: float, folder: Path, told: multiprocessing.connection.Connection) -> None:
    """Run seeds from ``first`` on and tell of each: (seed, seconds, fault or "")."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    faulthandler.enable((folder / f"{target.name}.crash.txt").open("w"))
    current = folder / f"{target.name}.current"

    def too_slow(*_: object) -> None:
        raise _TooSlow(f"still running after {target.seconds:g} s")

    signal.signal(signal.SIGALRM, too_slow)
    seed = first
    while time.time() < until:
        content = target.make(random.Random(seed))
        current.write_bytes(content)  # what is left of a process that dies
        fault = ""
        begun = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, target.seconds)
        try:
            target.check(content)
        except (Exception, _TooSlow):
            fault = traceback.format_exc(limit=-6)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        told.send((seed, time.perf_counter() - begun, fault))
        seed += 1
    told.close()


def _fuzz(target: Target, first: int, minutes: float, folder: Path) -> int:
    """Run one target, print what was found, and return the number of faults."""
    until = time.time() + 60.0 * minutes
    begun, ran, slowest, faults = time.perf_counter(), 0, (0.0, -1), 0
    known: set[str] = set()
    context = multiprocessing.get_context("spawn")
    seed = first
    while time.time() < until:
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(target, seed, until, folder, theirs), daemon=True)
        worker.start()
        theirs.close()
        died = ""
        while True:
            # A decoder that never comes back into Python takes no alarm: it is ended from outside.
            if not ours.poll(4.0 * target.seconds + 30.0):
                worker.kill()
                died = "hangs outside Python"
                break
            try:
                seed, seconds, fault = ours.recv()
            except EOFError:
                break
            ran += 1
            slowest = max(slowest, (seconds, seed))
            if fault:
                faults += 1
                last = fault.strip().splitlines()
                kind = " | ".join([*[x.strip() for x in last if x.startswith("  File")][-1:], last[-1][:60]])
                if kind not in known:  # each kind of fault once
                    known.add(kind)
                    _save(target, seed, fault, target.make(random.Random(seed)), folder)
            seed += 1
        worker.join()
        if died or worker.exitcode:
            faults += 1
            died = died or f"the process died with exit code {worker.exitcode}"
            _save(target, seed, died, (folder / f"{target.name}.current").read_bytes(), folder)
            seed += 1
    took = time.perf_counter() - begun
    print(
        f"{target.name}: {ran:,} inputs (seeds {first} to {seed - 1}) in {took:.0f} s, {ran / took:.1f} a second, "
        f"slowest {slowest[0]:.2f} s (seed {slowest[1]}), {faults} faults of {len(known)} kinds",
        flush=True,
    )
    return faults


def _save(target: Target, seed: int, fault: str, content: bytes, folder: Path) -> None:
    path = folder / f"{target.name}-{seed}.bin"
    path.write_bytes(content)
    print(f"--- {target.name}, seed {seed}: python -m tests.fuzzing --file {path} {target.name}\n{fault}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """The long command; 1 where a fault was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description="Feeds hostile inputs to whence.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"any of {', '.join(TARGETS)}; all where none")
    parser.add_argument("--minutes", type=float, default=10.0, help="altogether, shared by the targets")
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first; the tests run those from 0 on")
    parser.add_argument("--file", type=Path, help="run this input once instead, with its fault shown in full")
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no target {unknown[0]!r}: choose from {', '.join(TARGETS)}")
    targets = [TARGETS[name] for name in arguments.targets or TARGETS]
    if arguments.file is not None:
        targets[0].check(arguments.file.read_bytes())
        print(f"{targets[0].name}: no fault")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="whence-fuzzing-"))
    print(f"faults are written to {folder}; {json.dumps([t.name for t in targets])}", flush=True)
    faults = sum(_fuzz(target, arguments.seed, arguments.minutes / len(targets), folder) for target in targets)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
