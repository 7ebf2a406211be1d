"""There is one device, the CPU, and everything that names another is refused."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as dy
from charlm.errors import ArgumentError, DeviceError

WITH_A_DEVICE = [
    "dy.inputTensor([1, 2], device=d)",
    "dy.inputVector([1, 2], device=d)",
    "dy.vecInput(2, device=d)",
    "dy.scalarInput(1, device=d)",
    "dy.one_hot(3, 1, device=d)",
    "dy.sparse_inputTensor([[0]], [1], (2,), device=d)",
    "dy.inputTensorTranspose([1, 2], (2,), device=d)",
    "dy.to_device(dy.vecInput(1), d)",
    "dy.get_device_info(d)",
    "dy.cg().inputMatrixLiteral([1, 2], (2,), device=d)",
    "pc.add_parameters(2, device=d)",
    "pc.add_lookup_parameters((2, 2), device=d)",
    "pc.parameters_from_numpy(np.ones(2), device=d)",
    "pc.lookup_parameters_from_numpy(np.ones((2, 2)), device=d)",
]


@pytest.mark.parametrize("code", WITH_A_DEVICE)
def test_other_devices_are_refused(code):
    given = {"dy": dy, "np": np, "pc": dy.ParameterCollection()}
    for device in ("", "CPU"):
        eval(code, {**given, "d": device})
    with pytest.raises(DeviceError, match="'GPU:0': the only device is 'CPU'"):
        eval(code, {**given, "d": "GPU:0"})
    with pytest.raises(ArgumentError, match="a string"):
        eval(code, {**given, "d": b"CPU"})


def test_what_there_is():
    shown = []
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    for module in (dy, theirs):
        info = vars(module.get_device_info("CPU"))
        shown.append([module.available_devices(), info, vars(module.DeviceInfo("a", 1, 2))])
    assert shown[0] == shown[1]


def test_moving_makes_a_node_with_the_same_numbers_and_passes_the_gradient():
    dy.renew_cg()
    x = dy.inputVector([1, 2])
    y = dy.to_device(x, "CPU")
    dy.squared_norm(y).backward(full=True)
    assert str(y).startswith("expression 1/")
    assert y.value() == [1.0, 2.0]
    assert x.gradient().tolist() == [2.0, 4.0]


def test_an_input_is_set_anew_where_that_was_asked_for():
    dy.renew_cg()
    x = dy.inputTensor(np.ones((2, 2)), reusable_expr=True)
    y = x * 2
    assert y.npvalue().tolist() == [[2, 2], [2, 2]]
    x.set([1, 2, 3, 4])
    assert y.npvalue().tolist() == [[2, 6], [4, 8]]
    with pytest.raises(ValueError, match="reusable_expr=True"):
        dy.inputTensor([1.0]).set([2.0])


def test_names_that_dynet_gave_up():
    for call in (lambda: dy.matInput(2, 2), lambda: dy.inputMatrix([1, 2], (2,))):
        with pytest.raises(DeprecationWarning, match="use inputTensor"):
            call()
