"""Expressions print DyNet's node ids. ``data/ids.json`` holds what DyNet 2.1 printed for ``id_programs``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import charlm.dynet as ours
from tests.dynet.id_programs import builder_ids, expression_ids
from tests.dynet.programs import BUILDERS

STORED = json.loads((Path(__file__).parent / "data" / "ids.json").read_text(encoding="utf-8"))
STACKS = [(name, layers) for name in BUILDERS for layers in (1, 2)]


def test_expressions():
    assert expression_ids(ours) == STORED["expressions"]


@pytest.mark.parametrize(("name", "layers"), STACKS)
def test_builders(name, layers):
    assert builder_ids(ours, name, layers) == STORED[f"{name} {layers}"]


def test_the_stored_ids_are_dynets():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    found = {f"{name} {layers}": builder_ids(theirs, name, layers) for name, layers in STACKS}
    assert {"expressions": expression_ids(theirs), **found} == STORED
