"""Checks what the built sdist and wheel hold: ``python .ci/check_dist.py dist`` in a checkout."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOMS = ("data", "backbone", "detectors", "fusion")
SHIPPED = ("whence.py", "whence-stubs/", *(f"{room}/" for room in ROOMS))
METADATA = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
ASSETS_AT_MOST = 80e6  # bytes, the design's limit


def tracked() -> dict[str, str]:
    """The checkout's files, ignored ones left out, and their sha256."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name: sha256(Path(name).read_bytes()) for name in names if name and Path(name).is_file()}


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


def wheel_faults(wheel: Path, checkout: dict[str, str]) -> list[str]:
    """What is wrong with the wheel: it must hold the module, its stubs, the four rooms whole, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        held = {info.filename: sha256(archive.read(info)) for info in archive.infolist() if not info.is_dir()}
        assets = sum(info.file_size for info in archive.infolist() if "/assets/" in info.filename)
    info_folder = "-".join(wheel.name.split("-")[:2]) + ".dist-info/"
    wanted = {name: digest for name, digest in checkout.items() if name.startswith(SHIPPED)}
    files = {name: digest for name, digest in held.items() if not name.startswith(info_folder)}
    faults = [f"the wheel lacks {name}" for name in sorted(wanted.keys() - files.keys())]
    faults += [f"the wheel should not hold {name}" for name in sorted(files.keys() - wanted.keys())]
    faults += [
        f"{name} differs from the checkout's"
        for name in sorted(wanted.keys() & files.keys())
        if wanted[name] != files[name]
    ]
    faults += [f"the wheel lacks {info_folder}{name}" for name in METADATA if info_folder + name not in held]
    if held.get(info_folder + "licenses/LICENSE") != checkout["LICENSE"]:
        faults.append("the wheel's LICENSE is not the checkout's")
    for room in ROOMS:
        if f"{room}/py.typed" not in files:
            faults.append(f"the wheel says that it is typed, and {room}/py.typed is missing")
        shipped = [name for name in files if name.startswith(f"{room}/assets/")]
        if shipped and f"{room}/assets/SOURCES.md" not in files:
            faults.append(f"{room}/assets/ is shipped without SOURCES.md, which names its licences")
    if assets > ASSETS_AT_MOST:
        faults.append(f"the assets are {assets / 1e6:.0f} MB, more than {ASSETS_AT_MOST / 1e6:.0f} MB")
    sizes = f"{wheel.stat().st_size / 1e6:.1f} MB, {len(held)} files, of them assets {assets / 1e6:.1f} MB unpacked"
    print(f"{wheel.name}: {sizes}")
    return faults


def sdist_faults(sdist: Path, checkout: dict[str, str]) -> list[str]:
    """What is wrong with the sdist: it must also hold the tests, benchmarks, notebooks and what README shows."""
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    folders = (*SHIPPED, "tests/", "benchmarks/", "notebooks/", "docs/")
    files = ("README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "pyproject.toml", "PKG-INFO")
    wanted = {name for name in checkout if name.startswith(folders)} | set(files)
    print(f"{sdist.name}: {sdist.stat().st_size / 1e6:.1f} MB, {len(held)} names")
    return [f"the sdist lacks {name}" for name in sorted(wanted - held)]


def main() -> int:
    """Prints sizes and faults; 1 where there is a fault."""
    folder = Path(sys.argv[1])
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    checkout = tracked()
    faults = wheel_faults(wheel, checkout) + sdist_faults(sdist, checkout)
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
