"""The examples run, from anywhere, and show what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHOWS = {
    "stack_lstm.py": "all closed",
    "train_and_sample.py": "bits per character",
    "tutorial.py": "\ta quick brown fox jumped over the lazy dog",
}


def test_every_example_is_tried():
    assert {p.name for p in (ROOT / "examples").glob("*.py")} == set(SHOWS)


@pytest.mark.parametrize("name", SHOWS)
def test_an_example_runs(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SHOWS[name] in done.stdout
    assert list(tmp_path.iterdir()) == []
