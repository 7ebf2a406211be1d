"""Sparse gradients. The threads share the columns of the table, so each row's sum always has the same order."""

from __future__ import annotations

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.sequence import HANDOVER, MEMORY, flat, threads_for
from charlm.kernels.compiled.team import enter, leave, share
from charlm.kernels.compiled.vectors import LANES, add, load, store
from charlm.kernels.reference.common import Array
from charlm.kernels.team import Team


@compiled()
def _scatter_add(table, ids, rows, E, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    first, last = share((E + LANES - 1) // LANES, me, threads)
    for n in range(len(ids)):
        for j in range(first, last):
            to, count = ids[n] * E + j * LANES, E - j * LANES
            sums = add(load(table, to, count), load(rows, n * E + j * LANES, count))
            store(table, to, sums, count)
    leave(meeting, me, threads)


def scatter_add(team: Team, table_VE: Array, ids_N: Array, rows_NE: Array) -> None:
    """Add each row to the table's row of its id, in place; ids may repeat."""
    if table_VE.dtype != np.float32 or len(ids_N) == 1 or not table_VE.flags.c_contiguous:
        reference.scatter_add(table_VE, ids_N, rows_NE)
        return
    E = table_VE.shape[1]
    threads = threads_for(team, MEMORY * rows_NE.size // HANDOVER, E)
    ids = np.ascontiguousarray(ids_N, np.int64)
    team.run(_scatter_add, flat(table_VE), ids, flat(rows_NE), E, threads=threads)
