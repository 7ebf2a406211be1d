"""One training step can be read: it passes through few functions in few files."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType

import pytest

import charlm
from charlm.config import load_config
from charlm.training.loop import Training

PACKAGE = str(Path(charlm.__file__).parent)
MOST_FUNCTIONS, MOST_FILES = 60, 15


@pytest.mark.parametrize("kernels", ["numpy", "numba"])
def test_an_update_passes_few_functions_in_few_files(kernels):
    if kernels == "numba":
        pytest.importorskip("numba", reason="numba is not installed")
    training = Training(load_config("srnn", overrides=[f"train.kernels={kernels}"]))
    for _ in range(3):  # the first prepares the calls of the others
        training.update()
    passed: set[CodeType] = set()

    def note(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            passed.add(frame.f_code)

    sys.setprofile(note)
    training.learner.update(0.1)
    sys.setprofile(None)
    names = sorted((code.co_filename, code.co_name) for code in passed)
    assert len(names) <= MOST_FUNCTIONS, names
    assert len({file for file, _ in names}) <= MOST_FILES, names
    assert any(name == "update" for _, name in names)
