"""`charlm compare` as a person meets it."""

from __future__ import annotations

import json
import math
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


NOVEL = "the cat sat on the mat, the rat sat on the hat.\n" * 60
TINY = "--seeds 2 --kernels numpy --budget steps=4"


@pytest.fixture
def novel(tmp_path):
    (tmp_path / "novel.txt").write_text(NOVEL)
    return tmp_path


def test_models_on_any_text(typed, novel):
    code, stdout, stderr = typed(f"charlm compare srnn lstm gru novel.txt {TINY} --json")
    assert code == 0, stderr
    facts = json.loads(stdout)
    assert {model["name"] for model in facts["models"]} == {"srnn", "lstm", "gru"}
    assert [(m["name"], m["seed"]) for m in facts["members"]] == [
        (name, seed) for name in ("srnn", "lstm", "gru") for seed in (0, 1)
    ]
    assert all(len(m["losses"]) == m["steps"] == 4 for m in facts["members"])
    assert len({tuple(m["held_out"]["characters"]) for m in facts["members"]}) == 1
    assert len([*(novel / "comparisons/srnn-vs-lstm-vs-gru-novel").glob("*/result*.json")]) == 6


def test_a_grid_names_its_models_by_their_values(typed, novel):
    grid = "--grid model.hidden_dim=3,5 --grid train.learning_rate=1e-3,3e-2"
    code, stdout, stderr = typed(f"charlm compare text novel.txt {grid} {TINY} --json -o here")
    assert code == 0, stderr
    sizes = {member["name"]: member["parameters"] for member in json.loads(stdout)["members"]}
    names = [
        f"hidden_dim={size},learning_rate={rate}" for size in (3, 5) for rate in ("1e-3", "3e-2")
    ]
    assert sizes.keys() == {*names}
    assert sizes[names[0]] == sizes[names[1]] < sizes[names[2]] == sizes[names[3]]


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("--grid lr=1,2", "did you mean train.learning_rate?"),
        ("--grid model.layers=1", "two different values or more"),
        ("--grid model.layers=1,1", "two different values or more"),
        ("--grid model.layers=1,two", "expected a whole number, got 'two'"),
        ("--grid model.layers=0,1,two", "expected 1 or more, got 0"),
        ("--grid train.seed=1,2", "--seeds"),
        ("--grid model.layers=1,2 --grid model.layers=3,4", "given 2 times"),
        ("--grid model.layers=1,2 --budget steps=3 --steps 4", "given twice"),
        ("--grid model.layers=1,2 --budget time=1h --steps 4", "choose one"),
        ("", "two models or more"),
    ],
)
def test_a_wrong_grid_or_budget_is_refused(typed, novel, grid, said):
    code, stdout, stderr = typed(f"charlm compare text novel.txt {grid}")
    assert (code, stdout) == (2, "")
    assert said in stderr
    assert not (novel / "comparisons").exists()


def test_the_networks_of_a_comparison_on_another_text(typed, novel):
    code, stdout, stderr = typed(f"charlm compare srnn-vs-lstm novel.txt {TINY} --json")
    assert code == 0, stderr
    members = json.loads(stdout)["members"]
    assert [m["name"] for m in members] == ["srnn", "srnn", "lstm", "lstm"]
    assert all(m["held_out"] for m in members)


def test_a_known_score_is_that_of_the_text_of_the_config(typed, novel):
    code, out, _ = typed("charlm compare counting --steps 2 --seeds 1 --json")
    facts = json.loads(out)
    known = {name: bits * math.log(2) for name, bits in facts["references"].items()}
    assert (code, known) == (0, pytest.approx({"optimum": 0.09218, "without memory": 0.30482}))
    code, out, _ = typed("charlm compare counting novel.txt --steps 2 --seeds 1 --json")
    assert (code, json.loads(out)["references"]) == (0, {})


def test_runs_that_are_trained_already(typed, novel):
    settings = "--steps 4 --hidden-dim 4 --kernels numpy --sample-every 0"
    for name, more in [("a", ""), ("b", "--seed 7"), ("c", "--val-frac 0.2"), ("d", "--cell gru")]:
        assert typed(f"charlm -q train text novel.txt {settings} {more} -o runs/{name}")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in novel.glob("**/*")}
    code, stdout, stderr = typed("charlm compare runs/a runs/b runs/d --json")
    assert code == 0, stderr
    members = json.loads(stdout)["members"]
    trained = [(m["name"], m["seed"], m["steps"]) for m in members]
    assert trained == [("a", 0, 4), ("b", 7, 4), ("d", 0, 4)]
    assert {p: p.stat().st_mtime_ns for p in novel.glob("**/*")} == before  # nothing is written
    code, stdout, stderr = typed("charlm compare runs/a runs/c")
    assert code == 0
    assert "on the part that all of them hold out" in " ".join(stderr.split())
    code, stdout, stderr = typed(f"charlm compare runs/a text novel.txt {TINY} --json")
    assert code == 0, stderr
    assert {model["name"] for model in json.loads(stdout)["models"]} == {"text", "a"}
    (novel / "novel.txt").write_text(NOVEL.replace("cat", "dog"))
    code, stdout, stderr = typed("charlm compare runs/a runs/b")
    assert (code, stdout) == (2, "")
    assert "not the text that" in stderr


def test_a_run_alone_is_refused(typed, novel):
    typed("charlm -q train --kernels numpy --steps 1 -o runs/a")
    code, _, stderr = typed("charlm compare runs/a")
    assert (code, "one model alone" in stderr) == (2, True)


def test_runs_and_configs_of_one_name_are_told_apart(typed, novel):
    typed("charlm -q train text novel.txt --steps 2 --hidden-dim 4 --kernels numpy -o runs/text")
    code, stdout, stderr = typed(f"charlm compare text runs/text novel.txt {TINY} --json")
    assert code == 0, stderr
    assert {m["name"] for m in json.loads(stdout)["models"]} == {"text", "runs/text"}
    code, _, stderr = typed("charlm compare runs/text runs/text")
    assert (code, "give each model once" in stderr) == (2, True)


def test_without_held_out_text_the_budget_is_of_steps(typed):
    code, stdout, stderr = typed("charlm compare srnn lstm --budget time=1s")
    assert (code, stdout) == (2, "")
    assert "give --budget steps=N" in stderr


@pytest.mark.parametrize("text", ["text novel.txt", "srnn"])
def test_a_model_that_fails_is_named_and_the_others_go_on(typed, novel, text):
    grid = "--grid train.learning_rate=0.01,1e38"
    code, _, stderr = typed(
        f"charlm compare {text} {grid} {TINY} --steps 20".replace("--budget steps=4", "")
    )
    assert code == 1
    assert re.search(r"seed 0: learning_rate=1e38 failed: .*smaller learning rate", stderr)
    assert re.search(r"seed 1: learning_rate=0.01 +\S+", stderr)


def test_without_joblib_the_error_says_how_to_install_it(charlm, novel):
    (novel / "joblib").mkdir()
    (novel / "joblib/__init__.py").write_text("raise ImportError('none')\n")
    if getattr(sys.flags, "safe_path", False):
        pytest.skip("the current folder is not on the import path")
    done = charlm("compare", "srnn", "lstm", "novel.txt", *TINY.split(), "--workers", 2)
    assert done.returncode == 2
    assert f"{sys.executable} -m pip install joblib" in done.stderr
    assert "Traceback" not in done.stderr


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
    assert {member["seed"] for member in data["members"]} == {0, 1}
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
