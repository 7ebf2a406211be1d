"""What the folder of a run tells: its status, curves, samples, settings and software."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from charlm.baselines.counting import nll_to_bpc
from charlm.baselines.measure import Baselines
from charlm.baselines.verdict import Point, verdict
from charlm.config import RunConfig, load_config
from charlm.config.rules import seconds_of
from charlm.errors import CharlmError
from charlm.files import read_whole, why_unreadable
from charlm.lm.model import described
from charlm.reporting.verdicts import History
from charlm.runs.checkpoint import no_run
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import RunStatus, status
from charlm.wording import counted, duration, fixed

MOST = 1e100
"""The largest number that is drawn."""
MOST_CONFIG = 1 << 20
"""The most bytes of a config that are read."""


@dataclass(frozen=True)
class Facts:
    """What a run's folder tells.

    Attributes:
        directory: the folder.
        status: the status of the run.
        rows: its metrics.
        samples: the texts that were sampled, with their steps.
        baselines: of its text, or None.
        meta: facts about its software and text.
        config: its config, or None.
        config_text: the content of its file.
        problems: which parts of the folder cannot be read.
    """

    directory: RunDirectory
    status: RunStatus
    rows: list[dict[str, Any]]
    samples: list[tuple[int, str]]
    baselines: Baselines | None
    meta: dict[str, Any]
    config: RunConfig | None
    config_text: str
    problems: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Facts:
        """Read the folder of a run; what is damaged is left out and named.

        Raises:
            CheckpointError: there is no run.
        """
        directory = RunDirectory(path)
        if not directory.is_run():
            raise no_run(path)
        now = status(directory)  # before the rows, so that the last rows are read
        rows, _ = directory.read_metrics()
        config, text, problems = None, "", list(now.problems)
        try:
            text = read_whole(directory.config, MOST_CONFIG).decode(errors="replace")
            config = load_config(directory.config)
        except OSError as error:
            problems.append(f"{directory.config}: {why_unreadable(error)}")
        except CharlmError as error:
            problems.append(str(error))
        return cls(
            directory,
            now,
            rows,
            directory.read_samples(),
            Baselines.load(path),
            directory.read_meta(),
            config,
            text,
            tuple(problems),
        )

    @property
    def name(self) -> str:
        """The name of the folder; bytes in it that are no characters are escaped."""
        return self.directory.path.absolute().name.encode(errors="backslashreplace").decode()

    @property
    def unit(self) -> str:
        """Char or byte, as in bits/char."""
        return (
            "byte" if self.config is not None and self.config.data.encoding == "bytes" else "char"
        )

    @property
    def lines(self) -> bool:
        """Whether the training loss is of a line and not of a character."""
        return self.config is not None and self.config.data.framing == "lines"

    @cached_property
    def history(self) -> History:
        """The losses and held-out scores."""
        return History.of(self.rows)

    @property
    def best(self) -> Point | None:
        """The best held-out score."""
        return min(self.history.held_out, key=lambda point: point.loss, default=None)

    @property
    def verdict(self) -> str:
        """What the last held-out score means; empty if there are no baselines or no scores."""
        if self.baselines is None or not self.history.held_out:
            return ""
        return verdict(self.history.held_out, self.history.losses, self.baselines)

    @property
    def model(self) -> str:
        """The model in words."""
        parts = [] if self.config is None else [described(self.config.model)]
        parameters = self.meta.get("parameters")
        if isinstance(parameters, int):
            parts.append(counted(parameters, "parameter"))
        return ", ".join(parts)

    @property
    def seconds(self) -> float:
        """The time that the training took until its last row."""
        return float(self.rows[-1]["seconds"]) if self.rows else 0.0

    @property
    def done(self) -> float | None:
        """The share of the budget that is used, in steps or else in time; None if it is not known."""
        if self.status.steps is not None:
            return min(1.0, self.status.step / max(1, self.status.steps))
        limit = most_seconds(self.directory)
        return None if limit is None else min(1.0, self.seconds / limit)

    @property
    def state(self) -> str:
        """The status in words: how far the run is, and its budget or why it ended."""
        done = f"{self.status.step:,}"
        if self.status.steps is not None:
            done += f" of {self.status.steps:,}"
        said = f"{self.status.state}: step {done}, {duration(self.seconds)}"
        if self.status.state == "running" and self.status.budget:
            return f"{said}; budget: {self.status.budget}"
        reason = self.status.reason
        return (
            f"{said}; {reason}" if reason and reason != counted(self.status.step, "step") else said
        )

    def points(self, key: str, against: str = "step") -> list[tuple[float, float]]:
        """Return a column of the metrics, against the step or the seconds."""
        return [(row[against], row[key]) for row in self.rows if _can_be_drawn(row.get(key))]


def _can_be_drawn(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MOST


def most_seconds(directory: RunDirectory) -> float | None:
    """Return the limit in time of a run; None if there is none or its config cannot be read."""
    try:
        limit = load_config(directory.config).train.max_time
    except CharlmError:
        return None
    return None if limit is None else seconds_of(limit)


def scored(nll: float, unit: str) -> str:
    """Return a score in both units.

    Example:
        >>> scored(1.0, "char")
        '1.0000 nats/char, 1.4427 bits/char'
    """
    return f"{fixed(nll)} nats/{unit}, {fixed(nll_to_bpc(nll))} bits/{unit}"


def _framing(run: Facts) -> str:
    return "unknown" if run.config is None else str(run.config.data.framing)


def differences(runs: Sequence[Facts]) -> list[str]:
    """Return in which ways the texts of some runs differ: then their scores cannot be compared."""
    columns = {
        "text (SHA-256)": [str(run.meta.get("text_sha256") or "unknown")[:12] for run in runs],
        "symbols": [str(run.meta.get("vocabulary", "unknown")) for run in runs],
        "characters for training": [
            str(run.meta.get("train_characters", "unknown")) for run in runs
        ],
        "characters held out": [
            str(run.meta.get("held_out_characters", "unknown")) for run in runs
        ],
        "unit": [run.unit for run in runs],
        "framing": [_framing(run) for run in runs],
    }
    return [
        f"{what}: {', '.join(f'{run.name} {value}' for run, value in zip(runs, values, strict=True))}"
        for what, values in columns.items()
        if len(set(values)) > 1
    ]
