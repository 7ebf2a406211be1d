"""`charlm info`: details of a run or a text."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from charlm.baselines.measure import Baselines, measure
from charlm.baselines.verdict import verdict
from charlm.cli.options.advice import encoding_offered
from charlm.cli.options.shared import own_text
from charlm.cli.terminal.layout import filled, listed
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.scores import baselines_data, every_order, score_table
from charlm.cli.terminal.streams import takes_unicode
from charlm.config import from_dict, to_dict, to_yaml
from charlm.errors import OutputError, TextError
from charlm.lm.language_model import model_of
from charlm.lm.model import described
from charlm.lm.run_text import corpus_of_run
from charlm.lm.saved import config_of, model_state
from charlm.reporting.verdicts import History, baselines_of
from charlm.runs.checkpoint import Checkpoint, checkpoint_file, load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import status
from charlm.runs.mark import is_run
from charlm.text.encoding import counts_of
from charlm.text.leakage import leakage_note
from charlm.text.preparing import corpus_of
from charlm.text.vocab import BYTES
from charlm.wording import counted, fixed

HELD_OUT = 0.1
"""The part of a text, at its end, that its baselines are scored on."""
PARTS = {"train": "training", "held_out": "held out"}
"""The names of a text's parts where a person reads them."""
FIRST = ("run", "state", "reason", "problem", "step", "loss", "best", "verdict")
"""The values of a run that are shown first: its status."""
NOT_LISTED = ("about", "notices", "config", "baselines", "counts", "held_out", "unit")
"""Values that are not shown as a line of name and value, or that only programs need."""
SENTENCES = ("verdict", "budget")
"""Values that may need several lines."""
ABOUT = ("text", "bytes", "sha256", "symbols", "documents")
"""Values that the lines about a text contain already."""


def info(what: str, with_config: bool, as_json: bool, **how: str | None) -> int:
    """Run ``charlm info`` and return the exit code; ``how`` says how a text is read."""
    if what.endswith(".safetensors") or is_run(Path(what)):
        for option in (name for name, value in how.items() if value is not None):
            raise click.UsageError(
                f"--{option} is for a TEXT: a run knows the {option} of its own text"
            )
        details = _run(what)
    elif with_config:
        raise click.UsageError("--config is for a RUN: a TEXT has no config")
    else:
        details = _text(what, how)
    if as_json:
        baselines = details["baselines"]
        details["baselines"] = None if baselines is None else baselines_data(baselines)
        click.echo(json_line(details))
    else:
        click.echo(_shown(details, with_config))
    return 0


def _run(what: str) -> dict[str, Any]:
    folder = Path(what) if Path(what).is_dir() else Path(what).parent
    last, best = load_checkpoint(what, "last"), checkpoint_file(what)
    model = model_of(last)
    directory = RunDirectory(folder)
    history = History.read(directory)
    config = config_of(last)
    characters, baselines, problem = _text_of_run(what, last, folder)
    said = None
    if history.held_out and baselines:
        said = verdict(history.held_out, history.losses, baselines)
    return {
        "run": what,
        **_history_of(directory),
        "model": {
            "cell": config.model.cell,
            "layers": config.model.layers,
            "hidden_dims": list(config.model.hidden_dims),
            "parameters": model.parameter_count(),
        },
        "symbols": len(last.vocab),
        "unit": model.vocab.unit,
        "text": list(config.data.texts),
        "characters": characters,
        "problem": problem,
        "step": model_state(last).step,
        "loss": history.losses[-1].loss if history.losses else None,
        "held_out": [list(point) for point in history.held_out],
        "best": min(history.held_out, key=lambda point: point.loss, default=None),
        "checkpoint": str(best),
        "baselines": baselines,
        "verdict": said,
        "files": {file.name: file.lstat().st_size for file in sorted(folder.iterdir())},
        "config": to_dict(config),
    }


def _text_of_run(
    run: str, checkpoint: Checkpoint, folder: Path
) -> tuple[dict[str, int], Baselines | None, str | None]:
    """Return the sizes of the parts of a run's text, its baselines, and why it cannot be read, if it cannot."""
    characters: dict[str, int] = {}
    try:
        corpus = corpus_of_run(run, checkpoint)
        train, held_out, test = corpus.train_ids, corpus.held_out_ids, corpus.test_ids
        characters = {"train": len(train), "held_out": len(held_out), "test": len(test)}
        return characters, baselines_of(corpus, Path(run)) if corpus.has_held_out else None, None
    except TextError as error:
        return characters, Baselines.load(folder), str(error)
    except OutputError:  # a run that may only be read
        return characters, measure(corpus.vocab, train, held_out), None


def _history_of(directory: RunDirectory) -> dict[str, Any]:
    """Return the status of a run, and when and how it was started; nothing for a checkpoint alone."""
    if not directory.is_run():
        return {}
    now, (summary, _), meta = status(directory), directory.read_summary(), directory.read_meta()
    rows, _ = directory.read_metrics()
    # the summary of a run that is running or was killed is from its start
    seconds = [row["seconds"] for row in rows[-1:]]
    seconds += [] if summary is None or summary.seconds is None else [summary.seconds]
    return {
        "state": now.state,
        "reason": now.reason or None,
        "budget": now.budget or None,
        "seconds": max(seconds, default=None),
        "started": meta.get("started"),
        "command": meta.get("command"),
        "damaged": list(now.problems),
    }


def _text(what: str, how: dict[str, str | None]) -> dict[str, Any]:
    data = own_text((what,), **how, val_frac=HELD_OUT)
    with encoding_offered(data):
        corpus = corpus_of(data)
    vocab, parts = corpus.vocab, (corpus.train_ids, corpus.held_out_ids)
    assert corpus.report is not None
    totals = sum(counts_of(ids, len(vocab)) for ids in parts)
    counts = sorted(zip(vocab.symbols, totals.tolist(), strict=True), key=lambda c: -c[1])
    baselines = measure(vocab, *parts) if corpus.has_held_out else None
    leaked, found = leakage_note(corpus, data), corpus.report.documents
    return {
        "text": what,
        "about": list(corpus.report.lines),
        "notices": [*corpus.report.notices, *([leaked] if leaked else [])],
        "documents": None if found is None else asdict(found),
        "characters": {"train": len(parts[0]), "held_out": len(parts[1])},
        "bytes": corpus.report.bytes,
        "sha256": corpus.report.sha256,
        "newlines": dict(counts).get(BYTES[ord("\n")] if vocab.is_bytes else "\n", 0),
        "symbols": len(vocab),
        "counts": {symbol: count for symbol, count in counts if count},
        "baselines": baselines,
    }


def _shown(details: dict[str, Any], with_config: bool) -> str:
    """Return the details as lines; None is left out."""
    lines = [*details.get("about", ()), *[f"note: {said}" for said in details.get("notices", ())]]
    for key, value in sorted(details.items(), key=lambda item: _rank(item[0])):
        if value is None or key in NOT_LISTED or ("about" in details and key in ABOUT):
            continue
        if key == "state":
            key = "status"
        elif key == "model":
            sizes = described(from_dict(details["config"]).model)
            value = f"{sizes}, {counted(value['parameters'], 'parameter')}"
        elif key == "best":
            value = f"{fixed(value[1])} nats/{details['unit']} at step {value[0]:,}"
        elif key == "seconds":
            value = f"{value:,.0f} s of training"
        elif isinstance(value, dict):
            words = PARTS if key == "characters" else {}
            parts = [f"{words.get(name, name)} {_number(part)}" for name, part in value.items()]
            lines.append(listed(key, parts))
            continue
        elif isinstance(value, list):
            value = ", ".join(value)
            if not value:
                continue
        line = f"{key.replace('_', ' ')}: {_number(value)}"
        lines.append(filled(line, then="  ") if key in SENTENCES else line)
    if "counts" in details:
        common = list(details["counts"].items())[:10]
        lines.append(listed("most frequent", [f"{c!r} {n:,}" for c, n in common]))
    baselines: Baselines | None = details["baselines"]
    if baselines is not None:
        note = f" ({baselines.sample_note})" if baselines.sampled else ""
        lines.append(f"baselines{note}:")
        lines.append(score_table(every_order(baselines)))
    if with_config:
        config = to_yaml(from_dict(details["config"]), ascii_only=not takes_unicode())
        lines.append("config:\n" + config.rstrip())
    elif "config" in details:
        lines.append("config: shown with --config")
    return "\n".join(lines)


def _rank(key: str) -> int:
    return FIRST.index(key) if key in FIRST else len(FIRST)


def _number(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return fixed(value) if isinstance(value, float) else str(value)
