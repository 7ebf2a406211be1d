"""A run that was stopped and resumed leaves the same bytes behind as one that never stopped."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from charlm.config import RunConfig, load_config
from charlm.engine.trainers import TRAINERS
from charlm.errors import CheckpointError, ConfigError
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.events import Evaluated, Sampled, Started, Stepped
from charlm.training.loop import Training
from tests.training.conftest import left_behind

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 12
STEPS = 14
SMALL = [
    "model.embed_dim=5",
    "model.hidden_dim=[6, 4]",
    "model.layers=2",
    f"train.steps={STEPS}",
    "train.log_every=3",
    "train.sample_every=4",
    "train.eval_every=5",
    "train.checkpoint_every=4",
    "data.batch_size=3",
    "data.seq_length=8",
    "data.val_frac=0.2",
    "data.alphabet=null",
    "data.text=fox",  # not read: the text is given
]


def config(*overrides: str, name: str = "text") -> RunConfig:
    return load_config(name, overrides=[*SMALL, *overrides])


def trained(run: RunConfig, path: Path, text: str = TEXT) -> Path:
    list(Training(run, RunDirectory.create_named(path), text=text).events())
    return path


def resumed(path: Path, run: RunConfig | None = None, text: str = TEXT) -> Training:
    run = load_config(str(path / "config.yaml")) if run is None else run
    last = load_checkpoint(path, "last")
    return Training(run, RunDirectory(path), text=text, resume=last)


def killed_after(events: int, run: RunConfig, path: Path) -> None:
    """Train and stop reading events, so that nothing is saved any more, as by a kill."""
    training = Training(run, RunDirectory.create_named(path), text=TEXT)
    list(itertools.islice(training.events(), events))


@pytest.mark.parametrize("kernels", ["numpy", "numba"])
@pytest.mark.parametrize("name", ["text", "srnn"], ids=["stream", "lines"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("trainer", sorted(TRAINERS))
def test_the_same_bits(tmp_path, trainer, cell, name, kernels):
    if kernels == "numba":
        pytest.importorskip("numba", reason="numba is not installed")
    rate = "train.learning_rate=0.01"
    run = config(
        f"model.cell={cell}",
        f"train.trainer={trainer}",
        f"train.kernels={kernels}",
        rate,
        name=name,
    )
    whole = left_behind(trained(run, tmp_path / "whole"))
    assert "best.safetensors" in whole
    killed_after(21, run, tmp_path / "cut")
    assert left_behind(tmp_path / "cut") != whole
    training = resumed(tmp_path / "cut")
    assert 0 < training.step < STEPS
    list(training.events())
    assert left_behind(tmp_path / "cut") == whole


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_after_each_event(tmp_path, how):
    run = config()
    whole = left_behind(trained(run, tmp_path / "whole"))
    events = len(list(Training(run, text=TEXT).events()))
    for count in range(2, events, 3):
        path = tmp_path / str(count)
        if how == "killed":
            killed_after(count, run, path)
        else:
            training = Training(run, RunDirectory.create_named(path), text=TEXT)
            for number, _ in enumerate(training.events(), 1):
                if number == count:
                    training.stop()
        list(resumed(path).events())
        assert left_behind(path) == whole, count


def test_a_finished_run_has_nothing_to_do(tmp_path):
    trained(config(), tmp_path / "run")
    training = resumed(tmp_path / "run")
    assert training.finished == f"{STEPS} steps"
    assert [
        type(e) for e in training.events() if isinstance(e, (Stepped, Evaluated, Sampled))
    ] == []


def test_a_finished_run_goes_on_with_more_steps(tmp_path):
    trained(config(), tmp_path / "run")
    more = load_config(str(tmp_path / "run/config.yaml"), overrides=["train.steps=20"])
    list(resumed(tmp_path / "run", more).events())
    assert load_checkpoint(tmp_path / "run", "last").state["step"] == 20
    assert load_config(str(tmp_path / "run/config.yaml")).train.steps == 20


def test_another_text_is_refused(tmp_path):
    trained(config(), tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"the text is not the one.*--init-from"):
        resumed(tmp_path / "run", text=TEXT.replace("mat", "hat", 1))


def test_other_settings_are_refused_all_at_once(tmp_path):
    trained(config(), tmp_path / "run")
    other = config(
        *("train.seed=5", "model.cell=gru", "train.freeze=embedding"),
        *("train.kernels=numpy", "train.threads=1"),
    )
    with pytest.raises(ConfigError) as raised:
        resumed(tmp_path / "run", other)
    assert 'model.cell was "lstm" in the run and is "gru" now' in str(raised.value)
    assert "train.seed was 0 in the run and is 5 now" in str(raised.value)
    assert 'train.freeze was [] in the run and is ["embedding"] now' in str(raised.value)
    assert "--init-from" in str(raised.value)


def test_the_best_weights_are_no_place_to_go_on_from(tmp_path):
    trained(config(), tmp_path / "run")
    best = load_checkpoint(tmp_path / "run", "best")
    with pytest.raises(CheckpointError, match="holds only weights"):
        Training(load_config(str(tmp_path / "run/config.yaml")), text=TEXT, resume=best)


def test_patience_is_remembered(tmp_path):
    """A model that cannot improve ends at the same step, resumed or not."""
    run = config(
        "train.learning_rate=1e-30", "train.patience=3", "train.eval_every=2", "train.steps=50"
    )
    whole = left_behind(trained(run, tmp_path / "whole"))
    assert whole["metrics.jsonl"][-1]["step"] == 8
    killed_after(14, run, tmp_path / "cut")
    list(resumed(tmp_path / "cut").events())
    assert left_behind(tmp_path / "cut") == whole
    summary = json.loads((tmp_path / "cut/summary.json").read_text())
    assert summary["state"] == "finished"
    assert "3 held-out scores" in summary["reason"]


def notices(training: Training) -> tuple[str, ...]:
    (started,) = [e for e in training.events() if isinstance(e, Started)]
    return started.notices


def test_other_kernels_and_threads_are_taken_and_told(tmp_path):
    pytest.importorskip("numba", reason="numba is not installed")
    run = config("train.kernels=numba", "train.threads=1", "train.learning_rate=0.01")
    whole = left_behind(trained(run, tmp_path / "whole"))
    killed_after(21, run, tmp_path / "cut")
    file = str(tmp_path / "cut/config.yaml")
    other = load_config(file, overrides=["train.kernels=numpy", "train.threads=2"])
    (said,) = notices(resumed(tmp_path / "cut", other))
    wanted = "kernels numpy, threads 2 from here on (before: kernels numba, threads 1)"
    assert wanted in said
    last = left_behind(tmp_path / "cut")["metrics.jsonl"][-1]
    assert last["step"] == STEPS
    wanted = whole["metrics.jsonl"][-1]["held_out_nll"]
    assert last["held_out_nll"] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("schedule", ["cosine", "step", "exponential"])
def test_more_steps_say_what_the_learning_rate_will_do(tmp_path, schedule):
    run = config(f"train.schedule={schedule}", "train.learning_rate=0.01")
    trained(run, tmp_path / "run")
    file = str(tmp_path / "run/config.yaml")
    (said,) = notices(resumed(tmp_path / "run", load_config(file, overrides=["train.steps=40"])))
    assert f"({schedule}) is now over 40 steps, and was over 14 steps" in said
    rows = left_behind(tmp_path / "run")["metrics.jsonl"]
    rates = {row["step"]: row["learning_rate"] for row in rows if "learning_rate" in row}
    was, rate = map(float, re.findall(r"from (\S+) to (\S+) at once", said)[0])
    assert was < rate == pytest.approx(rates[16], rel=0.1)
    end = "0.001" if schedule != "step" else "0.0001"
    assert f"and is {end} at the end: its schedule" in said
    assert "With --schedule-from here it starts again at this step: the rate goes to 0.01" in said


def more_steps(path: Path, *overrides: str) -> RunConfig:
    changed = ["train.steps=40", "train.schedule_from=here", *overrides]
    return load_config(str(path / "config.yaml"), overrides=changed)


def rates_of(path: Path) -> dict[int, float]:
    rows = left_behind(path)["metrics.jsonl"]
    return {row["step"]: row["learning_rate"] for row in rows if "loss" in row}


SCHEDULED = ["train.learning_rate=0.01", "train.warmup=4", "train.log_every=1"]


@pytest.mark.parametrize("schedule", ["cosine", "step", "exponential", "plateau"])
def test_a_schedule_starts_again_where_a_run_is_resumed(tmp_path, schedule):
    """Its rates are those of a new run over the steps that are left."""
    run, path = config(f"train.schedule={schedule}", *SCHEDULED), tmp_path / "run"
    trained(run, path)
    more = more_steps(path)
    (said,) = notices(resumed(path, more))
    assert "starts again here: the rate goes from" in said
    assert "to 0.0025 at once, rises to 0.01 in 4 steps, and is" in said
    rates = rates_of(path)
    assert load_config(str(path / "config.yaml")).train.schedule_from == (STEPS, 0.0)
    if schedule == "plateau":
        assert rates[STEPS + 4] == 0.01
        return
    trained(config(f"train.schedule={schedule}", *SCHEDULED, "train.steps=26"), tmp_path / "new")
    new = rates_of(tmp_path / "new")
    assert {step - STEPS: rate for step, rate in rates.items() if step > STEPS} == new


def test_a_warm_up_that_is_longer_than_the_rest_is_said(tmp_path):
    trained(config("train.schedule=cosine", *SCHEDULED), tmp_path / "run")
    again = more_steps(tmp_path / "run", f"train.steps={STEPS + 3}")
    (said,) = notices(resumed(tmp_path / "run", again))
    assert (
        "to 0.0025 at once, and rises to 0.0075 at the end, because the warm-up has 4 steps" in said
    )
    assert max(rate for step, rate in rates_of(tmp_path / "run").items() if step > STEPS) == 0.0075


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
@pytest.mark.parametrize("events", [3, 12, 25])
def test_a_schedule_that_started_again_goes_on_after_a_kill(tmp_path, schedule, events):
    run = config(f"train.schedule={schedule}", *SCHEDULED)
    for name in ("whole", "cut"):
        trained(run, tmp_path / name)
    list(resumed(tmp_path / "whole", more_steps(tmp_path / "whole")).events())
    again = resumed(tmp_path / "cut", more_steps(tmp_path / "cut"))
    list(itertools.islice(again.events(), events))  # killed
    list(resumed(tmp_path / "cut").events())
    assert left_behind(tmp_path / "cut") == left_behind(tmp_path / "whole")


def test_with_a_time_limit_the_schedule_starts_again_at_the_time_that_was_used(tmp_path):
    trained(config("train.schedule=cosine", *SCHEDULED), tmp_path / "run")
    file = tmp_path / "run/metrics.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows[-1]["seconds"] = 600.0
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = more_steps(tmp_path / "run", "train.steps=null", "train.max_time=20m")
    training = resumed(tmp_path / "run", more)
    assert training.config.train.schedule_from == (STEPS, 600.0)
    for event in training.events():
        if isinstance(event, Stepped) and event.step == STEPS + 5:
            assert training.learning_rate() == pytest.approx(0.01, rel=0.01)
            training.stop()
    again = resumed(tmp_path / "run")
    assert again.config.train.schedule_from == (STEPS, 600.0)


def test_a_new_run_begins_its_schedule_at_its_beginning(tmp_path):
    started = trained(config("train.schedule_from=here"), tmp_path / "run")
    assert load_config(str(started / "config.yaml")).train.schedule_from is None
    with pytest.raises(ConfigError, match=r"would begin at step 3, after step 0.*set it to null"):
        Training(config("train.schedule_from=[3, 0]"), text=TEXT)


@pytest.mark.parametrize("changed", ["train.steps=14", "train.log_every=2", "train.epochs=100"])
def test_where_the_learning_rate_goes_on_nothing_is_said(tmp_path, changed):
    run = config("train.schedule=cosine")
    killed_after(21, run, tmp_path / "run")
    again = load_config(str(tmp_path / "run/config.yaml"), overrides=[changed])
    assert notices(resumed(tmp_path / "run", again)) == ()


def test_a_constant_rate_needs_no_word(tmp_path):
    trained(config(), tmp_path / "run")
    more = load_config(str(tmp_path / "run/config.yaml"), overrides=["train.steps=20"])
    assert notices(resumed(tmp_path / "run", more)) == ()


def test_a_time_that_is_the_same_needs_no_word_either(tmp_path):
    run = config("train.schedule=cosine", "train.steps=null", "train.max_time=1h")
    training = Training(run, RunDirectory.create_named(tmp_path / "run"), text=TEXT)
    for event in training.events():
        if isinstance(event, Stepped) and event.step == 9:
            training.stop()
    again = resumed(tmp_path / "run")
    events = again.events()
    assert next(events).notices == ()
    again.stop()
    list(events)
