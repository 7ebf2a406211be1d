"""The public names are DyNet's; what is missing is listed here, and the list may only shrink."""

from __future__ import annotations

import pytest

import charlm.dynet as dy

MISSING = {
    "DeviceInfo",
    "DynetParams",
    "available_devices",
    "cg_checkpoint",
    "cg_revert",
    "dump_cg",
    "dynet_config",
    "get_device_info",
    "init_from_params",
    "inputMatrix",
    "matInput",
    "print_graphviz",
    "print_text_graphviz",
    "to_device",
}
# DyNet has it in C++ and does not give it a Python name
ADDED = {"HierarchicalSoftmaxBuilder"}
# modules that it imports, and what its implementation is made of
NOT_MEANT = {
    "ERRMSG", "FloatValue", "FloatVectorValue", "HAVE_CUDA", "UnsignedValue", "UnsignedVectorValue", "np", "os",
    "pickle", "print_function", "sys"
}  # fmt: skip


def test_every_name_exists_once_and_is_documented():
    assert len(dy.__all__) == len(set(dy.__all__))
    for name in dy.__all__:
        assert getattr(dy, name).__doc__, name


def test_nothing_else_is_public():
    public = {name for name in vars(dy) if not name.startswith("_")}
    modules = {
        "builders",
        "files",
        "functions",
        "initializers",
        "parameters",
        "session",
        "softmaxes",
        "trainers",
    }
    assert public - modules == set(dy.__all__)


def test_the_names_are_dynets():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    names = {name for name in dir(theirs) if not name.startswith("_")}
    assert names - set(dy.__all__) == MISSING | NOT_MEANT
    assert set(dy.__all__) - names == ADDED
