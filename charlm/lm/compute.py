"""The kernels and the threads of a job, chosen once, before it begins.

The choice counts the job's arithmetic and measures nothing: the same job on the same machine always gets the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from math import prod

from charlm.config import KERNELS, ModelConfig
from charlm.config.rules import one_of
from charlm.engine.rnn.cell import CELLS
from charlm.engine.rnn.kernel_cell import KernelCell
from charlm.errors import ConfigError, SettingError
from charlm.kernels import (
    PER_OPERATION,
    PER_SAMPLED_CHARACTER,
    PER_STEP,
    SAMPLER_START_UP,
    START_UP,
    VARIABLE,
    Kernels,
    has_numba,
    named_by_environment,
    resolve,
    select,
    with_sampler,
)
from charlm.threads import thread_count, use_threads

WORTH_THREADS = 5e7
"""From this many operations of a step in time on, numpy's products are worth a second thread.

A batch of 32 in an LSTM of 384 has this many. There two threads save 190 us of 460 on free cores, and at 128
20 of 50; with another busy process they wait for each other, and a product takes 10 to 20 times as long.
"""


@dataclass(frozen=True)
class Compute:
    """The name of the kernels, ``numpy`` or ``numba``, and the number of threads."""

    kernels: str
    threads: int

    def functions(self) -> Kernels:
        """Return the kernels, and set numpy's threads too. Equal kernels share their threads and memory.

        Raises:
            MissingExtraError: numba is asked for and not installed.
        """
        use_threads(self.threads)
        return _select(self.kernels, self.threads)


_select = cache(select)


def decide(kernels: str, threads: int | None, saved: float, at_once: float = 0.0) -> Compute:
    """Choose the kernels and the threads of a job.

    Args:
        kernels: ``numpy``, ``numba``, or ``auto``: those that ``CHARLM_KERNELS`` names, else those that suit the work.
        threads: None takes the environment's number, else all cores, but one for numpy's kernels if a step in
            time is small.
        saved: the seconds that compiled kernels save in the whole job.
        at_once: additions and multiplications of a step in time, of all texts of a batch.

    Raises:
        ConfigError: ``CHARLM_KERNELS`` names no kernels.

    Example:
        >>> decide("numpy", 2, saved=100)
        Compute(kernels='numpy', threads=2)
    """
    kernels = resolve(_asked_for(kernels), saved)
    alone = kernels == "numpy" and at_once < WORTH_THREADS
    return Compute(kernels, thread_count(threads, 1 if alone else None))


def sampling_kernels(kernels: str, saved: float, at_once: float) -> Kernels:
    """Choose the kernels of a job that samples from a model with a compiled sampler; the arguments are ``decide``'s.

    For ``auto`` these are numpy's with a compiled sampler, which is loaded without numba, if the job is not very short.
    A long job compiles it if that was never done on this machine; a shorter one keeps numpy's.
    """
    asked = _asked_for(kernels)
    chosen = decide("numpy" if asked == "auto" else asked, None, saved, at_once).functions()
    if asked != "auto" or saved < SAMPLER_START_UP:
        return chosen
    return with_sampler(chosen, thread_count(), wait=saved > START_UP)


def misses_numba(kernels: str, saved: float) -> bool:
    """Tell whether a job would use numba if it were installed; the arguments are those of ``decide``.

    Example:
        >>> misses_numba("numpy", saved=100)
        False
    """
    return _asked_for(kernels) == "auto" and saved > START_UP and not has_numba()


def _asked_for(kernels: str) -> str:
    """Return the kernels that are asked for, by ``CHARLM_KERNELS`` if ``kernels`` is ``auto``."""
    if kernels != "auto":
        return kernels
    try:
        asked: str = one_of(*KERNELS)(named_by_environment())
    except SettingError as error:
        raise ConfigError(f"{VARIABLE}: {error.reason}") from None
    return asked


def operations_per_character(model: ModelConfig, vocab_size: int) -> int:
    """Return the additions and multiplications that reading one character takes: 2 for each weight of a matrix.

    Gates, softmax and the embedding, which is a lookup, do not count. Backward takes twice as many: each product
    has two derivatives. So a training step of T x B characters takes 6 T B times the number of weights, or
    less if the first layer reads each symbol once.

    Example:
        >>> operations_per_character(ModelConfig(cell="lstm", embed_dim=5, hidden_dim=3), vocab_size=7)
        234
    """
    cell = CELLS[model.cell]()
    inputs = (model.embed_dim, *model.hidden_dims)
    shapes = [
        shape
        for input_dim, hidden_dim in zip(inputs, model.hidden_dims, strict=False)
        for shape in cell.shapes(input_dim, hidden_dim)
    ]
    weights = sum(prod(shape) for shape in shapes if len(shape) == 2)
    return 2 * (weights + vocab_size * inputs[-1])


def saved_by_reading(model: ModelConfig, vocab_size: int, texts: int = 1) -> float:
    """Return the seconds that compiled kernels save for each character that is read, forward only.

    Backward saves twice as much.

    Args:
        model: the sizes of the model.
        vocab_size: the number of its symbols.
        texts: the batch size: its texts share the calls of numpy.

    Example:
        >>> lstm = ModelConfig(cell="lstm", embed_dim=64, hidden_dim=64)
        >>> saved_by_reading(lstm, 65) > 10 * saved_by_reading(lstm, 65, texts=100)
        True
    """
    cell = CELLS[model.cell]
    step = PER_STEP.get(cell.kernel, 0.0) if issubclass(cell, KernelCell) else 0.0
    calls = len(model.hidden_dims) * step / 3
    return PER_OPERATION * operations_per_character(model, vocab_size) + calls / texts


def saved_by_sampling(model: ModelConfig, vocab_size: int, texts: int = 1) -> float:
    """Return the seconds that compiled kernels save for each sampled character; see ``saved_by_reading``."""
    return (
        PER_OPERATION * operations_per_character(model, vocab_size) + PER_SAMPLED_CHARACTER / texts
    )


def memory() -> int:
    """Return the memory of the machine, in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
