"""Settings: dynet_config before the import, init, DynetParams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import charlm.dynet as dy
from charlm import dynet_config
from charlm.dynet import session
from charlm.errors import ArgumentError, SettingError

ROOT = Path(__file__).resolve().parents[2]
STANDARD = {
    "mem": "512", "seed": 0, "autobatch": 0, "profiling": 0, "weight_decay": 0, "shared_params": 0,
    "requested_gpus": 0, "gpu_mask": [],
}  # fmt: skip


def drawn(module) -> list[float]:
    return module.ParameterCollection().add_parameters(3).as_array().tolist()


def python(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def config_program(module) -> list[object]:
    """What dynet_config says, step by step."""
    shown: list[object] = [module.get(), module.gpu()]
    module.set()
    shown.append(dict(module.get()))
    module.set(mem="1024", random_seed=5, autobatch=1, weight_decay=0.1, gpu_mask=[1])
    shown.append(dict(module.get()))
    module.set(random_seed=7)
    shown.append(dict(module.get()))
    shown += [module.set_gpu(), module.gpu(), dict(module.get())]
    module.set_gpu(False)
    return [*shown, module.gpu(), dict(module.get())]


def test_the_module_holds_what_it_was_given():
    shown = config_program(dynet_config)
    assert shown[:3] == [None, None, STANDARD]
    assert shown[4] == {**STANDARD, "seed": 7}
    assert shown[-2:] == [False, {**STANDARD, "seed": 7, "requested_gpus": 1}]


def test_the_module_is_dynets():
    pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    import builtins

    import dynet_config as theirs

    before = {name: vars(builtins).pop(name, None) for name in ("__DYNET_CONFIG", "__DYNET_GPU")}
    shown = config_program(theirs)
    for name, value in before.items():
        vars(builtins).pop(name)
        if value is not None:
            vars(builtins)[name] = value
    assert config_program(dynet_config) == shown


def test_it_is_read_when_dynet_is_imported():
    code = (
        "import charlm.dynet_config as dynet_config\n"
        "dynet_config.set(random_seed=7, weight_decay=0.25, autobatch=1)\n"
        "import charlm.dynet as dy\n"
        "pc = dy.ParameterCollection()\n"
        "print(pc.add_parameters(3).as_array().tolist(), pc.get_weight_decay())\n"
        "print(dy.dynet_config is dynet_config, dy.cg_version())\n"
    )
    done = python(code)
    assert done.stderr == ""
    dy.reset_random_seed(7)
    assert done.stdout == f"{drawn(dy)} 0.25\nTrue 1\n"


def test_a_seed_of_dynet_config_is_dynets():
    pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    code = "import {0}dynet_config as c; c.set(random_seed=7); import {0}dynet as dy; " + (
        "print(dy.ParameterCollection().add_parameters(3).as_array().tolist())"
    )
    assert python(code.format("charlm.")).stdout == python(code.format("")).stdout != ""


def test_importing_it_imports_nothing_heavy():
    code = "import sys, charlm.dynet_config; print({'numpy', 'charlm.dynet'} & set(sys.modules))"
    assert python(code).stdout == "set()\n"


def test_the_import_compiles_nothing_and_limits_no_threads():
    """So ``charlm export --to dynet`` only writes a file; the first graph prepares what it needs."""
    code = "import sys, charlm.dynet as dy, charlm.threads as threads; {}print(threads._limit, " + (
        "'charlm.kernels.machine_code' in sys.modules)"
    )
    assert python(code.format("")).stdout == "None False\n"
    assert python(code.format("dy.renew_cg(); ")).stdout != "None False\n"


def test_the_command_line_is_not_read_unasked():
    code = "import charlm.dynet as dy; print(dy.ParameterCollection().get_weight_decay())"
    assert python(code, "--dynet-weight-decay", "0.5").stdout == "0.0\n"
    assert python(code, "--dynet-seed").stderr == ""


def test_init_takes_what_it_is_given_and_else_the_settings():
    dynet_config.set(random_seed=7, weight_decay=0.25, autobatch=1)
    dy.init()
    seven = drawn(dy)
    assert dy.ParameterCollection().get_weight_decay() == 0.25
    dy.init(random_seed=8, weight_decay=0.5, autobatch=False, mem=100)
    assert drawn(dy) != seven
    assert dy.ParameterCollection().get_weight_decay() == 0.5
    dy.init(dtype="float64")
    assert session.dtype() is np.float64
    dy.init()
    assert drawn(dy) == seven
    assert dynet_config.get()["seed"] == 7


def test_params_are_used_when_they_are_told_to():
    params = dy.DynetParams()
    params.set_random_seed(3)
    params.set_autobatch(1)
    params.set_weight_decay(0.1)
    params.set_mem(100)
    params.set_profiling(1)
    params.set_shared_parameters(False)
    params.set_requested_gpus(1)
    params.set_gpu_mask([1])
    params.set_cpu_mode()
    assert dy.ParameterCollection().get_weight_decay() == 0.0
    params.init()
    first = drawn(dy)
    assert dy.ParameterCollection().get_weight_decay() == np.float32(0.1)
    dy.init_from_params(params)
    assert drawn(dy) == first
    dynet_config.set(random_seed=3)
    params.from_config(dynet_config.get())
    params.init()
    assert drawn(dy) == first
    assert dy.ParameterCollection().get_weight_decay() == 0.0


def test_params_from_the_command_line(monkeypatch):
    arguments = [
        "prog", "data.txt", "--dynet-seed", "7", "--dynet_weight_decay=0.5", "--dynet-autobatch", "1", "--other",
        "--dynet-mem", "1,2,3,4", "--dynet-profiling=0", "--dynet-devices", "CPU",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", arguments)
    params = dy.DynetParams()
    params.from_args()
    params.init()
    assert sys.argv == arguments
    assert dy.ParameterCollection().get_weight_decay() == 0.5
    found = drawn(dy)
    dy.reset_random_seed(7)
    assert found == drawn(dy)
    params.from_args(shared_parameters=False)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: dy.DynetParams().set_shared_parameters(True),
        lambda: dy.DynetParams().from_args(shared_parameters=1),
        lambda: (dynet_config.set(shared_parameters=1), dy.init()),
    ],
)
def test_sharing_parameters_between_processes_is_refused(ask):
    """Forked processes would each train a copy of their own, and nothing would say so."""
    with pytest.raises(SettingError, match="not shared between processes"):
        ask()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (["--dynet-seed"], ValueError, "--dynet-seed has no value"),
        (["--dynet-seed", "--x"], ValueError, "has no value"),
        (["--dynet-seed="], ValueError, "--dynet-seed : invalid literal"),
        (["--dynet-seed", "abc"], ValueError, "--dynet-seed abc"),
        (["--dynet-seed", "-1"], ValueError, "0 or more"),
        (["--dynet-weight-decay=2"], ValueError, "less than 1"),
        (["--dynet-mem", "much"], ValueError, "megabytes"),
        (["--dynet-gpu"], RuntimeError, "the only device is 'CPU'"),
        (["--dynet-gpus", "1"], RuntimeError, "the only device is 'CPU'"),
        (["--dynet-devices", "GPU:0"], RuntimeError, "the only device is 'CPU'"),
    ],
)
def test_options_that_are_wrong(arguments, error, text, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", *arguments])
    with pytest.raises(error, match=text):
        dy.DynetParams().from_args()


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        ("params.set_random_seed(-1)", OverflowError, "set_random_seed"),
        ("params.set_random_seed('a')", TypeError, "set_random_seed"),
        ("params.set_weight_decay('a')", TypeError, "set_weight_decay"),
        ("params.set_weight_decay(3)", SettingError, "set_weight_decay"),
        ("params.set_mem('512')", TypeError, "set_mem"),
        ("params.from_config({})", SettingError, "'mem' is missing"),
        ("dy.init_from_params(3)", ArgumentError, "a DynetParams is needed, got 3"),
        ("dy.init(random_seed='7')", TypeError, "'7'"),
        ("dy.init(mem='abc')", SettingError, "megabytes"),
        ("dy.init(mem='1,2')", SettingError, "megabytes"),
        ("dy.init(weight_decay=1)", SettingError, "less than 1"),
    ],
)
def test_settings_that_are_wrong(code, error, text):
    before = session.cg()
    with pytest.raises(error, match=text):
        eval(code, {"dy": dy, "params": dy.DynetParams()})
    assert session.cg() is before
