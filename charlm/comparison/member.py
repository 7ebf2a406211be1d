"""Training one member of a comparison: a plain function of plain data, for this process or any other.

A member has a run directory of its own, named by its identity. What is finished is not trained again, and what was
stopped or killed continues from its last checkpoint to the same bits.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias, TypeVar

import attrs

from charlm.comparison.finished import FinishedRun
from charlm.comparison.heldout import HeldOutText
from charlm.comparison.plan import Member
from charlm.comparison.results import BlockScores, MemberResult, ScoreAt
from charlm.errors import BadGradientError, StoredError, TextError
from charlm.lm.language_model import CharLM
from charlm.lm.sampling import collect
from charlm.lm.saved import config_of
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.training.events import Finished, RolledBack, Skipped, Stepped
from charlm.training.loop import Training
from charlm.training.work import shown_limit

T = TypeVar("T")

Stopping: TypeAlias = Callable[[], bool]
"""Tells whether the training is to save and stop. It is called after each step."""

Shares: TypeAlias = Generator[float, None, MemberResult | None]
"""Yields the part of a training that is done, from 0 to 1, and returns the result; None if it was stopped."""

PAUSE = 0.2
"""Seconds between two looks at whether another process still trains the member."""


def train_member(
    member: Member,
    folder: Path,
    stopping: Stopping = lambda: False,
    tell: Callable[[float], object] = lambda share: None,
) -> MemberResult | None:
    """Return the result of a member: read it, or train the member first, or resume its training.

    Its run directory is ``folder / member.folder``. If another process trains there, this waits for it. The result is
    in that directory too. Two trainings with equal kernels and threads end with the same bytes, however often
    they were stopped or killed. A run that is trained already is only scored, and nothing is written.

    Args:
        member: what to train.
        folder: of the comparison; it is created if it does not exist.
        stopping: asks whether to stop. Then the training is saved, and there is no result yet.
        tell: takes the part of the training that is done, from 0 to 1.

    Returns:
        The result; None if the training was stopped.

    Raises:
        BadGradientError: the training diverged.
        TextError: the text has changed.
        CharlmError: anything else; the message does not name the member.
        MemoryError: the memory is not enough.
    """
    return ended(training_of(member, folder, stopping), tell)


def ended(
    shares: Generator[float, None, T], tell: Callable[[float], object] = lambda share: None
) -> T:
    """Run a generator to its end, and return its result; ``tell`` takes what it yields."""
    while True:
        try:
            tell(next(shares))
        except StopIteration as end:
            result: T = end.value
            return result


def training_of(member: Member, folder: Path, stopping: Stopping = lambda: False) -> Shares:
    """Do what ``train_member`` does, and yield the part that is done after each step."""
    if member.run is not None:
        return scored(member, member.run)
    if (made := result_of(member, folder)) is not None:
        return made
    if stopping():
        return None
    directory = RunDirectory.create_or_open(folder / member.folder)

    def wait() -> None:
        if stopping():
            raise _StoppedError
        time.sleep(PAUSE)

    with contextlib.suppress(_StoppedError), directory.lock_after(wait):
        if (made := result_of(member, folder)) is not None:
            return made
        directory.sweep()
        training = _training(member, directory)
        if training.finished is None and not (yield from _trained(training, stopping)):
            return None
        result = _result(member, training, directory)
        result.write(folder / member.folder / member.result)
        return result
    return None


class _StoppedError(Exception):
    """The member is to stop before its training has begun."""


def result_of(member: Member, folder: Path) -> MemberResult | None:
    """Return the result of a member that has been trained; None if it has none."""
    with contextlib.suppress(StoredError):  # a damaged one is made again, from the run
        return MemberResult.read(folder / member.folder / member.result)
    return None


def _training(member: Member, directory: RunDirectory) -> Training:
    """Return the training of a member, at its beginning or at its last checkpoint."""
    if directory.checkpoint.exists():
        checkpoint = load_checkpoint(directory.checkpoint)
        before = config_of(checkpoint).train  # other kernels or threads could give other bits
        train = attrs.evolve(member.config.train, kernels=before.kernels, threads=before.threads)
        config = attrs.evolve(member.config, train=train)
        return Training(config, directory, resume=checkpoint)
    directory.cut_logs(0, 0)  # of a run that was killed before its first checkpoint
    training = Training(member.config, directory)
    if training.corpus.sha256 != member.text_sha256:
        raise TextError("the text was changed while it was read; start again when it is complete")
    return training


def _trained(training: Training, stopping: Stopping) -> Generator[float, None, bool]:
    """Train to the end of the budget, and return True; return False if the training was stopped."""
    for event in training.events():
        match event:
            case Stepped():
                yield event.progress
            case Skipped():  # going on with a smaller rate would change the comparison
                raise BadGradientError(
                    f"step {event.step} failed, because {event.reason}; a smaller learning rate may help"
                )
            case RolledBack():
                raise BadGradientError(
                    f"after step {event.from_step} the model's numbers are not finite; "
                    "a smaller learning rate may help"
                )
            case Finished():
                return not event.stopped
        if stopping():
            training.stop()
    raise AssertionError("a training ends with an event")


def _result(member: Member, training: Training, directory: RunDirectory) -> MemberResult:
    """Return the result of a training that has ended, from its files."""
    model, corpus, held_out = training.model, training.corpus, None
    if member.held_out is not None:
        if not directory.best.exists():
            raise BadGradientError(
                "no held-out score of this training is finite; a smaller learning rate may help"
            )
        model.load_arrays(load_checkpoint(directory.best).tensors)
        held_out = HeldOutText(corpus, training.config.data).score(model, member.held_out)
    return _gathered(member, model, corpus, directory, training.step, held_out)


def scored(member: Member, path: Path) -> MemberResult:
    """Return the result of a run that is trained already. Its losses are not those of each step, so it has none."""
    run = FinishedRun.read(path)
    assert member.held_out is not None
    held_out = HeldOutText(run.corpus, run.config.data).score(run.model(), member.held_out)
    directory = RunDirectory(path if path.is_dir() else path.parent)
    told, _ = directory.read_summary()
    steps = run.checkpoint.state["step"] if told is None else told.step
    result = _gathered(member, run.model(), run.corpus, directory, steps, held_out)
    return attrs.evolve(result, losses=())


def _gathered(
    member: Member,
    model: CharLM,
    corpus: LineCorpus | StreamCorpus,
    directory: RunDirectory,
    steps: int,
    held_out: BlockScores | None,
) -> MemberResult:
    """Return a result with what the metrics of a run tell."""
    rows, _ = directory.read_metrics()
    per_step = corpus.characters_per_step * member.config.train.accumulate
    sample = collect(model.stream(shown_limit(model), seed=[member.seed, steps]))
    return MemberResult(
        name=member.name,
        seed=member.seed,
        parameters=model.parameter_count(),
        steps=steps,
        characters=round(steps * per_step),
        seconds=rows[-1]["seconds"] if rows else 0.0,
        losses=tuple(row["loss"] for row in rows if row.get("loss") is not None),
        scores=tuple(
            ScoreAt(
                step=row["step"],
                characters=round(row["step"] * per_step),
                seconds=row["seconds"],
                nll=row["held_out_nll"],
            )
            for row in rows
            if row.get("held_out_nll") is not None
        ),
        held_out=held_out,
        sample=sample.text,
        sample_complete=sample.complete,
    )
