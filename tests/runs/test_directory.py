"""The run directory: who gets which name, what is removed, what a failing disk leaves behind."""

from __future__ import annotations

import ast
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from charlm.errors import CheckpointError, InputError, OutputError, RunExistsError
from charlm.files import LineLog, replacing
from charlm.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from charlm.runs.directory import RunDirectory

ROOT = Path(__file__).parents[2]
OWN_NAMES = ["config.yaml", "last.safetensors", "metrics.jsonl", "samples.txt"]


def checkpoint(step: int, size: int = 3) -> Checkpoint:
    return Checkpoint({"w": np.full(size, step, np.float32)}, {}, ["a"], {"step": step})


def full_run(path: Path) -> RunDirectory:
    run = RunDirectory.create_named(path)
    run.write_config("model: {cell: rnn}\n")
    run.log_metrics({"step": 5, "loss": 2.5})
    run.log_sample(5, "the quick")
    run.save(checkpoint(5))
    return run


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestDefaultName:
    def test_a_name_that_is_taken_gets_a_number(self, tmp_path: Path) -> None:
        made = [RunDirectory.create_default("srnn", tmp_path / "runs").path for _ in range(3)]
        assert [path.name for path in made] == ["srnn", "srnn-2", "srnn-3"]
        assert all(path.is_dir() for path in made)

    def test_runs_are_made_under_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert RunDirectory.create_default("srnn").path == Path("runs/srnn")

    def test_a_file_or_a_broken_link_takes_a_name_too(self, tmp_path: Path) -> None:
        (tmp_path / "srnn").write_text("mine")
        (tmp_path / "srnn-2").symlink_to(tmp_path / "nowhere")
        assert RunDirectory.create_default("srnn", tmp_path).path.name == "srnn-3"
        assert (tmp_path / "srnn").read_text() == "mine"

    def test_many_at_once_share_no_directory(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(16) as pool:
            runs = list(pool.map(lambda _: RunDirectory.create_default("a", tmp_path), range(64)))
        assert len({run.path for run in runs}) == 64


class TestNamed:
    def test_a_new_one_comes_with_its_parents(self, tmp_path: Path) -> None:
        run = RunDirectory.create_named(tmp_path / "a" / "b")
        assert run.path.is_dir()
        assert names(run.path) == []

    @pytest.mark.parametrize("force", [False, True])
    def test_an_empty_directory_will_do(self, tmp_path: Path, force: bool) -> None:
        assert RunDirectory.create_named(tmp_path, force=force).path == tmp_path

    def test_a_run_is_kept_without_force(self, tmp_path: Path) -> None:
        full_run(tmp_path / "run")
        before = snapshot(tmp_path)
        with pytest.raises(RunExistsError) as raised:
            RunDirectory.create_named(tmp_path / "run")
        assert str(raised.value) == (
            f"{tmp_path / 'run'}: holds a run already; --force replaces it (removing "
            "last.safetensors, metrics.jsonl, samples.txt, config.yaml), or choose another run "
            "directory"
        )
        assert snapshot(tmp_path) == before

    def test_force_removes_what_charlm_wrote_and_nothing_else(self, tmp_path: Path) -> None:
        run_path = tmp_path / "run"
        run = full_run(run_path)
        mine = ["notes.md", ".hidden", "best.txt", "config.yaml.orig", "charlm-1.tmp", "sub/x"]
        (run_path / "sub").mkdir()
        for name in [*mine, ".charlm-0123456789abcdef.tmp", "sub/config.yaml"]:
            (run_path / name).write_text("text")
        assert RunDirectory.create_named(run_path, force=True) == run
        kept = [name for name, content in snapshot(run_path).items() if content == b"text"]
        assert sorted(kept) == sorted([*mine, "sub/config.yaml"])
        assert snapshot(run_path).keys() == {*kept, "sub"}

    def test_a_removal_that_failed_can_be_repeated(self, tmp_path: Path) -> None:
        run = full_run(tmp_path)
        run.samples.unlink()
        run.samples.mkdir()
        with pytest.raises(OutputError, match="cannot write"):
            RunDirectory.create_named(tmp_path, force=True)
        assert names(tmp_path) == ["config.yaml", "samples.txt"]
        run.samples.rmdir()
        RunDirectory.create_named(tmp_path, force=True)
        assert names(tmp_path) == []

    @pytest.mark.parametrize("force", [False, True])
    @pytest.mark.parametrize("name", [*OWN_NAMES, "novel.txt"])
    def test_a_directory_of_the_users_is_never_touched(
        self, tmp_path: Path, name: str, force: bool
    ) -> None:
        (tmp_path / name).write_text("mine: 1\n")
        with pytest.raises(RunExistsError, match=r"not a charlm run.*choose another"):
            RunDirectory.create_named(tmp_path, force=force)
        assert snapshot(tmp_path) == {name: b"mine: 1\n"}

    @pytest.mark.parametrize("force", [False, True])
    def test_a_file_is_never_replaced(self, tmp_path: Path, force: bool) -> None:
        (tmp_path / "run").write_text("mine")
        with pytest.raises(RunExistsError, match="a file of this name exists"):
            RunDirectory.create_named(tmp_path / "run", force=force)
        assert (tmp_path / "run").read_text() == "mine"


class TestLife:
    def test_only_a_checkpoint_makes_a_run_loadable(self, tmp_path: Path) -> None:
        run = RunDirectory.create_named(tmp_path / "run")
        assert names(run.path) == []
        run = RunDirectory.create_named(run.path)  # a run that failed at once is in nobody's way

        run.write_config("seed: 1\n")
        run.log_metrics({"step": 1})
        run.log_sample(1, "a")
        assert names(run.path) == ["config.yaml", "metrics.jsonl", "samples.txt"]
        with pytest.raises(CheckpointError, match=r"no checkpoint \(last.safetensors\)"):
            load_checkpoint(run.path)
        with pytest.raises(RunExistsError, match="--force"):
            RunDirectory.create_named(run.path)

        run.save(checkpoint(1))
        run.save(checkpoint(2))
        assert names(run.path) == OWN_NAMES
        assert load_checkpoint(run.path).state == {"step": 2}
        assert load_checkpoint(run.checkpoint).state == {"step": 2}

    def test_a_failed_run_can_be_forced_from_its_configuration_on(self, tmp_path: Path) -> None:
        RunDirectory.create_named(tmp_path).write_config("seed: 1\n")
        RunDirectory.create_named(tmp_path, force=True)
        assert names(tmp_path) == []

    def test_the_configuration_is_the_yaml_given(self, tmp_path: Path) -> None:
        run = RunDirectory.create_named(tmp_path)
        run.write_config('# mine\ndata: {alphabet: "é "}\n')
        assert YAML(typ="safe").load(run.config) == {"data": {"alphabet": "é "}}
        assert run.config.read_text(encoding="utf-8").startswith("# The complete configuration")

    def test_metrics_are_lines_of_json_that_keep_order_and_digits(self, tmp_path: Path) -> None:
        run = RunDirectory.create_named(tmp_path)
        run.log_metrics({"step": 5, "loss": 0.1 + 0.2, "cell": "rnn\n", "done": False})
        run.log_metrics({"step": 10, "loss": math.nan, "best": -math.inf, "note": None})
        assert run.metrics.read_text().splitlines() == [
            '{"step": 5, "loss": 0.30000000000000004, "cell": "rnn\\n", "done": false}',
            '{"step": 10, "loss": null, "best": null, "note": null}',
        ]
        assert json.loads(run.metrics.read_text().splitlines()[0])["loss"] == 0.1 + 0.2

    def test_samples_may_have_several_lines_and_any_character(self, tmp_path: Path) -> None:
        run = RunDirectory.create_named(tmp_path)
        run.log_sample(5, "thé")
        run.log_sample(10, "a\nb\ud800")
        assert run.samples.read_bytes() == (
            "--- step 5 ---\nthé\n--- step 10 ---\na\nb\\ud800\n".encode()
        )


@contextlib.contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Run the block without root's right to write anywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[Path]:
    """A folder that any user can reach, which cannot be said of ``tmp_path``."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def complaint(run: RunDirectory, error: str) -> str:
    return rf"^{run.path}/[\w.]+: cannot write: {error}"


class TestUnwritable:
    def test_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine")
        for path in (tmp_path / "file" / "runs", tmp_path / "file"):
            with pytest.raises(OutputError, match="a part of the path is a file"):
                RunDirectory.create_default("srnn", path)
        with pytest.raises(OutputError, match="a part of the path is a file"):
            RunDirectory.create_named(tmp_path / "file" / "run", force=True)

    def test_without_permission_to_create(self, reachable: Path) -> None:
        reachable.chmod(0o555)
        with an_ordinary_user(), pytest.raises(OutputError, match="no permission"):
            RunDirectory.create_default("srnn", reachable)
        with an_ordinary_user(), pytest.raises(OutputError, match="no permission"):
            RunDirectory.create_named(reachable / "run")

    def test_without_permission_to_change(self, reachable: Path) -> None:
        run = full_run(reachable / "run")
        before = snapshot(reachable)
        for path in (run.path, *run.path.iterdir()):
            path.chmod(0o555)
        with an_ordinary_user(), pytest.raises(OutputError, match="no permission"):
            run.save(checkpoint(6))
        with an_ordinary_user(), pytest.raises(OutputError, match="no permission"):
            run.log_metrics({"step": 6})
        with an_ordinary_user(), pytest.raises(OutputError, match="no permission"):
            RunDirectory.create_named(run.path, force=True)
        assert snapshot(reachable) == before

    def test_a_name_that_is_too_long(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="the name is too long; choose a shorter name"):
            RunDirectory.create_default("x" * 300, tmp_path)

    def test_a_directory_that_has_gone(self, tmp_path: Path) -> None:
        run = RunDirectory.create_named(tmp_path / "run")
        run.path.rmdir()
        with pytest.raises(OutputError, match=complaint(run, "the folder does not exist")):
            run.save(checkpoint(1))
        with pytest.raises(OutputError, match=complaint(run, "the folder does not exist")):
            run.log_metrics({"step": 1})

    def test_a_folder_in_the_place_of_a_file(self, tmp_path: Path) -> None:
        run = RunDirectory.create_named(tmp_path / "run")
        run.checkpoint.mkdir()
        run.metrics.mkdir()
        with pytest.raises(OutputError, match=complaint(run, "it is a folder, not a file")):
            run.save(checkpoint(1))
        with pytest.raises(OutputError, match=complaint(run, "it is a folder, not a file")):
            run.log_metrics({"step": 1})
        assert names(run.path) == ["last.safetensors", "metrics.jsonl"]

    def test_a_device_is_not_replaced(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with pytest.raises(OutputError, match="it is not a regular file"):
            save_checkpoint(pipe, checkpoint(1))
        assert pipe.is_fifo()
        assert names(tmp_path) == ["pipe"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"]
    try:
        done = subprocess.run(["mount", *options, folder], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"cannot mount a small disk: {error}")
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


class TestFullDisk:
    def test_the_last_checkpoint_and_whole_lines_stay(self, small_disk: Path) -> None:
        run = full_run(small_disk / "run")
        before = snapshot(small_disk)
        with pytest.raises(OutputError, match=complaint(run, "the disk is full; free some space")):
            run.save(checkpoint(6, size=100_000))
        assert snapshot(small_disk) == before

        with pytest.raises(OutputError, match=complaint(run, "the disk is full")):
            run.log_sample(6, "x" * 100_000)
        assert snapshot(small_disk) == before

        with contextlib.suppress(OSError):
            (small_disk / "rest").write_bytes(bytes(100_000))
        with pytest.raises(OutputError, match="the disk is full"):
            run.write_config("seed: 2\n")
        (small_disk / "rest").unlink()
        assert snapshot(small_disk) == before
        run.save(checkpoint(7))
        assert load_checkpoint(run.path).state == {"step": 7}

    def test_the_same_where_files_may_not_grow(self, tmp_path: Path) -> None:
        """The same by a limit on the size of files, which needs no right to mount."""
        full_run(tmp_path)
        before = snapshot(tmp_path)
        program = """
import resource, sys
from pathlib import Path
import numpy as np
from charlm.errors import OutputError
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
run = RunDirectory(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
for write in [
    lambda: run.save(Checkpoint({"w": np.zeros(100_000)}, {}, [], {})),
    lambda: run.log_sample(6, "x" * 100_000),
]:
    try:
        write()
    except OutputError as error:
        print(error)
"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.count("cannot write: the file would be larger than the system") == 2
        assert snapshot(tmp_path) == before


def test_a_log_is_a_regular_file(tmp_path: Path) -> None:
    """A pipe would be waited for without end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OutputError, match=f"^{path}: cannot write: it is not a regular file"):
            LineLog(path).write("line")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_a_run_stopped_at_any_moment_keeps_a_whole_checkpoint(
    tmp_path: Path, how: signal.Signals
) -> None:
    program = """
import signal, sys
from pathlib import Path
import numpy as np
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in background
run = RunDirectory.create_named(Path(sys.argv[1]), force=True)
run.write_config("")
for step in range(10**6):
    run.save(Checkpoint({"w": np.full(500_000, step)}, {}, [], {"step": step}))
    run.log_metrics({"step": step})
    if step == int(sys.argv[2]):
        print("now", flush=True)
"""
    run = RunDirectory(tmp_path / "run")
    for last in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(run.path), str(last)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(how)
            process.wait()
        loaded = load_checkpoint(run.path)
        assert (loaded.tensors["w"] == loaded.state["step"]).all()
        assert loaded.state["step"] >= last
        logged = [json.loads(line)["step"] for line in run.metrics.read_text().splitlines()]
        assert logged == list(range(len(logged)))
        if how == signal.SIGINT:
            assert names(run.path) == ["config.yaml", "last.safetensors", "metrics.jsonl"]


TRAPS = [
    "*",
    "run?",
    "[ab]",
    "-o",
    "--force",
    "a\nb",
    " a",
    "a ",
    "~nobody-of-this-name",
    "\x1b[0m",
    "*/a",
]


@pytest.mark.parametrize("name", TRAPS)
def test_a_folder_that_would_be_a_trap_is_not_made(tmp_path, name):
    with pytest.raises(InputError, match="choose a name of letters") as raised:
        RunDirectory.create_named(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    path = Path(ast.literal_eval(str(raised.value).rsplit("such as ")[1]))
    assert RunDirectory.create_named(path).path == path


@pytest.mark.parametrize("name", ["a b", ".hidden", "Übung", "a(1)", "it's", "a.b_c-d"])
def test_a_name_that_harms_nobody_is_taken_as_it_is(tmp_path, name):
    assert RunDirectory.create_named(tmp_path / name).path == tmp_path / name


def test_a_folder_that_exists_may_have_any_name(tmp_path):
    (tmp_path / "[old] *").mkdir()
    assert RunDirectory.create_named(tmp_path / "[old] *" / "run").path.is_dir()


def test_sweeping_removes_what_a_killed_process_left_but_not_what_this_one_writes(tmp_path):
    left = tmp_path / ".charlm-0.tmp"
    left.write_text("")
    with replacing(tmp_path / "baselines.json") as file:
        RunDirectory(tmp_path).sweep()
        file.write(b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["baselines.json"]
