"""Model files: DyNet's bytes, round trips, damaged files."""

from __future__ import annotations

import pickle
import pickletools
import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import charlm.dynet as ours
from charlm.dynet import plain_pickle
from charlm.errors import ArgumentError, CharlmError, ModelFileError, ModelKeyError

BUILDERS = [
    "SimpleRNNBuilder",
    "GRUBuilder",
    "LSTMBuilder",
    "CompactVanillaLSTMBuilder",
    "CoupledLSTMBuilder",
    "SparseLSTMBuilder",
]

# what DyNet wrote for the model of `small`
DYNETS_TEXT = """\
#Parameter# /W {2,3} 194 FULL_GRAD
+1.00000000e+00 +4.00000000e+00 -2.00000000e+00 +5.50000000e+00 +3.00000000e+00 +3.33333343e-01 \n\
+2.00000000e+00 +8.00000000e+00 -4.00000000e+00 +1.10000000e+01 +6.00000000e+00 +6.66666687e-01 \n\
#Parameter# /sub/_0 {2} 33 ZERO_GRAD
+1.00000000e+10 +1.00000000e+10 \n\
#LookupParameter# /_0 {2,3} 97 ZERO_GRAD
+0.00000000e+00 +1.00000000e+00 +2.00000000e+00 +3.00000000e+00 +4.00000000e+00 +5.00000000e+00 \n"""


def small():
    """A collection with a gradient, a table and a sub-collection."""
    pc = ours.ParameterCollection()
    W = pc.add_parameters((2, 3), init=np.array([[1, -2, 3], [4, 5.5, 1 / 3]]), name="W")
    pc.lookup_parameters_from_numpy(np.arange(6.0).reshape(3, 2))
    pc.add_subcollection("sub").add_parameters(2, init=1e10)
    ours.renew_cg()
    ours.squared_norm(W).backward()
    return pc


def blank():
    pc = ours.ParameterCollection()
    pc.add_parameters((2, 3))
    pc.add_lookup_parameters((3, 2))
    pc.add_parameters(2)
    return pc


def contents(pc):
    everything = [*pc.parameters_list(), *pc.lookup_parameters_list()]
    return [(p.as_array().tolist(), p.grad_as_array().tolist()) for p in everything]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model"
    path.write_text(DYNETS_TEXT)
    return path


def test_a_collection_is_written_as_dynet_writes_it(tmp_path):
    small().save(str(tmp_path / "model"))
    assert (tmp_path / "model").read_text() == DYNETS_TEXT


def test_a_collection_is_filled_by_order(file):
    pc = blank()
    pc.populate(str(file))
    assert contents(pc) == contents(small())


def test_a_file_is_written_again_as_it_was(file, tmp_path):
    pc = ours.ParameterCollection()
    pc.load_param(file, "/W")
    pc.load_param(file, "/sub/_0")
    pc.load_lookup_param(file, "/_0")
    pc.save(tmp_path / "again")
    assert (tmp_path / "again").read_text() == DYNETS_TEXT


def test_one_parameter_under_a_key(tmp_path):
    path = tmp_path / "one"
    pc = small()
    W, E = pc.parameters_list()[0], pc.lookup_parameters_list()[0]
    W.save(path, "first")
    E.save(path, append=True)
    assert [line.split()[1] for line in path.read_text().splitlines() if line[0] == "#"] == [
        "first",
        "/_0",
    ]
    other = blank()
    other.parameters_list()[0].populate(path, "first")
    other.lookup_parameters_list()[0].populate(path, "/_0")
    assert contents(other)[0] == contents(pc)[0]
    assert contents(other)[2] == contents(pc)[2]


@pytest.mark.parametrize(
    ("name", "written"), [("", "/sub/_0"), ("/xx", "/xx/_0"), ("/x/", "/x/_0")]
)
def test_the_name_of_a_collection(name, written, tmp_path):
    sub = ours.ParameterCollection().add_subcollection("sub")
    sub.add_parameters(1)
    sub.save(tmp_path / "sub", name)
    assert (tmp_path / "sub").read_text().split()[1] == written


@pytest.mark.parametrize("key", ["/sub", "/sub/"])
def test_a_key_picks_what_is_below_it(key, file):
    pc = ours.ParameterCollection()
    p = pc.add_parameters(2)
    pc.populate(file, key)
    assert p.as_array().tolist() == [1e10, 1e10]


@pytest.mark.parametrize("name", ["xx", "/", "/a b", "/a#b"])
def test_a_bad_name(name, tmp_path):
    with pytest.raises(ValueError, match=r"'/'|'#'") as error:
        small().save(tmp_path / "model", name)
    assert isinstance(error.value, ModelKeyError)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (lambda pc, f: pc.populate(f, "/su"), "0 parameters and 0 lookup parameters below the key"),
        (lambda pc, f: pc.populate(f.parent / "nofile"), "there is no such file"),
        (lambda pc, f: pc.load_param(f, "/_0"), "no parameter with the key '/_0'"),
        (lambda pc, f: pc.load_lookup_param(f, "/W"), "no lookup parameter with the key '/W'"),
        (lambda pc, f: pc.parameters_list()[0].populate(f, "/sub/_0"), r":4: .*\{2\}.*\{2,3\}"),
    ],
)
def test_what_does_not_fit(what, says, file):
    pc = blank()
    before = contents(pc)
    with pytest.raises(RuntimeError, match=says) as error:
        what(pc, file)
    assert isinstance(error.value, ModelFileError)
    assert contents(pc) == before


def test_an_empty_key(file):
    with pytest.raises(ValueError, match="at least one character"):
        ours.ParameterCollection().load_param(file, "")


def model(dy, builder):
    """A collection, and the objects of a small language model in it."""
    pc = dy.ParameterCollection()
    cell = getattr(dy, builder)(2, 3, 4, pc)
    return pc, [
        cell,
        pc.add_lookup_parameters((5, 3)),
        pc.add_parameters((5, 4)),
        pc.add_parameters(5),
    ]


def loss(dy, objects):
    cell, E, W, b = objects
    dy.renew_cg()
    state, losses = cell.initial_state(), []
    for this, following in [(0, 1), (1, 2), (2, 3), (3, 0)]:
        state = state.add_input(E[this])
        losses.append(dy.pickneglogsoftmax(W * state.output() + b, following))
    return dy.esum(losses).value()


@pytest.mark.parametrize("builder", BUILDERS)
def test_objects_round_trip(builder, tmp_path):
    _, objects = model(ours, builder)
    ours.save(str(tmp_path / "m"), iter(objects))
    again = ours.load(str(tmp_path / "m"), ours.ParameterCollection())
    assert [type(o) for o in again] == [type(o) for o in objects]
    assert loss(ours, again) == loss(ours, objects)
    lazy = ours.load_generator(tmp_path / "m", ours.ParameterCollection())
    assert next(lazy).spec == objects[0].spec


def test_what_two_objects_share_is_written_once(tmp_path):
    pc = ours.ParameterCollection()
    W = pc.add_parameters(2)
    ours.save(tmp_path / "m", [W, W])
    assert (tmp_path / "m.data").read_text().count("#Parameter#") == 1
    a, b = ours.load(tmp_path / "m", ours.ParameterCollection())
    assert a.as_array().tolist() == b.as_array().tolist() == W.as_array().tolist()


def test_two_parameters_of_one_name_are_refused(tmp_path):
    pair = [ours.ParameterCollection().add_parameters(2) for _ in range(2)]
    with pytest.raises(ModelKeyError, match="two different parameters are named '/_0'"):
        ours.save(tmp_path / "m", pair)
    assert list(tmp_path.iterdir()) == []


class Layer:
    """A program's own class, saved by DyNet's convention."""

    def __init__(self, size, label, model):
        self.spec = (size, label)
        self._model = model.add_subcollection("layer")
        self.W = self._model.add_parameters(size)

    def param_collection(self):
        return self._model

    @classmethod
    def from_spec(cls, spec, model):
        return cls(*spec, model)


class Model(Layer):
    """Another one, whose spec may be anything."""

    def __init__(self, spec, model):
        super().__init__(2, "", model)
        self.spec = spec

    @classmethod
    def from_spec(cls, spec, model):
        return cls(spec, model)


def test_a_class_of_the_program(tmp_path):
    layer = Layer(3, "é\n", ours.ParameterCollection())
    ours.save(tmp_path / "m", [layer])
    (again,) = ours.load(tmp_path / "m", ours.ParameterCollection(), classes=[Layer])
    assert again.spec == layer.spec
    assert again.W.as_array().tolist() == layer.W.as_array().tolist()
    with pytest.raises(ModelFileError, match=r"object 1: class .*Layer is not one of .*classes="):
        ours.load(tmp_path / "m", ours.ParameterCollection())


def test_a_spec_may_hold_tuples_and_classes(tmp_path):
    layer = Layer(3, (("a", 2.5, None), (ours.GRUBuilder, True)), ours.ParameterCollection())
    ours.save(tmp_path / "m", [layer])
    (again,) = ours.load(tmp_path / "m", ours.ParameterCollection(), classes=[Layer])
    assert again.spec == layer.spec


PLAIN = {
    "sizes": [1, 2, (3, None)],
    "words": {"a", "b"},
    "seen": frozenset({(1, 2), 2.5}),
    "raw": b"\0\xff",
    "large": -(2**70),
    "kind": ours.GRUBuilder,
    7: {"more": {}, True: []},
}


@pytest.mark.parametrize("spec", [PLAIN, [PLAIN, PLAIN], {"a"}, "text", 5, None, 2**40, ()])
def test_a_spec_may_be_any_plain_data(spec, tmp_path):
    saved = Model(spec, ours.ParameterCollection())
    ours.save(tmp_path / "m", [saved])
    (again,) = ours.load(tmp_path / "m", ours.ParameterCollection(), classes=[Model])
    assert again.spec == spec
    assert type(again.spec) is type(spec)
    assert again.W.as_array().tolist() == saved.W.as_array().tolist()


ATOMS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5)
    | st.integers(-99, 99).map(lambda n: n / 8)
)  # fmt: skip
DATA = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(ATOMS, inner, max_size=4)
        | st.sets(ATOMS, max_size=4)
        | st.frozensets(st.tuples(ATOMS, ATOMS), max_size=4)
    ),
    max_leaves=20,
)


@given(DATA, st.integers(0, pickle.HIGHEST_PROTOCOL))
@settings(max_examples=50)
def test_plain_data_round_trips(value, protocol):
    """What is written here pickle reads, what pickle writes is read here, at any protocol that has no calls in it."""

    def find(module, name):
        raise AssertionError(name)

    mine = plain_pickle.dumps(value, lambda c: c.__module__)
    assert pickle.loads(mine) == value
    assert plain_pickle.load(BytesIO(mine), "here", find) == value
    theirs = pickle.dumps(value, protocol)
    if not any(op.name in ("REDUCE", "GLOBAL") for op, *_ in pickletools.genops(theirs)):
        assert plain_pickle.load(BytesIO(theirs), "here", find) == value


def test_numpys_numbers_become_pythons(tmp_path):
    layer = Layer(3, [np.int64(4), np.float32(0.5), np.bool_(True)], ours.ParameterCollection())
    ours.save(tmp_path / "m", [layer])
    (again,) = ours.load(tmp_path / "m", ours.ParameterCollection(), classes=[Layer])
    assert [type(part) for part in again.spec[1]] == [int, float, bool]


def test_a_spec_that_cannot_be_saved(tmp_path):
    endless = []
    endless.append(endless)
    for label, says in (
        (object(), "made of numbers"),
        ([1j], "made of"),
        (endless, "contains itself"),
    ):
        with pytest.raises(ArgumentError, match=says):
            ours.save(tmp_path / "m", [Layer(3, label, ours.ParameterCollection())])


def bombs():
    """Data that is small in the file and large or endless when it is made, hashed, printed or gone through."""
    yield "tuples twice in each other", b")q\x01" + b"".join(b"h\x01\x86q\x01" for _ in range(60))
    yield "as a key", b"}" + b")q\x01" + b"".join(b"h\x01\x86q\x01" for _ in range(15)) + b"Ns"
    yield "in each other", b")" + b"\x85" * 10**5
    yield "a list in itself", b"]q\x01h\x01a"
    yield "a list that changes later", b"]q\x01]q\x02h\x01ah\x01h\x02aN\x86"
    empty = b"".join(b"]r" + struct.pack("<I", i) for i in range(40))
    twice = b"".join(
        b"j%b(j%bj%be" % ((struct.pack("<I", i),) + (struct.pack("<I", i - 1),) * 2)
        for i in range(39, 0, -1)
    )
    yield "lists filled from the outside", b"(" + empty + twice + b"t"
    yield "a set of large frozensets", b"\x8f(" + b"(" * 120 + b"N" + b"\x91" * 120 + b"\x90"


@pytest.mark.parametrize("code", [pytest.param(b, id=n.replace(" ", "-")) for n, b in bombs()])
def test_a_spec_that_grows_without_end(code, tmp_path):
    ours.save(tmp_path / "m", [Layer(3, "", ours.ParameterCollection())])
    name = b"c" + Layer.__module__.encode() + b"\nLayer\n"
    (tmp_path / "m.meta").write_bytes(name + b"(K\x03" + code + b"tX\x07\0\0\0/layer/\x87.")
    with pytest.raises(ModelFileError, match=r"m\.meta: byte \d+: the pickle is damaged"):
        ours.load(tmp_path / "m", ours.ParameterCollection(), classes=[Layer])


@pytest.mark.parametrize("thing", [3, None, "W"])
def test_an_object_that_cannot_be_saved(thing, tmp_path):
    with pytest.raises(ArgumentError, match="not a parameter, table or builder"):
        ours.save(tmp_path / "m", [thing])


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"m\.meta: there is no such file"):
        ours.load(tmp_path / "m", ours.ParameterCollection())
    ours.save(tmp_path / "m", [])
    (tmp_path / "m.data").unlink()
    with pytest.raises(RuntimeError, match=r"m\.data: there is no such file"):
        ours.load(tmp_path / "m", ours.ParameterCollection())


def test_a_meta_file_cut_anywhere(tmp_path):
    _, objects = model(ours, "GRUBuilder")
    ours.save(tmp_path / "m", objects)
    meta = tmp_path / "m.meta"
    whole = meta.read_bytes()
    ends = [i + 1 for i in range(len(whole)) if whole[i : i + 3] == b".\x80\x04"]
    for end in {*range(1, len(whole))} - {*ends}:
        meta.write_bytes(whole[:end])
        with pytest.raises(ModelFileError, match=r"m\.meta: byte \d+"):
            ours.load(tmp_path / "m", ours.ParameterCollection())


def test_a_meta_file_with_any_byte_changed(tmp_path):
    """It loads, or it fails as charlm's errors do; it never does anything else."""
    _, objects = model(ours, "GRUBuilder")
    ours.save(tmp_path / "m", [objects[0], Model(PLAIN, ours.ParameterCollection())])
    meta = tmp_path / "m.meta"
    whole = meta.read_bytes()
    failed = 0
    for at in range(len(whole)):
        for change in (1, 0x20, 0x80, 0xFF):
            meta.write_bytes(whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :])
            try:
                ours.load(tmp_path / "m", ours.ParameterCollection(), classes=[Model])
            except CharlmError:
                failed += 1
    assert failed > 2 * len(whole)


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_nothing_in_a_meta_file_is_executed(tmp_path):
    (tmp_path / "m.data").write_text("")
    trace = tmp_path / "trace"
    bombs = [
        *(pickle.dumps(("Parameters", Harm(trace)), protocol) for protocol in range(5)),
        b"cos\nsystem\n(S'touch " + bytes(trace) + b"'\ntR.",
        b"(S'touch " + bytes(trace) + b"'\nios\nsystem\n.",
        b"cthis\nlist\n).",
        b"c_dynet\nGRUBuilder\n)\x81.",
        b"c_dynet\nGRUBuilder\n}b.",
        b"Np99999999999999\n.",
    ]
    for bomb in bombs:
        (tmp_path / "m.meta").write_bytes(bomb)
        with pytest.raises(ModelFileError, match=r"m\.meta: (byte|object) \d+"):
            ours.load(tmp_path / "m", ours.ParameterCollection())
    assert not trace.exists()


@pytest.mark.parametrize(
    "spec", [(10**9, 1, 1), (1, 10**9, 10**9), (1, 1), (1, 1, "1"), (1, 1, 1, 1)]
)
def test_an_edited_spec(spec, tmp_path):
    pc = ours.ParameterCollection()
    builder = ours.GRUBuilder(1, 1, 1, pc)
    builder.spec = spec
    ours.save(tmp_path / "m", [builder])
    with pytest.raises(ModelFileError, match=r"m\.meta: object 1"):
        ours.load(tmp_path / "m", ours.ParameterCollection())


def test_a_meta_file_names_dynets_classes(tmp_path):
    """It is read here by pickle itself, with a stand-in for DyNet's compiled module, in a process of its own."""
    _, objects = model(ours, "LSTMBuilder")
    ours.save(tmp_path / "m", objects)
    code = """
import pickle, sys, types
sys.modules["_dynet"] = types.SimpleNamespace(VanillaLSTMBuilder="the class")
with open(sys.argv[1], "rb") as file:
    print([pickle.load(file) for _ in range(4)])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.meta")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(
        [
            ("the class", (2, 3, 4, False, 1.0), "/vanilla-lstm-builder/"),
            ("LookupParameters", "/_0"),
            ("Parameters", "/_1"),
            ("Parameters", "/_2"),
        ]
    )
