"""`charlm runs`: the latest first; one run as it goes on; a wrong name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import environment
from tests.cli.terminal import Terminal


def test_the_latest_comes_first(charlm, tmp_path):
    for name in ("deep/a", "b", "c"):
        assert charlm("train", "-o", f"runs/{name}", "--steps", 3).returncode == 0
    for seconds, name in enumerate(("b", "c", "deep/a")):
        for file in (tmp_path / "runs" / name).iterdir():
            os.utime(file, (seconds, seconds))
    done = charlm("runs")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "runs/deep/a",
        "runs/c",
        "runs/b",
    ]
    listed = [json.loads(line)["run"] for line in charlm("runs", "--json").stdout.splitlines()]
    assert listed == ["runs/deep/a", "runs/c", "runs/b"]


def test_following_a_run_shows_its_losses_and_samples(charlm):
    charlm("train", "-o", "run", "--steps", 12)
    done = charlm("runs", "--follow", "run")
    assert done.stderr == "run: finished; budget: 12 steps\n"
    *lines, last = done.stdout.splitlines()
    assert last == "finished: 12 steps"
    told = [tuple(line.split()[1:3]) for line in lines]
    assert told == [(step, kind) for step in ("1", "6", "11") for kind in ("loss", "sample")]
    done = charlm("runs", "--follow", "run", "--json")
    assert [json.loads(line)["step"] for line in done.stdout.splitlines()] == [1, 6, 11]


def test_following_shows_scores_and_samples_of_several_lines(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text("the cat\nsat\n" * 200)
    small = ["--set", "model.hidden_dim=8", "--set", "train.eval_every=5"]
    charlm("train", "novel.txt", "-o", "run", "--steps", 5, *small)
    shown = charlm("runs", "--follow", "run").stdout
    assert "--- sample at step 1 ---\n" in shown
    assert "\nstep      5   held-out " in shown


@pytest.mark.parametrize(
    ("budget", "bar"), [(["--steps", "100000"], "/100000 ["), (["--max-time", "10m"], "%|")]
)
def test_following_a_run_that_goes_on_has_a_bar(tmp_path, budget, bar):
    quiet = ["--sample-every", "0", "--log-every", "100"]
    training = subprocess.Popen(
        [sys.executable, "-m", "charlm", "-q", "train", "-o", "run", *budget, *quiet],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    try:
        metrics = tmp_path / "run/metrics.jsonl"
        while not metrics.exists() or not metrics.read_text():
            assert training.poll() is None
            time.sleep(0.05)
        command = [sys.executable, "-m", "charlm", "runs", "--follow", "run"]
        with Terminal(command, tmp_path, environment()) as terminal:
            shown = terminal.shown_until(bar)
    finally:
        training.kill()
        training.wait()
    assert "run: running; budget: " in shown
    assert bar in shown


def test_a_wrong_name_is_told_the_right_one(charlm):
    charlm("train", "-o", "runs/novel", "--steps", 3)
    for command in (["runs", "--follow"], ["runs"], ["train", "--resume"], ["sample"]):
        for given in ("runs/novle", "novel"):
            done = charlm(*command, given)
            assert done.returncode == 2
            assert "did you mean runs/novel?" in done.stderr, command
    assert "runs that exist: runs/novel" in charlm("runs", "zzz").stderr
