"""Whatever is printed, and whatever reads it: no command ends because of it."""

from __future__ import annotations

import codecs
import encodings
import io
import json
import os
import pkgutil
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from charlm.cli import main
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.streams import settled, takes_unicode
from charlm.config import DataConfig, RunConfig, to_yaml
from charlm.runs.directory import RunDirectory
from tests.cli.conftest import environment

TEXT = "שלום عالم Ω é \u200f\x85 😀 \udc80 \ud800 'a' \"b\" \\ : #\n" * 3
SMALL = ["--set", "model.hidden_dim=4", "--set", "model.embed_dim=4", "--kernels", "numpy"]
TRAIN = ["train", "novel.txt", *SMALL, "--steps", "12", "--log-every", "1", "-o", "run"]


def text_codecs():
    names = {module.name for module in pkgutil.iter_modules(encodings.__path__)} - {"aliases"}
    for name in sorted(names):
        try:
            if codecs.lookup(name)._is_text_encoding:
                yield name
        except LookupError:  # those of another system
            continue


ALPHABET = "".join(sorted(set(TEXT) - set("\ud800\udc80")))
YAML_TEXTS = {
    ascii_only: to_yaml(RunConfig(data=DataConfig(alphabet=ALPHABET)), ascii_only=ascii_only)
    for ascii_only in (False, True)
}


@pytest.mark.parametrize("codec", list(text_codecs()))
def test_every_codec_shows_every_text(codec, monkeypatch):
    kept = {stream: io.BytesIO() for stream in ("stdout", "stderr")}
    for name, file in kept.items():
        monkeypatch.setattr(sys, name, io.TextIOWrapper(file, codec, "strict"))
    with settled():
        click.echo(TEXT)
        click.echo(TEXT, err=True)
        click.ClickException(TEXT).show()
        sys.stdout.write("".join(map(chr, range(0, 0x3000, 29))))
        click.echo("\n<")
        click.echo(json_line({TEXT: TEXT}))
        click.echo(YAML_TEXTS[not takes_unicode()], nl=False)
    assert all(file.getvalue() for file in kept.values())
    if codec in ("punycode", "raw_unicode_escape"):  # nothing reads these as they were written
        return
    codec = "ascii" if codec in ("idna", "undefined") else codec
    shown = kept["stdout"].getvalue().decode(codec, "replace").split("\n<\n")[1]
    line, yaml = shown.split("\n", 1)
    assert json.loads(line) == {TEXT: TEXT}
    assert yaml in YAML_TEXTS.values()


def test_a_config_in_ascii_means_the_same():
    for text in YAML_TEXTS.values():
        assert YAML(typ="safe").load(text)["data"]["alphabet"] == ALPHABET
    assert YAML_TEXTS[True].isascii()


@pytest.mark.parametrize("codec", ["cp1252", "ascii:strict", "idna"])
def test_a_run_in_another_encoding_goes_to_its_end(codec, tmp_path):
    (tmp_path / "novel.txt").write_text("שלום عالم Ω é 😀\n" * 40, encoding="utf-8")
    shown = {**environment(), "PYTHONIOENCODING": codec}
    done = subprocess.run(
        [sys.executable, "-m", "charlm", *TRAIN],
        cwd=tmp_path,
        env=shown,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert RunDirectory(tmp_path / "run").read_summary()[0].state == "finished"


def test_bytes_of_a_text_stay_what_they_are(monkeypatch):
    kept = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(kept, "utf-8"))
    with settled():
        click.echo("é\udcff\udc80\ud800")
    assert kept.getvalue() == b"\xc3\xa9\xff\x80\\ud800\n"


def full():
    return Path("/dev/full").open("w", encoding="utf-8")


def no_reader():
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", encoding="utf-8")


def no_terminal():
    terminal, program = pty.openpty()
    stream = os.fdopen(program, "w", encoding="utf-8")
    os.close(terminal)
    return stream


GONE = [(full, 1), (no_reader, 0), (no_terminal, 1)]


@pytest.fixture
def novel(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "novel.txt").write_text("the cat sat on the mat.\n" * 40)
    return tmp_path


def ended(arguments, monkeypatch, **streams):
    """Return the exit code of a command with these standard streams."""
    with monkeypatch.context() as patched:
        for name, stream in streams.items():
            patched.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as end:
            main(arguments)
    return end.value.code


@pytest.mark.parametrize(("opened", "code"), GONE)
@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_a_training_goes_on_without_its_output(opened, code, quiet, novel, monkeypatch):
    messages = io.StringIO()
    with opened() as stdout:
        assert ended([*quiet, *TRAIN], monkeypatch, stdout=stdout, stderr=messages) == code
    assert RunDirectory(novel / "run").read_summary()[0].state == "finished"
    # that a reader has enough is no error, and so nothing that is said when quiet
    assert messages.getvalue().count("standard output: ") == (0 if quiet and not code else 1)


@pytest.mark.parametrize(("opened", "code"), GONE)
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["train", "--print-config"], ["train", "--list"]]
)
def test_a_result_that_cannot_be_written_is_one_message(opened, code, arguments, monkeypatch):
    messages = io.StringIO()
    with opened() as stdout:
        assert ended(arguments, monkeypatch, stdout=stdout, stderr=messages) == code
    assert messages.getvalue().count("\n") == code
    assert messages.getvalue().startswith("charlm: standard output: " if code else "")


@pytest.mark.parametrize("opened", [full, no_reader, no_terminal])
def test_messages_that_nobody_sees_end_nothing(opened, novel, monkeypatch):
    with opened() as stderr:
        assert ended(TRAIN, monkeypatch, stdout=io.StringIO(), stderr=stderr) == 0
    with opened() as stderr:
        wrong = ["train", "nosuch.txt"]
        assert ended(wrong, monkeypatch, stdout=io.StringIO(), stderr=stderr) == 2


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_close_nothing_else(closed, tmp_path):
    (tmp_path / "novel.txt").write_text("the cat sat on the mat.\n" * 40)
    command = f'"$0" -m charlm {" ".join(TRAIN)} {closed}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert len(RunDirectory(tmp_path / "run").read_metrics()[0]) == 13
