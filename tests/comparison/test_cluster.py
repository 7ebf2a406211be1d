"""A comparison on a real Dask cluster: a scheduler and workers on this machine, with no folder of charlm's in common."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from charlm.comparison import cluster, connection
from charlm.comparison.cluster import run_on_cluster
from charlm.comparison.equipment import NUMBERS, Equipment, digest_of, place
from charlm.comparison.plan import Member
from charlm.comparison.pool import (
    MemberFailed,
    MemberFinished,
    MemberMoved,
    MemberStarted,
    run_members,
)
from charlm.comparison.results import MemberResult
from charlm.config import load_run
from charlm.errors import ClusterError, InputError
from charlm.text.preparing import corpus_of

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

ROOT = Path(__file__).resolve().parents[2]
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 60
STEPS = 8
SETTINGS = [
    "model.cell=gru",
    "model.embed_dim=8",
    "model.hidden_dim=16",
    "data.batch_size=4",
    "data.seq_length=16",
    f"train.steps={STEPS}",
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
        self._start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", port)

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
    base = load_run("small", texts=[str(text)], overrides=SETTINGS)
    digest = corpus_of(base.data).sha256
    configs = [attrs.evolve(base, train=attrs.evolve(base.train, seed=s)) for s in range(seeds)]
    return [
        Member(name="gru", seed=c.train.seed, config=c, text_sha256=digest, work=STEPS)
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


def busy_worker(dask: Dask) -> str:
    """Stop a worker in the middle of a piece, and return its name."""
    with dask.client() as client:
        while True:
            info = client.scheduler_info(n_workers=-1)["workers"]
            for address, tasks in client.processing().items():
                if tasks and address in info:
                    name = info[address]["name"]
                    os.kill(dask.processes[name].pid, signal.SIGSTOP)
                    if client.processing().get(address):
                        return name
                    os.kill(dask.processes[name].pid, signal.SIGCONT)


def test_a_killed_worker_changes_no_bit(dask: Dask, members: list[Member], tmp_path: Path) -> None:
    dask.worker("three")
    events, killed = [], ""
    for event in run_on_cluster(members, tmp_path / "here", never, dask.address):
        events.append(event)
        if isinstance(event, MemberMoved) and not killed:
            killed = busy_worker(dask)
            dask.end(killed)
    assert killed, events
    check_equal(members, events, tmp_path / "here", tmp_path / "serial")
    if killed != "three":
        dask.end("three")
        dask.worker(killed, HOME="/dev/null/none", XDG_CACHE_HOME="/dev/null/none")
