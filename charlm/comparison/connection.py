"""A connection to a Dask cluster whose workers can train members: the same code, texts and packages as here."""

from __future__ import annotations

import contextlib
import logging
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from charlm import __version__
from charlm.comparison import equipment
from charlm.comparison.equipment import Files
from charlm.comparison.plan import Member
from charlm.errors import ClusterError, TextError
from charlm.text.preparing import source_paths
from charlm.text.sources import sources_of

if TYPE_CHECKING:
    from charlm.comparison.pieces import Piece

CONNECT, PATIENCE = 10.0, 30.0
"""Seconds to wait for the scheduler, and for a worker."""
LARGEST = 1 << 30
"""The maximum bytes of all texts: the scheduler keeps them in memory, for workers that come later."""
NEEDED = ("numpy", "attrs", "cattrs", "safetensors", "ruamel.yaml", "threadpoolctl")
"""The packages that training needs."""

Task = Any
"""A future of Dask."""
Value = TypeVar("Value")


@contextlib.contextmanager
def connected(address: str, members: Sequence[Member]) -> Iterator[Connection]:
    """Connect to a scheduler, and prepare its workers for these members.

    Raises:
        ClusterError: it cannot be reached, or no worker can be used.
        TextError: a text cannot be read, or the texts are too large to be sent.
    """
    distributed: Any = import_module("distributed")
    with _silence():
        try:
            client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise ClusterError(
                f"{address}: no Dask scheduler answers there ({_first_line(error)}); start one with `dask scheduler`, "
                "and give the address that it prints, as this machine sees it"
            ) from error
        try:
            connection = Connection(address, client, members)
            try:
                yield connection
            finally:
                with contextlib.suppress(Exception):  # the connection may be lost
                    connection.close()
        finally:
            client.close(timeout=CONNECT)


class Connection:
    """A scheduler with its workers."""

    def __init__(self, address: str, client: Any, members: Sequence[Member]) -> None:
        self._address = address
        self._client = client
        self._name = f"charlm-{client.id}"
        self._tasks: set[Task] = set()
        self._counted = (0, -1.0)
        self._seen = time.monotonic()
        texts = _texts(members)
        self._digests = {name: equipment.digest_of(files) for name, files in texts.items()}
        self._await_worker()
        self._compare_python()
        self._equip({self._digests[name]: files for name, files in texts.items()}, members)

    def workers(self) -> int:
        """Return the number of workers.

        Raises:
            ClusterError: there has been none for some time, or the connection is lost.
        """
        count, at = self._counted
        now = time.monotonic()
        if now - at > 1:
            count = len(self._ask(self._client.nthreads))
            self._counted = count, now
        if count:
            self._seen = now
        elif now - self._seen > PATIENCE:
            raise self._no_worker()
        return count

    def submit(self, member: Member, files: Files, seconds: float) -> Task:
        """Let a worker train a piece of a member."""
        import dask

        # a function of its own: the scheduler reads it, and may have no charlm
        def train(*arguments: Any) -> Any:
            from charlm.comparison.pieces import train_piece

            return train_piece(*arguments)

        texts = {name: self._digests[name] for name in _names(member)}
        arguments = pickle.dumps(member), files, texts, seconds, self._name
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            task = self._ask(self._client.submit, train, *arguments, pure=False)
        self._tasks.add(task)
        return task

    def result(self, task: Task) -> Piece | str:
        """Return what a task returned; or why there is no result, if its workers died each time it was tried.

        Raises:
            ClusterError: the worker cannot train, or the connection is lost.
        """
        from distributed import KilledWorker

        self._tasks.discard(task)
        if task.status not in ("finished", "error"):
            raise self._lost(task.status)
        error = self._ask(task.exception)
        if isinstance(error, KilledWorker):
            return (
                f"{error.allowed_failures + 1} workers died while they trained it, most often because the memory is "
                f"not enough; the last was {error.last_worker.address}. Its log may say more"
            )
        if error is not None:
            self._compare_python()
            raise ClusterError(f"{self._address}: a worker cannot train: {_first_line(error)}")
        piece: Piece = self._ask(task.result)
        return piece

    def hurry(self) -> None:
        """Let all tasks end as soon as they can."""
        name = self._name
        self._ask(
            self._client.run,
            lambda dask_worker: setattr(dask_worker.plugins[name], "hurry", True),
            on_error="ignore",
        )

    def close(self) -> None:
        """Cancel the tasks, and remove the texts."""
        if self._client.status == "running":
            self._client.cancel(list(self._tasks), force=True)
            self._client.unregister_worker_plugin(self._name)

    def _ask(self, function: Callable[..., Value], *arguments: Any, **options: Any) -> Value:
        """Call a function of Dask's.

        Raises:
            ClusterError: the connection is lost.
        """
        from distributed import CancelledError

        try:
            return function(*arguments, **options)
        except (OSError, TimeoutError, CancelledError) as error:
            raise self._lost(_first_line(error)) from error

    def _lost(self, why: str) -> ClusterError:
        return ClusterError(
            f"{self._address}: the connection to the Dask scheduler is lost ({why}). What the workers sent before is "
            "saved; when the scheduler runs again, repeat the command to go on"
        )

    def _no_worker(self) -> ClusterError:
        return ClusterError(
            f"{self._address}: the Dask scheduler has no worker, for {PATIENCE:.0f} s; start some: "
            f"dask worker {self._address} --nthreads 1. Then repeat the command"
        )

    def _await_worker(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise self._no_worker() from error

    def _compare_python(self) -> None:
        versions = self._ask(self._client.get_versions)
        places = {"the scheduler": versions["scheduler"]}
        places |= {f"the worker {name}": about for name, about in versions["workers"].items()}
        pythons = {place: dict(about["host"])["python"] for place, about in places.items()}
        if (problem := python_problem(pythons)) is not None:
            raise ClusterError(f"{self._address}: {problem}")

    def _equip(self, texts: Mapping[str, Files], members: Sequence[Member]) -> None:
        """Send code and texts to all workers, also those that come later."""
        import cloudpickle
        import distributed

        package = Path(equipment.__file__).parents[1]
        kernels = {member.config.train.kernels for member in members}
        needed = (*NEEDED, "numba", "llvmlite") if "numba" in kernels else NEEDED
        versions = {name: version(name) for name in needed}
        cloudpickle.register_pickle_by_value(equipment)  # workers cannot import it yet
        plugin = equipment.plugin(
            distributed.WorkerPlugin,
            self._name,
            __version__,
            equipment.code_in(package),
            texts,
            versions,
        )
        self._forget_the_dead()
        self._ask(self._client.register_plugin, plugin, name=self._name)
        name = self._name
        problems = self._ask(
            self._client.run, lambda dask_worker: dask_worker.plugins[name].problem
        )
        for worker, problem in problems.items():
            if problem is not None:
                raise ClusterError(f"{self._address}: the worker {worker} cannot train: {problem}")

    def _forget_the_dead(self) -> None:
        """Remove the texts of programs that ended without doing so."""

        def dead(dask_scheduler: Any) -> list[str]:
            clients = {f"charlm-{client}" for client in dask_scheduler.clients}
            plugins = dask_scheduler.worker_plugins
            return [name for name in plugins if name.startswith("charlm-") and name not in clients]

        for name in self._ask(self._client.run_on_scheduler, dead):
            self._ask(self._client.unregister_worker_plugin, name)


def python_problem(pythons: Mapping[str, str]) -> str | None:
    """Return why a cluster with these versions of Python, by place, cannot be used; None if it can.

    Another Python cannot read the functions that Dask sends.
    """
    here = ".".join(map(str, sys.version_info[:2]))
    for place, python in pythons.items():
        if not python.startswith(f"{here}."):
            there = python.partition(".final")[0]
            return (
                f"{place} has Python {there}, and here is Python {here}; Dask needs the same on all machines: start "
                f"it with Python {here}"
            )
    return None


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep Dask's own messages from the terminal: what goes wrong is said once, by an error."""
    from distributed.versions import VersionMismatchWarning

    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _names(member: Member) -> list[str]:
    """Return the names of the texts in a member's configuration."""
    data = member.config.data
    return [*data.texts, *([] if data.val_file is None else [data.val_file])]


def _texts(members: Sequence[Member]) -> dict[str, dict[str, bytes]]:
    """Return the files of the texts, by their names in configurations; the files have names in their order."""
    texts = {}
    size = 0
    for name in dict.fromkeys(name for member in members for name in _names(member)):
        sources = sources_of(source_paths([name]))
        size += sum(source.path.stat().st_size for source in sources)
        if size > LARGEST:
            raise TextError(
                f"the texts have {size:,} bytes, and at most {LARGEST:,} are sent to a cluster; train on a part of "
                "them, or on this machine (--workers)"
            )
        pieces = (b"".join(source.pieces()) for source in sources)
        texts[name] = {f"{number:06}.txt": content for number, content in enumerate(pieces)}
    return texts


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
