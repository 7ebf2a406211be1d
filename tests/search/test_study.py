"""The journal of a search: proposals, pruning, several processes, and processes that end in a trial."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from charlm.errors import InputError, MissingExtraError, StoredError
from charlm.search.study import MOST_RETRIES, RANDOM
from tests.cli.conftest import ROOT, environment
from tests.search.studies import minimise, study

pytest.importorskip("optuna", reason="optuna is not installed")


def in_another_process(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    start = "import os, sys; from pathlib import Path; from tests.search.studies import *\n"
    command = [sys.executable, "-c", start + code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), text=True, **options)


def test_a_known_minimum_is_approached(tmp_path):
    proposed = minimise(study(tmp_path, most=30))
    assert len(proposed) == 30
    assert min(abs(x - 0.3) for x in proposed) < 0.05
    late = proposed[15:]
    assert sum(abs(x - 0.3) < 0.2 for x in late) > len(late) / 2


def test_equal_seeds_and_scores_lead_to_equal_proposals_also_if_the_search_was_stopped(tmp_path):
    whole = minimise(study(tmp_path / "a", most=9))
    again = minimise(study(tmp_path / "b", most=9), 4) + minimise(study(tmp_path / "b", most=9))
    assert again == whole
    assert minimise(study(tmp_path / "c", most=9, seed=1)) != whole


def test_more_trials_continue_a_search(tmp_path):
    first = minimise(study(tmp_path, most=3))
    assert minimise(study(tmp_path, most=3)) == []
    more = minimise(study(tmp_path, most=5))
    assert len({*first, *more}) == 5
    assert [trial.number for trial in study(tmp_path).trials()] == [1, 2, 3, 4, 5]


def test_the_config_as_it_is_comes_first_and_each_combination_once(tmp_path):
    params = ("model.cell=lstm,gru", "model.layers=1..2")
    first = {"model.cell": "gru", "model.layers": 2}
    small = study(tmp_path, *params, most=4, first=first)
    seen = []
    while (running := small.ask()) is not None:
        seen.append(tuple(running.values.values()))
        running.end("complete", 1.0)
    assert seen[0] == ("gru", 2)
    assert sorted(seen) == [("gru", 1), ("gru", 2), ("lstm", 1), ("lstm", 2)]


def test_values_that_are_proposed_again_are_counted(tmp_path):
    several = study(tmp_path, "model.tied=true,false", most=3, first={"model.tied": "true"})
    repeats = []
    while (running := several.ask()) is not None:
        repeats.append((running.values["model.tied"], running.repeats))
        running.end("complete", 1.0)
    assert sorted(repeats)[-1][1] >= 1 or len(repeats) == 2
    assert len({*repeats}) == len(repeats)


def test_a_trial_is_pruned_if_it_is_worse_than_most_at_the_same_place(tmp_path):
    several = study(tmp_path, most=RANDOM + 2)
    for number in range(RANDOM):
        running = several.ask()
        for place in (1, 2, 3):
            assert not running.is_worse(place, 1.0 + number / 10 - place / 10)
        running.end("complete", 1.0 + number / 10)
    good, bad = several.ask(), several.ask()
    assert not good.is_worse(1, 0.5)
    assert bad.is_worse(1, 1.5)
    assert bad.end("pruned", 1.5, share=0.2).state == "pruned"
    assert several.trials()[-1].score == 1.5


def test_a_failed_trial_counts_and_keeps_its_reason(tmp_path):
    several = study(tmp_path, most=1)
    several.ask().end("failed", reason="the memory is not enough")
    (trial,) = study(tmp_path, most=1).trials()
    assert (trial.state, trial.reason, trial.score) == ("failed", "the memory is not enough", None)
    assert several.ask() is None


def test_two_processes_share_the_trials(tmp_path):
    code = "minimise(study(Path(sys.argv[1]), most=16))"
    both = [in_another_process(code, tmp_path) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    trials = study(tmp_path).trials()
    assert [trial.number for trial in trials] == list(range(1, 17))
    assert {trial.state for trial in trials} == {"complete"}
    assert len({trial.values["train.clip_norm"] for trial in trials}) == 16


def test_a_trial_whose_process_is_killed_is_tried_again(tmp_path):
    code = "running = study(Path(sys.argv[1])).ask(); print(running.values, flush=True); os.kill(os.getpid(), 9)"
    killed = in_another_process(code, tmp_path, stdout=subprocess.PIPE)
    told, _ = killed.communicate(timeout=60)
    assert killed.returncode == -9
    after = study(tmp_path)
    assert [trial.state for trial in after.trials()] == ["running"]
    assert not after.is_busy()
    running = after.ask()
    assert after.is_busy()
    assert str(running.values) == told.strip()
    running.end("complete", 1.0)
    assert [trial.state for trial in after.trials()] == ["lost", "complete"]
    assert not after.is_busy()
    assert list(tmp_path.glob("trial-*")) == []


def test_a_full_disk_costs_the_trial_only(tmp_path):
    minimise(study(tmp_path), 1)
    code = """
import resource
running = study(Path(sys.argv[1])).ask()
size = os.path.getsize(os.path.join(sys.argv[1], "journal.log"))
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))
try:
    running.end("complete", 1.0)
finally:
    running.give_back()
"""
    full = in_another_process(code.strip(), tmp_path, stderr=subprocess.PIPE)
    _, err = full.communicate(timeout=60)
    assert "File too large" in err
    assert full.returncode == 1
    assert not (tmp_path / "journal.log").read_bytes().endswith(b"\n")
    after = study(tmp_path)
    assert [trial.state for trial in after.trials()] == ["complete", "running"]
    assert after.ask().values == after.trials()[1].values
    assert [trial.state for trial in after.trials()] == ["complete", "lost", "running"]


def test_a_trial_that_ends_its_process_again_and_again_is_given_up(tmp_path):
    values = []
    for _ in range(MOST_RETRIES + 2):
        running = study(tmp_path).ask()
        values.append(running.values["train.clip_norm"])
        running._lock.close()  # as the system does when the process is killed
    assert len(set(values[: MOST_RETRIES + 1])) == 1
    assert values[-1] != values[0]
    *lost, failed, _ = study(tmp_path).trials()
    assert {trial.state for trial in lost} == {"lost"}
    assert failed.state == "failed"
    assert failed.reason == "its process ended in it, 3 times; the memory may not be enough"


def test_a_trial_that_is_given_back_is_the_next_one(tmp_path):
    several = study(tmp_path)
    running = several.ask()
    running.give_back()
    assert several.ask().values == running.values


def test_a_folder_with_another_search_is_refused(tmp_path):
    study(tmp_path, plan={"config": "a", "--param": ["b"]}, share=0.5)
    assert study(tmp_path, plan={"config": "a", "--param": ["b"]}, share=0.1).share == 0.5
    with pytest.raises(
        InputError, match=r"a search with another --param; .* choose another folder with -o"
    ):
        study(tmp_path, plan={"config": "a", "--param": ["c"]})
    with pytest.raises(InputError, match="another config and another --param"):
        study(tmp_path, plan={"config": "b", "--param": ["c"]})


def test_a_journal_whose_last_line_is_cut_is_repaired(tmp_path):
    minimise(study(tmp_path), 2)
    with (tmp_path / "journal.log").open("ab") as file:
        file.write(b'{"op_code": 4, "wor')
    assert len(study(tmp_path).trials()) == 2
    assert len(minimise(study(tmp_path), 1)) == 1


@pytest.mark.parametrize(
    "content",
    [b"\n", b"nonsense\n", b'{"op_code": 99}\n', b"[]\n", b'{"op_code": 0, "worker_id": "1"}\n'],
)
def test_a_damaged_journal_is_refused(tmp_path, content):
    (tmp_path / "journal.log").write_bytes(content)
    with pytest.raises(
        StoredError, match=r"journal.log: damaged, or not the journal of a search; choose another"
    ):
        study(tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"score":0.25', '"score":"low"'),
        ('"score":0.25', '"score":NaN'),
        ('"state":"complete"', '"state":"best"'),
        ('"steps":7', '"steps":-7'),
        ('"steps":7', '"updates":7'),
        ('"train.clip_norm"', '"train.clip_norms"'),
    ],
)
def test_a_forged_trial_is_refused(tmp_path, before, after):
    study(tmp_path).ask().end("complete", 0.25, steps=7)
    journal = tmp_path / "journal.log"
    text = journal.read_text()
    assert before in text
    journal.write_text(text.replace(before, after))
    with pytest.raises(StoredError, match=r"journal\.log"):
        study(tmp_path).trials()


def test_a_pipe_for_a_journal_is_refused(tmp_path):
    os.mkfifo(tmp_path / "journal.log")
    with pytest.raises(StoredError, match="it is not a regular file"):
        study(tmp_path)


def test_importance_needs_trials_and_tells_what_matters(tmp_path):
    params = ("train.clip_norm=0..1", "train.weight_decay=0..1")
    several = study(tmp_path, *params, most=24)
    while (running := several.ask()) is not None:
        if running.number == 5:
            assert several.importance() == {}
        running.end("complete", (running.values["train.clip_norm"] - 0.3) ** 2)
    importance = several.importance()
    assert next(iter(importance)) == "train.clip_norm"
    assert sum(importance.values()) == pytest.approx(1)
    assert importance["train.clip_norm"] > 0.6


def test_optuna_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        MissingExtraError, match="charlm search needs optuna, which is not installed; to install it"
    ):
        study(tmp_path)
    assert list(tmp_path.iterdir()) == []
