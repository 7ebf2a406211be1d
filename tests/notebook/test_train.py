"""Training from Python: arguments, what is returned and shown, and how it continues."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import charlm
from charlm.cli import main
from charlm.errors import ArgumentError, CharlmError
from charlm.notebook import live
from charlm.notebook.settings import overrides_of
from charlm.training.loop import Training

SMALL = {"hidden_dim": 8, "embed_dim": 4, "eval_every": 10, "steps": 20, "kernels": "numpy"}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("rain.txt").write_text("the rain in spain stays mainly in the plain.\n" * 60)


@pytest.fixture
def tutorial():
    return charlm.train(steps=20, progress=False)


@pytest.fixture
def stream():
    return charlm.train("rain.txt", progress=False, **SMALL)


def test_without_an_argument_it_trains_the_tutorial_as_the_command_does(tutorial, capfd):
    assert tutorial.path == Path("runs/srnn")
    with pytest.raises(SystemExit):
        main(["-q", "train", "--steps", "20", "-o", "other"])
    same = (tutorial.path / "last.safetensors").read_bytes()
    assert Path("other/last.safetensors").read_bytes() == same
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("sources", "more", "expected"),
    [
        (("lstm",), {}, ("lstm", "lstm")),
        (("lstm", "rain.txt"), {}, ("lstm", "lstm")),
        ((Path("rain.txt"),), {}, ("rain", "lstm")),
        (("rain.txt",), {"cell": "gru"}, ("rain", "gru")),
        (("rain.txt",), {"settings": {"model.cell": "gru", "name": "mine"}}, ("mine", "gru")),
    ],
)
def test_sources_and_settings_make_the_config(sources, more, expected):
    run = charlm.train(*sources, progress=False, **{**SMALL, **more})
    assert (run.config.name, run.config.model.cell) == expected
    assert run.config.model.hidden_dim == 8
    assert run.status.step == 20


def test_a_complete_config_is_a_source():
    config = charlm.load_config("srnn", overrides=["train.steps=3"])
    assert charlm.train(config, progress=False).status.step == 3


def test_a_limit_replaces_all_limits():
    run = charlm.train("srnn", epochs=3, progress=False)
    assert (run.config.train.steps, run.status.step) == (None, 3)


VALUES = {
    "lr": 1e-05,
    "hidden_dim": (8, 4),
    "layers": np.int64(2),
    "patience": None,
    "tied": False,
    "val_file": Path("é 😀: #x.txt"),
}


def test_values_of_python_arrive_as_they_are():
    config = charlm.load_config(texts=["rain.txt"], overrides=overrides_of(VALUES, {}))
    assert (config.train.learning_rate, config.model.hidden_dim) == (1e-05, (8, 4))
    assert (config.model.layers, config.train.patience, config.model.tied) == (2, None, False)
    assert config.data.val_file == str(Path.cwd() / VALUES["val_file"])


def test_an_interrupted_training_returns_a_run_that_resumes_to_the_same_bytes(monkeypatch, capsys):
    whole = charlm.train("srnn", steps=40, folder="whole", progress=False)
    count = Training._count

    def interrupted(training, *update):
        if training.step == 10:
            signal.raise_signal(signal.SIGINT)
        return count(training, *update)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_count", interrupted)
        run = charlm.train("srnn", steps=40, folder="cut", progress=True)
    assert (run.status.state, run.status.step) == ("stopped", 10)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    said = capsys.readouterr().err
    assert "Stopped by Ctrl-C after 10 steps. Saved in cut" in said
    assert "charlm.Run('cut').resume()" in said
    assert run.resume(progress=False) is run
    assert run.status.state == "finished"
    last = "last.safetensors"
    assert (run.path / last).read_bytes() == (whole.path / last).read_bytes()


def test_a_second_ctrl_c_raises_and_the_run_resumes_from_its_last_checkpoint(monkeypatch):
    def twice(training, *update):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_count", twice)
        with pytest.raises(KeyboardInterrupt):
            charlm.train("srnn", steps=9, folder="cut", progress=False)
    assert charlm.Run("cut").status.state == "stopped"
    assert charlm.train(resume="cut", progress=False).status.step == 9


def test_it_trains_on_another_thread_too():
    runs = []
    thread = threading.Thread(
        target=lambda: runs.append(charlm.train("srnn", steps=3, progress=False))
    )
    thread.start()
    thread.join()
    assert runs[0].status.state == "finished"


def test_losses_scores_and_samples_are_shown(capsys):
    charlm.train("rain.txt", folder="run", **SMALL)
    shown, said = capsys.readouterr()
    assert "held out" in shown
    assert "step     20\n" in shown  # a sample of several lines
    assert "rain: lstm, layers 1, embedding 4, hidden 8" in said
    assert "loss=" in said
    assert "Finished after 20 steps. Saved in run" in said


def test_long_work_has_bars_of_its_own(stream, capsys, monkeypatch):
    monkeypatch.setattr(live, "DELAY", 1e9)
    stream.score()
    assert capsys.readouterr().err.strip() == ""
    monkeypatch.setattr(live, "DELAY", 0.0)
    stream.score()
    assert "scoring: " in capsys.readouterr().err
    stream.score(progress=False)
    assert capsys.readouterr().err == ""


def test_a_file_of_a_run_names_it(stream):
    assert charlm.Run(stream.path / "best.safetensors").path == stream.path


def test_nothing_is_shown_without_progress(stream, capsys):
    assert capsys.readouterr() == ("", "")


def test_what_a_run_has(stream):
    assert stream.metrics[0].keys() == {"step", "loss", "learning_rate", "seconds"}
    assert type(stream.metrics[0]) is dict
    assert [row["step"] for row in stream.samples] == [1, 10, 20]
    assert stream.model.config == stream.config.model
    assert stream.sample(20, seed=1) == stream.model.sample(20, seed=1)
    assert len(stream.sample(20, seed=1)) == 20


def test_scores_are_those_of_the_command(stream, capfd):

    for options, score in {
        "": stream.score(),
        "--dynamic": stream.score(dynamic=True),
        "--mix ngram": stream.score(mix=True),
        "rain.txt": stream.score("rain.txt"),
    }.items():
        with pytest.raises(SystemExit):
            main(["eval", str(stream.path), *options.split(), "--json"])
        told = json.loads(capfd.readouterr().out)
        assert told["nll"] == pytest.approx(score.nll, rel=1e-6)
        assert (told["characters"], told["bytes"]) == (score.characters, score.bytes)


def test_metrics_go_to_pandas(tutorial):
    pandas = pytest.importorskip("pandas")
    frame = tutorial.metrics.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["step"].tolist() == [1, 6, 11, 16]


def test_a_missing_pandas_is_an_error_that_says_how(tutorial, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(CharlmError, match=r"needs pandas, .*-m pip install pandas"):
        tutorial.metrics.to_pandas()


def test_a_figure_is_a_picture_of_its_own(stream):
    figures = pytest.importorskip("matplotlib.figure")
    figure = stream.plot()
    assert isinstance(figure, figures.Figure)
    assert {line.get_label() for line in figure.axes[0].lines} >= {"training", "held out"}
    assert figure._repr_png_().startswith(b"\x89PNG")


MISTAKES = {
    "stepz: there is no setting of this name; did you mean steps?": {"stepz": 3},
    "nonsense: there is no setting of this name; the settings are name, cell": {"nonsense": 1},
    "text: give texts without a keyword": {"text": "rain.txt"},
    "steps = \"x\": train.steps: expected a whole number, got 'x'": {"steps": "x"},
    "steps: expected a number, text, True, False, None or a list": {"steps": object()},
    "model.x = 1: model.x: unknown key": {"settings": {"model.x": 1}},
    "settings: expected a dict": {"settings": ["model.layers=2"]},
    "folder: expected a path": {"folder": 3},
    "holds a run already; force=True replaces it": {"folder": "runs/srnn"},
    "leave out the config, the texts, folder": {"resume": "runs/srnn", "folder": "x"},
    "no run is there (a folder with a config.yaml); did you mean runs/srnn?": {"resume": "runs/sr"},
    "train.learning_rate was 0.1 in the run and is 3": {"resume": "runs/srnn", "lr": 3},
    "start a new run from its weights with init_from": {"resume": "runs/srnn", "layers": 2},
}


@pytest.mark.parametrize("said", MISTAKES)
def test_a_mistake_is_named(tutorial, said):
    with pytest.raises(CharlmError) as raised:
        charlm.train(progress=False, **MISTAKES[said])
    assert said in str(raised.value)
    assert [path.name for path in Path("runs").iterdir()] == ["srnn"]


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ((3,), "a config or text: expected a path"),
        (
            ("small",),
            "this config has no text; name yours, as in charlm.train('small', 'novel.txt')",
        ),
        (("nosuch.txt",), "no such text"),
    ],
)
def test_a_wrong_source_is_named(sources, said):
    with pytest.raises(CharlmError) as raised:
        charlm.train(*sources, progress=False)
    assert said in str(raised.value)
    assert not Path("runs").exists()


def test_a_complete_config_takes_no_settings():
    with pytest.raises(
        CharlmError, match=r"give texts, settings and preset to charlm\.load_config"
    ):
        charlm.train(charlm.load_config("srnn"), steps=3)


def test_a_run_without_a_held_out_part_has_no_score(tutorial):
    with pytest.raises(CharlmError, match=r"no part of its text is kept for val: give a text"):
        tutorial.score()
    assert tutorial.score("fox").characters == 43
    with pytest.raises(ArgumentError, match="score: a text: expected a path"):
        tutorial.score(3)
