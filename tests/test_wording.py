"""Nothing that is printed says "1 steps" or "-0.0000"."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.baselines.measure import Baselines
from charlm.baselines.verdict import against_baselines
from charlm.cli.terminal.scores import score_table
from charlm.config import TrainConfig
from charlm.training.budget import Budget
from charlm.wording import counted, fixed, short

PACKAGE = Path(__file__).resolve().parents[1] / "charlm"


@given(st.floats(allow_nan=False))
def test_no_number_is_a_negative_zero(number):
    for shown in (fixed(number), fixed(number, 10), short(number)):
        assert float(shown) or not shown.startswith("-")
    assert fixed(number) == f"{number:.4f}" or not float(fixed(number))


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (str(Budget.of(TrainConfig(steps=1), 9)), "1 step"),
        (str(Budget.of(TrainConfig(steps=None, epochs=1), 9)), "1 epoch"),
        (Budget.of(TrainConfig(patience=1), 9).end(3, 1.0, 1), "in 1 held-out score"),
        (counted(12.0, "step"), "12 steps"),
    ],
)
def test_one_is_no_plural(shown, said):
    assert shown.endswith(said)


def test_a_text_known_by_heart_has_no_sign():
    known = Baselines(9, 9, False, 1.0, -0.0, (-1e-9,), -0.0)
    assert "-0" not in score_table([*known.rows(), ("this model", -1e-9)])
    assert against_baselines(-1e-9, known).count("0.0000") == 1
    assert "-0" not in against_baselines(-1e-9, known)


def test_the_command_line_has_no_other_way_to_count():
    """A number beside a plural in an f-string would be wrong for 1."""
    wrong = []
    for file in sorted(PACKAGE.joinpath("cli").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                for value, after in zip(node.values, node.values[1:], strict=False):
                    if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                        noun = re.match(
                            r" (steps|seeds|symbols|bytes|epochs|parameters)\b", after.value
                        )
                        wrong += [f"{file.name}:{value.lineno}{noun[0]}"] if noun else []
    assert wrong == []
