"""Dropout and noise of the builders: DyNet's masks from the same seed, and what they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

import charlm.dynet as ours
from tests.dynet.programs import BUILDERS, kind_and_options

INPUT, HIDDEN = 3, 4
MASKED = [name for name in BUILDERS if not name.startswith(("GRU", "Fast", "Coupled"))]
every_stack = pytest.mark.parametrize(
    ("name", "layers"), [(name, layers) for name in BUILDERS for layers in (1, 2)]
)
every_masked = pytest.mark.parametrize("name", MASKED)


def make(dy: Any, name: str, layers: int = 1) -> tuple[Any, Any]:
    pc = dy.ParameterCollection()
    kind, options = kind_and_options(name)
    builder = getattr(dy, kind)(layers, INPUT, HIDDEN, pc, **options)
    rng = np.random.default_rng(5)
    for p in pc.parameters_list():
        p.set_value(rng.uniform(-1, 1, p.shape()))
    return pc, builder


def tensor(dy: Any, drawn: np.ndarray) -> Any:
    """Return a vector, or a batch of them; DyNet cannot take a batch of one."""
    if drawn.shape[1] == 1:
        return dy.inputTensor(drawn[:, 0])
    return dy.inputTensor(drawn, batched=True)


def inputs(dy: Any, count: int = 3, batch: int = 1, seed: int = 1) -> list[Any]:
    drawn = np.random.default_rng(seed).uniform(-1, 1, (count, INPUT, batch))
    return [tensor(dy, x) for x in drawn]


def vectors(dy: Any, name: str, layers: int, batch: int = 1) -> list[Any]:
    count = layers * (2 if "LSTM" in name else 1)
    drawn = np.random.default_rng(2).uniform(-1, 1, (count, HIDDEN, batch))
    return [tensor(dy, x) for x in drawn]


def loss_of(dy: Any, outputs: Sequence[Any]) -> Any:
    terms = [dy.sum_elems(dy.cmult(y, y)) * (t + 1.0) for t, y in enumerate(outputs)]
    return dy.sum_batches(dy.esum(terms))


def programs(dy: Any, name: str, layers: int, batch: int) -> Iterable[tuple[str, Any]]:
    """Yield what a builder with dropout puts out, in several ways; the graph is fresh each time."""
    _, builder = make(dy, name, layers)
    builder.set_dropout(0.4)

    def two_sequences() -> list[Any]:
        start = builder.initial_state(vectors(dy, name, layers, batch))
        first = start.add_inputs(inputs(dy, batch=batch))
        second = first[0].add_inputs(inputs(dy, 2, batch, seed=3))
        return [s.output() for s in first + second]

    yield "steps", two_sequences
    yield "whole", lambda: builder.initial_state().transduce(inputs(dy, batch=batch))
    if hasattr(builder, "set_dropouts"):
        for rates in ((0.5, 0.25), (0.0, 0.3), (0.3, 0.0)):
            builder.set_dropouts(*rates)
            yield f"rates {rates}", two_sequences

        def masks_drawn_again() -> list[Any]:
            first = builder.initial_state().add_inputs(inputs(dy, batch=batch))
            builder.set_dropout_masks(batch_size=batch)
            return [s.output() for s in first + first[-1].add_inputs(inputs(dy, batch=batch))]

        yield "drawn again", masks_drawn_again
    builder.disable_dropout()
    yield "disabled", two_sequences


@every_stack
@pytest.mark.parametrize("batch", [1, 3])
def test_the_masks_are_dynets(name, layers, batch):
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    found: list[dict[str, list[np.ndarray]]] = []
    for dy in (ours, theirs):
        dy.reset_random_seed(7)
        results = {}
        for title, program in programs(dy, name, layers, batch):
            dy.renew_cg()
            outputs = program()
            loss = loss_of(dy, outputs)
            loss.backward()
            numbers = [y.npvalue() for y in outputs] + [y.gradient() for y in outputs]
            after = dy.dropout(dy.inputVector([1.0] * 4), 0.5)  # what comes next from the stream
            results[title] = [*numbers, after.npvalue(), loss.npvalue()]
        found.append(results)
    for title, expected in found[1].items():
        for a, b in zip(found[0][title], expected, strict=True):
            if "ln_lstm" in name:  # where a state is dropped as a whole DyNet's gradients are NaN
                a, b = a[np.isfinite(b)], b[np.isfinite(b)]
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=title)


def test_the_lstms_dropout_has_the_measured_numbers():
    """Measured with DyNet 2.1; the parameters are filled as everywhere in the notes on its builders."""
    pc = ours.ParameterCollection()
    builder = ours.LSTMBuilder(1, 2, 2, pc)
    for k, p in enumerate(pc.parameters_list()):
        i = np.arange(np.prod(p.shape())).reshape(p.shape())
        p.set_value(((7 * i + 3 * k + 1) % 11 - 5) / 10)
    builder.set_dropouts(0.5, 0.25)
    ours.reset_random_seed(7)
    ours.renew_cg()
    state = builder.initial_state([ours.inputVector(v) for v in ([0.1, -0.2], [0.3, 0.4])])
    outputs = state.transduce([ours.inputVector(v) for v in ([0.5, -1], [2, 0.25])])
    expected = [[0.037283234, -0.44200635], [0.10171185, -0.41827494]]
    np.testing.assert_allclose([y.value() for y in outputs], expected, rtol=2e-6)


@pytest.mark.parametrize("name", [*MASKED, "CoupledLSTMBuilder"])
@pytest.mark.parametrize(("x_batch", "s_batch"), [(1, 1), (3, 3), (3, 1), (1, 3)])
def test_a_sequence_has_the_masks_of_its_steps(name, x_batch, s_batch):
    pc, builder = make(ours, name, 2)
    builder.set_dropout(0.4)
    found = []
    for whole in (False, True):
        ours.reset_random_seed(3)
        ours.renew_cg()
        for p in pc.parameters_list():
            p.scale_gradient(0)
        state = builder.initial_state(vectors(ours, name, 2, s_batch))
        xs = inputs(ours, batch=x_batch)
        outputs = state.transduce(xs) if whole else [s.output() for s in state.add_inputs(xs)]
        loss_of(ours, outputs).backward(full=True)
        numbers = [y.npvalue() for y in outputs] + [e.gradient() for e in (*outputs, *xs)]
        found.append([*numbers, *(p.grad_as_array() for p in pc.parameters_list())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_rate_is_a_probability(name):
    _, builder = make(ours, name)
    settings = [lambda p: builder.set_dropout(p)]
    if name in MASKED:
        settings += [lambda p: builder.set_dropouts(p, 0.1), lambda p: builder.set_dropouts(0.1, p)]
    for setting in settings:
        for p in (-0.1, 1.5, float("nan")):
            with pytest.raises(ValueError, match="from 0 to 1"):
                setting(p)
        with pytest.raises(TypeError, match="a number is needed"):
            setting("0.5")


@every_masked
def test_everything_can_be_dropped(name):
    """Then the state has no part, and 0 takes the input's place."""
    _, builder = make(ours, name)
    builder.set_dropout(1.0)
    found = []
    for seed in (1, 2):
        ours.renew_cg()
        outputs = builder.initial_state().transduce(inputs(ours, 2, seed=seed))
        found.append([y.value() for y in outputs])
    assert np.isfinite(found).all()
    assert found[0] == found[1]


@every_masked
def test_masks_need_no_state_and_no_dropout(name):
    _, builder = make(ours, name)
    ours.renew_cg()
    builder.set_dropout_masks(2)  # there is nothing to draw
    assert builder.initial_state().add_input(inputs(ours)[0]).output().dim() == ((HIDDEN,), 1)
    ours.renew_cg()
    builder.set_dropout(0.5)
    builder.set_dropout_masks(2)
    assert builder.initial_state().add_input(inputs(ours)[0]).output().dim() == ((HIDDEN,), 2)
    with pytest.raises(ValueError, match="set_dropout_masks"):
        builder.set_dropout_masks(0)


def test_the_grus_output_is_dropped_and_its_state_is_not():
    _, builder = make(ours, "GRUBuilder", 2)
    builder.set_dropout(0.5)
    ours.renew_cg()
    state = builder.initial_state().add_inputs(inputs(ours, batch=20))[-1]
    output, h = state.output().npvalue(), state.h()[-1].npvalue()
    dropped = output == 0
    assert 0.2 < dropped.mean() < 0.8
    np.testing.assert_allclose(output[~dropped], 2 * h[~dropped], rtol=1e-6)


def test_a_fast_lstm_has_no_dropout():
    _, builder = make(ours, "FastLSTMBuilder")
    values = []
    for p in (0.0, 0.9):
        builder.set_dropout(p)
        ours.renew_cg()
        values.append(builder.initial_state().add_input(inputs(ours)[0]).output().value())
    assert values[0] == values[1]


# ---- noise


def test_noise_of_the_weights_is_drawn_at_every_step():
    """The gates that are put together by hand draw the same numbers."""
    pc, builder = make(ours, "CompactVanillaLSTMBuilder")
    wx, wh, b = pc.parameters_list()
    builder.set_weightnoise(0.5)
    xs = inputs
    found = []
    for how in ("steps", "whole", "by hand"):
        ours.reset_random_seed(2)
        ours.renew_cg()
        for p in pc.parameters_list():
            p.scale_gradient(0)
        if how == "steps":
            outputs = [s.output() for s in builder.initial_state().add_inputs(xs(ours))]
        elif how == "whole":
            outputs = builder.initial_state().transduce(xs(ours))
        else:
            c, h, outputs = ours.zeros(HIDDEN), ours.zeros(HIDDEN), []
            for x in xs(ours):
                gates = ours.vanilla_lstm_gates(x, h, wx, wh, b, 0.5)
                c = ours.vanilla_lstm_c(c, gates)
                h = ours.vanilla_lstm_h(c, gates)
                outputs.append(h)
        loss_of(ours, outputs).backward()
        gradients = [p.grad_as_array() for p in pc.parameters_list()]
        found.append([*(y.npvalue() for y in outputs), *gradients])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_noise_leaves_the_ids_and_can_be_turned_off():
    _, builder = make(ours, "CompactVanillaLSTMBuilder")
    prints, values = [], []
    for std in (0.0, 0.5, 0.0):
        builder.set_weightnoise(std)
        ours.renew_cg()
        output = builder.initial_state().add_inputs(inputs(ours))[-1].output()
        prints.append(output.id)
        values.append(output.value())
    assert prints[0] == prints[1] == prints[2]
    assert values[0] == values[2] != values[1]
    for std in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="0 or more"):
            builder.set_weightnoise(std)


def test_dropout_that_is_set_between_two_steps_counts_from_the_second():
    builder = ours.GRUBuilder(1, 2, 3, ours.ParameterCollection())
    x = ours.inputVector([1.0, -1.0])
    states = builder.initial_state().add_inputs([x, x, x])
    builder.set_dropout(0.5)
    assert states[0].add_input(x).output().value() != states[1].output().value()
    builder.disable_dropout()
    assert states[0].add_input(x).output().value() == states[1].output().value()


def test_weight_noise_that_is_set_between_two_steps_counts_from_the_second():
    builder = ours.CompactVanillaLSTMBuilder(1, 2, 3, ours.ParameterCollection())
    x = ours.inputVector([1.0, -1.0])
    states = builder.initial_state().add_inputs([x, x, x])
    builder.set_weightnoise(0.5)
    assert states[0].add_input(x).output().value() != states[1].output().value()
