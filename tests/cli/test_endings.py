"""Each way in which a run can end: `charlm runs` tells the truth after it, and `--resume` does what it says."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charlm.runs.checkpoint import load_checkpoint
from tests.cli.conftest import environment

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 60
SMALL = ["--set", "model.hidden_dim=16", "--set", "model.embed_dim=8", "--kernels", "numpy"]
ENDLESS = ["--steps", "1000000", "--sample-every", "0"]


@pytest.fixture(autouse=True)
def _hangups_are_not_ignored() -> Iterator[None]:
    """Under nohup, this process ignores SIGHUP, and those that it starts would too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def state(charlm, run="run"):
    done = charlm("runs", run, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


IN_A_TERMINAL = """
import os, sys
os.open(sys.argv.pop(1), os.O_RDWR)  # the first terminal that a session opens is its own
from charlm.__main__ import main
sys.argv.insert(1, "train")
main()
"""


def begun(
    folder: Path, *arguments: str, before: Callable[[], object] | None = None
) -> subprocess.Popen[str]:
    """Return a run that has made a step; ``before`` is called in its process before it begins."""
    process = subprocess.Popen(
        [sys.executable, "-m", "charlm", "train", "-o", "run", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )
    assert process.stdout is not None
    assert process.stdout.readline(), process.communicate()
    return process


def test_a_budget(charlm):
    assert charlm("train", "-o", "run", "--steps", 10).returncode == 0
    found = state(charlm)
    assert (found["state"], found["reason"], found["step"]) == ("finished", "10 steps", 10)
    again = charlm("train", "--resume", "run")
    assert again.returncode == 0
    assert "already finished, after 10 steps" in again.stderr
    assert "--resume run --steps 20" in again.stderr
    assert charlm("train", "--resume", "run", "--steps", 20).returncode == 0
    assert state(charlm)["step"] == 20


def test_patience(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    still = ["--set", "train.learning_rate=1e-30", "--set", "train.eval_every=2"]
    done = charlm("train", "novel.txt", "-o", "run", *SMALL, *still, "--patience", 2)
    assert done.returncode == 0, done.stderr
    found = state(charlm)
    assert (found["state"], found["step"], found["best_step"]) == ("finished", 6, 2)
    assert "2 held-out scores" in found["reason"]
    assert "already finished" in charlm("train", "--resume", "run").stderr


def test_time(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    done = charlm("train", "novel.txt", "-o", "run", *SMALL, "--max-time", "0.5s")
    assert done.returncode == 0, done.stderr
    found = state(charlm)
    assert (found["state"], found["reason"], found["steps"]) == (
        "finished",
        "time limit of 0.5s",
        None,
    )
    assert "already finished" in charlm("train", "--resume", "run").stderr
    assert charlm("train", "--resume", "run", "--max-time", "3s").returncode == 0
    assert state(charlm)["step"] > found["step"]


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGHUP, 129, "SIGHUP"),
    ],
    ids=["ctrl-c", "sigterm", "sighup"],
)
def test_a_signal(charlm, tmp_path, number, code, name):
    process = begun(tmp_path, *ENDLESS)
    assert state(charlm)["state"] == "running"
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "train --resume run" in stderr
    assert "Traceback" not in stderr
    found = state(charlm)
    assert (found["state"], found["reason"]) == ("stopped", name)
    assert found["step"] == load_checkpoint(tmp_path / "run", "last").state["step"]
    more = charlm("train", "--resume", "run", "--steps", found["step"] + 3)
    assert more.returncode == 0, more.stderr
    assert state(charlm)["step"] == found["step"] + 3


def test_a_terminal_that_closes(charlm, tmp_path):
    terminal, end = pty.openpty()
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL, os.ttyname(end), "-o", "run", *ENDLESS],
            cwd=tmp_path,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    os.close(end)
    while not (tmp_path / "log").read_text().count("\n") > 4:
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.01)
    os.close(terminal)
    assert process.wait(timeout=60) == 129
    found = state(charlm)
    assert (found["state"], found["reason"]) == ("stopped", "SIGHUP")
    assert found["step"] == load_checkpoint(tmp_path / "run", "last").state["step"] > 0


def test_nohup_is_honoured(charlm, tmp_path):
    process = begun(tmp_path, *ENDLESS, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert state(charlm)["reason"] == "SIGTERM"


def test_a_second_ctrl_c_says_what_is_lost(charlm, tmp_path):
    """Scoring the held-out text takes so long that the first is still being obeyed; ``runs`` names what is kept."""
    (tmp_path / "novel.txt").write_text(TEXT * 2000)
    slow = ["--set", "train.eval_every=3", "--set", "data.batch_size=1"]
    saved = ["--set", "train.checkpoint_every=2", "--set", "train.log_every=1"]
    process = begun(tmp_path, "novel.txt", *SMALL, *saved, *slow, *ENDLESS)
    while len((tmp_path / "run/metrics.jsonl").read_text().splitlines()) < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)  # so that both come before it goes on
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (130, 143)
    kept = load_checkpoint(tmp_path / "run", "last").state["step"]
    assert "Traceback" not in stderr
    found = state(charlm)
    assert (found["state"], found["step"]) == ("stopped", kept)
    assert f"the training after step {kept:,} is lost\nTo resume from there: " in stderr
    assert found["reason"].endswith(f"without saving: the steps after step {kept:,} are lost")


def test_a_signal_while_the_held_out_text_is_scored(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text("the cat sat on the mat, the rat sat on the cat.\n" * 40000)
    scored = ["--set", "data.val_frac=0.5", "--set", "train.eval_every=1"]
    process = begun(tmp_path, "novel.txt", *SMALL, *scored, *ENDLESS)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert load_checkpoint(tmp_path / "run", "last").state["progress"]["evaluated"] == -1
    assert state(charlm)["state"] == "stopped"


def test_kill_9(charlm, tmp_path):
    process = begun(tmp_path, *ENDLESS)
    process.kill()
    process.communicate()
    assert state(charlm)["state"] == "killed"
    step = load_checkpoint(tmp_path / "run", "last").state["step"]
    assert charlm("train", "--resume", "run", "--steps", step + 3).returncode == 0
    assert state(charlm)["state"] == "finished"


def test_two_do_not_train_in_one_place(charlm, tmp_path):
    process = begun(tmp_path, *ENDLESS)
    try:
        for arguments in (["--resume", "run"], ["-o", "run", "--force"]):
            done = charlm("train", *arguments)
            assert done.returncode == 2
            assert "process is training in" in done.stderr
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_a_loss_that_is_not_finite(charlm):
    done = charlm("train", "-o", "run", "--set", "train.learning_rate=1e38", "--sample-every", 1)
    assert done.returncode == 1
    assert "skipped" in done.stderr
    assert "went back to the checkpoint of step 0" in done.stderr
    assert "Traceback" not in done.stderr
    assert "nan" not in done.stdout
    found = state(charlm)
    assert found["state"] == "failed"
    assert "--init-from" in found["reason"]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"cannot mount a small disk: {error}")
    if done.returncode:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(charlm, small_disk):
    done = charlm("train", "-o", "run", "--log-every", 1, "--steps", 1000000)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "train --resume run" in done.stderr
    assert "Traceback" not in done.stderr
    found = state(charlm)
    assert found["state"] == "failed"
    assert "the disk is full" in found["reason"]
    before = load_checkpoint(small_disk, "last").state["step"]
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    done = charlm("train", "--resume", "run", "--steps", before + 50)
    assert done.returncode == 0, done.stderr
    assert state(charlm)["state"] == "finished"


def test_a_dry_run_says_what_it_takes_and_writes_nothing(charlm, tmp_path):
    done = charlm("train", "--dry-run", "--json", "-o", "a/b")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters"] == 7878
    assert found["steps"] == 200
    assert found["chars_per_second"] > 0
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs/srnn").mkdir(parents=True)
    assert "\nrun folder     runs/srnn-2 (" in charlm("train", "--dry-run").stdout
    (tmp_path / "file").write_text("")
    assert charlm("train", "--dry-run", "-o", "file/run").returncode == 1


def test_what_resume_refuses(charlm):
    charlm("train", "-o", "run", "--steps", 3)
    done = charlm("train", "--resume", "run", "--seed", 9)
    assert done.returncode == 2
    assert "train.seed was 0 in the run and is 9 now" in done.stderr
    assert charlm("train", "fox", "--resume", "run").returncode == 2
    assert "no run is there" in charlm("train", "--resume", "nowhere").stderr


def test_event_files(charlm, tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    done = charlm("train", "-o", "run", "--steps", 12, "--tensorboard")
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "run/tensorboard").iterdir()
    assert b"loss" in file.read_bytes()


def test_sampling_takes_the_best_weights(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    scored = ["--set", "train.eval_every=10", "--steps", "10"]
    assert charlm("train", "novel.txt", "-o", "run", *SMALL, *scored).returncode == 0
    assert charlm("train", "--resume", "run", "--steps", 25, "--patience", 9).returncode == 0
    (tmp_path / "run/last.safetensors").write_bytes(b"damaged")
    assert charlm("sample", "run", "-l", 5).returncode == 0
    assert charlm("sample", "run", "-l", 5, "--checkpoint", "last").returncode == 2
