"""PyTorch's own modules on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.words import words
from charlm.config import load_config

RATE = 0.003


class NormLSTM(nn.Module):
    """An LSTM with layer normalisation, as PyTorch users write it; PyTorch has no module for it."""

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        assert layers == 1
        self.x, self.h = nn.Linear(inputs, 4 * hidden), nn.Linear(hidden, 4 * hidden, bias=False)
        self.norm_x, self.norm_h = nn.LayerNorm(4 * hidden), nn.LayerNorm(4 * hidden)
        self.norm_c = nn.LayerNorm(hidden)

    def forward(self, xs: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Of numbers by time and batch."""
        c = h = torch.zeros(xs.shape[1], self.h.in_features)
        outputs = []
        for x in self.norm_x(self.x(xs)):
            i, f, o, g = (x + self.norm_h(self.h(h))).chunk(4, -1)
            c = i.sigmoid() * g.tanh() + (f + 1).sigmoid() * c
            h = o.sigmoid() * self.norm_c(c).tanh()
            outputs.append(h)
        return torch.stack(outputs), None


LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM, "norm_lstm": NormLSTM}


def start(job: dict[str, Any]) -> None:
    """Use the cores."""
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)


class _Model(nn.Module):
    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__()
        hidden = job["hidden"]
        self.embedding = nn.Embedding(job["vocab"], hidden)
        self.rnn = LAYERS[job["cell"]](hidden, hidden, job["layers"])
        self.output = nn.Linear(hidden, job["vocab"])


def step(job: dict[str, Any]) -> Callable[[], object]:
    """A training step: forward, backward, clipping, Adam in its fused form."""
    model = _Model(job)
    adam = torch.optim.Adam(model.parameters(), RATE, fused=True)
    ids = torch.randint(job["vocab"], (job["seq"] + 1, job["batch"]))
    inputs, targets = ids[:-1], ids[1:].flatten()

    def call() -> float:
        adam.zero_grad()
        h, _ = model.rnn(model.embedding(inputs))
        logits = model.output(h).flatten(0, 1)
        loss = nn.functional.cross_entropy(logits, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        adam.step()
        return loss.item()

    return call


def lines(job: dict[str, Any]) -> Callable[[], object]:
    """A pass over a list of words in padded batches, with the sizes and the recipe of charlm's preset for lists."""
    config = load_config("lists")
    texts, size, drop = words(job["words"]), config.data.batch_size, config.model.dropout
    symbols = sorted(set("".join(texts)))
    end, hidden = len(symbols), config.model.hidden_dims[0]
    ids = [torch.tensor([end, *map(symbols.index, text), end]) for text in texts]
    embedding = nn.Embedding(end + 1, config.model.embed_dim)
    lstm, output = nn.LSTM(config.model.embed_dim, hidden), nn.Linear(hidden, end + 1)
    net = nn.ModuleList([embedding, lstm, output])
    adam = torch.optim.Adam(net.parameters(), RATE, fused=True)

    def call() -> float:
        order = torch.randperm(len(ids)).tolist()
        total = 0.0
        for begin in range(0, len(ids), size):
            some = [ids[k] for k in order[begin : begin + size]]
            inputs = nn.utils.rnn.pad_sequence([line[:-1] for line in some])
            targets = nn.utils.rnn.pad_sequence([line[1:] for line in some], padding_value=-1)
            adam.zero_grad()
            h, _ = lstm(embedding(inputs))
            logits = output(nn.functional.dropout(h, drop)).flatten(0, 1)
            loss = nn.functional.cross_entropy(
                logits, targets.flatten(), ignore_index=-1, reduction="sum"
            )
            (loss / len(some)).backward()
            nn.utils.clip_grad_norm_(net.parameters(), config.train.clip_norm)
            adam.step()
            total += loss.item()
        return total

    return call


def sample(job: dict[str, Any]) -> Callable[[], object]:
    """A text of some characters, with the module for sequences."""
    model = _Model(job).eval()

    @torch.inference_mode()
    def call() -> list[int]:
        symbol = torch.zeros(1, 1, dtype=torch.long)
        state, drawn = None, []
        for _ in range(job["length"]):
            h, state = model.rnn(model.embedding(symbol), state)
            symbol = torch.multinomial(model.output(h[0]).softmax(1), 1)
            drawn.append(symbol)
        return torch.cat(drawn).flatten().tolist()

    return call


def sample_by_cells(job: dict[str, Any]) -> Callable[[], object]:
    """The same, with one ``LSTMCell`` per layer."""
    model = _Model(job).eval()
    hidden = job["hidden"]
    cells = [nn.LSTMCell(hidden, hidden) for _ in range(job["layers"])]

    @torch.inference_mode()
    def call() -> list[int]:
        symbol = torch.zeros(1, dtype=torch.long)
        zeros = torch.zeros(1, hidden)
        states, drawn = [(zeros, zeros) for _ in cells], []
        for _ in range(job["length"]):
            x = model.embedding(symbol)
            for i, cell in enumerate(cells):
                states[i] = cell(x, states[i])
                x = states[i][0]
            symbol = torch.multinomial(model.output(x).softmax(1), 1)[0]
            drawn.append(symbol)
        return torch.cat(drawn).tolist()

    return call
