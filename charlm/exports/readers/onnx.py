"""A model that charlm exported with --to onnx. It needs onnxruntime: python THIS.py MODEL TEXT."""

import json
import sys
import unicodedata

import numpy as np
import onnxruntime


class Model:
    """A session. ``about`` is the description in the file."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["charlm"])

    def start(self, batch=1):
        """Return the states at the start of a text, by their names."""
        states = self.session.get_inputs()[1:]
        return {s.name: np.zeros((1, batch, s.shape[2]), np.float32) for s in states}

    def run(self, ids_TB, states):
        """Return the log-probabilities (T, B, V) of what follows each symbol, and the states after the last."""
        log_p, *after = self.session.run(None, {"ids": ids_TB, **states})
        return log_p, dict(zip(states, after))

    def log_probabilities(self, ids):
        """Return the log-probabilities (T, V) of what follows each symbol of a text."""
        log_p, _ = self.run(np.array(ids, np.int64)[:, np.newaxis], self.start())
        return log_p[:, 0]


load = Model
