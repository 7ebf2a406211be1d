"""`charlm gradcheck`: the gradient check on the model of a config."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from charlm import progress
from charlm.cli.terminal.layout import table
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.config import RunConfig, load_config, needs_text
from charlm.lm.gradcheck import TOLERANCE, Checked, check_model
from charlm.lm.model import described
from charlm.text.preparing import corpus_of
from charlm.text.vocab import Vocab
from charlm.wording import counted

SYMBOLS = 65
"""The number of symbols if the config names no text."""


def gradcheck(
    obj: dict[str, Any],
    config: str,
    settings: tuple[str, ...],
    numbers: int,
    seed: int,
    as_json: bool,
) -> int:
    """Run ``charlm gradcheck`` and return the exit code."""
    screen = Screen(obj)
    run = load_config(config, overrides=list(settings))
    vocab = _vocab(config, run)
    screen.say(f"{described(run.model)}, {counted(len(vocab), 'symbol')}")
    results = []
    with progress.task("checking gradients", None):
        for checked in check_model(vocab, run.model, numbers, seed):
            results.append(checked)
            screen.note(checked.name)
    wrong = [checked for checked in results if not checked.passed]
    if as_json:
        parameters = [{**asdict(checked), "passed": checked.passed} for checked in results]
        click.echo(
            json_line({"passed": not wrong, "tolerance": TOLERANCE, "parameters": parameters})
        )
    else:
        click.echo(f"{_table(results)}\n{_verdict(results, wrong)}")
    return 1 if wrong else 0


def _vocab(config: str, run: RunConfig) -> Vocab:
    """Return the symbols of the config's text, or some characters if it names no text."""
    if needs_text(config):
        return Vocab.from_alphabet("".join(map(chr, range(48, 48 + SYMBOLS))), eos=False)
    return corpus_of(run.data).vocab


def _table(results: list[Checked]) -> str:
    rows = [["parameter", "numbers", "checked", "largest", "difference", ""]]
    for checked in results:
        verdict = "" if checked.passed else "WRONG" if checked.difference > TOLERANCE else "ZERO"
        counts = (f"{checked.numbers:,}", f"{checked.checked:,}")
        rows.append(
            [checked.name, *counts, f"{checked.size:.2e}", f"{checked.difference:.1e}", verdict]
        )
    return table(rows)


def _verdict(results: list[Checked], wrong: list[Checked]) -> str:
    if not wrong:
        worst = max(checked.difference for checked in results)
        return f"All gradients are right: they differ by at most {worst:.1e} of their size."
    names = ", ".join(checked.name for checked in wrong)
    return (
        f"These gradients are wrong, or are zero where they should not be: {names}. Right "
        f"gradients differ by at most {TOLERANCE:g} of their size."
    )
