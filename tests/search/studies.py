"""Searches of tiny models on a short text, and studies of a formula."""

from __future__ import annotations

from pathlib import Path

from charlm.config import load_config
from charlm.search.search import Search, TrialEnded
from charlm.search.space import parse
from charlm.search.study import Study

TEXT = "It was late, and the old house by the river was quiet. A fox sat there.\n" * 12
SMALL = (
    *(
        "model.hidden_dim=6",
        "model.embed_dim=4",
        "model.dropout=0",
        "data.batch_size=2",
        "data.seq_length=8",
    ),
    *(
        "train.max_time=null",
        "train.steps=20",
        "train.warmup=0",
        "train.kernels=numpy",
        "train.average=0",
    ),
)


def config(folder: Path, *overrides: str):
    text = folder / "novel.txt"
    text.write_text(TEXT)
    return load_config("small", texts=[text], overrides=[*SMALL, *overrides])


def search(
    folder: Path, *params: str, overrides: tuple[str, ...] = (), **options: object
) -> Search:
    place = folder / "search"
    place.mkdir(exist_ok=True)
    return Search(
        config(folder, *overrides), parse(params), place, **{"trials": 4, "confirm": 1, **options}
    )


def ended(search: Search):
    """Run a search to its end; return the trials that it trained."""
    return [event.trial for event in search.events() if isinstance(event, TrialEnded)]


def study(folder: Path, *params: str, most: int = 20, seed: int = 0, **options: object) -> Study:
    folder.mkdir(exist_ok=True)
    others = {"plan": {}, "first": None, "share": 1.0, **options}
    return Study(folder, parse(params or ("train.clip_norm=0..1",)), most=most, seed=seed, **others)


def minimise(study: Study, most: int | None = None) -> list[float]:
    """Give the trials of a study the score (x - 0.3) ** 2; return what was proposed for x."""
    proposed: list[float] = []
    while (most is None or len(proposed) < most) and (running := study.ask()) is not None:
        x = running.values["train.clip_norm"]
        running.end("complete", (x - 0.3) ** 2, steps=1)
        proposed.append(x)
    return proposed
