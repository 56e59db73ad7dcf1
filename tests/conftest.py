"""What several tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.partition import Partition, load_default

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def no_models_of_the_users_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What ``auto`` takes must not depend on the models that somebody has added on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHENCE_WEIGHTS", str(tmp_path_factory.mktemp("models")))
        patch.setenv("WHENCE_GALLERIES", str(tmp_path_factory.mktemp("galleries")))
        patch.setenv("WHENCE_PLACES", str(tmp_path_factory.mktemp("places")))
        yield


@pytest.fixture(scope="session")
def partition() -> Partition:
    """The shipped partition."""
    return load_default()


@pytest.fixture(scope="session")
def density(partition: Partition) -> CellDistribution:
    """The density prior's distribution."""
    [output] = DensityPrior(partition).predict([np.zeros((32, 32, 3), np.uint8)])
    return output.distribution


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The photographs and tables for measuring, which only some machines have."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the photographs and tables in ../shared/data are not on this machine")
    return folder
