"""What CLIP as a prior costs: reading its names, once, and answering for a photo; full-size, with random weights.

    python -m benchmarks.clip_prior [--model ViT-B-32] [--model ViT-L-14] [--photos N]

Processor time of one thread is counted, which other work on the machine hardly changes; of the photos' the median is
printed. Memory is the most that the process held; each model has a process of its own.
"""

from __future__ import annotations

import argparse
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from backbone.clip_network import ClipNetwork
from backbone.clip_places import named_places
from backbone.clip_prior import ClipPrior
from benchmarks.machine import machine
from data.gazetteer import load_default as load_gazetteer
from data.partition import load_default

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the costs of each model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", help="of open_clip; may be given again")
    parser.add_argument("--photos", type=int, default=5)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    models = args.model or ["ViT-B-32", "ViT-L-14"]
    if args.here:
        _measure(models[0], args.photos)
        return
    places = named_places(load_default(), load_gazetteer())
    kinds = (places.country_sentences(), places.region_sentences(), places.city_sentences())
    counts = [sum(map(len, sentences)) for sentences in kinds]
    print("sentences about countries, regions, cities:", ", ".join(f"{count:,}" for count in counts), flush=True)
    for model in models:
        command = [sys.executable, "-m", "benchmarks.clip_prior", "--here", "--model", model]
        subprocess.run([*command, "--photos", str(args.photos)], check=True)
    print(f"one thread; {machine()}")


def _measure(model: str, photos: int) -> None:
    import open_clip

    logging.disable()  # that the weights are random
    torch.set_num_threads(1)
    torch.manual_seed(0)
    made, _, preprocess = open_clip.create_model_and_transforms(model, precision="fp32")
    network = ClipNetwork(f"{model}/random", made.eval(), preprocess, open_clip.get_tokenizer(model))
    random = np.random.default_rng(1)
    images = [random.integers(0, 256, (960, 1280, 3), np.uint8) for _ in range(photos)]
    with tempfile.TemporaryDirectory() as folder:
        prior = ClipPrior(network=network, temperature=1.0, folder=Path(folder))
        start = time.process_time()
        prior.predict(images[:1])
        once = time.process_time() - start
        kept_mb = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
        again = ClipPrior(network=network, temperature=1.0, folder=Path(folder))
        start = time.process_time()
        again.predict(images[:1])
        from_disk = time.process_time() - start
    seconds: dict[str, list[float]] = {"network": [], "all": []}
    for image in images:
        start = time.process_time()
        prior.scores([image])
        seconds["network"].append(time.process_time() - start)
        start = time.process_time()
        prior.predict([image])
        seconds["all"].append(time.process_time() - start)
    network_s, all_s = (statistics.median(seconds[key]) for key in ("network", "all"))
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{model}: first photo with all sentences read {once:.0f} s ({kept_mb:.0f} MB kept), in a later run "
        f"{from_disk:.1f} s; each photo {all_s:.2f} s, the network {network_s:.2f} s of it; at most {most_mb:,.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
