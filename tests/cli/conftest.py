"""Running the command as a person does: a process of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


@pytest.fixture
def charlm(tmp_path: Path) -> Run:
    """Call the command in an empty folder; stdin is empty unless given."""

    def run(*arguments: object, stdin: str | bytes = "", **options: object):
        text = not isinstance(stdin, bytes)
        return subprocess.run(
            [sys.executable, "-m", "charlm", *map(str, arguments)],
            cwd=tmp_path,
            env=environment(),
            input=stdin,
            capture_output=True,
            text=text,
            encoding="utf-8" if text else None,
            timeout=120,
            check=False,
            **options,
        )

    return run
