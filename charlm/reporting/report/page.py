"""The pages about runs: a report as one file that needs no network, and the parts of the page of a running training."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from charlm import __version__
from charlm.errors import CharlmError, import_extra
from charlm.reporting import charts, coloured
from charlm.reporting.charts import Chart, Line, thinned
from charlm.reporting.report.facts import Facts, differences, scored
from charlm.reporting.report.looks import Look, look
from charlm.text.symbols import written
from charlm.wording import counted, cut, duration, fixed

SAMPLES, SAMPLE, EXCERPT = 60, 1_000, 280
"""The most samples of a run, the most characters of one, and of the one on the first screen."""
SCORES = 100
"""The most rows of a table of scores."""
MOST_CONFIG = 20_000
"""The most characters of a config that are shown."""


@dataclass(frozen=True)
class RunPart:
    """The part of a report about one run.

    Attributes:
        number: its place among the runs, from 1; ids in the page contain it.
        name: its name, which no other run of the report has.
        facts: what its folder tells.
        look: what its model does with a text, or None.
        left_out: what is not in the report, and why.
        is_best: whether its held-out score is the best of several that can be compared.
    """

    number: int
    name: str
    facts: Facts
    look: Look | None = None
    left_out: tuple[str, ...] = ()
    is_best: bool = False

    @property
    def charts(self) -> list[Chart]:
        """The loss, and the learning rate if it changes."""
        facts = self.facts
        held_out = Line("held out", facts.points("held_out_nll"), dots=True)
        training = Line("training", facts.points("loss"))
        levels = facts.baselines.rows() if facts.baselines else []
        nats, made = f"nats per {facts.unit}", []
        if facts.lines:  # a loss of whole lines has another scale than a score of characters
            made.append(self._chart("loss", "Training loss", "nats per line", [training]))
            made.append(self._chart("score", "Held-out score", nats, [held_out], levels))
        else:
            made.append(self._chart("loss", "Loss", nats, [training, held_out], levels))
        rates = facts.points("learning_rate")
        if len({rate for _, rate in rates}) > 1:
            rate = Line("learning rate", rates)
            made.append(self._chart("rate", "Learning rate", "learning rate", [rate]))
        return [chart for chart in made if any(line.points for line in chart.lines)]

    @property
    def look_charts(self) -> list[Chart]:
        """How far back the model looks."""
        if self.look is None:
            return []
        seen, unit = self.look.horizon, self.facts.unit
        lags = [*enumerate(seen.gradients.tolist(), 1)]
        context, ngrams = [*seen.context.items()], [*self.look.ngrams.items()]
        return [
            Chart(
                f"run-{self.number}-lag",
                "How much a character matters, by its distance",
                f"{unit}s back",
                "size of the gradient",
                [Line("gradient", lags)],
                log_x=True,
                log_y=True,
            ),
            Chart(
                f"run-{self.number}-context",
                "Score with less context",
                f"{unit}s of context",
                f"bits per {unit}",
                [Line("this model", context, dots=True), Line("n-grams", ngrams, dots=True)],
                [("all", seen.whole)],
                log_x=True,
            ),
        ]

    @property
    def rate(self) -> str:
        """The learning rate in words, if it did not change; else nothing."""
        rates = {rate for _, rate in self.facts.points("learning_rate")}
        return f"The learning rate is {rates.pop():g} throughout." if len(rates) == 1 else ""

    @property
    def ladder(self) -> list[tuple[str, float, float, bool]]:
        """The best score among the baselines, the worst first: name, nats, share of the largest, own or not."""
        best, baselines = self.facts.best, self.facts.baselines
        rows = [] if baselines is None else [(*row, False) for row in baselines.rows()]
        rows += [] if best is None else [("this model", best.loss, True)]
        most = max((nll for _, nll, _ in rows), default=1.0) or 1.0
        ordered = sorted(rows, key=lambda row: -row[1])
        return [(name, nll, max(0.0, nll / most), own) for name, nll, own in ordered]

    @property
    def samples(self) -> list[tuple[int, str]]:
        """Some samples, the first and the last among them, with their steps."""
        samples = self.facts.samples
        every = (len(samples) - 1) / max(1, min(SAMPLES, len(samples)) - 1)
        kept = sorted({round(place * every) for place in range(min(SAMPLES, len(samples)))})
        return [(samples[place][0], visible(cut(samples[place][1], SAMPLE))) for place in kept]

    @property
    def excerpt(self) -> str:
        """The beginning of the last sample."""
        return cut(self.facts.samples[-1][1], EXCERPT) if self.facts.samples else ""

    @property
    def score(self) -> str:
        """The best held-out score, or else the last loss."""
        facts = self.facts
        if facts.best is not None:
            return f"{fixed(facts.best.loss, 2)} nats/{facts.unit}"
        if facts.history.losses:
            unit = "line" if facts.lines else facts.unit
            return f"{fixed(facts.history.losses[-1].loss, 2)} nats/{unit}"
        return "no score yet" if facts.status.state == "running" else "no score"

    @property
    def score_note(self) -> str:
        """What the score is."""
        best = self.facts.best
        if best is not None:
            score = scored(best.loss, self.facts.unit)
            return f"The best held-out score: {score}, at step {best.step:,}. Less is better."
        if self.facts.history.losses:
            return "The last training loss. Nothing was held out, so this says nothing about other texts."
        return "The run has logged no loss."

    @property
    def scores(self) -> Sequence[tuple[float, float]]:
        """The held-out scores with their steps; of many only some."""
        return thinned(self.facts.points("held_out_nll"), SCORES // 2)

    @property
    def config_path(self) -> str:
        """The path of the config, for a shell."""
        return shlex.quote(str(self.facts.directory.config))

    @property
    def environment(self) -> list[tuple[str, str]]:
        """The facts about the run's software and text."""
        simple = {k: v for k, v in self.facts.meta.items() if k not in ("command", "resumed")}
        return [(key.replace("_", " "), _plain(value)) for key, value in simple.items()]

    @property
    def commands(self) -> list[tuple[str, str]]:
        """When the run was started and resumed, with which command."""
        meta = self.facts.meta
        sessions = [("started", meta)] if meta.get("command") else []
        sessions += [
            (f"resumed at step {again['step']:,}", again) for again in meta.get("resumed", [])
        ]
        return [
            (f"{what} {at.get('started') or ''}".strip(), at["command"]) for what, at in sessions
        ]

    @property
    def config_text(self) -> str:
        """The config."""
        return cut(self.facts.config_text, MOST_CONFIG)

    def _chart(
        self,
        name: str,
        title: str,
        y: str,
        lines: list[Line],
        levels: Sequence[tuple[str, float]] = (),
    ) -> Chart:
        return Chart(f"run-{self.number}-{name}", title, "step", y, lines, levels)


@dataclass(frozen=True)
class Report:
    """A report: the HTML page, and its parts about runs."""

    html: str
    runs: list[RunPart]


def report(paths: Sequence[Path]) -> Report:
    """Return the report about some runs.

    Raises:
        MissingExtraError: jinja2 is not installed.
        CheckpointError: there is no run in a path.
    """
    templates()
    read = [Facts.read(path) for path in paths]
    differ = differences(read)
    scores = [facts.best.loss for facts in read if facts.best is not None]
    best = min(scores) if len(scores) > 1 and not differ else None
    names = [facts.name for facts in read]
    parts = []
    for number, facts in enumerate(read, 1):
        seen, left_out = _look(facts)
        unique = facts.name if names.count(facts.name) == 1 else str(facts.directory.path)
        is_best = best is not None and facts.best is not None and facts.best.loss == best
        problems = (*left_out, *facts.problems)
        parts.append(RunPart(number, unique, facts, seen, problems, is_best))
    html = rendered(
        "report.html",
        runs=parts,
        differences=differ,
        comparison=[] if len(parts) == 1 or differ else comparison_charts(parts),
        made=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        version=__version__,
    )
    return Report(html, parts)


def live(path: Path) -> str:
    """Return the parts of the page of a running training that change.

    Raises:
        CheckpointError: the run is gone.
    """
    facts = Facts.read(path)
    return rendered("live_main.html", run=RunPart(1, facts.name, facts, None, facts.problems))


def comparison_charts(parts: Sequence[RunPart]) -> list[Chart]:
    """Return the held-out scores of some runs against the step and against the time, beside the baselines."""
    facts = [part.facts for part in parts]
    most = max((run.seconds for run in facts), default=0.0)
    unit, seconds = (
        ("hours", 3600) if most > 10_000 else ("minutes", 60) if most > 200 else ("seconds", 1)
    )
    baselines = next((run.baselines for run in facts if run.baselines), None)
    levels = baselines.rows() if baselines else []
    charts = []
    for against, x, size in (("step", "step", 1), ("seconds", unit, seconds)):
        lines = [
            Line(
                part.name,
                [(at / size, nll) for at, nll in part.facts.points("held_out_nll", against)],
                dots=True,
            )
            for part in parts
        ]
        title = f"Held-out score against the {'step' if against == 'step' else 'time'}"
        charts.append(Chart(f"all-{against}", title, x, f"nats per {facts[0].unit}", lines, levels))
    return [chart for chart in charts if any(line.points for line in chart.lines)]


def rendered(template: str, **content: Any) -> str:
    """Return a template of this package with its content; texts are escaped.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    page: str = templates().get_template(template).render(**content)
    return page


@cache
def templates() -> Any:
    """Return the templates of this package.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    jinja2 = import_extra("jinja2", "a report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_part),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "counted": counted,
        "duration": duration,
        "fixed": fixed,
        "json": coloured.script_data,
        "visible": visible,
    }
    environment.filters.update(filters)
    environment.globals.update(charts=charts, coloured=coloured)
    return environment


def visible(text: str) -> str:
    r"""Return a text whose control characters can be seen; line ends stay.

    Example:
        >>> visible("a\x1b\tb\nc")
        'a\\x1b\\tb\nc'
    """
    return "\n".join("".join(map(written, line)) for line in text.split("\n"))


def _look(facts: Facts) -> tuple[Look | None, tuple[str, ...]]:
    """Return what the model of a run does with a text, or why that is left out."""
    try:
        return look(facts.directory.path), ()
    except (CharlmError, MemoryError) as error:
        reason = str(error) or "it does not fit in memory"
        return None, (f"the surprisal of a text and what the model looks at: {reason}",)


def _plain(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _part(name: str) -> str:
    return files("charlm.reporting.report").joinpath(name).read_text(encoding="utf-8")
