"""The results of a comparison's members, as plain data: they are sent between processes and kept as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from charlm import display
from charlm.config.rules import all_of, flag, line, number, shown, whole
from charlm.config.stored import read_json, stored
from charlm.errors import SettingError
from charlm.files import write_atomically
from charlm.wording import counted, fixed, short

MOST = 1 << 30
"""The maximum bytes of a member's result: each of its steps has a number."""


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(all_of(number())(value))


def _counts(value: Any) -> tuple[int, ...]:
    return tuple(all_of(whole(0))(value))


@attrs.frozen(kw_only=True)
class ScoreAt:
    """A held-out score during training.

    Attributes:
        step: updates so far.
        characters: symbols learned from so far; with lines of different lengths, computed from their mean length.
        seconds: time used so far, for training, scoring, sampling and saving.
        nll: nats per symbol, over ``train.eval_characters`` of the held-out text.
    """

    step: int = stored(whole(0))
    characters: int = stored(whole(0))
    seconds: float = stored(number(least=0))
    nll: float = stored(number())


@attrs.frozen(kw_only=True)
class BlockScores:
    """The final score of the held-out text, block by block: of the best weights in training.

    Blocks have about equal lengths, 1,000 characters or more (a shorter text is one block). All members of a
    comparison have the same blocks: they are cut at the same places of the original text, whatever the symbols are.

    Attributes:
        nats: the sum of the nlls of a block's symbols.
        characters: the characters of the original text in it.
        bytes: its bytes in UTF-8.
        symbols: the symbols of the model in all blocks, to convert scores per symbol.

    Example:
        >>> scores = BlockScores(
        ...     nats=(700.0, 710.0), characters=(1000, 1000), bytes=(1000, 1005), symbols=2000
        ... )
        >>> scores.nll
        0.705
    """

    nats: tuple[float, ...] = stored(_numbers)
    characters: tuple[int, ...] = stored(_counts)
    bytes: tuple[int, ...] = stored(_counts)
    symbols: int = stored(whole(0))

    def __attrs_post_init__(self) -> None:
        if not len(self.nats) == len(self.characters) == len(self.bytes) > 0:
            lengths = len(self.nats), len(self.characters), len(self.bytes)
            raise SettingError(f"expected one block or more, got lists of lengths {shown(lengths)}")

    @property
    def nll(self) -> float:
        """Nats per character of the original text."""
        return sum(self.nats) / sum(self.characters)


@attrs.frozen(kw_only=True)
class MemberResult:
    """The result of one member: a model trained with a seed.

    Attributes:
        name: of the model.
        seed: of the training.
        parameters: their number.
        steps: updates.
        characters: symbols learned from.
        seconds: time used, see ``ScoreAt``.
        losses: the training loss at each step, in nats: summed over a line, or the mean of a stream's batch.
        scores: the held-out scores in training, in their order; empty if nothing is held out.
        held_out: the final score; None if nothing is held out.
        sample: a text of the trained model.
        sample_complete: False if the length limit cut it before ``<EOS>``.
    """

    name: str = stored(line)
    seed: int = stored(whole(0))
    parameters: int = stored(whole(0))
    steps: int = stored(whole(0))
    characters: int = stored(whole(0))
    seconds: float = stored(number(least=0))
    losses: tuple[float, ...] = stored(_numbers)
    scores: tuple[ScoreAt, ...] = ()
    held_out: BlockScores | None = None
    sample: str = stored(line, "")
    sample_complete: bool = stored(flag, True)

    @classmethod
    def read(cls, path: Path) -> MemberResult:
        """Read a result that ``write`` wrote.

        Raises:
            StoredError: the file is missing, damaged or no result.
        """
        return read_json(cls, path, MOST)

    def write(self, path: Path) -> None:
        """Write the result as JSON, completely or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        write_atomically(path, json.dumps(attrs.asdict(self), allow_nan=False).encode() + b"\n")


@attrs.frozen(kw_only=True)
class Missing:
    """A member without a result: what it was, and why it has none."""

    name: str
    seed: int
    reason: str


@attrs.frozen(kw_only=True)
class Results:
    """The results of a comparison.

    Attributes:
        name: of the comparison.
        models: the names of the models, in the order in which they were given.
        members: the results, model by model in this order, by seed within a model.
        missing: the members that failed.
        finished: the models that were trained before, and not by the comparison.
        notes: what a reader of the scores has to know: what makes them comparable, and what differs.
        per_byte: whether only bits per byte compare the models, because their symbols differ.
        lines: whether each line is a sequence; a training loss is then in nats per line.
    """

    name: str
    models: tuple[str, ...]
    members: tuple[MemberResult, ...]
    missing: tuple[Missing, ...] = ()
    finished: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    per_byte: bool = False
    lines: bool = False

    def of(self, model: str) -> tuple[MemberResult, ...]:
        """Return the results of a model, by seed."""
        return tuple(member for member in self.members if member.name == model)

    def complete(self) -> Results:
        """Return the results of the models that have any, of the seeds that all of these have.

        It has no members if there are not two such models, or no such seeds.
        """
        models = tuple(name for name in self.models if self.of(name))
        seeds = [{member.seed for member in self.of(name)} for name in models]
        common = set.intersection(*seeds) if len(models) > 1 else set()
        members = tuple(member for member in self.members if member.seed in common)
        return attrs.evolve(self, models=models, members=members)

    @property
    def held_out(self) -> bool:
        """Whether the members are judged on held-out text; else only their losses in training are known."""
        return bool(self.members) and all(member.held_out for member in self.members)

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The notes, and which members have no result, and why."""
        failed = (f"{m.name}, seed {m.seed}, has no result: {m.reason}" for m in self.missing)
        return (*self.notes, *failed)

    def __repr__(self) -> str:
        models, trainings = ", ".join(self.models), counted(len(self.members), "training")
        return f"<Results {self.name}: {models}; {trainings}>"

    def _repr_html_(self) -> str:
        head = ("model", "seed", "parameters", "steps", "last loss", "held-out nats per character")
        rows = [
            (
                member.name,
                member.seed,
                f"{member.parameters:,}",
                f"{member.steps:,}",
                short(member.losses[-1]) if member.losses else "",
                fixed(member.held_out.nll) if member.held_out else "",
            )
            for member in self.members
        ]
        return display.table(rows, head, self.name) + display.text("\n".join(self.all_notes))
