"""Copies of a run on other machines: its files as plain data, and taking over what a copy was trained further."""

from __future__ import annotations

from collections.abc import Mapping

from charlm.files import TEMPORARY_GLOB, LineLog, write_atomically
from charlm.runs.directory import RunDirectory


def contents(run: RunDirectory) -> dict[str, bytes]:
    """Return the content of all files of a run, by name.

    Raises:
        OSError: a file cannot be read.
    """
    return {
        file.name: file.read_bytes()
        for file in sorted(run.path.iterdir())
        if file.is_file() and not file.match(TEMPORARY_GLOB)
    }


def receive(run: RunDirectory, files: Mapping[str, bytes]) -> None:
    """Take over the files of a copy.

    The logs come first, then the checkpoints, then files that a run directory does not know. So a process that is
    killed in the middle leaves a run that can be resumed. The log that is locked stays the same file.

    Raises:
        OutputError: a file cannot be written.
    """
    logs = [run.metrics, run.samples]
    known = [*logs, run.config, run.meta, run.summary, run.best, run.checkpoint]
    others = [run.path / name for name in files if run.path / name not in known]
    for path in (*known, *others):
        content = files.get(path.name)
        if content is None:
            continue
        if path in logs:
            LineLog(path).become(content)
            LineLog(path).sync()
        elif not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
