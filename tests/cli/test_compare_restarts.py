"""`charlm compare` killed, stopped, or started twice: nothing is trained twice, and the table is the same."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from charlm.runs.directory import RunDirectory
from tests.cli.conftest import ROOT, environment

KILLS = 10
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 30
CONFIG = {
    "model": {"cell": "gru", "embed_dim": 8, "hidden_dim": 8, "dropout": 0.2},
    "data": {"text": "novel.txt", "framing": "stream", "alphabet": None, "val_frac": 0.2}
    | {"batch_size": 2, "seq_length": 16},
    "train": {"trainer": "adam", "learning_rate": 0.01, "steps": 60, "eval_every": 25}
    | {"checkpoint_every": 10, "kernels": "numpy", "schedule": "cosine"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "novel.txt").write_text(TEXT)
    (tmp_path / "gru.yaml").write_text(json.dumps(CONFIG))
    lstm = {**CONFIG, "model": {**CONFIG["model"], "cell": "lstm"}}
    (tmp_path / "lstm.yaml").write_text(json.dumps(lstm))
    return tmp_path


def start(folder: Path, output: str, *more: object, seeds: int = 3) -> subprocess.Popen[str]:
    command = ["compare", "gru.yaml", "lstm.yaml", "--seeds", str(seeds), "--json", "-o", output]
    return subprocess.Popen(
        [sys.executable, "-m", "charlm", *command, *map(str, more)],
        cwd=folder,
        env={**environment(), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C goes to a group
    )


def table(process: subprocess.Popen[str]) -> object:
    """Return the results of a comparison that has ended well, without their times."""
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    return json.loads(stdout, object_hook=lambda d: {k: v for k, v in d.items() if k != "seconds"})


def weights(folder: Path) -> dict[str, bytes]:
    return {f.parent.name: f.read_bytes() for f in folder.glob("*/last.safetensors")}


def steps(folder: Path) -> int:
    """Return how many steps have been made and not lost."""
    return sum(file.read_bytes().count(b'"loss"') for file in folder.glob("*/metrics.jsonl"))


def finished(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return the results so far, and what another training would change."""
    files = [f for r in folder.glob("*/result*.json") for f in (r, r.parent / "last.safetensors")]
    return {f: (f.stat().st_ino, f.stat().st_mtime_ns) for f in files}


def wait_for(done, process: subprocess.Popen[str] | None = None) -> None:
    for _ in range(6000):
        if done() or (process is not None and process.poll() is not None):
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def killed_often(folder: Path, output: str, *more: object) -> None:
    """Start a comparison and kill it, again and again, after a random number of steps."""
    moments, before = random.Random(0), {}
    for _ in range(KILLS):
        process = start(folder, output, *more)
        goal = steps(folder / output) + moments.randrange(1, 40)
        wait_for(lambda goal=goal: steps(folder / output) >= goal, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for file, mark in before.items():
            assert finished(folder / output)[file] == mark  # not trained again
        before = finished(folder / output)


def test_killed_at_random_moments_it_ends_with_the_same_table(folder):
    whole = table(start(folder, "whole"))
    killed_often(folder, "killed")
    before = finished(folder / "killed")
    assert table(start(folder, "killed")) == whole
    assert weights(folder / "killed") == weights(folder / "whole")
    assert {file: finished(folder / "killed")[file] for file in before} == before
    assert len(whole["members"]) == 6
    after = finished(folder / "killed")
    assert table(start(folder, "killed")) == whole  # all of it is read
    assert finished(folder / "killed") == after


def test_two_workers_and_their_coordinator_are_killed(folder):
    pytest.importorskip("joblib", reason="the extra 'parallel' is not installed")
    whole = table(start(folder, "whole"))
    process = start(folder, "killed", "--workers", 2)
    wait_for(lambda: steps(folder / "killed") > 30, process)
    process.kill()
    process.communicate()
    runs = [RunDirectory(path.parent) for path in folder.glob("killed/*/metrics.jsonl")]
    wait_for(lambda: not any(run.is_running() for run in runs))  # orphans save and stop
    assert [run.read_summary()[0].state for run in runs].count("running") == 0
    process = start(folder, "killed", "--workers", 2)
    wait_for(lambda: steps(folder / "killed") > 150, process)
    for worker in workers_of(process.pid):
        os.kill(worker, signal.SIGKILL)
    assert table(process) == whole
    assert weights(folder / "killed") == weights(folder / "whole")


def workers_of(pid: int) -> list[int]:
    """Return the processes of joblib that compute."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children += [child for file in threads for child in file.read_text().split()]
    commands = {int(c): Path(f"/proc/{c}/cmdline").read_bytes() for c in set(children)}
    return [child for child, command in commands.items() if b"popen_loky" in command]


def test_no_signal_reaches_a_worker_even_while_it_starts(folder):
    pytest.importorskip("joblib", reason="the extra 'parallel' is not installed")
    process = start(folder, "stopped", "--workers", 2)
    wait_for(lambda: len(workers_of(process.pid)) == 2, process)
    workers = workers_of(process.pid)
    for worker in workers:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(worker, number)
    wait_for(lambda: steps(folder / "stopped") > 0, process)
    assert set(workers_of(process.pid)) == set(workers)  # a killed one would have a successor
    assert len(table(process)["members"]) == 6


@pytest.mark.parametrize(
    ("workers", "number"), [(1, signal.SIGTERM), (1, signal.SIGINT), (2, signal.SIGINT)]
)
def test_a_signal_saves_all_members_and_says_how_to_continue(folder, workers, number):
    if workers > 1:
        pytest.importorskip("joblib", reason="the extra 'parallel' is not installed")
    process = start(folder, "stopped", "--workers", workers, seeds=2)
    wait_for(lambda: steps(folder / "stopped") > 20, process)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number, stderr
    assert "Traceback" not in stderr
    assert "To continue: " in stderr
    assert f"compare gru.yaml lstm.yaml --seeds 2 --json -o stopped --workers {workers}" in stderr
    runs = [RunDirectory(path.parent) for path in folder.glob("stopped/*/metrics.jsonl")]
    for run in runs:
        assert not run.is_running()
        assert run.read_summary()[0].state in ("stopped", "finished")
    before = finished(folder / "stopped")
    assert len(table(start(folder, "stopped", seeds=2))["members"]) == 4
    assert {file: finished(folder / "stopped")[file] for file in before} == before


def test_two_coordinators_wait_for_each_other(folder):
    first = start(folder, "shared", seeds=2)
    wait_for(lambda: steps(folder / "shared") > 0, first)
    first.send_signal(signal.SIGSTOP)
    second = start(folder, "shared", seeds=2)
    told = next(line for line in second.stderr if "another" in line)
    assert "another charlm compare works in shared; waiting" in told
    first.send_signal(signal.SIGCONT)
    whole = table(first)
    stdout, stderr = second.communicate(timeout=120)
    assert second.returncode == 0, stderr
    read = json.loads(stdout)["members"]
    assert [m["seconds"] for m in read] == [  # read, not trained again
        json.loads(file.read_text())["seconds"]
        for name in ("gru", "lstm")
        for seed in range(2)
        for file in folder.glob(f"shared/{name}-seed{seed}-*/result*.json")
    ]
    assert len(whole["members"]) == 4


KILLER = """
import os, sys
def kill(event, arguments):
    if event == "open" and "lstm-seed0" in str(arguments[0]) and "metrics" in str(arguments[0]):
        os.kill(os.getpid(), 9)
if "popen_loky" in " ".join(sys.orig_argv):
    sys.addaudithook(kill)
"""


def test_a_member_whose_process_is_killed_each_time_is_named_and_the_others_go_on(folder):
    pytest.importorskip("joblib", reason="the extra 'parallel' is not installed")
    (folder / "sitecustomize.py").write_text(KILLER)
    process = start(folder, "killed", "--workers", 2, seeds=2)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "seed 0: lstm failed: its process was killed" in stderr
    assert "Traceback" not in stderr
    facts = json.loads(stdout)
    assert [(m["name"], m["seed"]) for m in facts["members"]] == [
        ("gru", 0),
        ("gru", 1),
        ("lstm", 1),
    ]
    assert [(m["name"], m["seed"]) for m in facts["missing"]] == [("lstm", 0)]
