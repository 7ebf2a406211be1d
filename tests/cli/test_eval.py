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
    assert done.stdout.count("worse than ") + done.stdout.count("no better than") >= 3
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


def test_the_test_part_and_texts_in_the_encoding_of_the_run(charlm, tmp_path):
    (tmp_path / "old.txt").write_bytes(("le caf\xe9 est l\xe0, ".encode("latin-1")) * 60)
    small = ["--set", "model.hidden_dim=8", "--set", "model.embed_dim=4", "--kernels", "numpy"]
    small += ["--steps", 2, "--sample-every", 0, "--val-frac", "0.2", "--test-frac", "0.1"]
    for run, options in (
        ("latin", ["--encoding", "latin-1"]),
        ("bytes", ["--encoding", "bytes"]),
        ("rare", ["--encoding", "latin-1", "--min-count", 100]),
    ):
        assert charlm("train", "old.txt", *small, *options, "-o", run).returncode == 0
    held_out, test = (
        json.loads(charlm("eval", "latin", "--split", split, "--json").stdout)
        for split in ("val", "test")
    )
    assert (held_out["characters"], test["characters"]) == (192, 96)
    assert test["split"] == "test"
    told = charlm("eval", "latin", "old.txt").stdout
    assert told.startswith("960 characters: ")
    assert "nats/char" in told
    told = charlm("eval", "bytes", "old.txt").stdout
    assert told.startswith("960 bytes: ")
    assert "nats/byte" in told
    assert "char" not in told
    done = charlm("eval", "rare", "old.txt")
    assert "480 of the characters are not in the vocabulary" in done.stderr
    assert charlm("eval", "bytes", "old.txt", "--split", "val").returncode == 2


def test_a_text_that_was_changed_is_refused(charlm, run, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT.replace("rat", "cat", 1).replace("cat", "rat", 1))
    done = charlm("eval", run)
    assert done.returncode == 2
    assert "not the text that" in done.stderr
    assert "restore the old text" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rate", "1"], "--dynamic"),
        (["text.txt", "--cold"], "always starts with an empty state"),
        (["nosuch.txt"], "no such text"),
        (["--split", "test"], "no part of its text is kept for a test"),
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


def test_what_is_shown_fits_a_terminal(charlm, run, tmp_path):
    (tmp_path / "long.txt").write_text("".join(f"{n * 7919 % 40_000:026}\n" for n in range(40_000)))
    commands = ("eval run", "info run", "info long.txt", "runs .")
    shown = "".join(charlm(*words.split()).stdout for words in commands).splitlines()
    whole = ("command: ", "text: ")  # what may be copied is not cut
    assert [line for line in shown if len(line) > 80 and not line.startswith(whole)] == []
    for begin in ("288 char", "files: ", "most frequent: ", "run "):
        assert any(line.startswith(begin) for line in shown)


def test_nothing_held_out(charlm):
    assert charlm("-q", "train", "--sample-every", 0, "-o", "fox").returncode == 0
    done = charlm("eval", "fox")
    assert done.returncode == 2
    assert "no part of its text is held out" in done.stderr


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
    assert (text["newlines"], text["bytes"]) == (60, len(TEXT))
    assert "100% of the lines" in text["notices"][0]
    told = charlm("info", run).stdout
    summary = ["run", "status", "reason", "step", "loss", "best", "verdict"]
    assert [line.partition(":")[0] for line in told.splitlines()[:7]] == summary
    assert "hidden_dim:" not in told
    told = charlm("info", run, "--config").stdout
    assert "hidden_dim:" in told.partition("\nconfig:\n")[2]
    assert charlm("info", "text.txt", "--config").returncode == 2
    assert "status: finished" in told
    assert "budget: at most 30 steps, or until" in told
    told = charlm("info", "text.txt").stdout
    assert "note: " in told
    assert "sha256" in told
    (run.parent / "old.txt").write_bytes(b"na\xefve " * 90)
    assert "--encoding" in charlm("info", "old.txt").stderr
    assert charlm("info", "old.txt", "--encoding", "latin-1").returncode == 0
    assert (
        "bytes, trained on the first" in charlm("baseline", "old.txt", "--encoding", "bytes").stdout
    )
    assert "--encoding" in charlm("baseline", "old.txt", "--encoding", "latin-9000").stderr
    assert charlm("info", "nosuch").returncode == 2
