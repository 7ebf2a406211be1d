"""A comparison on a real Dask cluster: a scheduler and workers on this machine, without a folder in common."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import charlm
from charlm.cli import main
from charlm.comparison import cluster, connection
from charlm.comparison.cluster import run_on_cluster
from charlm.comparison.connection import python_problem
from charlm.comparison.equipment import code_in, digest_of, package_problem, place
from charlm.comparison.plan import Member
from charlm.comparison.pool import (
    MemberFailed,
    MemberFinished,
    MemberMoved,
    MemberStarted,
    run_members,
)
from charlm.comparison.results import MemberResult
from charlm.config import load_config
from charlm.errors import ClusterError, InputError
from charlm.runs.checkpoint import load_checkpoint
from charlm.text.preparing import corpus_of
from charlm.training.budget import Budget

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

ROOT = Path(__file__).resolve().parents[2]
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 60
STEPS = 8
BUDGET = Budget(steps=STEPS, why=f"{STEPS} steps", max_time=None, patience=None)
SETTINGS = [
    "model.cell=gru",
    "model.embed_dim=8",
    "model.hidden_dim=16",
    "data.batch_size=4",
    "data.seq_length=16",
    f"train.steps={STEPS}",
    "train.max_time=null",
    "train.log_every=1",
    "train.sample_every=3",
    "train.eval_every=4",
    "train.kernels=numpy",
    "train.threads=1",
    "model.dropout=0.2",
]


class Dask:
    """A scheduler and its workers, each a process in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = (folder / "log").open("w")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        self._start(
            "scheduler", "scheduler", "--host", "127.0.0.1", "--port", port, "--idle-timeout", "120"
        )

    def worker(self, name: str, *options: str, **environment: str) -> None:
        """Start a worker without charlm on its path, and wait for it."""
        local = self.folder / name / "local"
        self._start(
            name,
            *("worker", self.address, "--name", name, "--no-nanny", "--nthreads", "1"),
            *("--local-directory", str(local), "--death-timeout", "60", *options),
            **environment,
        )
        with self.client() as client:
            client.wait_for_workers(len(self.processes) - 1, timeout=60)

    def _start(self, name: str, *arguments: str, **environment: str) -> None:
        here = self.folder / name
        here.mkdir(exist_ok=True)
        inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "HOME")}
        own = {"HOME": str(here), "XDG_CACHE_HOME": str(here / "cache"), **environment}
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            cwd=here,
            env={**inherited, **own},
            stdout=self.log,
            stderr=self.log,
        )

    def client(self) -> Any:
        return distributed.Client(self.address, set_as_default=False)

    def end(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for name in list(self.processes):
            self.end(name)
        self.log.close()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Dask]:
    dask = Dask(folder)
    try:
        yield dask
    finally:
        dask.close()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A cluster with two workers; one has no home and no cache."""
    with running(tmp_path_factory.mktemp("dask")) as dask:
        dask.worker("one")
        dask.worker("two", HOME="/dev/null/none", XDG_CACHE_HOME="/dev/null/none")
        yield dask


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is one step, however fast the machine is."""
    monkeypatch.setattr(cluster, "PIECE", 0.0)
    monkeypatch.setattr(cluster, "LONGEST", 0.0)


def members_of(text: Path, seeds: int = 2) -> list[Member]:
    base = load_config("small", texts=[str(text)], overrides=SETTINGS)
    digest = corpus_of(base.data).sha256
    configs = [attrs.evolve(base, train=attrs.evolve(base.train, seed=s)) for s in range(seeds)]
    return [
        Member(name="gru", seed=c.train.seed, config=c, text_sha256=digest, budget=BUDGET)
        for c in configs
    ]


@pytest.fixture
def members(tmp_path: Path) -> list[Member]:
    text = tmp_path / "novel.txt"
    text.write_text(TEXT)
    return members_of(text)


def never() -> bool:
    return False


def checkpoints(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.safetensors")
    }


def plain(result: MemberResult) -> MemberResult:
    """Return a result without the times."""
    scores = tuple(attrs.evolve(score, seconds=0.0) for score in result.scores)
    return attrs.evolve(result, seconds=0.0, scores=scores)


def results(events: list[Any]) -> list[MemberResult]:
    made = [plain(event.result) for event in events if isinstance(event, MemberFinished)]
    return sorted(made, key=lambda result: result.seed)


def check_equal(members: list[Member], events: list[Any], folder: Path, serial: Path) -> None:
    """Compare the results and the checkpoints with those of a run in this process."""
    assert not [event.reason for event in events if isinstance(event, MemberFailed)]
    assert results(events) == results(list(run_members(members, serial, never)))
    assert checkpoints(folder) == checkpoints(serial)
    assert len(checkpoints(folder)) == 2 * len(members)


def left_in(dask: Dask) -> list[str]:
    """Return what the scheduler still keeps for workers that come later."""
    with dask.client() as client:
        plugins = client.run_on_scheduler(
            lambda dask_scheduler: list(dask_scheduler.worker_plugins)
        )
    return [name for name in plugins if name.startswith("charlm")]


def kill_busy_worker(dask: Dask, killed: list[str]) -> None:
    """Kill a worker in the middle of a piece."""
    with dask.client() as client:
        while not killed:
            info = client.scheduler_info(n_workers=-1)["workers"]
            for address, tasks in client.processing().items():
                if tasks and address in info and not killed:
                    name = info[address]["name"]
                    os.kill(dask.processes[name].pid, signal.SIGSTOP)
                    if client.processing().get(address):  # it had not finished yet
                        killed.append(name)
                    os.kill(dask.processes[name].pid, signal.SIGKILL if killed else signal.SIGCONT)


def test_a_killed_worker_changes_no_bit(dask: Dask, members: list[Member], tmp_path: Path) -> None:
    dask.worker("three")
    events, killed = [], []
    killer = threading.Thread(target=kill_busy_worker, args=(dask, killed), daemon=True)
    for event in run_on_cluster(members, tmp_path / "here", never, dask.address):
        if isinstance(event, MemberMoved) and not killer.ident:
            killer.start()
        events.append(event)
    killer.join(30)
    assert killed
    check_equal(members, events, tmp_path / "here", tmp_path / "serial")
    dask.end(killed[0])


def test_workers_need_no_text_no_home_and_no_charlm(
    dask: Dask, members: list[Member], tmp_path: Path
) -> None:
    events: list[Any] = []
    seen: set[tuple[str, str, int, int]] = set()

    def look(dask_worker: Any) -> tuple[str, list[tuple[str, int, int]]]:
        import charlm

        files = sorted(Path(dask_worker.local_directory).glob("charlm-*/*/*.txt"))
        stats = [file.stat() for file in files]
        return str(charlm.__file__), [
            (str(file), stat.st_ino, stat.st_mtime_ns)
            for file, stat in zip(files, stats, strict=True)
        ]

    text = Path(members[0].config.data.texts[0])
    with dask.client() as client:
        for event in run_on_cluster(members, tmp_path / "here", never, dask.address):
            events.append(event)
            if isinstance(event, MemberStarted):
                text.unlink(missing_ok=True)
            if isinstance(event, MemberMoved):
                for worker, (package, files) in client.run(look).items():
                    assert "/code/" in package or "/charlm-code/" in package
                    seen |= {(worker, *file) for file in files}
        workers = len(client.nthreads())
        assert len(seen) == workers  # one file each, written once
    assert left_in(dask) == []
    text.write_text(TEXT)
    check_equal(members, events, tmp_path / "here", tmp_path / "serial")


COORDINATOR = """
import pickle, sys
from pathlib import Path
from charlm.comparison import cluster
cluster.PIECE = cluster.LONGEST = 0.0
members = pickle.loads(sys.stdin.buffer.read())
for event in cluster.run_on_cluster(members, Path(sys.argv[1]), lambda: False, sys.argv[2]):
    print(type(event).__name__, flush=True)
"""


def test_a_killed_coordinator_goes_on(dask: Dask, members: list[Member], tmp_path: Path) -> None:
    here = tmp_path / "here"
    with subprocess.Popen(
        [sys.executable, "-c", COORDINATOR, str(here), dask.address],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as coordinator:
        assert coordinator.stdin is not None
        assert coordinator.stdout is not None
        coordinator.stdin.write(pickle.dumps(members))
        coordinator.stdin.close()
        moved = 0
        for line in coordinator.stdout:
            moved += line == b"MemberMoved\n"
            if moved == 4:
                coordinator.kill()
    before = {member.seed: steps_in(here / member.folder) for member in members}
    assert sum(before.values()) >= 4
    events = list(run_on_cluster(members, here, never, dask.address))
    moves = [event for event in events if isinstance(event, MemberMoved)]  # one a step
    assert len(moves) == len(members) * STEPS - sum(before.values())
    check_equal(members, events, here, tmp_path / "serial")
    assert left_in(dask) == []


def steps_in(folder: Path) -> int:
    file = folder / "last.safetensors"
    return int(load_checkpoint(file).state["progress"]["step"]) if file.exists() else 0


def test_stopping_saves_what_the_workers_have(
    dask: Dask, members: list[Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PIECE", 600.0)
    monkeypatch.setattr(cluster, "LONGEST", 600.0)
    train = attrs.evolve(members[0].config.train, steps=10**6, patience=None)
    budget = replace(BUDGET, steps=10**6)
    long = attrs.evolve(
        members[0], config=attrs.evolve(members[0].config, train=train), budget=budget
    )
    looks = iter(range(10**9))

    def stopping() -> bool:  # it is asked about every PAUSE
        return next(looks) > 40

    events = list(run_on_cluster([long], tmp_path, stopping, dask.address))
    assert [type(event) for event in events] == [MemberStarted, MemberMoved]
    assert steps_in(tmp_path / long.folder) > 0


def test_a_failed_member_does_not_end_the_others(
    dask: Dask, members: list[Member], tmp_path: Path
) -> None:
    broken = attrs.evolve(members[0], text_sha256="0")
    events = list(run_on_cluster([broken, members[1]], tmp_path, never, dask.address))
    failed = [event for event in events if isinstance(event, MemberFailed)]
    assert [event.member.seed for event in failed] == [0]
    assert "the text was changed" in failed[0].reason
    assert [result.seed for result in results(events)] == [1]


def refused(members: list[Member], folder: Path, address: str) -> str:
    with pytest.raises(ClusterError) as caught:
        list(run_on_cluster(members, folder, never, address))
    return str(caught.value)


def test_a_cluster_that_cannot_train_is_refused_and_a_lost_one_has_saved(
    members: list[Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dask").mkdir()
    with running(tmp_path / "dask") as dask:
        with monkeypatch.context() as impatient:
            impatient.setattr(connection, "PATIENCE", 0.1)
            told = refused(members, tmp_path / "here", dask.address)
            assert f"dask worker {dask.address} --nthreads 1" in told
        dask.worker("two", "--nthreads", "2")
        assert "--nworkers 2 --nthreads 1" in refused(members, tmp_path / "here", dask.address)
        dask.end("two")
        (tmp_path / "charlm").mkdir()
        (tmp_path / "charlm" / "__init__.py").write_text("__version__ = '0.0.9'")
        dask.worker("old", "--preload", "charlm", PYTHONPATH=str(tmp_path))
        told = refused(members, tmp_path / "here", dask.address)
        assert "charlm 0.0.9" in told
        assert f"here is charlm {charlm.__version__}" in told
        assert "start it again" in told
        dask.end("old")
        dask.worker("good")
        here = tmp_path / "here"

        def saved() -> int:
            return sum(steps_in(here / member.folder) for member in members)

        def stopping() -> bool:
            if saved() >= 2 and "scheduler" in dask.processes:
                dask.end("scheduler")
            return False

        with pytest.raises(ClusterError, match=r"connection to the Dask scheduler is lost.*repeat"):
            list(run_on_cluster(members, here, stopping, dask.address))
        assert saved() >= 2


def test_the_command_prints_the_same_table(
    dask: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("novel.txt").write_text(TEXT)
    what = "text novel.txt --grid model.hidden_dim=4,8 --steps 4 --seeds 1 --kernels numpy"
    printed = []
    for more in (["-o", "here"], ["-o", "there", "--cluster", dask.address]):
        with pytest.raises(SystemExit) as ended:
            main(["compare", *what.split(), *more])
        assert ended.value.code == 0
        out = capfd.readouterr().out
        printed.append(re.sub(r"^(hidden_dim=\d .*?) +[\d.]+$", r"\1", out, flags=re.M))  # seconds
    assert "hidden_dim=8" in printed[0]
    assert printed[0] == printed[1]
    assert checkpoints(tmp_path / "there") == checkpoints(tmp_path / "here")


def test_workers_here_and_a_cluster_exclude_each_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", "srnn-vs-lstm", "--workers", "2", "--cluster", "tcp://host:8786"])
    assert ended.value.code == 2
    assert "give one of the two" in capfd.readouterr().err


def test_a_scheduler_that_does_not_answer_is_an_error(
    members: list[Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT", 0.3)
    with socket.socket() as closed:  # bound, but nothing listens there
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        told = refused(members, tmp_path, address)
    assert "no Dask scheduler answers there" in told
    assert "dask scheduler" in told


@pytest.mark.parametrize("address", ["host:8786", "tcp://host", "http://host:8786", "8786", ""])
def test_an_address_has_a_protocol_and_a_port(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tcp://host:8786"):
        list(run_on_cluster([], tmp_path, never, address))


@pytest.mark.parametrize(
    ("package", "version", "problem"),
    [("numpy", "1.0", "numpy is"), ("not-there", "2.5", "not-there is missing there and 2.5 here")],
)
def test_a_worker_is_told_which_packages_to_install(
    package: str, version: str, problem: str
) -> None:
    told = package_problem({"attrs": "0", package: version})
    assert told is not None
    assert problem in told
    assert f"python -m pip install attrs==0 {package}=={version}" in told


def test_other_versions_of_packages_that_compute_nothing_are_accepted() -> None:
    assert package_problem({"attrs": "0"}) is None


def test_another_python_is_refused() -> None:
    here = ".".join(map(str, sys.version_info[:3])) + ".final.0"
    assert python_problem({"the worker tcp://a:1": here}) is None
    told = python_problem({"the scheduler": here, "the worker tcp://a:1": "3.9.1.final.0"})
    assert told is not None
    assert "the worker tcp://a:1 has Python 3.9.1" in told
    assert f"here is Python {sys.version_info[0]}.{sys.version_info[1]}" in told


def test_a_folder_is_complete_or_not_there(tmp_path: Path) -> None:
    files = {"a/b.py": b"1", "c.py": b"2"}
    place(files, tmp_path / "it")
    assert code_in(tmp_path / "it") == {f"it/{name}": content for name, content in files.items()}
    with pytest.raises(FileExistsError):
        place({"a": b"", "a/b": b""}, tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


@settings(max_examples=25)
@given(st.dictionaries(st.text(), st.binary()), st.dictionaries(st.text(), st.binary()))
def test_a_digest_differs_if_the_files_do(one: dict[str, bytes], two: dict[str, bytes]) -> None:
    assert (digest_of(one) == digest_of(two)) == (one == two)
