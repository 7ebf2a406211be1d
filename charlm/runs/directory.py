"""The run directory, with all files of one training run.

Its files, in the order in which they are made:

* nothing at first: an empty directory is not a run, and a later run may use it;
* ``config.yaml``, written at once; a comment at its top marks the directory as a run;
* ``metrics.jsonl`` and ``samples.txt``, which grow by whole lines; the training process holds a lock on the first;
* ``meta.json`` and ``summary.json``: facts about the run, and its status;
* ``last.safetensors``, always complete. From now on the run can be loaded; a run that failed earlier has only a
  configuration and perhaps logs;
* ``best.safetensors``, ``loss.png`` and ``tensorboard/``, if the run makes them.

The meaning of metrics and configurations is not known here. ``load_checkpoint`` reads a run.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charlm.config.names import plain_name
from charlm.config.stored import made, parsed, read_json
from charlm.errors import InputError, OutputError, RunBusyError, RunExistsError, StoredError
from charlm.files import (
    TEMPORARY_GLOB,
    LineLog,
    output_error,
    read_whole,
    regular,
    why_unreadable,
    write_atomically,
)
from charlm.interrupts import unfinished
from charlm.runs.checkpoint import BEST_NAME, LAST_NAME, Checkpoint, save_checkpoint
from charlm.runs.lock import hold, hold_after, is_held
from charlm.runs.mark import CONFIG, MARK, is_run
from charlm.runs.records import Meta, Row, Summary

_METRICS, _SAMPLES = "metrics.jsonl", "samples.txt"
_BASELINES = "baselines.json"
_META, _SUMMARY, _PLOT, _EVENTS = "meta.json", "summary.json", "loss.png", "tensorboard"
MOST, MOST_LINE, MOST_METRICS = 16 << 20, 1 << 20, 1 << 30
"""The maximum bytes of a summary or meta file, of a line of the metrics, and of all these lines."""
LAST = 1 << 12
"""Bytes at the end of the metrics in which their last line is."""
# In the order of removal: the file that marks a run comes last, so an interrupted removal can be repeated.
_OWN = (
    LAST_NAME,
    BEST_NAME,
    TEMPORARY_GLOB,
    f"{_EVENTS}/events.out.tfevents.*",
    _PLOT,
    _BASELINES,
    _SUMMARY,
    _META,
    _METRICS,
    _SAMPLES,
    CONFIG,
)


_TRAP = re.compile(r"^[-~\s]|\s$|[*?\[\]]|[\x00-\x1f\x7f]")
"""Not allowed in a new folder's name: a shell could misread it, or it is invisible."""


def default_places(name: str, under: Path = Path("runs")) -> Iterator[Path]:
    """Yield the default places of a run: ``under/name``, ``under/name-2``, ``-3``, ..."""
    yield under / name
    for number in itertools.count(2):
        yield under / f"{name}-{number}"


@dataclass(frozen=True)
class RunDirectory:
    """The existing directory of one run; ``create_default`` and ``create_named`` make it."""

    path: Path

    @classmethod
    def create_default(cls, name: str, under: Path = Path("runs")) -> RunDirectory:
        """Create the first of ``default_places`` that is free.

        Two processes at the same moment get different directories.

        Raises:
            OutputError: it cannot be created.
        """
        _make_folders(under)
        return cls(next(path for path in default_places(name, under) if _make_new(path)))

    @classmethod
    def create_named(cls, path: Path, *, force: bool = False) -> RunDirectory:
        """Create the directory `path`, which must not exist or be empty.

        With `force` it may also be an earlier run, whose files are removed at once. Other files are kept.

        Raises:
            RunExistsError: it exists, and is not an earlier run or `force` is not given.
            InputError: a shell could misread the name of a folder that would be created.
            OutputError: it cannot be created, or the earlier run cannot be removed.
        """
        check_names(path)
        _make_folders(path.parent)
        if not _make_new(path):
            _take_over(path, force)
        return cls(path)

    @classmethod
    def create_or_open(cls, path: Path) -> RunDirectory:
        """Create the directory `path`, or return the one that exists there.

        Raises:
            OutputError: it cannot be created.
        """
        _make_folders(path)
        return cls(path)

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / CONFIG

    @property
    def metrics(self) -> Path:
        """The metrics, one JSON object per line."""
        return self.path / _METRICS

    @property
    def samples(self) -> Path:
        """The texts sampled during training."""
        return self.path / _SAMPLES

    @property
    def checkpoint(self) -> Path:
        """The latest checkpoint."""
        return self.path / LAST_NAME

    @property
    def best(self) -> Path:
        """The weights with the best held-out score."""
        return self.path / BEST_NAME

    @property
    def meta(self) -> Path:
        """Facts about the run: versions, seed, command, ..."""
        return self.path / _META

    @property
    def summary(self) -> Path:
        """The status of the run."""
        return self.path / _SUMMARY

    @property
    def plot(self) -> Path:
        """The loss curves."""
        return self.path / _PLOT

    @property
    def events(self) -> Path:
        """The folder of the event files for TensorBoard."""
        return self.path / _EVENTS

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from training here; raise ``RunBusyError`` if one does."""
        return hold(self.metrics)

    def lock_after(self, wait: Callable[[], object]) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from training here; ``wait`` is called until none does."""
        return hold_after(self.metrics, wait)

    def is_running(self) -> bool:
        """Tell whether a process trains here."""
        return is_held(self.metrics)

    def is_run(self) -> bool:
        """Tell whether a run has begun here: its configuration is marked, another may be the user's."""
        return is_run(self.path)

    def write_config(self, text: str) -> None:
        """Write the configuration, YAML `text`, under the comment that marks a run."""
        write_atomically(self.config, f"{MARK}{text}".encode())

    def log_metrics(self, metrics: Mapping[str, str | float | bool | None]) -> None:
        """Append `metrics` as one line of JSON, in their order.

        Floats are written with all their digits. NaN and infinity, which JSON lacks, become null.
        """
        finite = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in metrics.items()
        }
        LineLog(self.metrics).write(json.dumps(finite, allow_nan=False))

    def log_sample(self, step: int, text: str) -> None:
        """Append a sampled `text`, of one line or several, under a line that names the step."""
        LineLog(self.samples).write(f"--- step {step} ---\n{text}")

    def read_samples(self) -> list[tuple[int, str]]:
        """Return the sampled texts with their steps; an empty list if the file cannot be read."""
        try:
            text = b"".join(_lines(self.samples)).decode(errors="replace")
        except OSError:
            return []
        parts = re.split(r"(?m)^--- step ([0-9]{1,18}) ---\n", text)
        steps, texts = parts[1::2], parts[2::2]
        return [
            (int(step), text.removesuffix("\n")) for step, text in zip(steps, texts, strict=True)
        ]

    def cut_logs(self, metrics: int, samples: int) -> tuple[int, int]:
        """Keep this many lines of the metrics and samples; return how many there are now, perhaps fewer."""
        return LineLog(self.metrics).cut(metrics), LineLog(self.samples).cut(samples)

    def sweep(self) -> None:
        """Remove the temporary files of a killed process; only for the process that holds the lock.

        A thread of this process may be writing already.
        """
        for file in set(self.path.glob(TEMPORARY_GLOB)) - unfinished:
            with contextlib.suppress(OSError):
                file.unlink()

    def read_metrics(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the metrics, one dict per line, and the problems of the lines that are skipped.

        A last line without a line end is ignored: it is still being written.
        """
        rows, problems = [], []
        try:
            for number, line in enumerate(_lines(self.metrics), 1):
                source = f"{self.metrics}:{number}"
                try:
                    row = parsed(line, source)
                    made(Row, row, source, more=True)
                    rows.append(row)
                except StoredError as error:
                    problems.append(str(error))
        except FileNotFoundError:
            pass
        except OSError as error:
            problems.append(f"{self.metrics}: {why_unreadable(error)}")
        return rows, problems

    def read_last_metrics(self) -> dict[str, Any] | None:
        """Return the last complete line of the metrics; None if there is none, or it is damaged."""
        try:
            with open(self.metrics, "rb", opener=regular) as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LAST))
                *lines, _ = file.read().split(b"\n")
                row: dict[str, Any] = parsed(lines[-1], str(self.metrics))
                made(Row, row, str(self.metrics), more=True)
        except (OSError, IndexError, StoredError):
            return None
        return row

    def read_summary(self) -> tuple[Summary | None, list[str]]:
        """Return the status of the run; None and the problems if the file is missing or damaged."""
        try:
            return read_json(Summary, self.summary, MOST, more=True), []
        except StoredError as error:
            return None, [str(error)] if os.path.lexists(self.summary) else []

    def read_meta(self) -> dict[str, Any]:
        """Return what ``write_meta`` wrote; an empty dict if the file is missing or damaged."""
        try:
            content: dict[str, Any] = parsed(read_whole(self.meta, MOST), str(self.meta))
            made(Meta, content, str(self.meta), more=True)
        except (OSError, StoredError):
            return {}
        return content

    def write_meta(self, meta: Mapping[str, Any]) -> None:
        """Write facts about the run."""
        write_atomically(self.meta, _pretty(meta))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the status of the run.

        If the disk is full, the file is overwritten in place, which needs no space: so the end of a run is recorded.
        """
        content = _pretty(summary)
        try:
            write_atomically(self.summary, content)
        except OutputError:
            try:
                with open(self.summary, "rb+", opener=regular) as file:
                    file.write(content)
                    file.truncate()
            except OSError as error:
                raise output_error(self.summary, error) from error

    def save(self, checkpoint: Checkpoint) -> None:
        """Write `checkpoint` as the latest; the one before is kept until it is complete on the disk.

        The logs are forced to the disk first.
        """
        for log in (self.metrics, self.samples):
            if log.exists():
                LineLog(log).sync()
        save_checkpoint(self.checkpoint, checkpoint)

    def save_best(self, checkpoint: Checkpoint) -> None:
        """Write `checkpoint` as the best."""
        save_checkpoint(self.best, checkpoint)


def check_names(path: Path) -> None:
    """Refuse to create folders whose names a shell could misread: ``rm -r`` would delete other runs.

    Raises:
        InputError: a name is not allowed.
    """
    for folder in (path, *path.parents):
        if _TRAP.search(folder.name) and not folder.exists():
            raise InputError(
                f"{str(path)!r}: a shell could take a folder named {folder.name!r} for a pattern, an option or nothing "
                f"at all; choose a name of letters, digits, dots, dashes and underscores, such as "
                f"{str(folder.with_name(plain_name(folder.name)))!r}"
            )


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the complete lines of a file; a line that is too long is cut."""
    with open(path, "rb", opener=regular) as file:
        if os.fstat(file.fileno()).st_size > MOST_METRICS:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        while line := file.readline(MOST_LINE):
            if line.endswith(b"\n") or len(line) == MOST_LINE:
                yield line


def _pretty(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2).encode() + b"\n"


def _make_folders(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error


def _make_new(path: Path) -> bool:
    """Create the directory `path`; return False if something of that name exists."""
    try:
        path.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise output_error(path, error) from error
    return True


def _take_over(path: Path, force: bool) -> None:
    """Turn the existing `path` into an empty run directory, or raise RunExistsError."""
    another = "choose another run directory"
    try:
        if not path.is_dir():
            raise RunExistsError(f"{path}: a file of this name exists; {another}")
        if not any(path.iterdir()):
            return
        if not is_run(path):
            raise RunExistsError(
                f"{path}: holds files that are not a charlm run, and --force replaces only runs; "
                f"{another}"
            )
        own = [file for pattern in _OWN for file in path.glob(pattern)]
        if not force:
            names = ", ".join(file.name for file in own)
            raise RunExistsError(
                f"{path}: holds a run already; --force replaces it (removing {names}), or {another}"
            )
        if is_held(path / _METRICS):
            raise RunBusyError(
                f"{path}: a process is training in it; stop that first, or {another}"
            )
        for file in own:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
