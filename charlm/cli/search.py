"""`charlm search`: check what is asked for and run the search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from charlm.cli.options.settings import overrides_of
from charlm.cli.train import config_asked_for
from charlm.config import Override
from charlm.config.rules import checked, duration, seconds_of
from charlm.errors import import_extra
from charlm.search.small import share_of
from charlm.search.space import parse
from charlm.threads import use_threads

TRIALS = 10
"""For each parameter, by default."""


def search(
    obj: dict[str, Any],
    /,
    arguments: tuple[str, ...],
    params: tuple[str, ...],
    trials: int | None,
    max_time: str | None,
    budget: str | None,
    confirm: int,
    seed: int,
    output: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> int:
    """Run ``charlm search`` and return the exit code."""
    space = parse(params)
    overrides: list[str | Override] = [*settings, *overrides_of({"threads": obj["threads"]})]
    config, note = config_asked_for(arguments, overrides, command="search")
    seconds = None if max_time is None else seconds_of(checked(duration, "--max-time", max_time))
    share = None if budget is None else share_of(budget, config.train)
    import_extra("optuna", "charlm search")
    if config.train.threads is not None:
        use_threads(config.train.threads)
    # not earlier: this imports numpy, which then reads the number of threads
    from charlm.cli.live.search import SearchOptions, run

    options = SearchOptions(
        folder=output or Path("searches", config.name),
        trials=trials or TRIALS * len(space.parameters),
        seed=seed,
        confirm=confirm,
        seconds=seconds,
        share=share,
    )
    return run(config, space, options, obj, note, as_json)
