"""The public names are DyNet's; none is missing."""

from __future__ import annotations

import inspect

import pytest

import charlm.dynet as dy

# DyNet has it in C++ and does not give it a Python name
ADDED = {"HierarchicalSoftmaxBuilder"}


def test_every_name_exists_once_and_is_documented():
    assert len(dy.__all__) == len(set(dy.__all__))
    for name in dy.__all__:
        thing = getattr(dy, name)
        assert thing.__doc__ or not callable(thing), name


def test_nothing_else_is_public():
    public = {name for name in vars(dy) if not name.startswith("_")}
    modules = {
        "builders",
        "devices",
        "files",
        "functions",
        "graphs",
        "holders",
        "immediate",
        "initializers",
        "leaf",
        "parameters",
        "listing",
        "plain_pickle",
        "random",
        "records",
        "session",
        "sketch",
        "softmaxes",
        "settings",
        "trainers",
    }
    assert public - modules == set(dy.__all__)


def test_the_names_are_dynets():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    names = {name for name in dir(theirs) if not name.startswith("_")}
    assert names - set(dy.__all__) == set()
    assert set(dy.__all__) - names == ADDED


# what takes more, or has another name, on purpose
OTHER_ARGUMENTS = {
    "init",  # says what DyNet reads from the command line
    "load", "load_generator",  # name the program's own classes: nothing is imported because a file says so
    "print_graphviz",
    "LookupParameters.populate",  # its key, which may not be empty, has the empty string as default there
    "RNNState.set_h", "RNNState.set_s",
    "SimpleRNNBuilder.set_dropouts",  # d_h there, d_r as of the other builders here
}  # fmt: skip


def arguments(function) -> list[tuple[str, object]] | None:
    """Names and defaults; a list as default counts as a tuple. None for what does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    given = [(p.name, p.default) for p in parameters]
    return [(name, tuple(d) if isinstance(d, list) else d) for name, d in given]


def callables(module):
    """Every public function of a module and of its classes, by name."""
    for name in filter(lambda n: n not in ADDED, dy.__all__):
        thing = getattr(module, name)
        if isinstance(thing, type):
            for method in filter(lambda m: not m.startswith("_"), dir(thing)):
                if callable(getattr(thing, method)):
                    yield f"{name}.{method}", getattr(thing, method)
        elif callable(thing):
            yield name, thing


def test_arguments_are_dynets():
    """Names, order and defaults. Constructors do not tell theirs."""
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    ours, compared, differ = dict(callables(dy)), 0, set()
    for name, function in callables(theirs):
        expected = arguments(function)
        if name in ours and expected is not None:
            compared += 1
            found = arguments(ours[name])
            if found != expected:
                differ.add(name)
    assert differ == OTHER_ARGUMENTS
    assert compared > 250


def test_methods_are_dynets():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    ours = {name for name, _ in callables(dy)}
    # there inputTensorTranspose is a class with an expression's methods, here a function that returns one
    missing = {n for n, _ in callables(theirs) if not n.startswith("inputTensorTranspose.")}
    assert missing <= ours
