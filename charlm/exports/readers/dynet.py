"""A model that charlm exported with --to dynet. It needs dynet, or charlm: python THIS.py MODEL TEXT."""

import json
import sys
import unicodedata
from pathlib import Path

import numpy as np

try:
    import dynet as dy
except ImportError:
    import charlm.dynet as dy


class Model:
    """A builder for each layer. ``about`` is the description in the file of the same name that ends in .json."""

    def __init__(self, path):
        self.about = about = json.loads(Path(path).with_suffix(".json").read_text("utf-8"))
        symbols, sizes = len(about["symbols"]), about["hidden_dims"]
        self.pc = pc = dy.ParameterCollection()
        self.embedding = pc.add_lookup_parameters((symbols, about["embed_dim"]))
        make = getattr(dy, about["builder"])
        options = (True,) if about["cell"] == "norm_lstm" else ()
        below = [about["embed_dim"], *sizes]
        self.builders = [make(1, n, size, pc, *options) for n, size in zip(below, sizes)]
        normed = sizes if about["layer_norm"] else []
        self.norms = [(pc.add_parameters(n), pc.add_parameters(n)) for n in normed]
        self.W = pc.add_parameters((symbols, sizes[-1]))
        self.b = pc.add_parameters(symbols)
        pc.populate(path)

    def log_probabilities(self, ids):
        """Return the log-probabilities (T, V) of what follows each symbol of a text."""
        dy.renew_cg()
        states, rows = [builder.initial_state() for builder in self.builders], []
        for symbol in ids:
            x = self.embedding[symbol]
            for k, state in enumerate(states):
                states[k] = state.add_input(x)
                x = states[k].output()
                if self.norms:
                    x = dy.layer_norm(x, *self.norms[k])
            rows.append(dy.log_softmax(dy.affine_transform([self.b, self.W, x])))
        return np.array([row.npvalue() for row in rows])


load = Model
