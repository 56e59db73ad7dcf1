"""What CLIP as a prior costs: reading its names, once, and answering for a photo; full-size, with random weights.

    python -m benchmarks.clip_prior [--model ViT-B-32] [--model ViT-L-14] [--names N] [--photos N]

Processor time of one thread is counted, which other work on the machine changes little. The sentences about N places of
each kind are read, drawn at random; the time of all is reckoned from theirs. Of the photos' times it is the median.
Memory is the most that the process held; each model has a process of its own.
"""

from __future__ import annotations

import argparse
import logging
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch

from backbone.clip_cells import Evidence, PlaceTree
from backbone.clip_network import ClipNetwork
from backbone.clip_places import NamedPlaces, named_places
from backbone.clip_texts import image_embeddings, text_embeddings
from benchmarks.machine import machine
from data.distribution import CellDistribution
from data.gazetteer import load_default as load_gazetteer
from data.partition import load_default

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the costs of each model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", help="of open_clip; may be given again")
    parser.add_argument("--names", type=int, default=64, help="places of each kind whose sentences are read")
    parser.add_argument("--photos", type=int, default=5)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    models = args.model or ["ViT-B-32", "ViT-L-14"]
    if args.here:
        _measure(models[0], args.names, args.photos)
        return
    for model in models:
        command = [sys.executable, "-m", "benchmarks.clip_prior", "--here", "--model", model]
        subprocess.run([*command, "--names", str(args.names), "--photos", str(args.photos)], check=True)
    print(f"one thread; {machine()}")


def _measure(model: str, names: int, photos: int) -> None:
    import open_clip

    logging.disable()  # that the weights are random
    torch.set_num_threads(1)
    torch.manual_seed(0)
    made, _, preprocess = open_clip.create_model_and_transforms(model, precision="fp32")
    network = ClipNetwork(f"{model}/random", made.eval(), preprocess, open_clip.get_tokenizer(model))
    places = named_places(load_default(), load_gazetteer())
    _read(network, places, names)
    _answer(network, places, photos)


def _read(network: ClipNetwork, places: NamedPlaces, names: int) -> None:
    kinds = {
        "countries": places.country_sentences(),
        "regions": places.region_sentences(),
        "cities": places.city_sentences(),
    }
    random = np.random.default_rng(0)
    total_s = 0.0
    text_embeddings(network, kinds["countries"][:4], folder=None)  # what is done once
    for kind, sentences in kinds.items():
        some = [sentences[k] for k in random.permutation(len(sentences))[:names].tolist()]
        start = time.process_time()
        text_embeddings(network, some, folder=None)
        each_s = (time.process_time() - start) / sum(map(len, some))
        count = sum(map(len, sentences))
        total_s += each_s * count
        print(f"{network.name}: {count:,} sentences about {len(sentences):,} {kind}, {1000 * each_s:.1f} ms each")
    print(f"{network.name}: all of them, once: {total_s:.0f} s", flush=True)


def _answer(network: ClipNetwork, places: NamedPlaces, photos: int) -> None:
    partition = load_default()
    tree = PlaceTree(partition, places)
    random = np.random.default_rng(1)
    images = [random.integers(0, 256, (960, 1280, 3), np.uint8) for _ in range(photos)]
    size = image_embeddings(network, images[:1]).shape[1]
    counts = (len(places.countries), len(places.regions), len(places.cities.names))
    texts = [random.normal(size=(count, size)).astype(np.float32) / np.float32(size**0.5) for count in counts]
    network_s, cells_s = [], []
    for image in images:
        start = time.process_time()
        [seen] = image_embeddings(network, [image])
        network_s.append(time.process_time() - start)
        start = time.process_time()
        evidence = Evidence(*((100.0 * (names @ seen)).astype(np.float64) for names in texts))
        CellDistribution.from_logits(partition, tree.log_p(evidence, 2.0))
        cells_s.append(time.process_time() - start)
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{network.name}: a photo: {statistics.median(network_s):.2f} s for the network, "
        f"{1000 * statistics.median(cells_s):.0f} ms from there to the cells; at most {most_mb:,.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
