"""TrainingBar on a real terminal, and where there is none."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
import threading
import time
import warnings

import pytest

from charlm.cli import main
from charlm.cli.live.progress import TIME_BAR, TrainingBar
from charlm.cli.terminal.screen import Screen
from charlm.config import load_config
from charlm.kernels.compiling import COMPILING
from charlm.training.events import Stepped
from charlm.training.loop import Training


class Terminal:
    """A terminal of 80 columns; ``shown`` is all that was written to it."""

    def __init__(self):
        self._screen, program = pty.openpty()
        fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.stream = os.fdopen(program, "w", encoding="utf-8")
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                self._shown += os.read(self._screen, 4096)
            except OSError:  # the other end is closed
                return

    def shown(self):
        self.stream.close()
        self._reader.join()
        os.close(self._screen)
        return self._shown.decode()


@pytest.fixture
def on_terminal(monkeypatch):
    """Call something whose messages go to a terminal, warnings being errors; return what that shows."""

    def call(work, *arguments):
        terminal = Terminal()
        with monkeypatch.context() as patched, warnings.catch_warnings():
            warnings.simplefilter("error")
            patched.setattr(sys, "stderr", terminal.stream)
            patched.setattr(sys, "stdout", io.StringIO())
            with contextlib.suppress(SystemExit):
                work(*arguments)
        return terminal.shown()

    return call


@pytest.mark.parametrize("budget", [["--max-time", "0.3s"], ["--steps", "40"]])
def test_a_bar_never_falls_back_and_fits(budget, on_terminal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "novel.txt").write_text("the cat sat on the mat.\n" * 400)
    often = ["--set", "train.eval_every=10", "--log-every", "5", "--kernels", "numpy"]
    small = ["--set", "model.hidden_dim=4", "--set", "model.embed_dim=4"]
    shown = on_terminal(main, ["train", "novel.txt", *budget, *often, *small, "-o", "run"])
    assert "Saved in run" in shown
    lines = [line for line in re.split(r"[\r\n]", shown) if "%|" in line]
    assert len(lines) > 3
    parts = [int(re.search(r"(\d+)%\|", line)[1]) for line in lines]
    assert parts == sorted(parts)
    assert "<-" not in shown
    assert all(len(line.rstrip("\x1b[A")) <= 80 for line in lines)
    for what in ("scoring", "saving"):
        assert any(what in line for line in lines), what


def test_a_bar_ends_at_its_end(on_terminal):
    def work():
        screen = Screen({"quiet": False, "verbose": False})
        screen.start_bar(10, done=11, bar_format=TIME_BAR)
        screen.advance(12)
        screen.note("over")
        with screen.task("scoring", 4) as advance:
            advance(9)
        screen.close_bar()

    shown = on_terminal(work)
    assert "100%" in shown
    assert "12/10" not in shown
    assert "11/10" not in shown


def test_work_is_a_line_now_and_then_without_a_terminal(monkeypatch):
    monkeypatch.setattr("charlm.cli.terminal.screen.PAUSE", -1)  # every time
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    screen = Screen({"quiet": False, "verbose": False})
    with screen.task("scoring", 4) as advance:
        advance(1)
        advance(2)
        advance(2)
    told = sys.stderr.getvalue().splitlines()
    assert [line.split(" done")[0] for line in told] == [
        "scoring: 25%",
        "scoring: 75%",
        "scoring: 100%",
    ]
    with Screen({"quiet": True, "verbose": False}).task("scoring", 4) as advance:
        advance(1)
    assert len(sys.stderr.getvalue().splitlines()) == 3


def test_the_time_left_does_not_count_compiling(monkeypatch, capsys):
    monkeypatch.setattr("charlm.cli.live.progress.PAUSE", -1)  # every time
    config = load_config("srnn", overrides=["train.steps=null", "train.max_time=0.4s"])
    training = Training(config)
    bar = TrainingBar(training, Screen({"quiet": False, "verbose": False}))
    compiled = False
    for event in training.events():
        bar.show(event)
        if isinstance(event, Stepped) and not compiled:
            compiled = True
            COMPILING.begin()
            time.sleep(1)
            COMPILING.end()
    left = re.findall(r"([\d.]+) s left", capsys.readouterr().err)
    assert left
    assert max(map(float, left)) <= 0.4
