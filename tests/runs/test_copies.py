"""Copies of a run that are trained further on another machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlm.files import LineLog
from charlm.runs.copies import contents, receive
from tests.runs.test_directory import checkpoint, full_run, snapshot


def test_a_run_receives_the_files_of_a_copy_that_went_on(tmp_path: Path) -> None:
    here, copy = full_run(tmp_path / "here"), full_run(tmp_path / "copy")
    copy.log_metrics({"step": 6, "loss": 2.0})
    copy.save(checkpoint(6))
    (copy.path / "result.json").write_text("{}")
    with here.lock():
        receive(here, contents(copy))
        assert here.is_running()  # the file with the lock is the same
    assert snapshot(here.path) == snapshot(copy.path)


@pytest.mark.parametrize("content", [b"", b"1\n", b"1\n2\n", b"1\n2\n3\n"])
def test_a_log_becomes_a_longer_or_a_shorter_one(tmp_path: Path, content: bytes) -> None:
    log = LineLog(tmp_path / "log")
    for before in (b"", b"1\n2\n"):
        log.become(before)
        log.become(content)
        assert log.path.read_bytes() == content
