"""The public names of the package."""

from __future__ import annotations

import pytest

import charlm


def test_every_public_name_is_there():
    for name in charlm.__all__:
        assert getattr(charlm, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nosuch"):
        charlm.nosuch  # noqa: B018


def test_train_and_load(tmp_path):
    training = charlm.Training(charlm.load_run("srnn", overrides=["train.steps=3"]))
    steps = list(training.events())
    assert steps[-1].step == 3
    assert isinstance(training.model, charlm.CharLM)
    assert training.model.sample(5, seed=1) == training.model.sample(5, seed=1)
