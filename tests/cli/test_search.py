"""`charlm search`: what is printed and written, what is refused before any training, and how it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from charlm.config import load_config
from tests.cli.conftest import environment
from tests.search.studies import SMALL, TEXT

pytest.importorskip("optuna", reason="optuna is not installed")

SET = " ".join(f"--set {setting}" for setting in SMALL)
RATES = "--param train.learning_rate=log:1e-3..0.3"


@pytest.fixture(autouse=True)
def novel(tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    return tmp_path


def test_the_result_in_words_and_the_best_config(typed):
    code, out, err = typed(f"charlm search small novel.txt {RATES} --trials 3 {SET}")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["trial", "train.learning_rate", "score", "trained", "state"]
    assert lines[1].split()[-1] == "best"
    words = " ".join(out.split())
    assert "Best trial: " in words
    assert "Its score in the search is" in words
    assert "from fresh seeds" in words
    assert "The config as it is (train.learning_rate=0.0125) has" in words
    assert (
        "With each of 2 fresh seeds, the best trial's config is better than the config as it is"
        in words
    )
    assert lines[-2] == "Best config: searches/small/best.yaml"
    command = lines[-1].removeprefix("To train it: ")
    assert command.endswith("train searches/small/best.yaml")
    trials = [line for line in err.splitlines() if line.startswith("trial ")]
    assert [line.split(":")[0] for line in trials] == ["trial 1", "trial 2", "trial 3"]
    assert all(line.endswith(" left)") for line in trials)
    assert "I 20" not in err  # Optuna's log
    assert "Warning" not in err
    best = load_config("searches/small/best.yaml")
    assert best.train.learning_rate == float(lines[1].split()[1])
    assert best.train.steps == 20
    comment = Path("searches/small/best.yaml").read_text().split("name:")[0]
    assert comment.startswith("# The best of 3 trials of a search:\n")
    assert "from fresh seeds" in comment.replace("\n# ", " ")
    assert typed("charlm -q train searches/small/best.yaml")[0] == 0


def test_json_and_the_same_command_again(typed):
    line = f"charlm -q search small novel.txt {RATES} --trials 2 --confirm 1 --budget steps=10 {SET} --json -o there"
    code, out, err = typed(line)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert [trial["state"] for trial in result["trials"]] == ["complete"] * 2
    assert result["share"] == 0.5
    assert len(result["fresh"]["scores"]) == 1
    assert result["config"] == "there/best.yaml"
    assert result["command"].endswith("train there/best.yaml")
    code, again, err = typed(line)
    assert (code, err) == (0, "")
    assert json.loads(again) == result
    code, out, err = typed(line.replace("steps=10", "steps=5"))
    assert (code, out) == (2, "")
    assert "this folder has a search with another --budget" in err


def test_a_failed_trial_is_told_with_its_reason(typed):
    params = "--param model.tied=true,false --param model.embed_dim=4,6"
    code, out, err = typed(f"charlm search small novel.txt {params} --confirm 1 {SET}")
    assert code == 0
    assert "model.tied=true, model.embed_dim=4: failed: model.tied: one table needs one size" in err
    assert sum("failed: model.tied" in line for line in out.splitlines()) == 1


def test_no_trial_is_complete(typed):
    line = (
        f"charlm search small novel.txt --param model.tied=true,false {SET} --set train.warmup=100"
    )
    code, out, _ = typed(line)
    assert code == 1
    assert "No trial is complete, so there is no best config." in out
    assert not Path("searches/small/best.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    {
        "small novel.txt": "expected what to vary, such as --param train.learning_rate=log:1e-3..3e-2",
        "small novel.txt --param lr=1,2": "unknown key; did you mean train.learning_rate?",
        "small novel.txt --param model.cell=lstm": "expected two values or more",
        f"small {RATES}": "name yours, as in charlm search small novel.txt",
        f"small novle.txt {RATES}": "novle.txt",
        f"small novel.txt {RATES} --max-time soon": "--max-time: expected a time above zero, such as 90s",
        f"small novel.txt {RATES} --budget steps=9": "the config has no train.steps",
        f"small novel.txt {RATES} --budget time=9m": "may not train longer than the config itself (train.max_time: 3m)",
        f"small novel.txt {RATES} --budget time=60s --max-time 2m": "one trial and 4 trainings from fresh seeds take",
        f"srnn {RATES}": "nothing of this text is held out, so trials have no score; it has only 1 line",
        f"small novel.txt {RATES} -o full": "this folder holds files that are not a search",
        f"small novel.txt {RATES} -o novel.txt": "novel.txt",
        f"small novel.txt {RATES} --set train.steps=0.5": "train.steps: expected a whole number",
        f"small novel.txt {RATES} --trials 0": "--trials",
    }.items(),
)
def test_what_is_refused_before_any_training(typed, arguments, reason):
    Path("full").mkdir()
    Path("full/other").touch()
    code, out, err = typed(f"charlm search {arguments}")
    assert (code, out) == (2, "")
    assert reason in " ".join(err.split())
    assert "Traceback" not in err
    assert "trial 1" not in err


def test_without_optuna_the_error_says_how_to_install_it(typed, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, out, err = typed(f"charlm search small novel.txt {RATES} {SET}")
    assert (code, out) == (2, "")
    assert "charlm search needs optuna, which is not installed; to install it: " in err
    assert not Path("searches").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_trial_and_the_same_command_continues(tmp_path, number):
    longer = SET.replace("train.steps=20", "train.steps=30000")
    command = f"search small novel.txt {RATES} --trials 2 {longer}".split()
    search = subprocess.Popen(
        [sys.executable, "-m", "charlm", *command],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("searches/small/trial-1.lock")):
        time.sleep(0.05)
        assert search.poll() is None
    time.sleep(0.5)
    os.kill(search.pid, number)
    out, err = search.communicate(timeout=60)
    assert search.returncode == 128 + number, err
    assert out == ""
    assert "The trials so far are kept. To continue the search, type the same command again." in err
    assert "Traceback" not in err
    journal = (tmp_path / "searches/small/journal.log").read_text()
    assert journal.count('"state":3') == 1  # Optuna's number of a failed trial
    assert journal.count('"fixed_params"') == 2  # the config as it is is enqueued again
