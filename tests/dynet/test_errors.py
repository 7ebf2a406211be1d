"""Mistakes: the built-in exception types are DyNet's, the texts say what was given and what is needed."""

from __future__ import annotations

import faulthandler
import os

import numpy as np
import pytest

import charlm.dynet as dy
from charlm.errors import CharlmError


def makings(dy):
    """What the mistakes below are made with, on charlm.dynet or on DyNet itself."""
    pc = dy.ParameterCollection()
    names = {
        "dy": dy,
        "np": np,
        "pc": pc,
        "p": pc.add_parameters((2, 3)),
        "table": pc.add_lookup_parameters((4, 2)),
        "rnn": dy.SimpleRNNBuilder(1, 3, 2, pc),
        "lstm": dy.LSTMBuilder(2, 3, 2, pc),
    }
    dy.renew_cg()
    names["stale"] = dy.inputVector([1, 2, 3])
    names["stale_state"] = names["rnn"].initial_state().add_input(names["stale"])
    dy.renew_cg()
    return {
        **names,
        "x": dy.inputVector([1, 2, 3]),
        "y": dy.inputVector([1, 2]),
        "batch": dy.inputTensor(np.ones((3, 2)), batched=True),
        "batch3": dy.inputTensor(np.ones((3, 3)), batched=True),
    }


MISTAKES = [
    # ---- expressions
    ("x + y", ValueError, r"\(3,\) and \(2,\)"),
    ("batch + batch3", ValueError, "batch sizes must be equal or 1"),
    ("x * x", ValueError, "cmult"),
    ("x / x", NotImplementedError, "cdiv"),
    ("x + None", NotImplementedError, "NoneType"),
    ("x + 'a'", NotImplementedError, "str 'a'"),
    ("x ** y", ValueError, "one number"),
    ("x[3]", IndexError, "index 3 is outside axis 0 of size 3"),
    ("x[-4]", IndexError, "index -4"),
    ("x[1.0]", AssertionError, "1.0"),
    ("x[-2:]", ValueError, "-2"),
    ("dy.tanh(3)", TypeError, "tanh.*int 3"),
    ("dy.cmult(x, 3)", TypeError, "int 3"),
    ("dy.esum([])", AssertionError, "the list is empty"),
    ("dy.esum([x, None])", AssertionError, "None"),
    ("dy.esum([x, 2])", TypeError, "int 2"),
    ("dy.esum([x, dy.scalarInput(1)])", ValueError, "shapes must be equal"),
    ("dy.esum(None)", AssertionError, "the list is empty"),
    ("dy.esum((x, x))", TypeError, "a list of expressions is needed"),
    ("dy.concatenate([])", AssertionError, "the list is empty"),
    ("dy.concatenate(x)", TypeError, "a list of expressions is needed"),
    ("dy.concatenate([x, x], -1)", OverflowError, "concatenate"),
    ("dy.l1_distance(batch, batch)", RuntimeError, "not defined on minibatches"),
    ("dy.affine_transform([])", AssertionError, "the list is empty"),
    ("dy.affine_transform([y, p])", ValueError, "odd number"),
    ("dy.affine_transform([y, p, y])", ValueError, "do not fit"),
    ("dy.pick(x, 3)", ValueError, "index 3"),
    ("dy.pick(x, -1)", OverflowError, "-1"),
    ("dy.pick(x, 'a')", TypeError, "'a'"),
    ("dy.pick(x, 0, 1)", ValueError, "axis 1"),
    ("dy.pick_batch(batch, [0])", ValueError, "1 indices for a batch of 2"),
    ("dy.pick_batch_elem(batch, 2)", ValueError, "element 2"),
    ("dy.pickneglogsoftmax(x, 3)", ValueError, "3"),
    ("dy.pickneglogsoftmax(x, -1)", OverflowError, "-1"),
    ("dy.pickneglogsoftmax(batch, 1)", ValueError, "1 targets for a batch of 2"),
    ("dy.pickneglogsoftmax(p, 1)", ValueError, "must be a vector"),
    ("dy.reshape(x, (2, 2))", ValueError, "does not hold"),
    ("dy.reshape(x, [3])", TypeError, "tuple"),
    ("dy.dot_product(x, y)", ValueError, "shapes must be equal"),
    ("x.backward()", ValueError, "one number"),
    ("x.gradient()", RuntimeError, "call backward"),
    ("x.scalar_value()", RuntimeError, "3 numbers"),
    # ---- inputs
    ("dy.inputVector(3)", TypeError, "list of numbers"),
    ("dy.inputVector('a')", TypeError, "'a'"),
    ("dy.inputVector(np.ones((2, 2)))", TypeError, "list of numbers"),
    ("dy.vecInput(-1)", OverflowError, "-1"),
    ("dy.scalarInput('a')", TypeError, "'a'"),
    ("dy.inputTensor((1, 2))", TypeError, "tuple"),
    ("dy.inputTensor(None)", TypeError, "NoneType"),
    ("dy.inputTensor([[1, 2], [3]])", ValueError, "rows of one length"),
    ("dy.inputTensor([np.ones(2), np.ones(3)])", ValueError, "one shape"),
    ("dy.inputTensor(np.array(3.0))", TypeError, "0-d"),
    ("dy.inputTensor(np.ones((1,) * 8))", ValueError, "7 axes"),
    ("dy.zeros([3])", TypeError, r"\[3\]"),
    ("dy.zeros(())", ValueError, "one to seven sizes"),
    ("dy.zeros(3, 0)", ValueError, "batch_size: 1 or more"),
    ("dy.zeros(2**70)", OverflowError, "less than"),
    ("dy.ones(-1)", OverflowError, "-1"),
    ("dy.constant(2, 'a')", TypeError, "'a'"),
    ("x.set([1])", ValueError, "3 numbers are needed, got 1"),
    ("dy.forward(x)", TypeError, "list of expressions"),
    ("dy.values([x, 3])", TypeError, "list of expressions"),
    # ---- parameters
    ("pc.add_parameters(2.0)", AssertionError, "2.0"),
    ("pc.add_parameters((2, -1))", OverflowError, "-1"),
    ("pc.add_parameters(('a', 1))", TypeError, "'a'"),
    ("pc.add_parameters(2, init='best')", ValueError, "'best'.*'glorot'"),
    ("pc.add_parameters(2, init=[1, 2])", ValueError, "not an initialiser"),
    ("pc.add_parameters((2, 3), init='identity')", RuntimeError, r"square.*\(2, 3\)"),
    ("pc.add_parameters(2, init=dy.NumpyInitializer(np.ones(3)))", ValueError, "cannot fill"),
    ("pc.add_parameters(2, init=dy.FromFileInitializer(b'nowhere'))", ValueError, "nowhere"),
    ("dy.PyInitializer()", AssertionError, "subclasses"),
    ("pc.add_parameters(2, name='a_b')", RuntimeError, "'a_b'"),
    ("pc.add_parameters(2, device='GPU:0')", RuntimeError, "GPU:0"),
    ("pc.add_lookup_parameters((2, 2), name='a/b')", RuntimeError, "'a/b'"),
    ("pc.add_lookup_parameters((2, 2), device='GPU:0')", RuntimeError, "GPU:0"),
    ("pc.add_lookup_parameters(2.0)", AssertionError, "2.0"),
    (
        "pc.add_lookup_parameters((2, 2), init=dy.NumpyInitializer(np.ones((2, 2))))",
        ValueError,
        "lookup_parameters_from_numpy",
    ),
    ("pc.add_subcollection('a_b')", RuntimeError, "'a_b'"),
    ("p.set_value(np.ones((2, 2)))", ValueError, r"\(2, 3\), got \(2, 2\)"),
    ("table[-1]", OverflowError, "-1"),
    ("table['a']", TypeError, "'a'"),
    ("table[4].value()", ValueError, "row 4 of .* 4 rows"),
    ("table.batch([0, 9]).value()", ValueError, "row 9"),
    ("dy.lookup(p, 1)", TypeError, "LookupParameters"),
    ("dy.lookup_batch(p, [1])", TypeError, "LookupParameters"),
    ("dy.const_parameter(3)", TypeError, "3"),
    ("table.init_row(4, [1, 2])", ValueError, "row 4"),
    ("table.init_row(0, [1])", ValueError, "2 numbers are needed, got 1"),
    ("table.init_from_array(np.ones((5, 2)))", ValueError, "4 rows"),
    ("table.init_from_array(np.ones((4, 3)))", ValueError, r"shape \(2,\)"),
    ("table.row_as_array(4)", ValueError, "row 4"),
    # ---- builders
    ("dy.LSTMBuilder(1, 2, 3, None)", TypeError, "VanillaLSTMBuilder: a ParameterCollection"),
    ("dy.LSTMBuilder(1, 2, -3, pc)", OverflowError, "-3"),
    ("dy.GRUBuilder('a', 2, 3, pc)", TypeError, "'a'"),
    ("rnn.initial_state([x, x])", ValueError, "1 layers needs 1 vectors, got 2"),
    ("lstm.initial_state([y] * 3)", ValueError, "2 layers needs 2 or 4 vectors, got 3"),
    ("rnn.initial_state([])", ValueError, "got 0"),
    ("rnn.initial_state([x])", ValueError, r"vector 0 must have shape \(2,\), got \(3,\)"),
    ("lstm.initial_state([y, y, y, x])", ValueError, "vector 3 must have shape"),
    ("rnn.initial_state([1])", TypeError, "int"),
    ("rnn.initial_state(y)", ValueError, "a single one"),
    ("rnn.initial_state_from_raw_vectors([[1, 2, 3]])", ValueError, "vector 0"),
    ("rnn.initial_state_from_raw_vectors([1])", TypeError, "list of numbers"),
    ("lstm.initial_state().set_h([y])", ValueError, "2 layers is needed, got 1"),
    ("lstm.initial_state().set_s([y])", ValueError, "got 1"),
    ("rnn.initial_state().add_input([1, 2, 3])", TypeError, "list"),
    ("rnn.initial_state().add_input(y)", ValueError, r"size 3 is needed, got \(2,\)"),
    ("rnn.initial_state().add_inputs([x, 1])", TypeError, "int"),
    ("rnn.initial_state().transduce([x, None])", TypeError, "NoneType"),
    ("rnn.initial_state().transduce([x, y])", ValueError, "size"),
    ("lstm.get_parameter_expressions()", ValueError, r"call initial_state\(\)"),
    # ---- trainers
    ("dy.SimpleSGDTrainer(3)", TypeError, "SimpleSGDTrainer: a ParameterCollection"),
    ("dy.AdamTrainer(pc, 'a')", TypeError, "'a'"),
    ("dy.AdamTrainer(pc).set_clip_threshold('a')", TypeError, "'a'"),
    ("p.set_value([[1, 2, 3], [4, 5, 'a']])", TypeError, "numbers are needed"),
    ("pc.add_parameters((2, 3), init=dy.SaxeInitializer())", RuntimeError, "square"),
    # ---- what was renewed
    ("stale.value()", RuntimeError, "stale"),
    ("stale.npvalue()", RuntimeError, "stale"),
    ("stale.dim()", RuntimeError, "stale"),
    ("stale.backward()", RuntimeError, "stale"),
    ("stale.gradient()", RuntimeError, "stale"),
    ("stale + 1", ValueError, "stale"),
    ("-stale", ValueError, "stale"),
    ("stale[0]", ValueError, "stale"),
    ("x + stale", ValueError, "stale"),
    ("stale + x", ValueError, "stale"),
    ("dy.esum([x, stale])", ValueError, "stale"),
    ("dy.tanh(stale)", ValueError, "stale"),
    ("stale.set([1, 2, 3])", ValueError, "stale"),
    ("rnn.initial_state().add_input(stale)", ValueError, "stale"),
    ("rnn.initial_state().transduce([stale])", ValueError, "stale"),
    ("lstm.initial_state([stale] * 4)", ValueError, "stale"),
    ("stale_state.output()", ValueError, "renewed"),
    ("stale_state.h()", ValueError, "renewed"),
    ("stale_state.s()", ValueError, "renewed"),
    ("stale_state.add_input(x)", ValueError, "renewed"),
    ("stale_state.transduce([x])", ValueError, "renewed"),
    ("stale_state.set_s([y])", ValueError, "renewed"),
]


# what DyNet takes (L), dies of (D), dies of after using up the memory (M, not tried), or refuses with
# an exception of another type (T)
DYNET_DIFFERS = {
    "x.scalar_value()": "D",
    "dy.vecInput(-1)": "T",
    "dy.zeros(())": "L",
    "dy.zeros(3, 0)": "L",
    "dy.ones(-1)": "M",
    "x.set([1])": "L",
    "pc.add_parameters((2, -1))": "M",
    "pc.add_parameters(2, init=dy.NumpyInitializer(np.ones(3)))": "L",
    "pc.add_parameters(2, init=dy.FromFileInitializer(b'nowhere'))": "L",
    "table.init_row(4, [1, 2])": "D",
    "table.init_row(0, [1])": "D",
    "table.init_from_array(np.ones((5, 2)))": "T",
    "table.init_from_array(np.ones((4, 3)))": "T",
    "table.row_as_array(4)": "D",
    "dy.LSTMBuilder(1, 2, 3, None)": "D",
    "rnn.initial_state([])": "D",
    "rnn.initial_state([x])": "L",
    "lstm.initial_state([y, y, y, x])": "L",
    "rnn.initial_state_from_raw_vectors([[1, 2, 3]])": "L",
    "rnn.initial_state().transduce([x, None])": "T",
    "stale + 1": "L",
    "-stale": "L",
    "stale[0]": "L",
    "stale + x": "L",
    "dy.tanh(stale)": "L",
    "stale.set([1, 2, 3])": "L",
    "stale_state.output()": "T",
}


@pytest.fixture
def given():
    dy.init(random_seed=1)
    return makings(dy)


@pytest.mark.parametrize(("code", "error", "text"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake(code, error, text, given):
    with pytest.raises(error, match=text) as caught:
        eval(code, given)
    assert isinstance(caught.value, CharlmError)


def test_a_mistake_leaves_the_graph_as_it_was(given):
    x = given["x"]
    before = str(dy.vecInput(1))
    for code in ("x + y", "x * x", "dy.pick(x, 3)", "rnn.initial_state().add_input(y)"):
        with pytest.raises(ValueError, match=r".+"):
            eval(code, given)
    number = int(before.split()[1].split("/")[0])
    assert str(dy.vecInput(1)).startswith(
        f"expression {number + 4}/"
    )  # the RNN's three parameters came in
    assert (x + x).value() == [2, 4, 6]


def test_a_stale_expression_still_prints(given):
    assert str(given["stale"]) == f"expression 0/{dy.cg_version() - 1}"


def outcome(code, given, Expression) -> str:
    """What DyNet makes of it, in a process of its own that may die: an exception's name, L or D."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        said = "L"
        try:
            result = eval(code, given)
            if isinstance(result, Expression):
                result.value()  # indices are checked only then
        except BaseException as error:
            said = type(error).__name__
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        return pipe.read() or "D"


def test_the_types_are_dynets():
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    given = makings(theirs)
    differs = {code: "M" for code, how in DYNET_DIFFERS.items() if how == "M"}
    for code, error, _ in (mistake for mistake in MISTAKES if mistake[0] not in differs):
        found = outcome(code, given, theirs.Expression)
        if found != error.__name__:
            differs[code] = found if found in "LD" else "T"
    assert differs == DYNET_DIFFERS
