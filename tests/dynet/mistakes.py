"""Where DyNet ends the process or gives wrong numbers: what docs/dynet-compatibility.md says, as programs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tests.dynet.random_programs.running import Program, array


@dataclass(frozen=True)
class Crash:
    """A last line on which DyNet ends the process; charlm raises."""

    code: str
    before: Program = field(default_factory=list)
    needs: str = ""  # a name of charlm.dynet


MODEL = [
    "pc = dy.ParameterCollection()",
    "p = pc.add_parameters(2)",
    "t = pc.add_lookup_parameters((3, 2))",
]
LSTM = ["pc = dy.ParameterCollection()", "b = dy.LSTMBuilder(1, 2, 2, pc)"]
CRASHES = [
    Crash("dy.inputVector([1, 2]).scalar_value()"),
    Crash("dy.inputVector([1, 2, 3])[1:1].value()"),
    Crash("t.init_row(5, [1, 2])", MODEL),
    Crash("t.init_row(0, [1, 2, 3])", MODEL),
    Crash("t.row_as_array(5)", MODEL),
    Crash("pc.save('no/such/folder/model')", MODEL),
    Crash("pc.set_weight_decay(-1.0)", MODEL, "ParameterCollection.set_weight_decay"),
    Crash("b.initial_state().set_h([])", LSTM),
    Crash("dy.tanh(_x)", ["_x = dy.vecInput(2)", "dy.renew_cg()"]),
]


@dataclass(frozen=True)
class Mistake:
    """A program that leaves ``y``, and what is right; DyNet gives something else or raises."""

    name: str
    program: Program
    right: object
    needs: str = ""


def gradient(of: str, *lines: str) -> Program:
    """A program whose ``y`` is the gradient of the sum of ``z`` by one of its variables."""
    end = ["dy.sum_batches(dy.sum_elems(z)).backward(full=True)", f"y = {of}.gradient()"]
    return [*lines, *end]


def logsumexp(x: np.ndarray) -> np.ndarray:
    return np.log(np.exp(x).sum(1))


M = array(1, 4, 2)
X = np.array([0.5, -1.0, 2.0])
SLOPE = 1 / (1 + np.exp(-2 * X))
MISTAKES = [
    Mistake("`logsumexp_dim` with d=1 and more rows than columns: leaves out rows",
            ["y = dy.logsumexp_dim(dy.inputTensor(array(1, 4, 2)), 1).npvalue()"], logsumexp(M)),
    Mistake("`hinge_dim` with d=1 and an index beyond the number of rows: raises an error",
            ["y = dy.hinge_dim(dy.inputTensor([[1, 2, 3], [4, 5, 6]]), [2, 2], 1).npvalue()"], [0, 0]),
    Mistake("the gradient of `poisson_loss`: ignores the gradient of the result",
            gradient("x", "x = dy.scalarInput(0.5)", "z = dy.poisson_loss(x, 2) * 3"), [3 * (np.exp(0.5) - 2)]),
    Mistake("the gradient of `silu` with beta: ignores beta",
            gradient("x", "x = dy.inputVector([0.5, -1, 2])", "z = dy.silu(x, 2.0)"),
            SLOPE * (1 + 2 * X * (1 - SLOPE))),
    Mistake("the gradient of `binary_log_loss` for its second argument: uses the formula for the first",
            gradient("t", "t = dy.scalarInput(0.4)", "z = dy.binary_log_loss(dy.scalarInput(0.2), t)"),
            [np.log(0.8 / 0.2)]),
    Mistake("the gradient of `average` with different batch sizes: is not summed over the batch",
            gradient("x", "x = dy.inputVector([1, 2])",
                     "z = dy.average([x, dy.inputTensor(np.ones((2, 3)), batched=True)])"), [1.5, 1.5]),
    Mistake("gradients of the masks of `vanilla_lstm_gates_dropout`: are zero",
            gradient("m", "m = dy.scalarInput(2)",
                     "one = dy.scalarInput(1)", "w = dy.inputTensor(np.zeros((4, 1)) + [[1], [0], [0], [0]])",
                     "z = dy.vanilla_lstm_gates_dropout(one, one, w, w, dy.vecInput(4), m, dy.scalarInput(0))"),
            [0.5 / (1 + np.exp(-2)) / (1 + np.exp(2)) * 2]),
    Mistake("the gradient of `std_elems` of equal numbers: is NaN",
            gradient("x", "x = dy.inputVector([1, 1])", "z = dy.std_elems(x)"), [0, 0]),
    Mistake("the gradient of `l2_norm` at 0: is NaN", gradient("x", "x = dy.vecInput(2)", "z = dy.l2_norm(x)"), [0, 0]),
    Mistake("`1 - x`, `1 + x` and `2 * x`: raise TypeError", ["y = (1 - dy.inputVector([1, 2])).npvalue()"], [0, -1]),
    Mistake("a lookup table from an array with three axes: its numbers are in the wrong order",
            ["t = dy.ParameterCollection().lookup_parameters_from_numpy(np.arange(12.0).reshape(2, 3, 2))",
             "y = t.as_array()"], np.arange(12.0).reshape(2, 3, 2)),
    Mistake("the gradient of the result of `reshape`: raises an error",
            gradient("r", "x = dy.inputVector([1, 2])", "r = dy.reshape(x, (1, 2))", "z = r * 3"), [[3, 3]]),
    Mistake("`SparseLSTMBuilder` with only c as initial state: crashes",
            ["b = dy.SparseLSTMBuilder(1, 2, 2, dy.ParameterCollection())",
             "y = b.initial_state([dy.inputVector([1, 2])]).h()[0].npvalue()"], [0, 0], "SparseLSTMBuilder"),
    Mistake("`CompactVanillaLSTMBuilder` with different batch sizes: raises an error",
            ["b = dy.CompactVanillaLSTMBuilder(1, 1, 1, dy.ParameterCollection())",
             "s = b.initial_state([dy.zeros(1), dy.zeros(1)])",
             "y = s.add_input(dy.zeros(1, batch_size=2)).output().npvalue()"], [[0, 0]], "CompactVanillaLSTMBuilder"),
    Mistake("`fold_rows` of a batch: keeps only the first element",
            ["y = dy.fold_rows(dy.inputTensor(np.arange(6.0).reshape(2, 1, 3), batched=True)).npvalue()"],
            [[[3, 5, 7]]]),
    Mistake("`filter1d_narrow` of a batch: keeps only the first element",
            ["x = dy.inputTensor(np.arange(6.0).reshape(1, 2, 3), batched=True)",
             "y = dy.filter1d_narrow(x, dy.inputTensor([[1, 1]])).npvalue()"], [[[3, 5, 7]]]),
    Mistake("`to_device` to the same device: returns whatever was in memory",
            ["y = dy.to_device(dy.inputVector([1, 2]), 'CPU').npvalue()"], [1, 2], "to_device"),
]  # fmt: skip
