"""A model that charlm exported with --to torch. It needs torch and safetensors: python THIS.py MODEL TEXT."""

import json
import sys
import unicodedata

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn


class CharRNN(nn.Module):
    """An embedding, recurrent layers and a linear layer. ``about`` is the description in the file."""

    def __init__(self, about):
        super().__init__()
        self.about = about
        sizes, symbols = about["hidden_dims"], len(about["symbols"])
        self.embedding = nn.Embedding(symbols, about["embed_dim"])
        self.rnn = getattr(nn, about["module"])(about["embed_dim"], sizes[0], len(sizes))
        self.decoder = nn.Linear(sizes[0], symbols)

    def forward(self, ids_TB, state=None):
        """Return the log-probabilities (T, B, V) of what follows each symbol, and the state after the last."""
        h, state = self.rnn(self.embedding(ids_TB), state)
        return self.decoder(h).log_softmax(-1), state

    def log_probabilities(self, ids):
        """Return the log-probabilities (T, V) of what follows each symbol of a text."""
        with torch.no_grad():
            return self(torch.tensor(ids)[:, None])[0][:, 0].numpy()


def load(path):
    with safe_open(path, "pt") as file:
        model = CharRNN(json.loads(file.metadata()["charlm"]))
    model.load_state_dict(load_file(path))
    return model.eval()
