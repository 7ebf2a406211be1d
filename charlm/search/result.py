"""The result of a search: its trials, the best of them, and scores from fresh seeds."""

from __future__ import annotations

import statistics
from typing import Any

import attrs

from charlm.config import RunConfig
from charlm.search.study import Trial


@attrs.frozen(kw_only=True)
class Fresh:
    """Scores of a config with seeds that no trial had, in nats per symbol; ``reasons`` why others have none."""

    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    reasons: tuple[str, ...] = ()

    @property
    def mean(self) -> float | None:
        """The mean score; None without scores."""
        return statistics.fmean(self.scores) if self.scores else None


@attrs.frozen(kw_only=True)
class SearchResult:
    """The result of a search.

    Attributes:
        trials: all of them, in their order.
        best: the complete trial with the lowest score; None if no trial is complete.
        importance: of each parameter, the largest first, as parts of 1; empty if there are too few trials to tell.
        fresh: scores of ``best`` from fresh seeds; None if the search stopped before.
        fresh_base: those of the config as it is.
        config: the config with the values of the best trial, if there is one.
        share: the part of the config's training that a trial is.
        unit: of the text: character or byte.
    """

    trials: tuple[Trial, ...]
    best: Trial | None
    importance: dict[str, float]
    fresh: Fresh | None
    fresh_base: Fresh | None
    config: RunConfig
    share: float
    unit: str

    @property
    def differences(self) -> tuple[float, ...]:
        """The fresh scores of the best less those of the config as it is, for each seed that both have."""
        if self.fresh is None or self.fresh_base is None:
            return ()
        before = dict(zip(self.fresh_base.seeds, self.fresh_base.scores, strict=True))
        mine = zip(self.fresh.seeds, self.fresh.scores, strict=True)
        return tuple(score - before[seed] for seed, score in mine if seed in before)

    @property
    def is_better(self) -> bool:
        """Whether the best trial's config is better than the config as it is with every fresh seed."""
        return bool(self.differences) and max(self.differences) < 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for ``--json``."""
        return {
            "trials": [attrs.asdict(trial) for trial in self.trials],
            "best": None if self.best is None else self.best.number,
            "search_score": None if self.best is None else self.best.score,
            "fresh": None if self.fresh is None else attrs.asdict(self.fresh),
            "fresh_base": None if self.fresh_base is None else attrs.asdict(self.fresh_base),
            "differences": list(self.differences),
            "is_better": self.is_better,
            "importance": self.importance,
            "share": self.share,
            "unit": f"nats/{self.unit}",
        }
