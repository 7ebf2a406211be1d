"""What a run writes: the files of its directory, or without one its last checkpoint, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charlm import progress
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.runs.directory import RunDirectory


class RunRecord:
    """The logs, checkpoints and summary of a run.

    Attributes:
        lines: how many the logs have. A checkpoint holds these numbers: going back to it cuts the logs to them.
        saved_step: the step of the last checkpoint.
    """

    def __init__(self, directory: RunDirectory | None) -> None:
        self.directory = directory
        self.lines = {"metrics": 0, "samples": 0}
        self.saved_step: int | None = None
        self._last: Checkpoint | None = None

    def open(self, config: str, facts: dict[str, Any], resumed_at: int | None) -> None:
        """Begin the files, or note in them that the run resumes at a step."""
        if self.directory is None:
            return
        self.directory.sweep()
        self.directory.write_config(config)
        if resumed_at is not None:
            now = {key: facts[key] for key in ("started", "command")}
            facts = self.directory.read_meta() or facts
            facts.setdefault("resumed", []).append({"step": resumed_at, **now})
            self.saved_step = resumed_at
        self.directory.write_meta(facts)

    def metrics(self, row: Mapping[str, Any]) -> None:
        """Log a row of numbers."""
        if self.directory is not None:
            self.directory.log_metrics(row)
            self.lines["metrics"] += 1

    def sample(self, step: int, text: str) -> None:
        """Log a sampled text."""
        if self.directory is not None:
            self.directory.log_sample(step, text)
            self.lines["samples"] += 2 + text.count("\n")

    def save(self, checkpoint: Checkpoint) -> Path | None:
        """Keep a checkpoint as the last, and return its file if it has one."""
        if self.directory is None:
            self._last = checkpoint
        else:
            with progress.task("saving"):
                self.directory.save(checkpoint)
        self.saved_step = checkpoint.state["step"]
        return None if self.directory is None else self.directory.checkpoint

    def last(self) -> Checkpoint:
        """Return the checkpoint that was kept last."""
        if self.directory is not None:
            return load_checkpoint(self.directory.checkpoint)
        assert self._last is not None
        return self._last

    def save_best(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint as the best."""
        if self.directory is not None:
            with progress.task("saving"):
                self.directory.save_best(checkpoint)

    def cut_back(self, lines: Mapping[str, int]) -> float:
        """Delete what was logged after a checkpoint; return the seconds that the run had used at the last row left."""
        if self.directory is None:
            return 0.0
        metrics, samples = self.directory.cut_logs(lines["metrics"], lines["samples"])
        self.lines = {"metrics": metrics, "samples": samples}
        rows, _ = self.directory.read_metrics()
        return float(rows[-1]["seconds"]) if rows else 0.0

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write the status of the run."""
        if self.directory is not None:
            self.directory.write_summary(summary)

    def unsaved(self, summary: Mapping[str, Any]) -> None:
        """Write the status of a run that ends without saving: resuming starts at its last checkpoint."""
        self.summary({**summary, "step": self.saved_step or 0})
