"""`charlm bench` as a person meets it, on models so small that it takes a second or two."""

from __future__ import annotations

import json
import math

import pytest

from charlm.benchmark import part_of
from charlm.cli.bench import beside_numpy
from charlm.config import load_config

KEYS = {
    "ms_per_step",
    "ms_per_step_mad",
    "chars_per_second",
    "gflop_per_second",
    "gemm_gflop_per_second",
    "gemm_share",
    "sample_chars_per_second",
    "sample_chars_per_second_batch",
    "peak_rss_mb",
    "kernels",
    "threads",
}
SMALL = ["--hidden", 8, "--batch", 2, "--seq", 5, "--steps", 2]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_json_is_one_flat_object(charlm, cell):
    done = charlm("bench", "--cell", cell, *SMALL, "--vocab", 11, "--json", "--threads", 1)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == KEYS
    assert found.pop("kernels") == "numpy"  # two steps are not worth compiled code
    assert found["threads"] == 1
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
    assert found["chars_per_second"] * found["ms_per_step"] == pytest.approx(2 * 5 * 1e3)
    share = found["gflop_per_second"] / found["gemm_gflop_per_second"]
    assert found["gemm_share"] == pytest.approx(share)


def test_it_answers_in_words(charlm):
    done = charlm("bench", "--cell", "gru", "--layers", 2, *SMALL, "--kernels", "numpy")
    assert done.returncode == 0, done.stderr
    assert "gru, layers 2, embedding 8, hidden 8/8, 65 symbols" in done.stdout
    assert "10 characters a step; adam; kernels numpy" in done.stdout
    assert "2 steps take 0." in done.stdout


def test_a_config_brings_its_text_and_its_steps(charlm):
    done = charlm("bench", "--config", "srnn", "--embed", 6, "--hidden", 7)
    assert done.returncode == 0, done.stderr
    assert "rnn, layers 1, embedding 6, hidden 7, 28 symbols" in done.stdout
    assert "43 characters a step; sgd; kernels numpy" in done.stdout
    assert "200 steps take" in done.stdout


def test_a_config_for_a_text_of_one_s_own_is_measured_on_one_that_is_made_up(charlm):
    done = charlm("bench", "--config", "small", "--embed", 6, "--hidden", 7, "--steps", 2)
    assert done.returncode == 0, done.stderr
    assert "lstm, layers 1, embedding 6, hidden 7, 65 symbols" in done.stdout
    assert "2,048 characters a step" in done.stdout


def test_a_run_of_unknown_length_is_worth_the_compiled_kernels(charlm):
    pytest.importorskip("numba", reason="the compiled kernels need numba, of the extra fast")
    arguments = ["--hidden", 8, "--batch", 2, "--seq", 5, "--json"]
    assert json.loads(charlm("bench", *arguments).stdout)["kernels"] == "numba"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--cell", "lstn"], "did you mean lstm"),
        (["--hidden", "0"], "--hidden 0"),
        (["--batch", "many"], "--batch many"),
        (["--config", "nosuch"], "nosuch"),
        (["--trainer", "adamx"], "--trainer adamx"),
        (["--kernels", "numbra"], "numbra"),
        (["--vocab", "0"], "--vocab"),
        (["novel.txt"], "novel.txt"),
    ],
)
def test_wrong_options(charlm, arguments, named):
    done = charlm("bench", *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("share", [0.01, 0.999, 1.0])
def test_a_share_is_a_part_of_the_whole(share):
    assert beside_numpy(share, 60.0).startswith(f"{share:.0%} of the speed of numpy's")


@pytest.mark.parametrize("share", [1.01, 49.49])
def test_more_than_the_whole_is_no_share_and_says_what_it_means(share):
    said = beside_numpy(share, 1.0)
    assert "%" not in said
    assert said.startswith(f"{share:.1f} times the speed of numpy's")
    assert "is faster here, or other programs" in said


def test_ranks_are_computed_from_a_part_of_a_step(charlm):
    done = charlm("bench", *SMALL, "--ranks", "--kernels", "numpy", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    numbers = (
        8 * (4 * 8 + 4 * 8 + 65 + 65) + 4 * 8 + 65 + 65
    )  # weights, and a mark for each row of the table
    assert found["ranks"] == 2
    assert found["sum_mb"] == pytest.approx(4 * numbers / 1e6)
    assert found["ms_per_step_part"] > 0
    assert found["ms_per_step_shared"] is None


def test_a_part_of_a_step_has_a_part_of_its_streams_or_lines():
    streams = load_config("text", overrides=["data.batch_size=7"])
    assert part_of(streams, 3).data.batch_size == 3
    lines = load_config("srnn", overrides=["train.accumulate=7"])
    assert part_of(lines, 2).train.accumulate == 4
