"""What one machine compressed, every machine decompresses: those with other processors, and those of years to come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charlm.compression.compressor import Compressor
from charlm.kernels import has_numba
from charlm.lm.compute import decide
from charlm.lm.language_model import model_of
from charlm.lm.saved import config_of
from charlm.runs.checkpoint import load_checkpoint
from tests.compression.conftest import made, vocab_of
from tests.compression.kept import DATA, ORIGINALS

ROOT = Path(__file__).parents[2]
CORES = ["Prescott", "Nehalem", "Sandybridge", "Haswell"]
"""Kernels of OpenBLAS that add up in different orders; all x86-64 processors since 2013 have them."""


def kept(name):
    """Return the compressor of a kept model."""
    checkpoint = load_checkpoint(DATA / f"{name}.safetensors")
    return Compressor(model_of(checkpoint), config_of(checkpoint).data.encoding)


@pytest.mark.parametrize("name", ORIGINALS)
def test_kept_files_decompress_for_ever(name):
    packed = (DATA / f"{name}.clm").read_bytes()
    assert len(packed) < len(ORIGINALS[name])
    assert kept(name).decompress(packed) == ORIGINALS[name]


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_same_file_is_compressed_to_the_same_bytes(name):
    assert kept(name).compress(ORIGINALS[name]).data == (DATA / f"{name}.clm").read_bytes()


CODE = """

from threadpoolctl import threadpool_info
from charlm.compression.compressor import Compressor
from tests.compression.conftest import made, vocab_of

print({pool.get("architecture") for pool in threadpool_info()})
data = b"a bad cab, a big fig.\\n" * 40
for cell in ("rnn", "gru", "lstm"):
    model = made(vocab_of("stream"), cell=cell, layers=2, hidden_dim=70)
    compressor = Compressor(model)
    packed = compressor.compress(data).data
    assert compressor.decompress(packed) == data
    print(packed.hex())
"""


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_compiled_kernels_change_nothing():
    model = made(vocab_of("stream"), cell="lstm")
    data = b"a bad cab, a big fig."
    plain = Compressor(model).compress(data).data
    model.kernels = decide("numba", 1, 0).functions()
    assert Compressor(model).compress(data).data == plain


def test_other_processors_give_the_same_bytes():
    """Each process has other kernels of numpy's linear algebra, and one more thread."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CODE],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_CORETYPE": core, "OPENBLAS_NUM_THREADS": str(1 + k % 2)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for k, core in enumerate(CORES)
    ]
    done = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0] * len(CORES), done
    architectures, *packed = zip(*(out.splitlines() for out, _ in done), strict=True)
    if len(set(architectures)) == 1:
        pytest.skip(f"numpy's linear algebra has only {architectures[0]} here")
    for same in packed:
        assert len(set(same)) == 1
