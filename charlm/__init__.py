"""Character-level RNN language models on an automatic differentiation engine in numpy.

The commands have a Python API:

    import charlm

    run = charlm.train("srnn", steps=200)     # shows how it goes; makes the folder runs/srnn
    print(run.sample(prime="a quick "))
    run.plot()

    run = charlm.Run("runs/srnn")             # a run that is there
    model = charlm.load_model("runs/srnn")    # only its model

    training = charlm.Training(charlm.load_config("srnn"))
    for event in training.events():           # the training loop, as a generator of events
        print(event)

    comparison = charlm.Comparison(charlm.load_comparison_config("srnn-vs-lstm"))

``charlm.dynet`` is DyNet's interface. Both use ``charlm.engine``.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would delay the handling of Ctrl-C more than all else
if TYPE_CHECKING:
    from typing import Any

    from charlm.comparison.comparison import Comparison as Comparison
    from charlm.config import load_comparison_config as load_comparison_config
    from charlm.config import load_config as load_config
    from charlm.lm.language_model import CharLM as CharLM
    from charlm.lm.language_model import load_model as load_model
    from charlm.notebook.run import Run as Run
    from charlm.notebook.training import train as train
    from charlm.training.loop import Training as Training

_HOME = {
    "CharLM": "charlm.lm.language_model",
    "Comparison": "charlm.comparison.comparison",
    "Run": "charlm.notebook.run",
    "Training": "charlm.training.loop",
    "load_comparison_config": "charlm.config",
    "load_config": "charlm.config",
    "load_model": "charlm.lm.language_model",
    "train": "charlm.notebook.training",
}
__all__ = [
    "CharLM",
    "Comparison",
    "Run",
    "Training",
    "load_comparison_config",
    "load_config",
    "load_model",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `charlm --help` needs no numpy."""
    if name not in _HOME:
        raise AttributeError(f"module 'charlm' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """Return the public names, used or not, for ``dir``, ``help`` and completion."""
    return sorted(__all__)
