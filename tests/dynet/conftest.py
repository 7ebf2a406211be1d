"""DyNet itself, where it is installed, and the same settings for every test."""

from __future__ import annotations

from typing import Any

import pytest

import charlm.dynet as dy
from charlm import dynet_config
from charlm.kernels import machine_code

machine_code.entries(wait=True)  # what users have after the first minute


@pytest.fixture(scope="session")
def oracle() -> Any:
    return pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")


@pytest.fixture(autouse=True)
def afresh() -> None:
    """Undo what another test or a docstring's example has set."""
    dynet_config._config = None
    dynet_config._gpu = None
    dy.init(random_seed=1)
