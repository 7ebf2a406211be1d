"""How runs stand, and the lock that tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlm.errors import RunBusyError
from charlm.files import LineLog
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import status, statuses


def begun(path: Path) -> RunDirectory:
    run = RunDirectory.create_named(path)
    run.write_config("")
    run.write_summary({"state": "running", "reason": "not ended", "step": 0, "steps": 9})
    return run


def test_the_lock_is_one_processs_and_goes_with_it(tmp_path):
    run = begun(tmp_path / "run")
    assert status(run).state == "killed"
    with run.lock():
        assert status(run).state == "running"
        assert status(run).state == "running"  # looking takes nothing away
        with pytest.raises(RunBusyError, match="another process is training"), run.lock():
            pass
        with pytest.raises(RunBusyError):
            RunDirectory.create_named(run.path, force=True)
    assert not run.is_running()


def test_a_run_that_was_killed_is_as_far_as_its_metrics(tmp_path):
    run = begun(tmp_path / "run")
    run.log_metrics({"step": 5, "loss": 2.0, "seconds": 1.0})
    run.log_metrics({"step": 6, "held_out_nll": 1.5, "seconds": 1.0})
    run.log_metrics({"step": 7, "held_out_nll": 1.75, "seconds": 1.0})
    found = status(run)
    assert (found.step, found.loss, found.best_nll, found.best_step) == (7, 2.0, 1.5, 6)


def test_a_summary_that_is_damaged_is_none(tmp_path):
    run = begun(tmp_path / "run")
    run.summary.write_text("{")
    assert status(run).state == "killed"


def test_runs_are_found_in_folders_of_folders(tmp_path):
    for name in ("b", "a/x", "a/y"):
        begun(tmp_path / name)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/config.yaml").write_text("mine: 1")
    found = [found.run.relative_to(tmp_path).as_posix() for found in statuses(tmp_path)]
    assert found == ["a/x", "a/y", "b"]
    assert [found.run for found in statuses(tmp_path / "b")] == [tmp_path / "b"]


def test_a_log_is_cut_to_whole_lines(tmp_path):
    log = LineLog(tmp_path / "log")
    for line in ("one", "two", "three"):
        log.write(line)
    with log.path.open("ab") as file:
        file.write(b"half")
    assert log.cut(9) == 3
    assert log.path.read_bytes() == b"one\ntwo\nthree\n"
    assert log.cut(1) == 1
    assert log.path.read_bytes() == b"one\n"
