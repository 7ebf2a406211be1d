"""What a training reports on the way: samples and held-out scores; and what its directory tells of it."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Generator, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from charlm import __version__, progress
from charlm.config import RunConfig
from charlm.errors import EvaluationError, how_to_install
from charlm.lm.compute import misses_numba
from charlm.lm.evaluation import evaluate
from charlm.lm.sampling import collect
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.training.events import Evaluated, Sampled
from charlm.training.state import weights
from charlm.training.work import seconds_saved

if TYPE_CHECKING:
    from charlm.training.loop import Training

T = TypeVar("T")


def remarks(config: RunConfig, corpus: LineCorpus | StreamCorpus) -> Iterator[str]:
    """Say what the user should know about how a run is scored and computed."""
    held_out, most = len(corpus.held_out_ids), config.train.eval_characters
    if most is not None and held_out > most:
        yield (
            f"each held-out score is over about {most:,} of the {held_out:,} held-out characters, evenly placed "
            "(train.eval_characters); charlm eval scores all of them"
        )
    if misses_numba(config.train.kernels, seconds_saved(config, corpus)):
        yield f"with numba this would be several times as fast; {how_to_install('numba')}"


def sample(training: Training) -> Sampled | None:
    """Draw a text; None if that was interrupted, or the model's numbers are none."""
    place, model = training.place, training.model
    # not the initialiser's stream: sampling disturbs nothing
    drawn = model.stream(model.line_limit, seed=[training.config.train.seed, place.step])
    try:
        with training.averaging.applied():
            text = collect(_unless_stopped(training, drawn))
    except _StoppedError:
        return None
    except EvaluationError:
        text = None
    place.sampled = place.step
    if text is None:
        return None
    training.record.sample(place.step, text.text)
    return Sampled(place.step, text)


def score(training: Training) -> Evaluated | None:
    """Score the held-out text, and keep the weights if they are the best; None if that was interrupted."""
    place, most = training.place, training.config.train.eval_characters
    pieces = _unless_stopped(training, iter(training.corpus.held_out_batches(most)))
    held_out = len(training.corpus.held_out_ids)
    with training.averaging.applied():
        try:
            with progress.task("scoring", min(held_out, most or held_out)):
                found = evaluate(training.model, pieces)
        except _StoppedError:
            return None
        best = math.isfinite(found.nll) and (place.best_nll is None or found.nll < place.best_nll)
        place.evaluated, place.last_nll = place.step, found.nll
        place.stale += 1
        if best:
            place.best_nll, place.best_step, place.stale = found.nll, place.step, 0
            training.record.save_best(weights(training))
    training.schedule.score(found.nll)
    training.log(
        {
            "held_out_nll": found.nll,
            "held_out_bpc": found.bpc,
            "held_out_perplexity": found.perplexity,
        }
    )
    return Evaluated(place.step, found, best)


class _StoppedError(Exception):
    """What was going on is left for when the run is resumed."""


def _unless_stopped(training: Training, items: Iterator[T]) -> Generator[T, None, Any]:
    """Yield the items, and end with ``_StoppedError`` once the run is to stop."""
    while True:
        if training.stopping:
            raise _StoppedError
        try:
            item = next(items)
        except StopIteration as end:
            return end.value
        yield item


def meta(training: Training) -> dict[str, Any]:
    """Return what a run is and was started with."""
    corpus = training.corpus
    return {
        **session(),
        "charlm": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        # numba's only where it computes
        **{name: _version(name) for name in ("numpy", "numba")},
        "seed": training.config.train.seed,
        "kernels": training.compute.kernels,
        "threads": training.compute.threads,
        "parameters": training.model.parameter_count(),
        "vocabulary": len(corpus.vocab),
        "text_sha256": corpus.sha256,
        "train_characters": len(corpus.train_ids),
        "held_out_characters": len(corpus.held_out_ids),
    }


def session() -> dict[str, str]:
    """Return when and by what command a process trains."""
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"started": started, "command": shlex.join(sys.argv)}


def _version(module: str) -> str | None:
    return getattr(sys.modules.get(module), "__version__", None)


def summary(training: Training, state: str, reason: str) -> dict[str, Any]:
    """Return how a run stands or ended."""
    place, guard = training.place, training.guard
    nll = place.last_nll
    return {
        "state": state,
        "reason": reason[:1000],
        "budget": str(training.budget),
        "step": place.step,
        "steps": training.budget.steps,
        "seconds": round(training.clock.seconds, 3),
        "characters": place.characters,
        "last_loss": place.last_loss,
        "last_nll": nll if nll is not None and math.isfinite(nll) else None,
        "best_nll": place.best_nll,
        "best_step": place.best_step,
        "skipped": guard.skipped,
        "rollbacks": guard.rollbacks,
    }
