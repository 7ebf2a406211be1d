"""The picture of a run: curves that can be seen, beside what counting reaches."""

from __future__ import annotations

import pytest

from charlm.baselines.measure import Baselines
from charlm.reporting.plot import curves, plot_run
from charlm.runs.directory import RunDirectory

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture
def directory(tmp_path):
    found = RunDirectory(tmp_path)
    for step in (1, 11):
        found.log_metrics({"step": step, "loss": 3.0 - step / 10, "seconds": 1.0})
    found.log_metrics({"step": 12, "held_out_nll": 2.0, "seconds": 1.0})
    return found


def test_a_single_score_is_a_point(directory):
    training, held_out = curves(directory).axes[0].lines
    assert list(training.get_xdata()) == [1, 11]
    assert training.get_marker() in ("", "None")
    assert (*held_out.get_xdata(), *held_out.get_ydata()) == (12, 2.0)
    assert held_out.get_marker() == "o"


def test_the_baselines_are_drawn(directory):
    Baselines(900, 100, False, 3.3, 2.9, (2.9, 2.4, 1.8), 2.2).save(directory.path)
    axes = curves(directory).axes[0]
    levels = [line.get_ydata()[0] for line in axes.lines[2:]]
    assert levels == [3.3, 2.9, 2.2, 1.8]
    assert axes.get_ylim()[1] > 3.3
    assert "3-gram (1.80)" in [text.get_text() for text in axes.get_legend().get_texts()]
    plot_run(directory)
    assert directory.plot.read_bytes().startswith(b"\x89PNG")
