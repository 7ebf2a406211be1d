"""`charlm gradcheck` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from charlm.config.schema import CELLS
from charlm.engine.rnn.cells.gru import GRUCell
from charlm.lm.gradcheck import TOLERANCE

SMALL = "--set model.hidden_dim=6 --set model.embed_dim=6"


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_right(typed, cell):
    code, out, err = typed(f"charlm gradcheck srnn --set model.cell={cell} {SMALL} --numbers 8")
    assert code == 0, out
    assert "All gradients are right" in out
    assert "28 symbols" in err
    assert max(map(len, out.splitlines())) <= 80


def test_all_parts_of_a_model_of_the_user_s(typed):
    Path("novel.txt").write_text("the cat sat\n" * 200)
    Path("my.yaml").write_text(
        "model: {cell: lstm, layers: 2, hidden_dim: 6, embed_dim: 6, tied: true, layer_norm: true, dropout: 0.3,\n"
        "  recurrent_dropout: 0.2}\ndata: {text: novel.txt, framing: stream, alphabet: null}\n"
    )
    code, out, _ = typed("charlm gradcheck my.yaml --json --numbers 10 --seed 3")
    found = json.loads(out)
    assert (code, found["passed"]) == (0, True)
    names = [parameter["name"] for parameter in found["parameters"]]
    assert {"embedding", "rnn.1.Wh", "norm.1.g", "softmax.b"} <= set(names)
    assert all(p["size"] > 0 and p["difference"] < TOLERANCE for p in found["parameters"])
    assert {p["checked"] for p in found["parameters"]} <= {6, 8, 9, 10}


def test_a_config_without_a_text(typed):
    code, out, err = typed(f"charlm gradcheck text {SMALL} --numbers 4")
    assert code == 0, out
    assert "65 symbols" in err


def test_a_wrong_gradient_is_named(typed, monkeypatch):
    right = GRUCell.backward

    def wrong(self, *args, **total):
        dx, *params = right(self, *args, **total)
        return [dx, *[p * 1.001 if k == 4 and p is not None else p for k, p in enumerate(params)]]

    monkeypatch.setattr(GRUCell, "backward", wrong)
    code, out, _ = typed(f"charlm gradcheck gru {SMALL}")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines() if line.endswith("WRONG")] == ["rnn.0.Whr"]
    assert "These gradients are wrong" in out


def test_a_gradient_that_is_missing_is_named(typed, monkeypatch):
    right = GRUCell.backward

    def wrong(self, *args, **total):
        dx, *params = right(self, *args, **total)
        return [dx, *[np.zeros_like(p) if k == 2 else p for k, p in enumerate(params)]]

    monkeypatch.setattr(GRUCell, "backward", wrong)
    code, out, _ = typed(f"charlm gradcheck gru {SMALL} --json")
    assert code == 1
    assert [p["name"] for p in json.loads(out)["parameters"] if not p["passed"]] == ["rnn.0.bz"]


def test_mistakes(typed):
    assert typed("charlm gradcheck nosuch")[0] == 2
    code, _, err = typed("charlm gradcheck srnn --set model.cell=gur")
    assert code == 2
    assert "gru" in err
