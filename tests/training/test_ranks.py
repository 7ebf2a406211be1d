"""Several ranks train what one process trains, whatever happens to one of them. They are real ones, of ``mpirun``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from charlm.cli import main
from charlm.errors import MissingExtraError
from charlm.ranks import world
from charlm.runs.checkpoint import load_checkpoint
from charlm.training.ranks import columns_of
from tests.training import sharing
from tests.training.conftest import left_behind
from tests.training.sharing import CASES, mpirun

needs_mpi = pytest.mark.skipif(not sharing.HAS_MPI, reason="mpi4py or mpirun is not installed")

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 40
SETTINGS = {
    "model.cell": "gru",
    "model.embed_dim": 8,
    "model.hidden_dim": 12,
    "model.dropout": 0.2,
    "data.batch_size": 4,
    "data.seq_length": 8,
    "train.trainer": "sgd",
    "train.learning_rate": 0.1,
    "train.schedule": "constant",
    "train.average": 0.9,
    "train.log_every": 10,
    "train.eval_every": 50,
    "train.checkpoint_every": 5,
    "train.kernels": "numpy",
    "train.threads": 1,
}
DRAWN_MORE = "one in the first of two batches"
"""Where one process skips an update, it skips the random numbers of its second batch; ranks do not."""
RANK = (
    "import os; from pathlib import Path; from charlm.ranks import world; from charlm.cli import main\n"
    "Path(f'{world().rank}.pid').write_text(str(os.getpid())); main()"
)
"""The command, after each rank has written its process's number."""


def set_to(**more: object) -> list[str]:
    settings = SETTINGS | {f"train.{key}": value for key, value in more.items()}
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def ended(process, code: int) -> str:
    """Return what ranks printed, after they ended with an exit code."""
    out, err = process.communicate(timeout=100)
    assert process.returncode == code, out + err
    return out + err


def charlm(folder: Path, ranks: int, *arguments: str):
    return mpirun("-n", str(ranks), sys.executable, "-c", RANK, *arguments, folder=folder)


def here(monkeypatch, folder: Path, *arguments: str) -> None:
    """Run the command in this process."""
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as end:
        main(["-q", *arguments])
    assert end.value.code == 0


def wait_for_checkpoint(run: Path, process) -> None:
    """Wait until a run has saved once more, or its process has ended."""
    file = run / "last.safetensors"
    before = file.stat().st_mtime_ns if file.exists() else 0
    while process.poll() is None:
        if file.exists() and file.stat().st_mtime_ns != before:
            return
        time.sleep(0.01)


def run_cases(folder: Path, ranks: int, names: list[str]) -> dict[str, dict[str, np.ndarray]]:
    folder.mkdir()
    program = sys.executable, "-m", "tests.training.sharing", str(folder), *names
    ended(mpirun("-n", str(ranks), *program, folder=folder), 0)
    return {name: dict(np.load(folder / f"{name}.npz")) for name in names}


def assert_close(one: dict, other: dict, name: str) -> None:
    for key in one.keys() & other.keys():
        np.testing.assert_allclose(
            one[key], other[key], rtol=1e-5, atol=1e-5, err_msg=f"{name}: {key}"
        )
    lines = CASES[name].get("data.framing") == "lines"  # ranks carry no state from line to line
    assert {
        k for k in one.keys() ^ other.keys() if not (lines and k.startswith("carried."))
    } == set()


@needs_mpi
def test_ranks_learn_what_one_process_learns_and_three_give_the_same_bits_twice(tmp_path):
    names = [name for name in CASES if find_spec("numba") or "compiled" not in name]
    few = ["streams that ranks cannot divide", "lines with dropout", DRAWN_MORE]
    few += ["lines in batches", "fewer lines in a batch than ranks"]
    two = run_cases(tmp_path / "two", 2, names)
    three, again = (run_cases(tmp_path / folder, 3, few) for folder in ("three", "again"))
    for name in few:
        assert three[name].keys() == again[name].keys()
        for key, array in three[name].items():
            assert array.tobytes() == again[name][key].tobytes(), f"{name}: {key}"
    assert np.isnan(two[DRAWN_MORE]["losses"]).any()
    assert_close(two.pop(DRAWN_MORE), three.pop(DRAWN_MORE), DRAWN_MORE)
    for name, found in two.items():
        alone = sharing.trained(None, CASES[name])
        for ranks in (found, three.get(name, found)):
            assert_close(alone, ranks, name)


@needs_mpi
def test_a_run_that_was_stopped_and_killed_ends_with_the_same_bytes(tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    arguments = "train", "text", "novel.txt", *set_to(steps=250)
    ended(charlm(tmp_path, 2, *arguments, "-o", "whole"), 0)
    run = tmp_path / "run"
    process = charlm(tmp_path, 2, *arguments, "-o", "run")
    wait_for_checkpoint(run, process)
    process.send_signal(signal.SIGINT)
    told = ended(process, 130)
    assert told.count("Stopped by Ctrl-C") == told.count("charlm train --resume run") == 1
    for rank in (1, 0):
        process = charlm(tmp_path, 2, "train", "--resume", "run")
        wait_for_checkpoint(run, process)
        os.kill(int((tmp_path / f"{rank}.pid").read_text()), signal.SIGKILL)
        process.communicate(timeout=100)
        assert process.returncode
    ended(charlm(tmp_path, 2, "train", "--resume", "run"), 0)
    assert left_behind(run) == left_behind(tmp_path / "whole")


@needs_mpi
def test_a_signal_to_one_rank_saves_the_run(tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    process = charlm(tmp_path, 2, "train", "text", "novel.txt", *set_to(steps=10**6), "-o", "run")
    wait_for_checkpoint(tmp_path / "run", process)
    os.kill(int((tmp_path / "1.pid").read_text()), signal.SIGTERM)
    assert "Stopped by SIGTERM" in ended(process, 128 + signal.SIGTERM)


@needs_mpi
def test_a_run_continues_on_another_number_of_ranks(tmp_path, monkeypatch):
    (tmp_path / "novel.txt").write_text(TEXT)
    for run, steps in (("part", 30), ("whole", 90)):
        here(monkeypatch, tmp_path, "train", "text", "novel.txt", *set_to(steps=steps), "-o", run)
    told = ended(charlm(tmp_path, 3, "train", "--resume", "part", "--steps", "60"), 0)
    assert "note: computed by 3 ranks from here on (before: 1 rank)" in told
    assert "note: 3 ranks share every batch: each has 1 or 2 of its 4 rows" in told
    here(monkeypatch, tmp_path, "train", "--resume", "part", "--steps", "90")
    one, other = (load_checkpoint(tmp_path / run, "last") for run in ("part", "whole"))
    assert one.tensors.keys() == other.tensors.keys()
    for name, array in one.tensors.items():
        np.testing.assert_allclose(array, other.tensors[name], rtol=1e-5, atol=1e-5, err_msg=name)


@needs_mpi
def test_what_is_wrong_on_one_rank_is_told_once_and_ends_all(tmp_path):
    program = sys.executable, "-m", "charlm", "train", "text", "/proc/self/cwd/novel.txt"
    for name in "ab":
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "novel.txt").write_text(TEXT)
    both = [("-n", "1", "-wdir", str(tmp_path / name), *program, *set_to(steps=9)) for name in "ab"]
    command = *both[0], ":", *both[1]
    told = ended(mpirun(*command, folder=tmp_path), 2)
    assert told.count("charlm: ") == 1
    assert "charlm: rank 1 on " in told
    assert "no such text" in told
    (tmp_path / "b" / "novel.txt").write_text(TEXT + "more")
    assert "another text, by its SHA-256, than on rank 0" in ended(
        mpirun(*command, folder=tmp_path), 2
    )
    assert not (tmp_path / "a" / "runs").exists()


@needs_mpi
def test_ranks_with_different_commands_are_refused(tmp_path):
    program = "-n", "1", sys.executable, "-m", "charlm", "train", "-o"
    told = ended(mpirun(*program, "a", ":", *program, "b", folder=tmp_path), 2)
    assert told.count("charlm: ") == 1
    assert "its command line ends with train -o b, unlike that of rank 0, but all 2 ranks" in told
    assert [*tmp_path.iterdir()] == []


@needs_mpi
def test_too_little_for_every_rank_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    command = "train", "text", "novel.txt", *set_to(steps=9), "--batch-size", "2"
    told = ended(charlm(tmp_path, 3, *command), 2)
    assert told.count("3 ranks share the rows of a batch, and it has 2: every rank needs one") == 1
    assert "start at most 2 ranks, or set data.batch_size to 3 or more" in told


@needs_mpi
def test_the_benchmark_tells_what_ranks_take(tmp_path):
    sizes = "--cell", "rnn", "--hidden", "8", "--batch", "3", "--seq", "5", "--steps", "2"
    told = ended(charlm(tmp_path, 2, "bench", *sizes, "--threads", "1"), 0)
    assert "2 ranks here" in told
    assert "to sum gradients" in told
    assert "at 10 Gbit/s" in told


def test_a_launcher_without_mpi4py_is_told_what_to_install(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(
        MissingExtraError, match=r"PMI_SIZE is 4: .* needs mpi4py.* pip install mpi4py"
    ):
        world()


@needs_mpi
def test_ranks_that_mpi_does_not_see_are_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "charlm", "train"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(sharing.ROOT), "OMPI_COMM_WORLD_SIZE": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "OMPI_COMM_WORLD_SIZE is 4, but the MPI of mpi4py sees 1 rank" in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_an_ordinary_run_needs_no_mpi(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv("SLURM_NTASKS", "4")  # a batch script has it too, and starts one process
    assert world() is None
    monkeypatch.setenv("PMI_SIZE", "1")
    assert world() is None


def test_columns_are_divided_as_equally_as_can_be():
    for ranks in range(1, 6):
        for width in range(ranks, 12):
            parts = [range(width)[columns_of(rank, ranks, width)] for rank in range(ranks)]
            assert [k for part in parts for k in part] == [*range(width)]
            assert max(map(len, parts)) - min(map(len, parts)) <= 1
