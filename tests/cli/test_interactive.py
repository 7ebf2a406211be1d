"""Writing together with a model, in a real terminal."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

from tests.cli.conftest import environment

pexpect = pytest.importorskip(
    "pexpect", reason="a terminal is driven with pexpect, of the dev extra"
)

FOX = "a quick brown fox jumped over the lazy dog"
TAB, RIGHT, DOWN, BACK = "\t", "\x1b[C", "\x1b[B", "\x7f"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that knows the sentence by heart."""
    from charlm.cli import main

    folder = tmp_path_factory.mktemp("runs")
    with pytest.raises(SystemExit) as ended:
        main(["-q", "train", "--sample-every", "0", "-o", str(folder / "fox")])
    assert ended.value.code == 0
    return folder / "fox"


@pytest.fixture
def terminal(run, tmp_path):
    """Start the interactive mode on a terminal of 80 columns without colours; stdout is a file if asked."""
    started = []

    def start(*options, out=""):
        words = [sys.executable, "-m", "charlm", "sample", str(run), "--interactive", *options]
        command = " ".join(f"'{word}'" for word in words) + (f" > {out}" if out else "")
        child = pexpect.spawn(
            "/bin/sh",
            ["-c", f"exec {command}"],
            cwd=str(tmp_path),
            env={**environment(), "TERM": "dumb", "NO_COLOR": "1"},
            dimensions=(24, 80),
            timeout=60,
            encoding="utf-8",
        )
        started.append(child)
        child.expect_exact("Ctrl-D ends, and prints the text.")
        return child

    yield start
    for child in started:
        child.close(force=True)


def code(child):
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


def test_typing_suggestions_and_undo(terminal, tmp_path):
    child = terminal("--greedy", out="text.txt")
    child.expect_exact("[a ]")
    child.send(TAB)
    child.expect_exact("a [quick ]")
    child.send("quick b")  # typed: the model goes on from there
    child.expect_exact("a quick b[rown ]")
    child.send(TAB)
    child.expect_exact("a quick brown [fox ]")
    child.send(BACK)  # the whole suggestion
    child.expect_exact("a quick b[rown ]")
    child.send(BACK)  # what was typed, one by one
    child.expect_exact("a quick [brown ]")
    child.send(RIGHT)
    child.expect_exact("a quick b[rown ]")
    child.send("\x04")
    assert code(child) == 0
    assert (tmp_path / "text.txt").read_text() == "a quick b\n"
    assert "\x1b" not in child.before


def test_the_text_ends_where_the_model_ends_it(terminal):
    child = terminal("--greedy", "--prime", "a quick brown fox jumped over the lazy ")
    child.expect_exact("[dog<EOS>]")
    child.send(TAB)
    child.expect_exact("lazy dog[<EOS>]")
    child.send(TAB)
    assert code(child) == 0
    assert child.before.replace("\r", "").endswith(f"{FOX}\n")


def test_nothing_is_undone_beyond_the_prime_and_no_character_that_is_unknown_is_taken(terminal):
    child = terminal("--greedy", "--prime", "a qu")
    child.expect_exact("a qu[ick ]")
    child.send(BACK)
    child.expect_exact("there is nothing to undo")
    child.send("Q")
    child.expect_exact("a character that is not in the vocabulary, 'Q' (U+0051)")
    child.expect_exact("a qu[ick ]")
    child.send("\x1b[A\x1bOP")  # keys that mean nothing
    child.send("\r")
    assert code(child) == 0
    assert child.before.replace("\r", "").endswith("\na qu\n")


def test_a_line_fits_the_terminal_and_follows_its_width(terminal):
    child = terminal("--greedy", "--prime", FOX[:-3] * 5)
    child.expect_exact("]")
    child.setwinsize(24, 40)
    child.expect(r"\r\n([^\r\n]{39})\r")  # drawn anew on a row of its own, without a key
    assert "[dog<EOS>]" in child.match[1]
    child.setwinsize(24, 100)
    child.expect(r"\r([^\r\n]{99})\r")
    assert "[dog<EOS>]" in child.match[1]
    child.send("\x04")
    assert code(child) == 0


def test_no_row_is_wider_than_the_terminal(terminal):
    child = terminal("--greedy", "--prime", FOX[:-3] * 5)
    for key in (TAB, TAB, BACK, "x", DOWN):
        child.send(key)
    child.send("\x04")
    child.expect(pexpect.EOF)
    rows = re.split("[\r\n]+", child.before)
    shown = rows[
        : next(n for n, row in enumerate(rows) if row.startswith("a quick"))
    ]  # before the text itself
    assert max(map(len, shown)) <= 80
    assert max(map(len, rows[:-2])) <= 80


@pytest.mark.parametrize("how", ["key", signal.SIGINT, signal.SIGTERM])
def test_what_ends_it_keeps_the_text(terminal, how):
    child = terminal("--greedy", "--prime", "a ")
    child.expect_exact("a [quick ]")
    child.send(TAB)
    child.expect_exact("a quick [brown ]")
    if how == "key":
        child.sendintr()
    else:
        child.kill(how)
    said = "ended by SIGTERM" if how == signal.SIGTERM else "interrupted"
    child.expect_exact(f"charlm: {said}")
    assert "\na quick \r\n" in child.before
    assert code(child) == (143 if how == signal.SIGTERM else 130)


@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_the_terminal_is_given_back(run, tmp_path, name):
    charlm = f"'{sys.executable}' -m charlm sample '{run}' --interactive --greedy"
    child = pexpect.spawn(
        "/bin/sh",
        ["-c", f"trap : INT; stty -g; sh -c 'echo pid $$; exec \"$@\"' sh {charlm}; stty -g"],
        cwd=str(tmp_path),
        env=environment(),
        timeout=60,
        encoding="utf-8",
    )
    child.expect(r"([\da-f]+:[\da-f:]+)")
    before = child.match[1]
    child.expect(r"pid (\d+)")
    number = int(child.match[1])
    child.expect_exact("[a ]")
    os.kill(number, signal.Signals[f"SIG{name}"])
    child.expect_exact("charlm: ")
    child.expect_exact(before)
    child.close(force=True)


def test_a_terminal_is_needed(typed, run):
    code, _, said = typed(f"charlm sample {run} --interactive")
    assert code == 2
    assert "needs a terminal" in said
    for others in ("--json", "--probs", "-n 2", "--beam 2", "--separator x"):
        code, _, said = typed(f"charlm sample {run} --interactive {others}")
        assert code == 2
        assert "leave" in said
