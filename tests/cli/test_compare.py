"""`charlm compare` as a person meets it."""

from __future__ import annotations

import json
import re
import sys

import pytest


def test_a_table_samples_and_a_verdict(charlm):
    done = charlm("compare", "srnn-vs-lstm", "--seeds", 1, "--steps", 120)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "srnn learns faster" in words
    assert (
        "How can that be? Each of the text's 43 bigrams (with <EOS> at both ends) occurs once"
        in words
    )
    assert "a memory of two characters is enough" in words
    assert re.search(
        r"at the first character of the text: 1.1 and 0.\d+ in srnn, 0.19 and \S+ in lstm", words
    )
    assert "The gates of lstm are half open then (input 0.50, forget 0.73, output 0.50)" in words
    assert "lstm first has to learn to open them" in words
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "seed 0: lstm" in done.stderr


def test_json_is_all_of_stdout(charlm):
    done = charlm("compare", "srnn-vs-lstm", "--seeds", 1, "--steps", 3, "--json")
    facts = json.loads(done.stdout)
    assert facts["verdict"] == {
        "faster": None,
        "threshold": None,
        "seeds_ahead": 0,
        "seeds": 1,
        "steps": {"srnn": None, "lstm": None},
        "steps_ahead": None,
    }
    assert facts["text"]["bigrams_unique"] is True
    assert facts["loss"] == {"unit": "nats per line", "window": 1}
    assert {"name", "parameters", "first_loss", "last_loss", "steps_to_threshold"} <= set(
        facts["models"][0]
    )


def test_two_configs(charlm, tmp_path):
    (tmp_path / "wide.yaml").write_text("model: {hidden_dim: 70}\ntrain: {learning_rate: 0.05}\n")
    done = charlm("compare", "srnn", "wide.yaml", "--seeds", 1, "--steps", 5)
    assert done.returncode == 0, done.stderr
    assert "wide" in done.stdout
    assert "learns faster" in done.stdout  # judged where the slower one ends


def test_without_arguments_it_lists_what_there_is(charlm):
    done = charlm("compare")
    assert done.returncode == 2
    assert "srnn-vs-lstm-memory" in done.stderr
    assert "srnn-vs-lstm-memory" in charlm("compare", "--list").stdout


def test_a_plot(charlm, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    done = charlm("compare", "srnn-vs-lstm", "--seeds", 2, "--steps", 5, "--plot", "curves.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_error_says_how_to_install_it(charlm, tmp_path):
    # a folder of this name in the way makes the import fail, as on a machine without the package
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib/__init__.py").write_text("raise ImportError('none')\n")
    if getattr(sys.flags, "safe_path", False):
        pytest.skip("the current folder is not on the import path")
    done = charlm("compare", "srnn-vs-lstm", "--plot", "curves.png")
    assert done.returncode == 2
    assert f"{sys.executable} -m pip install matplotlib" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("place", ["nosuch/curves.png", "a.txt/curves.png"])
def test_a_plot_that_cannot_be_written_is_refused_before_anything_is_trained(
    charlm, tmp_path, place
):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    (tmp_path / "a.txt").write_text("a file, not a folder\n")
    done = charlm("compare", "srnn-vs-lstm", "--plot", place)
    assert done.returncode == 1
    assert f"{place}: cannot write" in done.stderr
    assert "seed" not in done.stderr
    assert (done.stdout, [path.name for path in tmp_path.iterdir()]) == ("", ["a.txt"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["srnn-vs-lsmt"], "srnn-vs-lstm"),
        (["srnn"], "srnn"),
        (["srnn", "nosuch.yaml"], "nosuch.yaml"),
        (["srnn-vs-lstm", "--plot", "curves.pdf"], ".png"),
        (["srnn-vs-lstm", "--seeds", "0"], "--seeds"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(charlm, arguments, named):
    done = charlm("compare", *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_memory_table_fits_and_says_what_its_loss_is(charlm):
    done = charlm("compare", "srnn-vs-lstm-memory", "--seeds", 3, "--steps", 60)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    words = " ".join(done.stdout.split())
    assert "nats per character, the mean of the last 20 steps" in words
    assert "never" in words
    assert "gram" not in words  # two characters do not tell the next there, so it explains nothing
    assert "gates" not in words


def test_quiet_is_silent_on_stderr(charlm):
    done = charlm("-q", "compare", "srnn-vs-lstm", "--seeds", 1, "--steps", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Undecided" in done.stdout


SHORT = "charlm -q compare srnn-vs-lstm --seeds 1 --steps 3"


def test_each_format_is_all_of_stdout(typed):
    plain = typed(SHORT)
    assert plain[1].startswith("model")
    starts = {"md": "# srnn-vs-lstm", "csv": "model,seed,", "json": "{", "html": "<!DOCTYPE html>"}
    for name, start in starts.items():
        code, out, err = typed(f"{SHORT} --format {name}")
        assert (code, err) == (0, "")
        assert out.startswith(start)
        assert out.endswith("\n")
    assert [*json.loads(typed(f"{SHORT} --json")[1])] == [
        *json.loads(typed(f"{SHORT} --format json")[1])
    ]
    assert "training loss" in typed(f"{SHORT} --format json")[1]


def test_a_condition_decides_the_exit_code(typed):
    code, out, err = typed(
        f"{SHORT} --fail-if loss>1 --fail-if 'lstm.parameters < 8' --fail-if srnn.loss>=2"
    )
    assert code == 3
    said = err.splitlines()
    assert len(said) == 2  # the one in the middle is false
    assert re.fullmatch(r"--fail-if loss>1: (srnn|lstm)\.loss is 1\d\d\.\d+", said[0])
    assert "srnn.loss>=2: srnn.loss is" in said[1]
    assert out.startswith("model")
    code, _, err = typed(f"{SHORT} --fail-if loss>1000")
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("loss", "not a condition"),
        ("gru.loss>1", "the models are srnn, lstm"),
        ("bpc>1", "but loss, parameters"),
    ],
)
def test_a_wrong_condition_is_refused_before_anything_is_trained(typed, condition, named):
    code, out, err = typed(f"charlm compare srnn-vs-lstm --fail-if {condition!r}")
    assert (code, out) == (2, "")
    assert named in err
    assert "seed" not in err


@pytest.fixture
def held_out(typed, tmp_path):
    """Compare two small models on a text of which some is held out; the trainings are made once."""
    (tmp_path / "text.txt").write_text("the cat sat on the mat, and the dog ran. " * 900)
    for name, cell in (("a", "rnn"), ("b", "gru")):
        (tmp_path / f"{name}.yaml").write_text(
            f"data: {{framing: stream, alphabet: null, val_frac: 0.1}}\n"
            f"model: {{cell: {cell}, hidden_dim: 8, embed_dim: 4}}\ntrain: {{learning_rate: 0.01}}\n"
        )
    return lambda options: typed(
        f"charlm -q compare a.yaml b.yaml text.txt --steps 20 --seeds 2 --kernels numpy {options}"
    )


def test_models_are_judged_on_held_out_text_in_every_format(held_out, tmp_path):
    code, out, err = held_out("")
    assert (code, err) == (0, "")
    tables, _, verdict = out.partition("Samples of the best weights")
    verdict = verdict[verdict.index("\n\n") :]
    assert max(map(len, (tables + verdict).splitlines())) <= 80
    said = " ".join(out.split())
    assert "bits/character: of the held-out text, 3,690 characters in 3 blocks" in said
    assert "95 % interval" in said
    assert "The intervals allow for other seeds and for other text of this kind." in said
    data = json.loads(held_out("--json")[1])
    assert data["judged_by"] == "held-out text"
    assert {"uniform", "unigram", "xz"} < set(data["baselines"])
    runs = [run for model in data["models"] for run in model["runs"]]
    assert {run["seed"] for run in runs} == {0, 1}
    best = data["models"][0]
    assert best["name"] == data["verdict"]["best"]
    rows = held_out("--format csv")[1].splitlines()
    assert len(rows) == 1 + 4 + len(data["baselines"])
    assert f"{best['mean']:.4f}" in held_out("--format md")[1]
    assert f"{best['mean']:.4f}" in held_out("--format html")[1]
    assert held_out(f"--fail-if bpc>{best['mean'] - 0.01}")[0] == 3
    assert (
        held_out(f"--fail-if bpc>{best['mean'] + 0.01} --fail-if {best['name']}.seconds<0")[0] == 0
    )
    assert "does not measure loss" in held_out("--fail-if loss>1")[2]


def test_the_curves_of_held_out_scores_are_a_picture(held_out, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    assert held_out("--plot curves.png")[0] == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
