"""The processes of an MPI run, which MPI numbers as ranks: how many were started, and what they tell each other.

Rank 0 decides, and the others do what it orders. So every rank takes part in the same exchanges in the same order.
mpi4py is imported only where a launcher, such as ``mpirun``, has started several processes.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from charlm.errors import CharlmError, InputError, RankError, import_extra
from charlm.threads import share_cores

T = TypeVar("T")

SIZES = (
    "OMPI_COMM_WORLD_SIZE",  # mpirun of Open MPI
    "MV2_COMM_WORLD_SIZE",  # of MVAPICH
    "PMI_SIZE",  # of MPICH and Intel MPI
    "SLURM_STEP_NUM_TASKS",  # srun; SLURM_NTASKS is also set where a batch script starts one process
)
"""Variables with the number of ranks, which launchers set."""
REST = "rest"
NAP = 0.01
"""Seconds between two looks whether a rest is over."""


def launched() -> tuple[int, str]:
    """Return how many ranks a launcher has started, and the variable that says so; 1 if there was no launcher."""
    for variable in SIZES:
        value = os.environ.get(variable, "")
        if value.isdecimal():
            return int(value), variable
    return 1, ""


def world() -> Ranks | None:
    """Return the ranks that a launcher has started; None for an ordinary run.

    Raises:
        MissingExtraError: mpi4py is not installed.
        InputError: the launcher belongs to another MPI than mpi4py.
    """
    size, variable = launched()
    if size == 1:
        return None
    what = f"{variable} is {size}: one training by {size} ranks"
    comm = import_extra("mpi4py.MPI", what).COMM_WORLD
    if comm.size != size:
        raise InputError(
            f"{variable} is {size}, but the MPI of mpi4py sees {comm.size} rank(s): each would train the whole model; "
            "use the mpirun of the MPI that mpi4py was built for (python -m mpi4py --mpi-lib-version names it)"
        )
    return Ranks(comm)


class Ranks:
    """The ranks of one run, as one of them sees them.

    Args:
        comm: MPI's communicator.

    Attributes:
        rank: the number of this one, from 0.
        size: how many there are.
        ended: whether they no longer wait for orders.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.rank: int = comm.rank
        self.size: int = comm.size
        self.ended = False
        mpi = import_extra("mpi4py.MPI", "MPI")
        comm.Set_errhandler(mpi.ERRORS_ARE_FATAL)  # after one, the ranks are no longer in step
        self._here = comm.Split_type(mpi.COMM_TYPE_SHARED)
        share_cores(self._here.size)

    @contextlib.contextmanager
    def leading(self) -> Iterator[None]:
        """Give orders inside the block; its end lets the other ranks end too."""
        try:
            self._meet()
            yield
        except Exception:
            self._end()
            raise
        except BaseException:  # it may have come in the middle of an exchange
            self.comm.Abort(1)
            raise
        self._end()

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Do what is ordered inside the block. An error that rank 0 cannot know of ends all ranks at once."""
        try:
            yield
        except RankError:  # rank 0 reports it
            pass
        except BaseException as error:
            print(f"charlm: {RankError(*self._told(error))}", file=sys.stderr, flush=True)
            self.comm.Abort(1)
            raise

    def _meet(self) -> None:
        """Refuse ranks that were started for different work: a launcher can also start runs of their own."""
        own, error = sys.argv[1:], None
        if self.from_first(own) != own:
            size, variable = launched()
            error = InputError(
                f"its command line ends with {shlex.join(own)}, unlike that of rank 0, but all {size} ranks train one "
                f"model together; for a run of its own, start each process with env -u {variable} before the command"
            )
        self.check(error)

    def _end(self) -> None:
        if not self.ended:
            self.comm.bcast(None)
            self.ended = True

    def order(self, name: str, *arguments: Any) -> None:
        """On rank 0, have the other ranks make a call; on others, do nothing: they are making it."""
        if self.rank == 0:
            self.comm.bcast((name, arguments))

    def orders(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield what rank 0 orders, until it ends."""
        self._meet()
        while not self.ended:
            order = self.comm.bcast(None)
            if order is None:
                self.ended = True
            elif order == REST:
                rest = self.comm.Ibarrier()
                while not rest.Test():
                    time.sleep(NAP)
            else:
                yield order

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """On rank 0, have the others sleep during the block, which may use their cores: MPI waits with all of one."""
        self.comm.bcast(REST)
        share_cores(1)
        try:
            yield
        finally:
            share_cores(self._here.size)
            self.comm.Ibarrier().Wait()

    def from_first(self, value: T) -> T:
        """Return rank 0's value."""
        shared: T = self.comm.bcast(value)
        return shared

    def together(self, call: Callable[[], T]) -> T:
        """Make a call on every rank. The first of each machine makes it before the others, which may use its caches.

        Raises:
            RankError: it failed on some rank; rank 0 raises its own error as it is.
        """
        error, result = None, None
        if self._here.rank:
            self._here.Barrier()
        try:
            result = call()
        except Exception as caught:
            error = caught
        if not self._here.rank:
            self._here.Barrier()
        self.check(error)
        return result  # type: ignore[return-value]

    def check(self, error: Exception | None) -> None:
        """End the run on all ranks if there was an error on any.

        Raises:
            RankError: there was one; rank 0 raises its own as it is.
        """
        told = None if error is None else self._told(error)
        first = next(filter(None, self.comm.allgather(told)), None)
        if first is not None:
            self.ended = True
            raise error if error is not None and self.rank == 0 else RankError(*first)

    def _told(self, error: BaseException) -> tuple[int, str, str, int]:
        """Return what the other ranks are told about an error, the arguments of ``RankError``."""
        expected = isinstance(error, CharlmError)
        reason = str(error) if expected else f"{type(error).__name__}: {error}"
        return self.rank, socket.gethostname(), reason, getattr(error, "exit_code", 1)
