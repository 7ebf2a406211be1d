"""The report of models that are judged on held-out text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import attrs

from charlm.baselines.counting import nll_to_bpc
from charlm.baselines.measure import Baselines
from charlm.comparison.judging import Judgement, judge_held_out
from charlm.comparison.results import BlockScores, MemberResult, Results
from charlm.comparison.statistics import CONFIDENCE, Difference, Scores
from charlm.config import Reference
from charlm.reporting.comparison.report import Curve, Panel, Report, Table, shown_sample
from charlm.reporting.comparison.words import PERCENT, interval_in_words, verdict_in_words
from charlm.wording import counted, fixed, short

JUDGED_BY = "held-out text"
METRICS = ("bpc", "bits_per_byte", "parameters", "seconds")
"""What conditions can be about."""
_USED = {
    "steps": attrgetter("step"),
    "characters": attrgetter("characters"),
    "seconds": attrgetter("seconds"),
}
"""What a training used until a score."""


def held_out_report(
    results: Results,
    measured: Baselines | None = None,
    references: Sequence[Reference] = (),
) -> Report:
    """Return the report of results that all have a held-out score.

    Args:
        results: of the members.
        measured: models without a network on the symbols of the first model; not shown if the score of
            ``results`` is of another part of the text.
        references: known scores of the text.
    """
    judgement = judge_held_out(results)
    baselines = _baselines(results, judgement.unit, measured)
    known = _known(results, judgement.unit, references)
    levels = {**baselines, **known}
    note = _about_baselines(measured) if baselines and measured else ""
    note += f" Known from the config: {', '.join(known)}." if known else ""
    ranking = judgement.ranking
    words = verdict_in_words(judgement, results.finished)
    members = [member for name in judgement.scores for member in results.of(name)]
    return Report(
        title=results.name,
        verdict=words,
        tables=(
            _models(results, judgement, levels, note),
            *([_leads(judgement)] if ranking.leads else []),
        ),
        samples_title="Samples of the best weights, with the first seed",
        samples={name: _sample(results.of(name)) for name in judgement.scores},
        notes=results.all_notes,
        panels=_panels(members, judgement.unit, levels),
        best=ranking.best,
        metrics={name: _metrics(results.of(name)) for name in judgement.scores},
        rows=(
            *(_row(member, judgement.unit) for member in members),
            *(_baseline_row(name, bits, judgement.unit) for name, bits in levels.items()),
        ),
        data={
            "name": results.name,
            "judged_by": JUDGED_BY,
            "unit": f"bits per {judgement.unit}",
            "verdict": {
                "best": ranking.best,
                "winner": ranking.winner,
                "confidence": CONFIDENCE,
                "words": words,
            },
            "models": [
                {"name": name, "mean": scores.mean, "std": scores.std}
                for name, scores in judgement.scores.items()
            ],
            "members": [*map(_member_data, results.members)],
            "leads": [_lead_data(name, lead) for name, lead in ranking.leads.items()],
            "baselines": dict(baselines),
            "references": known,
            "missing": [attrs.asdict(missing) for missing in results.missing],
            "notes": list(results.notes),
        },
    )


def _models(
    results: Results, judgement: Judgement, levels: Mapping[str, float], note: str
) -> Table:
    rows = []
    for name, scores in judgement.scores.items():
        of_name = results.of(name)
        used = [_mean(of_name, what) for what in ("steps", "characters", "seconds")]
        rows.append(
            (
                name,
                f"{of_name[0].parameters:,}",
                str(len(of_name)),
                _spread(scores),
                f"{used[0]:,.0f}",
                f"{used[1]:,.0f}",
                short(used[2], 3),
            )
        )
    rows += [(name, "", "", fixed(bits), "", "", "") for name, bits in levels.items()]
    best = judgement.scores[judgement.ranking.best]
    size = counted(int(best.units_K.sum()), judgement.unit)
    return Table(
        title="Scores of the held-out text",
        head=(
            "model",
            "parameters",
            "seeds",
            f"bits/{judgement.unit}",
            "steps",
            "characters",
            "seconds",
        ),
        rows=tuple(rows),
        note=(
            f"bits/{judgement.unit}: of the held-out text, {size} in {counted(len(best.units_K), 'block')}, "
            "with the best weights of each training; mean+-standard deviation over seeds. Lower is better. "
            f"steps, characters, seconds: of a training, the mean over seeds.{note}"
        ),
    )


def _leads(judgement: Judgement) -> Table:
    best, leads = judgement.ranking.best, judgement.ranking.leads
    together = "all intervals together are right" if len(leads) > 1 else "it is right"
    return Table(
        title=f"How much better {best} is",
        head=("than", f"bits/{judgement.unit}", f"{PERCENT} interval", "seeds ahead", "shown"),
        rows=tuple(
            (
                name,
                fixed(lead.mean),
                interval_in_words(lead),
                f"{lead.ahead:.0%}",
                "yes" if lead.shown else "no",
            )
            for name, lead in leads.items()
        ),
        note=(
            f"{PERCENT} interval: of the true difference; {together} in {PERCENT} of comparisons. seeds ahead: "
            f"of all pairs of a seed of each model, the share in which {best} is better. shown: whether the "
            "interval excludes 0."
        ),
    )


def _baselines(results: Results, unit: str, measured: Baselines | None) -> dict[str, float]:
    """Return the bits of the baselines per unit of the text."""
    first = results.of(results.models[0])[:1]
    if measured is None or not first:
        return {}
    if not measured.sampled and measured.held_out_characters != _scored(first[0]).symbols:
        return {}
    factor = _per_unit(first[0], unit)
    return {name: nll_to_bpc(nll * factor) for name, nll in measured.rows()}


def _known(results: Results, unit: str, references: Sequence[Reference]) -> dict[str, float]:
    """Return the bits of known scores per unit of the text."""
    first = results.of(results.models[0])[:1]
    if not first:
        return {}
    scored = _scored(first[0])
    factor = sum(scored.characters) / sum(scored.bytes) if unit == "byte" else 1.0
    return {reference.name: nll_to_bpc(reference.nll * factor) for reference in references}


def _about_baselines(measured: Baselines) -> str:
    sample = f", {measured.sample_note}" if measured.sampled else ""
    return f" The rows below the models are baselines without a network{sample}: see `charlm baseline`."


def _spread(scores: Scores) -> str:
    return fixed(scores.mean) + ("" if scores.std is None else f"+-{fixed(scores.std)}")


def _mean(members: Sequence[MemberResult], what: str) -> float:
    return statistics.fmean(getattr(member, what) for member in members)


def _sample(members: Sequence[MemberResult]) -> str:
    return shown_sample(members[0].sample, members[0].sample_complete)


def _scored(member: MemberResult) -> BlockScores:
    assert member.held_out is not None  # they are judged by it
    return member.held_out


def _bits(member: MemberResult, unit: str) -> float:
    scored = _scored(member)
    units = scored.bytes if unit == "byte" else scored.characters
    return nll_to_bpc(sum(scored.nats) / sum(units))


def _metrics(members: Sequence[MemberResult]) -> dict[str, float]:
    return {
        "bpc": statistics.fmean(_bits(member, "character") for member in members),
        "bits_per_byte": statistics.fmean(_bits(member, "byte") for member in members),
        "parameters": members[0].parameters,
        "seconds": _mean(members, "seconds"),
    }


def _panels(
    members: Sequence[MemberResult], unit: str, levels: Mapping[str, float]
) -> tuple[Panel, ...]:
    scored = [(member, _per_unit(member, unit)) for member in members if member.scores]
    if not scored:
        return ()
    return tuple(
        Panel(
            x=what,
            y=f"bits per {unit} of the held-out text",
            curves=tuple(
                Curve(
                    member.name,
                    tuple((used(at), nll_to_bpc(at.nll * factor)) for at in member.scores),
                )
                for member, factor in scored
            ),
            levels=tuple(levels.items()),
        )
        for what, used in _USED.items()
    )


def _per_unit(member: MemberResult, unit: str) -> float:
    """Return the symbols of a model in a unit of the text."""
    scored = _scored(member)
    return scored.symbols / sum(scored.bytes if unit == "byte" else scored.characters)


def _row(member: MemberResult, unit: str) -> dict[str, Any]:
    return {
        "model": member.name,
        "seed": member.seed,
        f"bits_per_{unit}": _bits(member, unit),
        "parameters": member.parameters,
        "steps": member.steps,
        "characters": member.characters,
        "seconds": member.seconds,
    }


def _baseline_row(name: str, bits: float, unit: str) -> dict[str, Any]:
    row = dict.fromkeys(
        ("model", "seed", f"bits_per_{unit}", "parameters", "steps", "characters", "seconds")
    )
    return row | {"model": name, f"bits_per_{unit}": bits}


def _member_data(member: MemberResult) -> dict[str, Any]:
    units = {"bpc": "character", "bits_per_byte": "byte"}
    return attrs.asdict(member) | {name: _bits(member, unit) for name, unit in units.items()}


def _lead_data(name: str, lead: Difference) -> dict[str, Any]:
    low, high = lead.interval if math.isfinite(lead.half) else (None, None)
    return {
        "over": name,
        "mean": lead.mean,
        "low": low,
        "high": high,
        "ahead": lead.ahead,
        "shown": lead.shown,
    }
