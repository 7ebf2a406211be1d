"""What `charlm eval` says of a text: its bytes, what was scored, and what it is compared with."""

from __future__ import annotations

import json
import re

import pytest

from charlm.cli import main
from charlm.config import load_config
from charlm.runs.directory import RunDirectory
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 60
CONTENT = TEXT.encode()
SMALL = ["model.hidden_dim=4", "model.embed_dim=4", "train.kernels=numpy", "train.steps=1"]


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Train for a step on a text, and return the run's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def train(*overrides, content=CONTENT, name="run"):
        (tmp_path / f"{name}.txt").write_bytes(content)
        config = load_config(
            "text", texts=[str(tmp_path / f"{name}.txt")], overrides=[*SMALL, *overrides]
        )
        directory = RunDirectory.create_named(tmp_path / name)
        list(Training(config, directory).events())
        return directory.path

    return train


@pytest.fixture
def evaluate(capsys):
    """Run the command; return its code, and what it wrote on stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["eval", *map(str, arguments)])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


@pytest.mark.parametrize("framing", ["stream", "lines"])
def test_bits_per_byte_are_of_all_bytes(trained, evaluate, tmp_path, framing):
    run = trained("data.min_count=60", f"data.framing={framing}")
    other = "QQ 123 ñandú 日本語\n"
    (tmp_path / "other.txt").write_text(other, "utf-8")
    code, out, _ = evaluate(run, tmp_path / "other.txt", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["characters"], found["bytes"]) == (len(other), len(other.encode()))
    assert found["bits_per_byte"] == pytest.approx(found["bpc"] * len(other) / len(other.encode()))


def test_bits_per_byte_of_a_part_of_the_run_s_text(trained, evaluate):
    content = ("abc abc ab\n" * 50 + "abc é日\n" * 30).encode()
    run = trained("data.min_count=60", "data.test_frac=0.2", content=content)
    text = content.decode()
    test = text[len(text) - len(text) // 5 :]
    held_out = text[: len(text) - len(test)][-(len(text) // 10) :]
    for split, part in (("val", held_out), ("test", test)):
        found = json.loads(evaluate(run, "--split", split, "--json")[1])
        assert (found["characters"], found["bytes"]) == (len(part), len(part.encode()))


def test_a_mixture_is_called_so_and_compared_with_its_parts(trained, evaluate):
    run = trained()
    for options, model, ngram in (
        ([], "this model", "frozen 7-gram"),
        (["--dynamic", "--rate", "0.001"], "this model, dynamic", "adaptive 7-gram"),
    ):
        code, out, _ = evaluate(run, "--mix", "ngram", *options)
        assert code == 0
        found = json.loads(evaluate(run, "--mix", "ngram", *options, "--json")[1])
        mix = found["mix"]
        assert mix["adaptive"] == bool(options)
        assert mix["ngram_nll"] < found["nll"] < mix["model_nll"]
        rows = dict(re.findall(r"^  (\S.*?) +(\d+\.\d{4}) ", out, re.MULTILINE))
        assert rows[model] == f"{mix['model_nll']:.4f}"
        assert rows[ngram] == f"{mix['ngram_nll']:.4f}"
        mixture = f"mixture: {mix['weight']:.2f} model, {1 - mix['weight']:.2f} 7-gram"
        assert rows[mixture] == f"{found['nll']:.4f}"
        assert "characters, the mixture: " in out
        assert "the model alone: " in out
        worse = found["nll"] - mix["ngram_nll"]
        assert f"the mixture: {worse:.4f} nats worse than the {ngram} alone" in out


def test_a_model_that_adapts_is_not_compared_with_frozen_ngrams_in_silence(trained, evaluate):
    _, out, _ = evaluate(trained(), "--dynamic", "--rate", "0.001")
    assert "this model, dynamic" in out
    assert "these n-grams do not adapt" in " ".join(out.split())
    assert "frozen" not in evaluate(trained(name="other"))[1]


def test_a_text_in_another_encoding(trained, evaluate, tmp_path):
    run = trained(content="le café est là\n".encode() * 60)
    (tmp_path / "old.txt").write_bytes("café là".encode("cp1252"))
    assert evaluate(run, tmp_path / "old.txt")[0] == 2
    code, out, _ = evaluate(run, tmp_path / "old.txt", "--encoding", "cp1252", "--json")
    assert code == 0
    assert (json.loads(out)["characters"], json.loads(out)["bytes"]) == (7, 9)
    of_bytes = trained("data.encoding=bytes", name="bytes")
    for wrong, options, said in (
        (run, ["--encoding", "bytes"], "name a codec"),
        (run, ["--encoding", "cp-1252x"], "cp-1252x"),
        (of_bytes, ["--encoding", "cp1252"], "leave it out"),
    ):
        code, _, err = evaluate(wrong, tmp_path / "old.txt", *options)
        assert code == 2
        assert said in err
    assert evaluate(of_bytes, tmp_path / "old.txt", "--encoding", "bytes")[0] == 0
    code, _, err = evaluate(run, "--encoding", "cp1252")
    assert code == 2
    assert "for a TEXT that you name" in err


def test_a_text_that_was_moved(trained, evaluate, tmp_path):
    (tmp_path / "measure.txt").write_text("the cat sat.\n", "utf-8")
    run = trained(f"data.val_file={tmp_path / 'measure.txt'}")
    before = evaluate(run)[1]
    (tmp_path / "run.txt").rename(tmp_path / "moved.txt")
    (tmp_path / "measure.txt").rename(tmp_path / "there.txt")
    code, _, err = evaluate(run)
    assert code == 2
    assert "--text PATH --val-file PATH" in err
    where = ["--text", tmp_path / "moved.txt", "--val-file", tmp_path / "there.txt"]
    assert evaluate(run, *where)[:2] == (0, before)
    assert evaluate(run, tmp_path / "there.txt", "--mix", "ngram", *where)[0] == 0
    code, _, err = evaluate(run, "--text", tmp_path / "there.txt", *where[2:])
    assert code == 2
    assert "not the text that" in err
    code, _, err = evaluate(run, tmp_path / "there.txt", *where)
    assert code == 2
    assert "is not read here" in err


def test_several_texts_that_were_moved(trained, evaluate, tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text("the end.\n" * 9)
    texts = f"[{tmp_path / 'a.txt'}, {tmp_path / 'b.txt'}]"
    run = trained(f"data.text={texts}")
    (tmp_path / "there").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).rename(tmp_path / "there" / name)
    moved = ["--text", tmp_path / "there/a.txt", "--text", tmp_path / "there/b.txt"]
    assert evaluate(run, *moved)[0] == 0
    assert evaluate(run, "--text", tmp_path / "there")[0] == 0  # the folder has these two
    assert evaluate(run, *moved[2:], *moved[:2])[0] == 2
