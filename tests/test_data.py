"""The bundled texts are the tutorial's, or come out of their generator byte for byte."""

from __future__ import annotations

import math
import re
import runpy
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from charlm.config import load_comparison_config

DATA = Path(__file__).parents[1] / "data"
MEMORY, TASKS = (runpy.run_path(str(DATA / name)) for name in ("make_memory.py", "make_tasks.py"))
BOUNDS = {
    "memory": MEMORY["bounds"](),
    **{name: TASKS["bounds"](name) for name in TASKS["TASKS"]},
}
COMMANDS = {
    name: ("make_memory.py",) if name == "memory" else ("make_tasks.py", name) for name in BOUNDS
}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("fox", b"a quick brown fox jumped over the lazy dog\n"),
        ("pretzels", b"these pretzels are making me thirsty\n"),
    ],
)
def test_the_tutorials_sentences(name, line):
    assert (DATA / f"{name}.txt").read_bytes() == line


@pytest.mark.parametrize("name", BOUNDS)
def test_a_generator_writes_its_text_byte_for_byte(name, tmp_path):
    program, *arguments = COMMANDS[name]
    command = [sys.executable, str(DATA / program), *arguments]
    made = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout
    assert made.replace(b"\r\n", b"\n") == (DATA / f"{name}.txt").read_bytes()


@pytest.mark.parametrize("name", BOUNDS)
def test_a_generated_text_has_a_size_to_learn_from(name):
    assert 60_000 <= (DATA / f"{name}.txt").stat().st_size <= 300_000


def test_each_text_is_described_and_the_bounds_are_those_that_are_computed():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for path in DATA.iterdir():
        if path.is_file() and path.name != "README.md":
            assert f"`{path.name}`" in readme
    stated = [float(number) for number in re.findall(r"\b\d\.\d{4}\b", readme)]
    assert stated == [round(bound, 4) for bounds in BOUNDS.values() for bound in bounds]


@pytest.mark.parametrize(
    ("comparison", "name"), [("counting", "counts"), ("copying", "copies"), ("adding", "sums")]
)
def test_the_references_of_a_bundled_comparison_are_the_bounds_of_its_text(comparison, name):
    config = load_comparison_config(comparison)
    assert config.base.data.text == name
    known = {reference.name: reference.nll for reference in config.references}
    optimum, forgetting = BOUNDS[name]
    assert known == {"optimum": round(optimum, 5), "without memory": round(forgetting, 5)}


@pytest.mark.parametrize("name", ["memory", "counts"])
def test_without_memory_the_text_costs_what_the_bound_says(name):
    text = (DATA / f"{name}.txt").read_text(encoding="utf-8")
    pairs, firsts = Counter(pairwise(text)), Counter(text[:-1])
    nll = -sum(n * math.log(n / firsts[pair[0]]) for pair, n in pairs.items()) / (len(text) - 1)
    remembering, forgetting = BOUNDS[name]
    assert nll == pytest.approx(forgetting, rel=0.02)
    assert remembering < 0.75 * forgetting


def test_counting_costs_what_its_numbers_cost():
    lines = (DATA / "counts.txt").read_text(encoding="utf-8").splitlines()
    assert all(
        len(set(map(line.count, "abc"))) == 1 and line == "".join(sorted(line)) for line in lines
    )
    counts = Counter(map(len, lines))
    nats = -sum(n * math.log(n / len(lines)) for n in counts.values())
    optimum = nats / sum(len(line) + 1 for line in lines)
    assert optimum == pytest.approx(BOUNDS["counts"][0], rel=0.02)


def test_copying_and_adding_follow_from_their_lines():
    copying = (DATA / "copies.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"([a-h]{4})\.{6}:\1", line) for line in copying)
    letters = Counter(letter for line in copying for letter in line[:4])
    nats = -sum(n * math.log(n / (4 * len(copying))) for n in letters.values()) / len(copying)
    assert nats / 16 == pytest.approx(BOUNDS["copies"][0], rel=0.002)
    adding = (DATA / "sums.txt").read_text(encoding="utf-8").splitlines()
    for line in adding:
        marked = [int(digit) for digit in re.findall(r"\+(\d)", line)]
        assert (len(line), len(marked), int(line[-1])) == (14, 2, sum(marked))
    columns = zip(*adding, strict=True)
    of_sum = Counter(line[-1] for line in adding)
    entropy = -sum(n / len(adding) * math.log(n / len(adding)) for n in of_sum.values())
    assert entropy / 15 == pytest.approx(BOUNDS["sums"][1] - BOUNDS["sums"][0], rel=0.01)
    digits = sum(
        -sum(n / len(adding) * math.log(n / len(adding)) for n in Counter(column).values())
        for column in [*columns][1:12:2]
    )
    assert digits == pytest.approx(6 * math.log(5), rel=0.002)
