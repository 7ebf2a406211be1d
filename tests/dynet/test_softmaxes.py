"""The softmax builders: what holds for all, cluster files and their errors; and DyNet's own beside them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import charlm.dynet as ours
from charlm.errors import ArgumentError, ClusterFileError, NegativeIndexError, ShapeError
from tests.dynet.programs import ids_of

SIZE, WORDS = 3, "abcdef"
DIC = {word: number for number, word in enumerate(WORDS)}
CLASSES = ["x a", "y b", "x c", "z d", "y e", "x f"]  # three classes, one with a single word
TREE = ["0 0 a", "0 1 b", "1 0 c", "1 1 0 d", "1 1 0 e", "1 1 0 f"]  # 1 1 has one outcome, 0 three


@pytest.fixture(autouse=True)
def afresh():
    ours.init(random_seed=1)


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def fill(pc):
    """Give the parameters numbers of no stream."""
    for k, p in enumerate(pc.parameters_list()):
        p.set_value(np.random.default_rng(k).uniform(-1, 1, p.shape()))


KINDS = {
    "standard": lambda dy, pc, folder: dy.StandardSoftmaxBuilder(SIZE, len(WORDS), pc),
    "standard without bias": lambda dy, pc, folder: dy.StandardSoftmaxBuilder(
        SIZE, len(WORDS), pc, False
    ),
    "class-factored": lambda dy, pc, folder: dy.ClassFactoredSoftmaxBuilder(
        SIZE, write(folder / "classes", CLASSES), DIC, pc
    ),
    "class-factored without bias": lambda dy, pc, folder: dy.ClassFactoredSoftmaxBuilder(
        SIZE, write(folder / "classes", CLASSES), DIC, pc, bias=False
    ),
    "hierarchical": lambda dy, pc, folder: dy.HierarchicalSoftmaxBuilder(
        SIZE, write(folder / "tree", TREE), DIC, pc
    ),
}
DYNETS = [name for name in KINDS if name != "hierarchical"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def make(kind, folder, dy=ours):
    pc = dy.ParameterCollection()
    builder = KINDS[kind](dy, pc, folder)
    fill(pc)
    return pc, builder


def vector(dy=ours):
    return dy.inputVector([0.5, -1.0, 2.0])


def batch(dy=ours):
    return dy.inputTensor(np.arange(9.0).reshape(SIZE, 3) / 3, batched=True)


# ---- what holds for all of them


@every_kind
def test_a_loss_is_minus_the_log_probability(kind, tmp_path):
    _, builder = make(kind, tmp_path)
    x = vector()
    distribution = builder.full_log_distribution(x).npvalue()
    assert np.exp(distribution).sum() == pytest.approx(1, abs=1e-6)
    losses = [builder.neg_log_softmax(x, word).value() for word in range(len(WORDS))]
    np.testing.assert_allclose(losses, -distribution, rtol=1e-5)
    logits = ours.log_softmax(builder.full_logits(x)).npvalue()
    np.testing.assert_allclose(logits, distribution, rtol=1e-5)


@every_kind
def test_a_batch_is_its_elements_one_by_one(kind, tmp_path):
    _, builder = make(kind, tmp_path)
    X, words = batch(), [1, 3, 5]
    losses = builder.neg_log_softmax_batch(X, words)
    assert losses.dim() == ((1,), 3)
    single = [
        builder.neg_log_softmax(ours.pick_batch_elem(X, k), word).value()
        for k, word in enumerate(words)
    ]
    np.testing.assert_allclose(losses.vec_value(), single, rtol=1e-6)
    distribution = builder.full_log_distribution(X)
    assert distribution.dim() == ((len(WORDS),), 3)
    np.testing.assert_allclose(
        -np.array(losses.vec_value()), distribution.npvalue()[words, range(3)], rtol=1e-5
    )
    with pytest.raises(ValueError, match="2"):
        builder.neg_log_softmax_batch(X, [1, 2])


@every_kind
def test_constant_parameters_get_no_gradient(kind, tmp_path):
    pc, builder = make(kind, tmp_path)
    losses = [
        lambda update: builder.neg_log_softmax(vector(), 4, update),
        lambda update: ours.sum_batches(builder.neg_log_softmax_batch(batch(), [0, 4, 5], update)),
        lambda update: ours.pick(builder.full_log_distribution(vector(), update), 4),
        lambda update: ours.pick(builder.full_logits(vector(), update), 4),
    ]
    for update in (False, True):
        ours.renew_cg()
        for loss in losses:
            loss(update).backward()
            assert any(p.grad_as_array().any() for p in pc.parameters_list()) == update
            for p in pc.parameters_list():
                p.scale_gradient(0)


@every_kind
def test_gradients_are_those_of_central_differences(kind, tmp_path):
    ours.init(random_seed=1, dtype="float64")
    try:
        pc, builder = make(kind, tmp_path)

        def loss():
            ours.renew_cg()
            x = ours.tanh(vector())
            losses = [builder.neg_log_softmax(x, word) for word in range(len(WORDS))]
            weighted = [(k + 1) * e for k, e in enumerate(losses)]
            return ours.esum([*weighted, ours.pick(builder.full_log_distribution(x), 1)])

        loss().backward()
        for p in pc.parameters_list():
            value = p.as_array()
            for place in np.ndindex(value.shape):
                around = []
                for step in (1e-5, -1e-5):
                    moved = value.copy()
                    moved[place] += step
                    p.set_value(moved)
                    around.append(loss().value())
                p.set_value(value)
                numeric = (around[0] - around[1]) / 2e-5
                assert p.grad_as_array()[place] == pytest.approx(numeric, rel=1e-5, abs=1e-7)
    finally:
        ours.init(random_seed=1)


@every_kind
def test_samples_follow_the_distribution(kind, tmp_path):
    _, builder = make(kind, tmp_path)
    count = 1000
    found = Counter(builder.sample(vector()) for _ in range(count))
    expected = np.exp(builder.full_log_distribution(vector()).npvalue())
    rates = np.array([found[word] / count for word in range(len(WORDS))])
    assert np.abs(rates - expected).max() < 0.06  # more than three standard deviations


@every_kind
def test_what_cannot_be_used_is_refused(kind, tmp_path):
    _, builder = make(kind, tmp_path)
    x = vector()
    with pytest.raises(NegativeIndexError):
        builder.neg_log_softmax(x, -1)
    with pytest.raises(ValueError, match="6"):
        builder.neg_log_softmax(x, 6).value()
    with pytest.raises(TypeError, match="whole number"):
        builder.neg_log_softmax(x, "a")
    with pytest.raises(ValueError, match=r"\(2,\)"):
        builder.neg_log_softmax(ours.vecInput(2), 1)
    with pytest.raises(ValueError, match="a batch of 3"):
        builder.sample(batch())
    with pytest.raises(ValueError, match="3"):
        builder.neg_log_softmax(batch(), 1)
    for method in (builder.full_logits, builder.full_log_distribution, builder.sample):
        with pytest.raises(TypeError, match="expected an expression"):
            method([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="expected an expression"):
        builder.neg_log_softmax_batch([1.0, 2.0, 3.0], [1])


def test_the_base_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        ours.SoftmaxBuilder(ours.ParameterCollection())


def test_bad_sizes_and_collections(tmp_path):
    file = write(tmp_path / "f", CLASSES)
    with pytest.raises(ShapeError, match="one class or more is needed, got 0"):
        ours.StandardSoftmaxBuilder(3, 0, ours.ParameterCollection())
    with pytest.raises(NegativeIndexError):
        ours.StandardSoftmaxBuilder(-3, 4, ours.ParameterCollection())
    with pytest.raises(ArgumentError, match="a ParameterCollection is needed"):
        ours.StandardSoftmaxBuilder(3, 4, 5)
    for kind in (ours.ClassFactoredSoftmaxBuilder, ours.HierarchicalSoftmaxBuilder):
        with pytest.raises(NegativeIndexError, match="0 or more"):
            kind(-1, file, DIC, ours.ParameterCollection())


# ---- classes


def test_the_parameters_of_classes(tmp_path):
    pc, builder = make("class-factored", tmp_path)
    own = "/class-factored-softmax-builder/"
    assert builder.param_collection().name() == own
    assert [p.name() for p in pc.parameters_list()] == [f"{own}_{k}" for k in range(6)]
    shapes = [(3, 3), (3,), (3, 3), (3,), (2, 3), (2,)]
    assert [p.shape() for p in pc.parameters_list()] == shapes
    pc, _ = make("class-factored without bias", tmp_path)
    assert [p.shape() for p in pc.parameters_list()] == shapes[::2]


def test_classes_and_their_words(tmp_path):
    _, builder = make("class-factored", tmp_path)
    x = vector()
    classes = builder.class_log_distribution(x).npvalue()
    np.testing.assert_allclose(
        classes, ours.log_softmax(builder.class_logits(x)).npvalue(), rtol=1e-6
    )
    words = [builder.subclass_log_distribution(x, k).npvalue() for k in range(3)]
    assert [len(w) for w in words] == [3, 2, 1]
    whole = builder.full_log_distribution(x).npvalue()
    for word, (classid, place) in enumerate([(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]):
        assert whole[word] == pytest.approx(classes[classid] + words[classid][place], rel=1e-5)
    assert builder.subclass_logits(x, 2).value() == 0
    with pytest.raises(ShapeError, match="class 3 does not exist; there are 3 classes"):
        builder.subclass_logits(x, 3)


def test_more_columns_are_passed_over(tmp_path):
    lines = [f"  {line}\t17 " for line in CLASSES]
    values = []
    for name, file in (("plain", CLASSES), ("more", lines)):
        pc = ours.ParameterCollection()
        builder = ours.ClassFactoredSoftmaxBuilder(SIZE, write(tmp_path / name, file), DIC, pc)
        fill(pc)
        values.append(builder.full_logits(vector()).value())
    assert values[0] == values[1]


# ---- trees


def test_the_parameters_of_a_tree(tmp_path):
    pc, builder = make("hierarchical", tmp_path)
    own = "/hierarchical-softmax-builder/"
    assert builder.param_collection().name() == own
    assert [p.name() for p in pc.parameters_list()] == [f"{own}_{k}" for k in range(8)]
    # the root, 0, 1 and 1 1 0: the others have one outcome
    assert [p.shape()[0] for p in pc.parameters_list()[::2]] == [1, 1, 1, 3]


def test_a_flat_tree_is_the_standard_softmax(tmp_path):
    file = write(tmp_path / "flat", [f"{word} {word}" for word in WORDS])
    pc, other = ours.ParameterCollection(), ours.ParameterCollection()
    tree = ours.HierarchicalSoftmaxBuilder(SIZE, file, DIC, pc)
    plain = ours.StandardSoftmaxBuilder(SIZE, len(WORDS), other)
    fill(pc)
    fill(other)
    np.testing.assert_allclose(
        tree.full_log_distribution(vector()).npvalue(),
        plain.full_log_distribution(vector()).npvalue(),
        rtol=1e-5,
    )


def test_two_outcomes_share_a_score(tmp_path):
    pc = ours.ParameterCollection()
    file = write(tmp_path / "two", ["0 a", "1 b"])
    builder = ours.HierarchicalSoftmaxBuilder(1, file, {"a": 0, "b": 1}, pc)
    W, b = pc.parameters_list()
    W.set_value([[2.0]])
    b.set_value([-1.0])
    for x in (0.75, 100.0, -100.0):
        score = 2 * x - 1
        losses = [builder.neg_log_softmax(ours.inputVector([x]), word).value() for word in (0, 1)]
        np.testing.assert_allclose(losses, np.logaddexp(0, [-score, score]), rtol=1e-6, atol=1e-30)


def test_a_tree_of_one_word(tmp_path):
    file = write(tmp_path / "one", ["0 1 a"])
    builder = ours.HierarchicalSoftmaxBuilder(SIZE, file, {"a": 0}, ours.ParameterCollection())
    assert builder.param_collection().parameters_list() == []
    assert builder.neg_log_softmax(vector(), 0).value() == 0
    assert builder.sample(vector()) == 0


def test_a_deep_tree(tmp_path):
    file = write(tmp_path / "deep", [f"{'0 ' * 3000}a", "1 b"])
    builder = ours.HierarchicalSoftmaxBuilder(
        SIZE, file, {"a": 0, "b": 1}, ours.ParameterCollection()
    )
    assert len(builder.param_collection().parameters_list()) == 2
    assert builder.sample(vector()) in (0, 1)


@given(
    paths=st.lists(st.lists(st.sampled_from("01"), min_size=1, max_size=4), min_size=1, max_size=8)
)
def test_any_tree_is_a_distribution(paths, tmp_path_factory):
    dic = {f"w{k}": k for k in range(len(paths))}
    lines = [" ".join([*path, word]) for path, word in zip(paths, dic, strict=True)]
    file = write(tmp_path_factory.mktemp("tree") / "tree", lines)
    ours.renew_cg()
    builder = ours.HierarchicalSoftmaxBuilder(SIZE, file, dic, ours.ParameterCollection())
    distribution = builder.full_log_distribution(vector()).npvalue()
    assert np.exp(distribution).sum() == pytest.approx(1, abs=1e-5)
    losses = [builder.neg_log_softmax(vector(), word).value() for word in range(len(paths))]
    np.testing.assert_allclose(losses, -distribution, rtol=1e-4, atol=1e-6)


# ---- files that cannot be used

FROM_FILES = pytest.mark.parametrize(
    "kind", [ours.ClassFactoredSoftmaxBuilder, ours.HierarchicalSoftmaxBuilder]
)


@FROM_FILES
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x a\n\ny b\n", r"f:2: a cluster and a word are needed, got ''"),
        (b"x a\ny\n", r"f:2: a cluster and a word are needed, got 'y'"),
        (b"x a\ny b\nx q\n", r"f:3: the word 'q' is not in the dictionary"),
        (b"x a\ny b\ny a\n", r"f:3: the word 'a' was in line 1 already"),
        (b"x a\ny \xff\n", r"f:2: byte 2 of the line is not UTF-8 text"),
        (b"", r"f: the file is empty"),
    ],
)
def test_a_bad_file_is_told_by_its_line(kind, content, message, tmp_path):
    (tmp_path / "f").write_bytes(content)
    pc = ours.ParameterCollection()
    with pytest.raises(ClusterFileError, match=message):
        kind(SIZE, tmp_path / "f", DIC, pc)
    assert pc.add_subcollection("class-factored-softmax-builder").name()[-2] == "r"  # nothing made


@FROM_FILES
def test_a_file_that_cannot_be_read(kind, tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ValueError, match="cannot be read"):
            kind(SIZE, path, DIC, ours.ParameterCollection())


@FROM_FILES
@pytest.mark.parametrize(
    ("dic", "error"),
    [
        ({"a": 0, "b": 0}, ShapeError),
        ({"a": 0, "b": 2}, ShapeError),
        ({"a": 0, "b": -1}, NegativeIndexError),
        ({"a": 0, "b": "1"}, ArgumentError),
        (["a", "b"], ArgumentError),
    ],
)
def test_a_dictionary_of_other_numbers(kind, dic, error, tmp_path):
    with pytest.raises(error):
        kind(SIZE, write(tmp_path / "f", ["x a", "y b"]), dic, ours.ParameterCollection())


@FROM_FILES
def test_a_word_that_the_file_does_not_have(kind, tmp_path):
    file = write(tmp_path / "f", ["x a", "y b", "x c"])
    builder = kind(SIZE, file, DIC, ours.ParameterCollection())
    assert builder.neg_log_softmax(vector(), 2).value() > 0
    for use in (
        lambda: builder.neg_log_softmax(vector(), 3),
        lambda: builder.full_logits(vector()),
    ):
        with pytest.raises(ShapeError, match=r"word 3 is in no cl.*3 words in the file"):
            use()


@FROM_FILES
def test_words_of_any_letters_and_line_ends(kind, tmp_path):
    (tmp_path / "f").write_bytes("x é\r\ny \u00a0\r\n".encode())
    builder = kind(SIZE, tmp_path / "f", {"\u00a0": 0, "é": 1}, ours.ParameterCollection())
    assert len(builder.full_logits(vector()).value()) == 2


# ---- DyNet's beside them


@pytest.mark.parametrize("seen", ["T", "F", "TF", "FT"])
@pytest.mark.parametrize("kind", DYNETS)
def test_ids_values_and_gradients_are_dynets(kind, seen, oracle, tmp_path):
    found = []
    for dy in (ours, oracle):
        pc, builder = make(kind, tmp_path, dy)
        names = [p.name() for p in pc.parameters_list()]
        dy.renew_cg()
        x, X = vector(dy), batch(dy)
        made = []
        for update in (letter == "T" for letter in seen):
            made += [builder.neg_log_softmax(x, word, update) for word in (3, 0, 5)]
            made += [builder.neg_log_softmax_batch(X, [1, 3, 5], update)]
            if kind.startswith("class"):
                made += [builder.class_logits(x, update), builder.class_log_distribution(x, update)]
                made += [builder.subclass_logits(x, 1, update)]
                made += [builder.subclass_log_distribution(x, 0, update)]
            else:
                made += [builder.full_logits(x, update), builder.full_log_distribution(x, update)]
        sums = [dy.sum_batches(dy.sum_elems(e)) for e in made]
        dy.esum([(k + 1) * e if dy is ours else e * (k + 1) for k, e in enumerate(sums)]).backward(
            True
        )
        gradients = [p.grad_as_array() for p in pc.parameters_list()]
        arrays = [e.npvalue() for e in made] + gradients + [x.gradient(), X.gradient()]
        full = [builder.full_logits(x), builder.full_log_distribution(x)]
        ids = [ids_of(e) for e in [*made, *full, dy.vecInput(1)]]
        found.append((names, ids, arrays))
    assert found[0][:2] == found[1][:2]
    for mine, its in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in DYNETS if kind != "standard without bias"])
def test_samples_are_dynets(kind, oracle, tmp_path):
    """Without a bias DyNet's standard builder draws from the scores and not from their softmax."""
    found = []
    for dy in (ours, oracle):
        _, builder = make(kind, tmp_path, dy)
        dy.reset_random_seed(3)
        dy.renew_cg()
        x = vector(dy)
        found.append(([builder.sample(x) for _ in range(40)], ids_of(dy.vecInput(1))))
    assert found[0] == found[1]


def test_dynets_distribution_of_classes_is_none(oracle, tmp_path):
    """It adds a probability where a logarithm belongs: -ln p(c | x) is then not its ``neg_log_softmax``."""
    _, builder = make("class-factored", tmp_path, oracle)
    oracle.renew_cg()
    x = vector(oracle)
    theirs = builder.full_log_distribution(x).npvalue()
    losses = [builder.neg_log_softmax(x, word).value() for word in range(len(WORDS))]
    assert np.abs(theirs + losses).max() > 0.1
    _, mine = make("class-factored", tmp_path)
    ours.renew_cg()
    np.testing.assert_allclose(
        mine.full_log_distribution(vector()).npvalue(), np.negative(losses), rtol=1e-5
    )
