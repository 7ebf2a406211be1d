"""docs/dynet-compatibility.md says what is so: every name of DyNet's, and the lists of what is different."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import charlm.dynet as dy
from tests.dynet import mistakes
from tests.dynet.random_programs import catalogue, rnns, stored, trainers

HERE = Path(__file__).parent
DOCUMENT = (HERE.parents[1] / "docs" / "dynet-compatibility.md").read_text(encoding="utf-8")
TEXT = " ".join(DOCUMENT.split())  # lines may be broken anywhere
NAMES = json.loads((HERE / "data" / "dynet_names.json").read_text(encoding="utf-8"))

ROW = re.compile(r"^\| (same|differs|not here) \| (.+) \| (.+) \|$", re.MULTILINE)
TABLE = [
    (status, why, re.findall(r"`(\w+)`", names)) for status, why, names in ROW.findall(DOCUMENT)
]


def names_that_are(status: str) -> set[str]:
    return {name for s, _, names in TABLE for name in names if s == status}


def test_the_table_has_every_name_once():
    listed = [name for _, _, names in TABLE for name in names]
    assert sorted(listed) == sorted(NAMES)


def test_the_stored_names_are_dynets():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    assert [name for name in dir(theirs) if not name.startswith("_")] == NAMES


def test_what_the_table_says_is_here_is_here():
    here = names_that_are("same") | names_that_are("differs")
    assert here <= set(dy.__all__)
    assert not names_that_are("not here") & set(dy.__all__)


def test_nearly_everything_is_the_same():
    assert len(names_that_are("same")) / len(NAMES) >= 0.97


def test_every_name_that_is_the_same_is_in_a_test():
    """As an attribute of the module under test, or in a program that was stored with DyNet's numbers."""
    files = [
        path
        for path in HERE.rglob("*.py")
        if path.name not in ("test_surface.py", Path(__file__).name)
    ]
    sources = [path.read_text(encoding="utf-8") for path in files]
    sources += [line for _, program, _ in stored.read() for line in program]
    used = set(re.findall(r"\b(?:dy|ours|theirs|module)\.(\w+)", "\n".join(sources)))
    used |= {name for text in sources for name in re.findall(r'"(\w+)"', text)}
    assert (names_that_are("same") & set(dy.__all__)) - used == set()


@pytest.mark.parametrize("crash", mistakes.CRASHES, ids=lambda c: c.code)
def test_crashes_are_listed(crash):
    assert f"* `{crash.code}`" in TEXT


@pytest.mark.parametrize("mistake", mistakes.MISTAKES, ids=lambda m: m.name)
def test_mistakes_are_listed(mistake):
    assert f"* {mistake.name}" in TEXT


@pytest.mark.parametrize(
    "part", [catalogue, rnns, trainers], ids=lambda m: m.__name__.split(".")[-1]
)
def test_what_random_programs_leave_out_is_listed_with_its_reason(part):
    for what, why in part.LEFT_OUT.items():
        assert f"* {what}: {why}" in TEXT
    listed = DOCUMENT.split("What the random programs leave out")[1]
    total = sum(len(p.LEFT_OUT) for p in (catalogue, rnns, trainers))
    assert listed.count("\n* ") == total


def test_how_many_programs_are_stored():
    assert f"{len(stored.read())} random programs stored" in TEXT
