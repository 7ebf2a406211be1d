"""The same training on every rank: rank 0 begins it, and the others follow."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import attrs

from charlm import __version__
from charlm.config import RunConfig
from charlm.errors import BadGradientError, InputError
from charlm.ranks import Ranks
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.preparing import kept_data
from charlm.training.loop import Training
from charlm.training.ranks import SharedLearner


def begin(
    ranks: Ranks | None,
    config: RunConfig,
    directory: RunDirectory | None = None,
    init_from: Checkpoint | None = None,
    text: str | None = None,
    resume: Checkpoint | None = None,
) -> Training:
    """Return a training in this process or, with ranks, on all of them; see ``Training`` for the other arguments.

    Raises:
        RankError: another rank cannot make it.
        InputError: ranks have read different texts, or run different versions of charlm.
    """
    if ranks is None:
        return Training(config, directory, init_from, text, resume)
    if text is None:
        config = attrs.evolve(config, data=kept_data(config.data))
    parts = config, init_from, text, resume
    ranks.order("begin", *parts)
    training = _made(ranks, *parts)
    training.directory = directory
    assert isinstance(training.learner, SharedLearner)
    training.notices += (training.learner.shares,)
    return training


def follow(ranks: Ranks, made: Callable[[Training], object]) -> None:
    """Do a rank's part of what rank 0 begins, until rank 0 ends; ``made`` is called with each training."""
    with ranks.following():
        for name, arguments in ranks.orders():
            if name == "begin":
                training = _made(ranks, *arguments)
                made(training)
            else:
                with suppress(BadGradientError):  # rank 0 has it too
                    getattr(training.learner, name)(*arguments)


def _made(
    ranks: Ranks,
    config: RunConfig,
    init_from: Checkpoint | None,
    text: str | None,
    resume: Checkpoint | None,
) -> Training:
    """Return this rank's training, after a comparison with those of the others."""
    training = ranks.together(lambda: Training(config, None, init_from, text, resume, ranks))
    own = {"text, by its SHA-256": training.corpus.sha256, "version of charlm": __version__}
    error = None
    for what, value in ranks.from_first(own).items():
        if own[what] != value:
            error = InputError(
                f"another {what}, than on rank 0: {own[what][:12]}, not {value[:12]}; every machine needs the same "
                "texts and the same charlm"
            )
    ranks.check(error)
    return training
