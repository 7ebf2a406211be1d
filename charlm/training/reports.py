"""Reports of a run: notices for its user, and the facts and the summary in its directory."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from charlm import __version__
from charlm.config import RunConfig
from charlm.errors import how_to_install
from charlm.lm.compute import misses_numba
from charlm.lm.model import Model
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.leakage import leakage_note
from charlm.training.budget import Budget
from charlm.training.events import Started
from charlm.training.guard import Guard
from charlm.training.state import Progress
from charlm.training.work import seconds_saved


def remarks(config: RunConfig, corpus: LineCorpus | StreamCorpus) -> Iterator[str]:
    """Yield what the user should know about how a run is scored and computed."""
    held_out, most = len(corpus.held_out_ids), config.train.eval_characters
    if most is not None and held_out > most:
        yield (
            f"each held-out score uses about {most:,} of the {held_out:,} held-out characters, evenly spaced "
            "(train.eval_characters); `charlm eval` scores all of them"
        )
    if (note := leakage_note(corpus, config.data)) is not None:
        yield note
    if misses_numba(config.train.kernels, seconds_saved(config, corpus)):
        yield f"with numba this would be several times as fast; {how_to_install('numba')}"


def started(
    model: Model, corpus: LineCorpus | StreamCorpus, step: int, notices: tuple[str, ...]
) -> Started:
    """Return the event at the beginning of a run."""
    parameters, held_out = model.parameter_count(), len(corpus.held_out_ids)
    return Started(step, parameters, len(corpus.vocab), len(corpus.train_ids), held_out, notices)


def meta(config: RunConfig, corpus: LineCorpus | StreamCorpus, parameters: int) -> dict[str, Any]:
    """Return the facts of a run: its software, its settings and the size of its text and model."""
    return {
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "charlm": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        **{name: _version(name) for name in ("numpy", "numba")},  # numba's if it is used
        "seed": config.train.seed,
        "kernels": config.train.kernels,
        "threads": config.train.threads,
        "parameters": parameters,
        "vocabulary": len(corpus.vocab),
        "text_sha256": corpus.sha256,
        "train_characters": len(corpus.train_ids),
        "held_out_characters": len(corpus.held_out_ids),
    }


def _version(module: str) -> str | None:
    return getattr(sys.modules.get(module), "__version__", None)


def summary(
    state: str, reason: str, budget: Budget, progress: Progress, guard: Guard, seconds: float
) -> dict[str, Any]:
    """Return a run's ``state`` (``running``, ``finished``, ``stopped`` or ``failed``), why, and how far it is."""
    nll = progress.last_nll
    return {
        "state": state,
        "reason": reason[:1000],
        "budget": str(budget),
        "step": progress.step,
        "steps": budget.steps,
        "seconds": round(seconds, 3),
        "characters": progress.characters,
        "last_loss": progress.last_loss,
        "last_nll": nll if nll is not None and math.isfinite(nll) else None,
        "best_nll": progress.best_nll,
        "best_step": progress.best_step,
        "skipped": guard.skipped,
        "rollbacks": guard.rollbacks,
    }
