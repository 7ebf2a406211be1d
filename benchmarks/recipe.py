"""Compare the preset `small` with the same recipe in PyTorch, for the same time, in turns.

    python -m benchmarks.recipe TEXT --minutes 3 --seeds 0

Each contender trains in a process of its own, one after the other, with each seed, and is scored on the held-out text
every half minute of its time, scores included. The curves go to stdout, a line of JSON for each score.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charlm.config import RunConfig, load_config
from charlm.text.corpus import StreamCorpus
from charlm.text.preparing import corpus_of

BETWEEN_SCORES = 30.0


def charlm(config: RunConfig, minutes: float) -> Iterator[dict[str, Any]]:
    """Train by the command line; return the held-out scores of the run."""
    (text,) = config.data.texts
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "charlm", "-q", "train", text, "--preset", "small"]
        command += ["--max-time", f"{minutes * 60:g}s", "-o", str(run), "--sample-every", "0"]
        command += ["--seed", str(config.train.seed)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for line in (run / "metrics.jsonl").read_text().splitlines():
            row = json.loads(line)
            if "held_out_nll" in row:
                yield {"step": row["step"], "seconds": row["seconds"], "nll": row["held_out_nll"]}


def pytorch(config: RunConfig, minutes: float) -> Iterator[dict[str, Any]]:
    """Train ``nn.LSTM`` by the same recipe; yield its held-out scores."""
    import torch
    from torch import nn

    corpus = corpus_of(config.data)
    assert isinstance(corpus, StreamCorpus)
    model, train, symbols = config.model, config.train, len(corpus.vocab)
    torch.manual_seed(train.seed)
    hidden = model.hidden_dims[0]
    embedding = nn.Embedding(symbols, model.embed_dim)
    lstm = nn.LSTM(model.embed_dim, hidden, model.layers)
    output = nn.Linear(hidden, symbols)
    net = nn.ModuleList([embedding, lstm, output])
    with torch.no_grad():
        lstm.bias_ih_l0[hidden : 2 * hidden] += 1  # type: ignore[operator]  # the forget gate's, as charlm has it
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(train.average)
    )
    matrices = [p for name, p in lstm.named_parameters() if name.startswith("weight")]
    others = [p for p in net.parameters() if all(p is not matrix for matrix in matrices)]
    muon = torch.optim.Muon(
        matrices, weight_decay=train.rule["weight_decay"], momentum=0.95, ns_steps=3
    )
    optimisers = ((torch.optim.Adam(others), 1.0), (muon, train.rule["matrix_factor"]))
    dropout, input_dropout = nn.Dropout(model.dropout), nn.Dropout(model.input_dropout)

    def loss_of(parts: Any, batch: Any, state: Any, *, drop: bool) -> Any:
        x, y = (torch.as_tensor(a.astype("int64")) for a in batch[:2])
        embedded = input_dropout(parts[0](x)) if drop else parts[0](x)
        h, state = parts[1](embedded, None if batch[2] else state)
        scores = parts[2](dropout(h) if drop else h).reshape(-1, symbols)
        return nn.functional.cross_entropy(scores, y.reshape(-1), reduction="sum"), state

    def score() -> float:
        total, count, state = 0.0, 0, None
        with torch.no_grad():
            for batch in corpus.held_out_batches():
                loss, state = loss_of(average.module, batch, state, drop=False)
                total, count = total + loss.item(), count + batch[1].size
        return total / count

    step, state, began = 0, None, time.perf_counter()
    due = BETWEEN_SCORES
    while (seconds := time.perf_counter() - began) < minutes * 60:
        share = seconds / (minutes * 60)
        rate = train.learning_rate * (1 + math.cos(math.pi * share)) / 2
        rate *= min(1.0, (step + 1) / max(1, train.warmup))
        for optimiser, factor in optimisers:
            optimiser.param_groups[0]["lr"] = rate * factor
        batch = corpus.batch(step)
        loss, state = loss_of(net, batch, state, drop=True)
        state = tuple(part.detach() for part in state)
        net.zero_grad()
        (loss / batch[1].size).backward()
        nn.utils.clip_grad_norm_(net.parameters(), train.clip_norm)
        for optimiser, _ in optimisers:
            optimiser.step()
        average.update_parameters(net)
        step += 1
        if due < time.perf_counter() - began < minutes * 60:
            yield {"step": step, "seconds": time.perf_counter() - began, "nll": score()}
            due += BETWEEN_SCORES
    yield {"step": step, "seconds": time.perf_counter() - began, "nll": score()}


CONTENDERS = {"charlm": charlm, "PyTorch": pytorch}


def main() -> None:
    """Run the contenders by turns, or one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", choices=CONTENDERS)
    given = parser.parse_args()
    if given.only is None:
        for seed in given.seeds:
            for name in CONTENDERS:
                command = [sys.executable, "-m", "benchmarks.recipe", *sys.argv[1:]]
                command += ["--only", name, "--seeds", str(seed)]
                subprocess.run(command, check=True)
        return
    seed = given.seeds[0]
    config = load_config(texts=[given.text], preset="small", overrides=[f"train.seed={seed}"])
    per_step = config.data.batch_size * config.data.seq_length
    for row in CONTENDERS[given.only](config, given.minutes):
        facts = {"system": given.only, "seed": seed, "characters": row["step"] * per_step}
        print(json.dumps({**facts, **row}))


if __name__ == "__main__":
    main()
