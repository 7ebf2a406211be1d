"""A command on one process or, started by ``mpirun``, on several ranks: rank 0 does its work, and the others follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from charlm.ranks import Ranks, world


def on_all_ranks(settings: dict[str, Any], work: Callable[[Ranks | None], int]) -> int:
    """Do a command's work, with the ranks if there are several, and return the exit code."""
    ranks = world()
    if ranks is None:
        return work(None)
    if ranks.rank == 0:
        with ranks.leading():
            return work(ranks)
    from charlm.cli.live.following import follow  # this imports numpy

    return follow(ranks, settings)
