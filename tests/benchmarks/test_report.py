"""Ratios, targets and tables from measurements that are made up."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import write
from benchmarks.grid import rows
from benchmarks.report import report
from benchmarks.targets import Target, fastest_torch, gemm_share, memory_share, ratio, targets

FACTS = {
    "charlm": {"peak_mb": 60.0, "added_mb": 20.0, "gflop": 3.0, "gemm_gflop_per_second": 100.0},
    "torch": {"peak_mb": 100.0, "added_mb": 80.0},
}
STEPS = [
    {
        "name": "lstm 2x128",
        "seconds": {"charlm": 0.04, "torch": 0.05, "dynet": 0.2, "charlm_numpy": 0.1},
        "facts": FACTS,
    },
    {
        "name": "lstm 2x512",
        "seconds": {"charlm": 0.05, "torch": 0.04},
        "facts": FACTS,
    },
]
PARTS = {
    "step": STEPS,
    "tutorial": [
        {
            "name": "tutorial",
            "seconds": {"charlm": 0.5, "dynet": 0.8, "charlm_numpy": 1, "before": 0.7},
        },
        {"name": "tutorial, imports included", "seconds": {"charlm": 1.0, "dynet": 1.5}},
    ],
    "graph": [
        {"name": "a tree, with backward", "seconds": {"charlm": 4e-4, "dynet": 3e-4}},
        {"name": "the median of 2,000 trees", "seconds": {"charlm": 3e-4}},
        {"name": "the slowest of 2,000 trees", "seconds": {"charlm": 6e-3}},
        {"name": "400 expressions, read", "seconds": {"charlm": 8e-4, "dynet": 4e-4}},
        {"name": "400 expressions, made and read", "seconds": {"charlm": 9e-4, "dynet": 8e-4}},
    ],
    "programs": [
        {"name": "parser", "seconds": {"charlm": 2.0, "dynet": 3.0}},
        {"name": "tagger", "seconds": {"charlm": 2.0, "dynet": 2.0}},
        {"name": "digits", "seconds": {"charlm": 3.0, "dynet": 1.2}},
    ],
    "variant": [{"name": "norm_lstm 1x128", "seconds": {"charlm": 0.02, "torch": 0.03}}],
    "cold": [{"name": "charlm train", "seconds": {"auto": 1.0, "numpy": 1.0}}],
    "sampling": [
        {"name": "lstm 2x128", "seconds": {"charlm": 0.5, "torch": 2.0, "torch_cells": 1.0}}
    ],
    "scaling": [
        {
            "name": "lstm 1x128",
            "turns": {"once": [1.0, 1.0, 2.0], "batch": [2.0, 2.4, 4.2], "length": [1.0, 1.0, 2.0]},
        }
    ],
    "start": [{"name": "charlm --help", "seconds": 0.1}],
}


def by_work(parts):
    return {target.work: target for target in targets(parts)}


def test_the_grid_has_the_largest_size_for_one_cell_alone():
    names = [row.name for row in rows()]
    assert len(names) == 3 * 6 + 1
    assert [row.name for row in rows(["gru"], ["2x128", "1x1024"])] == ["gru 2x128"]
    assert "lstm 1x1024" in names


def test_a_ratio_is_of_medians_and_missing_where_one_is():
    assert ratio(STEPS[0], "torch") == pytest.approx(1.25)
    assert ratio(STEPS[0], "torch", "charlm_numpy") == pytest.approx(0.5)
    assert ratio(STEPS[1], "dynet") is None


def test_of_two_ways_the_faster_counts():
    assert ratio(fastest_torch(PARTS["sampling"][0]), "torch") == pytest.approx(2.0)


def test_shares():
    assert gemm_share(STEPS[0]) == pytest.approx(3.0 / 0.04 / 100.0)
    assert memory_share(STEPS[0]) == pytest.approx(0.6)
    assert memory_share(STEPS[0], "added_mb") == pytest.approx(0.25)


def test_a_target_is_judged_by_its_worst_row():
    found = by_work(PARTS)
    step = found["a training step against PyTorch"]
    assert (step.reached, step.where, step.met) == (pytest.approx(0.8), "lstm 2x512", "no")
    assert found["the same, geometric mean"].reached == pytest.approx(1.0)
    assert found["the same, gru 1x50 B1"].met == "not measured"
    assert found["a training step against DyNet"].met == "aim"
    assert found["memory of a training step, as a part of PyTorch's"].met == "aim"
    cost = found["a character's cost at twice the batch or length"]
    assert (cost.reached, cost.where, cost.met) == (pytest.approx(1.05), "lstm 1x128, batch", "yes")


def test_programs_on_dynets_interface():
    found = by_work(PARTS)

    def judged(work):
        return pytest.approx(found[work].reached), found[work].where, found[work].met

    assert judged("the tutorial against DyNet") == (1.6, "", "yes")
    assert judged("the same, imports included") == (1.5, "", "aim")
    assert judged("trees of 60 leaves") == (0.75, "", "no")
    assert judged("400 expressions, read one by one") == (0.5, "400 expressions, read", "yes")
    assert judged("programs on DyNet's interface, median") == (1.0, "", "yes")
    assert judged("the same, each") == (0.4, "digits", "no")
    assert judged("numpy alone: the tutorial against the last version without tapes") == (
        0.7,
        "",
        "no",
    )
    assert judged("the slowest of 2,000 trees, against the median") == (20.0, "", "no")
    assert judged("norm_lstm 1x128 against PyTorch") == (1.5, "", "yes")
    assert judged("`charlm train`, never compiled, against numpy") == (1.0, "", "yes")


@pytest.mark.parametrize(
    ("reached", "at_most", "met"),
    [(1.0, False, "no"), (1.05, False, "yes"), (1.3, False, "aim"), (1.3, True, "no")],
)
def test_met(reached, at_most, met):
    assert Target("work", 1.05, 1.2, reached, at_most=at_most).met == met


def test_the_report_has_what_was_measured_and_no_more():
    text = report({"processor": "a fast one"}, PARTS)
    assert "* processor: a fast one" in text
    assert "| lstm 2x512 | 50 | 40 | - | - | 0.80 | - | 60% |" in text
    assert "| `charlm --help` | 0.10 |" in text
    assert "| a tree, with backward | 400 | 300 | 0.75 |" in text
    assert "| digits | 3,000 | 1,200 | 0.40 |" in text
    assert "| charlm train | 1.00 | 1.00 |" in text
    assert "Sampling" not in report({}, {"step": STEPS})
    assert "not measured" in report({}, {})


def test_parts_that_are_not_measured_again_stay(tmp_path):
    write(tmp_path, {"processor": "one"}, {"start": PARTS["start"]})
    write(tmp_path, {"processor": "one"}, {"tutorial": PARTS["tutorial"]})
    stored = json.loads((tmp_path / "measurements.json").read_text())
    assert stored["parts"].keys() == {"start", "tutorial"}
    assert "charlm --help" in (tmp_path / "README.md").read_text()


def test_the_plot_is_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="plots need matplotlib, of the extra plot")
    write(tmp_path, {}, {"step": STEPS})
    assert (tmp_path / "step.png").read_bytes().startswith(b"\x89PNG")
