"""The text of Python's modules, as its command writes it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path


def written(characters: int) -> str:
    command = [sys.executable, "-m", "benchmarks.library", str(characters)]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def test_the_text_has_the_first_modules_to_the_last_character():
    text = written(100_000)
    assert len(text) == 100_000
    assert text.startswith(written(60_000))
    first = Path(sysconfig.get_path("stdlib"), "__future__.py").read_text("utf-8")
    assert first in text
