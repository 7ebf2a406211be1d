"""The tutorial's question, how a simple RNN can learn faster than an LSTM, answered from what was measured."""

from __future__ import annotations

from charlm.comparison.analysis import BigramReport
from charlm.comparison.learning import ComparisonResult, ModelResult
from charlm.wording import short


def explanation_in_words(result: ComparisonResult) -> list[str]:
    """Return an explanation of why a simple model may learn faster than one with gates.

    There is none if two characters do not always determine the next one: then a longer memory may help.
    """
    if not result.bigrams.determined:
        return []
    gated = [model for model in result.models if model.start is not None and model.start.gates]
    plain = [model for model in result.models if model.start is not None and not model.start.gates]
    said = [bigrams_in_words(result.bigrams, result.lines)]
    if result.verdict.faster in [model.name for model in plain] and gated:
        said[0] = f"How can that be? {said[0]}"
    if plain and gated:
        said += [_gradients(plain + gated), *(_half_open(model, plain[0]) for model in gated)]
    return said


def bigrams_in_words(report: BigramReport, lines: bool) -> str:
    """Return why a context of two characters is enough for a text in which they determine the next one."""
    ends = " (with <EOS> at both ends)" if lines else ""
    enough = (
        "A trigram model could learn the text by heart. So a memory of two characters is enough, and a longer one, "
        "such as an LSTM's, does not help here."
    )
    if report.unique:
        return (
            f"Each of the text's {report.bigrams:,} bigrams{ends} occurs once, so two characters determine "
            f"the next one. {enough}"
        )
    pair, count = report.repeated[0]
    return (
        f"Of the text's {report.bigrams:,} bigrams{ends} {report.distinct:,} are different "
        f"({pair!r} occurs {count:,} times). Still, two characters always determine the next one. {enough}"
    )


def _gradients(models: list[ModelResult]) -> str:
    """Return how much of the last prediction's gradient reaches earlier characters, before training."""
    reached = [
        f"{short(model.start.gradient_near, 2)} and {short(model.start.gradient_first, 2)} in {model.name}"
        for model in models
        if model.start is not None
    ]
    return (
        "Before the first step, the gradient of the last prediction has these sizes at the character before it and "
        f"at the first character of the text: {', '.join(reached)}. The smaller it is, the less the model learns from "
        "that character."
    )


def _half_open(model: ModelResult, plain: ModelResult) -> str:
    """Return how much the gates of a model let through before training, compared with a model without gates."""
    assert model.start is not None
    assert plain.start is not None
    gates = ", ".join(f"{name} {mean:.2f}" for name, mean in model.start.gates.items())
    return (
        f"The gates of {model.name} are half open then ({gates}), and weaken every signal that passes: its outputs "
        f"have a size of {short(model.start.output, 2)}, those of {plain.name} {short(plain.start.output, 2)}. "
        f"{model.name} first has to learn to open them."
    )
