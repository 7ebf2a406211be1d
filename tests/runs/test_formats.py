"""Checkpoints of earlier formats, committed here, load for ever."""

from __future__ import annotations

from pathlib import Path

import charlm

DATA = Path(__file__).parent / "data"


def test_format_1():
    model = charlm.load(DATA / "fox-format-1.safetensors")
    assert model.sample(temperature=0) == "a quick brown fox jumped over the lazy dog"
