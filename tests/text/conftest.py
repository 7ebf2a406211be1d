"""Each test has a cache of its own, and may take any text for a large one."""

from __future__ import annotations

import pytest

from charlm.text import encoding


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return the folder of the cached ids; every text is large enough to be cached."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(encoding, "SMALL", 0)
    return tmp_path / "cache" / "charlm" / "texts"
