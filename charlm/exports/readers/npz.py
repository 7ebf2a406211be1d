"""A model that charlm exported with --to npz. It needs numpy alone: python THIS.py MODEL TEXT."""

import json
import sys
import unicodedata

import numpy as np


def logistic(x):
    return 1 / (1 + np.exp(-x))


def norm(x):
    return (x - x.mean()) / (x.std() + 1e-8)


def rnn(w, x, h):
    return (np.tanh(w["b"] + w["Wx"] @ x + w["Wh"] @ h),)


def lstm(w, x, c, h):
    i, f, o, g = np.split(w["b"] + w["Wx"] @ x + w["Wh"] @ h, 4)
    c = logistic(f) * c + logistic(i) * np.tanh(g)
    return c, logistic(o) * np.tanh(c)


def norm_lstm(w, x, c, h):
    a = w["b"] + w["gx"] * norm(w["Wx"] @ x) + w["bx"]
    if h.any():  # at the start of a text there is no h
        a += w["gh"] * norm(w["Wh"] @ h) + w["bh"]
    i, f, o, g = np.split(a, 4)
    c = logistic(f) * c + logistic(i) * np.tanh(g)
    return c, logistic(o) * np.tanh(w["gc"] * norm(c) + w["bc"])


def fast_lstm(w, x, c, h):  # and coupled_lstm, whose gates also read c
    i = logistic(w["bi"] + w["Wxi"] @ x + w["Whi"] @ h + (w["Wci"] @ c if "Wci" in w else 0))
    c = (1 - i) * c + i * np.tanh(w["bc"] + w["Wxc"] @ x + w["Whc"] @ h)
    o = logistic(w["bo"] + w["Wxo"] @ x + w["Who"] @ h + (w["Wco"] @ c if "Wco" in w else 0))
    return c, o * np.tanh(c)


def gru(w, x, h):
    z = logistic(w["bz"] + w["Wxz"] @ x + w["Whz"] @ h)
    r = logistic(w["br"] + w["Wxr"] @ x + w["Whr"] @ h)
    return ((1 - z) * h + z * np.tanh(w["bh"] + w["Wxh"] @ x + w["Whh"] @ (r * h)),)


def gru_after(w, x, h):
    (ar, az, an), (ur, uz, un) = np.split(w["b"] + w["Wx"] @ x, 3), np.split(w["Wh"] @ h, 3)
    r, z = logistic(ar + ur), logistic(az + uz)
    return ((1 - z) * np.tanh(an + r * (un + w["bn"])) + z * h,)


def positive(x):
    return np.where(x >= 0, x + 0.5, logistic(x))


def min_gru(w, x, h):
    az, ac = np.split(w["b"] + w["Wx"] @ x, 2)
    z = logistic(az)
    return ((1 - z) * h + z * positive(ac),)


def min_lstm(w, x, h):
    af, ai, ac = np.split(w["b"] + w["Wx"] @ x, 3)
    f = logistic(np.logaddexp(0, -ai) - np.logaddexp(0, -af))  # f / (f + i)
    return (f * h + (1 - f) * positive(ac),)


CELLS = {
    "rnn": rnn,
    "lstm": lstm,
    "norm_lstm": norm_lstm,
    "fast_lstm": fast_lstm,
    "coupled_lstm": fast_lstm,
    "gru": gru,
    "gru_after": gru_after,
    "min_gru": min_gru,
    "min_lstm": min_lstm,
}


class Model:
    """Softmax over an embedding and recurrent layers. ``about`` is the description in the file."""

    def __init__(self, arrays):
        self.about = json.loads(str(arrays["charlm"]))
        self.w = arrays
        self.cell = CELLS[self.about["cell"]]
        self.layers = [
            {name.split(".")[2]: w for name, w in arrays.items() if name.startswith(f"rnn.{k}.")}
            for k in range(len(self.about["hidden_dims"]))
        ]

    def start(self):
        """Return the state at the start of a text."""
        states = 2 if self.cell in (lstm, norm_lstm, fast_lstm) else 1
        return [(np.zeros(n, np.float32),) * states for n in self.about["hidden_dims"]]

    def step(self, symbol, state):
        """Return the log-probabilities (V,) of what follows a symbol, and the state after it."""
        x, after = self.w["embedding"][symbol], []
        for k, (w, before) in enumerate(zip(self.layers, state)):
            after.append(self.cell(w, x, *before))
            x = after[k][-1]
            if self.about["layer_norm"]:
                x = self.w[f"norm.{k}.g"] * norm(x) + self.w[f"norm.{k}.b"]
        scores = self.w["softmax.b"] + self.w["softmax.W"] @ x
        scores -= scores.max()
        return scores - np.log(np.exp(scores).sum()), after

    def log_probabilities(self, ids):
        """Return the log-probabilities (T, V) of what follows each symbol of a text."""
        state, rows = self.start(), []
        for symbol in ids:
            row, state = self.step(symbol, state)
            rows.append(row)
        return np.array(rows)


def load(path):
    with np.load(path) as arrays:
        return Model(dict(arrays))
