"""Writing together with a model: undoing goes back to the same suggestions, and bytes are never cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import ModelConfig
from charlm.engine.random import NumpyStream
from charlm.errors import TextError
from charlm.lm.decoding import Sampling
from charlm.lm.language_model import CharLM
from charlm.lm.writing import LONGEST, Writing
from charlm.text.vocab import Vocab

GREEDY = Sampling(greedy=True)
VOCABS = [
    Vocab.from_alphabet("abcde \n", eos=False),
    Vocab.from_alphabet("abcde ", eos=True),
    Vocab.of_bytes(eos=False),
]
MODELS = []
for vocab in VOCABS:
    MODELS.append(CharLM(vocab, ModelConfig(hidden_dim=10, embed_dim=5), NumpyStream(3)))
    for parameter in MODELS[-1].collection.parameters:
        parameter.scale(3.0)

STEPS = st.lists(st.sampled_from(["a", "b", " ", "take", "one", "undo", "another"]), max_size=12)


@pytest.mark.parametrize("model", MODELS, ids=["stream", "lines", "bytes"])
@pytest.mark.parametrize(
    "how", [GREEDY, Sampling(greedy=True, repeat_penalty=1.5, repeat_window=3)]
)
@given(steps=STEPS)
def test_the_suggestion_depends_on_the_text_alone(model, how, steps):
    with model.predictor() as predict:
        writing = Writing(model, predict, how, "ab", seed=1)
        for step in steps:
            if step == "take":
                writing.take()
            elif step == "one":
                writing.take(1)
            elif step == "undo":
                writing.undo()
            elif step == "another":
                writing.suggest()
            else:
                writing.type(step)
        afresh = Writing(model, predict, how, writing.text, seed=1)
        assert writing.suggestion == afresh.suggestion
        assert len(writing.suggestion.symbols) <= LONGEST
        assert model.vocab.decode(writing.suggestion.symbols) == writing.suggestion.text
        while writing.undo():
            pass
        assert writing.text == "ab"


def test_undo_takes_back_a_whole_suggestion_or_one_typed_character():
    model = MODELS[0]
    with model.predictor() as predict:
        writing = Writing(model, predict, Sampling(temperature=2), "ab", seed=1)
        writing.type("c")
        before = writing.text
        writing.take()
        writing.undo()
        assert writing.text == before == "abc"
        writing.undo()
        assert writing.text == "ab"
        assert not writing.undo()


def test_a_character_that_the_model_does_not_know_changes_nothing():
    with MODELS[1].predictor() as predict:
        writing = Writing(MODELS[1], predict, GREEDY, "", seed=1)
        for unknown in ("z", "\n"):
            with pytest.raises(TextError):
                writing.type(unknown)
        assert writing.text == ""
