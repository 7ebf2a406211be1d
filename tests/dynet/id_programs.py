"""Programs whose only result is the ids of their expressions, on charlm.dynet or on DyNet itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.dynet.programs import ids_of, kind_and_options

INPUT, HIDDEN = 4, 3


def builder_ids(dy: Any, name: str, layers: int) -> dict[str, list[Any]]:
    """What the states of a builder print, however they were come by; the last id is a fresh input's."""
    pc = dy.ParameterCollection()
    kind, options = kind_and_options(name)
    builder = getattr(dy, kind)(layers, INPUT, HIDDEN, pc, **options)
    parameter = pc.add_parameters(HIDDEN)
    carried = 2 * layers if "LSTM" in name else layers

    def vectors(count: int) -> list[Any]:
        return [dy.vecInput(HIDDEN) for _ in range(count)]

    def inputs() -> Iterator[Any]:
        for _ in range(3):
            yield dy.vecInput(INPUT)

    def batch() -> Any:
        return dy.inputTensor(np.ones((INPUT, 3)), batched=True)

    def added(state: Any) -> list[Any]:
        after = state.add_input(dy.vecInput(INPUT))
        return [state.s(), after.h(), after.s(), after.add_input(dy.vecInput(INPUT)).s()]

    programs = {
        "from nothing": lambda: added(builder.initial_state()),
        "constant parameters": lambda: added(builder.initial_state(update=False)),
        "from vectors": lambda: added(builder.initial_state(vectors(carried))),
        "from parameters": lambda: added(builder.initial_state([parameter] * carried)),
        "from raw vectors": lambda: added(
            builder.initial_state_from_raw_vectors([[0.5] * HIDDEN] * carried)
        ),
        "set_h midway": lambda: added(
            builder.initial_state().add_input(dy.vecInput(INPUT)).set_h(vectors(layers))
        ),
        "set_s midway": lambda: added(
            builder.initial_state().add_input(dy.vecInput(INPUT)).set_s(vectors(layers))
        ),
        "add_inputs": lambda: [s.s() for s in builder.initial_state().add_inputs(inputs())],
        "transduce": lambda: builder.initial_state().transduce(list(inputs())),
        "transduce a generator": lambda: builder.initial_state().transduce(inputs()),
        "transduce from vectors": lambda: builder.initial_state(vectors(carried)).transduce(
            inputs()
        ),
    }
    if kind != "SparseLSTMBuilder":  # with which DyNet crashes
        programs["from half the vectors"] = lambda: added(builder.initial_state(vectors(layers)))
        programs["set_h"] = lambda: added(builder.initial_state().set_h(vectors(layers)))
    masked = {
        "dropout": lambda: added(builder.initial_state()),
        "dropout from vectors": lambda: added(builder.initial_state(vectors(carried))),
        "dropout of a batch": lambda: [
            x.s() for x in builder.initial_state().add_inputs([batch(), batch()])
        ],
        "dropout, transduce": lambda: [
            *builder.initial_state().transduce(inputs()),
            dy.vecInput(1),
        ],
    }
    found = {}

    def run(more: str, programs: dict[str, Callable[[], Any]]) -> None:
        for title, program in programs.items():
            dy.renew_cg()
            found[title + more] = [*map(ids_of, program()), ids_of(dy.vecInput(1))]

    run("", programs)
    builder.set_dropout(0.5)
    run("", masked)
    if hasattr(builder, "set_dropouts"):
        for rates in ((0.0, 0.5), (0.5, 0.0)):
            builder.set_dropouts(*rates)
            run(f" {rates}", masked)
        start = builder.initial_state()
        builder.set_dropout_masks()
        found["masks of their own"] = [*map(ids_of, added(start)), ids_of(dy.vecInput(1))]
    builder.disable_dropout()
    run(", disabled", masked)
    dy.renew_cg()
    builder.initial_state()
    found["parameter expressions"] = [
        ids_of(tuple(layer)) for layer in builder.get_parameter_expressions()
    ]
    return found


def expression_ids(dy: Any) -> dict[str, list[int]]:
    """What one expression of each kind prints; the ids of parameters after it show when they came in."""
    pc = dy.ParameterCollection()
    W, b = pc.add_parameters((3, 3)), pc.add_parameters(3)
    table = pc.add_lookup_parameters((4, 3))
    programs = {
        "x - y": lambda x: x - x,
        "x - 1": lambda x: x - 1,
        "x + 1": lambda x: x + 1,
        "x * 2": lambda x: x * 2,
        "x / 2": lambda x: x / 2,
        "-x": lambda x: -x,
        "x ** 2": lambda x: x**2,
        "b ** 2": lambda x: b**2,
        "x[1]": lambda x: x[1],
        "x[-1]": lambda x: x[-1],
        "x[0:2]": lambda x: x[0:2],
        "W * x + b": lambda x: W * x + b,
        "b + W * x": lambda x: b + W * x,
        "b - x": lambda x: b - x,
        "b - W * b": lambda x: b - W * b,
        "affine_transform": lambda x: dy.affine_transform([b, W, x]),
        "affine_transform of one": lambda x: dy.affine_transform([x]),
        "esum": lambda x: dy.esum([x, b, x]),
        "concatenate": lambda x: dy.concatenate([b, W * x]),
        "concatenate_to_batch": lambda x: dy.concatenate_to_batch([x, b]),
        "softmax": lambda x: dy.softmax(W * x + b),
        "log_softmax": lambda x: dy.log_softmax(x),
        "the tutorial's loss": lambda x: -dy.log(dy.pick(dy.softmax(W * x + b), 1)),
        "pickneglogsoftmax": lambda x: dy.pickneglogsoftmax(x, 1),
        "pick_batch": lambda x: dy.pick_batch(x, [1, 2]),
        "pick_range": lambda x: dy.pick_range(x, 0, 2),
        "cmult": lambda x: dy.cmult(x, x),
        "cdiv": lambda x: dy.cdiv(x, x + 1),
        "tanh": lambda x: dy.tanh(x),
        "dropout": lambda x: dy.dropout(x, 0.5),
        "reshape": lambda x: dy.reshape(x, (1, 3)),
        "transpose": lambda x: dy.transpose(x),
        "sum_batches": lambda x: dy.sum_batches(dy.sum_elems(x)),
        "dot_product": lambda x: dy.dot_product(x, b),
        "zeros": lambda x: dy.zeros((2, 2)),
        "lookup": lambda x: dy.lookup(table, 1),
        "table[1]": lambda x: table[1],
        "lookup_batch": lambda x: dy.lookup_batch(table, [1, 2]),
        "lookup without update": lambda x: dy.lookup(table, 1, update=False),
        "table * y": lambda x: table * dy.vecInput(4),
        "b as a constant": lambda x: b.expr() + x,
        "b as both": lambda x: b.expr() + b,
        "const_parameter": lambda x: dy.const_parameter(W) * x + dy.const_parameter(b),
        "const_parameter of two": lambda x: dy.const_parameter(table, b)[1] + b,
    }
    found = {}
    for title, program in programs.items():
        dy.renew_cg()
        result = program(dy.vecInput(3))
        found[title] = [ids_of(e) for e in (result, b.expr(True), W.expr(True), dy.vecInput(1))]
    dy.renew_cg()
    b.dim()
    found["b.dim()"] = [ids_of(dy.vecInput(1))]
    dy.renew_cg()
    W.npvalue()
    found["W.npvalue()"] = [ids_of(dy.vecInput(1))]
    return found
