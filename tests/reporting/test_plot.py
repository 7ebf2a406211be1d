"""The picture of runs: curves that can be seen, beside what counting reaches."""

from __future__ import annotations

import pytest

from charlm.baselines.measure import Baselines
from charlm.reporting.plot import curves, plot_run, plot_runs
from charlm.reporting.report.facts import Facts
from charlm.runs.directory import RunDirectory

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def run(path, framing="stream") -> RunDirectory:
    path.mkdir()
    made = RunDirectory(path)
    made.write_config(f"data: {{text: novel.txt, framing: {framing}}}\n")
    made.write_meta({"text_sha256": framing})
    for step in (1, 11):
        made.log_metrics({"step": step, "loss": 3.0 - step / 10, "seconds": 1.0})
    made.log_metrics({"step": 12, "held_out_nll": 2.0, "seconds": 1.0})
    return made


@pytest.fixture
def directory(tmp_path):
    return run(tmp_path / "novel")


def axes(*directories: RunDirectory):
    return curves([Facts.read(directory.path) for directory in directories]).axes[0]


def legend(*directories: RunDirectory) -> list[str]:
    return [text.get_text() for text in axes(*directories).get_legend().get_texts()]


def test_a_single_score_is_a_point(directory):
    training, held_out = axes(directory).lines
    assert list(training.get_xdata()) == [1, 11]
    assert training.get_marker() in ("", "None")
    assert (*held_out.get_xdata(), *held_out.get_ydata()) == (12, 2.0)
    assert held_out.get_marker() == "o"


def test_the_baselines_are_drawn(directory):
    Baselines(900, 100, False, 3.3, 2.9, (2.9, 2.4, 1.8), 2.2).save(directory.path)
    levels = [line.get_ydata()[0] for line in axes(directory).lines[2:]]
    assert levels == [3.3, 2.9, 2.2, 1.8]
    assert axes(directory).get_ylim()[1] > 3.3
    assert "3-gram (1.80)" in legend(directory)
    plot_run(directory)
    assert directory.plot.read_bytes().startswith(b"\x89PNG")


def test_several_runs_share_the_baselines_of_their_text(directory, tmp_path):
    Baselines(900, 100, False, 3.3, 2.9, (2.9, 2.4, 1.8), 2.2).save(directory.path)
    other = run(tmp_path / "$x$ <b>")
    names = ["novel: training", "novel: held out", "$x$ <b>: training", "$x$ <b>: held out"]
    assert legend(directory, other)[:4] == names
    assert len(axes(directory, other).lines) == 8
    colors = [line.get_color() for line in axes(directory, other).lines[:4]]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    picture = tmp_path / "both.svg"
    plot_runs([Facts.read(directory.path), Facts.read(other.path)], picture)
    assert b"<svg" in picture.read_bytes()


def test_runs_of_other_texts_have_no_baselines_in_common(directory, tmp_path):
    Baselines(900, 100, False, 3.3, 2.9, (2.9, 2.4, 1.8), 2.2).save(directory.path)
    lines = run(tmp_path / "lines", "lines")
    assert len(axes(directory, lines).lines) == 4
    assert "lines: training (nats per line)" in legend(directory, lines)
