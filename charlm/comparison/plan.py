"""What a comparison consists of: its members, each a model with a seed and a complete configuration.

All of it is plain data that can be sent to another process.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import attrs

from charlm import __version__
from charlm.comparison.results import MemberResult, Missing, Results
from charlm.config import RunConfig, to_dict
from charlm.config.names import plain_name
from charlm.training.budget import Budget

_FREE = {
    "data": ("text", "val_file"),
    "train": ("kernels", "threads", "log_every", "sample_every", "checkpoint_every"),
}
"""Settings that are no part of a member's identity: its digest covers the text itself, and the others change no
result beyond its last digits."""


@attrs.frozen(kw_only=True)
class Span:
    """The held-out text that all members of a comparison score: places in bytes of the whole text in UTF-8."""

    begin: int
    end: int


@attrs.frozen(kw_only=True)
class Member:
    """One training of a comparison.

    Attributes:
        name: of the model.
        seed: of the training; ``config`` has it too.
        config: the complete configuration.
        text_sha256: the digest of the text.
        budget: the limits of the training.
        held_out: the text to score at the end; None if nothing is held out.
        run: the folder of a run that is trained already; None trains the member.

    Example:
        >>> budget = Budget(steps=200, why="200 steps", max_time=None, patience=None)
        >>> member = Member(name="srnn", seed=0, config=RunConfig(), text_sha256="", budget=budget)
        >>> longer = attrs.evolve(member, config=RunConfig(train=attrs.evolve(RunConfig().train, steps=300)))
        >>> member.id == longer.id, member.folder.startswith("srnn-seed0-")
        (False, True)
    """

    name: str
    seed: int
    config: RunConfig
    text_sha256: str
    budget: Budget
    held_out: Span | None = None
    run: Path | None = None

    @property
    def work(self) -> float:
        """How much work it is: steps, or seconds if only time limits it; nothing if it is trained already."""
        return 0 if self.run else self.budget.steps or self.budget.seconds or 0

    @property
    def id(self) -> str:
        """The digest of all that decides the result: the configuration, the text and the version of charlm."""
        settings = to_dict(self.config)
        del settings["name"]
        for section, names in _FREE.items():
            for name in names:
                del settings[section][name]
        made_from = [settings, self.text_sha256, __version__]
        return sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()

    @property
    def folder(self) -> str:
        """The name of its run directory, in the folder of the comparison."""
        return f"{plain_name(self.name)}-seed{self.seed}-{self.id[:10]}"

    @property
    def result(self) -> str:
        """The name of the file of its result, in its run directory."""
        part = "" if self.held_out is None else f"-{self.held_out.begin}-{self.held_out.end}"
        return f"result{part}.json"


@attrs.frozen(kw_only=True)
class Plan:
    """A comparison before it is run.

    Attributes:
        name: of the comparison; its default folder is named so.
        models: the names of the models.
        members: in the order in which they are trained: the first seed of all models, then the next.
        thresholds: losses to be reached, where nothing is held out; without any, the final loss of the slowest.
        notes: what a reader of the results has to know.
        per_byte: whether only bits per byte compare the models.
        lines: whether each line is a sequence.
        window: steps over which a loss in training is averaged where each step has a text of its own.
    """

    name: str
    models: tuple[str, ...]
    members: tuple[Member, ...]
    thresholds: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    per_byte: bool = False
    lines: bool = False
    window: int = 1

    @property
    def held_out(self) -> bool:
        """Whether the models are judged on held-out text."""
        return self.members[0].held_out is not None

    def results(self, members: Sequence[MemberResult], missing: Sequence[Missing] = ()) -> Results:
        """Return the results of the comparison from those of its members, in any order."""
        place = {name: index for index, name in enumerate(self.models)}
        return Results(
            name=self.name,
            models=self.models,
            members=tuple(sorted(members, key=lambda m: (place[m.name], m.seed))),
            missing=tuple(sorted(missing, key=lambda m: (place[m.name], m.seed))),
            finished=tuple(member.name for member in self.members if member.run),
            notes=self.notes,
            per_byte=self.per_byte,
            lines=self.lines,
        )
