"""Ctrl-C at random moments of every command, from its first import to its exit: one line, exit code 130, no hang.

``CHARLM_TEST_INTERRUPTS=500 pytest tests/cli/test_interrupts.py -s`` makes five hundred instead of a few.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from charlm.files import TEMPORARY_GLOB
from charlm.interrupts import postponed
from charlm.runs.checkpoint import load_checkpoint
from tests.cli.conftest import environment

INTERRUPTS = int(os.environ.get("CHARLM_TEST_INTERRUPTS", "16"))
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 2000
KERNELS = ["--kernels", "numba"]
SETTINGS = {
    "model.cell": "lstm",
    "model.embed_dim": 16,
    "model.hidden_dim": 128,
    "data.batch_size": 16,
    "data.seq_length": 32,
    "train.trainer": "adam",
    "train.threads": 2,
    "train.sample_every": 10,
    "train.eval_every": 20,
    "train.checkpoint_every": 3,
    "train.average": 0.9,
}
SET = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
ENDLESS = ["--steps", "1000000"]
COMMANDS = {
    "train": ["train", "text", "novel.txt", "-o", "run", "--force", *SET, *KERNELS, *ENDLESS],
    "resume": ["train", "--resume", "other", *ENDLESS],
    "eval": ["eval", "run-0", "long.txt", *KERNELS],
    "dynamic": ["eval", "run-0", "long.txt", "--dynamic", *KERNELS],
    "sample": ["sample", "run-0", "-l", "20000000", *KERNELS],
    "compare": ["compare", "a.yaml", "b.yaml", "--steps", "1000000", *KERNELS],
    "bench": ["bench", "--cell", "lstm", "--hidden", "64", *KERNELS],
    "baseline": ["baseline", "long.txt"],
    "info": ["info", "long.txt"],
    "dry run": ["train", "text", "long.txt", "--dry-run", *SET, *KERNELS],
}
COMPARED = """\
data: {text: novel.txt, framing: stream, alphabet: null}
model: {cell: CELL, embed_dim: 8, hidden_dim: 128}
train: {trainer: adam, learning_rate: 0.002, threads: 2}
"""
PROGRAM = """
import os, signal
from charlm.__main__ import main
signal.signal(signal.SIGINT, lambda *_: os._exit(99))  # before main() it is not charlm's
os.write(READY, b"!")
main()
"""
ENDLESS_TOO = {"train", "resume", "sample", "compare"}
"""Commands that only a signal ends here."""


def started(folder: Path, arguments: list[str], **variables: str) -> subprocess.Popen[bytes]:
    """Start the command as its script does, and return it when its own code begins."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM.replace("READY", str(writing)),
            "--threads",
            "2",
            *arguments,
        ],
        cwd=folder,
        env={**environment(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[writing],
    )
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    return process


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "novel.txt").write_text(TEXT)
    (folder / "long.txt").write_text(TEXT * 100)
    for name, cell in (("a", "lstm"), ("b", "rnn")):
        (folder / f"{name}.yaml").write_text(COMPARED.replace("CELL", cell))
    for run in ("run-0", "other"):
        made = ["train", "text", "novel.txt", "-o", run, *SET, *KERNELS, "--steps", "5"]
        done = started(folder, made)
        _, stderr = done.communicate(timeout=200)
        assert done.returncode == 0, stderr.decode()
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_at_random_moments(place: Path, command: str, tmp_path: Path) -> None:
    chance = random.Random(command)
    ends: Counter[str] = Counter()
    for number in range(max(1, INTERRUPTS // (len(COMMANDS) + 1))):
        compiling = number % 8 == 7
        # an empty cache has the kernels compiled
        cache = {"XDG_CACHE_HOME": str(tmp_path / f"cache-{number}")} if compiling else {}
        process = started(place, COMMANDS[command], **cache)
        time.sleep(chance.uniform(0, 20.0 if compiling else chance.choice([0.1, 1.0, 4.0])))
        early = process.poll() is None
        times = chance.choice([1, 1, 2, 3])
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(chance.choice([0, 0.001, 0.05]))
        try:
            stdout, stderr = process.communicate(timeout=200)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"interrupt {number} of {command}: it hangs")
        if process.returncode == 99:
            ends["before its start"] += 1
            continue
        said = stderr.decode()
        assert not re.search("Traceback|Exception|Error", said), said
        if process.returncode:
            assert process.returncode == 130, said
            assert re.search("interrupted|Ctrl-C|stopp", said), said
        else:
            assert stdout, said
            assert not (early and command in ENDLESS_TOO), said
        ends[f"{times} times" + ", compiling" * compiling if early else "after its end"] += 1
        assert not list(place.rglob(TEMPORARY_GLOB))
        if command in ("train", "resume") and early and (place / "run/last.safetensors").exists():
            load_checkpoint(place / "run", "last")
    print(command, dict(ends))


FROM_PYTHON = """
import random, signal, sys
import charlm
from charlm.lm.evaluation import evaluate
from charlm.training.events import Logged, Stepped

count, settings = int(sys.argv[1]), sys.argv[2:]
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
chance = random.Random(0)
training = charlm.Training(charlm.load_config("text", overrides=settings))
model = charlm.load_model("run-0")
model.kernels = training.model.kernels


def train():
    for event in training.events():
        if isinstance(event, Logged):
            assert 0 < event.loss < 10


def sample():
    while True:
        assert len(model.sample(3000)) == 3000


def score():
    while True:
        evaluate(model, [training.corpus.batch(0)] * 100)


ends = {}
for number in range(count):
    work = chance.choice([train, train, sample, score])
    try:
        # again and again, as a person would: one that comes in a callback of the compiler, Python drops
        first = chance.uniform(0.001, chance.choice([0.05, 0.6]))
        signal.setitimer(signal.ITIMER_REAL, first, 2.0)
        work()
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        ends[work.__name__] = ends.get(work.__name__, 0) + 1

def weights(training, step):
    events = training.events()
    for event in events:
        if isinstance(event, Stepped) and event.step == step:
            return {name: array.copy() for name, array in training.model.arrays().items()}


# it has gone on from checkpoints, so that all is as if it had not been interrupted
step = training.step + 5
found = weights(training, step)
wanted = weights(charlm.Training(training.config), step)
assert all((found[name] == wanted[name]).all() for name in wanted)
sys.stderr.write(f"Python {ends}")
"""


def test_an_interrupt_from_python_leaves_all_usable(place: Path) -> None:
    count = max(6, INTERRUPTS // (len(COMMANDS) + 1))
    settings = [f"{key}={value}" for key, value in SETTINGS.items()]
    settings += ["train.kernels=numba", "train.steps=1000000", "data.text=novel.txt"]
    done = subprocess.run(
        [sys.executable, "-c", FROM_PYTHON, str(count), *settings],
        cwd=place,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300 + 2 * count,  # it may have to compile first
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith("Python {"), done.stderr
    print(done.stderr)


def test_python_gets_ctrl_c_at_the_end_of_what_must_not_be_interrupted():
    done = []

    @postponed()
    def work(interrupts: int) -> None:
        for _ in range(interrupts):
            signal.raise_signal(signal.SIGINT)
        done.append(interrupts)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        work(0)
        for interrupts in (1, 2):  # the second comes at once
            with pytest.raises(KeyboardInterrupt):
                work(interrupts)
        assert done == [0, 1]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_nothing_slow_is_imported_before_ctrl_c_is_handled():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from charlm.__main__ import main; "
        "print([name for name in ('typing', 'pathlib', 're') if name in sys.modules])"
    )
    here = str(Path(__file__).parents[2])
    arguments = [sys.executable, "-I", "-S", "-c", program, here]
    assert subprocess.run(arguments, capture_output=True, text=True, check=True).stdout == "[]\n"
