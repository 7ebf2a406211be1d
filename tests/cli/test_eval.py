"""`charlm eval`, `baseline` and `info` as a person meets them."""

from __future__ import annotations

import json

import pytest

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 60


@pytest.fixture
def run(charlm, tmp_path):
    """A run of a few steps on a small text."""
    (tmp_path / "text.txt").write_text(TEXT)
    sizes = ["--set", "model.hidden_dim=8", "--set", "model.embed_dim=4", "--kernels", "numpy"]
    often = ["--set", "train.eval_every=10", "--sample-every", 0]
    done = charlm("train", "text.txt", "--steps", 30, *sizes, *often, "-o", "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("behind the ") + done.stdout.count("no better than") >= 3
    return tmp_path / "run"


def test_a_run_on_its_held_out_text_and_on_others(charlm, run, tmp_path):
    done = charlm("eval", run, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["characters"] == len(TEXT) // 10
    assert found["state"] == "carried"
    assert found["bpc"] == pytest.approx(found["bits_per_byte"])
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["held_out_perplexity"] == pytest.approx(found["perplexity"], rel=0.1)
    mixed = json.loads(charlm("eval", run, "--dynamic", "--mix", "ngram", "--json").stdout)
    assert mixed["nll"] < found["nll"] - 1
    assert mixed["mix"]["adaptive"]
    (tmp_path / "other.txt").write_text("the cat")
    other = charlm("eval", run, "other.txt")
    assert other.stdout.startswith("7 characters: ")
    assert charlm("eval", run, "--cold").returncode == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rate", "1"], "--dynamic"),
        (["text.txt", "--cold"], "begins cold anyway"),
        (["nosuch.txt"], "no such text"),
    ],
)
def test_wrong_options(charlm, run, options, said):
    done = charlm("eval", run, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_whose_text_is_gone(charlm, run, tmp_path):
    (tmp_path / "text.txt").unlink()
    done = charlm("eval", run)
    assert done.returncode == 2
    assert "cannot be read again" in done.stderr
    assert json.loads(charlm("info", run, "--json").stdout)["problem"]


def test_nothing_held_out(charlm):
    assert charlm("-q", "train", "--sample-every", 0, "-o", "fox").returncode == 0
    done = charlm("eval", "fox")
    assert done.returncode == 2
    assert "holds nothing out" in done.stderr


def test_baseline_and_info(charlm, run):
    found = json.loads(charlm("baseline", "text.txt", "--order", 4, "--json").stdout)
    assert len(found["ngram"]) == 4
    assert found["best"] < found["unigram"] < found["uniform"]
    told = json.loads(charlm("info", run, "--json").stdout)
    assert told["step"] == 30
    assert told["verdict"]
    assert told["baselines"]["uniform"] == pytest.approx(found["uniform"])
    assert "parameters" in charlm("info", run).stdout
    text = json.loads(charlm("info", "text.txt", "--json").stdout)
    assert (text["lines"], text["longest_line"]) == (60, 47)
    assert charlm("info", "nosuch").returncode == 2
