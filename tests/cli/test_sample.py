"""`charlm sample` as a person meets it."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shlex
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from charlm.cli import main
from charlm.cli.live import session
from charlm.kernels import NUMPY, with_sampler
from tests.cli.conftest import environment
from tests.cli.terminal import Terminal

FOX = "a quick brown fox jumped over the lazy dog"


@pytest.fixture
def fox(charlm, tmp_path):
    """A run that knows the sentence by heart."""
    assert charlm("-q", "train", "--sample-every", 0, "-o", "fox").returncode == 0
    return tmp_path / "fox"


def test_a_run_or_its_checkpoint(charlm, fox):
    for run in (fox, fox / "last.safetensors"):
        done = charlm("sample", run, "-t", 0)
        assert done.returncode == 0, done.stderr
        assert done.stdout == FOX + "\n"


def test_options(charlm, fox):
    assert charlm("sample", fox, "-t", 0, "-n", 3).stdout == (FOX + "\n") * 3
    assert charlm("sample", fox, "-t", 0, "-l", 7).stdout == "a quick\n"
    assert charlm("sample", fox, "-t", 0, "--prime", "a quick b").stdout == FOX + "\n"
    assert charlm("sample", fox, "-t", 0, "--stop", " fox").stdout == "a quick brown\n"


def test_a_seed_is_printed_and_repeats(charlm, fox):
    first = charlm("sample", fox, "-t", 3, "-n", 2)
    seed = first.stderr.split()[-1]
    again = charlm("sample", fox, "-t", 3, "-n", 2, "--seed", seed)
    assert again.stdout == first.stdout
    assert again.stderr == ""
    # each text has its own seed: more texts do not change the first
    assert (
        charlm("sample", fox, "-t", 3, "--seed", seed).stdout == first.stdout.split("\n")[0] + "\n"
    )


def test_json(charlm, fox):
    done = charlm("sample", fox, "-t", 0, "-n", 2, "--seed", 1, "--json", "--prime", "a")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    about = {"seed": 1, "temperature": 0, "prime": "a", "text": FOX[1:], "complete": True}
    assert found == [{"number": number, **about} for number in (1, 2)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--prime", "a Quick"], "'Q'"),
        (["-t", "-1"], "-1"),
        (["-l", "0"], "0"),
        (["-n", "none"], "none"),
    ],
)
def test_wrong_options(charlm, fox, arguments, named):
    done = charlm("sample", fox, *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_missing_run(charlm):
    done = charlm("sample", "runs/nosuch")
    assert done.returncode == 2
    assert "runs/nosuch" in done.stderr


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_checkpoint(charlm, fox, damage):
    file = fox / "last.safetensors"
    data = bytearray(file.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flip":
        data[len(data) // 3] ^= 1
    else:
        data = bytearray(b"" if damage == "empty" else b"not a checkpoint at all, but text")
    file.write_bytes(data)
    done = charlm("sample", fox)
    assert done.returncode == 2
    assert "last.safetensors" in done.stderr
    assert "Traceback" not in done.stderr


def test_head_may_close_the_pipe(charlm, fox, tmp_path):
    command = f"'{sys.executable}' -m charlm -q sample '{fox}' -n 3000 | head -1"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_several_texts_of_several_lines_have_borders_on_a_terminal(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text("the cat\nsat\n" * 200)
    small = ["--set", "model.hidden_dim=4", "--set", "train.sample_every=0"]
    assert charlm("train", "novel.txt", "-o", "run", "--steps", 1, *small).returncode == 0
    several = ["sample", "run", "-l", "30", "--seed", "1", "-n"]
    command = [sys.executable, "-m", "charlm", *several, "3"]
    with Terminal(command, tmp_path, environment()) as terminal:
        shown = terminal.shown_until("never").replace("\r", "")
    begin = [f"--- {number} of 3 ---\n" for number in (1, 2, 3)]
    assert [shown.count(line) for line in begin] == [1, 1, 1]
    plain = charlm(*several, 3).stdout
    assert "---" not in plain
    for line in begin:
        shown = shown.replace(line, "")
    assert shown == plain
    with Terminal([*command[:-1], "1"], tmp_path, environment()) as terminal:
        assert "---" not in terminal.shown_until("never")


@pytest.fixture
def known(typed):
    """A run that knows the sentence by heart, trained in this process."""
    assert typed("charlm -q train --sample-every 0 -o fox")[0] == 0
    return typed


@pytest.fixture
def untrained(typed, tmp_path):
    """Return what trains a model that knows nothing, and types commands."""
    (tmp_path / "novel.txt").write_text("the cat sat.\né\n" * 40, encoding="utf-8")

    def train(options=""):
        small = (
            "--set model.hidden_dim=4 --set model.embed_dim=4 --set model.cell=rnn --kernels numpy"
        )
        line = (
            f"charlm -q train novel.txt -o run --force --steps 1 --sample-every 0 {small} {options}"
        )
        assert typed(line)[0] == 0
        return typed

    return train


def test_filters_and_searches(known):
    for how in ("--greedy", "--top-k 1", "--beam 1", "--beam 4", "--top-p 0.01", "--min-p 1 -t 5"):
        assert known(f"charlm sample fox {how}")[1] == FOX + "\n", how
    assert known("charlm sample fox --by-word --seed 3")[1].endswith("lazy dog\n")
    again = known("charlm sample fox --greedy --repeat-penalty 50 --repeat-window 3")[1]
    assert len(set(again[:3])) == 3
    assert known("charlm sample fox --mix fox=0.4 --mix fox=0.1 --greedy")[1] == FOX + "\n"


def test_a_prime_from_a_file_or_standard_input(charlm, known, tmp_path):
    (tmp_path / "prime.txt").write_bytes("\ufeffa quick b\r\n".encode())
    assert known("charlm sample fox --greedy --prime @prime.txt")[1] == FOX + "\n"
    assert charlm("sample", "fox", "--greedy", "-p", "-", stdin="a quick b\n").stdout == FOX + "\n"
    code, _, said = known("charlm sample fox -p @none.txt")
    assert code == 2
    assert "for a prime that begins with @, type @@none.txt" in said
    code, _, said = known("charlm sample fox -p @@none.txt")
    assert "'@' (U+0040)" in said


def test_a_stop_text_from_a_file_or_standard_input(charlm, known, tmp_path):
    (tmp_path / "stop.txt").write_bytes("\ufeff fox\r\n".encode())
    assert known("charlm sample fox --greedy --stop @stop.txt")[1] == "a quick brown\n"
    assert charlm("sample", "fox", "--greedy", "--stop", "-", stdin=" fox\n").stdout == (
        "a quick brown\n"
    )
    code, _, said = known("charlm sample fox --stop @none.txt")
    assert code == 2
    assert "for a stop text that begins with @, type @@none.txt" in said
    assert "'@' (U+0040)" in known("charlm sample fox --stop @@none.txt")[2]
    code, _, said = known("charlm sample fox --stop - --prime -")
    assert code == 2
    assert "standard input is one text" in said


def test_a_long_prime_is_read_in_pieces(untrained, tmp_path):
    typed = untrained()
    (tmp_path / "long.txt").write_text("the cat sat.\n" * 1_000)
    code, out, _ = typed("charlm sample run -p @long.txt -l 5 --seed 1")
    assert code == 0
    assert len(out) == 13 * 1_000 + 5 + 1


def test_all_unknown_characters_are_named(known):
    code, out, said = known("charlm sample fox -p aQXZ")
    assert (code, out) == (2, "")
    assert "'Q' (U+0051), 'X' (U+0058), 'Z' (U+005A)" in said
    code, out, said = known("charlm sample fox -p 'aQX quick' --unknown skip --greedy")
    assert (code, out) == (0, FOX + "\n")
    assert (
        "2 characters that the model does not know, left out of the prime: 'Q' (U+0051), 'X'"
        in said
    )
    code, out, said = known("charlm sample fox -p 'aQquick' --unknown replace --greedy")
    assert (code, out) == (0, FOX + "\n")


def test_a_stop_text_that_cannot_come_is_said(known):
    assert "would ever end there" in known("charlm sample fox --stop Q")[2]
    assert "does not fit in a text of 3" in known("charlm sample fox --stop 'a quick' -l 3")[2]


def test_texts_can_be_split(untrained):
    typed = untrained()
    _, plain, _ = typed("charlm sample run -n 3 -l 40 --seed 1")
    _, nul, _ = typed(r"charlm sample run -n 3 -l 40 --seed 1 --separator '\0'")
    texts = nul.split("\0")[:-1]
    assert [len(text) for text in texts] == [40] * 3
    assert "".join(f"{text}\n" for text in texts) == plain
    _, lines, _ = typed("charlm sample run -n 3 -l 40 --seed 1 --json")
    assert [json.loads(line)["text"] for line in lines.splitlines()] == texts


@pytest.mark.parametrize("data", ["", "--encoding bytes", "--set data.framing=lines"])
@pytest.mark.parametrize(
    "how",
    [
        "--model ngram",
        "--mix run=0.3",
        "--greedy",
        "--top-k 3",
        "--beam 2",
        "--by-word",
        "--typical 0.5 -n 2",
    ],
)
def test_every_kind_of_model(untrained, data, how):
    typed = untrained(data)
    code, out, said = typed(f"charlm sample run -l 20 --seed 1 {how} --json")
    assert code == 0, said
    texts = [json.loads(line)["text"] for line in out.splitlines()]
    assert all(len(text.encode("utf-8", "surrogateescape")) <= 40 for text in texts)
    if "beam" not in how:
        code, out, said = typed(f"charlm sample run -l 20 --seed 1 {how} --probs --json")
        assert code == 0, said
        if "bytes" not in data:
            rows = [json.loads(line) for line in out.splitlines()]
            spelled = "".join(
                row["char"] for row in rows if row["text"] == 1 and row["char"] != "<EOS>"
            )
            assert spelled == texts[0]


def test_probabilities_as_columns(known):
    _, out, _ = known("charlm sample fox --greedy --probs")
    head, *rows = [line.split("\t") for line in out.splitlines()]
    assert head[:5] == ["text", "symbol_id", "char", "probability", "rank"]
    assert {len(row) for row in rows} == {len(head)}
    assert "".join(row[2] for row in rows) == FOX + "<EOS>"
    assert all(0.5 < float(row[3]) <= 1 and row[4] == "1" for row in rows)


def test_ngrams_of_the_text(untrained):
    typed = untrained("--set data.val_frac=0.1")
    code, out, said = typed("charlm sample run --model ngram --greedy -l 13")
    assert (code, out) == (0, "the cat sat.\n\n")
    assert "7-grams of 5" in said
    code, out, _ = typed("charlm sample run --model ngram --order 2 --top-k 2 --seed 1 -l 30")
    assert code == 0
    assert typed("charlm sample run --order 3")[0] == 2
    code, _, said = typed("charlm sample run --model ngram --text none.txt")
    assert code == 2
    assert "charlm sample --model ngram --text PATH run" in said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--greedy -t 0.5", "leave out --temperature, or --greedy"),
        ("--greedy --top-k 3", "leave out --top-k, or --greedy"),
        ("--beam 3 --top-p 0.5", "leave out --top-p, or --beam"),
        ("--beam 3 -n 2", "leave out --number and --probs, or --beam"),
        ("--top-k 0", "--top-k: expected 1 or more, got 0"),
        ("--top-p 1.5", "--top-p: expected a number above 0 and of at most 1, got 1.5"),
        ("-t nan", "--temperature: expected a number of 0 or more, got nan"),
        ("--repeat-window 5", "needs a --repeat-penalty other than 1"),
        ("--mix fox", "expected RUN=WEIGHT"),
        ("--mix fox=2", "expected RUN=WEIGHT with a weight between 0 and 1"),
        ("--mix fox=0.5 --mix fox=0.5", "the weights sum to 1, which leaves nothing for fox"),
        ("--mix none=0.5", "none"),
        ("--separator x --json", "leave it out"),
    ],
)
def test_contradictions_and_ranges(known, arguments, named):
    code, out, said = known(f"charlm sample fox {arguments}")
    assert (code, out) == (2, "")
    assert named in said
    assert "Traceback" not in said


def test_a_mix_with_another_alphabet_names_the_difference(known, untrained):
    untrained()
    code, _, said = known("charlm sample fox --mix run=0.5")
    assert code == 2
    assert "their symbols differ: fox has 'b' (U+0062), " in said


@pytest.mark.parametrize("form", ["", "--json", "--probs", "--top-k 3 --repeat-penalty 1.1"])
def test_memory_does_not_grow_with_length(untrained, form):
    def peak(length: int) -> int:
        gc.collect()
        with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null):
            tracemalloc.start()
            with pytest.raises(SystemExit):
                main(shlex.split(f"sample run --seed 1 -l {length} {form}"))
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return most

    untrained()
    peak(200)  # imports modules
    short = peak(200)
    # other things in the process may take memory meanwhile, but not each time
    assert any(peak(2500) < short + 30_000 for _ in range(3))


PEAK = """
import resource, sys
from charlm.cli import main
from charlm.cli.live import session
try:
    main(sys.argv[1:])
finally:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(most, "numba" in sys.modules, "llvmlite" in sys.modules, file=sys.stderr)
"""


def test_long_texts_take_no_more_memory_and_no_numba(charlm, tmp_path):
    """1,000 characters and 100,000, with the compiled sampler."""
    pytest.importorskip("numba", reason="the compiled sampler is made by numba, which is an extra")
    assert with_sampler(NUMPY, 1, wait=True) is not NUMPY  # what users have after the first time
    (tmp_path / "cats.txt").write_text("the cat sat on the mat.\n" * 40)
    trained = charlm(
        "-q", "train", "text", "cats.txt", "--steps", 2, "-o", "run", "--kernels", "numpy"
    )
    assert trained.returncode == 0, trained.stderr
    peaks = []
    for length in (1_000, 100_000):
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *f"-q sample run --seed 1 -l {length}".split()],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert len(done.stdout) == length + 1, done.stderr
        peak, *imported = done.stderr.split()
        assert imported == ["False", "True"]
        peaks.append(int(peak))
    assert peaks[1] < peaks[0] + 8_000  # KB; numba takes 110,000


@pytest.mark.parametrize("kernels", ["numba", "numpy"])
def test_a_long_training_on_compiled_kernels_prepares_the_sampler(
    kernels, tmp_path, monkeypatch, capfd
):
    pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")
    prepared: list[bool] = []
    monkeypatch.setattr(session, "SHORT", 0.0)
    monkeypatch.setattr(session, "prepare_sampler", lambda: prepared.append(True))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(shlex.split(f"-q train --steps 1 --sample-every 0 --kernels {kernels}"))
    assert prepared == [True] * (kernels == "numba")
