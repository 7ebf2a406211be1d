"""The recurrent cells against PyTorch's, with the same weights."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import cmult, sum_elems
from charlm.engine.ops.inputs import input_array
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.engine.rnn import CELLS, RNNBuilder

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra 'oracles')")
T, B, INPUT, HIDDEN = 7, 3, 5, 6


def to_torch(name, layer):
    """Our weights in PyTorch's order: its LSTM's gates are i, f, g, o, ours i, f, o, g."""
    wx, wh, b, *reset = (p.value.T.astype(np.float32) for p in layer)
    if name == "lstm":
        i, f, o, g = range(4)
        blocks = [(k * HIDDEN, (k + 1) * HIDDEN) for k in (i, f, g, o)]
        b = b.copy()
        b[HIDDEN : 2 * HIDDEN] += 1  # our forget bias is added when it runs
        wx, wh, b = (np.concatenate([a[s:e] for s, e in blocks]) for a in (wx, wh, b))
    other = np.zeros_like(b)  # PyTorch's second bias is of use in a GRU alone
    if name == "gru_after":
        other[2 * HIDDEN :] = reset[0]
    return wx, wh, b, other


def minimal(torch, name, x_TBI, Wx, b):
    """The formulas of Feng et al. (2024), step by step; PyTorch has no modules for them."""
    h, states = torch.zeros(B, HIDDEN), []
    for x in x_TBI:
        *gates, a = (x @ Wx.T + b).split(HIDDEN, dim=1)
        new = torch.where(a >= 0, a + 0.5, torch.sigmoid(a))
        if name == "min_gru":
            (z,) = (torch.sigmoid(gate) for gate in gates)
            h = (1 - z) * h + z * new
        else:
            f, i = (torch.sigmoid(gate) for gate in gates)
            h = f / (f + i) * h + i / (f + i) * new
        states.append(h)
    return torch.stack(states)


@pytest.mark.parametrize("name", ["min_gru", "min_lstm"])
def test_minimal_cells(name):
    pc = ParameterCollection(stream=NumpyStream(4))
    builder = RNNBuilder(CELLS[name](), INPUT, [HIDDEN], pc)
    rng = np.random.default_rng(5)
    for p in builder.layers[0]:
        p.write()[...] = rng.normal(size=p.value.shape)
    x = rng.normal(size=(T, B, INPUT)).astype(np.float32)
    weights = rng.normal(size=(T, B, HIDDEN)).astype(np.float32)
    graph = ComputationGraph()
    node = input_array(graph, x[np.newaxis])
    h, _ = builder.sequence(node)
    sum_elems(cmult(h, input_array(graph, weights[np.newaxis]))).backward(full=True)
    theirs = [
        torch.tensor(a.copy(), requires_grad=True)
        for a in (x, *(p.value.T for p in builder.layers[0]))
    ]
    h_torch = minimal(torch, name, *theirs)
    (h_torch * torch.tensor(weights)).sum().backward()
    assert np.allclose(h.array()[0], h_torch.detach().numpy(), atol=2e-6)
    ours = [graph.gradient(node.index)[0], *(p.gradient.T for p in builder.layers[0])]
    for a, b in zip(ours, theirs, strict=True):
        assert np.allclose(a, b.grad.numpy(), atol=2e-5)


# PyTorch's GRU applies the reset gate after the matrix, and DyNet's, which is gru, before it
@pytest.mark.parametrize(("name", "kind"), [("rnn", "RNN"), ("lstm", "LSTM"), ("gru_after", "GRU")])
@pytest.mark.parametrize("layers", [1, 2])
def test_outputs_and_input_gradients(name, kind, layers):
    pc = ParameterCollection(stream=NumpyStream(4))
    builder = RNNBuilder(CELLS[name](), INPUT, [HIDDEN] * layers, pc)
    for p in builder.layers[0]:
        p.write()[...] += 0.1  # no bias is 0
    module = getattr(torch.nn, kind)(INPUT, HIDDEN, layers)
    with torch.no_grad():
        for k, layer in enumerate(builder.layers):
            wx, wh, b, other = to_torch(name, layer)
            getattr(module, f"weight_ih_l{k}").copy_(torch.tensor(wx))
            getattr(module, f"weight_hh_l{k}").copy_(torch.tensor(wh))
            getattr(module, f"bias_ih_l{k}").copy_(torch.tensor(b))
            getattr(module, f"bias_hh_l{k}").copy_(torch.tensor(other))
    rng = np.random.default_rng(5)
    x = rng.normal(size=(T, B, INPUT)).astype(np.float32)
    weights = rng.normal(size=(T, B, HIDDEN)).astype(np.float32)

    graph = ComputationGraph()
    node = input_array(graph, x[np.newaxis])
    h, _ = builder.sequence(node)
    loss = sum_elems(cmult(h, input_array(graph, weights[np.newaxis])))
    loss.backward(full=True)

    x_torch = torch.tensor(x, requires_grad=True)
    h_torch, _ = module(x_torch)
    (h_torch * torch.tensor(weights)).sum().backward()
    assert np.allclose(h.array()[0], h_torch.detach().numpy(), atol=2e-6)
    assert np.allclose(graph.gradient(node.index)[0], x_torch.grad.numpy(), atol=5e-6)
    ours = builder.layers[0][1].gradient.T
    theirs = module.weight_hh_l0.grad.numpy()
    if name == "lstm":
        theirs = np.concatenate([theirs[k * HIDDEN : (k + 1) * HIDDEN] for k in (0, 1, 3, 2)])
    assert np.allclose(ours, theirs, atol=2e-5)
