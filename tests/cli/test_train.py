"""`charlm train` as a person meets it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

import pytest

from charlm.cli import main
from charlm.runs.checkpoint import load_checkpoint
from tests.cli.conftest import environment

FOX = "a quick brown fox jumped over the lazy dog"
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 60
SMALL = ["--set", "model.hidden_dim=16", "--set", "model.embed_dim=8"]


def test_without_arguments_it_is_the_tutorial(charlm, tmp_path):
    done = charlm("train")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 40
    assert all(re.fullmatch(r"\d+\.\d{10}\t.*", line) for line in lines)
    losses = [float(line.split("\t")[0]) for line in lines]
    assert 130 < losses[0] < 170
    assert losses[-1] < 0.1
    assert sum(line.split("\t")[1] == FOX for line in lines[20:]) >= 15
    assert "charlm sample runs/srnn" in done.stderr.splitlines()[-1]
    assert sorted(p.name for p in (tmp_path / "runs/srnn").iterdir()) == [
        "config.yaml",
        "last.safetensors",
        "meta.json",
        "metrics.jsonl",
        "samples.txt",
        "summary.json",
    ]


def test_a_taken_default_name_gets_a_number(charlm, tmp_path):
    for _ in range(3):
        assert charlm("-q", "train", "--steps", 1).returncode == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["srnn", "srnn-2", "srnn-3"]


def test_a_text_of_ones_own(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    done = charlm("train", "novel.txt", *SMALL, "--steps", 20, "--log-every", 10)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"held-out \d\.\d{4} nats/char, \d\.\d{4} bits/char, perplexity \d", done.stdout
    )
    assert "held out" in done.stderr
    assert (tmp_path / "runs/novel/last.safetensors").exists()


def test_a_config_and_a_text(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text(TEXT)
    done = charlm("train", "gru", "novel.txt", "--print-config", "--seed", 7)
    assert done.returncode == 0
    assert "cell: gru" in done.stdout
    assert "framing: stream" in done.stdout
    assert "seed: 7" in done.stdout
    assert "trainer: muon" in done.stdout
    assert "the training of preset small" in done.stderr
    given = charlm("train", "small", "--set", "data.text=novel.txt", "--print-config")
    assert given.returncode == 0, given.stderr
    assert not (tmp_path / "runs").exists()
    (tmp_path / "mine.yaml").write_text(done.stdout)
    again = charlm("train", "mine.yaml", "--print-config")
    assert again.stdout == done.stdout


def test_text_from_stdin(charlm, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = charlm("train", "-", *SMALL, "--steps", 2, stdin=TEXT)
    assert done.returncode == 0, done.stderr


def test_the_pretzels_continue_from_the_fox(charlm):
    assert charlm("-q", "train").returncode == 0
    done = charlm("train", "srnn", "--set", "data.text=pretzels", "--init-from", "runs/srnn")
    assert done.returncode == 0, done.stderr
    losses = [float(line.split("\t")[0]) for line in done.stdout.splitlines()]
    assert losses[0] > 170
    assert losses[-1] < 0.1


def test_quiet_says_nothing_but_results(charlm):
    done = charlm("train", "-q", "--steps", 3)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_losses_without_samples(charlm):
    done = charlm("train", "--steps", 11, "--sample-every", 0)
    assert re.fullmatch(r"(\d+\.\d{10}\n){3}", done.stdout)


def test_a_sample_without_an_end_is_cut_and_marked(charlm):
    # one step at a rate of almost nothing: the model does not know <EOS> yet, and rarely draws it
    done = charlm(
        "train", *SMALL, "--steps", 1, "--set", "data.text=pretzels", "--set", "train.seed=3"
    )
    sample = done.stdout.rstrip("\n").split("\t", 1)[1]
    assert sample.endswith(" [cut: no end]") == (len(sample) > 360)


def test_list_names_what_is_bundled(charlm):
    done = charlm("train", "--list")
    assert done.returncode == 0
    assert {"srnn", "lstm", "gru", "fox", "pretzels"} <= set(re.findall(r"[a-z-]+", done.stdout))


def test_equal_seeds_equal_output(charlm):
    runs = [charlm("train", "--steps", 30, "--seed", 3, "-o", f"out{k}") for k in (1, 2)]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout != charlm("train", "--steps", 30, "--seed", 4).stdout


def test_ctrl_c_saves_and_says_how_to_sample(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "charlm", "train", "--steps", "1000000"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "charlm sample runs/srnn" in stderr
    assert load_checkpoint(tmp_path / "runs/srnn").state["step"] > 0


def test_a_terminal_shows_a_bar_with_rate_and_time_left(tmp_path):
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "charlm", "train", "--steps", "1000000", "--sample-every", "0"],
        cwd=tmp_path,
        env={**environment(), "TERM": "xterm"},
        stdout=subprocess.DEVNULL,
        stderr=child,
    ) as process:
        os.close(child)
        shown = b""
        try:
            for _ in range(200):
                if re.search(rb"<[^,]*, loss .* char/s", shown) or process.poll() is not None:
                    break
                if select.select([parent], [], [], 0.2)[0]:
                    shown += os.read(parent, 65536)
        finally:
            process.kill()
            os.close(parent)
    assert re.search(rb"\d+%.*<[^,]*, loss .* char/s", shown), shown[-2000:]


ERRORS = [
    (["nosuch.txt"], "nosuch.txt", 2),
    (["empty.txt"], "empty.txt", 2),
    (["folder"], "folder", 2),
    (["one.txt"], "character", 2),
    (["latin1.txt"], "byte", 2),
    (["nosuch.yaml"], "nosuch.yaml", 2),
    (["broken.yaml"], "broken.yaml:3", 2),
    (["unknown.yaml"], "did you mean hidden_dim", 2),
    (["srnn", "--set", "model.layers=-1"], "--set model.layers=-1", 2),
    (["srnn", "--set", "nonsense"], "nonsense", 2),
    (["srnn", "--set", "train.stepz=3"], "did you mean", 2),
    (["--steps", "many"], "--steps", 2),
    (["--init-from", "nosuch"], "nosuch", 2),
    (["--nosuch"], "--nosuch", 2),
    (["-o", "taken"], "--force", 2),
    (["small"], "charlm train small novel.txt", 2),
    (["text", "--print-config", "--set", "data.seq_length=9"], "charlm train text novel.txt", 2),
    (["--preset", "large"], "charlm train --preset large novel.txt", 2),
    (["-o", "empty.txt/run"], "empty.txt", 1),
]


@pytest.mark.parametrize(("arguments", "named", "code"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors_name_the_mistake_and_leave_nothing_behind(charlm, tmp_path, arguments, named, code):
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "one.txt").write_text("x")
    (tmp_path / "latin1.txt").write_bytes("na\u00efve\n".encode("latin-1"))
    (tmp_path / "broken.yaml").write_text("model:\n  cell: [rnn\n")
    (tmp_path / "unknown.yaml").write_text("model:\n  hiden_dim: 5\n")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    done = charlm("train", *arguments)
    assert done.returncode == code, done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_debug_shows_where(charlm):
    done = charlm("--debug", "train", "nosuch.txt")
    assert "Traceback" in done.stderr


def test_force_replaces_a_run(charlm, tmp_path):
    assert charlm("train", "--steps", 1, "-o", "mine").returncode == 0
    assert charlm("train", "--steps", 1, "-o", "mine").returncode == 2
    assert charlm("train", "--steps", 2, "-o", "mine", "--force").returncode == 0
    assert load_checkpoint(tmp_path / "mine").state["step"] == 2


def test_a_closed_pipe_is_no_error(tmp_path):
    done = subprocess.run(
        [
            "bash",
            "-o",
            "pipefail",
            "-c",
            f"'{sys.executable}' -m charlm -q train --steps 2000 | head -1",
        ],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_full_disk_is_one_message(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
    ignore = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    run = "from charlm.cli import main; main(['train', '--steps', '3'])"
    done = subprocess.run(
        [sys.executable, "-c", limit + ignore + run],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "last.safetensors" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs/srnn").glob("*.tmp"))
    assert not (tmp_path / "runs/srnn/last.safetensors").exists()


@pytest.mark.parametrize("command", ["train", "compare"])
def test_the_list_fits_a_terminal(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--list"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.strip().startswith("srnn") for line in lines)
