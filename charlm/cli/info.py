"""`charlm info`: what is known of a run or of a text."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from charlm.baselines.measure import Baselines, measure
from charlm.baselines.verdict import verdict
from charlm.cli.scores import baselines_data, every_order, score_table
from charlm.config import DataConfig, from_dict, to_yaml
from charlm.errors import OutputError, TextError
from charlm.lm.model import model_of
from charlm.runs.checkpoint import load_checkpoint
from charlm.text.preparing import text_of
from charlm.text.vocab import Vocab
from charlm.training.standing import History, baselines_of, checkpoint_of, corpus_of_run

HELD_OUT = 10
"""One character of so many, at its end, is what the baselines of a text are scored on."""


@click.command(short_help="Tell what is known of a run or a text.")
@click.argument("what", metavar="RUN|TEXT")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(what: str, as_json: bool) -> int:
    """Tell what is known of RUN, a run directory or a checkpoint, or of TEXT.

    Of a run: its model, text and history, where it stands beside the baselines, its files and its config. Of a text:
    its size, its characters, and the baselines for its last tenth.
    """
    found = _run(what) if _is_run(what) else _text(what)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else _shown(found))
    return 0


def _is_run(what: str) -> bool:
    path = Path(what)
    return path.suffix == ".safetensors" or (path.is_dir() and (path / "config.yaml").is_file())


def _run(what: str) -> dict[str, Any]:
    folder = Path(what) if Path(what).is_dir() else Path(what).parent
    last, best = load_checkpoint(what), checkpoint_of(what)
    model = model_of(last.config, last.vocab, last.state, last.tensors)
    history = History.read(folder / "metrics.jsonl")
    config = from_dict(last.config)
    characters: dict[str, int] = {}
    problem, known = None, None
    try:
        corpus = corpus_of_run(what)
        characters = {"train": len(corpus.train_ids), "held_out": len(corpus.held_out_ids)}
        if corpus.has_held_out:
            known = baselines_of(corpus, folder if Path(what).is_dir() else None)
    except TextError as error:
        problem = str(error)
        known = Baselines.load(folder)
    except OutputError:  # a run that may only be read
        known = measure(corpus.vocab, corpus.train_ids, corpus.held_out_ids)
    said = verdict(history.held_out, history.losses, known) if history.held_out and known else None
    return {
        "run": what,
        "model": {
            "cell": config.model.cell,
            "layers": config.model.layers,
            "hidden_dims": list(config.model.hidden_dims),
            "parameters": model.parameter_count(),
        },
        "symbols": len(last.vocab),
        "text": list(config.data.texts),
        "characters": characters,
        "problem": problem,
        "step": last.state["step"],
        "loss": history.losses[-1].loss if history.losses else None,
        "held_out": [list(point) for point in history.held_out],
        "best": min(history.held_out, key=lambda point: point.loss, default=None),
        "checkpoint": str(best),
        "baselines": None if known is None else baselines_data(known),
        "verdict": said,
        "files": {file.name: file.stat().st_size for file in sorted(folder.iterdir())},
        "config": last.config,
    }


def _text(what: str) -> dict[str, Any]:
    text = text_of(DataConfig(text=what))
    counts = Counter(text)
    vocab = Vocab.from_text(text, eos=False)
    ids = vocab.encode(text)
    kept = len(ids) - len(ids) // HELD_OUT
    known = measure(vocab, ids[:kept], ids[kept:]) if kept < len(ids) else None
    return {
        "text": what,
        "characters": {"train": kept, "held_out": len(ids) - kept},
        "bytes": len(text.encode("utf-8")),
        "lines": text.count("\n") + (not text.endswith("\n")),
        "longest_line": max(map(len, text.split("\n"))),
        "symbols": len(vocab),
        "counts": dict(counts.most_common()),
        "baselines": None if known is None else baselines_data(known),
    }


def _shown(found: dict[str, Any]) -> str:
    """Return what was found as lines; a value that is none is left out."""
    lines = []
    for key, value in found.items():
        if value is None or key in ("config", "baselines", "counts", "held_out"):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} {_number(part)}" for name, part in value.items())
        elif key == "best":
            value = f"{value[1]:.4f} nats/char at step {value[0]:,}"
        elif isinstance(value, list):
            value = ", ".join(value)
        lines.append(f"{key.replace('_', ' ')}: {_number(value)}")
    if "counts" in found:
        common = ", ".join(f"{c!r} {n:,}" for c, n in list(found["counts"].items())[:10])
        lines.append(f"most frequent: {common}")
    if found["baselines"] is not None:
        data = {k: v for k, v in found["baselines"].items() if k not in ("best", "best_order")}
        known = Baselines(**{**data, "ngram": tuple(data["ngram"])})
        lines.append("baselines" + (f" ({known.sample_note})" if known.sampled else "") + ":")
        lines.append(score_table(every_order(known)))
    if "config" in found:
        lines.append("config:\n" + to_yaml(from_dict(found["config"])).rstrip())
    return "\n".join(lines)


def _number(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
