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

DATA = Path(__file__).parents[1] / "data"
GENERATOR = DATA / "make_memory.py"


@pytest.fixture(scope="module")
def generator():
    return runpy.run_path(str(GENERATOR))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("fox", b"a quick brown fox jumped over the lazy dog\n"),
        ("pretzels", b"these pretzels are making me thirsty\n"),
    ],
)
def test_the_tutorials_sentences(name, line):
    assert (DATA / f"{name}.txt").read_bytes() == line


def test_the_generator_writes_the_memory_text_byte_for_byte(tmp_path):
    command = [sys.executable, str(GENERATOR)]
    made = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout
    assert made.replace(b"\r\n", b"\n") == (DATA / "memory.txt").read_bytes()


def test_the_memory_text_has_a_size_to_learn_from():
    assert 60_000 <= (DATA / "memory.txt").stat().st_size <= 300_000


def test_each_text_is_described_and_the_bounds_are_those_that_are_computed(generator):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for path in DATA.iterdir():
        if path.is_file() and path.name != "README.md":
            assert f"`{path.name}`" in readme
    stated = [float(number) for number in re.findall(r"\b0\.\d{4}\b", readme)]
    assert stated == [round(bound, 4) for bound in generator["bounds"]()]


def test_without_memory_the_text_costs_what_the_bound_says(generator):
    text = (DATA / "memory.txt").read_text(encoding="utf-8")
    pairs, firsts = Counter(pairwise(text)), Counter(text[:-1])
    nll = -sum(n * math.log(n / firsts[pair[0]]) for pair, n in pairs.items()) / (len(text) - 1)
    remembering, forgetting = generator["bounds"]()
    assert nll == pytest.approx(forgetting, rel=0.02)
    assert remembering < 0.75 * forgetting
