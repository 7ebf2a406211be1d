"""kill -9 at random moments, checkpoint writing included, and --resume: in the end nothing is lost.

``CHARLM_TEST_KILLS=50 pytest tests/cli/test_kills.py -s`` makes fifty instead of eight.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.conftest import environment
from tests.training.conftest import left_behind

KILLS = int(os.environ.get("CHARLM_TEST_KILLS", "8"))
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 40
SETTINGS = {
    "model.cell": "gru",
    "model.embed_dim": 8,
    "model.hidden_dim": 24,
    "data.batch_size": 4,
    "data.seq_length": 16,
    "train.trainer": "adam",
    "train.steps": 300,
    "train.log_every": 3,
    "train.sample_every": 20,
    "train.eval_every": 25,
    "train.checkpoint_every": 1,
    "train.kernels": "numpy",
    "train.schedule": "cosine",
    "train.average": 0.9,
    "model.dropout": 0.2,
}


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "charlm", "-q", "train", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def begin(folder: Path, run: str) -> subprocess.Popen[bytes]:
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    return start(folder, "text", "novel.txt", "-o", run, *settings)


def version(run: Path) -> int:
    """Return a number that another checkpoint changes."""
    file = run / "last.safetensors"
    return file.stat().st_mtime_ns if file.exists() else 0


def finish(process: subprocess.Popen[bytes]) -> None:
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr.decode()


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    began = time.perf_counter()
    finish(begin(tmp_path, "whole"))
    whole = left_behind(tmp_path / "whole")
    longest = (time.perf_counter() - began) * 2 / (min(KILLS, 20) + 1)
    moments = random.Random(0)
    kills = in_mid_run = halves = runs = 0
    while kills < KILLS:
        runs += 1
        run = tmp_path / f"run-{runs}"
        process = begin(tmp_path, run.name)
        while not version(run):
            assert process.poll() is None
            time.sleep(0.002)
        while True:
            if kills == KILLS:
                finish(process)
                break
            before = version(run)
            while version(run) == before and process.poll() is None:
                time.sleep(0.001)  # until the process trains
            try:
                process.wait(moments.uniform(0, longest))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                in_mid_run += version(run) != before
                halves += any(run.glob(".charlm-*.tmp"))
                process = start(tmp_path, "--resume", run.name)
                continue
            finish(process)
            break
        assert left_behind(run) == whole
        assert not list(run.glob(".charlm-*.tmp"))
    seconds = time.perf_counter() - began
    print(
        f"{kills} kills of {runs} runs in {seconds:.0f} s, {in_mid_run} of them while training; "
        f"{halves} found a half-written file"
    )
    assert in_mid_run == kills
