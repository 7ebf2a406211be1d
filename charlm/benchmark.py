"""How fast a model trains and samples on this machine, compared with numpy's matrix product.

A step is one of ``charlm train``: forward, backward, clipping and the trainer's update.
"""

from __future__ import annotations

import math
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import attrs
import numpy as np

from charlm.config import ModelConfig, RunConfig
from charlm.engine.rnn import CELLS
from charlm.lm import sampling
from charlm.lm.compute import decide
from charlm.lm.language_model import CharLM
from charlm.lm.predictor import Predictor
from charlm.ranks import Ranks
from charlm.text.vocab import Vocab
from charlm.training.launch import begin
from charlm.training.loop import Training
from charlm.training.ranks import SharedLearner

WARM_UP = 3
"""The first steps, which are not measured."""
SECONDS = 5.0
"""Steps are measured for this long, but at least FEWEST and at most MOST."""
FEWEST, MOST = 5, 200
SAMPLING_SECONDS = 1.0
THIN = 256
"""A matrix with fewer rows or columns is thin: a product is faster with it on one side than on the other."""


@dataclass(frozen=True)
class Measured:
    """The results, with the names that they have in ``--json``.

    Attributes:
        ms_per_step: the median.
        ms_per_step_mad: the median of the absolute differences from it.
        chars_per_second: characters learned from.
        gflop_per_second: 10^9 additions and multiplications a second, counted in ``products``.
        gemm_gflop_per_second: the same for numpy's product of float32 matrices, with the matrices of a step and
            the same threads.
        gemm_share: the first divided by the second; above 1 if products with packed weights are faster.
        sample_chars_per_second: sampled characters, one text.
        sample_chars_per_second_batch: sampled characters, ``SIDE_BY_SIDE`` texts at once.
        peak_rss_mb: the most memory (10^6 bytes) of the process until its last step.
        kernels: their name.
        threads: their number.
    """

    ms_per_step: float
    ms_per_step_mad: float
    chars_per_second: float
    gflop_per_second: float
    gemm_gflop_per_second: float
    gemm_share: float
    sample_chars_per_second: float
    sample_chars_per_second_batch: float
    peak_rss_mb: float
    kernels: str
    threads: int


@dataclass(frozen=True)
class Shared:
    """What it takes when several ranks share each batch, with the names in ``--json``.

    Attributes:
        ranks: their number.
        ms_per_step_part: the time for the part of a step that each rank computes, without the network.
        sum_mb: the 10^6 bytes that each rank sends, and receives, to sum the gradients of a step.
        ms_per_step_shared: the median step of all ranks; None if only one was started.
        sum_ms: the median time of the sum alone; None if only one was started.
    """

    ranks: int
    ms_per_step_part: float
    sum_mb: float
    ms_per_step_shared: float | None = None
    sum_ms: float | None = None

    def ms_at(self, gigabit_per_second: float) -> float:
        """Return the least time of a step over a network of this speed, without its delays.

        >>> Shared(2, ms_per_step_part=5.0, sum_mb=4.0).ms_at(1)
        37.0
        """
        return self.ms_per_step_part + 8 * self.sum_mb / gigabit_per_second


def prepared(
    config: RunConfig,
    text: str | None = None,
    steps: int | None = None,
    ranks: Ranks | None = None,
) -> Training:
    """Return the training to be measured.

    Args:
        config: of the model, the text's framing and the trainer.
        text: the text itself; by default the config's.
        steps: the length of the run, which may decide the kernels; None is a run so long that its start does
            not matter.
        ranks: those that share it.
    """
    settings = config.train
    if steps is None:
        endless = decide(settings.kernels, settings.threads, saved=math.inf)
        settings = attrs.evolve(settings, **{**asdict(endless), "threads": settings.threads})
    else:
        settings = attrs.evolve(settings, steps=steps)
    return begin(ranks, attrs.evolve(config, train=settings), text=text)


def random_text(config: RunConfig, vocab_size: int) -> tuple[RunConfig, str]:
    """Return the config with an alphabet of this size, and a random text of it that makes some batches."""
    alphabet = "".join(chr(0x4E00 + i) for i in range(vocab_size))
    data = attrs.evolve(config.data, framing="stream", alphabet=alphabet, val_frac=0.0)
    size = 4 * data.batch_size * data.seq_length + 1
    ids = np.random.default_rng(0).integers(vocab_size, size=size)
    return attrs.evolve(config, data=data), "".join(alphabet[i] for i in ids)


def measure(training: Training, most: int = MOST) -> Measured:
    """Make at most ``most`` training steps, then sample, and return how fast that was."""
    model, corpus = training.model, training.corpus
    seconds = timed(training.update, WARM_UP, SECONDS, min(FEWEST, most), min(MOST, most))
    peak = peak_rss_mb()
    step = statistics.median(seconds)
    accumulated = training.config.train.accumulate
    characters = corpus.characters_per_step * accumulated
    sizes = model.config, len(corpus.vocab), *corpus.batch(0).inputs_TB.shape
    operations, gemm = accumulated * operations_of_step(*sizes), gemm_rate(*sizes)
    return Measured(
        ms_per_step=step * 1e3,
        ms_per_step_mad=statistics.median(abs(s - step) for s in seconds) * 1e3,
        chars_per_second=characters / step,
        gflop_per_second=operations / step / 1e9,
        gemm_gflop_per_second=gemm,
        gemm_share=operations / step / 1e9 / gemm,
        sample_chars_per_second=sampling_rate(model, 1),
        sample_chars_per_second_batch=sampling_rate(model, sampling.SIDE_BY_SIDE),
        peak_rss_mb=peak,
        **asdict(training.compute),
    )


def measure_shared(training: Training, ranks: int, most: int = MOST) -> Shared:
    """Measure the steps of a training that ranks share; in one process, those of a rank's part of it."""
    limits = WARM_UP, SECONDS, min(FEWEST, most), min(MOST, most)
    step = 1e3 * statistics.median(timed(training.update, *limits))
    numbers = training.model.parameter_count() + len(training.model.vocab)
    megabytes = 2 * (ranks - 1) / ranks * numbers * training.model.collection.dtype.itemsize / 1e6
    if not isinstance(training.learner, SharedLearner):
        return Shared(ranks, step, megabytes)
    total = 1e3 * statistics.median(timed(training.learner.exchange, *limits))
    return Shared(ranks, max(0.0, step - total), megabytes, step, total)


def part_of(config: RunConfig, ranks: int) -> RunConfig:
    """Return the config with the largest part of a step that one of several ranks computes."""
    if config.data.framing == "lines":
        lines = math.ceil(config.train.accumulate / ranks)
        return attrs.evolve(config, train=attrs.evolve(config.train, accumulate=lines))
    streams = math.ceil(config.data.batch_size / ranks)
    return attrs.evolve(config, data=attrs.evolve(config.data, batch_size=streams))


def timed(
    call: Callable[[], object], warm_up: int, seconds: float, fewest: int, most: int
) -> list[float]:
    """Return the seconds that each call took: of ``most`` calls, or fewer if the time is over."""
    for _ in range(warm_up):
        call()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < fewest or (len(times) < most and time.perf_counter() - began < seconds):
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return times


def products(model: ModelConfig, vocab_size: int, T: int, B: int) -> Counter[tuple[int, int, int]]:
    """Return the matrix products of a training step, (m, n, k) for (m, k) times (k, n), and the number of each.

    Matrices for x, and for the output, multiply all T x B positions at once. Matrices for the previous step
    multiply B positions, T times. The gradient of a matrix is one product over all positions.
    The first layer reads each symbol once if there are fewer symbols than positions.

    Example:
        >>> products(ModelConfig(embed_dim=3, hidden_dim=4), vocab_size=7, T=5, B=2)[2, 4, 4]
        10
    """
    cell = CELLS[model.cell]()
    counts: Counter[tuple[int, int, int]] = Counter()

    def add(positions: int, inputs: int, outputs: int, times: int) -> None:
        counts[positions, outputs, inputs] += times
        counts[positions, inputs, outputs] += times
        counts[inputs, outputs, positions * times] += 1

    below, read = model.embed_dim, T * B
    if cell.reads_tables:
        read = min(read, vocab_size)
    for hidden in model.hidden_dims:
        gates: Counter[bool] = Counter()
        for role, shape in zip(cell.roles, cell.shapes(below, hidden), strict=True):
            if len(shape) == 2:
                gates[role.startswith("Wx")] += shape[0]
        add(read, below, gates[True], 1)
        add(B, hidden, gates[False], T)
        below, read = hidden, T * B
    add(T * B, below, vocab_size, 1)
    return counts


def operations_of_step(model: ModelConfig, vocab_size: int, T: int, B: int) -> int:
    """Return the additions and multiplications in the products of a training step."""
    counted = products(model, vocab_size, T, B).items()
    return sum(2 * m * n * k * times for (m, n, k), times in counted)


def gemm_rate(model: ModelConfig, vocab_size: int, T: int, B: int) -> float:
    """Return the GFLOP/s of numpy's matrix product over the products of a training step."""
    counted = products(model, vocab_size, T, B).items()
    seconds = sum(times * _product_seconds(*shape) for shape, times in counted)
    return operations_of_step(model, vocab_size, T, B) / seconds / 1e9


def _product_seconds(m: int, n: int, k: int) -> float:
    """Return the median time of a product; a thin matrix is measured on both sides, and the faster counts."""
    sides = [(m, n), (n, m)] if min(m, n) < THIN else [(m, n)]
    return min(_one_product(a, b, k) for a, b in sides)


def _one_product(m: int, n: int, k: int) -> float:
    rng = np.random.default_rng(0)
    a, b = (rng.random(shape, dtype=np.float32) for shape in ((m, k), (k, n)))
    out = np.empty((m, n), np.float32)
    return statistics.median(timed(lambda: np.matmul(a, b, out=out), 2, 0.05, 3, 1000))


def sampling_rate(model: CharLM, texts: int) -> float:
    """Return how many characters a second the model samples, for some texts side by side."""
    # a vocabulary of the same size in which no symbol ends a text
    vocab = Vocab.from_alphabet("".join(map(chr, range(len(model.vocab)))), eos=False)
    rngs = [np.random.default_rng(k) for k in range(texts)]
    count = 0
    with Predictor(model) as predict:
        parts = sampling.streams(predict.sample, vocab, rngs, limit=sys.maxsize)

        def step() -> None:
            nonlocal count
            for _ in range(texts):
                count += len(next(parts).characters)

        for _ in range(WARM_UP):
            step()
        count = 0
        seconds = timed(step, 0, SAMPLING_SECONDS, FEWEST, sys.maxsize)
    return count / sum(seconds)


def peak_rss_mb() -> float:
    """Return the most memory that this process has used, in 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere the number may be that of the parent process
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
