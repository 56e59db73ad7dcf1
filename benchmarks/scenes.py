"""How good scene models are, and whether clues are to be trusted differently by scene.

    python -m benchmarks.scenes [--data DIR] [--panoramas DIR] [--models head ...] [--readings FILE.jsonl]

Labels are `scene_labels.tsv`, given once, by eye, from small pictures, before any model had seen the photos. A photo
is *indoor* with walls and a roof around the camera; *natural* where plants, soil, water and sky fill it, a road or
motorway through open country and lone houses included; *urban* where buildings, walls or streets do, or where what was
built is what the photo is of. `doubtful` marks photos of which somebody else may say another scene. `*_dev` sets are
never trained on; `*_train` is measured out of fold, by places, with the ridge and temperature of the model that ships.
ECE: ten bins.

With `--readings` (a file of `benchmarks.clues`; photos that it lacks are left out) it prints what clues are worth in
each labelled scene, in bits at the true country, and whether trusting them more or less by scene (all weights of the
pool times a factor that is fitted to the other photos) makes the truth likelier.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.logistic import softmax
from backbone.scene_head import SceneHead, described
from backbone.scenes import SCENES, SceneModel, make_scene_model
from backbone.train_scenes import (
    MAIN,
    LabelledPhoto,
    figures,
    folds_of,
    out_of_fold,
    photo_pixels,
    read_labelled_photos,
    training_photos,
    weights_of,
)
from benchmarks.clues import Case, Scorer, reading_of
from benchmarks.fusion_photos import labelled
from benchmarks.machine import machine
from detectors.base import Clue
from fusion.pool import RELIABILITY, LogLinearPool

_LABELS = Path(__file__).parent / "scene_labels.tsv"
_DEV = ("streets_dev", "places_dev", "shopfronts_dev", "signs_dev")
_READ = (*_DEV, "travel_train")
_FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.1)
_LEAST = 1e-9


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--panoramas", type=Path, help="package/hdri of @pmndrs/assets 1.7.0; without it no out of fold"
    )
    parser.add_argument("--models", nargs="*", default=["head"], help="scene models to measure on the dev sets")
    parser.add_argument("--readings", type=Path, help="readings kept by benchmarks.clues")
    args = parser.parse_args(argv)
    photos = read_labelled_photos(_LABELS)
    print_labels(photos)
    print("| model | set | photos | accuracy | commonest | log loss | of the shares | ECE | recall: found / labelled |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    if args.panoramas is not None:
        print_out_of_fold(photos, args.data, args.panoramas)
    pace = [print_model(make_scene_model(name, offline=True), photos, args.data) for name in args.models]
    print("\n" + "; ".join(pace))
    if args.readings is not None:
        print_clues(photos, args.data, args.readings)
    print(machine())


def print_labels(photos: Sequence[LabelledPhoto]) -> None:
    print("labelled photos: " + " / ".join(SCENES))
    for name in dict.fromkeys(photo.set for photo in photos):
        mine = [photo for photo in photos if photo.set == name]
        counts = " / ".join(str(sum(photo.scene == scene for photo in mine)) for scene in SCENES)
        print(f"  {name}: {counts}, doubtful {sum(photo.doubtful for photo in mine)}")
    print()


def print_out_of_fold(photos: Sequence[LabelledPhoto], data: Path, panoramas: Path) -> None:
    """The head on the photos that it is trained on, each from a regression that has not seen its place."""
    head = SceneHead()
    photos = training_photos(photos)
    features = np.stack([described(photo_pixels(x, data, panoramas), head.model.vocabularies) for x in photos])
    labels = np.array([SCENES.index(photo.scene) for photo in photos])
    folds = folds_of(photos, data)
    logits = out_of_fold(features, labels, weights_of(photos), folds, head.card.accuracy["ridge"])
    p = softmax(logits, head.model.temperature)
    for name in (*MAIN, "panoramas"):
        chosen = np.array([photo.set == name for photo in photos])
        print_row("head, out of fold", name, p[chosen], labels[chosen])


def print_model(model: SceneModel | None, photos: Sequence[LabelledPhoto], data: Path) -> str:
    """The dev sets by a model; returns what it takes for a photo."""
    assert model is not None
    spent, count = 0.0, 0
    for name in _DEV:
        mine = [photo for photo in photos if photo.set == name]
        told = []
        for photo in mine:
            pixels = photo_pixels(photo, data, None)
            start = time.process_time()
            told += model.predict([pixels])
            spent, count = spent + time.process_time() - start, count + 1
        p = np.array([[each[scene] for scene in SCENES] for each in told])
        labels = np.array([SCENES.index(photo.scene) for photo in mine])
        sure = np.array([not photo.doubtful for photo in mine])
        print_row(model.name, f"{name} (dev)", p, labels)
        print_row(model.name, f"{name} (dev), without the doubtful", p[sure], labels[sure])
    return f"{model.name}: {1000.0 * spent / count:.0f} ms of processor time a photo"


def print_row(model: str, name: str, p: NDArray[np.float64], labels: NDArray[np.integer]) -> None:
    made = figures(p, labels)
    shares = np.bincount(labels, minlength=len(SCENES)) / len(labels)
    entropy = float((shares[shares > 0] * -np.log(shares[shares > 0])).sum()) + 0.0  # no -0.0
    recall = [
        f"{scene} {int((p[labels == k].argmax(axis=1) == k).sum())} / {int((labels == k).sum())}"
        for k, scene in enumerate(SCENES)
        if (labels == k).any()
    ]
    print(
        f"| {model} | {name} | {len(labels)} | {100 * made['accuracy']:.1f} % | {100 * shares.max():.1f} % "
        f"| {made['log_loss']:.3f} | {entropy:.3f} | {made['ece']:.3f} | {', '.join(recall)} |"
    )


def print_clues(photos: Sequence[LabelledPhoto], data: Path, readings: Path) -> None:
    """Bits at the true country by scene, and factors by scene fitted to all photos but one."""
    scene_of = {(photo.set, photo.file): photo.scene for photo in photos}
    scorer = Scorer()
    cases = [case for case in read_cases(data, readings) if case.country]
    told = [(case, scorer.locator.clues(case.readings)) for case in cases]
    told = [(case, clues) for case, clues in told if clues and (case.set, case.name) in scene_of]
    scenes = np.array([scene_of[case.set, case.name] for case, _ in told])
    bits = np.array([[_bits(scorer, case, clues, factor) for factor in _FACTORS] for case, clues in told])
    usual = _FACTORS.index(1.0)
    sets = ", ".join(f"{name} {sum(case.set == name for case in cases)}" for name in _READ)
    print(f"\nclues by scene: photos read: {sets}; with a clue {len(told)}")
    print("| scene | photos with a clue | bits a photo | standard error | bits by factor " + str(_FACTORS) + " |")
    print("| --- | --- | --- | --- | --- |")
    for scene in SCENES:
        mine = bits[scenes == scene]
        if len(mine):
            error = mine[:, usual].std(ddof=1) / np.sqrt(len(mine)) if len(mine) > 1 else float("nan")
            means = " ".join(f"{x:+.2f}" for x in mine.mean(axis=0))
            print(f"| {scene} | {len(mine)} | {mine[:, usual].mean():+.2f} | {error:.2f} | {means} |")
    one, by_scene = [], []
    for k in range(len(bits)):
        others = np.arange(len(bits)) != k
        one.append(bits[k, bits[others].mean(axis=0).argmax()])
        alike = others & (scenes == scenes[k])
        by_scene.append(bits[k, bits[alike].mean(axis=0).argmax() if alike.any() else usual])
    gain = np.array(by_scene) - bits[:, usual]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    print(
        f"leaving one photo out, bits a photo: weights as they are {bits[:, usual].mean():+.3f}, one factor "
        f"{np.mean(one):+.3f}, a factor by scene {np.mean(by_scene):+.3f} (gain {gain.mean():+.3f}, "
        f"standard error {error:.3f})"
    )


def read_cases(data: Path, readings: Path) -> list[Case]:
    """Photos of the labelled sets that ``readings`` has."""
    rows = (json.loads(line) for line in readings.read_text(encoding="utf-8").splitlines())
    known = {(row["set"], row["file"]): row["readings"] for row in rows}
    return [
        Case(
            name,
            photo.path.name,
            photo.country,
            photo.at,
            [reading_of(values) for values in known[name, photo.path.name]],
        )
        for name in _READ
        for photo in labelled(data, name)
        if (name, photo.path.name) in known
    ]


def _bits(scorer: Scorer, case: Case, clues: Sequence[Clue], factor: float) -> float:
    """`log2` of the true country's probability after against before, with the pool's weights times ``factor``."""
    pool = LogLinearPool({kind: min(weight * factor, 1.0) for kind, weight in RELIABILITY.items()})
    after = pool.fuse(scorer.prior, clues).posterior.countries()
    return float(np.log2(max(after.get(case.country, 0.0), _LEAST) / max(scorer.before.get(case.country, 0.0), _LEAST)))


if __name__ == "__main__":
    main()
