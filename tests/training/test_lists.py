"""A training on a list: its result does not depend on the order of the file, and it resumes in the middle of a pass."""

from __future__ import annotations

import attrs
import numpy as np

from charlm.config import load_config
from charlm.training.loop import Training

NAMES = [
    f"{a}{b}{c}" for a in ("an", "bo", "cla", "dori") for b in ("", "le", "ra") for c in "aeno"
]
SMALL = [
    *("model.hidden_dim=8", "model.embed_dim=4", "data.batch_size=7", "train.steps=20"),
    *("train.warmup=0", "train.eval_every=8", "train.sample_every=0", "train.kernels=numpy"),
]


def trained(names: list[str], **train: object) -> Training:
    config = load_config("lists", overrides=SMALL)
    config = attrs.evolve(config, train=attrs.evolve(config.train, **train))
    training = Training(config, text="\n".join(names))
    assert list(training.events())
    return training


def assert_equal(one: Training, two: Training) -> None:
    mine, theirs = one.checkpoint(), two.checkpoint()
    assert mine.state["progress"] == theirs.state["progress"]
    assert mine.tensors.keys() == theirs.tensors.keys()
    for name, tensor in mine.tensors.items():
        np.testing.assert_array_equal(tensor, theirs.tensors[name], err_msg=name)


def test_a_sorted_list_gives_the_training_of_a_shuffled_one():
    one, two = trained(NAMES), trained(sorted(NAMES))
    assert one.learner.progress.best_nll is not None
    assert_equal(one, two)


def test_another_seed_reads_in_another_order_and_is_scored_on_the_same_lines():
    one, two = trained(NAMES), trained(NAMES, seed=1)
    assert one.corpus.held_out_ids.tolist() == two.corpus.held_out_ids.tolist()
    orders = [t.corpus.batch(0).inputs_TB.tolist() for t in (one, two)]
    assert orders[0] != orders[1]


def test_a_list_resumes_in_the_middle_of_a_pass():
    whole = trained(NAMES)
    part = Training(whole.config, text="\n".join(NAMES))
    for _ in range(9):  # a pass has 7 steps, and its last batch fewer lines
        part.update()
    rest = Training(whole.config, text="\n".join(NAMES), resume=part.checkpoint())
    assert list(rest.events())
    for name, tensor in whole.model.arrays().items():
        np.testing.assert_array_equal(tensor, rest.model.arrays()[name], err_msg=name)


def test_the_loss_is_the_mean_over_the_lines():
    config = load_config("lists", overrides=[*SMALL, "model.dropout=0", "train.accumulate=2"])
    training = Training(config, text="\n".join(NAMES))
    batches = [training.corpus.batch(k) for k in (0, 1)]
    alone = [
        training.model.loss(
            training.model.graph(), b.inputs_TB, b.targets_TB, counted_TB=b.counted_TB
        )[0].scalar_value()
        / b.inputs_TB.shape[1]
        for b in batches
    ]
    loss, characters = training.update()
    assert np.isclose(loss, np.mean(alone), rtol=1e-5)
    assert characters == sum(b.characters for b in batches)
