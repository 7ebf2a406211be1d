"""Texts as the command line takes them, and what docs/texts.md says of that."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from charlm.config import load_config
from tests.cli.conftest import ROOT, environment

NOVEL = "the cat sat on the mat, the rat sat on the cat.\n" * 60
SMALL = ["--set", "model.hidden_dim=8", "--set", "model.embed_dim=4", "--steps", 1]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def of_bytes(charlm, tmp_path):
    """Train a model of bytes that knows nothing yet, so that it draws all of them."""
    (tmp_path / "novel.txt").write_bytes(bytes(range(256)) * 20)
    done = charlm(
        "train", "novel.txt", "--encoding", "bytes", *SMALL, "--sample-every", 0, "-o", "run"
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_options_are_the_config_s(charlm, tmp_path):
    options = ["--encoding", "latin-1", "--min-count", 3, "--test-frac", 0.2, "--val-file", "*.txt"]
    done = charlm("train", "srnn", "novel.txt", *options, "--print-config")
    assert done.returncode == 0, done.stderr
    (tmp_path / "printed.yaml").write_text(done.stdout)
    data = load_config(str(tmp_path / "printed.yaml")).data
    assert (data.encoding, data.min_count, data.test_frac) == ("latin-1", 3, 0.2)
    assert data.val_file == str(tmp_path / "*.txt")
    again = charlm("train", "printed.yaml", "other.txt", "--val-frac", 0.2, "--print-config")
    (tmp_path / "printed.yaml").write_text(again.stdout)
    data = load_config(str(tmp_path / "printed.yaml")).data
    assert (data.val_file, data.val_frac, data.test_frac) == (None, 0.2, 0.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--encoding", "utf9"],
            '--encoding "utf9": data.encoding: expected bytes, or an encoding',
        ),
        (["--min-count", "0"], "--min-count 0: data.min_count: expected 1 or more"),
        (["--test-frac", "0.5"], "--test-frac 0.5: data.test_frac: expected a number"),
        (["--val-file", "none.txt"], "none.txt: no such text"),
        (["--encoding", "bytes", "--min-count", "2"], "expected 1 with encoding bytes"),
    ],
)
def test_a_mistake_names_the_option(charlm, tmp_path, options, said):
    (tmp_path / "novel.txt").write_text(NOVEL)
    done = charlm("train", "novel.txt", *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_quoted_pattern_is_kept_in_the_config(charlm, tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    for name in ("deep/a.txt", "deep/er/b.txt"):
        (tmp_path / name).write_text(NOVEL)
    done = charlm("train", "deep/**/*.txt", *SMALL, "-o", "run")
    assert done.returncode == 0, done.stderr
    assert f"2 files: {2 * len(NOVEL):,} bytes" in done.stderr
    assert load_config(str(tmp_path / "run/config.yaml")).data.text == str(
        tmp_path / "deep/**/*.txt"
    )


def test_a_piped_text_can_run_again(charlm, tmp_path):
    done = charlm("train", "-", *SMALL, "-o", "run", stdin=NOVEL)
    assert done.returncode == 0, done.stderr
    again = charlm("train", "run/config.yaml", "-o", "again")
    assert again.stdout == done.stdout
    assert again.returncode == 0, again.stderr
    assert charlm("train", "-", "-", *SMALL, stdin=NOVEL).returncode == 2


def test_scores_of_bytes_are_labelled_so(of_bytes):
    assert "nats/byte" in of_bytes.stdout
    assert "bits/byte" in of_bytes.stdout
    assert "char," not in of_bytes.stdout


def test_drawn_bytes_are_written_as_they_are(charlm, of_bytes):
    done = charlm("sample", "run", "-l", 300, "--seed", 1, stdin=b"")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 301  # and the newline at the end
    text = charlm("sample", "run", "-l", 300, "--seed", 1, "--json", stdin=b"").stdout.decode()
    sample = json.loads(text)
    assert sample["text"].encode("utf-8", "surrogateescape") == done.stdout[:-1]


def test_a_prime_of_bytes_may_be_any_text(charlm, of_bytes):
    done = charlm("sample", "run", "-l", 1, "--prime", "né", stdin=b"")
    assert done.stdout.startswith("né".encode())


def test_a_terminal_gets_no_bytes_that_are_no_text(tmp_path, of_bytes):
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "charlm", "-q", "sample", "run", "-l", "300", "--seed", "1"]
    subprocess.run(
        command, cwd=tmp_path, env=environment(), stdout=child, stderr=subprocess.PIPE, check=True
    )
    os.close(child)
    shown = b""
    try:
        while part := os.read(parent, 65536):
            shown += part
    except OSError:  # all is read
        pass
    finally:
        os.close(parent)
    assert "\ufffd" in shown.decode("utf-8")


def test_unknown_characters_are_read_and_never_drawn(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text(NOVEL + "0123456789" * 20)
    options = ["--min-count", 50, "--val-frac", 0]
    assert charlm("train", "novel.txt", *options, *SMALL, "-o", "run").returncode == 0
    for temperature in (0, 1, 50):
        done = charlm("sample", "run", "-l", 300, "--prime", "Ω7", "-t", temperature)
        assert done.returncode == 0, done.stderr
        assert set(done.stdout) <= {"Ω", "7", "\n", *NOVEL}


def test_the_page_names_the_numbers_of_the_code():
    from charlm.text import cache, encoding

    page = (ROOT / "docs/texts.md").read_text("utf-8")
    assert f"{encoding.SMALL >> 20} MB or more" in page
    assert f"reduced to {cache.LIMIT >> 30} GiB" in page
