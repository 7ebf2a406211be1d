"""`charlm bench`: how fast a model is on this machine, and how long a run will take."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import click

from charlm.cli.live.ranks import on_all_ranks
from charlm.cli.options.settings import overrides_of
from charlm.cli.terminal.layout import table
from charlm.cli.terminal.phrases import json_line
from charlm.config import Override, RunConfig, load_config, needs_text
from charlm.ranks import Ranks
from charlm.threads import use_threads
from charlm.wording import counted, duration

if TYPE_CHECKING:
    from charlm.benchmark import Measured, Shared
    from charlm.training.loop import Training

NETWORKS = (1, 10, 100)
"""Speeds of common networks, in Gbit/s."""
VOCABULARY = 65
"""Symbols of a random text: as many as an English text has."""


def bench(obj: dict[str, Any], /, **options: Any) -> int:
    """Run ``charlm bench`` and return the exit code."""
    return on_all_ranks(obj, partial(_bench, obj, **options))


def _bench(
    obj: dict[str, Any],
    world: Ranks | None,
    /,
    config: str | None,
    vocab: int | None,
    steps: int | None,
    ranks: int | None,
    as_json: bool,
    **flags: str | None,
) -> int:
    overrides = overrides_of({**flags, "threads": obj["threads"]})
    run = _config(config, overrides)
    if run.train.threads is not None:
        use_threads(run.train.threads)
    # not earlier: this imports numpy, which then reads the number of threads
    from charlm.benchmark import MOST, measure, measure_shared, part_of, prepared, random_text

    text = None
    shape = {"data.batch_size", "data.seq_length"} & {override.key for override in overrides}
    if needs_text(config or "text") or vocab or shape:
        run, text = random_text(run, vocab or VOCABULARY)
    if steps is None and config is not None:
        steps = run.train.steps
    most = MOST if steps is None else steps
    with nullcontext() if world is None else world.resting():
        training = prepared(run, text, steps)
        measured = measure(training, most)
    shared = None
    if world is not None:
        shared = measure_shared(prepared(run, text, steps, world), world.size, most)
    elif ranks is not None:
        shared = measure_shared(prepared(part_of(run, ranks), text, steps), ranks, most)
    if as_json:
        click.echo(json_line({**asdict(measured), **({} if shared is None else asdict(shared))}))
    else:
        click.echo(report(training, measured, steps, shared))
    return 0


def _config(source: str | None, overrides: list[Override]) -> RunConfig:
    """Return the config with the options; a hidden size without an embedding size sets both."""
    sizes = {o.key: o for o in overrides if o.key in ("model.hidden_dim", "model.embed_dim")}
    if list(sizes) == ["model.hidden_dim"]:
        overrides = [*overrides, attrs.evolve(sizes["model.hidden_dim"], key="model.embed_dim")]
    return load_config(source or "text", overrides=overrides)


def report(
    training: Training, measured: Measured, steps: int | None, shared: Shared | None = None
) -> str:
    """Return the measurements as text."""
    from charlm.lm.model import described

    model, m = training.model, measured
    characters = training.corpus.characters_per_step * training.config.train.accumulate
    about = [
        f"{described(model.config)}, {counted(len(model.vocab), 'symbol')}, "
        f"{counted(model.parameter_count(), 'parameter')}",
        f"{counted(int(characters), 'character')} a step; {training.config.train.trainer}; "
        f"kernels {m.kernels}, threads {m.threads}",
        "",
    ]
    one, many = m.sample_chars_per_second, m.sample_chars_per_second_batch
    compared = beside_numpy(m.gemm_share, m.gemm_gflop_per_second)
    rows = [
        ("time per step", f"{m.ms_per_step:,.2f} ms, +- {m.ms_per_step_mad:.2f}"),
        ("training", f"{m.chars_per_second:,.0f} characters/s"),
        ("arithmetic", f"{m.gflop_per_second:,.1f} GFLOP/s, {compared}"),
        ("sampling", f"{one:,.0f} characters/s for one text, {many:,.0f} for many at once"),
        ("memory", f"{m.peak_rss_mb:,.0f} MB at most"),
    ]
    if steps is not None:
        takes = "takes" if steps == 1 else "take"
        run = f"{counted(steps, 'step')} {takes} {duration(steps * m.ms_per_step / 1000)}"
        rows.append(("a run", run))
    if shared is not None:
        rows += _of_ranks(shared, m.ms_per_step)
    return "\n".join([*about, table(rows, "<=")])


def _of_ranks(shared: Shared, alone: float) -> list[tuple[str, str]]:
    """Return the rows on ranks that share a step which takes one process ``alone`` ms."""

    def step(ms: float) -> str:
        gain = alone / ms
        compared = (
            f"{gain:,.2g} times as fast as one process" if gain > 1 else "slower than one process"
        )
        return f"{ms:,.2f} ms a step, {compared}"

    rows = []
    if shared.ms_per_step_shared is not None and shared.sum_ms is not None:
        part = shared.sum_ms / shared.ms_per_step_shared
        rows.append((f"{shared.ranks} ranks here", step(shared.ms_per_step_shared)))
        rows.append(
            ("  of it network", f"{shared.sum_ms:,.2f} ms, {min(1.0, part):.0%}, to sum gradients")
        )
    else:
        rows.append(
            (f"1/{shared.ranks} of a step", f"{shared.ms_per_step_part:,.2f} ms, without a network")
        )
    rows.append(("gradients", f"{shared.sum_mb:,.2f} MB to send and to receive for each step"))
    rows += [(f"at {speed} Gbit/s", step(shared.ms_at(speed))) for speed in NETWORKS]
    return rows


def beside_numpy(share: float, reached: float) -> str:
    """Compare the speed of the arithmetic with numpy's matrix product, which reached ``reached`` GFLOP/s.

    Example:
        >>> beside_numpy(0.5, 60.0)
        "50% of the speed of numpy's matrix product on these sizes (60.0)"
    """
    whose = f"the speed of numpy's matrix product on these sizes ({reached:,.1f})"
    if share <= 1:
        return f"{share:.0%} of {whose}"
    return (
        f"{share:,.1f} times {whose}: "
        "charlm's own product is faster here, or other programs slowed numpy down"
    )
