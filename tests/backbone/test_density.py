"""The density prior: where photos are taken, whatever they show."""

from __future__ import annotations

import numpy as np
import pytest

from backbone.density import MIXTURES, DensityPrior
from backbone.priors import available_priors, make_prior
from data.build_partition import build
from data.errors import RequestError
from data.partition import Partition
from data.photo_tables import Photos


def predict(partition: Partition, name: str) -> dict[str, float]:
    [output] = DensityPrior(partition, name).predict([np.zeros((16, 16, 3), np.uint8)])
    return output.distribution.countries()


def test_every_image_gets_the_same_distribution(partition: Partition) -> None:
    prior = DensityPrior(partition)
    one, two = prior.predict([np.zeros((16, 16, 3), np.uint8), np.full((20, 20, 3), 255, np.uint8)])
    assert one.distribution is two.distribution
    assert prior.predict([]) == []


def test_no_place_on_earth_is_impossible(partition: Partition) -> None:
    for name in MIXTURES:
        [output] = DensityPrior(partition, name).predict([np.zeros((16, 16, 3), np.uint8)])
        assert output.distribution.p.min() > 0


def test_people_photograph_other_countries_than_cars_drive_through(partition: Partition) -> None:
    people, street = predict(partition, "density:people"), predict(partition, "density:street")
    assert people["FR"] > street["FR"] and people["GB"] > 2 * street["GB"]
    assert street["BR"] > people["BR"] and street["RU"] > 2 * people["RU"]


def test_mixtures_are_probabilities() -> None:
    for weights in MIXTURES.values():
        assert sum(weights) == pytest.approx(1.0) and min(weights) >= 0


def test_a_partition_without_street_photos_still_has_a_prior() -> None:
    rng = np.random.default_rng(0)
    n = 300
    photos = Photos(rng.normal(45, 3, n), rng.normal(7, 3, n), np.ones(n), np.zeros(n))
    [output] = DensityPrior(build(photos, name="small"), "density:street").predict([np.zeros((16, 16, 3), np.uint8)])
    assert output.distribution.p.sum() == pytest.approx(1.0, abs=1e-5)


def test_all_priors_that_are_named_open_and_unknown_names_are_refused() -> None:
    for name in available_priors():
        make_prior(name)
    with pytest.raises(RequestError, match="density:street"):
        make_prior("planet9")


def test_the_mixture_is_the_likeliest_on_the_train_sets(partition: Partition, shared_data: object) -> None:
    from pathlib import Path

    from data.photo_tables import read_coordinates

    def bits(name: str) -> float:
        [output] = DensityPrior(partition, name).predict([np.zeros((16, 16, 3), np.uint8)])
        logs = []
        for folder in ("streets_train", "travel_train"):
            cells = partition.cells_of(*read_coordinates(Path(str(shared_data)) / folder / "labels.csv"))
            logs.append(np.log2(output.distribution.p[cells]).mean())
        return float(np.mean(logs))

    assert bits("density") > max(bits("density:people"), bits("density:street"))
