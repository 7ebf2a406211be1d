"""The result of a search in words and as a table, and its best config with a comment of where it comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from charlm.config import RunConfig, to_yaml
from charlm.search.result import Fresh, SearchResult
from charlm.search.space import in_words, value_of
from charlm.search.study import Trial
from charlm.wording import counted, fixed


def values_in_words(trial: Trial) -> str:
    """Return the values of a trial, as ``--set`` would take them."""
    return ", ".join(f"{key}={in_words(value)}" for key, value in trial.values.items())


def trial_in_words(trial: Trial) -> str:
    """Return what became of a trial."""
    if trial.state == "failed":
        return f"failed: {trial.reason}"
    score = "" if trial.score is None else f"{fixed(trial.score)}"
    if trial.state == "pruned":
        return f"{score} at {trial.share:.0%} of its training, stopped there because it was worse than most"
    return score


def rows(result: SearchResult) -> list[list[str]]:
    """Return the table of the trials with its head: the complete ones by their scores, then the others.

    A trial that was lost with its process is left out, because it was tried again.
    """
    trials = [trial for trial in result.trials if trial.state != "lost"]
    keys = list(dict.fromkeys(key for trial in trials for key in trial.values))
    order = sorted(
        trials,
        key=lambda t: (t.state != "complete", t.score if t.state == "complete" else t.number),
    )
    head = ["trial", *keys, "score", "trained", "state"]
    return [head, *(_row(trial, keys, trial == result.best) for trial in order)]


def _row(trial: Trial, keys: Sequence[str], is_best: bool) -> list[str]:
    values = [in_words(trial.values[key]) if key in trial.values else "" for key in keys]
    score = "" if trial.score is None else fixed(trial.score)
    state = "best" if is_best else trial.state
    if trial.reason:
        state = f"{state}: {trial.reason}"
    return [str(trial.number), *values, score, f"{trial.share:.0%}", state]


def result_in_words(result: SearchResult, base: RunConfig) -> list[str]:
    """Return paragraphs: the best trial, its fresh scores and those of the config as it is, and what mattered."""
    best = result.best
    if best is None:
        return ["No trial is complete, so there is no best config."]
    unit = f"nats/{result.unit}"
    paragraphs = [
        f"Best trial: {best.number}, {values_in_words(best)}. {_scores(result, base, unit)}"
    ]
    paragraphs += [_verdict(result)] if result.differences else []
    if result.share < 1:
        paragraphs.append(
            f"All of these scores are from trainings with {result.share:.2g} of the config's own budget. The whole "
            "training scores better, and the difference may be another one."
        )
    if result.importance:
        listed = ", ".join(f"{key} {part:.2f}" for key, part in result.importance.items())
        complete = sum(trial.state == "complete" for trial in result.trials)
        paragraphs.append(
            f"Importance of each parameter, as parts of 1, from {counted(complete, 'complete trial')} (PED-ANOVA): "
            f"{listed}."
        )
    return paragraphs


def _scores(result: SearchResult, base: RunConfig, unit: str) -> str:
    assert result.best is not None
    assert result.best.score is not None  # it is complete
    words = f"Its score in the search is {fixed(result.best.score)} {unit}"
    if result.fresh is None or result.fresh_base is None:
        return f"{words}; it is not scored again yet."
    several = len(result.fresh_base.scores) > 1
    words += f"; from {'fresh seeds' if several else 'a fresh seed'} {_fresh(result.fresh)}."
    if result.fresh is result.fresh_base:
        return f"{words} These are the values of the config as it is."
    before = ", ".join(f"{key}={in_words(value_of(base, key))}" for key in result.best.values)
    return (
        f"{words} The config as it is ({before}) has {_fresh(result.fresh_base)} "
        f"from the same {'seeds' if several else 'seed'}."
    )


def _fresh(fresh: Fresh) -> str:
    if fresh.mean is None:
        return f"it has no score ({fresh.reasons[0]})"
    each = ", ".join(map(fixed, fresh.scores))
    words = fixed(fresh.mean) + (f" (mean of {each})" if fresh.scores[1:] else "")
    return words + (
        f"; {counted(len(fresh.reasons), 'training')} failed: {fresh.reasons[0]}"
        if fresh.reasons
        else ""
    )


def _verdict(result: SearchResult) -> str:
    differences = result.differences
    if result.fresh is result.fresh_base:
        return "No trial is better than the config as it is."
    mean = sum(differences) / len(differences)
    each = f" ({', '.join(f'{difference:+.4f}' for difference in differences)})"
    change = f"{abs(mean):.4f} {'lower' if mean < 0 else 'higher'}{each if differences[1:] else ''}"
    seeds = counted(len(differences), "fresh seed")
    if result.is_better:
        return (
            f"With {'each of ' if differences[1:] else ''}{seeds}, the best trial's config is better than the config "
            f"as it is: its score is {change}."
        )
    return (
        f"The fresh seeds do not show that the best trial's config is better than the config as it is: its score is "
        f"{change}. Keep the config, or search with longer trials."
    )


def best_yaml(result: SearchResult, base: RunConfig, command: str) -> str:
    """Return the complete config of the best trial as YAML, with a comment of where it comes from."""
    trials = counted(sum(trial.state != "lost" for trial in result.trials), "trial")
    lines = [f"# The best of {trials} of a search:", f"#   {' '.join(command.split())}"]
    for paragraph in result_in_words(result, base):
        lines += textwrap.wrap(paragraph, 100, initial_indent="# ", subsequent_indent="# ")
    comment = "".join(c if c.isprintable() or c == "\n" else "?" for c in "\n".join(lines))
    return f"{comment}\n#\n{to_yaml(result.config)}"
