"""DyNet itself, where it is installed."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def oracle() -> Any:
    return pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
