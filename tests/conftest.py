"""Fixtures shared by all tests."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"

# The same examples on every run, and no timing of examples on busy machines.
hypothesis.settings.register_profile("skmlp", derandomize=True, deadline=None)
hypothesis.settings.load_profile("skmlp")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Find a file of the real data, which is kept beside the repository and not in it."""

    def find(name: str) -> Path:
        path = REAL_DATA / name
        if not path.exists():
            pytest.skip(f"needs real data that is not here: ../shared/data/{name}")
        return path

    return find


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
