"""Numbers measured with DyNet itself, in a file beside the repository; without it these tests are skipped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import charlm.dynet as dy
from tests.dynet.programs import ids_of

PATH = Path(__file__).parents[3] / "shared" / "golden.json"
GOLDEN = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else None
if GOLDEN is None:
    pytest.skip("there is no golden.json beside the repository", allow_module_level=True)

# what the file has numbers for and charlm.dynet does not have: to be crossed out, never added to


# where DyNet's own numbers are wrong: the gradients of the weighted sum, or the value, that are right
TRUE_GRADIENTS = {
    # DyNet leaves beta out of the slope, s (1 + beta x (1 - s))
    "dy.silu(a0,2.0)": [[1.0907843, -0.1053292, 3.0369786]],
    # and takes for d/dy, which is ln((1 - x) / x), the formula of d/dx with x and y exchanged
    "dy.binary_log_loss(a0,a1)": [[0.4761906, -1.25], [0.8472979, -1.3862944]],
    # and reads a flag that was never set
    "dy.round(a0,'straight_through_gradient')": [[1.0, 2.0, 3.0]],
}
TRUE_VALUES = {
    # DyNet adds to what the memory held before
    "dy.contract3d_1d(a0,a1)": [[2.5, 8.0, 13.5], [19.0, 24.5, 30.0]],
}
TRAINERS = list(GOLDEN["trainers"])


@pytest.mark.parametrize("case", GOLDEN["expr"], ids=lambda e: e["code"].replace("dy.", ""))
def test_an_expression(case):
    dy.renew_cg()
    inputs = {
        f"a{i}": dy.inputTensor(np.array(given["value"]), batched=given["batched"])
        for i, given in enumerate(case["inputs"])
    }
    y = eval(case["code"], {"dy": dy, **inputs})
    shape, batch = y.dim()
    assert [list(shape), batch] == case["dim"]
    value = TRUE_VALUES.get(case["code"], case["value"])
    np.testing.assert_allclose(y.npvalue(), value, rtol=2e-6, atol=2e-7)
    full_shape = (*shape, batch) if batch > 1 else shape
    weights = np.arange(1.0, 1 + np.prod(full_shape)).reshape(full_shape, order="F")
    weighted = dy.cmult(y, dy.inputTensor(weights, batched=batch > 1))
    loss = dy.sum_batches(dy.sum_elems(weighted))
    if case["code"] not in TRUE_VALUES:
        assert loss.value() == pytest.approx(case["loss"], rel=2e-6)
    loss.backward(full=True)
    gradients = TRUE_GRADIENTS.get(case["code"], case["grads"])
    for x, expected in zip(inputs.values(), gradients, strict=True):
        np.testing.assert_allclose(x.gradient(), expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", GOLDEN["rnn"])
def test_a_builder(name):
    case = GOLDEN["rnn"][name]
    pc = dy.ParameterCollection()
    options = {"forget_bias": 0.0} if "forget_bias0" in name else {}
    if "ln_lstm" in name:
        options["ln_lstm"] = True
    make = getattr(dy, name.split("+")[0])
    builder = make(case["layers"], case["input_dim"], case["hidden_dim"], pc, **options)
    parameters = pc.parameters_list()
    assert [p.name() for p in parameters] == case["param_names"]
    assert [list(p.shape()) for p in parameters] == case["param_shapes"]
    for p, value in zip(parameters, case["params"], strict=True):
        p.set_value(value)
    dy.renew_cg()
    vectors = None if case["init"] is None else [dy.inputVector(v) for v in case["init"]]
    inputs = [dy.inputVector(x) for x in case["xs"]]
    states = builder.initial_state(vectors).add_inputs(inputs)
    for t, state in enumerate(states):
        np.testing.assert_allclose(state.output().value(), case["outputs"][t], rtol=2e-6, atol=1e-7)
        for found, expected in ((state.s(), case["s"][t]), (state.h(), case["h"][t])):
            np.testing.assert_allclose([e.value() for e in found], expected, rtol=2e-6, atol=1e-7)
    weights = [dy.inputVector(w) for w in ([1, 2], [3, -1])]
    terms = [dy.dot_product(s.output(), w) for s, w in zip(states, weights, strict=True)]
    loss = dy.esum(terms)
    assert loss.value() == pytest.approx(case["loss"], rel=2e-6)
    loss.backward(full=True)
    for p, expected in zip(parameters, case["param_grads"], strict=True):
        np.testing.assert_allclose(p.grad_as_array(), expected, rtol=2e-5, atol=1e-6)
    for x, expected in zip(inputs, case["x_grads"], strict=True):
        np.testing.assert_allclose(x.gradient(), expected, rtol=2e-5, atol=1e-6)


def trainer(name: str, pc: dy.ParameterCollection) -> dy.Trainer:
    """Make the trainer that a golden name like ``Adam(alpha=0.1,eps=0.01)+clip1`` means."""
    kind, arguments, more = re.match(r"(?:lookup )?(\w+)\((.*?)\)(.*)", name).groups()
    short = {"SGD": "SimpleSGD", "Momentum": "MomentumSGD"}
    numbers, named = [], {}
    for argument in filter(None, arguments.replace("default", "").split(",")):
        key, _, value = argument.rpartition("=")
        if key:
            named["learning_rate" if key == "lr" else key] = float(value)
        else:
            numbers.append(float(value))
    made = getattr(dy, f"{short.get(kind, kind)}Trainer")(pc, *numbers, **named)
    if "noclip" in more:
        made.set_clip_threshold(0)
    elif "clip1" in more:
        made.set_clip_threshold(1)
    made.set_sparse_updates("dense" not in more)
    return made


@pytest.mark.parametrize("name", TRAINERS)
def test_a_trainer(name):
    case = GOLDEN["trainers"][name]
    pc = dy.ParameterCollection()
    if "lookup0" in case:
        table = pc.lookup_parameters_from_numpy(np.array(case["lookup0"]))
        indices = zip(case["index_sequence"], case["after_step"], strict=True)
        steps = [(table, i, after) for i, after in indices]
    else:
        p = pc.parameters_from_numpy(np.array(case["p0"]))
        steps = [(p, None, after) for after in case["p_as_array_after_step"]]
    if "wd0.1" in name:
        pc.set_weight_decay(0.1)
    rule = trainer(name, pc)
    for step, (parameter, index, after) in enumerate(steps):
        dy.renew_cg()
        x = parameter if index is None else parameter[index]
        dy.dot_product(x, x).backward()
        rule.update()
        # momentum carries a value of 1 through 0, where its last bit is more than rtol
        np.testing.assert_allclose(parameter.as_array(), after, rtol=2e-6, atol=1e-7)
        if index is None:
            assert rule.learning_rate == case["learning_rate_after_step"][step]


@pytest.mark.parametrize("seed", GOLDEN["rng"])
def test_the_random_stream(seed):
    glorot, normal, mask, uniform, gumbel = GOLDEN["rng"][seed]["values"]
    dy.reset_random_seed(int(seed))
    pc = dy.ParameterCollection()
    assert (pc.add_parameters((2, 3)).as_array() == glorot).all()
    drawn = pc.add_parameters(4, init=dy.NormalInitializer(0, 4)).as_array()
    np.testing.assert_allclose(drawn, normal, rtol=1e-6)
    dy.renew_cg()
    assert dy.dropout(dy.ones(8), 0.3).value() == mask
    assert dy.random_uniform((3,), 2, 5).value() == uniform
    np.testing.assert_allclose(dy.random_gumbel((3,)).value(), gumbel, rtol=1e-6)


def test_how_many_cases_were_compared(record_property):
    counts = {"expr": len(GOLDEN["expr"]), "trainers": len(TRAINERS)}
    for kind, count in counts.items():
        record_property(kind, f"{count} of {len(GOLDEN[kind])}")
    assert counts["trainers"] == 31


def test_every_operation_takes_dynets_ids():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    for case in GOLDEN["expr"]:
        found = []
        for module in (dy, theirs):
            module.renew_cg()
            inputs = {
                f"a{i}": module.inputTensor(np.array(given["value"]), batched=given["batched"])
                for i, given in enumerate(case["inputs"])
            }
            y = eval(case["code"], {"dy": module, **inputs})
            found.append([ids_of(y), ids_of(module.vecInput(1))])
        assert found[0] == found[1], case["code"]
